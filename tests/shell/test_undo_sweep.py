"""The sweep removes undo records of closed incidents by name, uid and version, and lists no Secret for it."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from build import Json, incident, roll_back, stamp
from http_server import serving
from stanch.api.incident import Incident
from stanch.api.incident_status import Debt
from stanch.api.names import Label
from stanch.shell import undo_sweep
from stanch.shell.client import Kube
from stanch.shell.undo_sweep import UndoSweep
from world import bad_deploy

OURS = bad_deploy(incident(roll_back())).run(minutes=2).incident
(ATTEMPT,) = (a for r in OURS.status.mitigations or () for a in r.attempts or ())
NAME, UID = ATTEMPT.undo_ref, OURS.metadata.uid
CLOSED = OURS.declared + timedelta(hours=5)


def closed(**status: Any) -> Json:
    """The incident five hours later, as the API server has it."""
    assert OURS.status.times is not None
    times = OURS.status.times.model_copy(update={"closed": CLOSED})
    body = Incident(
        metadata=OURS.metadata, spec=OURS.spec, status=OURS.status.model_copy(update={"times": times, **status})
    ).wire()
    body["metadata"]["labels"] = {Label.CLOSED: ""}
    return body


def debt(item: str | None) -> Debt:
    """What is owed for the rollback."""
    return Debt(
        name="roll-back",
        attempt=ATTEMPT.id,
        what="x",
        owner="alice",
        since_time=CLOSED,
        due_time=CLOSED,
        revert="Ask",
        item_owner="team-shop",
        action_item=item,
    )


class Cluster:
    """Incidents, items and Secrets by name; what was asked, and what to answer instead."""

    def __init__(self) -> None:
        labels = {Label.MANAGED_BY: "stanch", Label.INCIDENT_UID: UID}
        self.incidents: dict[str, Json] = {OURS.metadata.name: closed()}
        self.items: dict[str, Json] = {}
        self.secrets: dict[str, Json] = {
            NAME: {"metadata": {"name": NAME, "uid": "s-1", "resourceVersion": "7", "labels": labels}},
            "channel": {"metadata": {"name": "channel", "uid": "s-2", "resourceVersion": "8"}},
        }
        self.refuses: dict[str, int] = {}
        self.asked: list[str] = []
        self.deleted: list[Json] = []
        self.now: datetime = CLOSED + timedelta(hours=24)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        *_, before, last = request.path.split("/")
        plural, name = (last, "") if last == "incidents" else (before, last)
        self.asked.append(f"{request.method} {plural}{'/' if name else ''}{name}")
        if code := self.refuses.get(self.asked[-1]):
            return web.json_response({"message": "no"}, status=code)
        kept = {"incidents": self.incidents, "actionitems": self.items, "secrets": self.secrets}[plural]
        if not name:
            assert request.query["labelSelector"] == Label.CLOSED
            metas = [{"metadata": i["metadata"]} for i in kept.values() if Label.CLOSED in i["metadata"]["labels"]]
            return web.json_response({"metadata": {}, "items": metas})
        if name not in kept:
            return web.json_response({"message": "gone"}, status=404)
        if request.method == "DELETE":
            self.deleted.append((await request.json())["preconditions"])
            del kept[name]
        elif plural == "secrets":
            assert "as=PartialObjectMetadata;" in request.headers["Accept"], "its values are nobody's business"
        return web.json_response(kept.get(name, {}))


@pytest.fixture
async def cluster(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Any]:
    """A cluster, and a sweep of it."""
    monkeypatch.setattr(undo_sweep, "PAUSE_SECONDS", 0)
    made: Any = Cluster()
    async with serving(made.handle) as url, Kube(Configuration(host=url)) as kube:
        made.sweep = UndoSweep(kube, lambda: made.now)
        yield made


async def test_what_nobody_needs_is_removed_as_it_was_seen(cluster: Any) -> None:
    """By its uid and version; and from then on the incident is not even read."""
    assert {NAME} == await cluster.sweep.look()
    assert [{"uid": "s-1", "resourceVersion": "7"}] == cluster.deleted
    assert ["channel"] == list(cluster.secrets)
    assert "GET secrets" not in cluster.asked
    cluster.asked.clear()
    await cluster.sweep.look()
    assert ["GET incidents"] == cluster.asked


async def test_a_restart_finds_that_it_is_gone(cluster: Any) -> None:
    """Nobody else remembers it."""
    del cluster.secrets[NAME]
    assert {NAME} == await cluster.sweep.look()
    assert [] == cluster.deleted


async def test_before_a_day_is_over_it_stays(cluster: Any) -> None:
    """To the second."""
    cluster.now -= timedelta(seconds=1)
    assert frozenset() == await cluster.sweep.look()
    assert NAME in cluster.secrets
    cluster.now += timedelta(seconds=1)
    assert {NAME} == await cluster.sweep.look()


@pytest.mark.parametrize("way", ["open", "owed", "unlabelled", "not a record"])
async def test_what_may_be_needed_stays_for_ever(cluster: Any, way: str) -> None:
    """An incident that is open, that owes, that lost its label between two requests, or that nobody understands."""
    name = OURS.metadata.name
    bodies = {
        "open": {**closed(), "status": {**closed()["status"], "times": {}}},
        "owed": closed(debt=(debt(None),)),
        "unlabelled": closed(),
        "not a record": {**closed(), "status": {"mitigations": "?"}},
    }
    cluster.incidents[name] = bodies[way]
    if way == "unlabelled":
        listed = cluster.handle

        async def unlabel(request: web.Request) -> web.StreamResponse:
            answer = await listed(request)
            cluster.incidents[name]["metadata"]["labels"] = {}
            return answer

        async with serving(unlabel) as url, Kube(Configuration(host=url)) as kube:
            assert frozenset() == await UndoSweep(kube, lambda: cluster.now).look()
    cluster.now += timedelta(days=400)
    assert frozenset() == await cluster.sweep.look()
    assert NAME in cluster.secrets


async def test_what_an_item_took_over_goes_when_that_is_done(cluster: Any) -> None:
    """While it is open, can't be read or is gone, somebody may want the line that it quotes."""
    cluster.incidents[OURS.metadata.name] = closed(debt=(debt("item"),))
    assert frozenset() == await cluster.sweep.look()
    cluster.items["item"] = {"metadata": {"name": "item"}, "status": {"state": "Open"}}
    assert frozenset() == await cluster.sweep.look()
    cluster.items["item"]["status"] = {"state": "Done", "doneTime": stamp(cluster.now)}
    cluster.refuses["GET actionitems/item"] = 500
    assert frozenset() == await cluster.sweep.look()
    cluster.refuses.clear()
    assert {NAME} == await cluster.sweep.look()


