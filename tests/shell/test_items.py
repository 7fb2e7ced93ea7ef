"""ActionItem.status is written when it says something else, on the version that was judged; and what it tells comes before it."""

import asyncio
import contextlib
import json
import math
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from build import T0, stamp
from chores import PDB, body, nobody_knows, there
from stanch.api.policy import DEFAULT
from stanch.core.questions import Question
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache
from stanch.shell.client import Reply, Unanswered
from stanch.shell.items import Items, look_at_item
from stanch.shell.reconcile import Reconciler
from stanch.shell.rewind import Rewind
from stanch.shell.tenure import Tenure
from world import CATALOG

KEY = Key("actionitems", "shop", "reader-alert")
LATE = {"dueTime": stamp(T0 - timedelta(days=1))}


class Clock:
    """The API server's."""

    def now(self):
        return T0


class Paper:
    """An API server that takes a status or not, and Events or not; no two Events have one name."""

    clock = Clock()

    def __init__(self, takes: int = 200, hears: int = 201) -> None:
        self.takes, self.hears, self.did, self.events = takes, hears, [], {}

    async def patch(self, path: str, text: str, content_type: str, dry: bool = False) -> Reply:
        self.did.append(("patch", path, json.loads(text)))
        if self.takes != 200:
            return Reply(self.takes, {"message": "no"})
        stored = {**body(**LATE), "status": self.did[-1][2]["status"]}
        stored["metadata"]["resourceVersion"] = "8"
        return Reply(200, stored)

    async def create(self, path: str, obj: Mapping[str, Any]) -> Reply:
        self.did.append(("create", path, obj))
        if not self.hears:
            raise Unanswered(f"POST {path}")
        if obj["metadata"]["name"] in self.events:
            return Reply(409, {"message": "there is one"})
        if self.hears == 201:
            self.events[obj["metadata"]["name"]] = obj
        return Reply(self.hears, dict(obj))


async def ask(questions, within):
    """Nothing is there."""
    return {q: nobody_knows(q) for q in questions}


def known(*items: dict[str, Any]) -> Cache:
    """A cache that holds these."""
    cache = Cache()
    for item in items:
        cache.put(Key("actionitems", "shop", item["metadata"]["name"]), item)
    return cache


async def test_it_is_told_and_then_recorded():
    """On the very version; the Event is about the item; and neither again."""
    kube, cache = Paper(), known(body(**LATE))
    wake = await look_at_item(kube, ask, cache, KEY, DEFAULT, T0)
    (create, events, event), (patch, path, said) = kube.did
    assert ("create", "/api/v1/namespaces/shop/events") == (create, events)
    assert ("patch", "/apis/stanch.dev/v1alpha1/namespaces/shop/actionitems/reader-alert/status") == (patch, path)
    assert {"resourceVersion": "7", "uid": "uid-reader-alert"} == said["metadata"]
    assert "Overdue" == said["status"]["state"]
    assert ("ActionItem", "ActionItemDue", "Warning") == (
        event["involvedObject"]["kind"],
        event["reason"],
        event["type"],
    )
    assert T0 < wake
    await look_at_item(kube, ask, cache, KEY, DEFAULT, T0)
    assert 2 == len(kube.did)


@pytest.mark.parametrize("status", [409, 422, 503])
async def test_what_was_not_recorded_is_told_again_under_one_name(status):
    """A crash between the two: nothing is lost, and whoever looks into the namespace sees it once."""
    kube, cache = Paper(status), known(body(**LATE))
    await look_at_item(kube, ask, cache, KEY, DEFAULT, T0)
    kube.takes = 200
    await look_at_item(kube, ask, cache, KEY, DEFAULT, T0 + timedelta(minutes=7))
    assert ["create", "patch"] * 2 == [what for what, *_ in kube.did]
    assert ["ActionItemDue"] == [event["reason"] for event in kube.events.values()]
    assert stamp(T0 - timedelta(days=1)) == kube.did[-1][2]["status"]["chase"]["dueSaid"]


