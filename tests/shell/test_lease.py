"""Two replicas and one Lease, over the real client, against a server that compares and swaps as the API server does."""

import asyncio
import contextlib
import json

import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from stanch.shell.client import Kube
from stanch.shell.election import Times
from stanch.shell.lease import Lease
from stanch.shell.tenure import Tenure, identity

# As shipped, a dozen times as fast.
QUICK = Times(lasts=4.0, give_up=2.5, every=0.08)
PATIENCE = 10


class Server:
    """One Lease; whom it does not answer is in ``deaf_to``."""

    def __init__(self) -> None:
        self.lease: dict | None = None
        self.version = 0
        self.deaf_to: set[str] = set()
        self.forbids = False
        self.together: asyncio.Barrier | None = None

    async def handle(self, request: web.Request) -> web.Response:
        if request.headers["X-Who"] in self.deaf_to:
            await asyncio.sleep(60)
        if self.forbids:
            return _status(403)
        if request.method == "GET":
            if self.together:
                await self.together.wait()
            return web.json_response(self.lease) if self.lease else _status(404)
        body = await request.json()
        if request.method == "POST":
            return _status(409) if self.lease else self._store({"uid": "u"}, body["spec"])
        if self.lease is None:
            return _status(404)
        known = self.lease["metadata"]["resourceVersion"]
        if body["metadata"].get("resourceVersion", known) != known:
            return _status(409)
        return self._store({"uid": "u"}, self.lease["spec"] | body["spec"])

    def _store(self, metadata: dict, spec: dict) -> web.Response:
        self.version += 1
        self.lease = {"metadata": metadata | {"resourceVersion": str(self.version)}, "spec": spec}
        return web.json_response(json.loads(json.dumps(self.lease)))

    @property
    def holder(self) -> str:
        return self.lease["spec"]["holderIdentity"] if self.lease else ""


def _status(code: int) -> web.Response:
    return web.json_response({"kind": "Status", "message": f"planted {code}"}, status=code)


class Named(Kube):
    """Says who asks, so that the server can be deaf to one."""

    who = ""

    async def _headers(self, accept, content_type):
        return await super()._headers(accept, content_type) | {"X-Who": self.who}


class Replica:
    """One that keeps the Lease, or waits for it."""

    def __init__(self, kube: Kube, name: str) -> None:
        self.tenure, self.deaths = Tenure(), []
        self.lease = Lease(kube, self.tenure, name, QUICK, self.deaths.append)
        self.task: asyncio.Task | None = None

    def start(self) -> None:
        self.task = asyncio.create_task(self.lease.keep())

    async def stop(self) -> None:
        """As kill -9: nothing is given up."""
        if self.task:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)


@pytest.fixture
async def server():
    """A server, with ``replica(name)`` that makes one."""
    made = Server()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with contextlib.AsyncExitStack() as stack:

        async def replica(name: str) -> Replica:
            kube = await stack.enter_async_context(Named(Configuration(f"http://127.0.0.1:{runner.addresses[0][1]}")))
            kube.who = name
            one = Replica(kube, name)
            stack.push_async_callback(one.stop)
            return one

        made.replica = replica
        yield made
    await runner.cleanup()


async def until(true, what: str) -> None:
    """Wait for it."""
    loop = asyncio.get_running_loop()
    end = loop.time() + PATIENCE
    while not true():
        assert loop.time() < end, f"did not come: {what}"
        await asyncio.sleep(0.01)


async def two(server: Server) -> tuple[Replica, Replica]:
    """One that works and one that stands by."""
    one, other = await server.replica("one"), await server.replica("other")
    one.start()
    await until(lambda: one.tenure.holds, "one works")
    other.start()
    await asyncio.sleep(QUICK.every * 4)
    return one, other


async def test_one_works_and_the_other_stands_by(server):
    """For longer than the Lease lasts: it is renewed, and the other never has it."""
    one, other = await two(server)
    await asyncio.sleep(QUICK.lasts * 1.5)
    assert (True, False, "one") == (one.tenure.holds, other.tenure.holds, server.holder)


async def test_a_replica_that_is_killed_is_followed(server):
    """Nobody gives the Lease up; it is taken when it has not changed for as long as it lasts."""
    one, other = await two(server)
    await one.stop()
    await until(lambda: other.tenure.holds, "the other works")
    assert ("other", 1) == (server.holder, server.lease["spec"]["leaseTransitions"])