@pytest.mark.parametrize("other", [False, True], ids=["deleted", "made anew"])
async def test_of_one_that_is_deleted_within_the_day_it_goes_too(cluster: Any, other: bool) -> None:
    """That it was closed, and what it had, was seen before; its name may be another's by then."""
    cluster.now -= timedelta(hours=2)
    await cluster.sweep.look()
    found = cluster.incidents.pop(OURS.metadata.name)
    if other:
        cluster.incidents["x"] = {**found, "metadata": {**found["metadata"], "uid": "u-2", "labels": {}}}
        cluster.incidents[OURS.metadata.name] = cluster.incidents.pop("x")
    cluster.now += timedelta(hours=2)
    assert {NAME} == await cluster.sweep.look()


async def test_an_item_that_is_open_again_keeps_it_though_the_incident_is_gone(cluster: Any) -> None:
    """It is asked each time: what was done when the incident was last seen may be owed again."""
    cluster.incidents[OURS.metadata.name] = closed(debt=(debt("item"),))
    cluster.items["item"] = {"metadata": {"name": "item"}, "status": {"state": "Done", "doneTime": stamp(cluster.now)}}
    cluster.now -= timedelta(hours=2)
    await cluster.sweep.look()
    del cluster.incidents[OURS.metadata.name]
    cluster.items["item"]["status"] = {"state": "Open"}
    cluster.now += timedelta(hours=2)
    assert frozenset() == await cluster.sweep.look()
    assert NAME in cluster.secrets


@pytest.mark.parametrize("labels", [{}, {Label.MANAGED_BY: "stanch"}, {Label.INCIDENT_UID: UID}], ids=len)
async def test_what_says_that_it_is_anothers_is_left_alone(cluster: Any, labels: dict[str, str]) -> None:
    """A name in a status is only a name."""
    cluster.secrets[NAME]["metadata"]["labels"] = labels
    assert frozenset() == await cluster.sweep.look()
    assert NAME in cluster.secrets


@pytest.mark.parametrize("code", [403, 409, 500])
async def test_a_refused_removal_is_tried_again(cluster: Any, code: int) -> None:
    """Somebody wrote it meanwhile, or the right is not there."""
    cluster.refuses[f"DELETE secrets/{NAME}"] = code
    assert frozenset() == await cluster.sweep.look()
    cluster.refuses.clear()
    assert {NAME} == await cluster.sweep.look()


@pytest.mark.parametrize("code", [403, 429, 500])
async def test_of_one_that_can_not_be_read_nothing_goes(cluster: Any, code: int) -> None:
    """That says nothing about whether it is closed."""
    cluster.refuses[f"GET incidents/{OURS.metadata.name}"] = code
    assert frozenset() == await cluster.sweep.look()
    assert NAME in cluster.secrets


@pytest.mark.parametrize("code", [403, 429, 500])
async def test_of_one_that_can_not_be_read_later_nothing_goes(cluster: Any, code: int) -> None:
    """That it was seen before does not say how it stands: only that it is not there any more does."""
    cluster.now -= timedelta(hours=2)
    await cluster.sweep.look()
    cluster.now += timedelta(hours=2)
    cluster.refuses[f"GET incidents/{OURS.metadata.name}"] = code
    assert frozenset() == await cluster.sweep.look()
    assert NAME in cluster.secrets
