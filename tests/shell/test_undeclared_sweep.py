"""A budget burns and nobody declares: the Runbook of its service says so, once an hour, and nothing else happens."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from build import T0
from stanch.api.policy import DEFAULT
from stanch.core.observations import Answer, Failed, Found
from stanch.core.undeclared_now import QUERY, NotSaid
from stanch.shell.bells import Key
from stanch.shell.cache import Cache
from stanch.shell.client import Reply
from stanch.shell.policy_book import PolicyBook
from stanch.shell.undeclared_sweep import UndeclaredSweep

ASKS = replace(DEFAULT, prometheus_url="http://prometheus:9090")
META = {"name": "bad-deploy", "namespace": "shop", "uid": "r", "resourceVersion": "1"}
RUNBOOK = {"metadata": META, "spec": {"service": "checkout"}}


class Paper:
    """Takes Events, each name once; ``busy`` refuses them for now."""

    def __init__(self) -> None:
        self.events: dict[str, Any] = {}
        self.busy = False

    async def create(self, path: str, obj: Mapping[str, Any]) -> Reply:
        """An Event."""
        name = obj["metadata"]["name"]
        if self.busy or name in self.events:
            return Reply(503 if self.busy else 409, {"message": "no"})
        self.events[name] = (path, obj["reason"], obj["involvedObject"]["kind"], obj["type"])
        return Reply(201, {})


class Place:
    """A sweep over paper; checkout burns."""

    def __init__(self, policy=ASKS, known: bool = True) -> None:
        self.kube, self.cache, self.now, self.asked = Paper(), Cache(), T0, 0
        self.answer: Answer = Found(
            {"resultType": "vector", "result": [{"metric": {"sloth_service": "checkout"}, "value": [1, "14"]}]}
        )
        self.cache.put(Key("runbooks", "shop", "bad-deploy"), RUNBOOK)
        book = PolicyBook(policy)
        self.sweep = self.again(book, known)

    def again(self, book: PolicyBook, known: bool = True) -> UndeclaredSweep:
        """One that remembers nothing."""
        sweep = UndeclaredSweep(self.kube, lambda: book, self.cache, lambda: self.now, lambda: known)
        sweep._asker.ask = self._ask
        return sweep

    async def _ask(self, question) -> Answer:
        assert ("http://prometheus:9090", QUERY) == (question.url, question.query)
        self.asked += 1
        return self.answer


async def test_the_runbook_says_that_nobody_declared() -> None:
    """Once; a restart says it no second time, the next hour does."""
    place = Place()
    assert [1, 0] == [await place.sweep.look() for _ in range(2)]
    path = "/api/v1/namespaces/shop/events"
    assert [(path, "BurnsUndeclared", "Runbook", "Warning")] == list(place.kube.events.values())
    await place.again(PolicyBook(ASKS)).look()
    assert 1 == len(place.kube.events)
    place.now += timedelta(hours=1)
    assert (1, 2) == (await place.sweep.look(), len(place.kube.events))


async def test_once_somebody_declared_it_is_quiet() -> None:
    """An open incident of the service, from the watch."""
    place = Place()
    body = {"metadata": {"name": "i", "namespace": "shop", "uid": "i"}, "spec": {"service": "checkout"}}
    place.cache.put(Key("incidents", "shop", "i"), body)
    assert (0, {}) == (await place.sweep.look(), place.kube.events)


@pytest.mark.parametrize(
    "place",
    [Place(DEFAULT), Place(known=False)],
    ids=["no-prometheus", "incidents-not-read-yet"],
)
async def test_nothing_is_asked_where_nothing_could_be_said(place: Place) -> None:
    """Before all incidents are read, nobody has declared anything: that would be told of each."""
    assert (0, 0, {}) == (await place.sweep.look(), place.asked, place.kube.events)


async def test_what_was_not_taken_is_said_the_next_time() -> None:
    """An API server that is busy; and a Prometheus that does not say is no calm."""
    place = Place()
    place.kube.busy = True
    assert 0 == await place.sweep.look()
    place.kube.busy = False
    assert 1 == await place.sweep.look()
    place.answer = Failed(503, "busy")
    with pytest.raises(NotSaid, match="busy"):
        await place.sweep.look()
