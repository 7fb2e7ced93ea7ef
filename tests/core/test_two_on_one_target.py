"""Two incidents, or a person, write the same target: nothing of ours is lost, and nobody is credited with another's work."""

from datetime import timedelta

from build import GOOD, entry, incident, roll_back, scale_to
from objects import flags, wish
from stanch.api.incident_status import AttemptState, Effect, WishState
from stanch.api.names import Label
from stanch.core.observations import Acted, Busy
from world import World, bad_deploy, bad_past, healthy

PAUSE = {"name": "pause", "rolloutPause": {}}
OTHER, OTHERS = "f" * 16, "mitigation pause of incident shop/other"


def mark(world: World, *fields: str, action: str = OTHER) -> None:
    """Another incident writes the target, and its label says so."""
    world.target["metadata"]["labels"] = {**world.target["metadata"].get("labels", {}), Label.ACTION: action}
    world.acted = {OTHER: Acted(OTHERS, fields)}


def just_acted(world: World) -> World:
    """Cut off with the write made, and its answer lost."""
    world.lose_next_reply = True
    return next(w for n in range(20) if (w := world.cut(n)).effects)


# --- what is owed ----------------------------------------------------------------------------------------------------


def resolved(*wishes: object) -> World:
    """Paused, and resolved an hour ago."""
    return healthy(incident(*(wishes or (PAUSE,)), severity="SEV4")).run(minutes=30)


def test_a_debt_that_another_incident_brings_back_is_owed_again():
    """Taken back by one, and then by the undo of that: it stands as stanch left it, so somebody owes it."""
    world = resolved()
    del world.target["spec"]["paused"]
    assert world.run(minutes=11).incident.status.debt is None
    world.target["spec"]["paused"] = True
    mark(world)
    (debt,) = world.run(minutes=11).incident.status.debt
    line = next(line for line in reversed(world.incident.status.timeline) if line.kind == "MitigationReverted")
    assert ("pause", []) == (debt.name, world.broken)
    assert f"pause: {OTHERS} brought back on Deployment shop/checkout" in line.text


def test_a_namesake_that_is_paused_is_no_debt_of_ours():
    """Deleted and made again: whoever paused the new one owes it."""
    world = resolved()
    world.target["metadata"]["uid"] = "33333333-3333-3333-3333-333333333333"
    assert world.run(minutes=40).incident.status.debt is None
    assert 1 == world.kinds().count("MitigationReverted")


def test_what_was_made_and_changed_before_it_was_read_back_is_on_the_record():
    """The answer was lost, and somebody wrote one of its fields meanwhile: it was made, it can be told, it is owed."""
    world = just_acted(healthy(incident(scale_to(5), severity="SEV3")))
    world.target["spec"]["replicas"] = 7
    world.run(minutes=1)
    record = world.record("size")
    assert (AttemptState.DIVERGED, 7, 1) == (record.attempts[0].state, world.target["spec"]["replicas"], 1)
    assert record.attempts[0].applied_time
    assert "size" == world.incident.status.debt[0].name
    assert 1 == len(record.contest.flips)
    world.say(entry("alice", after=timedelta(minutes=1), undo={"mitigation": "size"})).run(minutes=1)
    assert "found 3, wrote 5, now 7" in world.record("size").message
    assert [] == world.broken


def test_what_was_made_and_taken_back_before_it_was_read_back_is_not_owed():
    """All of it: nothing is left, and that is said once."""
    world = just_acted(healthy(incident(PAUSE, severity="SEV3")))
    del world.target["spec"]["paused"]
    world.run(minutes=1)
    record = world.record("pause")
    assert (AttemptState.DIVERGED, True, None) == (
        record.attempts[0].state,
        record.contest.gone,
        world.incident.status.debt,
    )
    assert (1, 0) == (world.kinds().count("MitigationDiverged"), world.kinds().count("MitigationReverted"))


def test_what_another_incident_wrote_over_before_it_was_read_back_is_still_ours():
    """Its label came after ours was planned, so ours may have been made: it is not called somebody else's."""
    world = just_acted(healthy(incident(PAUSE, severity="SEV3")))
    mark(world)
    world.run(minutes=1)
    assert AttemptState.VERIFIED is world.record("pause").attempts[0].state
    assert ("pause", 1) == (world.incident.status.debt[0].name, len(world.effects))


