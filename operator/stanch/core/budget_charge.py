"""
An incident is charged to the error budgets of its service, once it is resolved (issue 9, part 5; decisions 2.11 "budget used").

Which budgets: those of the objectives that its alerts and signals name, and those of `spec.service` (Sloth's label `sloth_service`;
Pyrra puts a label `service` of its own objects on what it records). Where the platform's policy has an `errorBudget.query` of its
own, that one is asked for what was left, too. Asked alone, when nothing else goes on, a few times while it is not known: nobody
waits for Prometheus but the draft of the postmortem, once, for as long as one question takes.
"""

from datetime import datetime, timedelta
from typing import Final

from stanch.api.budget_status import CHARGES_MAX, BudgetCharge, BudgetRecord, BudgetState
from stanch.api.meta import instant
from stanch.api.names import EventKind
from stanch.api.policy import DEFAULT
from stanch.core.attempts import begun
from stanch.core.budget_series import Span, charges, dearest_first, left, sampled
from stanch.core.draft import Draft, shorten
from stanch.core.observations import Failed, Found
from stanch.core.outside import PATIENT
from stanch.core.questions import MetricRange
from stanch.core.slo_series import NAME, measure_burn, objectives
from stanch.core.undeclared import SERVICE_LABELS

# After Resolved, while it is not known: a Prometheus that went down with the rest comes back.
LOOKS_AFTER: Final = (timedelta(0), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6))
_SLOTH: Final = '{{__name__=~"slo:(sli_error:ratio_rate[0-9]+[mh]|error_budget:ratio|time_period:days)",{}="{}"}}'
_PYRRA: Final = '{{__name__=~".+:burnrate[0-9]+[mh]|pyrra_objective|pyrra_window",{}="{}"}}'
_BETTER: Final = (BudgetState.UNKNOWN, BudgetState.AT_LEAST, BudgetState.KNOWN)
_MESSAGE_MAX: Final = 300


def look_at_budgets(draft: Draft) -> None:
    """While it goes on, how fast they burn; once it is resolved, what it cost."""
    measure_burn(draft)
    charge_budget(draft)


def charge_budget(draft: Draft) -> None:
    """Ask when a look is due and nothing else goes on; what went is put on the record."""
    if not _due(draft) or draft.questions or not _is_calm(draft):
        return
    start, end = _lasted(draft)
    span = sampled(start, end)
    if span is None:
        _keep(draft, [], f"it has no length: {instant(start)} to {instant(end)}")
        return
    named, of_service, own = _asked(draft, span, start)
    asked = [*named, *of_service, *own]
    if draft.ask(*asked):
        return
    namespace = draft.incident.metadata.namespace
    found = {c.slo: c for c in charges(_answers(draft, of_service), span, namespace)}
    found |= {c.slo: c for c in charges(_answers(draft, named), span, None)}
    rest = [c for a in _answers(draft, own) for c in left(a, namespace, _service(draft), SERVICE_LABELS)]
    known = any(c.used is not None for c in found.values())
    _keep(draft, [*found.values(), *([] if known else rest)], _why_nothing(draft, asked))


def is_awaited(draft: Draft) -> bool:
    """Is the first answer still to come, so that a draft that waits for one look would have it?"""
    return _due(draft) and _nothing_begins(draft) and _mine(draft) is None


def worst_used(record: BudgetRecord | None) -> BudgetCharge | None:
    """The dearest that is known, also where it may have been more."""
    return next((c for c in (record.charges if record else None) or () if c.used is not None), None)


def in_words(record: BudgetRecord) -> str:
    """`31.4 % of the 30-day budget of checkout-availability`; empty when nothing is known."""
    return "; ".join(_words(c) for c in record.charges or () if c.used is not None)


def _words(c: BudgetCharge) -> str:
    most = "at least " if c.state is BudgetState.AT_LEAST else ""
    period = f"{c.period / timedelta(days=1):g}-day " if c.period else ""
    return f"{most}{c.used} % of the {period}budget of {c.slo}"


# --- when ------------------------------------------------------------------------------------------------------------


