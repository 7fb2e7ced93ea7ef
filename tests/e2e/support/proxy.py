"""
A proxy that breaks things: plain HTTP in front of the API server's https, with the caller's own credentials.

It records every request, and does to the n-th of a sort what a bad day does: kills the operator, drops the answer, sends
it twice, answers with an error, waits, or shows an old list; to the n-th event of a watch: holds it, skips it, cuts the
watch off, or says 410 Gone. Confined to one namespace, or to one incident in it, the operator behind it sees no other, so
that many can run side by side on one cluster.
"""

import asyncio
import contextlib
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Self

import aiohttp
from aiohttp import web

HOP: Final = frozenset({"host", "connection", "transfer-encoding", "content-length", "content-encoding", "keep-alive"})
OURS: Final = "/apis/stanch.dev/v1alpha1/"
SELECTED: Final = {"incidents": "metadata.name", "timelineentries": "spec.incident"}
# The hook is called, and the request goes on.
CALLS: Final = ("call", "human", "namesake")
HELD_SECONDS: Final = 8
GONE: Final = b'{"type":"ERROR","object":{"kind":"Status","status":"Failure","reason":"Expired","code":410,"message":"planted"}}\n'


@dataclass
class Seen:
    """One request, and what became of it."""

    index: int
    method: str
    path: str
    params: Mapping[str, str]
    body: bytes
    label: str
    status: int = 0
    reply: bytes = b""
    fault: str = ""

    @property
    def is_watch(self) -> bool:
        """Does it stay open?"""
        return self.params.get("watch") in ("true", "1")

    @property
    def is_write(self) -> bool:
        """Could it change anything? A question put by POST and a dry run can't."""
        return self.method != "GET" and "dry" not in self.label and "accessreview" not in self.label


@dataclass
class Fault:
    """What to do ``when`` (before or after the API server has it) the request called ``label`` comes; once."""

    label: str
    when: str
    do: str
    hook: Callable[[], None] = field(default=lambda: None, repr=False)
    fired: bool = False

    def __str__(self) -> str:
        return f"{self.do} {self.when} {self.label}"


def name_of(method: str, path: str, params: Mapping[str, str]) -> str:
    """`PATCH incidents/status`, `GET pods/log`, `LIST replicasets`, `PATCH deployments dry`: the sort of a request."""
    parts = path.strip("/").split("/")
    rest = parts[2:] if parts[0] == "api" else parts[3:]
    if rest[:1] == ["namespaces"] and len(rest) > 2:
        rest = rest[2:]
    if not rest:
        return f"{method} {path}"
    kind = rest[0] + (f"/{rest[2]}" if len(rest) > 2 else "")
    verb = "LIST" if method == "GET" and len(rest) == 1 else method
    return f"{verb} {kind}" + (" dry" if params.get("dryRun") else "")


class Loop:
    """An event loop in a thread of its own, shared by all proxies."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Any) -> Any:
        """Do it there, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)

    def close(self) -> None:
        """End the thread."""
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