@pytest.mark.parametrize("status", [0, 429, 503])
async def test_what_could_not_be_told_is_not_recorded_as_told(status, caplog):
    """Nobody answered, or not now: it is asked of the API server again, and its log says so."""
    kube, cache = Paper(hears=status), known(body(**LATE))
    assert T0 + timedelta(seconds=30) == await look_at_item(kube, ask, cache, KEY, DEFAULT, T0)
    assert (["create"], True) == ([what for what, *_ in kube.did], "can't be told of" in caplog.text)
    kube.hears = 201
    await look_at_item(kube, ask, cache, KEY, DEFAULT, T0 + timedelta(seconds=30))
    assert (1, "patch") == (len(kube.events), kube.did[-1][0])


async def test_a_namespace_that_takes_no_events_holds_up_no_record():
    """One that is going, or a quota: the status is true all the same."""
    kube = Paper(hears=403)
    await look_at_item(kube, ask, known(body(**LATE)), KEY, DEFAULT, T0)
    assert "Overdue" == kube.did[-1][2]["status"]["state"]


async def test_one_that_is_gone_is_not_looked_at():
    """Nothing to say."""
    kube = Paper()
    assert await look_at_item(kube, ask, Cache(), KEY, DEFAULT, T0) is None
    assert [] == kube.did


async def test_the_sixth_of_an_incident_is_told_so():
    """Counted over the items of the same incident and namespace that are not done."""
    older = [body(f"other-{n}") for n in range(6)]
    for n, each in enumerate(older):
        each["metadata"]["creationTimestamp"] = stamp(T0 - timedelta(minutes=n + 1))
    older[0]["status"] = {"state": "Done"}
    elsewhere = body("elsewhere", incident="other-incident")
    kube = Paper()
    await look_at_item(kube, ask, known(body(), *older, elsewhere), KEY, DEFAULT, T0)
    assert ["TooMany"] == [f["rule"] for f in kube.did[0][2]["status"]["findings"]]
    assert "no. 6 of 6" in kube.did[0][2]["status"]["findings"][0]["text"]


async def test_what_an_older_operator_wrote_is_cleared():
    """A field that is not ours any more would stand there for ever."""
    old = body()
    old["status"] = {"state": "Open", "oldField": 1}
    kube = Paper()
    await look_at_item(kube, ask, known(old), KEY, DEFAULT, T0)
    assert kube.did[0][2]["status"]["oldField"] is None


@contextlib.asynccontextmanager
async def beside(kube: Paper, cache: Cache, answer) -> AsyncIterator[tuple[Items, Bells]]:
    """Items looked at beside the workers, by a replica that may work."""
    reconciler = Reconciler(kube, CATALOG, cache, Bells(), Rewind(kube))
    reconciler.observer.answer = answer
    tenure = Tenure()
    tenure.extend(math.inf)
    items = Items(reconciler, reconciler.bells, tenure)
    running = asyncio.create_task(items.until_cancelled())
    try:
        yield items, reconciler.bells
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_an_item_that_takes_long_holds_up_no_worker():
    """Prometheus is slow: who took the key goes on, and says done only when it is."""
    slow = asyncio.Event()

    async def answer(questions: tuple[Question, ...], within: float | None, spare: frozenset[Question] = frozenset()):
        await slow.wait()
        return {q: there(q) for q in questions}

    kube = Paper()
    async with beside(kube, known(body(doneWhen={"objectExists": PDB})), answer) as (items, bells):
        bells.ring(KEY)
        items.start(await bells.take())
        await asyncio.sleep(0)
        assert [] == kube.did
        bells.ring(KEY)
        assert 0 == len(bells), "it is at work: looked at again afterwards, and not beside"
        slow.set()
        async with asyncio.timeout(10):
            assert KEY == await bells.take()
        assert "patch" == kube.did[0][0]


async def test_one_poison_item_stops_nobody():
    """A body that nobody thought of: logged, and the key is free again."""
    async with beside(Paper(), known({"metadata": {"name": "reader-alert", "uid": "u"}}), ask) as (items, bells):
        bells.ring(KEY)
        items.start(await bells.take())
        bells.ring(KEY)
        async with asyncio.timeout(10):
            assert KEY == await bells.take()
