"""/healthz: is the loop alive? /readyz: has it looked at the world? /metrics for Prometheus."""

import asyncio
import time
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from stanch.shell.metrics import LOOP_LAG, REGISTRY

BEAT_SECONDS: Final = 0.5
DEAD_SECONDS: Final = 30.0


class Health:
    """What the probes ask."""

    def __init__(self) -> None:
        """Not ready yet."""
        self.ready_because_not: str = "starting"
        self._last = time.monotonic()
        self._lag = 0.0

    async def beat(self) -> None:
        """Measure how late the event loop is, for ever."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(BEAT_SECONDS)
            self._last = time.monotonic()
            self._lag = max(self._lag * 0.9, self._last - before - BEAT_SECONDS)
            LOOP_LAG.set(self._lag)

    def app(self) -> web.Application:
        """The three pages."""
        app = web.Application()
        app.add_routes(
            [web.get("/healthz", self._healthz), web.get("/readyz", self._readyz), web.get("/metrics", self._metrics)]
        )
        return app

    async def _healthz(self, _: web.Request) -> web.Response:
        late = time.monotonic() - self._last
        return web.Response(
            text="ok\n" if late < DEAD_SECONDS else f"no beat for {late:.0f}s\n",
            status=200 if late < DEAD_SECONDS else 500,
        )

    async def _readyz(self, _: web.Request) -> web.Response:
        why = self.ready_because_not
        return web.Response(text=f"not ready: {why}\n" if why else "ok\n", status=503 if why else 200)

    async def _metrics(self, _: web.Request) -> web.Response:
        return web.Response(body=generate_latest(REGISTRY), headers={"Content-Type": CONTENT_TYPE_LATEST})
