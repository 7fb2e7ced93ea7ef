"""A cluster that comes back from a backup: what was asked before is not done, whether anybody saw the restore or not."""

import copy
from collections.abc import Callable
from datetime import timedelta

import pytest

from build import BAD, GOOD, T0, entry, incident, roll_back, scale_to
from core.test_removals import drain, owned
from stanch.core.commands import Remove
from world import World, bad_deploy

GIT = "system:serviceaccount:shop:git"


def asked() -> World:
    """Declared while no operator ran."""
    return bad_deploy(incident(roll_back()))


def edited() -> World:
    """Declared, then its title was edited, while no operator ran: it is no longer as it was created."""
    world = asked().respec(title="Checkout is down")
    mine = {"manager": "stanch", "time": "2026-11-21T16:00:00Z"}
    fields = ({"manager": "kubectl", "time": "2026-11-21T14:00:09Z"}, {"manager": "x", "subresource": "status"}, mine)
    meta = world.incident.metadata.wire() | {"managedFields": fields}
    world.incident = world.incident.model_validate({**world.incident.wire(), "metadata": meta})
    return world


def waiting() -> World:
    """Asked by Git: a person's word is missing."""
    return bad_deploy(incident(roll_back(), by=GIT)).run(seconds=5)


def agreed(world: World, by: str = "bob") -> World:
    """A person agrees to the plan as it stands."""
    said = {"mitigation": "roll-back", "action": "rolloutUndo", "digest": world.record("roll-back").digest}
    return world.say(entry(by, after=world.now - T0, approve=said))


def approved() -> World:
    """The approval is there, and nobody has read it."""
    return agreed(waiting())


def counted() -> World:
    """The approval is in the status, and nothing was done yet."""
    world = approved()
    world.look(die_after=1)
    return world


def intended() -> World:
    """Everything is written down, and nothing is done yet."""
    world = asked()
    while not any(r.attempts for r in world.incident.status.mitigations or ()):
        world.look(die_after=2)
    assert [] == world.effects
    return world


def next_rung() -> World:
    """The second of a ladder waits until the first has had its time."""
    return bad_deploy(incident(scale_to(4, "first"), roll_back())).run(seconds=5)


def undo_asked() -> World:
    """Rolled back; somebody wants it back, and nobody has read that."""
    world = asked().run(seconds=5)
    return world.say(entry("alice", after=world.now - T0, undo={"mitigation": "roll-back"}))


def draining() -> World:
    """A drain in the middle: some pods are gone, one may not go yet."""
    world = drain(*(owned(f"web-{n}") for n in range(8)))
    world.guarded = {"web-7"}
    return world.run(seconds=15)


SCENES = [asked, edited, waiting, approved, counted, intended, next_rung, undo_asked, draining]


def done(world: World) -> int:
    """How many effects there were."""
    return len(world.effects)


def restored(scene: Callable[[], World], later: timedelta, seen: bool) -> World:
    """The backup of a scene, brought back so much later."""
    world = copy.deepcopy(scene())
    world.now += later
    world.guarded = set()
    world.restored = world.now if seen else None
    return world


@pytest.mark.parametrize("scene", SCENES, ids=lambda s: s.__name__)
def test_what_was_asked_before_a_restore_is_not_done(scene):
    """Only a minute later, and with everything there to do it: nothing, and the record says why."""
    world = restored(scene, timedelta(minutes=1), seen=True)
    before = done(world)
    world.run(minutes=30)
    assert (before, []) == (done(world), world.broken)
    assert any("restored from a backup" in line.text for line in world.incident.status.timeline)


@pytest.mark.parametrize("scene", SCENES[:-2], ids=lambda s: s.__name__)
def test_what_is_too_old_is_not_done_though_nobody_saw_the_restore(scene):
    """An hour after it was asked and a quarter of an hour after it was approved or written down, it is over."""
    world = restored(scene, timedelta(hours=2), seen=False)
    before = done(world)
    world.run(minutes=30)
    assert (before, []) == (done(world), world.broken)


def test_what_is_done_already_stays_done():
    """A finished incident comes back finished."""
    world = restored(lambda: asked().run(minutes=40), timedelta(minutes=1), seen=True)
    before = world.incident.status
    world.run(minutes=30)
    assert (1, GOOD, before.mitigations) == (done(world), world.image, world.incident.status.mitigations)


def test_what_a_person_asks_after_the_restore_is_done():
    """The world is as it was then, and may need it again: under a new name, by somebody who has seen it."""
    world = restored(waiting, timedelta(minutes=1), seen=True).run(seconds=5)
    assert (BAD, "Refused", "Restored") == (
        world.image,
        world.record("roll-back").state,
        world.record("roll-back").reason,
    )
    again = roll_back("again", target={"kind": "Deployment", "name": "checkout"})
    world.say(entry("alice", after=world.now - T0, mitigate=again)).run(seconds=10)
    assert (GOOD, 1, []) == (world.image, done(world), world.broken)


def test_a_drain_stops_at_the_restore():
    """No pod more goes; those that went are told."""
    world = restored(draining, timedelta(seconds=5), seen=True)
    before = [c for c in world.effects if isinstance(c, Remove)]
    world.run(minutes=5)
    assert before == [c for c in world.effects if isinstance(c, Remove)]
    assert ("Failed", True) == (world.record("act").state.value, "restored" in world.record("act").message)
