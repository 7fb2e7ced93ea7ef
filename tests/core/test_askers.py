"""Whose rights are asked when an effect is taken back by itself: those of who asked for it, as admission stamped them then."""

from datetime import timedelta

import pytest

from build import Json, entry, incident, scale_to
from objects import FLUX
from stanch.api.incident import Incident
from stanch.core.askers import ASKER, ASKER_BYTES_MAX, asker
from stanch.core.draft import Draft
from stanch.core.observations import Failed, Observations
from stanch.core.ports import Refusal
from stanch.core.questions import MayThey, UndoSecret
from world import CATALOG, World, healthy

SIZE = scale_to(4, revert="OnResolved")
TARGET = {"kind": "Deployment", "name": "checkout"}


def grouped(*wishes: Json, groups: tuple[str, ...] = ("admins",)) -> Incident:
    """Asked for by alice, as one of these groups."""
    body = incident(*wishes).wire()
    for each in body["spec"]["requesters"]:
        each["groups"] = list(groups)
    return Incident.model_validate(body)


def in_group(question: MayThey) -> bool:
    """Nobody has a right of their own."""
    return "admins" in question.groups


def scaled(inc: Incident) -> World:
    """Done, with rights that come from a group."""
    world = healthy(inc)
    world.may = in_group
    return world.run(seconds=10)


BOB = {"username": "bob", "uid": "bob", "groups": ["guests"]}


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"mitigations": None, "requesters": None},
        {"requesters": [BOB | {"mitigations": ["size"]}]},
    ],
    ids=["as it was", "dropped from the spec", "the name is bob's now"],
)
def test_what_goes_back_by_itself_goes_back_with_the_rights_of_who_asked(spec: Json) -> None:
    """The spec may say something else by now; whoever it names now asked for nothing of this."""
    world = scaled(grouped(SIZE)).respec(**spec).run(minutes=10)
    assert ("Undone", 3) == (world.record("size").state.value, world.target["spec"]["replicas"])
    assert [] == world.broken


def test_rights_that_were_lost_since_are_lost() -> None:
    """Kept is who they are, and not what they may."""
    world = scaled(grouped(SIZE))
    world.may = lambda question: "patch" != question.verb
    world.run(minutes=10)
    assert ("Done", 4) == (world.record("size").state.value, world.target["spec"]["replicas"])
    assert "alice may not patch" in world.record("size").message


def test_a_hold_is_lifted_with_the_rights_of_who_asked_for_what_it_held() -> None:
    """Else Flux stays off for an incident that is over."""
    world = healthy(grouped(SIZE))
    world.may = in_group
    world.target["metadata"]["labels"] |= FLUX
    world.run(minutes=15)
    states = {r.name: r.state.value for r in world.incident.status.mitigations}
    assert {"size": "Undone", "hold-size": "Undone"} == states


def test_what_is_written_down_is_done_although_its_item_left_the_spec() -> None:
    """A wish that disappears after its start runs to its end (decisions 1.3)."""
    world = healthy(grouped(SIZE))
    world.may = in_group
    cut = world.about_to_act()
    cut.stopped = None
    cut.respec(mitigations=None, requesters=None).run(seconds=10)
    assert 4 == cut.target["spec"]["replicas"]


def test_an_entry_that_is_gone_takes_nobody_their_effect_back() -> None:
    """What was asked by an entry is kept in the same way."""
    world = healthy(incident())
    world.may = in_group
    said = entry("alice", after=timedelta(seconds=2), mitigate=SIZE | {"target": TARGET}).wire()
    said["spec"]["author"]["groups"] = ["admins"]
    world.run(seconds=3).say(type(entry("x")).model_validate(said)).run(seconds=10)
    assert 4 == world.target["spec"]["replicas"]
    world.entries = []
    assert 3 == world.run(minutes=10).target["spec"]["replicas"]


def test_while_it_cannot_be_read_nobody_is_refused() -> None:
    """A read that failed says nothing about rights: asked again."""
    world = scaled(grouped(SIZE)).respec(mitigations=None, requesters=None)
    answers = {UndoSecret(name): Failed(500, "no answer") for name in world.secrets}
    draft = Draft(world.incident, Observations(answers=answers), CATALOG, world.now, world.incident.status)
    unknown = asker(draft, world.record("size"))
    assert isinstance(unknown, Refusal)
    assert ("AuthorityUnproven", False) == (unknown.reason, unknown.final)


def test_who_is_in_too_many_groups_is_looked_up_in_the_spec() -> None:
    """A Secret has no room for all that an API server may say of a person."""
    many = tuple(f"{n:05}-{'g' * 100}" for n in range(ASKER_BYTES_MAX // 100))
    world = scaled(grouped(SIZE, groups=("admins", *many)))
    assert [None] == [s.get(ASKER) for s in world.secrets.values()]
    assert 3 == world.run(minutes=10).target["spec"]["replicas"]


def test_groups_are_kept_where_few_read() -> None:
    """In the undo record, and not in the status."""
    world = scaled(grouped(SIZE))
    assert ["admins"] == [g for s in world.secrets.values() for g in s[ASKER]["groups"]]
    assert "admins" not in world.incident.status.model_dump_json()
