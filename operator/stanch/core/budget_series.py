"""
How much of an error budget went in a span of time, from what Sloth and Pyrra record. Arithmetic over answers of `query_range`.

A budget is what may fail in one period: one less the objective, of all there is. What went is the error ratio summed over the span,
over budget times period. That takes traffic as even; Sloth's own ratio of a period is the mean of its 5m ones, too (its recording
rules). Sloth: `slo:sli_error:ratio_rate<window>`, `slo:error_budget:ratio`, `slo:time_period:days`, by `sloth_id`. Pyrra:
`<name>:burnrate<window>`, which are error ratios, `pyrra_objective` and `pyrra_window` (seconds), by `slo`.
"""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.budget_status import BudgetCharge, BudgetState
from stanch.core.severity import slo_of, window_of

POINTS: Final = 240
STEP_MIN: Final = timedelta(minutes=1)
# What was asked for further back is most likely not kept any more, and is a typing error in a date.
LONGEST: Final = timedelta(days=90)
NAMESPACE_LABELS: Final = ("namespace", "exported_namespace")
# A scrape or two that is missing changes nothing that anybody would decide differently.
_ENOUGH: Final = 0.95
_USED_MAX: Final = 9_999_999.0
_SLO_MAX: Final = 128
_RATE: Final = re.compile(r"slo:sli_error:ratio_rate(\w+)|.+:burnrate(\w+)")
_UNITS: Final = {"slo:time_period:days": timedelta(days=1), "pyrra_window": timedelta(seconds=1)}
_BUDGETS: Final = {"slo:error_budget:ratio": False, "pyrra_objective": True}
# Longer than any budget is for; a number that is no period must not overflow a timedelta.
_PERIOD_MAX: Final = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class Span:
    """``points`` samples, ``step`` apart, the last at ``end``; each stands for the step before it. ``whole`` is False when cut."""

    end: datetime
    step: timedelta
    points: int
    whole: bool = True

    @property
    def first(self) -> datetime:
        """The first instant to ask for."""
        return self.end - (self.points - 1) * self.step


def sampled(start: datetime, end: datetime) -> Span | None:
    """At most POINTS samples, whole seconds apart; None when the span is empty or runs backwards."""
    length = min(end - start, LONGEST)
    if length <= timedelta(0):
        return None
    step = max(STEP_MIN, timedelta(seconds=math.ceil(length / POINTS / timedelta(seconds=1))))
    return Span(end, step, max(1, round(length / step)), end - start <= LONGEST)


@dataclass(slots=True)
class _Slo:
    """What was recorded of one objective: budget and period, each value that was seen; ratios by window and second."""

    budgets: set[float] = field(default_factory=set)
    periods: set[timedelta] = field(default_factory=set)
    rates: dict[timedelta, dict[float, float]] = field(default_factory=dict)


def charges(answers: Iterable[Mapping[str, Any]], span: Span, namespace: str | None) -> list[BudgetCharge]:
    """By objective, the dearest first. ``namespace`` leaves out series that say that they are of another one."""
    found: dict[str, _Slo] = {}
    for answer in answers:
        for labels, name, points in _series(answer):
            of = next((labels[n] for n in NAMESPACE_LABELS if labels.get(n)), None)
            slo = slo_of(labels)
            if slo and len(slo) <= _SLO_MAX and (namespace is None or of in (None, namespace)):
                _take(found.setdefault(slo, _Slo()), name, points)
    return dearest_first([_charge(slo, known, span) for slo, known in found.items()])


def dearest_first(found: list[BudgetCharge]) -> list[BudgetCharge]:
    """What is not known comes last."""
    return sorted(found, key=lambda c: (-float(c.used) if c.used is not None else 1.0, c.slo))


