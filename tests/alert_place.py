"""A receiver of alerts, the API server behind it, and what is there for alerts."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from alert_api import GOOD, AlertApi
from build import T0, Json, stamp
from stanch.api.policy import DEFAULT
from stanch.core.alert_groups import read_known
from stanch.core.alert_states import firing
from stanch.shell.cache import Cache
from stanch.shell.client import Kube
from stanch.shell.receiver import AlertsAt, Receiver, receiving


class Place:
    """A receiver, the API server behind it, and a way to post."""

    def __init__(self, api: AlertApi, url: str, web_client: aiohttp.ClientSession) -> None:
        self.api, self.url, self.web = api, url, web_client
        self.policy, self.unread, self.cache = DEFAULT, "", Cache()

    async def post(self, body: Any, token: str | None = GOOD, **headers: str) -> tuple[int, Json]:
        """Code and message."""
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        auth = {"Authorization": f"Bearer {token}"} if token is not None else {}
        async with self.web.post(self.url, data=raw, headers=auth | headers) as answer:
            self.headers = answer.headers
            return answer.status, await answer.json()

    def groups(self) -> list[int]:
        """How many alerts fire in each incident that is not over."""
        known = [read_known(body) for body in self.api.incidents.values()]
        return [firing(k.group) for k in known if k is not None and k.over is None]


@contextlib.asynccontextmanager
async def served(app: web.Application) -> AsyncIterator[str]:
    """On loopback."""
    runner = web.AppRunner(app, shutdown_timeout=0.1, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def placed(api: AlertApi, soon: float = 60.0) -> AsyncIterator[Place]:
    """Everything together; each time another receiver, which remembers nothing. What takes ``soon`` seconds is written ahead."""
    async with served(api.app()) as host, Kube(Configuration(host=host)) as kube, aiohttp.ClientSession() as client:
        made = Place(api, "", client)
        taking = Receiver(kube, lambda _: made.policy, lambda: made.unread, made.cache, soon)
        async with receiving(AlertsAt("127.0.0.1:0"), taking) as at:
            made.url = f"http://{at}/alerts"
            yield made


def runbook(name: str, namespace: str = "stanch-system", *matchers: str, **spec: Any) -> Json:
    """A Runbook for these alerts, as the API server has it."""
    meta = {"name": name, "namespace": namespace, "uid": name, "creationTimestamp": stamp(T0)}
    match = {"alerts": list(matchers) or ['alertname="ShopErrors"'], **spec}
    wish = {"name": "back", "rolloutUndo": {}}
    return {
        "metadata": meta,
        "spec": {"title": name, "summary": name, "mode": "Approve", "match": match, "mitigations": [wish]},
    }
