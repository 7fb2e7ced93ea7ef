"""Marks whose incident is gone: found with list rights alone, told once, counted, and never removed."""

import asyncio
from datetime import UTC, datetime

import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from stanch.api.names import Label
from stanch.core.orphans import KINDS
from stanch.shell import orphan_sweep
from stanch.shell.client import Kube
from stanch.shell.metrics import ORPHANS
from stanch.shell.orphan_sweep import CannotLook, OrphanSweep, find_orphans

NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
OURS, GONE = "a" * 16, "b" * 16


def deployment(name: str, action: str, **meta: object) -> dict[str, object]:
    """A Deployment that carries a mark."""
    labels = {Label.ACTION: action}
    return {"metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "labels": labels, **meta}}


def incident(action: str) -> dict[str, object]:
    """An open incident that knows one action."""
    record = {"name": "pause", "attempts": [{"id": action}]}
    return {"metadata": {"name": "i", "namespace": "shop", "uid": "u"}, "status": {"mitigations": [record]}}


class Cluster:
    """Lists by plural; what it was asked, in order."""

    def __init__(self) -> None:
        self.lists: dict[str, list[dict[str, object]]] = {
            "deployments": [deployment("checkout", OURS), deployment("cart", GONE)],
            "incidents": [incident(OURS)],
        }
        self.refuses: dict[str, int] = {}
        self.asked: list[tuple[str, str, dict[str, str], str]] = []
        self.events: dict[str, dict[str, object]] = {}
        self.heard: asyncio.Queue[str] = asyncio.Queue()

    async def until(self, plural: str) -> None:
        """Wait for a request about these."""
        async with asyncio.timeout(5):
            while await self.heard.get() != plural:
                pass

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        parts = request.path.strip("/").split("/")
        plural = next((p for p in parts if p in {*(r.plural for r in KINDS.values()), "incidents", "events"}), "?")
        self.asked.append((request.method, plural, dict(request.query), request.headers["Accept"]))
        self.heard.put_nowait(plural)
        if code := self.refuses.get(plural):
            return web.json_response({"kind": "Status", "message": f"{plural}: no"}, status=code)
        if request.method == "POST":
            body = await request.json()
            known = body["metadata"]["name"] in self.events
            self.events.setdefault(body["metadata"]["name"], body)
            return web.json_response({"reason": "AlreadyExists"} if known else body, status=409 if known else 201)
        if parts[-1] == plural:
            return self._page(self.lists.get(plural, []), request.query)
        found = next((o for o in self.lists.get(plural, []) if o["metadata"]["name"] == parts[-1]), None)
        return web.json_response(found or {}, status=200 if found else 404)

    def _page(self, items: list[dict[str, object]], query: object) -> web.Response:
        """One object a page, so that whoever forgets the rest is found out."""
        at = int(query.get("continue", 0))
        more = {"continue": str(at + 1)} if at + 1 < len(items) else {}
        return web.json_response({"metadata": more, "items": items[at : at + 1]})


@pytest.fixture
async def cluster(monkeypatch):
    """A cluster, and a Kube that talks to it."""
    monkeypatch.setattr(orphan_sweep, "CONFIRM_SECONDS", 0)
    made = Cluster()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with Kube(Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")) as kube:
        made.kube = kube
        yield made
    await runner.cleanup()


async def at_once() -> None:
    """No second look is waited for."""


async def test_a_mark_that_no_open_incident_knows_is_an_orphan(cluster):
    """Found on the second page, and told apart from the one that an open incident knows."""
    found, problems = await find_orphans(cluster.kube, at_once)
    assert (["Deployment shop/cart"], {}) == ([str(m) for m in found], problems)


async def test_it_is_found_with_one_list_a_kind_of_metadata_alone(cluster):
    """By the label, metadata only; no Secret is listed; incidents after the marks, for a record is older than its mark."""
    await find_orphans(cluster.kube, at_once)
    lists = [(plural, query, accept) for method, plural, query, accept in cluster.asked if "limit" in query]
    assert {plural for plural, *_ in lists} == {ref.plural for ref in KINDS.values()} | {"incidents"}
    assert all(Label.ACTION == q["labelSelector"] and "Partial" in a for p, q, a in lists if p != "incidents")
    assert lists[-1][0] == "incidents"
    assert lists[-1][1]["labelSelector"] == f"!{Label.CLOSED}"


async def test_it_is_told_once_with_the_lines_that_remove_it(cluster):
    """One Warning Event in the operator's namespace, however often and by however many it is found; a gauge counts it."""
    first, second = (OrphanSweep(cluster.kube, lambda: NOW) for _ in range(2))
    for sweep in (first, first, second):
        await sweep.look()
    (event,) = cluster.events.values()
    assert ("stanch-system", "Warning", "OrphanFound") == (
        event["metadata"]["namespace"],
        event["type"],
        event["reason"],
    )
    assert f"kubectl -n shop label deployment cart {Label.ACTION}-" in event["message"]
    assert f"delete secrets -l {Label.ACTION}={GONE}" in event["message"]
    assert 1 == ORPHANS.labels("Deployment")._value.get()
    assert 2 == [(m, p) for m, p, *_ in cluster.asked].count(("POST", "events"))


async def test_nothing_is_removed(cluster):
    """It reads, and it tells."""
    await OrphanSweep(cluster.kube, lambda: NOW).look()
    assert {"GET", "POST"} == {method for method, *_ in cluster.asked}
    assert {"events"} == {plural for method, plural, *_ in cluster.asked if method == "POST"}


async def test_what_is_gone_or_going_on_a_second_look_is_no_orphan(cluster):
    """A namespace is being deleted: the incident went first, and its targets follow."""
    cluster.lists["deployments"].append(deployment("going", GONE, deletionTimestamp="2026-11-21T14:00:00Z"))

    async def it_goes() -> None:
        cluster.lists["deployments"] = []

    assert ((), {}) == await find_orphans(cluster.kube, it_goes)


@pytest.mark.parametrize("code", [403, 500])
async def test_a_kind_that_can_not_be_listed_hides_no_other(cluster, code):
    """It is named with the server's words; its count is not told as none."""
    ORPHANS.labels("Node").set(7)
    cluster.refuses["nodes"] = code
    found, problems = await find_orphans(cluster.kube, at_once)
    await OrphanSweep(cluster.kube, lambda: NOW).look()
    assert (1, {"Node": "nodes: no"}, 7) == (len(found), problems, ORPHANS.labels("Node")._value.get())


async def test_a_kind_that_is_not_served_is_no_problem(cluster):
    """No Gateway API here."""
    cluster.refuses["httproutes"] = 404
    assert {} == (await find_orphans(cluster.kube, at_once))[1]


async def test_when_incidents_can_not_be_listed_nothing_is_an_orphan(cluster):
    """Everything would look like one."""
    cluster.refuses["incidents"] = 503
    with pytest.raises(CannotLook):
        await find_orphans(cluster.kube, at_once)
    assert {} == cluster.events


async def test_it_looks_soon_after_the_start_and_then_every_ten_minutes(cluster, monkeypatch):
    """As decisions F11 have it."""
    waits: list[float] = []

    async def over(waiting, seconds):
        waiting.close()
        waits.append(seconds)
        raise TimeoutError if len(waits) < 4 else asyncio.CancelledError

    async def look(_):
        pass

    monkeypatch.setattr(orphan_sweep.asyncio, "wait_for", over)
    monkeypatch.setattr(OrphanSweep, "look", look)
    with pytest.raises(asyncio.CancelledError):
        await OrphanSweep(cluster.kube, lambda: NOW).run()
    assert waits == [30.0, 600.0, 600.0, 600.0]


async def test_it_looks_again_when_an_incident_was_deleted(cluster, monkeypatch):
    """Not only in ten minutes; and a sweep that fails is not the last one."""
    monkeypatch.setattr(orphan_sweep, "SOON_SECONDS", 0)
    cluster.refuses["incidents"] = 503
    sweep = OrphanSweep(cluster.kube, lambda: NOW)
    running = asyncio.create_task(sweep.run())
    sweep.soon()
    await cluster.until("incidents")
    cluster.refuses = {}
    sweep.soon()
    await cluster.until("events")
    running.cancel()
    assert ("POST", "events") == cluster.asked[-1][:2]
