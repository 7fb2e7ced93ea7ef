"""
An honest look back at a month: how long things took, what came again, what helped, what is by hand again and again.

Drills, and what was cancelled as no incident, are left out and counted apart. An incident that is not over has lasted so long by
now (core/survival.py). Counts of incidents are never a grade: who declares early has more of them (seed 1).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from stanch.api.budget_status import BudgetState
from stanch.api.meta import Severity
from stanch.api.policy import DEFAULT
from stanch.core.review_alerts import Alerts, alerts
from stanch.core.review_deeds import Deeds, deeds
from stanch.core.review_load import PAGES_MAX, Commanded, Pages, commanders, pages
from stanch.core.review_past import FALSE_ALARM, MEASURES, Past, runs_backwards
from stanch.core.survival import Lasted, Spread, spread

# The same again within so long counts as coming back, unless a policy says otherwise (decisions 2.11).
AGAIN_WITHIN: Final = DEFAULT.recurrence_within


@dataclass(frozen=True, slots=True)
class Rules:
    """How it is counted: how soon the same again is a recurrence in a namespace, and how many pages a shift bears."""

    again: Callable[[str], timedelta] = lambda _: AGAIN_WITHIN
    pages_max: int = PAGES_MAX


@dataclass(frozen=True, slots=True)
class NearMiss:
    """What hurt nobody this time, in the words of who declared it."""

    incident: str
    severity: Severity | None
    title: str


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same alerts, subject, or factor class on it, within so long."""

    incident: str
    of: str
    why: str


@dataclass(frozen=True, slots=True)
class Charged:
    """What one incident cost one error budget, in percent of a period, as it stands on its record."""

    incident: str
    slo: str
    used: str
    at_least: bool


@dataclass(frozen=True, slots=True)
class Review:
    """
    All of it. Durations by measure, also by severity and by factor class; ``again`` is how soon the same again is a recurrence,
    None where namespaces differ.
    """

    since: datetime
    until: datetime
    incidents: int
    open: int
    open_before: int
    drills: int
    false_alarms: int
    cancelled: Mapping[str, int]
    durations: Mapping[str, Spread]
    by_severity: Mapping[str, Mapping[str, Spread]]
    by_factor: Mapping[str, Mapping[str, Spread]]
    without_factors: int
    detected_by: Mapping[str, int]
    repeats: tuple[Repeat, ...]
    pages: Pages
    deeds: Deeds
    alerts: Alerts
    again: timedelta | None = AGAIN_WITHIN
    near_misses: tuple[NearMiss, ...] = ()
    commanders: tuple[Commanded, ...] = ()
    budget: tuple[Charged, ...] = ()
    budget_unknown: int = 0
    cautions: tuple[str, ...] = ()
    mitigate: tuple[tuple[str, datetime, Lasted], ...] = field(default=(), compare=False)


def review(
    past: Sequence[Past], since: datetime, now: datetime, shift: timedelta, rules: Rules | None = None
) -> Review:
    """What was declared from ``since`` to ``now``; earlier ones count only as what came again, or is still open."""
    rules = rules or Rules()
    live = sorted((p for p in past if not p.incident.spec.drill and p.declared <= now), key=lambda p: p.declared)
    within = [p for p in live if p.declared >= since]
    happened = [p for p in within if p.cancelled_as is None]
    real = [p for p in happened if not p.is_near_miss]
    before = [p for p in live if p.declared < since and p.cancelled_as is None]
    cancelled = Counter(p.cancelled_as for p in within if p.cancelled_as is not None)
    mitigate = MEASURES["mitigate"]
    return Review(
        since=since,
        until=now,
        incidents=len(real),
        open=sum(p.times.resolved is None for p in real),
        open_before=sum(p.times.resolved is None for p in before),
        drills=sum(bool(p.incident.spec.drill) and since <= p.declared <= now for p in past),
        false_alarms=cancelled[FALSE_ALARM],
        cancelled=cancelled,
        durations=_spreads(real, now),
        by_severity={level: _spreads(group, now) for level, group in _grouped(real, _levels)},
        by_factor={name: _spreads(group, now) for name, group in _grouped(real, _factors)},
        without_factors=sum(not p.factors for p in real),
        detected_by=Counter(str(p.incident.spec.detected_by or "not said") for p in real),
        repeats=_repeats(before, real, rules),
        pages=pages(within, since, now, shift, rules.pages_max),
        deeds=deeds([p.incident for p in happened]),
        again=_one(rules.again(p.incident.metadata.namespace) for p in real),
        near_misses=tuple(
            NearMiss(p.incident.key, p.severity, p.incident.spec.title) for p in happened if p.is_near_miss
        ),
        alerts=alerts(within),
        commanders=commanders(real),
        budget=_charged(real),
        budget_unknown=sum(_not_charged(p) for p in real),
        cautions=_cautions(real, now),
        mitigate=tuple((p.incident.key, p.declared, took) for p in real if (took := mitigate(p, now)) is not None),
    )


