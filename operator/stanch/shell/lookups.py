"""
Names to addresses by the system, in threads of their own: a name that nobody answers for takes half a minute of one.

asyncio's own threads are few, and others need them: reading alerts, the API server's name. Here a name has one thread however
often it is asked for, and there are so many at most.
"""

import asyncio
import socket
from concurrent.futures import Future
from threading import Thread

from aiohttp.abc import AbstractResolver, ResolveResult

_Key = tuple[str, int, socket.AddressFamily]


class Lookups(AbstractResolver):
    """Asks the system, as everybody does."""

    def __init__(self, most: int) -> None:
        """``most`` names at once."""
        self._most = most
        self._running: dict[_Key, Future[list[ResolveResult]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """All its addresses. Raises OSError when there are none, or too many names are asked for."""
        key = (host, port, family)
        running = self._running.get(key)
        if running is None:
            if len(self._running) >= self._most:
                raise OSError(f"{self._most} names are being looked up already")
            running = Future()
            # Whoever stops does not wait for it.
            thread = Thread(target=self._look, args=(key, running), name=f"lookup {host}"[:60], daemon=True)
            self._running[key] = running
            try:
                thread.start()
            except RuntimeError as error:
                # No more threads for this process, now; the name may be asked for again.
                self._running.pop(key, None)
                raise OSError(f"{host} can't be looked up: {error}") from error
        # Who gives up does so for itself alone.
        return await asyncio.shield(asyncio.wrap_future(running))

    def _look(self, key: _Key, running: Future[list[ResolveResult]]) -> None:
        host, port, family = key
        try:
            found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        except BaseException as error:
            self._running.pop(key, None)
            running.set_exception(error)
        else:
            self._running.pop(key, None)
            running.set_result([_result(host, *each) for each in found])

    async def close(self) -> None:
        """Nothing is open."""


def _result(host: str, family: int, _: int, proto: int, __: str, address: tuple[str | int, ...]) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=str(address[0]),
        port=int(address[1]),
        family=family,
        proto=proto,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
