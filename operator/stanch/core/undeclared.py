"""Budget that burned while nobody declared: stretches of a query over time, held against the incidents."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from stanch.core.review import Past

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
        labels = series.get("metric") or {}
        service = next((str(labels[name]) for name in SERVICE_LABELS if labels.get(name)), "")
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


def _covers(burn: Burn, service: str | None, start: datetime, end: datetime) -> bool:
    same = not burn.service or not service or service == burn.service
    return same and burn.start <= end and start <= burn.end
