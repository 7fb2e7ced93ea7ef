"""One incident to look back on, and how long each part of it took; what is not over has lasted so long by now."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stanch.api.impact import Scope
from stanch.api.incident import Incident
from stanch.api.incident_status import Times
from stanch.api.meta import Severity
from stanch.api.names import EventKind
from stanch.core.survival import Lasted

FALSE_ALARM: Final = "FalseAlarm"
_SAYS: Final = "Cancelled: "


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
    def began(self) -> datetime:
        """When harm began, else was noticed, else was declared."""
        return self.times.started or self.times.detected or self.declared

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

    @property
    def recurrence_of(self) -> str | None:
        """The incident that the same alerts made before, as the receiver wrote it down."""
        group = self.incident.spec.alert_group
        before = group.recurrence_of if group else None
        return f"{self.incident.metadata.namespace}/{before}" if before else None

    @property
    def is_near_miss(self) -> bool:
        """Was nobody hurt, and nothing lost, as was said last? Worth learning from, and no outage (seed 4)."""
        known = self.incident.status.impact
        impact = known.value if known else self.incident.spec.impact
        if impact is None or impact.scope is not Scope.NONE:
            return False
        return not (impact.user_visible or impact.data_at_risk or impact.security_breach or impact.revenue_stopped)

    @property
    def cancelled_as(self) -> str | None:
        """FalseAlarm, Duplicate, Maintenance …, as its last word says; None when it was not cancelled."""
        if self.times.cancelled is None:
            return None
        said = (x.text for x in reversed(self.incident.status.timeline) if x.kind == EventKind.CANCELLED)
        words = next(said, "").partition(_SAYS)[2].partition(":")[0].split()
        return words[0].rstrip(".;,") if words else FALSE_ALARM


Measure = Callable[[Past, datetime], Lasted | None]


def _between(start: datetime | None, end: datetime | None, over: datetime | None, now: datetime) -> Lasted | None:
    """From start to end; where there is no end, until it was over without one, or until now. None when it runs backwards."""
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
    return _between(p.began, p.times.mitigated, p.times.resolved, now)


def _resolve(p: Past, now: datetime) -> Lasted | None:
    return _between(p.began, p.times.resolved, None, now)


MEASURES: Final[Mapping[str, Measure]] = {
    "detect": _detect,
    "declare": _declare,
    "acknowledge": _acknowledge,
    "mitigate": _mitigate,
    "resolve": _resolve,
}


def runs_backwards(p: Past, now: datetime) -> bool:
    """Do its times contradict each other, or the clock of now? Then what runs backwards is no duration."""
    t = p.times
    pairs = (
        (t.started, t.detected),
        (t.detected, p.declared),
        (p.declared, t.acknowledged),
        (p.began, t.mitigated),
        (p.began, t.resolved),
        (p.began, now),
    )
    return any(before is not None and after is not None and after < before for before, after in pairs)
