"""
A budget that burns six times too fast for ten minutes, and no incident: said where who knows the service looks (decisions 2.4).

Nothing is declared by it: a person does that, or an alert that was made for it. The alert rule BurnsUndeclared asks the same of
Prometheus, and is what pages; this is the Event on the Runbook, which stands beside what to do. core/undeclared.py looks back.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from stanch.api.names import EventKind
from stanch.core.draft import shorten
from stanch.core.observations import Answer, Failed, Found
from stanch.core.plan_type import Told

FACTOR: Final = 6
# What may name the service of an objective, the best first: an incident that alerts made has its name from there (core/
# alertmanager.py), and Pyrra names the objective alone unless somebody labelled it.
NAMES: Final = ("service", "sloth_service", "slo")
# Sloth records the rate itself; Pyrra errors by window, and its generic rules the objective (core/slo_series.py).
BURNING: Final = (
    f"max by ({', '.join(NAMES)}) (slo:current_burn_rate:ratio or "
    '{__name__=~".+:burnrate5m",slo!=""} / on (slo) group_left () (1 - max by (slo) (pyrra_objective)))'
)
_TEN: Final = f"({BURNING})[10m:1m]"
# All of ten minutes, and one look in which a scrape was missed.
QUERY: Final = f"min_over_time({_TEN}) >= {FACTOR} and on ({', '.join(NAMES)}) count_over_time({_TEN}) >= 9"
# Of one outage a dozen objectives may burn.
TOLD_MAX: Final = 16
Body = Mapping[str, Any]


class NotSaid(Exception):
    """Prometheus did not say, in words."""


@dataclass(frozen=True, slots=True)
class Burning:
    """An objective: what it may be called, the best name first, and how many times too fast it burns."""

    names: tuple[str, ...]
    factor: float


def burning(answer: Answer | None) -> list[Burning]:
    """What Prometheus answered to QUERY, the fastest first; what names nothing is nobody's. Raises NotSaid."""
    if isinstance(answer, Failed):
        raise NotSaid(answer.message)
    if not isinstance(answer, Found) or answer.value.get("resultType") != "vector":
        raise NotSaid("it gave no instant vector")
    found = []
    for series in answer.value.get("result") or ():
        labels = series.get("metric") or {}
        names = tuple(dict.fromkeys(str(labels[n]) for n in NAMES if labels.get(n)))
        try:
            factor = float(series["value"][1])
        except (KeyError, IndexError, TypeError, ValueError):
            continue
        if names and not math.isnan(factor):
            found.append(Burning(names, factor))
    return sorted(found, key=lambda each: (-each.factor, each.names))


def undeclared(found: Iterable[Burning], incidents: Iterable[Body]) -> list[Burning]:
    """Those for which no incident is open. One that names no service may be about any: then nobody is told anything."""
    services = {str((i.get("spec") or {}).get("service") or "") for i in incidents if _is_open(i)}
    return [] if "" in services else [each for each in found if not services & set(each.names)]


def _is_open(incident: Body) -> bool:
    times = (incident.get("status") or {}).get("times") or {}
    return not (times.get("resolved") or times.get("cancelled") or (incident.get("spec") or {}).get("drill"))


def on_runbooks(found: Iterable[Burning], runbooks: Iterable[Body], now: datetime) -> Iterator[tuple[Body, Told]]:
    """An Event for each Runbook of such a service; the same within an hour is the same Event."""
    by_service: dict[str, list[Body]] = {}
    for body in runbooks:
        by_service.setdefault(str((body.get("spec") or {}).get("service") or ""), []).append(body)
    told: set[str] = set()
    for each in found:
        for name in each.names:
            for body in by_service.get(name, ()) if name not in told else ():
                yield (
                    body,
                    Told(EventKind.BURNS_UNDECLARED, words(name, each), warning=True, once=f"{name}/{now:%Y-%m-%dT%H}"),
                )
            told.add(name)


def words(name: str, each: Burning) -> str:
    """What is so, and what to do."""
    who = shorten(name, 63)
    return (
        f"{who} has burnt its error budget {min(each.factor, 99_999):.0f} times as fast as it lasts for ten minutes, and no "
        f"incident is open for it: declare one with spec.service {who} (stanch declare --service {who}). One too many is cheap"
    )
