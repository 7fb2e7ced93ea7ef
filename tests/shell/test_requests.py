"""Requests against a server on loopback: asked once, bounded in time, and no answer is never taken for a no."""

import asyncio
import json
import time

import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from stanch.core.commands import Swap
from stanch.core.observations import Failed, Found, NotFound, OutcomeKind
from stanch.core.questions import DEPLOYMENTS, HPAS, ROLLOUTS, Get, List, Logs
from stanch.core.records import Store
from stanch.shell.client import Kube
from stanch.shell.observe import Observer
from stanch.shell.perform import STALE_SECONDS, perform
from stanch.shell.store import store

TARGET = "/apis/apps/v1/namespaces/shop/deployments/{name}"
SWAP = Swap("a" * 16, DEPLOYMENTS, "shop", "checkout", "uid", "[]")


class Server:
    """Counts requests and answers as told."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.answer = web.json_response

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        return await self.reply(request)

    async def reply(self, request: web.Request) -> web.StreamResponse:
        return web.json_response({"kind": "Deployment"})


@pytest.fixture
async def server():
    """A server and a Kube that talks to it."""
    made = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    config = Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")
    async with Kube(config) as kube:
        made.kube = kube
        yield made
    await runner.cleanup()


def _status(code: int, message: str = "no", reason: str = ""):
    async def reply(_: web.Request) -> web.StreamResponse:
        return web.json_response({"kind": "Status", "message": message, "reason": reason}, status=code)

    return reply


async def _broken(request: web.Request) -> web.StreamResponse:
    request.transport.close()
    return web.Response()


async def _slow(_: web.Request) -> web.StreamResponse:
    await asyncio.sleep(5)
    return web.Response()


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Server().reply, OutcomeKind.ACCEPTED),
        (_status(422), OutcomeKind.REFUSED),
        (_status(409), OutcomeKind.REFUSED),
        (_status(403), OutcomeKind.REFUSED),
        (_status(500), OutcomeKind.UNKNOWN),
        (_status(504), OutcomeKind.UNKNOWN),
        (_broken, OutcomeKind.UNKNOWN),
    ],
    ids=["200", "422", "409", "403", "500", "504", "connection-lost"],
)
async def test_an_effect_is_sent_once_and_classified(server, reply, kind):
    """No hidden retry, and a lost answer is unknown, not a no."""
    server.reply = reply
    outcome = await perform(server.kube, SWAP, time.monotonic())
    assert (kind, 1) == (outcome.kind, len(server.requests))


async def test_an_effect_decided_too_long_ago_is_not_sent():
    """A process that was stopped looks again first: radio silence."""
    outcome = await perform(None, SWAP, time.monotonic() - STALE_SECONDS - 1)
    assert OutcomeKind.UNKNOWN == outcome.kind


@pytest.mark.parametrize(
    ("reply", "expected"),
    [(Server().reply, Found), (_status(404), NotFound), (_status(403), Failed), (_broken, Failed)],
    ids=["200", "404", "403", "connection-lost"],
)
async def test_a_question_is_always_answered(server, reply, expected):
    """Found, NotFound or Failed; never an exception, never a guess."""
    server.reply = reply
    question = Get(DEPLOYMENTS, "shop", "checkout")
    assert isinstance((await Observer(server.kube).answer([question], None))[question], expected)


async def test_a_silent_kubelet_delays_nobody_beyond_the_deadline(server):
    """Logs that are late are left behind with their reason; the rest is there."""

    async def reply(request: web.Request) -> web.StreamResponse:
        return await (_slow(request) if request.path.endswith("/log") else Server().reply(request))

    server.reply = reply
    late = Logs("shop", "checkout-1", "app", True, "n3", 10, 1024, 4.0)
    get = Get(DEPLOYMENTS, "shop", "checkout")
    answers = await Observer(server.kube).answer([late, get], 0.2)
    assert isinstance(answers[get], Found)
    assert "DeadlineOver" == answers[late].reason


async def test_a_dead_node_times_out_alone_and_once(server):
    """Two of its logs are waited for, the rest of them is not; those of all other nodes are there."""

    async def reply(request: web.Request) -> web.StreamResponse:
        return await (_slow(request) if "/dead-" in request.path else Server().reply(request))

    server.reply = reply
    dead = [Logs("shop", f"dead-{n}", "app", True, "n3", 10, 1024, 0.3) for n in range(8)]
    alive = [Logs("shop", f"alive-{n}", "app", True, f"a{n}", 10, 1024, 4.0) for n in range(10)]
    answers = await Observer(server.kube).answer([*dead, *alive], None)
    assert [] == [q for q in alive if not isinstance(answers[q], Found)]
    assert {"NodeSilent"} == {answers[q].reason for q in dead}
    assert 2 == len([r for r in server.requests if "/dead-" in r])


async def test_the_newest_bytes_of_a_log_are_kept(server):
    """The last line tells why; what was left away is counted."""

    async def reply(_: web.Request) -> web.StreamResponse:
        return web.Response(body=b"old\n" * 1000 + b"FATAL\n")

    server.reply = reply
    question = Logs("shop", "checkout-1", "app", True, "n1", 10, 100, 4.0)
    answer = (await Observer(server.kube).answer([question], 3.0))[question]
    assert answer.value["text"].endswith("FATAL\n")
    assert (100, 3906) == (len(answer.value["text"]), answer.value["dropped"])


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (Server().reply, None),
        (_status(409, "there", "AlreadyExists"), None),
        (_status(409, "conflict", "Conflict"), Failed(409, "conflict")),
        (_status(403, "may not"), Failed(403, "may not")),
    ],
    ids=["created", "there-already", "conflict", "forbidden"],
)
async def test_a_record_that_is_there_already_is_stored(server, reply, expected):
    """Its name says its content, so being there is as good as having written it."""
    server.reply = reply
    record = Store(DEPLOYMENTS, "shop", "x", "d", json.loads("{}"), urgent=True)
    assert expected == await store(server.kube, record)


async def test_a_kind_that_nobody_installed_is_not_asked_for(server: Server):
    """
    Its group is not among those of the API server; one that is there, or one that was never told of, is asked for.
    """
    observer, rollouts, hpas = Observer(server.kube), List(ROLLOUTS, "shop"), List(HPAS, "shop")
    await observer.answer([rollouts], None)
    assert len(server.requests) == 1
    server.reply = lambda _: _groups("autoscaling")
    await observer.served.look(server.kube)
    assert await observer.answer([rollouts], None) == {rollouts: NotFound()}
    assert isinstance((await observer.answer([hpas], None))[hpas], Found)
    asked = [r for r in server.requests if r != "GET /apis"]
    assert len(asked) == 2
    for unsure in (_status(503), lambda _: _groups()):
        server.reply = unsure
        await observer.served.look(server.kube)
        await observer.answer([rollouts], None)
    assert len([r for r in server.requests if "rollouts" in r]) == 3


async def _groups(*names: str) -> web.Response:
    return web.json_response({"kind": "APIGroupList", "groups": [{"name": n} for n in names]})


@pytest.mark.parametrize("dry", [False, True])
async def test_a_dry_run_of_a_deletion_says_so_in_its_body(server, dry):
    """Of a request with a body the API server reads no option in the query: a drill would take the pod away."""
    bodies = []

    async def reply(request: web.Request) -> web.StreamResponse:
        bodies.append((request.query_string, await request.json()))
        return web.json_response({})

    server.reply = reply
    assert (await server.kube.delete("/api/v1/namespaces/shop/pods/web", "u1", dry=dry)).ok
    said = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": "u1"}}
    assert bodies == [("", said | ({"dryRun": ["All"]} if dry else {}))]
