"""Who wore which hat when, and what was offered to whom: read from lines, in which people's own words stand, too."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stanch.api.incident_status import TimelineLine
from stanch.api.names import EventKind
from stanch.api.said import Role
from stanch.core.gaps.record import Record

_ROLES: Final = "|".join(role.value for role in Role)
# What may follow the role; after that a person's own words begin, and may say anything.
_AFTER: Final = r"(?: now)?(?=$|,|:| \()"
_WORN: Final = re.compile(rf"(?P<user>.+?) is (?P<role>{_ROLES}){_AFTER}")
_MINE: Final = re.compile(rf" is (?P<role>{_ROLES}){_AFTER}")
# A name may have dots, as an address has; the summary begins with `impact: `.
_OFFERED: Final = re.compile(rf"(?P<role>{_ROLES}) to (?P<to>.+?)(?: \(the hand-off to .*? is void\))*\. impact: ")


@dataclass(frozen=True, slots=True)
class Worn:
    """From when to when somebody wore a hat; until None it was worn to the end. ``seq`` is the line that says so."""

    role: str
    user: str
    since: datetime
    until: datetime | None
    seq: int | None


@dataclass(frozen=True, slots=True)
class Taken:
    """A line that says that somebody wears a hat now."""

    role: str
    user: str
    line: TimelineLine


def taken(r: Record) -> list[Taken]:
    """By when it happened."""
    return [each for line in r.of(EventKind.ROLE_CHANGED) if (each := _taken(line)) is not None]


def _taken(line: TimelineLine) -> Taken | None:
    """Who took it wrote the line; for the spec its declarer did, in no words of their own."""
    if line.text.startswith(f"{line.by} is ") and (found := _MINE.match(line.text, len(line.by))):
        return Taken(found["role"], line.by, line)
    if line.entry is None and (found := _WORN.match(line.text)):
        return Taken(found["role"], found["user"], line)
    return None


def worn(r: Record, role: str) -> list[Worn]:
    """One after the other; where no line tells of who has it, since when the status says."""
    found: list[Worn] = []
    for each in (t for t in taken(r) if t.role == role):
        if found and found[-1].user == each.user:
            continue
        if found:
            found[-1] = _ended(found[-1], each.line.time)
        found.append(Worn(role, each.user, each.line.time, None, each.line.seq))
    known = next((held for held in r.status.roles or () if held.role == role), None)
    if known is not None and not any(w.user == known.user for w in found):
        found.append(Worn(role, known.user, known.since_time, None, None))
    return found


def _ended(w: Worn, until: datetime) -> Worn:
    return Worn(w.role, w.user, w.since, until, w.seq)


@dataclass(frozen=True, slots=True)
class Offered:
    """A hat that was offered, until somebody wore it (``line``), it was offered anew, or nothing came of it."""

    role: str
    to: str
    line: TimelineLine
    then: Taken | None
    until: datetime | None


def offered(r: Record) -> Iterator[Offered]:
    """In their order."""
    offers = [(m["role"], m["to"], x) for x in r.of(EventKind.HANDOFF_OFFERED) if (m := _OFFERED.match(x.text))]
    changes = taken(r)
    for at, (role, to, line) in enumerate(offers):
        then = next(
            (t for t in changes if t.role == role and t.line.time >= line.time and t.line.seq != line.seq), None
        )
        again = next((x.time for other, _, x in offers[at + 1 :] if other == role), None)
        if then is not None and (again is None or then.line.time <= again):
            yield Offered(role, to, line, then, then.line.time)
        else:
            yield Offered(role, to, line, None, again or r.times.resolved)