def _due(draft: Draft) -> bool:
    times = draft.status.times
    if times is None or times.resolved is None or times.cancelled or times.closed or draft.incident.spec.drill:
        return False
    if not draft.catalog.policy.prometheus_url or not (objectives(draft) or _service(draft)):
        return False
    mine = _mine(draft)
    if mine is not None and mine.state is BudgetState.KNOWN:
        return False
    dues = [times.resolved + after for after in LOOKS_AFTER]
    if ahead := [t for t in dues if t > draft.now]:
        draft.wake(min(ahead))
    passed = max((t for t in dues if t <= draft.now), default=None)
    return passed is not None and (mine is None or mine.asked_time < passed)


def _is_calm(draft: Draft) -> bool:
    return _nothing_begins(draft) and not draft.stores


def _nothing_begins(draft: Draft) -> bool:
    return not begun(draft.incident.status, draft.status) and not draft.commands


def _lasted(draft: Draft) -> tuple[datetime, datetime]:
    times = draft.status.times
    assert times is not None
    assert times.resolved is not None
    return times.started or times.detected or draft.incident.declared, times.resolved


def _mine(draft: Draft) -> BudgetRecord | None:
    """What was asked of this very span; resolved once more, or begun earlier than was thought, it is another one."""
    known = draft.status.error_budget
    return known if known is not None and (known.from_time, known.to_time) == _lasted(draft) else None


# --- what ------------------------------------------------------------------------------------------------------------


def _service(draft: Draft) -> str:
    """What may stand in quotes in a query as it is; a service of another name is not looked up."""
    said = draft.incident.spec.service or ""
    return said if NAME.fullmatch(said) else ""


Asked = tuple[list[MetricRange], list[MetricRange], list[MetricRange]]


def _asked(draft: Draft, span: Span, start: datetime) -> Asked:
    """By objective, by service, and what was left by the platform's own query."""
    policy, service = draft.catalog.policy, _service(draft)

    def over(text: str) -> MetricRange:
        url, secret = policy.prometheus_url, policy.prometheus_secret
        return MetricRange(url, text, span.first, span.end, span.step, PATIENT, secret)

    named = [over(f.format(by, slo)) for slo in objectives(draft) for f, by in ((_SLOTH, "sloth_id"), (_PYRRA, "slo"))]
    if not service:
        return named, [], []
    of_service = [over(_SLOTH.format("sloth_service", service)), over(_PYRRA.format("service", service))]
    if policy.budget_query == DEFAULT.budget_query:
        # What Sloth says is left follows from the ratios above, and less exactly.
        return named, of_service, []
    two = MetricRange(
        policy.prometheus_url, policy.budget_query, start, span.end, span.end - start, PATIENT, policy.prometheus_secret
    )
    return named, of_service, [two]


def _answers(draft: Draft, asked: list[MetricRange]) -> list[dict[str, object]]:
    return [a.value for q in asked if isinstance(a := draft.seen.get(q), Found)]


def _why_nothing(draft: Draft, asked: list[MetricRange]) -> str:
    failed = [a.message for q in asked if isinstance(a := draft.seen.get(q), Failed)]
    if failed:
        return f"Prometheus did not say: {failed[0]}"
    of = ", ".join([*objectives(draft), *([f"service {_service(draft)}"] if _service(draft) else [])])
    return f"Prometheus has no series of Sloth or Pyrra of {of}"


# --- the record ------------------------------------------------------------------------------------------------------


def _keep(draft: Draft, found: list[BudgetCharge], why: str) -> None:
    """What was known already of this very span is not made less by a look that knows less."""
    (start, end), mine = _lasted(draft), _mine(draft)
    kept = tuple(dearest_first(found)[:CHARGES_MAX]) or None
    state = kept[0].state if kept else BudgetState.UNKNOWN
    record = BudgetRecord(
        state=state,
        asked_time=draft.now,
        from_time=start,
        to_time=end,
        charges=kept,
        message=shorten(why, _MESSAGE_MAX) if kept is None else None,
        looks=(mine.looks if mine else 0) + 1,
    )
    if mine is not None and _BETTER.index(state) <= _BETTER.index(mine.state):
        draft.set(error_budget=mine.model_copy(update={"asked_time": draft.now, "looks": record.looks}))
        return
    draft.set(error_budget=record)
    words = in_words(record)
    lacks = next((c.message for c in kept or () if c.message), None) or record.message
    text = f"It cost {words}" if words else f"What it cost the error budget is not known: {lacks}"
    draft.say(EventKind.BUDGET_CHARGED, f"{text} ({lacks})" if words and lacks else text, event=True)
