"""A start that has to wait for the API server is alive meanwhile, and not ready; a loop that ends by a fault ends the process."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from stanch.shell import redaction_key
from stanch.shell import run as operator
from stanch.shell.client import Kube
from stanch.shell.run import Settings, run


async def _busy(_: web.Request) -> web.Response:
    return web.json_response({"message": "try again"}, status=503)


@pytest.fixture
async def kubeconfig(tmp_path: Path) -> AsyncIterator[Path]:
    """Credentials for an API server that has no time for anybody."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", _busy)
    api = web.AppRunner(app)
    await api.setup()
    await web.TCPSite(api, "127.0.0.1", 0).start()
    found = tmp_path / "kubeconfig"
    named = {"name": "x"}
    found.write_text(
        json.dumps(
            {
                "clusters": [named | {"cluster": {"server": f"http://127.0.0.1:{api.addresses[0][1]}"}}],
                "users": [named | {"user": {"token": "t"}}],
                "contexts": [named | {"context": {"cluster": "x", "user": "x"}}],
                "current-context": "x",
            }
        )
    )
    yield found
    await api.cleanup()


async def test_a_loop_that_fails_ends_the_process(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else "policies proven" would stand for as long as the process lives."""

    async def broken(_: Kube) -> None:
        raise ValueError("what nobody thought of")

    async def key(_: Kube) -> bytes:
        return b"0" * 32

    monkeypatch.setattr(operator, "look_at_policies", broken)
    monkeypatch.setattr(operator, "redaction_key", key)
    with pytest.raises(ValueError, match="what nobody thought of"):
        await asyncio.wait_for(run(Settings(str(kubeconfig), "")), 60)


async def test_probes_are_answered_while_a_start_waits(
    kubeconfig: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else the kubelet would end a pod for the very patience that keeps it from ending by itself."""
    monkeypatch.setattr(redaction_key, "PAUSE_SECONDS", 600.0)
    caplog.set_level(logging.INFO)
    running = asyncio.create_task(run(Settings(str(kubeconfig), "127.0.0.1:0")))
    try:
        async with asyncio.timeout(30), aiohttp.ClientSession() as web_client:
            while not (said := [r for r in caplog.records if r.msg == "the API server has no time yet"]):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            at = next(r.address for r in caplog.records if r.msg == "listening")
            async with web_client.get(f"http://{at}/healthz") as alive, web_client.get(f"http://{at}/readyz") as ready:
                assert (alive.status, ready.status, await ready.text()) == (200, 503, "not ready: starting\n")
        assert len(said) == 1
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
