"""Looking names up: one that nobody answers for takes no thread that others need."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from stanch.core.questions import Probe
from stanch.notifiers.ports import Post
from stanch.shell import outside, way_out
from stanch.shell.lookups import Lookups

NOW = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
STALLS = "stall.example"


@pytest.fixture
def stalled(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Names under stall.example are answered when the test is over; which were asked for."""
    real, over, asked = socket.getaddrinfo, threading.Event(), []

    def slow(host: Any, *args: Any, **more: Any) -> Any:
        if str(host).endswith(STALLS):
            asked.append(host)
            over.wait(60)
            raise socket.gaierror("nobody knows")
        return real(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    yield asked
    over.set()


async def others_work() -> bool:
    """Is there a thread for who needs one?"""
    return await asyncio.wait_for(asyncio.to_thread(lambda: True), 20)


async def test_a_channel_whose_name_is_not_answered_takes_no_threads(stalled: list[str]) -> None:
    """However many messages wait for it: one thread, and none of asyncio's."""
    post = Post("it", f"https://{STALLS}/x", b"")
    sent = await asyncio.gather(*(way_out.send(post, None, NOW, 0.2) for _ in range(40)))
    assert {"no answer within 0.2 s"} == {reply.why for reply in sent}
    assert ([STALLS], True) == (stalled, await others_work())


async def test_endpoints_whose_names_are_not_answered_take_no_threads(stalled: list[str]) -> None:
    """Those that criteria ask."""
    asker = outside.Asker()
    probes = (Probe(f"http://{n}.{STALLS}/", 0.2) for n in range(8))
    assert {"Failed"} == {type(await asker.ask(probe)).__name__ for probe in probes}
    assert (8, True) == (len(stalled), await others_work())


async def test_there_are_so_many_at_once(stalled: list[str]) -> None:
    """One more is told so, and is no thread; when one has ended there is room again."""
    names = Lookups(2)
    waiting = [asyncio.create_task(names.resolve(f"{n}.{STALLS}")) for n in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(OSError, match="2 names are being looked up"):
        await names.resolve("localhost")
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert 2 == len(stalled)


async def test_without_a_thread_it_is_said_and_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pod at its limit of processes: the name is not blocked for good."""
    names, start = Lookups(1), threading.Thread.start

    def none(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", none)
    with pytest.raises(OSError, match="can't start new thread"):
        await names.resolve("127.0.0.1")
    monkeypatch.setattr(threading.Thread, "start", start)
    assert await names.resolve("127.0.0.1")


async def test_a_name_is_its_addresses() -> None:
    """And one that has none is an error."""
    names = Lookups(2)
    assert {each["host"] for each in await names.resolve("localhost", 80)} & {"127.0.0.1", "::1"}
    assert {80} == {each["port"] for each in await names.resolve("127.0.0.1", 80)}
    with pytest.raises(socket.gaierror):
        await names.resolve("nobody.invalid", 80)
