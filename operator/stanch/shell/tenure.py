"""Until when this replica may work. Not a fence: effects are safe without it; it keeps two from doing the same work."""

import asyncio
import contextlib
import math
import os
import socket
import uuid
from collections.abc import AsyncIterator, Callable


def identity() -> str:
    """Who we are. A container that is started again in its pod is the same one; two processes of one machine are not."""
    if os.environ.get("KUBERNETES_SERVICE_HOST") and not os.environ.get("KUBECONFIG"):
        return socket.gethostname()
    return f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"


class Tenure:
    """A deadline that renewals push on. It ends by the event loop's own timer, even when nobody renews or gives up."""

    def __init__(self) -> None:
        """Not begun."""
        self._until = -math.inf
        self._over = False
        self._begun = asyncio.Event()
        self._terms: set[asyncio.Timeout] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.on_begin: list[Callable[[], None]] = []

    @property
    def holds(self) -> bool:
        """May it work now?"""
        return asyncio.get_running_loop().time() < self._until

    async def stopped(self, grace: float) -> bool:
        """Wait until nothing inside a term goes on; false when something still does so many seconds after the end."""
        try:
            async with asyncio.timeout_at(self._until + grace):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    def extend(self, until: float) -> None:
        """It lasts until this time of the event loop; ``math.inf`` means for ever."""
        if self._over:
            return
        begins = not self.holds
        self._until = until
        for term in self._terms:
            if not term.expired():
                term.reschedule(None if until == math.inf else until)
        if begins and self.holds:
            self._begun.set()
            for call in self.on_begin:
                call()

    def end(self) -> None:
        """It is over: what is inside a term is cancelled."""
        self._begun.clear()
        if self.holds:
            self.extend(asyncio.get_running_loop().time())

    def close(self) -> None:
        """It is over for good."""
        self.end()
        self._over = True

    async def begun(self) -> None:
        """Wait until it may work."""
        while not self.holds:
            self._begun.clear()
            await self._begun.wait()

    @contextlib.asynccontextmanager
    async def term(self) -> AsyncIterator[None]:
        """What is inside is cancelled when the tenure ends, and left without an error then."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(None if self._until == math.inf else self._until) as term:
                self._terms.add(term)
                self._idle.clear()
                try:
                    yield
                finally:
                    self._terms.discard(term)
                    if not self._terms:
                        self._idle.set()
