"""Who may ask for an undo: only who has the right; what somebody else asked for, and what goes on, is not theirs to stop."""

import pytest

from build import BAD, GOOD, entry, incident, roll_back, scale_to
from stanch.core.observations import Failed
from stanch.core.questions import MayThey
from world import World, bad_deploy, healthy

SIZE = {"mitigation": "size"}


def _only_alice(question: MayThey) -> bool:
    return question.username == "alice"


def _say(world: World, by: str, **said: object) -> World:
    after = world.now - world.incident.declared
    return world.say(entry(by, after=after, name=f"said-{len(world.entries)}", **said)).run(seconds=5)


def _refused(world: World) -> str:
    return next(x.text for x in reversed(world.incident.status.timeline) if x.kind == "EntryRefused")


def _scaled(**wish: object) -> World:
    hold = "30s" if wish else "10m"
    world = healthy(incident(scale_to(4, **wish), recovery={"hold": hold})).run(seconds=10)
    world.may = _only_alice
    return world


def test_without_the_right_it_is_only_a_refused_entry():
    """The record of the mitigation says nothing about eve."""
    world = _scaled()
    before = world.record("size")
    _say(world, "eve", undo=SIZE)
    assert "eve may not patch deployments/scale checkout in namespace shop" in _refused(world)
    assert (before, 4) == (world.record("size"), world.target["spec"]["replicas"])


def test_it_does_not_keep_a_chosen_revert_from_coming():
    """`revert: OnResolved` is somebody's word; nobody without the right takes it back."""
    world = _say(_scaled(revert="OnResolved"), "eve", undo=SIZE).run(minutes=10)
    assert ("Undone", 3) == (world.record("size").state.value, world.target["spec"]["replicas"])


def test_it_does_not_take_the_place_of_one_that_waits():
    """Frozen, alice's undo waits; after the thaw it is done."""
    world = _scaled()
    world.frozen = ("undos",)
    _say(_say(world, "alice", undo=SIZE), "eve", undo=SIZE)
    assert "alice" == world.record("size").undo_asked.by
    world.frozen = ()
    assert 3 == world.run(minutes=1).target["spec"]["replicas"]


def test_nor_does_one_with_the_right():
    """Two people want it back: the first one's stands, the second is told so."""
    world = _scaled()
    world.may, world.frozen = lambda _: True, ("undos",)
    _say(_say(world, "alice", undo=SIZE), "bob", undo=SIZE | {"force": True}, text="at once")
    asked = world.record("size").undo_asked
    assert ("alice", None) == (asked.by, asked.force)
    assert "alice asked to undo size already" in _refused(world)


def test_who_asked_may_say_it_again_in_another_way():
    """Their own word is theirs to change."""
    world = _scaled()
    world.frozen = ("undos",)
    _say(_say(world, "alice", undo=SIZE), "alice", undo=SIZE | {"force": True}, text="in any case")
    assert world.record("size").undo_asked.force


def test_another_may_stand_in_for_one_whose_rights_can_not_be_proven():
    """Else nobody could take it back as long as that lasts (decisions 1.3 no. 25)."""
    world = _scaled()
    world.may, answer = (lambda _: True), world.answer
    world.frozen = ("undos",)
    _say(world, "alice", undo=SIZE)
    world.frozen = ()
    unproven = lambda q: isinstance(q, MayThey) and q.verb != "freeze" and q.username == "alice"  # noqa: E731
    world.answer = lambda q: Failed(500, "no answer") if unproven(q) else answer(q)
    assert "AuthorityUnproven" == world.run(seconds=20).record("size").reason
    _say(world, "bob", undo=SIZE).run(seconds=20)
    assert 3 == world.target["spec"]["replicas"]


def test_it_stops_nothing_that_is_under_way():
    """A rollback that is being verified goes on to its end."""
    world = bad_deploy(incident(roll_back(), recovery={"hold": "10m"}))
    world.may, world.controller_works = _only_alice, False
    world.run(seconds=4)
    world.target["status"] |= {"observedGeneration": world.target["metadata"]["generation"], "updatedReplicas": 1}
    _say(world, "eve", undo={"mitigation": "roll-back"}).run(seconds=15)
    record = world.record("roll-back")
    assert ("Running", "Applied") == (record.state.value, record.attempts[0].state.value)


def test_nothing_is_decided_while_the_right_is_not_known():
    """An answer that did not come is neither yes nor no: it waits, and then counts."""
    world = _scaled()
    answer = world.answer
    asks = lambda q: isinstance(q, MayThey) and q.verb != "freeze"  # noqa: E731
    world.answer = lambda q: Failed(500, "no answer") if asks(q) else answer(q)
    _say(world, "alice", undo=SIZE).run(seconds=10)
    assert (None, 4) == (world.record("size").undo_asked, world.target["spec"]["replicas"])
    del world.answer
    assert 3 == world.run(seconds=20).target["spec"]["replicas"]


@pytest.mark.parametrize("revert", ["OnResolved", "OnExpiry"])
def test_a_chosen_revert_waits_for_the_right_of_who_chose_it(revert):
    """Lost for an hour, given back: then it is done. It is told once, and owed all the while."""
    wish = scale_to(4, revert=revert, ttl="5m")
    world = healthy(incident(wish, recovery={"hold": "30s"})).run(seconds=10)
    world.may = lambda q: q.resource != "deployments"
    record = world.run(minutes=60).record("size")
    assert ("NoAuthority", 4, 1) == (
        record.reason,
        world.target["spec"]["replicas"],
        world.kinds().count("UndoRefused"),
    )
    assert world.incident.status.debt
    world.may = lambda _: True
    world.run(minutes=30)
    assert ("Undone", 3, []) == (world.record("size").state.value, world.target["spec"]["replicas"], world.broken)


def test_a_right_that_was_lost_while_it_waited_has_a_reason_of_its_own():
    """The target is as stanch left it: an undo by another is exact, and a chosen revert still comes."""
    world = bad_deploy(incident(roll_back(), recovery={"hold": "10m"})).run(seconds=5)
    world.frozen = ("undos",)
    _say(world, "alice", undo={"mitigation": "roll-back"})
    world.frozen, world.may = (), lambda q: q.username != "alice"
    record = world.run(seconds=30).record("roll-back")
    assert ("NoAuthority", None, GOOD) == (record.reason, record.undo_asked, world.image)
    _say(world, "bob", undo={"mitigation": "roll-back"}).run(seconds=10)
    assert BAD == world.image