def _take(known: _Slo, name: str, points: Mapping[float, float]) -> None:
    """A series that is not there at the end of the span, as after a rename, still says what was so."""
    if name in _BUDGETS:
        known.budgets |= {round(1 - v if _BUDGETS[name] else v, 9) for v in points.values()}
    elif name in _UNITS:
        most = _PERIOD_MAX / _UNITS[name]
        known.periods |= {v * _UNITS[name] for v in points.values() if 0 < v <= most}
    elif (rate := _RATE.fullmatch(name)) and (window := window_of(rate[1] or rate[2])):
        ratios = known.rates.setdefault(window, {})
        for second, value in points.items():
            # Two series of one window are replicas, or groups of one objective: the worst of them.
            ratios[second] = max(ratios.get(second, 0.0), value)


def _charge(slo: str, known: _Slo, span: Span) -> BudgetCharge:
    period = next(iter(known.periods)) if len(known.periods) == 1 else None
    if problem := _problem(known):
        return BudgetCharge(slo=slo, state=BudgetState.UNKNOWN, period=period, message=problem)
    assert period is not None
    # Each sample stands for a step: a shorter window would look away in between, a longer one blurs.
    rates = {window: ratios for window, ratios in known.rates.items() if ratios}
    ratios = rates[min((w for w in rates if w >= span.step), default=max(rates))]
    (budget,) = known.budgets
    went = sum(ratios.values()) * (span.step / period) / budget * 100
    there = len(ratios) / span.points
    lacks = [] if span.whole else [f"only the last {LONGEST.days} days are charged"]
    lacks += [f"{there:.0%} of the time was recorded"] if there < _ENOUGH else []
    return BudgetCharge(
        slo=slo,
        state=BudgetState.AT_LEAST if lacks else BudgetState.KNOWN,
        used=percent(went),
        period=period,
        message="; ".join(lacks) or None,
    )


def _problem(known: _Slo) -> str:
    if not any(known.rates.values()):
        return "no error ratio of it was recorded in that time"
    if len(known.budgets) != 1 or min(known.budgets) <= 0:
        return (
            "its objective is not recorded"
            if not known.budgets
            else "more than one objective is recorded, or one of 100 %"
        )
    if len(known.periods) != 1:
        return "the period of its budget is not recorded, or there are two"
    return ""


def percent(value: float) -> str:
    """`31.4`, and `0.04` for what is small."""
    value = min(max(value, 0.0), _USED_MAX)
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def left(answer: Mapping[str, Any], namespace: str, service: str, labels: tuple[str, ...]) -> list[BudgetCharge]:
    """
    Of a query for what is left (1 is all of it), at the start and at the end. At least: what came back meanwhile, as old
    failures left the period, hides as much of what went.
    """
    found = []
    for said, _, points in _series(answer):
        of = next((said[n] for n in NAMESPACE_LABELS if said.get(n)), None)
        named = next((said[n] for n in labels if said.get(n)), None)
        if of == namespace and named == service and len(points) > 1:
            went = (points[min(points)] - points[max(points)]) * 100
            words = "what was left at the end, less what was left at the start"
            found.append(
                BudgetCharge(slo=service[:_SLO_MAX], state=BudgetState.AT_LEAST, used=percent(went), message=words)
            )
    return dearest_first(found)[:1]


def _series(answer: Mapping[str, Any]) -> Iterator[tuple[dict[str, str], str, dict[float, float]]]:
    """Labels, name, and finite values by second: what is 0 by 0 is no number, and proves nothing."""
    result = answer.get("result") if answer.get("resultType") == "matrix" else None
    for each in result if isinstance(result, list) else ():
        metric, values = (each.get("metric"), each.get("values")) if isinstance(each, Mapping) else (None, None)
        if not isinstance(metric, Mapping) or not isinstance(values, list):
            continue
        labels = {str(k): str(v) for k, v in metric.items()}
        points = dict(filter(None, map(_point, values)))
        yield labels, labels.get("__name__", ""), points


def _point(raw: Any) -> tuple[float, float] | None:
    try:
        second, value = float(raw[0]), float(raw[1])
    except (TypeError, ValueError, IndexError, KeyError):
        return None
    return (second, value) if math.isfinite(second) and math.isfinite(value) else None
