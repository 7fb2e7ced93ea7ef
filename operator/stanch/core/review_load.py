"""
How the load is shared: pages by shift, by hour and by day, and who commands how often (seed 1: pager load is a budget; seed 2:
where one person always commands, the bus factor is one).
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from stanch.api.meta import Severity
from stanch.api.policy import DEFAULT
from stanch.core.gaps.hats import worn
from stanch.core.gaps.record import Record
from stanch.core.review_past import Past

# So many pages in one shift leave time for each (the SRE book: two incidents a shift of twelve hours).
PAGES_MAX: Final = 2
# So many incidents of a month tell whether one person commands all of them.
TELLING: Final = 3
# What wakes people (decisions 2.4); where nobody said how bad it is, it is treated as SEV2.
_PAGES: Final = (Severity.SEV1, Severity.SEV2, None)
DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Pages:
    """Incidents that page, by shift; ``allowed`` are bearable in one. ``by_hour`` is of the day in UTC, ``by_day`` of the week."""

    shift: timedelta
    shifts: int
    pages: int
    most: int
    too_many: int
    allowed: int
    by_hour: Mapping[int, int]
    by_day: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Commanded:
    """One month: how many incidents each person commanded, and how many SEV1 and SEV2 nobody did. ``alone``: all by one person."""

    month: str
    by: Mapping[str, int]
    nobody: int
    alone: bool


def pages(within: Sequence[Past], since: datetime, now: datetime, shift: timedelta, allowed: int) -> Pages:
    """What was SEV1 or SEV2. A false alarm woke somebody like any other; a ticket and a drill woke nobody."""
    moments = [p.declared.astimezone(UTC) for p in within if p.severity in _PAGES]
    by_shift = Counter(int((moment - since) / shift) for moment in moments)
    days = Counter(moment.weekday() for moment in moments)
    return Pages(
        shift=shift,
        shifts=max(1, -int(-(now - since) // shift)),
        pages=len(moments),
        most=max(by_shift.values(), default=0),
        too_many=sum(n > allowed for n in by_shift.values()),
        allowed=allowed,
        by_hour=dict(sorted(Counter(moment.hour for moment in moments).items())),
        by_day={name: days[number] for number, name in enumerate(DAYS) if days[number]},
    )


def commanders(real: Sequence[Past]) -> tuple[Commanded, ...]:
    """By the month in which they were declared, the newest last. Whoever commanded a part of one commanded it."""
    months: dict[str, list[Past]] = defaultdict(list)
    for p in real:
        months[f"{p.declared.astimezone(UTC):%Y-%m}"].append(p)
    return tuple(_month(name, group) for name, group in sorted(months.items()))


def _month(name: str, group: Sequence[Past]) -> Commanded:
    led = [_who(p) for p in group]
    by = Counter(user for users in led for user in users)
    nobody = sum(not users and p.severity in _PAGES for p, users in zip(group, led, strict=True))
    ordered = dict(sorted(by.items(), key=lambda pair: (-pair[1], pair[0])))
    return Commanded(name, ordered, nobody, len(by) == 1 and sum(map(bool, led)) >= TELLING)


def _who(p: Past) -> frozenset[str]:
    """By the lines that say so, and by who wears the hat at the end."""
    record = Record(p.incident, tuple(p.incident.status.timeline), DEFAULT)
    return frozenset(each.user for each in worn(record, "commander"))
