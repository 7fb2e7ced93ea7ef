"""What Prometheus knows of a month: budget that burned while nobody declared, and what each incident cost."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from stanch.core.review_past import Past

# What is shorter heals before anybody would have declared.
LONG: Final = timedelta(minutes=15)
# An incident is declared after it began to burn, and some go on burning after it.
MARGIN: Final = timedelta(minutes=30)
SERVICE_LABELS: Final = ("service", "sloth_service", "exported_service", "job")


@dataclass(frozen=True, slots=True)
class Burn:
    """One stretch without a gap."""

    service: str
    start: datetime
    end: datetime


def burns(matrix: Sequence[Any], step: timedelta) -> list[Burn]:
    """Stretches in which each series had a value; the query says what burning is. ``matrix`` as Prometheus answers."""
    found = []
    for series in matrix:
        service = _service(series)
        start = last = None
        for seconds, _ in series.get("values") or ():
            at = datetime.fromtimestamp(float(seconds), UTC)
            if start is None or last is None or at - last > step * 1.5:
                if start is not None and last is not None:
                    found.append(Burn(service, start, last))
                start = at
            last = at
        if start is not None and last is not None:
            found.append(Burn(service, start, last))
    return sorted((b for b in found if b.end - b.start >= LONG), key=lambda b: (b.start, b.service))


def undeclared(found: Iterable[Burn], past: Iterable[Past], now: datetime) -> list[Burn]:
    """Those during which no incident of the service was open. One that names no service is held against all incidents."""
    spans = [
        (p.incident.spec.service, (p.times.started or p.declared) - MARGIN, (p.times.resolved or now) + MARGIN)
        for p in past
        if not p.incident.spec.drill and p.times.cancelled is None
    ]
    return [b for b in found if not any(_covers(b, *span) for span in spans)]


@dataclass(frozen=True, slots=True)
class Charge:
    """What an incident cost its service: the share of the budget that was there when it began and is not when it ended."""

    incident: str
    service: str
    share: float


@dataclass(frozen=True, slots=True)
class Outside:
    """Both."""

    undeclared: tuple[Burn, ...]
    charged: tuple[Charge, ...]


def charged(matrix: Sequence[Any], past: Iterable[Past], now: datetime) -> list[Charge]:
    """By incident whose service has a series, the dearest first. ``matrix`` is what was left over time; a refill costs nothing."""
    series = [(_service(s), s.get("values") or ()) for s in matrix]
    found = []
    for p in past:
        if p.incident.spec.drill or p.times.cancelled is not None or not p.incident.spec.service:
            continue
        start, end = p.times.started or p.times.detected or p.declared, p.times.resolved or now
        for service, values in series:
            before, after = _at(values, start), _at(values, end)
            if service == p.incident.spec.service and before is not None and after is not None:
                found.append(Charge(p.incident.key, service, max(0.0, before - after)))
    return sorted(found, key=lambda c: (-c.share, c.incident))


def _service(series: Any) -> str:
    labels = series.get("metric") or {}
    return next((str(labels[name]) for name in SERVICE_LABELS if labels.get(name)), "")


def _at(values: Sequence[Any], when: datetime) -> float | None:
    """The last value at or before an instant; None where there is none."""
    known = [float(value) for seconds, value in values if float(seconds) <= when.timestamp()]
    return known[-1] if known and math.isfinite(known[-1]) else None


def _covers(burn: Burn, service: str | None, start: datetime, end: datetime) -> bool:
    same = not burn.service or not service or service == burn.service
    return same and burn.start <= end and start <= burn.end
