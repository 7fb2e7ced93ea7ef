"""What an effect did is measured against how things stood before it; worse stops everything that would go on by itself."""

from datetime import timedelta

import pytest

from build import GOOD, entry, incident, roll_back, scale_to, stamp
from stanch.api.incident_status import AttemptState, Effect, WishState
from stanch.api.wish import Wish
from world import World, bad_deploy, bad_past, healthy

CHECKOUT = {"kind": "Deployment", "name": "checkout"}
SECOND = scale_to(4, name="more", timeBox="1m")
TO_THE_BAD_ONE = {"name": "back", "rolloutUndo": {"toRevision": 1}, "timeBox": "1m"}


def fails(world: World) -> World:
    """The rollout of what was rolled back to does not come up, and its controller says so."""
    world.run(seconds=5)
    said = {"status": "False", "reason": "ProgressDeadlineExceeded", "message": "has timed out"}
    world.target["status"]["conditions"] = [{"type": "Progressing", "lastUpdateTime": stamp(world.now), **said}]
    return world.run(minutes=3)


def test_what_serves_fewer_than_before_made_it_worse():
    """Counted before the effect was written down and again when its time is over; the line says both, and the way back."""
    world = fails(bad_past(incident(TO_THE_BAD_ONE)))
    record = world.record("back")
    assert (3, 3, 0) == (
        record.attempts[0].before.available,
        record.attempts[0].before.wanted,
        record.attempts[0].before.failing,
    )
    assert (AttemptState.FAILED, Effect.WORSE) == (record.attempts[0].state, record.effect)
    line = next(x for x in world.incident.status.timeline if x.kind == "MitigationMadeItWorse")
    event = next(e for p in world.plans for e in p.events if e.reason == "MitigationMadeItWorse")
    assert line.milestone
    assert "2 of 3 pods available" in line.text
    assert "before it 3 of 3 pods available" in line.text
    assert record.break_glass[0] in event.message


def test_worse_is_said_before_a_rollout_gives_up():
    """Ten minutes until it counts as failed are long when nobody is served: after its time box it is told."""
    world = bad_past(incident(TO_THE_BAD_ONE, SECOND)).run(minutes=2)
    record = world.record("back")
    assert (AttemptState.APPLIED, Effect.WORSE) == (record.attempts[0].state, record.effect)
    assert "True MadeItWorse" == world.condition("MitigationHeld")


def test_what_is_still_on_its_way_is_taken_back_at_once():
    """Nobody waits for a rollout that nobody wants any more."""
    world = bad_past(incident({**TO_THE_BAD_ONE, "timeBox": "9m"})).run(seconds=20)
    assert AttemptState.APPLIED is world.record("back").attempts[0].state
    after = world.now - world.incident.declared
    world.say(entry("alice", after=after, undo={"mitigation": "back"})).run(seconds=5)
    assert (GOOD, "Undone", []) == (world.image, world.record("back").state.value, world.broken)
    assert "alice wants it back" in world.record("back").attempts[0].message


def test_what_is_on_its_way_and_not_worse_is_not_judged():
    """Neither helped nor in vain: it is still coming."""
    world = bad_deploy(incident(roll_back(timeBox="1m")))
    world.controller_works = False
    world.run(minutes=3)
    record = world.record("roll-back")
    assert (AttemptState.APPLIED, None) == (record.attempts[0].state, record.effect)


def test_after_worse_no_rung_of_the_ladder_starts():
    """The next one is held with the way back, for as long as it takes; nothing else is done."""
    world = fails(bad_past(incident(TO_THE_BAD_ONE, SECOND))).run(minutes=30)
    assert ("MadeItWorse", None) == (world.record("more").reason, world.record("more").attempts)
    assert "undo entry" in world.record("more").message
    assert "True MadeItWorse" == world.condition("MitigationHeld")
    assert (1, []) == (len(world.effects), world.broken)


def test_what_is_asked_for_in_any_case_does_not_wait_for_a_rung_that_waits():
    """The second rung is held for as long as it does not hurt; what stands behind it is none of the ladder."""
    paused = {"name": "stop", "rolloutPause": {}, "when": "Always"}
    world = bad_deploy(incident(roll_back(), SECOND, paused, recovery={"hold": "8h"})).run(minutes=5)
    assert ("OnlyIfHarmGoesOn", None) == (world.record("more").reason, world.record("more").attempts)
    assert ("Done", 2, []) == (world.record("stop").state.value, len(world.effects), world.broken)


def test_a_hold_does_not_start_for_what_is_stopped():
    """A hold is asked for in any case, but only as long as what it is for goes on."""
    world = fails(bad_past(incident(TO_THE_BAD_ONE, SECOND)))
    more = world.record("more")
    wish = Wish.model_validate({"name": "hold-more", "gitOpsHold": {}, "target": CHECKOUT, "when": "Always"})
    changes = {
        "name": "hold-more",
        "source": "For/more",
        "action": "gitOpsHold",
        "asked": wish,
        "state": WishState.WAITING,
    }
    hold = more.model_copy(update={**changes, "reason": None, "message": None, "asked_time": world.now})
    status = world.incident.status.model_copy(update={"mitigations": (world.record("back"), hold, more)})
    world.incident = world.incident.model_copy(update={"status": status})
    world.run(minutes=2)
    assert (None, "MadeItWorse") == (world.record("hold-more").attempts, world.record("hold-more").reason)