async def test_a_replica_that_ends_in_order_is_followed_at_once(server):
    """It gives the Lease up when its work has ended, so that the other need not wait until it has run out."""
    one, other = await two(server)
    await one.stop()
    await one.lease.release()
    began = asyncio.get_running_loop().time()
    assert (False, "") == (one.tenure.holds, server.holder)
    await until(lambda: other.tenure.holds, "the other works")
    assert asyncio.get_running_loop().time() - began < QUICK.lasts


async def test_two_that_want_it_at_once_do_not_both_get_it(server):
    """Both have seen that it is free; one write is refused, for the Lease is another by then."""
    server.lease = {"metadata": {"uid": "u", "resourceVersion": "0"}, "spec": {"holderIdentity": ""}}
    server.together = asyncio.Barrier(2)
    one, other = await server.replica("one"), await server.replica("other")
    one.start()
    other.start()
    await until(lambda: one.tenure.holds or other.tenure.holds, "one works")
    server.together = None
    await asyncio.sleep(QUICK.every)
    assert [server.holder == "one", server.holder == "other"] == [one.tenure.holds, other.tenure.holds]


async def test_who_gets_no_answer_stops_before_the_other_begins(server):
    """Cut off from the API server, it never works at the same time as the one that follows it."""
    one, other = await two(server)
    server.deaf_to = {"one"}
    await until(lambda: server.holder == "other", "the other has it")
    assert not one.tenure.holds
    server.deaf_to = set()
    await asyncio.sleep(QUICK.every * 5)
    assert (False, True, []) == (one.tenure.holds, other.tenure.holds, one.deaths)


async def test_work_is_cancelled_when_the_lease_is_lost(server):
    """What is inside a term ends with it, without an error, and begins anew with the next."""
    one, _ = await two(server)
    ended = []

    async def work() -> None:
        await one.tenure.begun()
        async with one.tenure.term():
            try:
                await asyncio.sleep(60)
            finally:
                ended.append(one.tenure.holds)

    task = asyncio.create_task(work())
    await asyncio.sleep(QUICK.give_up * 2)
    assert [] == ended, "renewals push the end of what is under way"
    server.deaf_to = {"one"}
    await asyncio.wait_for(task, PATIENCE)
    assert [False] == ended


async def test_who_can_not_stop_ends_the_process(server):
    """Work that goes on although it was cancelled must not meet that of the next holder."""
    one, _ = await two(server)

    async def stubborn() -> None:
        async with one.tenure.term():
            while not one.deaths:
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.sleep(0.05)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0.05)
    server.deaf_to = {"one"}
    await until(lambda: one.deaths == [1], "it ends itself")
    await asyncio.wait_for(task, PATIENCE)


async def test_a_process_that_was_stopped_finds_the_lease_gone(server):
    """Its event loop stood still, as with SIGSTOP: the tenure is over when it goes on, without any request."""
    one, other = await two(server)
    await other.stop()
    asyncio.get_running_loop().call_soon(lambda: __import__("time").sleep(QUICK.give_up * 1.2))
    await asyncio.sleep(0)
    assert not one.tenure.holds


async def test_a_lease_that_is_deleted_is_made_again(server):
    """By whoever comes first; the one that held it goes on or stands by, but somebody works."""
    one, other = await two(server)
    server.lease = None
    await until(lambda: server.holder, "it is there again")
    await asyncio.sleep(QUICK.give_up * 2)
    assert [server.holder == "one", server.holder == "other"] == [one.tenure.holds, other.tenure.holds]


async def test_without_the_right_nobody_works_and_it_says_so(server, caplog):
    """A Lease that may not be read is told with the remedy; nothing is done."""
    server.forbids = True
    one = await server.replica("one")
    with caplog.at_level("WARNING", "stanch.lease"):
        one.start()
        await until(lambda: caplog.records, "it is told")
    assert not one.tenure.holds
    assert "--no-lease" in caplog.messages[0]


def test_a_container_that_is_started_again_is_the_same_replica(monkeypatch):
    """In a pod its Lease is its own at once; two processes on one machine never take each other's."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert identity() != identity()
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    assert identity() == identity()
    monkeypatch.setenv("KUBECONFIG", "somewhere")
    assert identity() != identity()
