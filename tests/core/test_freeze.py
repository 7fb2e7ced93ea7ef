"""Guard 1: what a freeze stops, what goes on, and what is so afterwards. The leash that enforces it: tests/attack."""

from datetime import timedelta

import pytest

from build import BAD, GOOD, entry, incident, roll_back
from core.test_removals import drain, owned
from stanch.api.meta import TargetKind
from stanch.core.commands import Remove
from stanch.core.freeze import FROZEN_WORDS, question
from stanch.core.observations import Outcome, OutcomeKind
from stanch.core.ports import Aim
from world import World, bad_deploy

HALTED, UNDO_ONLY = ("mitigations", "undos"), ("mitigations",)
SOON = timedelta(seconds=8)


def _undone(frozen: tuple[str, ...]) -> World:
    world = bad_deploy(incident(roll_back())).run(seconds=5)
    world.frozen = frozen
    return world.say(entry("alice", after=SOON, undo={"mitigation": "roll-back"})).run(seconds=10)


@pytest.mark.parametrize("frozen", [HALTED, UNDO_ONLY], ids=["Halted", "UndoOnly"])
def test_nothing_new_starts_in_a_freeze_and_it_starts_after(frozen: tuple[str, ...]) -> None:
    """Held with the line that finds the binding; nobody has to ask again."""
    world = bad_deploy(incident(roll_back()))
    world.frozen = frozen
    world.run(seconds=20)
    record = world.record("roll-back")
    assert ("Frozen", [], BAD) == (record.reason, world.effects, world.image)
    assert "rolebindings -n shop" in record.message
    world.frozen = ()
    assert GOOD == world.run(seconds=30).image


def test_undo_only_lets_undos_through() -> None:
    """What was done can still be taken back."""
    assert BAD == _undone(UNDO_ONLY).image


def test_halted_stops_undos_too_until_it_is_over() -> None:
    """Its wish is kept."""
    world = _undone(HALTED)
    assert ("Frozen", GOOD) == (world.record("roll-back").reason, world.image)
    world.frozen = ()
    assert BAD == world.run(seconds=30).image


def test_the_id_of_an_undo_tells_the_leash_that_it_is_one() -> None:
    """And that of a mitigation never looks like one: hex digits hold no u."""
    first, second = _undone(()).record("roll-back").attempts
    assert second.undoes == first.id
    assert (False, True, 16) == (first.id.startswith("u"), second.id.startswith("u"), len(second.id))


def test_a_freeze_between_the_word_and_the_deed_loses_nothing() -> None:
    """The leash refused what was written down: nothing was done, and it starts over once it may."""
    world = bad_deploy(incident(roll_back())).about_to_act()
    world.frozen = HALTED
    world.perform = lambda _: Outcome(OutcomeKind.REFUSED, 403, f"{FROZEN_WORDS} in namespace shop")
    world.go_on()
    world.run(seconds=20)
    record = world.record("roll-back")
    assert ("Frozen", []) == (record.reason, world.effects)
    world.frozen = ()
    del world.perform
    assert GOOD == world.run(seconds=40).image


def test_a_refusal_by_the_leash_alone_is_told_as_a_freeze() -> None:
    """The freeze came after the guard had asked."""
    world = bad_deploy(incident(roll_back()))
    world.perform = lambda _: Outcome(OutcomeKind.REFUSED, 403, f"{FROZEN_WORDS} in namespace shop")
    world.run(seconds=2)
    first = world.record("roll-back").attempts[0]
    assert ("Skipped", True) == (first.state.value, first.message.startswith("Frozen"))


def test_a_freeze_stops_a_drain_in_flight_and_it_goes_on_after() -> None:
    """No further pod goes; those that went are gone."""
    world = drain(*(owned(f"web-{i}") for i in range(12)))
    world.look()
    world.frozen = HALTED
    world.run(minutes=2)
    assert 5 == sum(isinstance(c, Remove) for c in world.effects)
    assert FROZEN_WORDS in world.record("act").message
    world.frozen = ()
    world.run(minutes=3)
    assert 12 == sum(isinstance(c, Remove) for c in world.effects)


def test_a_freeze_that_cant_be_asked_holds() -> None:
    """Unknown is not allowed."""
    world = bad_deploy(incident(roll_back()))
    world.frozen = None
    world.run(seconds=40)
    assert [] == world.effects
    assert "Whether stanch is frozen can't be asked" in world.record("roll-back").message


def test_what_was_written_down_is_not_done_in_a_freeze() -> None:
    """Cut off between the word and the deed; who comes next finds the freeze, and does it when that is over."""
    world = bad_deploy(incident(roll_back())).about_to_act()
    world.frozen = HALTED
    assert ("Frozen", []) == (world.run(seconds=20).record("roll-back").reason, world.effects)
    world.frozen = ()
    assert GOOD == world.run(seconds=20).image


@pytest.mark.parametrize(("kind", "namespace"), [(TargetKind.DEPLOYMENT, "shop"), (TargetKind.NODE, None)])
@pytest.mark.parametrize(("undoes", "resource"), [(False, "mitigations"), (True, "undos")])
def test_it_asks_as_the_leash_does(kind: TargetKind, namespace: str | None, undoes: bool, resource: str) -> None:
    """For itself with all of its groups, where the target lives: a binding in one namespace, or of a group, counts."""
    asked = question(Aim(kind, "x", namespace), undoes=undoes)
    assert ("freeze", "stanch.dev", resource, namespace or "") == (
        asked.verb,
        asked.group,
        asked.resource,
        asked.namespace,
    )
    assert "system:serviceaccount:stanch-system:stanch" == asked.username
    groups = {"system:serviceaccounts", "system:serviceaccounts:stanch-system", "system:authenticated"}
    assert groups == set(asked.groups)


def test_only_the_leash_s_own_words_are_a_freeze() -> None:
    """Any other 403 ends the attempt: nobody waits for a binding that is not there."""
    world = bad_deploy(incident(roll_back()))
    world.perform = lambda _: Outcome(OutcomeKind.REFUSED, 403, "images must be signed")
    record = world.run(seconds=10).record("roll-back")
    assert ("Failed", 1, True) == (record.state.value, len(record.attempts), "images must be signed" in record.message)


def test_marks_stay_on_while_it_is_halted() -> None:
    """To take our label off is a write, too: it comes off when that is over, and then the incident is closed."""
    world = bad_deploy(incident({"name": "hold", "rolloutPause": {}})).run(seconds=5)
    world.say(entry("alice", after=SOON, undo={"mitigation": "hold"})).run(seconds=10)
    world.say(entry("alice", after=timedelta(seconds=20), cancel={})).frozen = HALTED
    world.run(minutes=2)
    assert ("stanch.dev/action" in world.target["metadata"]["labels"], world.incident.status.times.closed) == (
        True,
        None,
    )
    world.frozen = ()
    world.run(minutes=2)
    assert "stanch.dev/action" not in world.target["metadata"]["labels"]