def _one(lengths: Iterable[timedelta]) -> timedelta | None:
    """As one number where it is one; None where namespaces have their own."""
    known = set(lengths) or {AGAIN_WITHIN}
    return known.pop() if len(known) == 1 else None


def _spreads(group: Iterable[Past], now: datetime) -> dict[str, Spread]:
    known = list(group)
    return {
        name: spread(took for p in known if (took := measure(p, now)) is not None) for name, measure in MEASURES.items()
    }


def _levels(p: Past) -> Iterable[str]:
    return [str(p.severity)] if p.severity else ["unknown"]


def _factors(p: Past) -> Iterable[str]:
    return p.factors


def _grouped(past: Iterable[Past], names: Callable[[Past], Iterable[str]]) -> list[tuple[str, list[Past]]]:
    groups: dict[str, list[Past]] = defaultdict(list)
    for p in past:
        for name in names(p):
            groups[name].append(p)
    return sorted(groups.items())


def _repeats(before: Sequence[Past], real: Sequence[Past], rules: Rules) -> tuple[Repeat, ...]:
    found, known = [], defaultdict[str, list[Past]](list)
    for p in before:
        known[p.subject].append(p)
    for p in real:
        if (repeat := _repeat(p, known[p.subject], rules.again(p.incident.metadata.namespace))) is not None:
            found.append(repeat)
        known[p.subject].append(p)
    return tuple(found)


def _repeat(p: Past, known: Sequence[Past], within: timedelta) -> Repeat | None:
    """Of what says why it came again the most: a factor class, the alerts, the subject; of each the last time before."""
    earlier = [o for o in known if p.declared - o.declared <= within]
    same = next((o for o in reversed(earlier) if o.factors & p.factors), None)
    if same is not None:
        why = f"the same factor class: {', '.join(sorted(same.factors & p.factors))} ({p.subject})"
        return Repeat(p.incident.key, same.incident.key, why)
    if p.recurrence_of is not None:
        return Repeat(p.incident.key, p.recurrence_of, f"the same alerts ({p.subject})")
    last = next(reversed(earlier), None)
    return Repeat(p.incident.key, last.incident.key, f"the same subject ({p.subject})") if last is not None else None


def _charged(real: Sequence[Past]) -> tuple[Charged, ...]:
    """The dearest first."""
    known = ((p, c) for p in real if (b := p.incident.status.error_budget) for c in b.charges or ())
    found = [Charged(p.incident.key, c.slo, c.used, c.state is BudgetState.AT_LEAST) for p, c in known if c.used]
    return tuple(sorted(found, key=lambda c: (-float(c.used), c.incident, c.slo)))


def _not_charged(p: Past) -> bool:
    """Prometheus was asked, and nobody knows."""
    record = p.incident.status.error_budget
    return record is not None and record.state is BudgetState.UNKNOWN


def _cautions(real: Sequence[Past], now: datetime) -> tuple[str, ...]:
    unknown = sum(p.times.started is None for p in real)
    found = []
    if unknown:
        found.append(
            f"of {unknown} of {len(real)} nobody said when harm began: their mitigate and resolve count from detection, "
            "and detect leaves them out; an impact entry with startedTime says it"
        )
    if backwards := sum(runs_backwards(p, now) for p in real):
        found.append(
            f"of {backwards} of {len(real)} the times contradict each other, as after a clock was corrected: what would be "
            "a negative duration is left out"
        )
    if any(not p.factors for p in real):
        found.append("factor classes are those of published postmortems; what has none is in no class")
    return tuple(found)
