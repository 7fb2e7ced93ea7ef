"""A text that is published ends the learning only when it says what there is to say: as much as is asked for, of the last end."""

from typing import Any

import pytest

from build import UID, entry, incident
from learning import keep, written
from stanch.core.further_text import is_further, next_name
from world import World, healthy

FIRST, SECOND = "checkout-5xx", f"checkout-5xx-{UID[:6]}-2"


def published(severity: str = "SEV4") -> World:
    """Resolved, and published as the operator publishes: a short one as it was drafted, a full one once it is signed."""
    world = healthy(incident(severity=severity)).run(minutes=20)
    sign(world, FIRST)
    assert world.condition("Reviewed").startswith("True")
    return world


def say(world: World, by: str, **said: Any) -> World:
    """Somebody says something now."""
    after = world.now - world.incident.declared
    return world.say(entry(by, after=after, name=f"said-{len(world.entries)}", **said)).run(seconds=5)


def sign(world: World, name: str) -> None:
    """People write it, somebody signs it, and it is published."""
    body = world.objects[("postmortems", name)]
    if world.incident.status.postmortem.decision == "Required":
        written(body)
        after = world.now - world.incident.declared
        world.say(entry("carol", after=after, name=f"signed-{len(world.entries)}", signOff={})).run(seconds=5)
    body["spec"]["published"] = True
    keep(world, body)
    assert body["status"].get("published"), body["status"]["lint"]
    world.run(seconds=5)


def record(world: World) -> Any:
    """What is to be learned."""
    return world.incident.status.postmortem


def test_who_asks_for_a_full_one_gets_it_after_a_short_one_was_published():
    """Anyone may ask, always: another text is drafted and waited for, and what is published stays as it is."""
    world = published()
    before = dict(world.objects[("postmortems", FIRST)]["spec"])
    say(world, "carol", askPostmortem={}, text="I want a full one")
    assert ((SECOND, "Required"), "False Due") == (
        (record(world).name, record(world).decision),
        world.condition("Reviewed"),
    )
    assert world.objects[("postmortems", SECOND)]["spec"]["factors"]
    assert before == world.objects[("postmortems", FIRST)]["spec"]
    told = [x.text for x in world.incident.status.timeline if x.kind == "PostmortemDrafted"][-1]
    assert f"Postmortem {SECOND} drafted (Required: asked by carol); what is published stays as it is" == told
    sign(world, SECOND)
    assert ("True Published", SECOND, []) == (world.condition("Reviewed"), record(world).name, world.broken)


@pytest.mark.parametrize("severity", ["SEV4", "SEV1"])
def test_what_was_published_before_a_relapse_says_nothing_of_it(severity):
    """Neither a short review nor a full one; it stays open until the second is published, and is chased from then on."""
    world = published(severity)
    say(world, "alice", reopen={}, text="it is back").run(minutes=40)
    assert "True" == world.condition("Resolved").split()[0]
    assert (SECOND, "False Due") == (record(world).name, world.condition("Reviewed"))
    assert record(world).due_time > world.now
    world.run(hours=6)
    assert world.incident.status.times.closed is None
    sign(world, SECOND)
    world.run(hours=5)
    assert world.incident.status.times.closed is not None
    assert [] == world.broken


def test_reopened_twice_it_has_three():
    """Each of its own number."""
    world = published()
    for number in (2, 3):
        say(world, "alice", reopen={}, text="it is back").run(minutes=40)
        assert SECOND.replace("-2", f"-{number}") == record(world).name
        sign(world, record(world).name)
    assert "True Published" == world.condition("Reviewed")


def test_what_says_enough_is_left_alone():
    """Asking for a full one where a full one is published asks for nothing more; nor does a waiver."""
    world = published("SEV1")
    say(world, "carol", askPostmortem={}, text="again").run(hours=1)
    assert (FIRST, "True Published") == (record(world).name, world.condition("Reviewed"))
    world = published()
    say(world, "alice", waive={}, text="a known one")
    say(world, "alice", reopen={}, text="it is back").run(minutes=40)
    assert (FIRST, "True Waived") == (record(world).name, world.condition("Reviewed"))


@pytest.mark.parametrize("steps", range(3))
def test_a_crash_between_record_and_text_loses_nothing(steps):
    """Pointed to first; the text is made after the restart, once."""
    world = published()
    after = world.now - world.incident.declared
    world.say(entry("carol", after=after, name="asks", askPostmortem={}, text="I want a full one"))
    for _ in range(3):
        world.look(die_after=steps)
    world.run(minutes=1)
    assert 2 == sum(k == "PostmortemDrafted" for k in world.kinds())
    assert ("postmortems", SECOND) in world.objects
    assert [] == world.broken


def test_names_are_of_this_incident():
    """By uid; another incident of the name, or one that only looks so, has none of them."""
    meta = incident().metadata
    assert [SECOND, SECOND.replace("-2", "-3")] == [next_name(meta, name) for name in (FIRST, SECOND)]
    assert SECOND == next_name(meta, f"checkout-5xx-{UID[:6]}")
    assert [False, False, False, True] == [
        is_further(meta, name) for name in (FIRST, f"{FIRST}-{UID[:6]}", f"{FIRST}-ffffff-2", SECOND)
    ]
