"""The sweep removes what has run out, by uid, and nothing that it could not make sure of."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from stanch.api.meta import instant
from stanch.api.policy import DEFAULT
from stanch.core.questions import EVIDENCES, POSTMORTEMS
from stanch.core.records import Store
from stanch.shell import evidence_sweep
from stanch.shell.client import Kube
from stanch.shell.evidence_store import CannotRead, ClusterStore, Total
from stanch.shell.evidence_sweep import EvidenceSweep
from stanch.shell.metrics import EVIDENCE_BYTES, EVIDENCE_REMOVED
from stanch.shell.policy_book import PolicyBook

NOW = datetime(2026, 11, 21, 14, tzinfo=UTC)
COLUMNS = ["Name", "Incident", "Purpose", "Captured", "Items", "Missing", "Bytes", "Redactions", "Age"]


def ago(days: float) -> str:
    """An instant so many days back."""
    return instant(NOW - timedelta(days=days))


def incident(name: str, closed: float | None) -> dict[str, object]:
    """An incident, closed so many days ago or open."""
    labels = {"stanch.dev/closed": ""} if closed is not None else {}
    status = {
        "times": {"closed": ago(closed)} if closed is not None else {},
        "severity": {"level": "SEV1"},
        "conditions": [{"type": "Reviewed", "status": "True"}],
    }
    return {"metadata": {"name": name, "namespace": "shop", "uid": f"uid-{name}", "labels": labels}, "status": status}


class Cluster:
    """Evidence as table rows, incidents by name, and every request."""

    def __init__(self) -> None:
        self.evidence: dict[str, tuple[str, str, float, int]] = {
            "old-a-1": ("old", "Before", 200, 100),
            "young-a-1": ("young", "Before", 10, 200),
            "open-a-1": ("open", "Declared", 300, 300),
            "old-page-1": ("old", "Page", 200, 50),
        }
        self.incidents = {"old": incident("old", 100), "young": incident("young", 5), "open": incident("open", None)}
        self.refuses: dict[str, int] = {}
        self.deleted: dict[str, str] = {}
        self.accepts: set[str] = set()
        self.labelled: list[str] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        name = request.path.rpartition("/")[2]
        if code := self.refuses.get(f"{request.method} {name}"):
            return web.json_response({"message": "no"}, status=code)
        if request.method == "PATCH":
            assert (await request.json())["metadata"] == {"uid": f"uid-{name}", "labels": {"stanch.dev/closed": ""}}
            self.labelled.append(name)
            return web.json_response({})
        if request.method == "DELETE":
            self.deleted[name] = (await request.json())["preconditions"]["uid"]
            del self.evidence[name]
            return web.json_response({})
        if name == "evidences":
            self.accepts.add(request.headers["Accept"])
            return web.json_response(self._table(int(request.query.get("continue", 0))))
        found = self.incidents.get(name)
        return web.json_response(found or {"message": "gone"}, status=200 if found else 404)

    def _table(self, at: int) -> dict[str, object]:
        """Two rows a page."""
        rows = [
            {
                "cells": [name, about, purpose, ago(days), 3, 0, size, 1, "1d"],
                "object": {
                    "metadata": {
                        "name": name,
                        "namespace": "shop",
                        "uid": f"uid-{name}",
                        "labels": {"stanch.dev/incident-uid": f"uid-{about}"},
                    }
                },
            }
            for name, (about, purpose, days, size) in self.evidence.items()
        ]
        more = {"continue": str(at + 2)} if at + 2 < len(rows) else {}
        return {"columnDefinitions": [{"name": n} for n in COLUMNS], "metadata": more, "rows": rows[at : at + 2]}


@pytest.fixture
async def cluster(monkeypatch):
    """A cluster, and a sweep of it."""
    monkeypatch.setattr(evidence_sweep, "PAUSE_SECONDS", 0)
    made = Cluster()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with Kube(Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")) as kube:
        made.total = Total(9)
        made.kube, made.book = kube, PolicyBook(DEFAULT)
        made.sweep = EvidenceSweep(kube, ClusterStore(kube), lambda: made.book, lambda: NOW, made.total)
        yield made
    await runner.cleanup()


async def test_what_has_run_out_is_removed_by_its_uid(cluster):
    """On every page of the table, without reading an archive; pages of the record stay, and so does what is needed."""
    before = EVIDENCE_REMOVED.labels("RunOut")._value.get()
    removed = await cluster.sweep.look()
    assert {"old-a-1": "uid-old-a-1"} == cluster.deleted
    assert ["old-a-1"] == [each.kept.name for each in removed]
    assert all("as=Table" in accept for accept in cluster.accepts)
    assert 550 == EVIDENCE_BYTES._value.get()
    # Of an incident that is over nothing keeps anybody from being looked at: the next sweep may take it away.
    assert 350 == cluster.total.bytes
    assert before + 1 == EVIDENCE_REMOVED.labels("RunOut")._value.get()


async def test_that_of_an_incident_that_is_gone_is_let_go_first(cluster):
    """Nobody else labels it, and what is not labelled closed may not be deleted by anybody, the operator included."""
    cluster.evidence["gone-a-1"] = ("gone", "Before", 400, 10)
    await cluster.sweep.look()
    assert (["gone-a-1"], {"old-a-1", "gone-a-1"}) == (cluster.labelled, set(cluster.deleted))


async def test_what_is_too_much_goes_oldest_first(cluster):
    """Until it fits: the cluster's policy says how much that is."""
    cluster.book = PolicyBook(replace(DEFAULT, evidence_cluster_bytes=400))
    await cluster.sweep.look()
    assert {"old-a-1", "young-a-1"} == set(cluster.deleted)


