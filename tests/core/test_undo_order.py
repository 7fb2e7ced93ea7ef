"""What was done last goes back first, a hold after all that it held, and our own next write is no third party."""

from datetime import timedelta

from build import GOOD, entry, incident, roll_back, scale_to
from objects import FLUX, HELD, steered
from stanch.api.incident_status import AttemptState, WishState
from stanch.core.observations import Outcome, OutcomeKind
from world import World, bad_deploy, healthy

CHECKOUT = {"kind": "Deployment", "name": "checkout"}


def say(world: World, **said: object) -> World:
    """alice says something now."""
    return world.say(
        entry("alice", after=world.now - world.incident.declared, name=f"said-{len(world.entries)}", **said)
    )


def two_sizes(**each: object) -> World:
    """From 3 to 5, and then to 7."""
    wishes = [scale_to(n, name=f"to-{n}", when="Always", **each) for n in (5, 7)]
    return healthy(incident(*wishes, severity="SEV4", recovery={"hold": "2m"})).run(minutes=1)


def test_undos_of_one_field_go_in_reverse() -> None:
    """3, 5, 7, and 3 again."""
    there = two_sizes(revert="OnResolved").run(minutes=30)
    assert (3, None, []) == (there.target["spec"]["replicas"], there.incident.status.debt, there.broken)


def test_what_a_later_mitigation_wrote_over_names_it() -> None:
    """Nobody else is blamed, and what frees it is said."""
    there = say(two_sizes(), undo={"mitigation": "to-5"}).run(seconds=10)
    assert "to-7 wrote Deployment shop/checkout since; undo that first" in there.record("to-5").message
    say(there, undo={"mitigation": "to-7"}).run(seconds=10)
    say(there, undo={"mitigation": "to-5"}).run(seconds=10)
    assert 3 == there.target["spec"]["replicas"]


def test_our_own_next_mitigation_is_no_third_party() -> None:
    """Sizes one after the other, the later ones taken back: no tug of war, and nothing was reverted by anybody."""
    there = healthy(incident(scale_to(5, name="one"), severity="SEV4", recovery={"hold": "5h"})).run(minutes=1)
    for n in (7, 8):
        say(there, mitigate=scale_to(n, name=f"to-{n}", when="Always", target=CHECKOUT)).run(minutes=1)
        say(there, undo={"mitigation": f"to-{n}"}).run(minutes=1)
    assert ("-", 0) == (there.condition("Contested"), there.kinds().count("MitigationReverted"))
    there.target["spec"]["replicas"] = 9
    assert "True ChangedAgain" == there.run(minutes=1).condition("Contested")


def test_a_hold_is_lifted_after_what_it_held() -> None:
    """Both undo entries are there at one look."""
    there = steered().run(minutes=1)
    say(say(there, undo={"mitigation": "roll-back"}), undo={"mitigation": "hold-roll-back"}).run(minutes=1)
    undone = [x.text.split(":")[0] for x in there.incident.status.timeline if x.kind == "MitigationUndone"]
    assert ["roll-back", "hold-roll-back"] == undone


def test_a_hold_that_came_later_is_lifted_after_what_it_holds_too() -> None:
    """Asked for by a person when the rollback was done already."""
    there = steered(roll_back(gitOps="Ignore"), hold="5h").run(minutes=1)
    freeze = {"name": "freeze", "gitOpsHold": {}, "when": "Always", "target": CHECKOUT}
    say(there, mitigate=freeze).run(minutes=1)
    say(say(there, undo={"mitigation": "freeze"}), undo={"mitigation": "roll-back"}).run(minutes=1)
    undone = [x.text.split(":")[0] for x in there.incident.status.timeline if x.kind == "MitigationUndone"]
    assert ["roll-back", "freeze"] == undone


def test_a_hold_does_not_wait_for_what_is_never_undone() -> None:
    """A restart has no undo: chosen to go back when it is resolved, the hold does."""
    freeze = {"name": "freeze", "gitOpsHold": {}, "revert": "OnResolved", "when": "Always"}
    restart = {"name": "re", "rolloutRestart": {}, "when": "Always"}
    there = healthy(incident(freeze, restart, severity="SEV4"))
    there.target["metadata"]["labels"] |= FLUX
    assert HELD in there.run(seconds=8).target["metadata"]["labels"]
    assert HELD not in there.run(hours=1).target["metadata"]["labels"]


def diverging() -> World:
    """Its answer is lost and somebody writes another number at once; serves all the time."""
    size = {"name": "size", "scale": {"replicas": 4}, "revert": "OnResolved"}
    there = steered(size, fields={"f:spec": {"f:replicas": {}}})
    there.target["spec"]["template"]["spec"]["containers"][0]["image"] = GOOD
    there.settle()
    perform = there.perform

    def once(command: object) -> Outcome:
        outcome = perform(command)
        if "replicas" not in getattr(command, "patch", ""):
            return outcome
        there.target["spec"]["replicas"], there.perform = 5, perform
        there.settle()
        return Outcome(OutcomeKind.UNKNOWN, 0, "connection reset")

    there.perform = once
    return there


def test_a_hold_does_not_wait_for_what_can_not_be_undone_exactly() -> None:
    """Somebody wrote over it: its undo is refused once, and then the hold goes as was chosen."""
    there = diverging().run(hours=1)
    assert AttemptState.DIVERGED is there.record("size").attempts[0].state
    assert (5, False) == (there.target["spec"]["replicas"], HELD in there.target["metadata"]["labels"])


def test_a_hold_is_not_lifted_over_what_never_expires() -> None:
    """Nothing is owed for resuming: lifted, Flux would pause it again, so it is owed and asked for instead."""
    resume = {"name": "go", "rolloutResume": {}, "revert": "OnExpiry", "ttl": "1h"}
    there = steered(resume, fields={"f:spec": {"f:paused": {}}})
    there.target["spec"]["paused"] = True
    there.run(hours=1)
    for _ in range(15):
        there.now += timedelta(hours=2)
        there.look()
    debt = there.incident.status.debt[0]
    assert ("Ask", True) == (debt.revert, HELD in there.target["metadata"]["labels"])
    assert timedelta(hours=1) == debt.due_time - debt.since_time
    assert "DebtDue" in there.kinds()


def test_an_undo_that_is_said_before_the_effect_stops_it() -> None:
    """Written down, and the operator was killed: whoever comes next hears the undo first, and does nothing."""
    there = bad_deploy(incident(roll_back(), severity="SEV3"))
    there.look(die_after=2)
    there.now += timedelta(seconds=3)
    say(there, undo={"mitigation": "roll-back"}).run(minutes=3)
    assert ([], WishState.FAILED) == (there.effects, there.record("roll-back").state)
    assert "alice does not want it any more; nothing was changed" in there.record("roll-back").message


def test_what_was_overwritten_can_be_deferred_and_cancelled() -> None:
    """A false alarm: its size is somebody else's by now, so nothing keeps the incident but the debt."""
    there = diverging()
    wish = {"name": "size", "scale": {"replicas": 4}, "gitOps": "Ignore"}
    there.incident = incident(wish, severity="SEV3", recovery={"hold": "5h"})
    there.run(minutes=2)
    say(there, cancel={"because": "FalseAlarm"}).run(minutes=1)
    assert "undo or defer it first" in there.incident.status.timeline[-1].text
    say(there, defer={"mitigation": "size"}, text="why").run(minutes=1)
    say(there, cancel={"because": "FalseAlarm"}).run(minutes=1)
    assert there.incident.status.times.cancelled
    assert [] == there.broken
