"""
How fast an error budget burns, from the recording rules of Sloth and of Pyrra (decisions 2.4, facts/ecosystem.md 3.11).

Sloth: `slo:sli_error:ratio_rate<window>` over `slo:error_budget:ratio`, by the label `sloth_id`; `slo:current_burn_rate:ratio` is
that of 5m. Pyrra: `<name>:burnrate<window>` over one less `pyrra_objective` (its generic rules), by the label `slo`. Labels of
alerts say that a rate was passed; these say how fast it is.

Asked a few times after the declaration, when nothing else goes on, at the cluster's Prometheus alone; severity only rises by it.
"""

import math
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final

from stanch.api.alerts import MEASURED_MAX, Alert, Burn, Measured, Signal
from stanch.api.meta import Severity
from stanch.core.alert_fold import alert_group
from stanch.core.attempts import begun
from stanch.core.draft import Draft
from stanch.core.observations import Answer, Found
from stanch.core.outside import PATIENT
from stanch.core.questions import Metric
from stanch.core.severity import pair_of, window_of

LOOKS_AFTER: Final = tuple(timedelta(minutes=m) for m in (0, 2, 10, 30))
# What may stand in quotes in a query as it is; an objective of another name is not looked up.
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@-]{0,127}")
_SLOTH: Final = (
    '{{__name__=~"slo:(sli_error:ratio_rate[0-9]+[mhdw]|error_budget:ratio|current_burn_rate:ratio)",sloth_id="{}"}}'
)
_PYRRA: Final = '{{__name__=~".+:burnrate[0-9]+[mhdw]|pyrra_objective",slo="{}"}}'
_RATE: Final = re.compile(r"slo:sli_error:ratio_rate(\w+)|.+:burnrate(\w+)")
_BUDGET, _CURRENT, _OBJECTIVE = "slo:error_budget:ratio", "slo:current_burn_rate:ratio", "pyrra_objective"
_FIVE: Final = timedelta(minutes=5)
_FACTOR_MAX: Final = Decimal(99_999)


def measure_burn(draft: Draft) -> None:
    """Ask when a look is due and nothing else goes on; what burns by a rule goes on the record."""
    known, due = draft.status.severity, _due(draft)
    slos = objectives(draft)
    if known is None or not due or not slos:
        return
    url, secret = draft.catalog.policy.prometheus_url, draft.catalog.policy.prometheus_secret
    texts = [(slo, form.format(slo)) for slo in slos for form in (_SLOTH, _PYRRA)]
    asked = [(slo, Metric(url, text, PATIENT, secret)) for slo, text in texts]
    if draft.questions or draft.ask(*(question for _, question in asked)):
        return
    found = {slo: burn for slo, question in asked if (burn := _worst(draft, draft.seen.get(question)))}
    measured = tuple(Measured(slo=slo, burn=burn) for slo, burn in found.items())[:MEASURED_MAX]
    changes: dict[str, object] = {"measured_time": draft.now}
    # What burnt is not forgotten when it burns slower: severity never falls by itself.
    if measured:
        changes["measured"] = measured
    draft.set(severity=known.model_copy(update=changes))


def _due(draft: Draft) -> bool:
    times, known = draft.status.times, draft.status.severity
    if times is None or known is None or times.resolved or times.cancelled or times.closed:
        return False
    if not draft.catalog.policy.prometheus_url or not objectives(draft) or known.level is Severity.SEV1:
        return False
    dues = [draft.incident.declared + after for after in LOOKS_AFTER]
    if ahead := [t for t in dues if t > draft.now]:
        draft.wake(min(ahead))
    passed = max((t for t in dues if t <= draft.now), default=None)
    if passed is None or (known.measured_time is not None and known.measured_time >= passed):
        return False
    # Nobody waits for Prometheus who has something to do.
    return not begun(draft.incident.status, draft.status) and not draft.commands and not draft.stores


def objectives(draft: Draft) -> tuple[str, ...]:
    """The objectives that its alerts and signals name; labels are other people's text."""
    group = alert_group(draft)
    told: tuple[Signal | Alert, ...] = (*(draft.incident.spec.signals or ()), *(group.alerts if group else ()))
    names = dict.fromkeys(each.slo for each in told if each.slo and NAME.fullmatch(each.slo))
    return tuple(names)[:MEASURED_MAX]


def _worst(draft: Draft, answer: Answer | None) -> tuple[Burn, ...] | None:
    """The two rates that pass a rule, the long window first; None when none is passed, or nothing is known."""
    rates = burn_rates(answer.value) if isinstance(answer, Found) else {}
    burns = tuple(Burn(window=window, factor=_written(rate)) for window, rate in sorted(rates.items()))
    pair = pair_of(burns, draft.catalog.policy)
    return pair[1:] if pair else None


def burn_rates(answer: Mapping[str, Any]) -> dict[timedelta, Decimal]:
    """
    Burn rate by window, from an instant vector of one objective; of several series of a window the worst. Empty when the
    budget is not there, or there are two of them: then it is not known which series is whose.
    """
    series = list(_series(answer))
    budgets = {value for name, value in series if name == _BUDGET}
    budgets |= {1 - value for name, value in series if name == _OBJECTIVE}
    rates: dict[timedelta, Decimal] = {}
    for name, value in series:
        found = _RATE.fullmatch(name)
        window = window_of(found[1] or found[2]) if found else None
        if window is not None and len(budgets) == 1 and (budget := next(iter(budgets))) > 0:
            rates[window] = max(rates.get(window, Decimal(0)), value / budget)
    current = [value for name, value in series if name == _CURRENT]
    if current and rates:
        rates.setdefault(_FIVE, max(current))
    return rates


def _series(answer: Mapping[str, Any]) -> Iterator[tuple[str, Decimal]]:
    """(name, value) of each series that has a finite one."""
    result = answer.get("result") if answer.get("resultType") == "vector" else None
    for each in result if isinstance(result, list) else ():
        try:
            name, value = str(each["metric"]["__name__"]), float(each["value"][1])
        except (KeyError, TypeError, ValueError, IndexError):
            continue
        if math.isfinite(value) and value >= 0:
            yield name, Decimal(str(value))


def _written(rate: Decimal) -> str:
    return f"{min(rate, _FACTOR_MAX):.1f}"