async def test_what_is_needed_stays_however_full_it_is(cluster, caplog):
    """And that is said."""
    caplog.set_level("WARNING", "stanch.evidence")
    cluster.book = PolicyBook(replace(DEFAULT, evidence_cluster_bytes=1))
    await cluster.sweep.look()
    assert {"open-a-1", "old-page-1"} == set(cluster.evidence)
    assert "over its budget" in caplog.text


async def test_of_an_incident_that_can_not_be_read_nothing_goes(cluster):
    """403, 429 or 500 says nothing about whether it is closed."""
    for code in (403, 429, 500):
        cluster.refuses["GET old"] = code
        assert () == await cluster.sweep.look()
    assert {} == cluster.deleted


async def test_while_policies_are_unread_nothing_goes(cluster):
    """One of them may ask for longer."""
    cluster.book = PolicyBook(DEFAULT, "not read yet")
    assert () == await cluster.sweep.look()
    cluster.book = PolicyBook(DEFAULT)
    cluster.book.unread = "500"
    assert () == await cluster.sweep.look()
    assert {} == cluster.deleted


async def test_a_refused_removal_is_not_counted_as_one(cluster):
    """It is tried again at the next sweep."""
    cluster.refuses["DELETE old-a-1"] = 409
    assert () == await cluster.sweep.look()
    assert 650 == EVIDENCE_BYTES._value.get()


async def test_a_store_that_can_not_be_read_says_why(cluster):
    """With the server's words."""
    cluster.refuses["GET evidences"] = 403
    with pytest.raises(CannotRead, match="no"):
        await cluster.sweep.look()


def test_what_was_stored_since_counts_until_the_next_sweep():
    """An hour is long: many incidents at once would fill etcd in minutes."""
    total = Total(100)
    bundle = Store(EVIDENCES, "shop", "e", "d", {"spec": {"data": "x" * 400}}, urgent=True)
    page = Store(POSTMORTEMS, "shop", "p", "d", {"spec": {}}, urgent=False)
    total.add([bundle, page])
    assert 400 == total.bytes
