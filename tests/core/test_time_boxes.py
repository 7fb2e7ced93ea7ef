"""Past its time box a mitigation or a hypothesis is a point to decide at: said once, and shown with what is next."""

from datetime import timedelta
from typing import Any

from build import BAD, entry, incident, roll_back, scale_to
from stanch.api.incident import Incident
from world import World, bad_deploy, healthy

FLAG = {"name": "flag", "target": {"kind": "ConfigMap", "name": "flags"}, "configFlag": {"key": "slow", "value": "off"}}
READER = {"name": "reader", "statement": "1.8.3 cannot read the new table", "timeBox": "10m"}


def broken(declared: Incident) -> World:
    """A bad release, and a flag that has nothing to do with it."""
    world = bad_deploy(declared)
    meta = {"name": "flags", "namespace": "shop", "uid": "u-flags", "resourceVersion": "1", "labels": {}}
    world.objects[("configmaps", "flags")] = {"metadata": meta, "data": {"slow": "on"}}
    return world


def message(world: World) -> str:
    """What TimeBoxOver says; empty while it is not there."""
    return next((c.message for c in world.incident.status.conditions if c.type == "TimeBoxOver"), "")


def told(world: World) -> list[str]:
    """The lines that say so."""
    return [line.text for line in world.incident.status.timeline if line.kind == "TimeBoxOver"]


def say(world: World, **said: Any) -> World:
    """Somebody says something now."""
    after = world.now - world.incident.declared
    return world.say(entry("bob", after=after, name=f"said-{len(world.entries)}", **said)).run(seconds=2)


def test_a_mitigation_that_did_not_help_is_told_with_what_could_be():
    """Three minutes after it was there; then something that fits the symptom and was not tried yet is offered."""
    world = broken(incident(FLAG)).run(minutes=2)
    assert ("", []) == (message(world), told(world))
    world.run(minutes=2)
    assert message(world).startswith(
        "flag has had its 3m, and it still hurts. Could be next: rolloutUndo on Deployment"
    )
    assert "ask: {name: try-1, target: {kind: Deployment, name: checkout}, rolloutUndo: {}}" in message(world)
    assert 1 == len(told(world))
    world.run(hours=1)
    assert (1, "rolloutUndo") == (len(told(world)), world.incident.status.suggestions[0].action)
    assert [] == world.broken


def test_an_event_is_posted_once():
    """For who looks at Events, and not at the record."""
    world = broken(incident(FLAG)).run(minutes=20)
    posted = [e for p in world.plans for e in p.events if e.reason == "TimeBoxOver"]
    assert ({"TimeBoxOver"}, True) == ({e.reason for e in posted}, all(e.warning for e in posted))


def test_the_next_rung_is_named_and_what_holds_it():
    """It waits for another person: that is the decision."""
    world = broken(incident(FLAG, scale_to(0, name="stop"), severity="SEV2")).run(minutes=4)
    assert "Next is stop (scale on Deployment checkout), which waits: " in message(world)
    assert "needs 1 more approval" in message(world)


def test_a_rung_that_begins_ends_it():
    """The line stays; the condition is about what runs now, which has its own time."""
    world = broken(incident(FLAG, roll_back())).run(minutes=2)
    world.controller_works = False
    world.run(minutes=1, seconds=30)
    assert 1 == len(told(world))
    assert "Next is roll-back" in told(world)[0]
    assert "" == message(world)
    world.run(minutes=5)
    assert 2 == len(told(world))
    assert message(world).startswith("roll-back has had its 3m, and")


def test_what_helped_is_no_point_to_decide_at():
    """Nor is anything once it is mitigated."""
    world = bad_deploy(incident(roll_back(), recovery={"hold": "1h"})).run(minutes=30)
    assert ("", []) == (message(world), told(world))
    assert BAD != world.image


def test_what_is_still_on_its_way_is_told_too():
    """Ten minutes may pass until a rollout is given up: users were promised three."""
    world = bad_deploy(incident(roll_back()))
    world.controller_works = False
    world.run(minutes=4)
    assert "roll-back has had its 3m, and" in message(world)
    assert "still on its way" in message(world)


def test_an_own_time_box_counts():
    """As it was asked for."""
    world = broken(incident(FLAG | {"timeBox": "10m"})).run(minutes=9)
    assert "" == message(world)
    assert message(world.run(minutes=2)).startswith("flag has had its 10m")


def test_a_hypothesis_past_its_time_says_what_was_meant_to_be_done():
    """Its state is what somebody says; stanch decides nothing."""
    said = READER | {"state": "Leading", "orElse": "shift traffic away from zone b"}
    world = healthy(incident(hypotheses=[said], recovery={"hold": "8h"})).run(minutes=9)
    assert "" == message(world)
    world.run(minutes=2)
    assert (
        "reader has had its 10m and is Leading: 1.8.3 cannot read the new table. Or else: shift traffic away from zone b"
        == message(world)
    )
    assert "Leading" == world.incident.status.hypotheses[0].state.value
    world.run(hours=1)
    assert [message(world)] == told(world)


def test_who_gives_it_more_time_or_decides_ends_it():
    """And its next time box is another one."""
    world = healthy(incident(hypotheses=[READER], recovery={"hold": "8h"})).run(minutes=11)
    assert "Confirm it, reject it, or give it more time" in message(world)
    say(world, hypothesis={"name": "reader", "timeBox": "5m"})
    assert "" == message(world)
    world.run(minutes=6)
    assert 2 == len(told(world))
    say(world, hypothesis={"name": "reader", "state": "Rejected"})
    assert "" == message(world.run(hours=1))


def test_it_is_not_shown_when_it_is_over():
    """Resolved and cancelled have nothing to decide."""
    world = healthy(incident(hypotheses=[READER | {"timeBox": "10s"}], recovery={"hold": "1m"})).run(seconds=30)
    assert "" != message(world)
    world.run(minutes=3)
    assert ("", "True Held") == (message(world), world.condition("Resolved"))
    assert world.now - world.incident.declared > timedelta(minutes=3)
