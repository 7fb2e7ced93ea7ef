"""Namespaces are labelled while a budget is spent, and only then; whoever can't say changes nothing."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from build import T0, stamp
from chores import body
from month import postmortem
from stanch.api.names import Annotation, Label
from stanch.api.policy import DEFAULT
from stanch.core.freeze_log import Ended, held
from stanch.core.observations import Answer, Failed, Found
from stanch.shell.budget_sweep import ALL_EVERY, BudgetSweep
from stanch.shell.client import Reply
from stanch.shell.policy_book import PolicyBook

DENY = replace(DEFAULT, budget_mode="Deny", prometheus_url="http://prometheus:9090")
OFF = replace(DEFAULT, budget_mode="Disabled")


class Paper:
    """An API server with two namespaces; ``refuses`` is the status that patches get."""

    def __init__(self) -> None:
        self.namespaces = {name: self._bare(name) for name in ("shop", "pay")}
        self.hides = False
        self.refuses, self.events, self.lists, self.patched = 0, [], [], []
        self.kinds: dict[str, list[dict[str, Any]]] = {}

    def _bare(self, name: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "uid": f"u-{name}", "resourceVersion": "1"}}

    async def get(self, path: str, params: Mapping[str, str] | None = None, accept: str = "") -> Reply:
        self.lists.append((path, dict(params or {})))
        if self.hides and path.endswith("/namespaces"):
            return Reply(403, {"message": "no"})
        if not path.endswith("/namespaces"):
            return Reply(200, {"items": self.kinds.get(path.rsplit("/", 1)[1], [])})
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
        self.said = obj["message"]
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


async def test_what_was_frozen_is_noted_beside_it():
    """For who looks back, and a person who takes it off is noted, too; told is nothing more for that."""
    place = Place()
    place.answer = place.left(-1)
    await place.sweep.look()
    place.now += timedelta(minutes=3)
    del place.kube.namespaces["shop"]["metadata"]["labels"][Label.CHANGE_FREEZE]
    assert {} == await place.sweep.look()
    (found,) = held(place.kube.namespaces.values(), T0, place.now)
    assert ("shop", T0, place.now, Ended.TAKEN_OFF) == (found.namespace, found.start, found.end, found.ended)
    assert 1 == len(place.kube.events)


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
    place.book.base = OFF
    place.book._effective.clear()
    await place.sweep.look()
    assert {} == place.labels()
    place.kube.lists.clear()
    await place.sweep.look()
    assert [] == place.kube.lists


async def test_disabled_without_the_right_is_silent(caplog):
    """That is how it is installed: one try, no complaint, and nothing after it."""
    place = Place(OFF)
    place.kube.hides = True
    assert {} == await place.sweep.look() == await place.sweep.look()
    assert (1, "") == (len(place.kube.lists), caplog.text)


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


async def test_a_restart_does_not_begin_the_hour_anew():
    """An operator that is started each half hour frees as the others do: since when nobody can say stands in the namespace."""
    place = Place()
    place.answer = place.left(-1)
    await place.sweep.look()
    place.answer = Failed(503, "starting")
    for _ in range(3):
        place.now += timedelta(minutes=25)
        place.sweep = BudgetSweep(place.kube, lambda: place.book, lambda: place.now)
        place.sweep._asker.ask = place._ask
        await place.sweep.look()
    assert {} == place.labels()


async def test_a_label_that_somebody_takes_off_stays_off():
    """Until nobody would put it there any more; then the namespace is as any other, but for the note that it was frozen."""
    place = Place()
    place.answer = place.left(-1)
    await place.sweep.look()
    del place.kube.namespaces["shop"]["metadata"]["labels"][Label.CHANGE_FREEZE]
    for _ in range(3):
        await place.sweep.look()
    # Put there, and noted once that it was taken off.
    assert ({}, ["shop", "shop"]) == (place.labels(), place.kube.patched)
    place.answer = place.left(0.5)
    for _ in range(ALL_EVERY):
        await place.sweep.look()
    assert {Annotation.FREEZES_PAST} == set(place.kube.namespaces["shop"]["metadata"]["annotations"])
    place.answer = place.left(-1)
    await place.sweep.look()
    assert {"shop": "true"} == place.labels()


async def test_while_budgets_are_healthy_next_to_nothing_is_read():
    """Items, and labelled namespaces; no postmortem, and all namespaces only now and then."""
    place = Place(DEFAULT)
    for _ in range(ALL_EVERY):
        await place.sweep.look()
    assert not any("postmortems" in path for path, _ in place.kube.lists)
    everywhere = [p for path, p in place.kube.lists if path.endswith("/namespaces") and not p["labelSelector"]]
    assert (1, [], []) == (len(everywhere), place.kube.patched, place.kube.events)


async def test_without_the_right_to_label_it_says_what_it_would_have_labelled():
    """By default people hear of it; once, in their namespace, and what is missing is named."""
    place = Place(replace(DEFAULT, prometheus_url="http://prometheus:9090"))
    place.kube.hides, place.answer = True, place.left(-1)
    for _ in range(3):
        assert {} == await place.sweep.look()
    assert [("/api/v1/namespaces/shop/events", "ChangesFrozen", "Namespace")] == place.kube.events
    assert "the error budget of checkout is spent. At admission nothing says so" in place.kube.said
    place.answer = place.left(0.5)
    await place.sweep.look()
    place.answer = place.left(-1)
    await place.sweep.look()
    assert 2 == len(place.kube.events)


async def test_the_same_again_is_found_in_what_is_stored():
    """Without Prometheus: an urgent item that is not done, and two postmortems of one class of factor."""
    place = Place(DEFAULT)
    place.kube.kinds["actionitems"] = [body(incident="first", answers=["f0"])]
    place.kube.kinds["postmortems"] = [postmortem("first", "Change"), postmortem("second", "Change")]
    for days, each in zip((20, 2), place.kube.kinds["postmortems"], strict=True):
        each["metadata"]["creationTimestamp"] = stamp(T0 - timedelta(days=days))
    assert {"shop"} == set(await place.sweep.look())
    assert {"shop": "warn"} == place.labels()