def test_what_another_incident_did_first_is_its_own():
    """Our patch was refused for its label: known not to be made, so it is not ours to undo."""
    world = healthy(incident(PAUSE, severity="SEV3"))
    perform = world.perform

    def too_late(command):
        world.target["spec"]["paused"] = True
        mark(world)
        return perform(command)

    world.perform = too_late
    world.run(minutes=1)
    assert (AttemptState.SKIPPED, None, []) == (
        world.record("pause").attempts[0].state,
        world.incident.status.debt,
        world.effects,
    )


def test_an_old_mark_proves_nothing():
    """It was there when ours was planned; what came since came from somebody else."""
    world = bad_deploy(incident(roll_back()))
    mark(world)
    world = world.about_to_act()
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = GOOD
    world.settle()
    world.run(minutes=1)
    assert (AttemptState.SKIPPED, []) == (world.record("roll-back").attempts[0].state, world.effects)


# --- what it did -----------------------------------------------------------------------------------------------------


def test_what_helped_after_another_incident_acted_there_is_unknown():
    """Either may have."""
    world = bad_deploy(incident(roll_back(timeBox="1m")))
    world.controller_works = False
    world.run(seconds=5)
    mark(world)
    world.controller_works = True
    world.settle()
    world.run(minutes=2)
    assert ("True", Effect.UNKNOWN) == (world.condition("Mitigated").split()[0], world.record("roll-back").effect)


def test_worse_stops_whoever_it_was_and_blames_nobody():
    """Things got worse after two acted: nothing goes on by itself, and the line names both."""
    back = {"name": "back", "rolloutUndo": {"toRevision": 1}, "timeBox": "1m"}
    world = bad_past(incident(back, scale_to(4, name="more", timeBox="1m"))).run(seconds=5)
    mark(world)
    world.run(minutes=3)
    line = next(x for x in world.incident.status.timeline if x.kind == "MitigationMadeItWorse")
    assert (Effect.WORSE, "True MadeItWorse") == (world.record("back").effect, world.condition("MitigationHeld"))
    assert f"back: things got worse, by this or by {OTHERS}" in line.text


def test_an_incident_that_is_about_to_act_there_shares_the_credit():
    """A pod that it takes away leaves no label."""
    world = bad_deploy(incident(roll_back(timeBox="1m"))).run(seconds=3)
    world.busy = {world.target["metadata"]["uid"]: Busy("shop/other")}
    world.run(minutes=2)
    assert Effect.UNKNOWN is world.record("roll-back").effect


# --- what is left ----------------------------------------------------------------------------------------------------


def test_every_mark_comes_off_when_what_was_owed_goes_in_the_last_moment():
    """Two targets, and only the one that was owed was looked at: the other is asked, not taken for unmarked."""
    flag = {
        **wish("ConfigMap", "flags", configFlag={"key": "recommendations", "value": "off"}),
        "name": "flag",
        "when": "Always",
    }
    world = healthy(incident(PAUSE, flag, severity="SEV4"))
    world.objects[("configmaps", "flags")] = flags()
    world.run(minutes=30)
    world.say(entry("alice", after=world.now - world.incident.declared, undo={"mitigation": "flag"})).run(minutes=1)
    assert WishState.UNDONE is world.record("flag").state
    world.publish()
    world.run(hours=6)
    assert world.incident.status.times.closed is None
    del world.objects[("deployments", "checkout")]
    world.run(minutes=30)
    assert world.incident.status.times.closed
    assert Label.ACTION not in world.objects[("configmaps", "flags")]["metadata"].get("labels", {})
    assert [] == world.broken


def test_what_another_incident_wrote_is_not_taken_back_by_us():
    """Killed before its own write, and another paused it: chosen to go back or not, that pause is the other's."""
    world = healthy(incident({**PAUSE, "revert": "OnResolved"}, severity="SEV4")).about_to_act()
    world.stopped = None
    world.target["spec"]["paused"] = True
    mark(world, "/spec/paused")
    world.run(minutes=20)
    assert (True, []) == (world.target["spec"].get("paused"), world.effects)