class FaultProxy:
    """In front of one API server, for one operator."""

    def __init__(self, loop: Loop, server: str, ca: str, namespace: str = "", only: str = "") -> None:
        """``namespace``, and the name of the ``only`` incident in it, confine the operator behind it."""
        self._loop, self._server, self._namespace, self._only = loop, server.rstrip("/"), namespace, only
        self._tls = ssl.create_default_context(cadata=ca)
        self._counts: Counter[str] = Counter()
        self._replies: dict[str, tuple[int, bytes]] = {}
        self.log: list[Seen] = []
        self.told: list[str] = []
        self.faults: list[Fault] = []
        self.port = 0

    def __enter__(self) -> Self:
        self._loop.run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.run(self._close())

    async def _start(self) -> None:
        connector = aiohttp.TCPConnector(ssl=self._tls, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False, read_bufsize=2**20)
        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{any:.*}", self._handle)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def _close(self) -> None:
        await self._runner.cleanup()
        await self._session.close()

    def kubeconfig(self, config: dict[str, Any]) -> dict[str, Any]:
        """The same credentials, by way of this proxy."""
        cluster = {"name": "cluster", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}
        return config | {"clusters": [cluster]}

    def begin(self) -> None:
        """Forget what was seen and count anew from here."""
        self.log.clear()
        self.told.clear()
        self._counts.clear()

    def committed(self, name: str) -> list[Seen]:
        """Requests of a sort that the API server accepted."""
        return [s for s in self.log if s.label.split("#")[0] == name and 200 <= s.status < 300]

    # --- one request -------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path, params, body = request.path, dict(request.query), await request.read()
        name = name_of(request.method, path, params)
        if params.get("watch") not in ("true", "1"):
            self._counts[name] += 1
        label = f"{name}#{self._counts[name]}"
        seen = Seen(len(self.log), request.method, path, params, body, label)
        self.log.append(seen)
        if seen.is_watch:
            return await self._stream(request, self._upstream(request), name.replace("LIST", "WATCH"))
        fault = next((f for f in self.faults if not f.fired and f.label == label), None)
        if fault is not None:
            fault.fired, seen.fault = True, str(fault)
        if fault is not None and fault.when == "before" and (answer := await self._before(request, fault, seen)):
            return answer
        status, raw, kind = await self._forward(request, seen)
        if fault is not None and fault.when == "after":
            await self._after(request, fault, seen)
        return web.Response(status=status, body=raw, content_type=kind)

    async def _before(self, request: web.Request, fault: Fault, seen: Seen) -> web.Response | None:
        if fault.do == "kill":
            await asyncio.to_thread(fault.hook)
            return self._hang_up(request)
        if fault.do == "drop":
            return self._hang_up(request)
        if fault.do in CALLS:
            await asyncio.to_thread(fault.hook)
        elif fault.do == "twice":
            # A request like any other: what the API server accepts of both is counted twice.
            twin = replace(seen, index=len(self.log))
            self.log.append(twin)
            await self._forward(request, twin)
        elif fault.do == "slow":
            await asyncio.sleep(6)
        elif fault.do == "stale":
            status, raw = self._replies.get(str(request.rel_url), (0, b""))
            if status:
                return web.Response(status=status, body=raw, content_type="application/json")
        elif fault.do.isdigit():
            seen.status = int(fault.do)
            body = {"kind": "Status", "status": "Failure", "message": f"planted {fault.do}", "code": seen.status}
            return web.json_response(body, status=seen.status)
        return None

    async def _after(self, request: web.Request, fault: Fault, seen: Seen) -> None:
        if fault.do in ("kill", *CALLS):
            await asyncio.to_thread(fault.hook)
        if fault.do in ("kill", "drop"):
            self._hang_up(request)
        if fault.do == "slow":
            await asyncio.sleep(6)

    @staticmethod
    def _hang_up(request: web.Request) -> web.Response:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=502)

    # --- to the API server -------------------------------------------------------------------------------------------

    def _upstream(self, request: web.Request) -> str:
        url = str(request.rel_url)
        if self._namespace and url.startswith(OURS) and not url.startswith(f"{OURS}namespaces/"):
            url = url.replace(OURS, f"{OURS}namespaces/{self._namespace}/", 1)
            if self._only and (field := SELECTED.get(request.path.rpartition("/")[2])):
                url += f"{'&' if '?' in url else '?'}fieldSelector={field}%3D{self._only}"
        return self._server + url

    async def _forward(self, request: web.Request, seen: Seen) -> tuple[int, bytes, str]:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP | {"accept-encoding"}}
        url = self._upstream(request)
        async with self._session.request(request.method, url, data=seen.body or None, headers=headers) as answer:
            raw = await answer.read()
        seen.status, seen.reply = answer.status, raw
        self._replies.setdefault(str(request.rel_url), (answer.status, raw))
        return answer.status, raw, answer.content_type

    async def _stream(self, request: web.Request, url: str, name: str) -> web.StreamResponse:
        headers = {k: v for k, v in request.headers.items() if k.lower() not in HOP | {"accept-encoding"}}
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        async with self._session.get(url, headers=headers, timeout=timeout) as answer:
            stream = web.StreamResponse(status=answer.status, headers={"Content-Type": answer.content_type})
            await stream.prepare(request)
            rest = b""
            with contextlib.suppress(ConnectionError, aiohttp.ClientError):
                async for chunk in answer.content.iter_any():
                    *events, rest = (rest + chunk).split(b"\n")
                    for event in events:
                        if not await self._pass_on(stream, event + b"\n", name):
                            return stream
            return stream

    async def _pass_on(self, stream: web.StreamResponse, event: bytes, name: str) -> bool:
        """One event of a watch; false when the watch ends here."""
        fault = None
        if not event.startswith(b'{"type":"BOOKMARK"'):
            self._counts[name] += 1
            self.told.append(f"{name}#{self._counts[name]}")
            fault = next((f for f in self.faults if not f.fired and f.label == self.told[-1]), None)
        if fault is None:
            await stream.write(event)
            return True
        fault.fired = True
        if fault.do == "hold":
            await asyncio.sleep(HELD_SECONDS)
        if fault.do in ("hold", "cut"):
            await stream.write(event)
        if fault.do == "gone":
            await stream.write(GONE)
        return fault.do in ("hold", "skip")
