"""
When was a field written, and by whom: from managedFields where they have a time, from neighbours where they have none.

A write through ``/scale`` has no time in managedFields (seen on 1.36), a stripped object has no managedFields at all, and
all times there are whole seconds. Resource versions of one etcd only rise, so what was written between two dated writes
happened between their times. Sources: mitigations.md 3.1; structured-merge-diff keeps one time a manager and operation.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stanch.evidence.changes.change import Obj
from stanch.evidence.dig import at, dicts, mapping, number, text
from stanch.evidence.times import parse

BY_FIELDS: Final = "managedFields"
BY_CREATION: Final = "creationTimestamp"
# It was written, and no time was kept.
UNTIMED: Final = "a write through a subresource keeps no time"
# Whether it was written at all since it was made, nothing tells.
UNKNOWN: Final = "nothing tells"


@dataclass(frozen=True, slots=True)
class Write:
    """A write of some fields: when (None: nobody can tell), by which field manager, how that is known."""

    time: datetime | None
    manager: str
    dated: str


def whole(value: object) -> datetime | None:
    """A time in whole seconds, as managedFields have them: events are finer, and would seem to come later."""
    found = parse(value)
    return found.replace(microsecond=0) if found else None


def created(obj: Obj) -> datetime | None:
    """When it was made."""
    return whole(at(obj, "metadata", "creationTimestamp"))


class Clock:
    """What time a resource version is, from objects whose last write is dated."""

    def __init__(self, objects: Iterable[Obj]) -> None:
        """Objects of one etcd: any but Events, which many clusters keep in another."""
        marks = sorted(mark for each in objects if (mark := _mark(each)))
        self._versions = [version for version, _ in marks]
        self._times = [time for _, time in marks]

    def around(self, obj: Obj) -> tuple[datetime | None, datetime | None]:
        """Not before, and not after, its last write; None where there is no neighbour, both when they contradict."""
        said = text(obj, "metadata", "resourceVersion")
        if not said.isdecimal():
            return None, None
        version = int(said)
        after = max(self._times[: bisect_right(self._versions, version)], default=None)
        before = min(self._times[bisect_left(self._versions, version) :], default=None)
        return (None, None) if after and before and after > before else (after, before)


def _mark(obj: Obj) -> tuple[int, datetime] | None:
    version, entries = text(obj, "metadata", "resourceVersion"), dicts(obj, "metadata", "managedFields")
    times = [whole(each.get("time")) for each in entries]
    known = [time for time in times if time]
    # One write without a time may have been the last one: then this object dates nothing.
    return (int(version), max(known)) if version.isdecimal() and known and len(known) == len(times) else None


def last_write(obj: Obj, clock: Clock, *paths: tuple[str, ...]) -> Write:
    """The last write of the fields at ``paths`` (such as ("f:spec", "f:template")), or of any but the status."""
    entries = [e for e in dicts(obj, "metadata", "managedFields") if text(e, "subresource") != "status"]
    owners = [e for e in entries if _owns(e, paths)]
    untimed = [e for e in owners if whole(e.get("time")) is None]
    timed = [(time, text(e, "manager")) for e in owners if (time := whole(e.get("time")))]
    if untimed:
        return _guessed(obj, clock, text(untimed[-1], "manager") or "somebody", UNTIMED)
    if timed:
        time, manager = max(timed)
        return Write(time, manager, BY_FIELDS)
    if (entries or number(obj, "metadata", "generation") == 1) and created(obj):
        # Nobody has written these fields since it was made.
        return Write(created(obj), "", BY_CREATION)
    return _guessed(obj, clock, "", UNKNOWN)


def _guessed(obj: Obj, clock: Clock, manager: str, else_: str) -> Write:
    after, before = clock.around(obj)
    born = created(obj)
    after = max((t for t in (after, born) if t), default=None)
    if after is None or (before is None and after == born):
        return Write(None, manager, else_)
    end = f" and {before:%H:%M:%S}Z" if before else " or later"
    word = "between" if before else "at"
    return Write(after, manager, f"resourceVersion: {word} {after:%H:%M:%S}Z{end}")


def _owns(entry: Obj, paths: tuple[tuple[str, ...], ...]) -> bool:
    fields = mapping(entry, "fieldsV1")
    if not paths or not fields:
        return True
    return any(at(fields, *path) is not None for path in paths)
