"""Guards count what the other incidents do. Eight workers look at once, and each must see what the others have just begun."""

import asyncio
import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from build import T0, incident, node
from json_patch import apply_patch
from stanch.api.policy import DEFAULT, Policy
from stanch.core.observations import Policies
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache
from stanch.shell.client import Reply
from stanch.shell.clock import Clock
from stanch.shell.policy_book import PolicyBook
from stanch.shell.reconcile import Reconciler
from stanch.shell.rewind import Rewind
from world import CATALOG, World

Json = dict[str, Any]
WORKERS = 8


def merged(known: Any, patch: Any) -> Any:
    """As a merge patch says."""
    if not isinstance(patch, dict):
        return patch
    kept = dict(known) if isinstance(known, dict) else {}
    kept |= {key: merged(kept.get(key), value) for key, value in patch.items()}
    return {key: value for key, value in kept.items() if value is not None}


class Cluster:
    """Twenty nodes and an incident for each of the first eight; every request takes a moment, so that others come between."""

    def __init__(self) -> None:
        self.clock, self.world, self.incidents = Clock(), World(incident()), {}
        self.cordoned: list[str] = []
        self.waits = {"stores": 0.001, "status": 0.001}
        self.storing, self.stored_at_once = 0, 0
        for n in range(20):
            self.world.objects[("nodes", f"node-{n}")] = node(f"node-{n}")

    async def get(self, path: str, params: Json | None = None, accept: str = "") -> Reply:
        await asyncio.sleep(0.001)
        found = self.incidents.get(path.rsplit("/", 1)[-1])
        return Reply(200, found) if found else Reply(404, {})

    async def patch(self, path: str, body: str, content_type: str, dry: bool = False) -> Reply:
        if "/incidents/" in path:
            return await self._status(path.split("/incidents/")[1].split("/", maxsplit=1)[0], json.loads(body))
        await asyncio.sleep(0.001)
        name = path.rsplit("/", 1)[-1]
        changed = apply_patch(self.world.objects[("nodes", name)], json.loads(body))
        if not dry:
            self.world.objects[("nodes", name)] = changed
            self.cordoned.append(name)
        return Reply(200, changed)

    async def _status(self, name: str, body: Json) -> Reply:
        await asyncio.sleep(self.waits["status"])
        meta = self.incidents[name]["metadata"]
        new = merged(self.incidents[name], {"status": body["status"]})
        self.incidents[name] = new | {"metadata": meta | {"resourceVersion": str(int(meta["resourceVersion"]) + 1)}}
        return Reply(200, copy.deepcopy(self.incidents[name]))

    async def create(self, path: str, obj: Json) -> Reply:
        self.storing += 1
        self.stored_at_once = max(self.stored_at_once, self.storing)
        await asyncio.sleep(self.waits["stores"])
        self.storing -= 1
        return Reply(201, {})

    async def answer(self, questions: Sequence[Any], left: float | None, spare: frozenset[Any] = frozenset()) -> Json:
        """As the observer does."""
        await asyncio.sleep(0.001)
        return {q: self.world.answer(q) for q in questions}


def operator(cluster: Cluster, policy: Policy) -> tuple[Reconciler, list[Key]]:
    """With an incident for each of eight nodes, none of which was looked at."""
    cache, keys = Cache(), []
    reconciler = Reconciler(cluster, CATALOG, cache, Bells(), Rewind(cluster, again=0.001))
    reconciler.book, reconciler.observer, reconciler.policies = PolicyBook(policy), cluster, Policies(proven=True)
    reconciler.now = lambda: T0 + timedelta(seconds=2)
    for n in range(WORKERS):
        wish, target = {"name": "off", "cordon": {}}, {"kind": "Node", "name": f"node-{n}"}
        body = incident(wish, targets=[target], name=f"i{n}").wire()
        body["metadata"] |= {"namespace": "stanch-system", "uid": f"uid-{n}"}
        keys.append(Key("incidents", "stanch-system", f"i{n}"))
        cluster.incidents[f"i{n}"] = body
        cache.put(keys[-1], copy.deepcopy(body))
    return reconciler, keys


@pytest.mark.parametrize(
    ("policy", "most", "reason"),
    [
        (replace(DEFAULT, per_namespace_hourly=99), 2, "WouldBreakBudget"),
        (replace(DEFAULT, per_namespace_hourly=1, nodes_percent=50), 1, "CoolingDown"),
        (replace(DEFAULT, per_namespace_hourly=3, nodes_percent=50), 3, "CoolingDown"),
    ],
    ids=["a tenth of the nodes", "one an hour", "three an hour"],
)
async def test_eight_at_once_do_no_more_than_one_after_the_other(policy: Policy, most: int, reason: str) -> None:
    """What one wrote down a moment ago, the next has counted."""
    cluster = Cluster()
    reconciler, keys = operator(cluster, policy)
    await asyncio.wait_for(asyncio.gather(*(reconciler.look(key) for key in keys)), 60)
    await reconciler.drain()
    assert most == len(cluster.cordoned)
    held = [i["status"]["mitigations"][0].get("reason") for i in cluster.incidents.values()]
    assert WORKERS - most == held.count(reason)


async def test_a_turn_ends_with_the_status_and_not_with_what_is_stored_beside_it() -> None:
    """Evidence may be large and slow; others count as soon as it is known what was begun."""
    cluster = Cluster()
    cluster.waits = {"stores": 0.5, "status": 0.001}
    reconciler, keys = operator(cluster, replace(DEFAULT, per_namespace_hourly=99, nodes_percent=50))
    await asyncio.wait_for(asyncio.gather(*(reconciler.look(key) for key in keys)), 60)
    await reconciler.drain()
    assert WORKERS == len(cluster.cordoned)
    # Each stores a bundle and an undo record.
    assert 2 < cluster.stored_at_once


async def test_what_begins_nothing_waits_for_nobody() -> None:
    """A look that only says something goes on while another is between counting and writing."""
    cluster = Cluster()
    reconciler, keys = operator(cluster, DEFAULT)
    reconciler.policies = Policies(proven=False, problem="not there")
    async with reconciler._turns:
        await asyncio.wait_for(reconciler.look(keys[0]), 60)
    await reconciler.drain()
    assert "PoliciesMissing" == cluster.incidents["i0"]["status"]["mitigations"][0]["reason"]


async def test_whatever_goes_wrong_in_a_turn_the_next_one_begins() -> None:
    """A status that somebody else wrote meanwhile ends the look, and with it the turn."""
    cluster = Cluster()
    reconciler, keys = operator(cluster, replace(DEFAULT, per_namespace_hourly=99))

    async def conflict(name: str, body: Json) -> Reply:
        return Reply(409, {"message": "another version"})

    cluster._status = conflict
    await asyncio.wait_for(reconciler.look(keys[0]), 60)
    assert not reconciler._turns.locked()
