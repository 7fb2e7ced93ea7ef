"""
Real Chromium without a window, by its own DevTools protocol: what it shows, what it tells assistive technology, what it lets run.

Debian's chromium-headless-shell, in the version that its mirror has: older ones are not kept there.
"""

import asyncio
import base64
import contextlib
import itertools
import json
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp

sys.path.append(str(Path(__file__).resolve().parents[1] / "tools"))
from testcluster import packages

# What runs it does not wait for more; it has everything on this machine.
SECONDS = 60
# As root in a container there is no sandbox of its own; what it is shown is ours, and from loopback.
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-port=0")
Json = dict[str, Any]


@dataclass
class Page:
    """One tab."""

    browser: "Browser"
    session: str
    asked: list[str] = field(default_factory=list)
    dialogs: int = 0

    async def call(self, method: str, **params: Any) -> Json:
        """One call about this tab."""
        return await self.browser.call(method, self.session, **params)

    async def open(self, url: str, scripts: bool = True, width: int = 1024, dark: bool = False) -> Self:
        """Show it, as a reader with these habits would have it; ``asked`` has what it loaded."""
        await self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        await self.call("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme])
        for domain in ("Page", "Network"):
            await self.call(f"{domain}.enable")
        self.browser.events.clear()
        await self.call("Page.navigate", url=url)
        await self.browser.until("Page.loadEventFired")
        # It is as a reader without scripts has it; what we ask of it is a script as well.
        await self.call("Emulation.setScriptExecutionDisabled", value=False)
        await self.js("1")
        told = self.browser.events
        self.asked = [e["params"]["request"]["url"] for e in told if e["method"] == "Network.requestWillBeSent"]
        self.dialogs = sum(e["method"] == "Page.javascriptDialogOpening" for e in told)
        return self

    async def js(self, expression: str) -> Any:
        """The value of an expression."""
        said = await self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in said, said["exceptionDetails"]
        return said["result"].get("value")

    async def tree(self) -> list[tuple[str, str, int]]:
        """Role, name and level (0 for what has none) of what assistive technology is told, in order."""
        nodes = (await self.call("Accessibility.getFullAXTree"))["nodes"]
        return [
            (n["role"]["value"], n.get("name", {}).get("value", ""), _level(n))
            for n in nodes
            if not n.get("ignored") and "role" in n
        ]

    async def picture(self) -> bytes:
        """All of it, as PNG."""
        said = await self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(said["data"])


def _level(node: Json) -> int:
    return next((p["value"]["value"] for p in node.get("properties", ()) if p["name"] == "level"), 0)


class Browser:
    """One that runs; calls are answered one after the other."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket, self._ids = socket, itertools.count(1)
        self.events: list[Json] = []

    async def call(self, method: str, session: str | None = None, **params: Any) -> Json:
        """The result; fails with what the browser says is wrong."""
        number = next(self._ids)
        asked = {"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})
        await self._socket.send_str(json.dumps(asked))
        while (said := await self._next()).get("id") != number:
            self.events.append(said)
        assert "error" not in said, f"{method}: {said['error']}"
        result: Json = said["result"]
        return result

    async def until(self, method: str) -> None:
        """Until this has happened."""
        while not any(e["method"] == method for e in self.events):
            self.events.append(await self._next())

    async def _next(self) -> Json:
        async with asyncio.timeout(SECONDS):
            said: Json = json.loads(await self._socket.receive_str())
            return said

    async def page(self) -> Page:
        """A new tab."""
        target = await self.call("Target.createTarget", url="about:blank")
        attached = await self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        return Page(self, attached["sessionId"])


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """One that is installed where it is not, and gone afterwards."""
    packages.ensure_path()
    packages.install(packages.missing(packages.BROWSER), packages.BROWSER)
    with tempfile.TemporaryDirectory(prefix="stanch-chromium-", ignore_cleanup_errors=True) as profile:
        words = ("chromium-headless-shell", *FLAGS, f"--user-data-dir={profile}", "about:blank")
        nowhere = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *words, stdin=nowhere, stdout=nowhere, stderr=asyncio.subprocess.PIPE, start_new_session=True
        )
        assert process.stderr
        try:
            where = await _address(process.stderr)
            # What it says later must not fill the pipe, or it would wait for ever.
            left = asyncio.create_task(process.stderr.read())
            async with (
                aiohttp.ClientSession(trust_env=False) as session,
                session.ws_connect(where, max_msg_size=0) as socket,
            ):
                yield Browser(socket)
            left.cancel()
        finally:
            # Its own children, too, which would go on holding the pipe.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def _address(said: asyncio.StreamReader) -> str:
    """Where it listens, once it says so."""
    heard = []
    async with asyncio.timeout(SECONDS):
        async for line in said:
            heard.append(line.decode(errors="replace"))
            if "DevTools listening on " in heard[-1]:
                return heard[-1].partition("DevTools listening on ")[2].strip()
    raise AssertionError(f"Chromium ended: {''.join(heard)[-2000:]}")
