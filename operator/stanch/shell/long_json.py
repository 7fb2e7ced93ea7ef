"""
JSON of an answer, read without holding the loop up: a list of 500 pods is some megabytes, and takes longer in one go than others
should have to wait. A thread would not help, for the parser lets nobody else run until it is through.
"""

import asyncio
import json
import re
from typing import Any, Final

# Some milliseconds' worth.
AT_ONCE: Final = 256 * 1024
# As the API server writes a list: its own kinds with the items last, custom ones by name of the field.
_LIST: Final = re.compile(r'\{(?:"(?:kind|apiVersion)":"[^"\\]*",|"metadata":\{[^{}]*\},){0,3}"items":\[')
_DECODER: Final = json.JSONDecoder()


async def parsed(raw: bytes) -> dict[str, Any]:
    """As `at_once`; of a long list item by item, with a turn for others in between."""
    if len(raw) <= AT_ONCE:
        return at_once(raw)
    try:
        text = raw.decode()
        begins = _LIST.match(text)
        return await _listed(text, begins.end()) if begins else at_once(raw)
    except (ValueError, IndexError):
        # Whatever it is, it is read as everything else is.
        return at_once(raw)


def at_once(raw: bytes) -> dict[str, Any]:
    """The answer as JSON; what is none becomes a message, what is a bare list gets the form of one."""
    try:
        value = json.loads(raw) if raw else {}
    except ValueError:
        value = {"message": raw[:500].decode(errors="replace")}
    return value if isinstance(value, dict) else {"items": value}


async def _listed(text: str, begin: int) -> dict[str, Any]:
    """``begin`` is where the first item begins. Raises ValueError or IndexError where it is not what it looked like."""
    items, at, turn = [], begin, begin
    if text[at] != "]":
        while True:
            item, at = _DECODER.raw_decode(text, at)
            items.append(item)
            if text[at] != ",":
                break
            at += 1
            if at - turn > AT_ONCE:
                turn = at
                await asyncio.sleep(0)
    if text[at] != "]":
        raise ValueError("no list")
    around = json.loads(f"{text[:begin]}{text[at:]}")
    if not isinstance(around, dict):
        raise ValueError("no object")
    return {**around, "items": items}
