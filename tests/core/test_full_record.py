"""A record full of what must stay in sight still hears people: whatever may leave it leaves (found by the played SEV1)."""

from build import entry, incident
from stanch.api.incident_status import TimelineLine
from telling import channel, told
from world import World, bad_deploy, healthy


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


def lines(world: World) -> list[TimelineLine]:
    """What stands in the status."""
    return [*world.incident.status.timeline]


def padded(number: int) -> World:
    """A record of so many lines, none of which can leave: Evidence can't be stored."""
    world = healthy(incident(recovery={"hold": "5h"})).run(seconds=5)
    world.repeat, world.lose_stores = False, {"-page-"}
    status, first = world.incident.status, world.incident.status.last_seq + 1
    more = [
        TimelineLine(seq=n, time=world.now, kind="HoldStarted", by="stanch", text=f"line {n}")
        for n in range(first, number + 1)
    ]
    full = status.model_copy(update={"timeline": (*status.timeline, *more), "last_seq": number})
    world.incident = world.incident.model_copy(update={"status": full})
    return world


def stalls(world: World) -> list[str]:
    """Events that say that nothing goes on."""
    return [e.message for p in world.plans for e in p.events if e.reason == "Stalled"]


def test_what_nobody_hears_is_said_where_people_look() -> None:
    """Stalled: RecordFull with why, and one Event, for as long as people wait; gone when the page is stored."""
    world = say(padded(85), 1, note={}, text="Does anybody hear me")
    why = "(no answer): what people say waits until it can"
    assert ("True RecordFull", 1) == (world.condition("Stalled"), len(stalls(world)))
    assert stalls(world)[0].endswith(why)
    world.run(minutes=2)
    assert ("True RecordFull", 1, 1) == (world.condition("Stalled"), len(stalls(world)), len(world.unfolded()))
    world.lose_stores = set()
    world.run(minutes=1)
    assert ("-", (), []) == (world.condition("Stalled"), world.unfolded(), world.broken)
    assert "Note: Does anybody hear me" in [line.text for line in lines(world)]


def test_a_page_that_fails_before_it_is_full_stalls_nobody() -> None:
    """People are heard, so nobody has to do anything yet."""
    world = say(padded(75), 1, note={}, text="Does anybody hear me")
    assert ("-", (), []) == (world.condition("Stalled"), world.unfolded(), stalls(world))


def test_what_does_not_fit_waits_for_a_page_and_breaks_no_law() -> None:
    """A plan that breaks a law is refused with its page, for ever: so at the schema's end only a page comes next."""
    world = padded(159).respec(severity="SEV2", roles={"commander": "alice", "operations": "bob"}).run(minutes=1)
    assert ("True RecordFull", 159, [], None) == (
        world.condition("Stalled"),
        len(lines(world)),
        world.broken,
        world.incident.status.roles,
    )
    world.lose_stores = set()
    world.run(minutes=1)
    assert ("-", "SEV2", []) == (
        world.condition("Stalled"),
        world.incident.status.severity.level.value,
        world.broken,
    )
    assert ["alice", "bob"] == [r.user for r in world.incident.status.roles]
