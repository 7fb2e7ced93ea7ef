"""Criteria that people confirm, postmortems that they ask for and sign off, and entries that nobody can read."""

from datetime import timedelta
from typing import Any

import pytest

from build import T0, entry, incident, stamp
from stanch.core.observations import Failed
from stanch.core.questions import POSTMORTEMS
from stanch.core.reading import Unreadable, read_entry
from world import World, healthy

ROBOT = "system:serviceaccount:ci:deployer"
CRITERIA = [{"name": "pods", "available": {}}, {"name": "books", "manual": {}}]


def say(world: World, by: str = "bob", **said: Any) -> World:
    """Somebody says something now."""
    after = world.now - world.incident.declared
    return world.say(entry(by, after=after, name=f"said-{len(world.entries)}", **said)).run(seconds=2)


def last(world: World) -> str:
    """The newest line that people are behind, in words."""
    line = next(x for x in reversed(world.incident.status.timeline) if x.by != "stanch")
    return f"{line.kind} by {line.by}: {line.text}"


# --- confirm ---------------------------------------------------------------------------------------------------------


def begun() -> World:
    """Pods are measured, the books are for a person to look at."""
    return healthy(incident(recovery={"hold": "30s", "criteria": CRITERIA})).run(seconds=30)


@pytest.mark.parametrize("said", [{"criterion": "books"}, {}], ids=["named", "the-only-one"])
def test_a_manual_criterion_holds_when_a_person_says_so(said):
    """Then the hold begins, and it resolves by itself."""
    world = begun()
    assert "False Holding" == world.condition("Resolved")
    say(world, confirm=said, text="Balances agree")
    assert "CriterionConfirmed by bob: books holds: Balances agree" == last(world)
    assert "confirmed by bob" == world.incident.status.recovery.criteria[0].message
    assert "True Held" == world.run(minutes=2).condition("Resolved")


@pytest.mark.parametrize(
    ("by", "name", "why"),
    [
        ("bob", "pods", "pods is measured (available), and no word makes it pass; manual ones are: books"),
        ("bob", "x", "there is no criterion x; manual ones are: books"),
        (ROBOT, "books", "is a machine; a person must say it"),
    ],
    ids=["measured", "unknown", "machine"],
)
def test_what_can_not_be_confirmed_is_refused(by, name, why):
    """A word makes nothing pass that can be seen to fail, and machines have no word."""
    world = say(begun(), by, confirm={"criterion": name}).run(minutes=2)
    assert why in last(world)
    assert "False Holding" == world.condition("Resolved")


def test_reopened_it_must_be_confirmed_anew():
    """What a person saw before it came back counts no more."""
    world = say(say(begun(), confirm={}).run(minutes=2), reopen={}).run(minutes=2)
    assert "False Holding" == world.condition("Resolved")
    assert "True Held" == say(world, confirm={}).run(minutes=2).condition("Resolved")


# --- askPostmortem ---------------------------------------------------------------------------------------------------


def test_whoever_asks_for_a_postmortem_gets_one():
    """Asked before it is decided: a reason like the others."""
    world = say(healthy(incident(severity="SEV4")).run(seconds=3), "alice", ask_postmortem={}, text="Lucky this time")
    assert "PostmortemAsked by alice: Asks for a full postmortem: Lucky this time" == last(world)
    record = world.run(minutes=20).incident.status.postmortem
    assert ("Required", ("asked by alice",)) == (record.decision, record.reasons)


def test_asking_after_it_was_decided_makes_a_short_one_a_full_one():
    """The draft stays; the decision is another, and says why. Asked twice is asked once."""
    world = healthy(incident(severity="SEV4")).run(minutes=20)
    assert "Short" == world.incident.status.postmortem.decision
    say(world, "alice", ask_postmortem={})
    assert "alice asked for it already" in last(say(world, "alice", ask_postmortem={}))
    record = say(world, "bob", ask_postmortem={}).incident.status.postmortem
    assert ("Required", ("asked by alice", "asked by bob")) == (record.decision, record.reasons)


def test_a_drill_has_no_postmortem_to_ask_for():
    """Refused."""
    assert "a drill has no postmortem" in last(say(healthy(incident(drill=True)).run(seconds=3), ask_postmortem={}))


# --- signOff ---------------------------------------------------------------------------------------------------------


def drafted() -> World:
    """Resolved; alice, who declared it, is the author."""
    return healthy(incident(severity="SEV4")).run(minutes=20)


