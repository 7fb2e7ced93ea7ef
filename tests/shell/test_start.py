"""A start that has to wait for the API server: alive meanwhile, and not ready."""

import asyncio
import contextlib
import json
import logging
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from stanch.shell import redaction_key
from stanch.shell.run import Settings, run


async def _busy(_: web.Request) -> web.Response:
    return web.json_response({"message": "try again"}, status=503)


async def test_probes_are_answered_while_a_start_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else the kubelet would end a pod for the very patience that keeps it from ending by itself."""
    monkeypatch.setattr(redaction_key, "PAUSE_SECONDS", 600.0)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", _busy)
    api = web.AppRunner(app)
    await api.setup()
    await web.TCPSite(api, "127.0.0.1", 0).start()
    kubeconfig = tmp_path / "kubeconfig"
    named = {"name": "x"}
    kubeconfig.write_text(
        json.dumps(
            {
                "clusters": [named | {"cluster": {"server": f"http://127.0.0.1:{api.addresses[0][1]}"}}],
                "users": [named | {"user": {"token": "t"}}],
                "contexts": [named | {"context": {"cluster": "x", "user": "x"}}],
                "current-context": "x",
            }
        )
    )
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
        await api.cleanup()
