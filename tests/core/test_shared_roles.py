"""Experts and shadows: several at once, taken or named by the spec, handed to nobody, and in nobody's way (decisions 2.5)."""

import pytest
from pydantic import ValidationError

from build import entry, incident
from stanch.api.said import SHARED, SHARED_MAX, Role, Seat
from stanch.core.draft import Draft
from stanch.core.nudges import responders
from walked import OPERATOR, SUMMARY, calm, hurt, say
from world import World, healthy


def joined(world: World, role: str) -> list[str]:
    """Who is expert, or shadow, in the order in which they came."""
    return [r.user for r in world.incident.status.roles or () if r.role == role]


def takes(world: World, by: str, role: str) -> World:
    """They write a take entry."""
    return say(world, by, take={"role": role})


def refused(world: World) -> str:
    """Why the last entry counts for nothing; empty when it counts."""
    line = world.incident.status.timeline[-1]
    return line.text if line.kind == "EntryRefused" else ""


@pytest.mark.parametrize("role", sorted(SHARED))
def test_several_have_it_at_once(role: str) -> None:
    """Nobody takes it from anybody; each is told, and nobody twice."""
    world = takes(takes(calm(roles={"commander": "alice"}), "bob", role), "carol", role)
    assert ["bob", "carol"] == joined(world, role)
    takes(world, "bob", role)
    assert f"Refused: bob is {role} already" == refused(world)
    assert (["bob", "carol"], "alice", []) == (joined(world, role), world.incident.status.commander, world.broken)


def test_the_spec_names_some_and_others_join() -> None:
    """Whom it names no more is none any more; who took it stays, and the same file again changes nothing."""
    world = takes(calm(roles={"experts": ["bob", "carol"], "shadows": ["eve"]}), "dora", "expert")
    assert (["bob", "carol", "dora"], ["eve"]) == (joined(world, "expert"), joined(world, "shadow"))
    world.respec(roles={"experts": ["carol"], "shadows": ["eve"]}).run(seconds=3)
    assert (["carol", "dora"], ["eve"]) == (joined(world, "expert"), joined(world, "shadow"))
    seen = world.incident.status.last_seq
    world.respec(roles={"experts": ["carol"], "shadows": ["eve"]}).run(seconds=3)
    assert (seen, []) == (world.incident.status.last_seq, world.broken)


def test_there_is_room_for_sixteen_of_each() -> None:
    """The seventeenth is told so; whom the spec names later has no more room than that."""
    named = [f"p{n}" for n in range(SHARED_MAX - 1)]
    world = takes(takes(calm(roles={"experts": named}), "bob", "expert"), "carol", "expert")
    assert f"Refused: {SHARED_MAX} people are expert already, and the record holds no more" == refused(world)
    world.respec(roles={"experts": [*named, "late"]}).run(seconds=3)
    assert ([*named, "bob"], []) == (joined(world, "expert"), world.broken)


@pytest.mark.parametrize("role", sorted(SHARED))
def test_it_is_handed_to_nobody(role: str) -> None:
    """The schema refuses it with what can be handed over: who is needed takes it."""
    with pytest.raises(ValidationError, match="commander"):
        entry("bob", handoff={"role": role, "to": "carol", "summary": SUMMARY})


def test_a_machine_is_no_expert() -> None:
    """As with any role."""
    world = takes(calm(), "system:serviceaccount:ci:deployer", "expert")
    assert "a person must say it" in refused(world)
    assert [] == joined(world, "expert")


def test_who_learns_splits_no_roles_and_is_no_responder() -> None:
    """Two who look on are no reason to split, and roles that only they have are no split."""
    world = hurt(roles={"commander": "alice"})
    for by in ("eve", "frank"):
        takes(world, by, "shadow")
    draft = Draft(world.incident, world.seen(), world.catalog, world.now, world.incident.status)
    assert {"alice"} == responders(draft)
    assert "SplitRoles" in world.run(minutes=31).kinds()


@pytest.mark.parametrize("role", sorted(SHARED))
def test_it_makes_nobody_tired(role: str) -> None:
    """Only who leads or works is asked to hand over after four hours: this is handed to nobody."""
    world = healthy(incident(roles={"commander": "alice", f"{role}s": ["bob"]}, recovery={"hold": "9h"}))
    world.run(hours=4, minutes=5)
    due = {x.text.split(" ")[0] for p in world.plans for x in p.status.timeline if x.kind == "HandoffDue"}
    assert {"alice"} == due


def test_all_that_is_a_role_can_be_taken() -> None:
    """One list has what is handed over, the other what can be taken."""
    assert {r.value for r in Role} | SHARED == {s.value for s in Seat}


def test_who_sits_down_to_learn_takes_nothing_on() -> None:
    """A shadow is no responder (ADR 65): nobody has taken it yet, and paging goes on."""
    world = takes(calm(roles=None, by=OPERATOR), "trainee", "shadow")
    assert "False NobodyYet" == world.condition("Acknowledged")
    assert "True RoleTaken" == takes(world, "alice", "commander").condition("Acknowledged")
