"""Runbook.status is written when it says something else, on the version that was judged; and who waits is woken."""

import json
from typing import Any

import pytest

from books import body
from build import T0
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache
from stanch.shell.client import Reply
from stanch.shell.runbook_status import (
    CONFLICT_SECONDS,
    REFUSED_SECONDS,
    heard,
    keep_runbook,
    look_at_runbook,
    ring_drilled,
)

KEY = Key("runbooks", "shop", "bad-deploy")


class Paper:
    """An API server that takes a status or not."""

    def __init__(self, takes: int = 200) -> None:
        self.takes, self.patches = takes, []

    async def patch(self, path: str, text: str, content_type: str, dry: bool = False) -> Reply:
        self.patches.append((path, json.loads(text)))
        if self.takes != 200:
            return Reply(self.takes, {"message": "no"})
        return Reply(200, {**body(), "status": self.patches[-1][1]["status"]})


def known(item: dict[str, Any], key: Key = KEY) -> Cache:
    """A cache that holds one object."""
    cache = Cache()
    cache.put(key, item)
    return cache


async def test_the_status_is_written_once():
    """On the very version, and not again when nothing changed."""
    kube, cache = Paper(), known(body(drilled=False))
    assert await look_at_runbook(kube, cache, KEY, T0) is None
    path, said = kube.patches[0]
    assert "/apis/stanch.dev/v1alpha1/namespaces/shop/runbooks/bad-deploy/status" == path
    assert {"resourceVersion": "7", "uid": "uid-bad-deploy"} == said["metadata"]
    assert "True" == said["status"]["conditions"][0]["status"]
    await look_at_runbook(kube, cache, KEY, T0)
    assert 1 == len(kube.patches)


@pytest.mark.parametrize(
    ("answer", "again"), [(409, CONFLICT_SECONDS), (503, CONFLICT_SECONDS), (422, REFUSED_SECONDS)]
)
async def test_what_was_not_taken_is_tried_again(answer, again):
    """Soon when somebody else wrote, and with patience when it is refused."""
    assert again == await look_at_runbook(Paper(answer), known(body(drilled=False)), KEY, T0)


async def test_one_that_is_gone_is_not_written():
    """Nothing to judge."""
    kube = Paper()
    assert await look_at_runbook(kube, Cache(), KEY, T0) is None
    assert [] == kube.patches


async def test_one_that_cant_be_judged_stops_nobody():
    """A body that nobody thought of."""
    await keep_runbook(Paper(), known({"metadata": {"uid": "u"}}), Bells(), KEY, T0)


def incident(name: str = "i", status: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    """An incident that follows the Runbook."""
    meta = {
        "name": name,
        "namespace": "shop",
        "uid": name,
        "resourceVersion": "1",
        "creationTimestamp": "2026-11-21T14:00:00Z",
    }
    return {"metadata": meta, "spec": {"runbook": {"name": "bad-deploy"}, **spec}, "status": status or {}}


async def test_who_waits_for_a_plan_is_woken_when_the_runbook_changes():
    """And nobody else: a frozen plan has nothing to hear of it."""
    cache, bells = Cache(), Bells()
    waiting, frozen, other = (Key("incidents", "shop", n) for n in ("waiting", "frozen", "other"))
    cache.put(waiting, incident("waiting"))
    cache.put(frozen, incident("frozen", status={"runbook": {"digest": "sha256:x"}}))
    cache.put(other, incident("other", runbook={"name": "another"}))
    heard(cache, bells, KEY, body(), gone=False)
    assert {KEY, waiting} == {await bells.take() for _ in range(len(bells))}
    heard(cache, bells, KEY, body(), gone=True)
    assert cache.get(KEY) is None


async def test_a_drill_is_told_to_its_runbook():
    """Only a drill, and only one that there is."""
    cache, bells = known(body()), Bells()
    ring_drilled(cache, bells, incident())
    ring_drilled(cache, bells, incident(drill=True, runbook={"name": "another"}))
    assert 0 == len(bells)
    ring_drilled(cache, bells, incident(drill=True))
    assert [KEY] == [await bells.take() for _ in range(len(bells))]
