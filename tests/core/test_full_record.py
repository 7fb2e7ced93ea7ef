"""A record full of what must stay in sight still hears people: whatever may leave it leaves (found by the played SEV1)."""

from build import entry, incident
from telling import channel, told
from world import World, bad_deploy


def say(world: World, number: int, **said: object) -> World:
    """Somebody says something now."""
    after = world.now - world.incident.declared
    return world.say(entry("alice", after=after, name=f"said-{number}", **said)).run(seconds=1)


def test_a_dead_channel_and_a_night_of_milestones_silence_nobody() -> None:
    """Forty milestones stay, twenty messages wait for a channel that never answers, and the sixty-first word is taken in."""
    world = told(bad_deploy(incident(roles={"commander": "alice"})), channel("room")).run(seconds=2)
    world.repeat = False
    for number in range(45):
        say(world, number, severity={"level": ("SEV2", "SEV1")[number % 2]})
    for number in range(45, 90):
        say(world, number, update={"audience": "internal", "state": "Identified"}, text="Still looking")
    say(world, 999, note={}, text="Does anybody hear me")
    status = world.incident.status
    assert "Note: Does anybody hear me" in [line.text for line in status.timeline]
    assert ([], True) == (world.broken, len(status.timeline) < 120)
    assert status.pages
