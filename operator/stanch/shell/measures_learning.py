"""
Numbers of what was learned: what came again, what is toil, and which action items get done by their age (issue 9, review).

What is so now, as in shell/measures.py; by severity, mitigation and age, never by an incident.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from prometheus_client.core import GaugeMetricFamily

from stanch.core.lately import lately
from stanch.core.lesson import Lesson
from stanch.core.review_items import AGES

# By the ages of `stanch review`, as one word each.
_AGES: Final = tuple(zip(("week", "three_weeks", "six_weeks"), (most for _, most in AGES), strict=True))
_OLDER: Final = "older"
# What Postmortems of a namespace tell, with how soon the same again is a recurrence there.
Lessons = Sequence[tuple[Sequence[Lesson], timedelta]]
# Values by label values, in the order of the labels.
Families = Iterator[tuple[GaugeMetricFamily, Mapping[Any, float]]]


def learning(lessons: Lessons, items: Sequence[Mapping[str, Any]], now: datetime) -> Families:
    """``items`` are as the API server has them."""
    found = [lately(each, now, within) for each, within in lessons]
    about = "Incidents of the last thirty days (recovery.recurrenceWithin) that are resolved, by their worst severity."
    yield (
        GaugeMetricFamily("stanch_incidents_resolved_lately", about, labels=["severity"]),
        _sum(f.resolved for f in found),
    )
    about = "Of stanch_incidents_resolved_lately those that came again: the same service or first target, or the same alerts."
    yield (
        GaugeMetricFamily("stanch_incidents_recurred_lately", about, labels=["severity"]),
        _sum(f.recurred for f in found),
    )
    about = "Mitigations that people had done on one target three times or more in thirty days, all of them counted."
    yield GaugeMetricFamily("stanch_toil_lately", about, labels=["action"]), _sum(f.toil for f in found)
    about = "Action items by the time since they were written, and whether they are done."
    yield GaugeMetricFamily("stanch_action_items", about, labels=["age", "state"]), _ages(items, now)


def _sum(parts: Iterator[Mapping[str, int]]) -> Mapping[Any, float]:
    total = Counter[str]()
    for each in parts:
        total.update(each)
    return {(name,): float(number) for name, number in total.items()}


def _ages(items: Sequence[Mapping[str, Any]], now: datetime) -> Mapping[Any, float]:
    """Of each age that there is both states: where none is done the share is nought, and not unknown."""
    found = Counter[tuple[str, str]]()
    for item in items:
        created = datetime.fromisoformat(item["metadata"]["creationTimestamp"])
        age = next((name for name, most in _AGES if now - created <= most), _OLDER)
        found[age, "done"] += is_done(item)
        found[age, "open"] += not is_done(item)
    return found


def is_done(item: Mapping[str, Any]) -> bool:
    """As its status says; until anybody has looked, as its owner does."""
    status = item.get("status") or {}
    if status.get("conditions"):
        return any(c.get("type") == "Done" and c.get("status") == "True" for c in status["conditions"])
    return bool(status.get("doneTime") or item["spec"].get("closed"))
