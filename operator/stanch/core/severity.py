"""
Severity from what is known: the highest row of the matrix of which any one fact is known to be true (decisions 2.4).

Impact, not effort. What is not known never lowers it. Reasons are printed, strongest first.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Final

from stanch.api import duration
from stanch.api.alerts import Alert, Burn, Measured, Signal
from stanch.api.impact import Impact, Journey, Scope
from stanch.api.incident import Incident
from stanch.api.meta import Severity
from stanch.api.names import Label
from stanch.api.policy import BurnRule, Policy

REASONS_MAX: Final = 6
# A rule that fires above 14 is meant to be that of 14.4: Pyrra and many a workbook round (decisions 2.4).
ROUNDED: Final = Decimal("0.97")
_Scopes = frozenset[Scope | None]
_MANY: Final[_Scopes] = frozenset({Scope.ALL_USERS, Scope.MANY_USERS})
_SOME: Final[_Scopes] = frozenset({Scope.SOME_USERS})
_UNKNOWN: Final[_Scopes] = frozenset({None})
_M: Final = timedelta(minutes=1)
_H: Final = timedelta(hours=1)
_D: Final = timedelta(days=1)
# Windows of an alert that says no rate: those of the SRE workbook, and the rate above which such an alert fires.
_WORKBOOK: Final[Mapping[tuple[timedelta, timedelta], str]] = {
    (_H, 5 * _M): "14.4",
    (6 * _H, 30 * _M): "6",
    (_D, 2 * _H): "3",
    (3 * _D, 6 * _H): "1",
}
# Pyrra says in how long the budget would be gone. Long window to that, for each of its four rates: both scale with the SLO's.
_PYRRA: Final = (
    (_H / (2 * _D), "14"),
    (6 * _H / (4 * _D), "7"),
    (_D / (14 * _D), "2"),
    (4 * _D / (28 * _D), "1"),
)
_PROMETHEUS_UNITS: Final = {"y": 365 * _D, "w": 7 * _D, "d": _D}


@dataclass(frozen=True, slots=True, order=True)
class Fact:
    """
    One row of the matrix that is known to be true, and why. Sorted, the worst is first, and of one row what was measured
    (``kind`` 0), then what people say (1), then what a label says (2).
    """

    level: Severity
    kind: int
    reason: str


@dataclass(frozen=True, slots=True)
class Judged:
    """``level`` is None when nothing is known. ``reasons`` at most six, strongest first."""

    level: Severity | None
    reasons: tuple[str, ...]


def judge(impact: Impact | None, signals: Sequence[Signal | Alert | Measured], policy: Policy) -> Judged:
    """What the facts say. Alerts that are over count as well: severity never falls by itself."""
    facts = list(_of_impact(impact)) if impact is not None else []
    for signal in signals:
        facts += _of_signal(signal, policy)
    facts = sorted(set(facts))
    if not facts:
        return Judged(None, ())
    reasons = [fact.reason for fact in facts[:REASONS_MAX]]
    if impact is not None and impact.scope is Scope.NONE and any(burns(s, policy) for s in signals):
        reasons = [*reasons[: REASONS_MAX - 1], "nobody seems to notice: check"]
    return Judged(facts[0].level, tuple(reasons))


def facts_of(incident: Incident, impact: Impact | None, policy: Policy, measured: Sequence[Measured] = ()) -> Judged:
    """What is known of an incident: its impact, signals that people wrote down, the alerts that made it, what was measured."""
    # The label says that alerts did, and only the operator sets it.
    group = incident.spec.alert_group if Label.ALERT_GROUP in incident.metadata.labels else None
    return judge(impact, (*(incident.spec.signals or ()), *(group.alerts if group else ()), *measured), policy)


# --- impact ----------------------------------------------------------------------------------------------------------


def _hurts(journey: Journey, scopes: _Scopes) -> Callable[[Impact], bool]:
    return lambda impact: impact.journey is journey and impact.scope in scopes


_ROWS: Final[tuple[tuple[Severity, str, Callable[[Impact], bool]], ...]] = (
    (Severity.SEV1, "the core journey is down for many users", _hurts(Journey.DOWN, _MANY)),
    (Severity.SEV1, "the core journey is down, for whom is not known", _hurts(Journey.DOWN, _UNKNOWN)),
    (Severity.SEV1, "data is at risk", lambda i: bool(i.data_at_risk)),
    (Severity.SEV1, "it is a security breach", lambda i: bool(i.security_breach)),
    (Severity.SEV1, "no money comes in", lambda i: bool(i.revenue_stopped)),
    (Severity.SEV2, "the core journey is degraded for many users", _hurts(Journey.DEGRADED, _MANY)),
    (Severity.SEV2, "the core journey is degraded, for whom is not known", _hurts(Journey.DEGRADED, _UNKNOWN)),
    (Severity.SEV2, "the core journey is down for some users", _hurts(Journey.DOWN, _SOME)),
    (Severity.SEV2, "a region is down", lambda i: bool(i.region_down)),
    (Severity.SEV3, "the core journey is degraded for some users", _hurts(Journey.DEGRADED, _SOME)),
    (Severity.SEV3, "users need a workaround", lambda i: i.journey is Journey.WORKAROUND),
    (Severity.SEV3, "a single tenant is hurt", lambda i: i.scope is Scope.SINGLE_TENANT),
    (Severity.SEV3, "redundancy is lost", lambda i: bool(i.redundancy_lost)),
    (Severity.SEV4, "it is cosmetic", lambda i: i.journey is Journey.COSMETIC),
    (Severity.SEV4, "only our own people are hurt", lambda i: i.scope is Scope.INTERNAL),
    (Severity.SEV4, "nobody is hurt", lambda i: i.scope is Scope.NONE),
)


def _of_impact(impact: Impact) -> Iterator[Fact]:
    """A journey that hurts a single tenant, or our own people, has no row of its own: the row of the scope counts."""
    for level, reason, holds in _ROWS:
        if holds(impact):
            yield Fact(level, 1, reason)


# --- signals ---------------------------------------------------------------------------------------------------------


def _of_signal(signal: Signal | Alert | Measured, policy: Policy) -> list[Fact]:
    facts = []
    if pair := pair_of(signal.burn or (), policy):
        rule, long, short = pair
        rates = (
            f"{long.factor} over {duration.write(long.window)} and {short.factor} over {duration.write(short.window)}"
        )
        whose = f" of {signal.slo}, measured" if isinstance(signal, Measured) else ""
        facts.append(Fact(rule.level, 0, f"burn {rates}{whose}, {rule.level.value} from {rule.factor}"))
    said = "" if isinstance(signal, Measured) else (signal.severity or "").lower()
    if said in policy.alert_severity:
        level = policy.alert_severity[said]
        facts.append(Fact(level, 2, f"an alert says {said}, which is {level.value}"))
    return facts


Pair = tuple[BurnRule, Burn, Burn]


def pair_of(burns: tuple[Burn, ...], policy: Policy) -> Pair | None:
    """
    The worst rule whose both windows burn. A rate over longer windows than the rule's eats more of the budget, so it counts;
    over a shorter one it proves less.
    """
    for rule in sorted(policy.burn, key=lambda each: (each.level, -each.factor)):
        least = rule.factor * ROUNDED
        fast = [b for b in burns if Decimal(b.factor) >= least]
        long = next((b for b in fast if b.window >= rule.long), None)
        short = next((b for b in fast if rule.short <= b.window and long is not None and b.window < long.window), None)
        if long is not None and short is not None:
            return rule, long, short
    return None


def burns(signal: Signal | Alert | Measured, policy: Policy) -> bool:
    """Does its error budget burn by any rule?"""
    return pair_of(signal.burn or (), policy) is not None


# --- from labels of SLO tools ----------------------------------------------------------------------------------------


def burn_of(labels: Mapping[str, str]) -> tuple[Burn, ...] | None:
    """
    Burn rates that an alert's labels stand for; None when they stand for none.

    Pyrra: `long`, `short` and `exhaustion`. The workbook's alerts, as kube-prometheus has them: `long` and `short`. Such an
    alert fires only while both windows burn faster than its rate. Sloth's labels say no window: its `sloth_severity` counts.
    """
    long, short = window_of(labels.get("long", "")), window_of(labels.get("short", ""))
    if long is None or short is None or short >= long:
        return None
    rate = _rate(long, short, labels.get("exhaustion", ""))
    return (Burn(window=long, factor=rate), Burn(window=short, factor=rate)) if rate else None


def _rate(long: timedelta, short: timedelta, exhaustion: str) -> str | None:
    gone_in = window_of(exhaustion)
    if gone_in:
        ratio = long / gone_in
        # Rounded to whole days in the label, so the nearest; what is far from all is another tool's.
        near, rate = min(_PYRRA, key=lambda each: abs(each[0] - ratio))
        return rate if abs(near - ratio) <= near * 0.06 else None
    return _WORKBOOK.get((long, short))


def window_of(text: str) -> timedelta | None:
    """A Prometheus duration such as 5m, 1h30m or 4w; None when it is none, or nothing."""
    total, rest = timedelta(0), text.strip()
    if not rest or len(rest) > 24:
        return None
    for unit, size in _PROMETHEUS_UNITS.items():
        head, found, tail = rest.partition(unit)
        if found:
            if not (head.isascii() and head.isdecimal() and len(head) <= 4):
                return None
            total, rest = total + int(head) * size, tail
    try:
        total += duration.parse(rest) if rest else timedelta(0)
    except ValueError:
        return None
    return total or None


def slo_of(labels: Mapping[str, str]) -> str | None:
    """The objective that an alert of Sloth or Pyrra is about."""
    return labels.get("sloth_id") or labels.get("slo") or None


def severity_of(labels: Mapping[str, str]) -> str | None:
    """The severity that an alert's labels say, Sloth's own included."""
    return labels.get("severity") or labels.get("sloth_severity") or None
