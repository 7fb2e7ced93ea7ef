"""Plain HTTP to the API server, as anybody: no client library, no retries, nothing between us and the clock."""

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import aiohttp
from kubernetes.aio.client.rest import RESTClientObject

from stanch.shell.client import bearer_token, configuration

JSON = "application/json"
MERGE = "application/merge-patch+json"


class BenchError(Exception):
    """Something that has to work did not: nothing measured after it would mean anything."""


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, unread."""

    status: int
    raw: bytes

    def json(self) -> Any:
        """Its body."""
        return json.loads(self.raw)


class Api:
    """One pool of connections with one set of credentials."""

    def __init__(self, host: str, session: aiohttp.ClientSession, headers: dict[str, str]) -> None:
        self.host, self.session, self.headers = host, session, headers

    @classmethod
    async def of(cls, kubeconfig: Path, token: str = "") -> Self:
        """As the kubeconfig says; or on the same cluster as whose token it is."""
        config = await configuration(str(kubeconfig))
        if token:
            # A certificate would win over it.
            config.cert_file = config.key_file = None
        connector = aiohttp.TCPConnector(ssl=RESTClientObject(config).ssl_context, limit=64, keepalive_timeout=120)
        said = f"Bearer {token}" if token else await bearer_token(config)
        headers = {"Authorization": said} if said else {}
        return cls(config.host.rstrip("/"), aiohttp.ClientSession(connector=connector, read_bufsize=2**20), headers)

    async def close(self) -> None:
        """Close all connections."""
        await self.session.close()

    def impersonating(self, user: str, *groups: str) -> "Api":
        """The same pool as somebody else."""
        headers = aiohttp.typedefs.CIMultiDict(self.headers)
        headers["Impersonate-User"] = user
        for group in groups:
            headers.add("Impersonate-Group", group)
        return Api(self.host, self.session, headers)  # type: ignore[arg-type]

    async def send(
        self, method: str, url: str, body: str | None = None, content_type: str | None = JSON, accept: str = JSON
    ) -> Said:
        """One request."""
        headers = self.headers.copy()
        headers["Accept"] = accept
        if body is not None and content_type:
            headers["Content-Type"] = content_type
        data = body.encode() if body is not None else None
        async with self.session.request(method, self.host + url, data=data, headers=headers) as answer:
            return Said(answer.status, await answer.read())

    async def must(self, method: str, url: str, body: Any = None, content_type: str = JSON) -> Any:
        """One request that has to work, and its JSON."""
        text = json.dumps(body, separators=(",", ":")) if body is not None else None
        said = await self.send(method, url, text, content_type)
        if not 200 <= said.status < 300:
            raise BenchError(f"{method} {url}: HTTP {said.status} {said.raw[:400].decode(errors='replace')}")
        return said.json()

    async def gone(self, url: str) -> None:
        """Delete, whether it is there or not."""
        said = await self.send("DELETE", url)
        if said.status not in (200, 202, 404, 409):
            raise BenchError(f"DELETE {url}: HTTP {said.status} {said.raw[:400].decode(errors='replace')}")


class EffectWatch:
    """Sees a Deployment's next generation, and when: by a watch that was open before anything was asked."""

    def __init__(self, api: Api, url: str, name: str, seen: dict[str, Any]) -> None:
        """``seen`` is the Deployment as it was read last; its namespace's collection is at ``url``."""
        self._api, self._seen = api, seen
        self._url = (
            f"{url}?watch=1&fieldSelector=metadata.name%3D{name}&resourceVersion={seen['metadata']['resourceVersion']}"
        )
        self._open: asyncio.Event = asyncio.Event()
        self._task = asyncio.create_task(self._watch())

    async def opened(self) -> None:
        """Until the API server answered."""
        await asyncio.wait_for(self._open.wait(), 10)

    async def _watch(self) -> tuple[float, dict[str, Any]]:
        headers = self._api.headers | {"Accept": JSON}
        async with self._api.session.get(self._api.host + self._url, headers=headers) as answer:
            self._open.set()
            async for line in answer.content:
                at = time.perf_counter()
                found = json.loads(line)["object"]
                if found["metadata"].get("generation", 0) > self._seen["metadata"]["generation"]:
                    return at, found
        raise BenchError("the watch ended before anything happened")

    async def effect(self, seconds: float = 30.0) -> tuple[float, dict[str, Any]]:
        """When (perf_counter) it was seen, and the Deployment as it is then."""
        try:
            return await asyncio.wait_for(self._task, seconds)
        except TimeoutError:
            raise BenchError(f"no effect within {seconds:.0f}s: {self._url}") from None
