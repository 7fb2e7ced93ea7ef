"""
What whoever takes over must know, put together from the record: what hurts, what was tried, what is thought, what waits.

Nobody writes well at the end of a shift. The draft is there all the time; the person who hands over checks it and says it.
"""

from collections.abc import Iterable
from typing import Final

from stanch.api.hypothesis import HypothesisState
from stanch.api.incident_status import MitigationRecord, WishState
from stanch.api.meta import instant
from stanch.api.names import ConditionType
from stanch.api.people_status import HandoffDraft
from stanch.core.conditions import find, is_true
from stanch.core.debts import owed
from stanch.core.draft import Draft, shorten
from stanch.core.statements import holder

_TOLD_MAX: Final = 600
_STATES: Final = (HypothesisState.LEADING, HypothesisState.OPEN, HypothesisState.CONFIRMED, HypothesisState.REJECTED)
_PENDING: Final = (WishState.WAITING, WishState.HELD, WishState.RUNNING)


def draft_handoff(draft: Draft) -> None:
    """As the record stands; gone once it is over."""
    times = draft.status.times
    if times is None or times.cancelled or times.closed:
        draft.set(handoff_draft=None)
        return
    known = draft.status.communications
    promises = (known.next_updates if known else None) or ()
    draft.set(
        handoff_draft=HandoffDraft(
            impact=_listed([_impact(draft)]),
            tried=_listed(_tried(draft)) or "nothing was tried yet",
            hypotheses=_listed(_hypotheses(draft)) or "nobody has written one down",
            next=_listed(_next(draft)) or "nothing waits: find out what hurts, and try what is reversible",
            next_update_time=min((p.due_time for p in promises), default=None),
        )
    )


def _listed(parts: Iterable[str]) -> str:
    return shorten("; ".join(parts), _TOLD_MAX)


def _impact(draft: Draft) -> str:
    impact = draft.status.impact.value if draft.status.impact else None
    told = impact.summary if impact and impact.summary else draft.incident.spec.title
    share = f", {impact.users_percent} % of users" if impact and impact.users_percent is not None else ""
    phase = next(
        (word for kind, word in ((ConditionType.MITIGATED, "mitigated"), (ConditionType.CONTAINED, "contained"))
         if is_true(draft.status, kind)),
        "it still hurts",
    )  # fmt: skip
    began = draft.status.times.started or draft.status.times.detected if draft.status.times else None
    since = f" since {instant(began)}" if began else ""
    return f"{draft.severity.value}, {phase}: {shorten(told, 300)}{share}{since}"


def _tried(draft: Draft) -> list[str]:
    return [_outcome(r) for r in draft.records if r.attempts]


def _outcome(record: MitigationRecord) -> str:
    effect = f", {record.effect.value}" if record.effect else ""
    return f"{record.name} ({record.action} on {record.target}): {record.state.value}{effect}"


def _hypotheses(draft: Draft) -> list[str]:
    """What leads first, what was rejected last: that is looked into twice when nobody says it."""
    known = draft.status.hypotheses or ()
    return [
        f"{state.value}: {', '.join(shorten(h.statement, 120) for h in known if h.state is state)}"
        for state in _STATES
        if any(h.state is state for h in known)
    ]


def _next(draft: Draft) -> list[str]:
    pending = [r for r in draft.records if r.state in _PENDING]
    said = [f"{r.name} is {r.state.value}{f': {shorten(r.message, 120)}' if r.message else ''}" for r in pending[:3]]
    if is_true(draft.status, ConditionType.TIME_BOX_OVER):
        found = find(draft.status, ConditionType.TIME_BOX_OVER)
        said.append(f"decide: {shorten(found.message if found else '', 160)}")
    said += [f"{h.role} is offered to {h.to} and not accepted" for h in draft.status.handoffs or ()]
    said += [f"owed by {d.owner}: {d.name}, until {instant(d.due_time)}" for d in owed(draft)[:3]]
    resolved = find(draft.status, ConditionType.RESOLVED)
    if is_true(draft.status, ConditionType.MITIGATED) and resolved is not None:
        said.append(shorten(resolved.message, 160))
    known = draft.status.communications
    for promise in (known.next_updates if known else None) or ():
        late = f" ({promise.missed} missed)" if promise.missed else ""
        said.append(f"{promise.audience.value} update due {instant(promise.due_time)}{late}")
    if holder(draft, "commander") is None:
        said.append("nobody is commander")
    return said