def test_another_person_signs_the_postmortem_off():
    """Who, and of which text; once for each text."""
    world = drafted()
    text = world.objects[("postmortems", "checkout-5xx")]
    text["metadata"]["generation"] = 3
    say(world, sign_off={})
    (signed,) = world.incident.status.postmortem.sign_offs
    assert ("bob", 3, "PostmortemSigned by bob: Signs Postmortem checkout-5xx off") == (
        signed.by,
        signed.generation,
        last(world),
    )
    assert "signed this text off already" in last(say(world, sign_off={}))
    text["metadata"]["generation"], text["spec"]["lessons"] = 4, "Another word"
    assert [4] == [s.generation for s in say(world, sign_off={}).incident.status.postmortem.sign_offs]


@pytest.mark.parametrize(
    ("by", "why"),
    [("alice", "alice is an author of it: another person signs it off"), (ROBOT, "is a machine")],
    ids=["author", "machine"],
)
def test_who_wrote_it_can_not_sign_it_off(by, why):
    """Nobody vouches for their own words."""
    world = say(drafted(), by, sign_off={})
    assert why in last(world)
    assert world.incident.status.postmortem.sign_offs is None


def test_what_is_not_written_can_not_be_signed():
    """Before it is resolved, and when somebody deleted it."""
    assert "there is no postmortem yet" in last(say(healthy(incident()).run(seconds=3), sign_off={}))
    world = drafted()
    del world.objects[("postmortems", "checkout-5xx")]
    assert "there is no Postmortem checkout-5xx" in last(say(world, sign_off={}))


@pytest.mark.parametrize(("status", "told"), [(503, False), (403, True)], ids=["for-now", "for-good"])
def test_a_postmortem_that_can_not_be_read_holds_up_nobody_for_good(status, told):
    """What may be answered in a moment is waited for; a refusal is told, and what is said after it goes on."""
    world = drafted()
    answer = world.answer
    world.answer = lambda q: Failed(status, "no") if getattr(q, "ref", None) == POSTMORTEMS else answer(q)
    say(world, sign_off={})
    assert told == ("can't be read: no" in last(world))


# --- what can't be read ----------------------------------------------------------------------------------------------


def body(name: str = "odd", after: timedelta = timedelta(seconds=9), **spec: Any) -> dict[str, Any]:
    """An entry as a newer, or older, schema let it in."""
    said = {"incident": "checkout-5xx", "author": {"username": "bob"}, **spec}
    meta = {"name": name, "namespace": "shop", "uid": name, "resourceVersion": str(1000 + int(after.total_seconds()))}
    return {"metadata": meta | {"creationTimestamp": stamp(T0 + after)}, "spec": said}


def test_an_entry_that_can_not_be_read_is_refused_once_in_its_place():
    """Never dropped: the line names the field, and what was said after it is taken in after it."""
    world = healthy(incident()).run(seconds=3)
    odd = read_entry(body(take={"role": "king"}))
    assert isinstance(odd, Unreadable)
    world.say(entry("bob", after=timedelta(seconds=10), note={}, text="after it"), odd).run(seconds=40)
    told = [line for line in world.incident.status.timeline if line.by == "bob"]
    assert ["EntryRefused", "Note"] == [line.kind for line in told]
    assert "Refused: it can't be read: spec.take.role: " in told[0].text
    assert "'king'" in told[0].text
    assert all("stanch.dev/folded" in e.metadata.labels for e in world.entries)


@pytest.mark.parametrize("author", [None, {}, {"username": 3}, {"username": ""}, "bob"])
def test_an_author_that_can_not_be_read_is_somebody(author):
    """No entry is so odd that it can't be told."""
    odd = read_entry(body(author=author, take={"role": "king"}))
    assert ("somebody", T0 + timedelta(seconds=9)) == (odd.author, odd.said)


def test_a_member_of_a_newer_schema_is_refused_with_words():
    """Unknown fields are ignored, and then nothing is said."""
    world = healthy(incident()).run(seconds=3)
    world.say(read_entry(body(levitate={}))).run(seconds=3)
    assert "EntryRefused by bob: Refused: it says nothing that is known here" == last(world)


def test_each_is_folded_once_also_when_the_mark_is_lost():
    """A crash between the status and the mark: the next look makes the mark, and no second line."""
    world = healthy(incident()).run(seconds=3)
    world.say(
        read_entry(body(take={"role": "king"})), entry("bob", after=timedelta(seconds=10), severity={"level": "SEV3"})
    )
    world.look(die_after=1)
    assert ["EntryRefused", "SeverityChanged"] == world.kinds()[-2:]
    assert all("stanch.dev/folded" not in e.metadata.labels for e in world.entries)
    world.run(seconds=20)
    assert (1, 1) == (world.kinds().count("EntryRefused"), world.kinds().count("SeverityChanged"))
    assert all("stanch.dev/folded" in e.metadata.labels for e in world.entries)
