"""Times as evidence shows them: the absolute one always, an age beside it where kubectl would show only the age."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

_MINUTE, _HOUR, _DAY, _YEAR = 60, 3600, 86_400, 365 * 86_400


def parse(value: Any) -> datetime | None:
    """A Kubernetes time (metav1.Time or MicroTime), or None."""
    if not isinstance(value, str) or not value:
        return None
    try:
        found = datetime.fromisoformat(value)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def stamp(value: Any, now: datetime) -> str:
    """``2026-11-21T14:02:40Z (6m32s ago)``; what can't be read is shown as it is."""
    return _stamp(value, now) if isinstance(value, str) and value else "<none>"


@lru_cache(maxsize=1024)  # the same few times stand in many files
def _stamp(value: str, now: datetime) -> str:
    found = parse(value)
    return value if found is None else f"{value} ({ago(found, now)})"


def ago(then: datetime, now: datetime) -> str:
    """How long before ``now`` it was."""
    seconds = int((now - then).total_seconds())
    return f"{human(seconds)} ago" if seconds >= 0 else f"in {human(-seconds)}"


_ROUNDINGS = (  # below this many seconds: the unit, and the smaller one beside it
    (2 * _MINUTE, 1, "s", 0, ""),
    (10 * _MINUTE, _MINUTE, "m", 1, "s"),
    (3 * _HOUR, _MINUTE, "m", 0, ""),
    (8 * _HOUR, _HOUR, "h", _MINUTE, "m"),
    (2 * _DAY, _HOUR, "h", 0, ""),
    (8 * _DAY, _DAY, "d", _HOUR, "h"),
    (2 * _YEAR, _DAY, "d", 0, ""),
)
_LONG = (0, _YEAR, "y", _DAY, "d")


def human(seconds: int) -> str:
    """A duration as kubectl rounds it: two digits that matter."""
    _, big, unit, small, small_unit = next((each for each in _ROUNDINGS if seconds < each[0]), _LONG)
    rest = seconds % big // small if small else 0
    return f"{seconds // big}{unit}" + (f"{rest}{small_unit}" if rest else "")
