"""A drill is reviewed by what its record shows, once, and has no postmortem."""

from typing import Any

from build import entry, incident, roll_back
from world import World, bad_deploy, healthy


def say(world: World, **said: Any) -> World:
    """Alice says something now."""
    after = world.now - world.incident.declared
    return world.say(entry("alice", after=after, name=f"said-{len(world.entries)}", text="why", **said)).run(minutes=1)


def reviews(world: World) -> list[str]:
    """What was told of it."""
    return [x.text for x in world.incident.status.timeline if x.kind == "DrillReviewed"]


def test_a_drill_is_reviewed_by_its_gaps():
    """As those of a real one are found; a milestone, told once, also when it is opened again. Nothing is drafted."""
    world = bad_deploy(incident(roll_back(), drill=True, severity="SEV1"))
    world.controller_works = False
    say(world.run(minutes=5), take={"role": "commander"})
    assert [] == reviews(world)
    say(world, resolve={"override": True})
    (text,) = reviews(world)
    assert text.startswith("Drill review: ")
    assert "Resolved although criteria did not hold" in text
    assert [True] == [x.milestone for x in world.incident.status.timeline if x.kind == "DrillReviewed"]
    say(say(world, reopen={}), resolve={"override": True}).run(hours=5)
    assert (1, "True NotNeeded", []) == (len(reviews(world)), world.condition("Reviewed"), world.broken)
    assert [] == [kind for kind, _ in world.objects if kind in ("postmortems", "actionitems")]
    assert world.incident.status.times.closed is not None


def test_a_real_one_has_no_such_line():
    """It has a postmortem."""
    assert [] == reviews(healthy(incident()).run(minutes=20))
