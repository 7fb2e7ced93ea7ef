"""An effect rests on the record as it is, not as the operator remembers it."""

import asyncio
import copy
from datetime import timedelta

import pytest

from build import incident, roll_back
from stanch.api.policy import DEFAULT
from stanch.core.observations import Found, Policies
from stanch.core.reading import Unreadable
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache
from stanch.shell.client import Reply
from stanch.shell.clock import Clock
from stanch.shell.policy_book import PolicyBook
from stanch.shell.reconcile import ENTRIES_AT_ONCE, Reconciler
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

    async def answer(self, questions, left, spare=frozenset()):
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


async def looked(
    world: World, known: dict, held: dict | None, book: PolicyBook | None = None, uncounted: str = ""
) -> tuple[Paper, Rewind]:
    """One look by an operator that knows this, at an API server that holds that."""
    kube, cache = Paper(held), Cache()
    cache.put(KEY, known)
    rewind = Rewind(kube, again=0.001)
    reconciler = Reconciler(kube, CATALOG, cache, Bells(), rewind)
    reconciler.book, reconciler.uncounted = book or reconciler.book, uncounted
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


async def test_an_entry_of_another_schema_is_handed_in_and_not_dropped():
    """What can't be read is for the plan to refuse, in its place."""
    world = bad_deploy(incident()).run(seconds=3)
    meta = {"name": "odd", "namespace": "shop", "uid": "odd", "creationTimestamp": "2026-11-21T14:00:09Z"}
    spec = {"incident": "checkout-5xx", "author": {"username": "bob"}, "take": {"role": "king"}}
    world.objects[("timelineentries", "odd")] = {"metadata": meta, "spec": spec}
    kube = Paper(None)
    reconciler = Reconciler(kube, CATALOG, Cache(), Bells(), Rewind(kube, again=0.001))
    reconciler.observer = Seen(world)
    (odd,) = await reconciler._entries(world.incident)
    assert (True, "bob") == (isinstance(odd, Unreadable), odd.author)
    assert odd.why.startswith("spec.take.role: ")


class Listed:
    """Answers a list of entries as the API server does: by name, so many at a time."""

    def __init__(self, entries: list[dict], at_once: int) -> None:
        self.entries, self.at_once = sorted(entries, key=lambda e: e["metadata"]["name"]), at_once

    async def answer(self, questions, left, spare=frozenset()):
        (question,) = questions
        start = int(question.after or 0)
        end = start + self.at_once
        more = {"continue": str(end)} if end < len(self.entries) else {}
        return {question: Found({"items": self.entries[start:end], "metadata": more})}


def said(name: str, version: int, when: str = "2026-11-21T14:00:09Z") -> dict:
    """An entry that was stored as this version."""
    meta = {
        "name": name,
        "namespace": "shop",
        "uid": name,
        "resourceVersion": str(version),
        "creationTimestamp": when,
    }
    return {"metadata": meta, "spec": {"incident": "checkout-5xx", "note": {}, "text": "hi"}}


async def test_of_very_many_entries_the_oldest_come_first_whatever_their_names():
    """What was said first is folded first; a flood of names that sort early hides nobody."""
    flood = [said(f"a{n:04}", 2000 + n) for n in range(1200)]
    old = [said(f"b{n}", 100 + n, "2026-11-20T14:00:00Z") for n in range(700)]
    reconciler = Reconciler(Paper(None), CATALOG, Cache(), Bells(), Rewind(Paper(None)))
    reconciler.observer = Listed([said("zz", 1999), *flood, *old], 500)
    entries = await reconciler._entries(bad_deploy(incident()).run(seconds=3).incident)
    assert ["zz", "a0000", "a0001"] == [e.metadata.name for e in entries[:3]]
    assert ENTRIES_AT_ONCE == len(entries)


async def test_while_the_response_policies_are_unread_nothing_is_done():
    """
    They may be stricter than what is built in: what is written down waits, too.
    """
    world, known = intended()
    kube, _ = await looked(world, known, known, PolicyBook(DEFAULT, "The ResponsePolicies have not been read yet"))
    assert kube.effects == []
    kube, _ = await looked(world, known, known, PolicyBook(DEFAULT))
    assert len(kube.effects) == 1


async def test_while_the_other_incidents_are_unread_nothing_is_done():
    """
    Guards count what they do: with half of them there is room for twice as much.
    """
    world, known = intended()
    kube, _ = await looked(world, known, known, uncounted="The other incidents have not been read yet")
    assert kube.effects == []
    kube, _ = await looked(world, known, known)
    assert len(kube.effects) == 1


async def test_what_is_in_force_in_a_namespace_is_planned_with():
    """
    The policy of its own namespace, and not that of another.
    """
    book = PolicyBook(DEFAULT)
    meta = {"name": "default", "namespace": "shop", "uid": "u", "resourceVersion": "1", "generation": 1}
    book.take({"metadata": meta, "spec": {"guardrails": {"scaleFactor": 2}}})
    reconciler = Reconciler(Paper(None), CATALOG, Cache(), Bells(), Rewind(Paper(None)))
    reconciler.book = book
    assert [2, 3] == [reconciler.catalog_in(namespace).policy.scale_factor for namespace in ("shop", "other")]
