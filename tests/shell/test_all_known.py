"""After a start: is every open incident known? Only then can it be counted what they do, and is anybody told anything."""

import asyncio
import contextlib
import math
from collections.abc import AsyncIterator
from typing import Any

import pytest

from stanch.api.policy import DEFAULT
from stanch.core.observations import Policies
from stanch.shell import run
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache
from stanch.shell.client import Reply, Unanswered
from stanch.shell.clock import Clock
from stanch.shell.health import Health
from stanch.shell.items import Items
from stanch.shell.known import all_known
from stanch.shell.orphan_sweep import CannotLook
from stanch.shell.policy_book import PolicyBook
from stanch.shell.reconcile import Reconciler
from stanch.shell.rewind import Rewind
from stanch.shell.tenure import Tenure
from world import CATALOG

Json = dict[str, Any]


def stored(name: str, version: int = 10, uid: str = "u") -> Json:
    """An incident."""
    return {"metadata": {"name": name, "namespace": "shop", "uid": uid, "resourceVersion": str(version)}}


class Paper:
    """An API server that answers lists in turn, the last one again and again."""

    def __init__(self, *lists: Reply | Unanswered) -> None:
        self.lists, self.clock, self.asked = list(lists), Clock(), []

    async def get(self, path: str, params: Json | None = None, accept: str = "") -> Reply:
        self.asked.append((path, dict(params or {})))
        reply = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
        if isinstance(reply, Unanswered):
            raise reply
        return reply


def listed(*items: Json, more: str = "") -> Reply:
    """The answer to a list."""
    return Reply(200, {"metadata": {"continue": more}, "items": list(items)})


def knows(*bodies: Json) -> Cache:
    """A cache of these."""
    cache = Cache()
    for body in bodies:
        cache.put(Key("incidents", "shop", body["metadata"]["name"]), body)
    return cache


@pytest.mark.parametrize(
    ("known", "is_all"),
    [
        ([stored("a"), stored("b")], True),
        ([stored("a"), stored("b", 11)], True),
        ([stored("a")], False),
        ([stored("a"), stored("b", 9)], False),
        ([stored("a"), stored("b", 11, "another")], False),
        ([stored("a"), stored("b"), stored("gone")], True),
    ],
    ids=["all", "newer", "one lacks", "older", "a namesake", "more"],
)
async def test_all_are_known_when_each_is_and_as_new(known: list[Json], is_all: bool) -> None:
    """Page by page, by uid and version."""
    kube = Paper(listed(stored("a"), more="next"), listed(stored("b")))
    assert is_all == await all_known(kube, knows(*known))
    assert {"labelSelector": "!stanch.dev/closed"}.items() <= kube.asked[0][1].items()


async def test_a_list_that_cannot_be_read_is_no_empty_list() -> None:
    """Nobody knows how many there are."""
    with pytest.raises(CannotLook, match="not now"):
        await all_known(Paper(Reply(500, {"message": "not now"})), Cache())


async def test_nothing_is_begun_until_the_watch_has_told_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused, unanswered, not there yet; then all of them are looked at."""
    monkeypatch.setattr(run, "KNOWN_SECONDS", 0.001)
    there = listed(stored("a"))
    kube = Paper(Reply(500, {"message": "not now"}), Unanswered("no answer"), there)
    reconciler = Reconciler(kube, CATALOG, Cache(), Bells(), Rewind(kube))
    reconciler.policies, reconciler.uncounted = Policies(proven=True), "not read yet"
    waiting = asyncio.create_task(run._until_all_known(reconciler))
    while len(kube.asked) < 4:  # noqa: ASYNC110 - a list grows, and nobody tells of it
        await asyncio.sleep(0.001)
    assert ("The other incidents can't be read: no answer", False) == (
        reconciler.uncounted,
        reconciler._proven().proven,
    )
    reconciler.cache.put(Key("incidents", "shop", "a"), stored("a"))
    await asyncio.wait_for(waiting, 10)
    assert reconciler._proven().proven
    assert Key("incidents", "shop", "a") == await asyncio.wait_for(reconciler.bells.take(), 10)


# --- who works before that -------------------------------------------------------------------------------------------

KEY = Key("incidents", "shop", "a")
UNREAD = "not read yet"


@contextlib.asynccontextmanager
async def started(kube: Paper) -> AsyncIterator[tuple[Reconciler, asyncio.Queue[str]]]:
    """An operator that has just started and has something to look at; and at each look why nothing may be begun."""
    reconciler = Reconciler(kube, CATALOG, Cache(), Bells(), Rewind(kube))
    reconciler.uncounted, reconciler.book = UNREAD, PolicyBook(DEFAULT, UNREAD)
    tenure, looks = Tenure(), asyncio.Queue[str]()

    async def look(key: Key) -> None:
        looks.put_nowait(reconciler._proven().problem)

    reconciler.look = look
    reconciler.cache.put(KEY, stored("a"))
    tenure.extend(math.inf)
    reconciler.bells.ring(KEY)
    items = Items(reconciler, reconciler.bells, tenure)
    working = asyncio.create_task(run._work(reconciler, tenure, reconciler.bells, items))
    try:
        yield reconciler, looks
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)


async def turns() -> None:
    """Whatever can go on without waiting for anything has gone on."""
    for _ in range(50):
        await asyncio.sleep(0)


LAST = ("policies", "book", "incidents")


@pytest.mark.parametrize("last", LAST)
async def test_a_restart_tells_nobody_what_is_read_a_moment_later(last: str) -> None:
    """An incident with a pending wish would say Held and Stalled for that moment: it is not looked at before all is known."""
    reads = {
        "policies": lambda r: setattr(r, "policies", Policies(proven=True)),
        "book": lambda r: setattr(r.book, "problem", ""),
        "incidents": lambda r: setattr(r, "uncounted", ""),
    }
    async with started(Paper(listed())) as (reconciler, looks):
        for each in [*(o for o in LAST if o != last), last]:
            run._more_is_known(reconciler)
            await turns()
            assert looks.empty()
            reads[each](reconciler)
        run._more_is_known(reconciler)
        assert "" == await asyncio.wait_for(looks.get(), 10)


async def test_each_reader_tells_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loops of a start themselves: incidents, ResponsePolicies, and admission policies."""
    monkeypatch.setattr(run, "look_at_policies", lambda _: _answer(Policies(True)))
    kube = Paper(listed(stored("a")))
    async with started(kube) as (reconciler, looks):
        reconciler.observer.served.look = lambda _: _answer(None)
        loops = (run._until_all_known(reconciler), run._watch_policies(kube, reconciler, Health()))
        tasks = [asyncio.create_task(each) for each in (*loops, run._read_policies(reconciler))]
        try:
            assert "" == await asyncio.wait_for(looks.get(), 10)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _answer(what: Any) -> Any:
    return what


async def test_policies_that_are_missing_are_told_at_once() -> None:
    """That is known, and nothing else that is read changes it."""
    async with started(Paper(listed())) as (reconciler, looks):
        reconciler.policies = Policies(False, "stanch-own-labels is missing")
        run._more_is_known(reconciler)
        assert "stanch-own-labels is missing" == await asyncio.wait_for(looks.get(), 10)


async def test_what_is_still_unread_after_a_few_seconds_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Why nothing is begun, and evidence is captured meanwhile."""
    monkeypatch.setattr(run, "PATIENCE_SECONDS", 0.05)
    async with started(Paper(listed())) as (reconciler, looks):
        reconciler.policies, reconciler.book.problem = Policies(proven=True), ""
        assert UNREAD == await asyncio.wait_for(looks.get(), 10)
