"""An effect rests on the record as it is, not as the operator remembers it."""

import asyncio
import copy
from datetime import timedelta

import pytest

from build import incident, roll_back
from stanch.core.observations import Policies
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache
from stanch.shell.client import Reply
from stanch.shell.clock import Clock
from stanch.shell.reconcile import Reconciler
from stanch.shell.rewind import Rewind
from world import CATALOG, World, bad_deploy

KEY = Key("incidents", "shop", "checkout-5xx")


class Paper:
    """An API server that holds one incident, takes no status, and counts what is done to targets."""

    def __init__(self, held: dict | None) -> None:
        self.held, self.clock, self.effects = held, Clock(), []

    async def get(self, path, params=None, accept=""):
        return Reply(200, self.held) if self.held else Reply(404, {})

    async def patch(self, path, body, content_type, dry=False):
        if "/incidents/" not in path:
            self.effects.append(path)
        return Reply(409, {"message": "another version"})

    async def create(self, path, obj):
        return Reply(201, {})


class Seen:
    """Answers questions from a world on paper."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def answer(self, questions, left):
        return {q: self.world.answer(q) for q in questions}


def intended() -> tuple[World, dict]:
    """Written down by somebody who was killed before doing it; and the incident as it was read then."""
    world = bad_deploy(incident(roll_back()))
    while not any(r.attempts for r in world.incident.status.mitigations or ()):
        world.look(die_after=2)
    body = {"metadata": {**world.incident.metadata.wire(), "resourceVersion": "107"}}
    status = world.incident.status.wire()
    # Noted already, so that nothing is to be written before the deed.
    status["evidence"] = [{**each, "stored": True} for each in status["evidence"]]
    return world, body | {"spec": world.incident.spec.wire(), "status": status}


def changed(body: dict | None, **metadata: str) -> dict | None:
    """The incident as the API server has it."""
    held = copy.deepcopy(body)
    held["metadata"] |= metadata
    return held


async def looked(world: World, known: dict, held: dict | None) -> tuple[Paper, Rewind]:
    """One look by an operator that knows this, at an API server that holds that."""
    kube, cache = Paper(held), Cache()
    cache.put(KEY, known)
    rewind = Rewind(kube, again=0.001)
    reconciler = Reconciler(kube, CATALOG, cache, Bells(), rewind)
    reconciler.observer, reconciler.now = Seen(world), lambda: world.now + timedelta(seconds=20)
    reconciler.policies = Policies(proven=True)
    await asyncio.wait_for(reconciler.look(KEY), 10)
    await reconciler.drain()
    return kube, rewind


async def test_what_is_written_down_and_not_done_is_done():
    """The record is as it was read: somebody has to go on."""
    world, known = intended()
    kube, rewind = await looked(world, known, known)
    assert (1, None) == (len(kube.effects), rewind.time)


@pytest.mark.parametrize(
    ("metadata", "past"),
    [
        ({"resourceVersion": "90"}, True),
        ({"resourceVersion": "111"}, False),
        ({"uid": "another"}, False),
        (None, False),
    ],
    ids=["the-past-came-back", "somebody-wrote-it", "created-again", "gone"],
)
async def test_what_is_only_remembered_is_not_done(metadata, past):
    """The record is another by now, or was never written: nothing is done, and a restore is seen as one."""
    world, known = intended()
    held = changed(known, **metadata) if metadata is not None else None
    kube, rewind = await looked(world, known, held)
    assert ([], past) == (kube.effects, rewind.time is not None)
