"""
A list whose objects go a few at a time. Python frees what nobody refers to any more in one go, and lets nobody else run meanwhile:
the last word about 2000 pods would hold everybody up for 30 to 60 ms.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Final

# Pods, of which each is some hundred Python objects; a millisecond.
FREED_AT_ONCE: Final = 50


class LongList(list[Any]):
    """As any list, until the last reference to it goes, from whatever thread; then the loop frees what was in it, turn by turn."""

    __slots__ = ("_loop", "when_freed")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Empty. ``loop`` has the turns; it calls ``when_freed``, where somebody put that, when nothing is left."""
        super().__init__()
        self._loop = loop
        self.when_freed: Callable[[], None] | None = None

    def __del__(self) -> None:
        if (self.when_freed or len(self) > FREED_AT_ONCE) and not self._loop.is_closed():
            # It may be closed in this moment: then nobody is held up any more.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_free_some, self._loop, list(self), self.when_freed)


def _free_some(loop: asyncio.AbstractEventLoop, left: list[Any], when_freed: Callable[[], None] | None) -> None:
    del left[-FREED_AT_ONCE:]
    if left:
        loop.call_soon(_free_some, loop, left, when_freed)
    elif when_freed:
        when_freed()
