"""
When Python looks through all it has for cycles, nobody else runs: 50 ms and more with the pods of one capture in memory. What the
API server answers has no cycles, so what is old is looked through only in calm, and what stays is not looked through again.
"""

import asyncio
import gc
from collections.abc import Callable
from typing import Final

EVERY_SECONDS: Final = 300.0
# Where it is never calm: after so many times in vain.
IN_VAIN_MAX: Final = 12
# The young ones as Python has it (a millisecond); the old ones not by themselves.
_YOUNG, _MIDDLE, _NEVER = 700, 10, 1_000_000_000


def leave_the_old_alone() -> None:
    """From now on; what is there stays for ever."""
    _look_through()
    gc.set_threshold(_YOUNG, _MIDDLE, _NEVER)


async def tidy(is_calm: Callable[[], bool]) -> None:
    """Look through what came since, every few minutes, when nothing is under way."""
    in_vain = 0
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        in_vain = 0 if is_calm() else in_vain + 1
        if in_vain in (0, IN_VAIN_MAX):
            in_vain = 0
            _look_through()


def _look_through() -> None:
    gc.collect()
    gc.freeze()
