"""
GEP-2257 durations: `1h30m`, `90s`, `500ms`.

Our own few lines because the official client's parser sits behind 0.6 s of imports, which every command would pay.
"""

import re
from datetime import timedelta
from typing import Final

PATTERN: Final = "^([0-9]{1,5}(h|m|s|ms)){1,4}$"
_WHOLE: Final = re.compile(PATTERN)
_PIECE: Final = re.compile(r"([0-9]{1,5})(h|ms|m|s)")
_UNITS: Final = {"h": 3_600_000, "m": 60_000, "s": 1_000, "ms": 1}


def parse(text: str) -> timedelta:
    """Duration of a GEP-2257 string. Raises ValueError that names the form."""
    if not _WHOLE.match(text):
        raise ValueError(f"must be a duration such as 90s, 10m or 1h30m (got {text!r})")
    return timedelta(milliseconds=sum(int(n) * _UNITS[unit] for n, unit in _PIECE.findall(text)))


def write(value: timedelta) -> str:
    """The shortest GEP-2257 string; sub-millisecond parts are cut, negative ones are zero."""
    rest = max(0, round(value.total_seconds() * 1000))
    pieces = []
    for unit, size in _UNITS.items():
        count, rest = divmod(rest, size)
        if count:
            pieces.append(f"{count}{unit}")
    return "".join(pieces) or "0s"
