"""
The operator as shipped, run by the bench, which wants to know what it sends and how late its event loop is.

Notes are kept in memory and written as JSON lines once nothing was sent for a while, so that noting is not measured.
"""

import asyncio
import cProfile
import json
import os
import sys
import time
from collections.abc import Mapping
from typing import IO, Any, Final
from urllib.parse import urlencode

from stanch.shell import log, run
from stanch.shell.client import JSON, READ_SECONDS, Kube, Reply
from stanch.shell.receiver import AlertsAt

TICK_SECONDS: Final = 0.005
LATE_SECONDS: Final = 0.008
QUIET_SECONDS: Final = 0.1
NOTES: list[dict[str, Any]] = []
BUSY: list[int] = [0]
LAST: list[float] = [0.0]


class TracedKube(Kube):
    """Notes each request: what, when it began and ended (CLOCK_MONOTONIC, one for all processes), what came of it."""

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
        """As shipped, and noted; its look for a restore every ten seconds is on nobody's way."""
        if method == "GET" and path.endswith("/postmortems"):
            return await super().request(method, path, params=params, accept=accept, seconds=seconds)
        note = _begun(method, path, params, accept) | {"body": body, "content_type": content_type}
        status = 0
        try:
            reply = await super().request(
                method, path, params=params, body=body, content_type=content_type, accept=accept, seconds=seconds
            )
            status = reply.status
            return reply
        finally:
            _ended(note, status)

    async def log(self, path: str, params: Mapping[str, str], keep: int, seconds: float) -> tuple[int, bytes, int]:
        """As shipped, and noted."""
        note, status = _begun("GET", path, params, "*/*"), 0
        try:
            status, text, dropped = await super().log(path, params, keep, seconds)
            return status, text, dropped
        finally:
            _ended(note, status)


def _begun(method: str, path: str, params: Mapping[str, str] | None, accept: str) -> dict[str, Any]:
    BUSY[0] += 1
    url = path + (f"?{urlencode(params)}" if params else "")
    note = {"method": method, "url": url, "accept": accept, "body": None, "content_type": None}
    return note | {"began": time.perf_counter(), "cpu": time.thread_time()}


def _ended(note: dict[str, Any], status: int) -> None:
    BUSY[0] -= 1
    LAST[0] = time.perf_counter()
    NOTES.append(note | {"ended": LAST[0], "cpu_ended": time.thread_time(), "status": status})


async def watch_the_loop(out: IO[str]) -> None:
    """A tick every 5 ms; one that comes late says how long something else held the loop, and how much of it was ours."""
    while True:
        before, cpu = time.perf_counter(), time.thread_time()
        await asyncio.sleep(TICK_SECONDS)
        now = time.perf_counter()
        late = now - before - TICK_SECONDS
        if late > LATE_SECONDS:
            NOTES.append({"late": late, "cpu": time.thread_time() - cpu, "began": before, "ended": now})
        if NOTES and not BUSY[0] and now - LAST[0] > QUIET_SECONDS:
            out.write("".join(json.dumps(note) + "\n" for note in NOTES))
            out.flush()
            NOTES.clear()


async def both(settings: run.Settings, out: IO[str]) -> None:
    """The operator and, beside it, the tick."""
    tick = asyncio.create_task(watch_the_loop(out))
    try:
        await run.run(settings)
    finally:
        tick.cancel()


def main(kubeconfig: str, listen: str, trace: str, profile: str = "", alerts: str = "") -> None:
    """Run until killed; ``profile`` names a file for cProfile, ``alerts`` says where alerts are taken."""
    log.set_up(False, False)
    os.environ["KUBECONFIG"] = kubeconfig
    run.Kube = TracedKube  # type: ignore[misc]
    profiler = cProfile.Profile()
    with open(trace, "w", encoding="utf-8") as out:
        if profile:
            profiler.enable()
        try:
            taken = AlertsAt(alerts) if alerts else None
            asyncio.run(both(run.Settings(kubeconfig, listen, alerts=taken), out))
        finally:
            if profile:
                profiler.disable()
                profiler.dump_stats(profile)


if __name__ == "__main__":
    main(*sys.argv[1:])
