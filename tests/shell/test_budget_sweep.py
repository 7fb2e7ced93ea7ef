"""Namespaces are labelled while a budget is spent, and only then; whoever can't say changes nothing."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from build import T0
from stanch.api.names import Annotation, Label
from stanch.api.policy import DEFAULT
from stanch.core.observations import Answer, Failed, Found
from stanch.shell.budget_sweep import BudgetSweep
from stanch.shell.client import Reply
from stanch.shell.policy_book import PolicyBook

DENY = replace(DEFAULT, budget_mode="Deny", prometheus_url="http://prometheus:9090")


class Paper:
    """An API server with two namespaces; ``refuses`` is the status that patches get."""

    def __init__(self) -> None:
        self.namespaces = {name: self._bare(name) for name in ("shop", "pay")}
        self.refuses, self.events, self.lists, self.patched = 0, [], [], []

    def _bare(self, name: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "uid": f"u-{name}", "resourceVersion": "1"}}

    async def get(self, path: str, params: Mapping[str, str] | None = None, accept: str = "") -> Reply:
        self.lists.append((path, dict(params or {})))
        if not path.endswith("/namespaces"):
            return Reply(200, {"items": []})
        label = (params or {}).get("labelSelector", "")
        found = [n for n in self.namespaces.values() if not label or label in (n["metadata"].get("labels") or {})]
        return Reply(200, {"items": found})

    async def patch(self, path: str, text: str, content_type: str, dry: bool = False) -> Reply:
        if self.refuses:
            return Reply(self.refuses, {"message": "no"})
        said, name = json.loads(text)["metadata"], path.rsplit("/", 1)[1]
        assert {"uid", "resourceVersion", "labels", "annotations"} == set(said)
        meta = self.namespaces[name]["metadata"]
        for key in ("labels", "annotations"):
            meta[key] = {k: v for k, v in {**meta.get(key, {}), **said[key]}.items() if v is not None}
        self.patched.append(name)
        return Reply(200, {})

    async def create(self, path: str, obj: Mapping[str, Any]) -> Reply:
        self.events.append((path, obj["reason"], obj["involvedObject"]["kind"]))
        return Reply(201, {})


class Place:
    """A sweep over paper; ``answer`` is what Prometheus says."""

    def __init__(self, policy=DENY) -> None:
        self.kube, self.now, self.answer = Paper(), T0, self.left(0.5)
        self.book = PolicyBook(policy)
        self.sweep = BudgetSweep(self.kube, lambda: self.book, lambda: self.now)
        self.sweep._asker.ask = self._ask

    def left(self, share: float) -> Answer:
        """So much of checkout's budget is left."""
        series = {"metric": {"namespace": "shop", "sloth_service": "checkout"}, "value": [1, str(share)]}
        return Found({"resultType": "vector", "result": [series]})

    async def _ask(self, question) -> Answer:
        assert ("http://prometheus:9090", "slo:period_error_budget_remaining:ratio") == (question.url, question.query)
        return self.answer

    def labels(self) -> dict[str, str]:
        """Namespaces that are frozen."""
        found = {
            n: (b["metadata"].get("labels") or {}).get(Label.CHANGE_FREEZE) for n, b in self.kube.namespaces.items()
        }
        return {name: value for name, value in found.items() if value}


async def test_spent_freezes_and_healthy_frees():
    """Once each, told by an Event on the Namespace; the other is left alone."""
    place = Place()
    await place.sweep.look()
    assert ({}, []) == (place.labels(), place.kube.patched)
    place.answer = place.left(-0.1)
    await place.sweep.look()
    await place.sweep.look()
    assert ({"shop": "true"}, ["shop"]) == (place.labels(), place.kube.patched)
    assert (
        "the error budget of checkout is spent"
        == (place.kube.namespaces["shop"]["metadata"]["annotations"][Annotation.FREEZE_REASON])
    )
    place.answer = place.left(0.01)
    await place.sweep.look()
    assert ({}, ["shop", "shop"]) == (place.labels(), place.kube.patched)
    where = "/api/v1/namespaces/shop/events"
    assert [(where, "ChangesFrozen", "Namespace"), (where, "ChangesFreed", "Namespace")] == place.kube.events


async def test_who_cant_say_changes_nothing_for_an_hour_and_then_frees():
    """A Prometheus that is away neither freezes nor frees; but nobody is frozen for ever by its silence."""
    place = Place()
    place.answer = place.left(-1)
    await place.sweep.look()
    place.answer = Failed(503, "starting")
    await place.sweep.look()
    place.now += timedelta(minutes=59)
    await place.sweep.look()
    assert {"shop": "true"} == place.labels()
    place.now += timedelta(minutes=2)
    await place.sweep.look()
    assert {} == place.labels()


async def test_disabled_frees_once_and_then_reads_nothing():
    """What an earlier policy began; and radio silence."""
    place = Place()
    place.answer = place.left(-1)
    await place.sweep.look()
    place.book.base = DEFAULT
    place.book._effective.clear()
    await place.sweep.look()
    assert {} == place.labels()
    place.kube.lists.clear()
    await place.sweep.look()
    assert [] == place.kube.lists


async def test_a_policy_that_cant_be_read_changes_nothing():
    """It may say Disabled."""
    place = Place()
    place.answer = place.left(-1)
    place.book.problem = "not read"
    assert {} == await place.sweep.look()
    assert [] == place.kube.lists


@pytest.mark.parametrize("status", [403, 409])
async def test_what_was_refused_is_not_told(status, caplog):
    """The role is not bound: said in the log, tried again."""
    place = Place()
    place.answer, place.kube.refuses = place.left(-1), status
    assert {} == await place.sweep.look()
    assert [] == place.kube.events
    assert "can't be labelled" in caplog.text
    place.kube.refuses = 0
    assert {"shop"} == set(await place.sweep.look())
