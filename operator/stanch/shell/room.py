"""
Room in memory for long lists. A list of 2000 pods takes a hundred megabytes once it is parsed, and as many looks as there are
workers may ask for one at the same time: without a bound the operator is killed at its memory limit, in the middle of all of them.
"""

import asyncio
from collections import deque
from typing import Final

# Parsed, as core/held.py counts. Beside it, of 1 GiB: 100 MiB of the operator itself, answers that came and wait, what is rendered.
BYTES_MAX: Final = 384 * 1024 * 1024
# A look takes a second or two; who waits for longer is told that there was no answer, and asks again.
WAIT_SECONDS: Final = 5.0


class Room:
    """Taken before a list is parsed, given back when nobody refers to it any more; who came first has it first."""

    def __init__(self, most: int = BYTES_MAX) -> None:
        """``most`` bytes in all; a single list may be larger, when it is alone."""
        self._most, self._taken = most, 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, size: int) -> None:
        """Wait until there is room. Raises TimeoutError after WAIT_SECONDS."""
        if not self._waiting and self._fits(size):
            self._taken += size
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                await turn
        except BaseException:
            if turn.done() and not turn.cancelled():
                self.give(size)  # it was let in in the moment in which it gave up
            raise
        finally:
            self._waiting = deque(each for each in self._waiting if each[1] is not turn)
            self._let_in()

    def give(self, size: int) -> None:
        """From the event loop."""
        self._taken -= size
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            size, turn = self._waiting.popleft()
            if not turn.done():
                self._taken += size
                turn.set_result(None)

    def _fits(self, size: int) -> bool:
        return not self._taken or self._taken + size <= self._most
