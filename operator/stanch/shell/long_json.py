"""
JSON of an answer, read without holding the loop up: a list of 500 pods is some megabytes, and takes longer in one go than others
should have to wait. A thread would not help, for the parser lets nobody else run until it is through.
"""

import asyncio
import json
import re
from functools import partial
from typing import Any, Final

from stanch.core.held import PARSED
from stanch.shell.long_list import LongList
from stanch.shell.room import Room

# Some milliseconds' worth: so much is read in one turn of the loop, of all that come at the same time together.
AT_ONCE: Final = 256 * 1024
# What is shorter waits for nobody: most answers, and all that an effect waits for where a workload is of the usual size.
SHORT: Final = 64 * 1024
# What is longer waits for room in memory: the pods of a large workload.
LONG: Final = 1024 * 1024
# As the API server writes a list: its own kinds with the items last, custom ones by name of the field.
_LIST: Final = re.compile(r'\{(?:"(?:kind|apiVersion)":"[^"\\]*",|"metadata":\{[^{}]*\},){0,3}"items":\[')
_DECODER: Final = json.JSONDecoder()


async def parsed(raw: bytes, turn: asyncio.Lock, room: Room) -> dict[str, Any]:
    """
    As `at_once`; of a long list item by item, with a turn for others in between. ``turn`` and ``room`` are shared by all that may
    come at the same time: eight long lists at once are no longer steps than one, and not all in memory. Raises TimeoutError where
    there is no room.
    """
    if len(raw) <= SHORT:
        return at_once(raw)
    items = LongList(asyncio.get_running_loop())
    if len(raw) > LONG:
        size = len(raw) * PARSED
        await room.take(size)
        items.when_freed = partial(room.give, size)
    try:
        text = raw.decode()
        begins = _LIST.match(text)
        if begins:
            return await _listed(text, begins.end(), items, turn)
    except (ValueError, IndexError):
        pass  # whatever it is, it is read as everything else is
    async with turn:
        return at_once(raw)


def at_once(raw: bytes) -> dict[str, Any]:
    """The answer as JSON; what is none becomes a message, what is a bare list gets the form of one."""
    try:
        value = json.loads(raw) if raw else {}
    except ValueError:
        value = {"message": raw[:500].decode(errors="replace")}
    return value if isinstance(value, dict) else {"items": value}


async def _listed(text: str, begin: int, items: LongList, turn: asyncio.Lock) -> dict[str, Any]:
    """``begin`` is where the first item begins. Raises ValueError or IndexError where it is not what it looked like."""
    at, ended = begin, text[begin] == "]"
    while not ended:
        async with turn:
            at, ended = _some(text, at, items)
            # Still one's own turn: the next one to read begins in another turn of the loop.
            await asyncio.sleep(0)
    if text[at] != "]":
        raise ValueError("no list")
    around = json.loads(f"{text[:begin]}{text[at:]}")
    if not isinstance(around, dict):
        raise ValueError("no object")
    return {**around, "items": items}


def _some(text: str, begin: int, items: list[Any]) -> tuple[int, bool]:
    """Read items from there on, until it is enough for one turn: how far that went, and whether no other follows."""
    at = begin
    while True:
        item, at = _DECODER.raw_decode(text, at)
        items.append(item)
        if text[at] != ",":
            return at, True
        at += 1
        if at - begin > AT_ONCE:
            return at, False
