"""What goes back by itself, and what only a person may want back: a rollback's undo deploys the bad release again."""

from datetime import timedelta

import pytest
from tools.crds_parts import WISH

from build import GOOD, entry, incident, roll_back, scale_to
from cel import evaluate
from objects import HELD, steered
from stanch.api.incident_status import UndoClass, WishState
from stanch.api.wish import ONLY_WHEN_ASKED, Revert
from stanch.core.reverts import unfit
from stanch.mitigations import ALL
from world import World, bad_deploy, healthy

ON_RESOLVED = {"revert": "OnResolved"}
RULE = next(rule for rule in WISH if rule.field == ".revert")


def as_once(there: World, name: str = "roll-back", revert: Revert = Revert.ON_RESOLVED) -> World:
    """The record says what was taken before it was refused."""
    records = tuple(
        r.model_copy(update={"asked": r.asked.model_copy(update={"revert": revert})}) if r.name == name else r
        for r in there.incident.status.mitigations
    )
    status = there.incident.status.model_copy(update={"mitigations": records})
    there.incident = there.incident.model_copy(update={"status": status})
    return there


def test_the_list_is_what_the_mitigations_say_of_their_undo() -> None:
    """One place says it for admission and for the plan; another action can't be forgotten."""
    assert {m.name for m in ALL if m.undo_class is not UndoClass.AUTO} == set(ONLY_WHEN_ASKED)


@pytest.mark.parametrize("mitigation", ALL, ids=lambda m: m.name)
@pytest.mark.parametrize("revert", [None, *Revert])
def test_admission_and_the_plan_refuse_the_same(mitigation, revert) -> None:
    """All but Ask, for what a machine can't take back whole."""
    said = {mitigation.name: {}} | ({"revert": revert.value} if revert else {})
    taken = evaluate(RULE.rule, {"self": said})
    assert taken is (unfit(mitigation.name, revert) is None)
    assert taken is (revert in (None, Revert.ASK) or mitigation.undo_class is UndoClass.AUTO)


@pytest.mark.parametrize("revert", ["OnResolved", "OnExpiry"])
@pytest.mark.parametrize("asked", [roll_back(), {"name": "roll-back", "rolloutRestart": {}}], ids=["back", "again"])
def test_what_would_never_go_back_by_itself_is_not_begun(asked, revert) -> None:
    """An older schema takes it; the plan names the field and what would be right."""
    there = bad_deploy(incident(asked | {"revert": revert})).run(seconds=20)
    record = there.record("roll-back")
    assert (WishState.REFUSED, "Preflight", []) == (record.state, record.reason, there.effects)
    assert f"revert must be Ask, or left out, for {record.action} (got {revert})" in record.message


def test_a_rollback_stays_when_it_is_resolved() -> None:
    """Chosen when that was taken still: the bad release is not deployed again while nobody looks."""
    there = as_once(bad_deploy(incident(roll_back(), recovery={"hold": "30s"})).run(seconds=10)).run(minutes=30)
    assert ("True Held", GOOD, 1) == (there.condition("Resolved"), there.image, len(there.effects))
    assert WishState.DONE is there.record("roll-back").state


def test_a_drained_node_is_given_back_when_a_person_asks() -> None:
    """It is owed as Ask, whatever an older record says."""
    assert unfit("drain", Revert.ON_EXPIRY) is not None
    assert unfit("cordon", Revert.ON_EXPIRY) is None


def test_a_hold_is_not_kept_for_a_rollback_that_stays() -> None:
    """What nobody takes back holds up no hold that was chosen to go; one that was made for the rollback is asked for."""
    freeze = {"name": "freeze", "gitOpsHold": {}, "revert": "OnResolved", "when": "Always"}
    there = as_once(steered(freeze, roll_back()).run(seconds=20)).run(minutes=10)
    assert (WishState.UNDONE, WishState.DONE) == (there.record("freeze").state, there.record("roll-back").state)
    made = as_once(steered().run(seconds=20)).run(minutes=10)
    assert HELD in made.target["metadata"]["labels"]


def resolved(*wishes, **more) -> World:
    """Serving, with what was asked for in force; resolved after half a minute."""
    there = healthy(incident(*wishes, severity="SEV4", recovery={"hold": "30s"}, **more)).run(minutes=4)
    assert "True Held" == there.condition("Resolved")
    return there


def bad(there: World) -> World:
    """From now on nobody is served."""
    there.target["status"]["availableReplicas"] = 0
    there.controller_works = False
    return there


def test_harm_after_a_revert_that_was_chosen_long_before_is_a_relapse() -> None:
    """Nobody looked when it went back; that it went back is no word that harm is wanted."""
    there = resolved(scale_to(4, revert="OnResolved"))
    assert WishState.UNDONE is there.record("size").state
    assert "Reopened" in bad(there).run(minutes=30).kinds()


def test_harm_after_an_undo_that_somebody_asked_for_is_as_they_want_it() -> None:
    """They know what it was for, and are there."""
    there = resolved(scale_to(4))
    there.say(entry("alice", after=timedelta(minutes=5), undo={"mitigation": "size"})).run(minutes=2)
    assert WishState.UNDONE is there.record("size").state
    assert "Reopened" not in bad(there).run(minutes=30).kinds()
