"""
An honest look back at a month: how long things took, what came again, what helped, what is by hand again and again.

Drills and false alarms are left out and counted apart. An incident that is not over has lasted so long by now (core/survival.py).
Counts of incidents are never a grade: who declares early has more of them (seed 1).
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from stanch.api.incident import Incident
from stanch.api.incident_status import Times
from stanch.api.meta import Severity
from stanch.core.review_deeds import Deeds, deeds
from stanch.core.survival import Lasted, Spread, spread

# The same again within so long counts as coming back (decisions 2.11).
AGAIN_WITHIN: Final = timedelta(days=30)
# So many pages in one shift leave time for each (the SRE book: two incidents a shift of twelve hours).
PAGES_MAX: Final = 2


@dataclass(frozen=True, slots=True)
class Past:
    """One incident to look back on, with the factor classes of its published postmortem."""

    incident: Incident
    factors: frozenset[str] = frozenset()

    @property
    def times(self) -> Times:
        """What is known of when."""
        return self.incident.status.times or Times()

    @property
    def declared(self) -> datetime:
        """When it was declared."""
        return self.times.declared or self.incident.declared

    @property
    def severity(self) -> Severity | None:
        """The worst it ever was."""
        known = self.incident.status.severity
        return (known.worst or known.level) if known else self.incident.spec.severity

    @property
    def subject(self) -> str:
        """What it is about: the service, else the first target."""
        spec = self.incident.spec
        first = next(iter(spec.targets or ()), None)
        return f"{self.incident.metadata.namespace}/{spec.service or first or self.incident.metadata.name}"


@dataclass(frozen=True, slots=True)
class Pages:
    """Incidents that page, by shift."""

    shift: timedelta
    shifts: int
    pages: int
    most: int
    too_many: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """The same subject, or the same factor class on it, within thirty days."""

    incident: str
    of: str
    why: str


@dataclass(frozen=True, slots=True)
class Review:
    """All of it. Durations by measure; the same by severity and by factor class for mitigate and resolve."""

    since: datetime
    until: datetime
    incidents: int
    open: int
    drills: int
    false_alarms: int
    durations: Mapping[str, Spread]
    by_severity: Mapping[str, Mapping[str, Spread]]
    by_factor: Mapping[str, Mapping[str, Spread]]
    without_factors: int
    detected_by: Mapping[str, int]
    repeats: tuple[Repeat, ...]
    pages: Pages
    deeds: Deeds
    cautions: tuple[str, ...] = ()
    mitigate: tuple[tuple[str, datetime, Lasted], ...] = field(default=(), compare=False)


Measure = Callable[[Past, datetime], Lasted | None]


def _between(start: datetime | None, end: datetime | None, over: datetime | None, now: datetime) -> Lasted | None:
    """From start to end; where there is no end, until it was over without one, or until now."""
    if start is None:
        return None
    if end is not None:
        return Lasted(end - start) if end >= start else None
    last = min(over or now, now)
    return Lasted(last - start, over=False) if last >= start else None


def _detect(p: Past, _: datetime) -> Lasted | None:
    return _between(p.times.started, p.times.detected, None, p.declared) if p.times.detected else None


def _declare(p: Past, _: datetime) -> Lasted | None:
    return _between(p.times.detected, p.declared, None, p.declared)


def _acknowledge(p: Past, now: datetime) -> Lasted | None:
    return _between(p.declared, p.times.acknowledged, p.times.resolved, now)


def _mitigate(p: Past, now: datetime) -> Lasted | None:
    return _between(_began(p), p.times.mitigated, p.times.resolved, now)


def _resolve(p: Past, now: datetime) -> Lasted | None:
    return _between(_began(p), p.times.resolved, None, now)


def _began(p: Past) -> datetime:
    return p.times.started or p.times.detected or p.declared


MEASURES: Final[Mapping[str, Measure]] = {
    "detect": _detect,
    "declare": _declare,
    "acknowledge": _acknowledge,
    "mitigate": _mitigate,
    "resolve": _resolve,
}


def review(past: Sequence[Past], since: datetime, now: datetime, shift: timedelta) -> Review:
    """What was declared from ``since`` to ``now``; earlier ones count only as what came again."""
    within = [p for p in past if since <= p.declared <= now]
    drills = [p for p in within if p.incident.spec.drill]
    false = [p for p in within if p not in drills and p.times.cancelled is not None]
    real = sorted((p for p in within if p not in drills and p not in false), key=lambda p: p.declared)
    before = [p for p in past if p.declared < since and not p.incident.spec.drill and p.times.cancelled is None]
    return Review(
        since=since,
        until=now,
        incidents=len(real),
        open=sum(p.times.resolved is None for p in real),
        drills=len(drills),
        false_alarms=len(false),
        durations=_spreads(real, now, MEASURES),
        by_severity={level: _spreads(group, now, _ENDS) for level, group in _grouped(real, _levels)},
        by_factor={name: _spreads(group, now, _ENDS) for name, group in _grouped(real, _factors)},
        without_factors=sum(not p.factors for p in real),
        detected_by=Counter(str(p.incident.spec.detected_by or "not said") for p in real),
        repeats=_repeats(before, real),
        pages=_pages(real, since, now, shift),
        deeds=deeds([p.incident for p in real]),
        cautions=_cautions(real),
        mitigate=tuple((p.incident.key, p.declared, took) for p in real if (took := _mitigate(p, now)) is not None),
    )


_ENDS: Final = {"mitigate": _mitigate, "resolve": _resolve}


def _spreads(group: Iterable[Past], now: datetime, measures: Mapping[str, Measure]) -> dict[str, Spread]:
    known = list(group)
    return {
        name: spread(took for p in known if (took := measure(p, now)) is not None) for name, measure in measures.items()
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


def _repeats(before: Sequence[Past], real: Sequence[Past]) -> tuple[Repeat, ...]:
    found = []
    known = sorted(before, key=lambda p: p.declared)
    for p in real:
        earlier = [o for o in known if o.subject == p.subject and p.declared - o.declared <= AGAIN_WITHIN]
        same = next((o for o in reversed(earlier) if o.factors & p.factors), None)
        last = same or next(reversed(earlier), None)
        if last is not None:
            why = (
                f"the same factor class: {', '.join(sorted(same.factors & p.factors))}" if same else "the same subject"
            )
            found.append(Repeat(p.incident.key, last.incident.key, f"{why} ({p.subject})"))
        known.append(p)
    return tuple(found)


def _pages(real: Sequence[Past], since: datetime, now: datetime, shift: timedelta) -> Pages:
    """What alerts made, and what somebody declared as SEV1 or SEV2: that is what wakes people."""
    loud = [p for p in real if p.incident.spec.alert_group or p.severity in (Severity.SEV1, Severity.SEV2)]
    by_shift = Counter(int((p.declared - since) / shift) for p in loud)
    shifts = max(1, -int(-(now - since) // shift))
    most = max(by_shift.values(), default=0)
    return Pages(shift, shifts, len(loud), most, sum(n > PAGES_MAX for n in by_shift.values()))


def _cautions(real: Sequence[Past]) -> tuple[str, ...]:
    unknown = sum(p.times.started is None for p in real)
    found = []
    if unknown:
        found.append(
            f"of {unknown} of {len(real)} nobody said when harm began: their mitigate and resolve count from detection, "
            "and detect leaves them out; an impact entry with startedTime says it"
        )
    if any(not p.factors for p in real):
        found.append("factor classes are those of published postmortems; what has none is in no class")
    return tuple(found)
