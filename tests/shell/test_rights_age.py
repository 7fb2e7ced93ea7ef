"""Whoever asked may lose the right at any moment: what an effect rests on was asked after it was agreed to, and a moment ago."""

import asyncio
import copy
import json
from collections.abc import Sequence
from typing import Any

from build import entry
from core.test_approvals import waiting
from shell.test_turns import merged
from stanch.core.observations import Policies
from stanch.core.questions import ENTRIES, List, MayThey
from stanch.shell import rights_age
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache
from stanch.shell.client import Reply
from stanch.shell.clock import Clock
from stanch.shell.reconcile import Reconciler
from stanch.shell.rewind import Rewind
from world import CATALOG, World

Json = dict[str, Any]
KEY = Key("incidents", "shop", "checkout-5xx")


class Revoked:
    """
    An API server in front of a world on paper; the asker's rights end at one request.

    ``at`` is what ends them: `"entries"`, the list in which somebody's yes is first seen, or `"read"`, the first answer that
    takes long, or `"write"`, that of what is intended; with `"never"` she keeps them. ``asked`` are the
    questions about the asker, ``effects`` what was done to targets.
    """

    def __init__(self, world: World, at: str) -> None:
        self.world, self.at, self.clock = world, at, Clock()
        self.asked: list[MayThey] = []
        self.effects: list[str] = []
        self.version, self.slow = 107, 0.0
        status = world.incident.status.wire()
        self.held = {"metadata": {**world.incident.metadata.wire(), "resourceVersion": "107"}}
        self.held |= {"spec": world.incident.spec.wire(), "status": status}

    def revoke(self) -> None:
        self.world.may = lambda q: q.username != "alice"

    def _shows_the_yes(self, question: Any) -> bool:
        said = ("timelineentries", "yes") in self.world.objects
        return said and isinstance(question, List) and question.ref == ENTRIES

    async def answer(self, questions: Sequence[Any], left: float | None, spare: frozenset[Any] = frozenset()) -> Json:
        """As the observer does. A list of entries is on its way for longer than what is asked beside it."""
        answers = {}
        for q in questions:
            if self.at == "entries" and self._shows_the_yes(q):
                await asyncio.sleep(0.01)
                self.revoke()
            answers[q] = self.world.answer(q)
            self.asked += [q] if isinstance(q, MayThey) and q.username == "alice" else []
        if any(isinstance(q, MayThey) and q.username == "alice" for q in questions):
            await asyncio.sleep(self.slow)
            if self.at == "read":
                self.revoke()
        return answers

    async def get(self, path: str, params: Json | None = None, accept: str = "") -> Reply:
        return Reply(200, copy.deepcopy(self.held))

    async def patch(self, path: str, body: str, content_type: str, dry: bool = False) -> Reply:
        if "/incidents/" in path:
            if self.at == "write" and '"Intended"' in body:
                await asyncio.sleep(self.slow)
                self.revoke()
            self.version += 1
            self.held = merged(self.held, {"status": json.loads(body)["status"]})
            self.held["metadata"]["resourceVersion"] = str(self.version)
            return Reply(200, copy.deepcopy(self.held))
        self.effects += [] if dry or "timelineentries" in path else [path]
        return Reply(200, {})

    async def create(self, path: str, obj: Json) -> Reply:
        return Reply(201, {})


async def agreed_while(at: str, slow: float = 0.0) -> Revoked:
    """It waits, bob agrees, and alice loses her rights at that request; what came of it."""
    world = waiting()
    kube = Revoked(world, at)
    kube.slow = slow
    cache = Cache()
    cache.put(KEY, copy.deepcopy(kube.held))
    reconciler = Reconciler(kube, CATALOG, cache, Bells(), Rewind(kube, again=0.001))
    reconciler.observer, reconciler.now = kube, lambda: world.now
    reconciler.policies = Policies(proven=True)
    if at == "entries":
        await asyncio.wait_for(reconciler.look(KEY), 10)
    record = world.record("size")
    yes = {"mitigation": "size", "action": "scale", "digest": record.digest}
    said = entry("bob", after=world.now - world.incident.declared, name="yes", approve=yes)
    world.objects[("timelineentries", "yes")] = said.wire()
    for _ in range(2):
        await asyncio.wait_for(reconciler.look(KEY), 10)
    await reconciler.drain()
    assert "MitigationApproved" in [line["kind"] for line in kube.held["status"]["timeline"]]
    return kube


async def test_rights_that_ended_before_the_yes_was_seen_do_nothing() -> None:
    """What is asked ahead of a look is on its way beside the list of entries, and may be answered before it."""
    kube = await agreed_while("entries")
    (record,) = kube.held["status"]["mitigations"]
    assert ([], "NoAuthority") == (kube.effects, record["reason"])
    assert "alice may not" in record["message"]


async def test_rights_are_asked_again_when_the_answer_is_old(monkeypatch: Any) -> None:
    """Logs of a capture may take half a minute: what was asked beside them is a moment old again, and asked just once more."""
    monkeypatch.setattr(rights_age, "RIGHTS_SECONDS", 0.05)
    kube = await agreed_while("read", slow=0.1)
    (record,) = kube.held["status"]["mitigations"]
    assert ([], "NoAuthority") == (kube.effects, record["reason"])


async def test_an_api_server_that_is_always_slow_keeps_nobody_from_acting(monkeypatch: Any) -> None:
    """Asked once more and no oftener: what is known then is as fresh as it gets."""
    monkeypatch.setattr(rights_age, "RIGHTS_SECONDS", 0.05)
    kube = await agreed_while("never", slow=0.1)
    assert 1 == len(kube.effects)
    # Twice for what is begun, and once for what is done: it is known that no other answer will be younger.
    assert 2 < len(kube.asked) <= 4


async def test_rights_that_ended_while_it_was_written_down_do_nothing(monkeypatch: Any) -> None:
    """A slow status is as long a while as a slow capture: what was written down is not done without another question."""
    monkeypatch.setattr(rights_age, "RIGHTS_SECONDS", 0.05)
    kube = await agreed_while("write", slow=0.1)
    assert [] == kube.effects
    (record,) = kube.held["status"]["mitigations"]
    assert "alice may not" in str(record), record
