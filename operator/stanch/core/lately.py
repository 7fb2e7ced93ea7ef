"""
What came again, and what is done by hand again and again, of the incidents that Postmortems tell of: numbers for Prometheus.

From records and not from counters: thirty days are longer than most keep their series, and a restart loses nothing of it. The
rules are those of `stanch review` (core/review.py), of what was resolved.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stanch.core.lesson import Lesson
from stanch.core.review_deeds import TOIL_WITHIN, is_toil

UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Lately:
    """Incidents by severity: all, and those that came again. ``toil`` are deeds by hand that are toil, by mitigation."""

    resolved: Mapping[str, int]
    recurred: Mapping[str, int]
    toil: Mapping[str, int]


def lately(lessons: Iterable[Lesson], now: datetime, within: timedelta) -> Lately:
    """Of one namespace, of the time ``within`` before ``now``; which is also how soon the same again is a recurrence."""
    # By uid: what was added later is about the same incident.
    known = sorted(
        {each.uid: each for each in lessons if each.declared <= now}.values(), key=lambda each: each.declared
    )
    resolved, recurred, last = Counter[str](), Counter[str](), dict[str, datetime]()
    for each in known:
        before = last.get(each.subject) if each.subject else None
        again = each.recurrence_of is not None or (before is not None and each.declared - before <= within)
        if now - each.declared <= within:
            severity = each.severity.value if each.severity else UNKNOWN
            resolved[severity] += 1
            recurred[severity] += again
        last[each.subject] = each.declared
    return Lately(resolved, recurred, _toil([each for each in known if now - each.declared <= TOIL_WITHIN]))


def _toil(known: Sequence[Lesson]) -> Mapping[str, int]:
    moments: dict[str, list[datetime]] = defaultdict(list)
    for each in known:
        for deed in each.by_hand:
            moments[deed].append(each.declared)
    found = Counter[str]()
    for deed, group in moments.items():
        if is_toil(group):
            found[deed.partition(" ")[0]] += len(group)
    return found
