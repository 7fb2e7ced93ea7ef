"""
The one way to the API server: dicts in, dicts out, explicit content type, field manager and timeout, never a retry.

Credentials and TLS come from kubernetes.aio; requests go straight to aiohttp, for the generated client spends three
times as long on each (facts/kopf.md 5.2). Nothing here raises for an HTTP status: callers must look at it.
"""

import asyncio
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlencode

import aiohttp
from kubernetes.aio.client.configuration import Configuration
from kubernetes.aio.client.rest import RESTClientObject
from kubernetes.aio.config import ConfigException, load_incluster_config, load_kube_config
from yarl import URL

from stanch.api.names import FIELD_MANAGER, GROUP
from stanch.evidence.redact import Redactor
from stanch.shell.clock import Clock
from stanch.shell.long_json import parsed
from stanch.shell.metrics import API_SECONDS
from stanch.shell.room import Room

READ_SECONDS: Final = 5.0
WRITE_SECONDS: Final = 5.0
# An admission webhook has 10 s unless it says more: the API server then answers, whichever way, and the write is not given up.
OTHERS_SECONDS: Final = 12.0
CONNECT_SECONDS: Final = 2.0
CONNECTIONS: Final = 64
LOG_READ_MAX: Final = 16 * 1024 * 1024
OURS: Final = f"/apis/{GROUP}/"
USER_AGENT: Final = "stanch/0.1.0"
# Longer words of an error are nobody's to read.
MESSAGE_MAX: Final = 64 * 1024
JSON: Final = "application/json"
JSON_PATCH: Final = "application/json-patch+json"
MERGE_PATCH: Final = "application/merge-patch+json"
METADATA_ONLY: Final = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"


class Unanswered(Exception):
    """No answer came: whether a write happened is unknown. Carries the request in words."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What the API server said. ``body`` is its JSON; for errors a Status object. ``size`` is how many bytes it came in."""

    status: int
    body: dict[str, Any]
    size: int = 0

    @property
    def ok(self) -> bool:
        """Was it accepted?"""
        return 200 <= self.status < 300

    @property
    def busy(self) -> bool:
        """Was the server too busy or broken to judge it? Asked again, it may."""
        return self.status == 429 or self.status >= 500

    @property
    def message(self) -> str:
        """The server's own words for an error, or a webhook's; they may quote what they refuse, so secrets are masked."""
        said = str(self.body.get("message") or f"HTTP {self.status}")
        # Without a key: tokens of evidence are not for whoever may read an incident.
        return Redactor(b"").scrub(said[:MESSAGE_MAX])


async def configuration(kubeconfig: str | None) -> Configuration:
    """Credentials of the kubeconfig given, of KUBECONFIG, or of the pod we run in. Raises ConfigException."""
    found = Configuration()
    path = kubeconfig or os.environ.get("KUBECONFIG")
    in_pod = not path and os.environ.get("KUBERNETES_SERVICE_HOST")
    if not in_pod and (missing := missing_kubeconfig(path)):
        # The library would log a line of its own, and then miss a field of the file that is not there.
        raise ConfigException(missing)
    if path:
        try:
            await load_kube_config(config_file=path, client_configuration=found)
        except ConfigException as error:
            raise ConfigException(f"{path}: {error}") from error
    elif in_pod:
        load_incluster_config(client_configuration=found)
    else:
        await load_kube_config(client_configuration=found)
    return found


def missing_kubeconfig(path: str | None) -> str:
    """What is not there, of a kubeconfig or several with colons between, else of kubectl's own place; '' when one is there."""
    wanted = path or str(Path("~") / ".kube" / "config")
    files = [Path(each).expanduser() for each in wanted.split(os.pathsep) if each]
    return "" if any(file.exists() for file in files) else f"there is no file {wanted}"


async def bearer_token(config: Configuration) -> str | None:
    """`Bearer …` as it is to be sent, renewed where the credentials know how; None with a client certificate."""
    token: str | None = await config.get_api_key_with_prefix("BearerToken", alias="authorization")
    return token


