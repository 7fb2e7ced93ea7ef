"""
One incident after the other decides to begin something and writes that down (ADR 18).

What guards count must not change between counting and writing: eight workers at once would each find room for one more.
"""

import asyncio
from types import TracebackType
from typing import Self


class Turn:
    """One look's turn, which it may take and end several times; at the end of the look it is over in any case."""

    def __init__(self, lock: asyncio.Lock) -> None:
        """Not taken yet. All turns of a process share one lock."""
        self._lock, self.taken = lock, False

    async def take(self) -> None:
        """Wait until nobody else is between counting and writing. For one that has none."""
        await self._lock.acquire()
        self.taken = True

    def end(self) -> None:
        """Let the next one count; nothing when it was not taken, or has ended."""
        if self.taken:
            self.taken = False
            self._lock.release()

    def __enter__(self) -> Self:
        """For a ``with``."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Whatever went wrong, others go on."""
        self.end()