def test_worse_is_said_also_when_nothing_else_waits():
    """A person must look at it; the condition stays for as long as the effect is in force, and goes with it."""
    world = fails(bad_past(incident(TO_THE_BAD_ONE)))
    assert "True MadeItWorse" == world.condition("MitigationHeld")
    after = world.now - world.incident.declared
    world.say(entry("alice", after=after, undo={"mitigation": "back"})).run(minutes=2)
    assert (GOOD, "-") == (world.image, world.condition("MitigationHeld"))


def test_who_asks_after_it_got_worse_has_looked():
    """A mitigate entry written afterwards starts; what was asked for before stays held, also after the undo."""
    world = fails(bad_past(incident(TO_THE_BAD_ONE, SECOND)))
    after = world.now - world.incident.declared
    wish = {"name": "stop-it", "rolloutPause": {}, "target": CHECKOUT}
    world.say(entry("alice", after=after, name="asks", mitigate=wish)).run(minutes=2)
    assert world.record("stop-it").attempts
    assert (None, []) == (world.record("more").attempts, world.broken)


def test_the_next_rung_waits_for_the_verdict_on_one_that_failed():
    """A rollout that did not come up may be what made it worse: its time box counts like any other."""
    world = bad_past(incident({**TO_THE_BAD_ONE, "timeBox": "10m"}, SECOND))
    fails(world)
    assert AttemptState.FAILED is world.record("back").attempts[0].state
    assert (None, "OnlyIfHarmGoesOn") == (world.record("back").effect, world.record("more").reason)
    world.run(minutes=10)
    assert (Effect.WORSE, None) == (world.record("back").effect, world.record("more").attempts)


def test_without_effect_the_ladder_goes_on():
    """As bad as before is not worse: the next one has its turn when the time box is over."""
    flag = {
        "name": "flag",
        "configFlag": {"key": "ads", "value": "off"},
        "target": {"kind": "ConfigMap", "name": "flags"},
    }
    world = bad_deploy(incident({**flag, "timeBox": "1m"}, roll_back()))
    meta = {"name": "flags", "namespace": "shop", "uid": "flags"}
    world.objects[("configmaps", "flags")] = {"metadata": meta, "data": {"ads": "on"}}
    world.run(minutes=3)
    assert (Effect.NO_EFFECT, GOOD) == (world.record("flag").effect, world.image)


def test_what_helps_is_said_to_have_helped():
    """Failing before, passing twice after it."""
    assert Effect.HELPED is bad_deploy(incident(roll_back())).run(minutes=2).record("roll-back").effect


def test_what_passed_before_and_after_says_nothing():
    """The harm it was for is none that these criteria see: nobody can say, and it is not told as a success."""
    world = healthy(incident({"name": "pause", "rolloutPause": {}, "timeBox": "1m"}, recovery={"hold": "10m"}))
    assert Effect.UNKNOWN is world.run(minutes=3).record("pause").effect


@pytest.mark.parametrize("replicas", [2, 5])
def test_another_size_is_not_worse(replicas):
    """Fewer pods of fewer wanted, or more wanted that are still coming up, are no harm."""
    world = healthy(incident(scale_to(replicas, timeBox="1m"))).run(seconds=3)
    world.target["status"]["availableReplicas"] = min(3, replicas)
    world.run(minutes=3)
    assert Effect.WORSE is not world.record("size").effect


def test_what_is_switched_off_on_purpose_is_contained_and_not_worse():
    """To zero was asked for, and approved; that users lack the service is another condition."""
    world = healthy(incident(scale_to(0, timeBox="1m"))).run(seconds=3)
    record = world.record("size")
    approve = {"mitigation": "size", "action": "scale", "digest": record.digest}
    world.say(entry("bob", approve=approve, after=timedelta(seconds=4))).run(minutes=3)
    assert (0, "True OnlyContained") == (world.target["spec"]["replicas"], world.condition("Contained"))
    assert Effect.NO_EFFECT is world.record("size").effect


def test_what_could_not_be_read_proves_nothing():
    """A target that is gone from sight when the time is over: nobody can say."""
    world = bad_deploy(incident(roll_back(timeBox="1m"))).run(seconds=3)
    world.target["status"]["observedGeneration"] = 0
    world.run(minutes=3)
    assert Effect.UNKNOWN is world.record("roll-back").effect


def test_what_somebody_wrote_over_and_did_not_get_worse_is_unknown():
    """It goes on hurting as before: that is no verdict on what stood for a moment."""
    world = bad_deploy(incident(roll_back(timeBox="1m"))).run(seconds=3)
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = "shop/checkout:1.8.9"
    world.settle()
    assert Effect.UNKNOWN is world.run(minutes=3).record("roll-back").effect


def test_worse_stops_also_when_somebody_wrote_over_it():
    """Two act and it gets worse: nothing goes on by itself, and that is not known before its time is over."""
    back = {"name": "back", "rolloutUndo": {"toRevision": 1}, "timeBox": "3m"}
    world = bad_past(incident(back, SECOND, recovery={"hold": "5h"})).run(seconds=20)
    world.target["spec"]["template"]["metadata"]["annotations"] = {"x": "y"}
    assert world.run(minutes=1).record("back").effect is None
    assert (Effect.WORSE, 1) == (world.run(minutes=4).record("back").effect, len(world.effects))