class Kube:
    """A connection pool to one API server."""

    def __init__(
        self,
        config: Configuration,
        connections: int = CONNECTIONS,
        clock: Clock | None = None,
        others_seconds: float = OTHERS_SECONDS,
    ) -> None:
        """
        Must be made inside a running event loop. Each answer puts the clock right. ``others_seconds`` is how long a write to an
        object of others, or a try of one, may take.
        """
        self._config, self._others_seconds = config, others_seconds
        self.clock = clock or Clock()
        self._host = config.host.rstrip("/")
        tls = RESTClientObject(config).ssl_context
        connector = aiohttp.TCPConnector(ssl=tls, limit=connections, keepalive_timeout=60)
        self._session = aiohttp.ClientSession(connector=connector, read_bufsize=2**20, auto_decompress=True)
        self.requests, self._reading, self._room = 0, asyncio.Lock(), Room()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def _headers(self, accept: str, content_type: str | None) -> dict[str, str]:
        token = await bearer_token(self._config)
        headers = {"Accept": accept, "User-Agent": USER_AGENT}
        if token:
            headers["Authorization"] = token
        if content_type:
            headers["Content-Type"] = content_type
        return headers

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: str | None = None,
        content_type: str | None = None,
        accept: str = JSON,
        seconds: float = READ_SECONDS,
    ) -> Reply:
        """One request, once. Raises Unanswered when no whole answer came, or there was no room for it."""
        url = f"{self._host}{path}" + (f"?{urlencode(params)}" if params else "")
        timeout = aiohttp.ClientTimeout(total=seconds, connect=CONNECT_SECONDS)
        self.requests += 1
        began = time.perf_counter()
        try:
            async with self._session.request(
                method,
                # As it is: another way to write a path may be another path.
                URL(url, encoded=True),
                data=body.encode() if body is not None else None,
                headers=await self._headers(accept, content_type),
                timeout=timeout,
                allow_redirects=False,
            ) as response:
                self.clock.heard(response.headers.get("Date"), time.perf_counter() - began)
                raw = await response.read()
                return Reply(response.status, await parsed(raw, self._reading, self._room), len(raw))
        # ConfigException: the kubelet is writing the token's file anew.
        except (aiohttp.ClientError, TimeoutError, OSError, ConfigException) as error:
            raise Unanswered(f"{method} {path}: {type(error).__name__} {error}".strip()) from error
        finally:
            API_SECONDS.labels(method).observe(time.perf_counter() - began)

    def _patience(self, path: str) -> float:
        """Before our own kinds stand no webhooks that others wrote; where they do, a record is not waited for as long."""
        return WRITE_SECONDS if path.startswith(OURS) else self._others_seconds

    async def get(self, path: str, params: Mapping[str, str] | None = None, accept: str = JSON) -> Reply:
        """Read one object or a list."""
        return await self.request("GET", path, params=params, accept=accept)

    async def create(self, path: str, obj: Mapping[str, Any]) -> Reply:
        """Create an object, once."""
        return await self.request(
            "POST",
            path,
            params={"fieldManager": FIELD_MANAGER},
            body=json.dumps(obj, separators=(",", ":")),
            content_type=JSON,
            seconds=WRITE_SECONDS,
        )

    async def patch(self, path: str, body: str, content_type: str, dry: bool = False) -> Reply:
        """Patch an object, once; ``dry`` asks the server to check and forget it."""
        params = {"fieldManager": FIELD_MANAGER} | ({"dryRun": "All"} if dry else {})
        return await self.request(
            "PATCH", path, params=params, body=body, content_type=content_type, seconds=self._patience(path)
        )

    async def delete(self, path: str, uid: str, dry: bool = False, version: str = "") -> Reply:
        """Delete the object of exactly this uid, once; with ``version`` only as long as nobody has changed it since."""
        wanted = {"uid": uid} | ({"resourceVersion": version} if version else {})
        body: dict[str, Any] = {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": wanted}
        if dry:
            # Of a request with a body the API server reads no option in the query: there it would be no dry run.
            body["dryRun"] = ["All"]
        return await self.request(
            "DELETE",
            path,
            body=json.dumps(body),
            content_type=JSON,
            seconds=self._patience(path),
        )

    async def evict(self, namespace: str, name: str, uid: str, dry: bool = False) -> Reply:
        """Ask for the eviction of the pod of exactly this uid, once; a PodDisruptionBudget answers 429."""
        options: dict[str, Any] = {"preconditions": {"uid": uid}} | ({"dryRun": ["All"]} if dry else {})
        metadata = {"name": name, "namespace": namespace}
        path = f"/api/v1/namespaces/{namespace}/pods/{name}/eviction"
        return await self.request(
            "POST",
            path,
            params={"dryRun": "All"} if dry else None,
            body=json.dumps(
                {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata, "deleteOptions": options}
            ),
            content_type=JSON,
            seconds=self._patience(path),
        )

    async def log(self, path: str, params: Mapping[str, str], keep: int, seconds: float) -> tuple[int, bytes, int]:
        """(status, newest bytes, bytes dropped). Reads to the end, for cutting at the server loses the newest lines."""
        timeout = aiohttp.ClientTimeout(total=seconds, connect=CONNECT_SECONDS)
        self.requests += 1
        kept, total = bytearray(), 0
        try:
            url = URL(f"{self._host}{path}?{urlencode(params)}", encoded=True)
            headers = await self._headers("*/*", None)
            async with self._session.get(url, headers=headers, timeout=timeout) as response:
                async for chunk in response.content.iter_chunked(65536):
                    kept += chunk
                    total += len(chunk)
                    if len(kept) > 2 * keep:
                        del kept[:-keep]
                    if total > LOG_READ_MAX:
                        break
                newest = bytes(kept[-keep:])
                return response.status, newest, total - len(newest)
        except (aiohttp.ClientError, TimeoutError, OSError, asyncio.IncompleteReadError, ConfigException) as error:
            raise Unanswered(f"GET {path}: {type(error).__name__} {error}".strip()) from error
