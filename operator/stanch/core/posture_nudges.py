"""
What the commander is reminded of by the posture alone (decisions 2.3, "who is nudged"): contained is not mitigated, and resolved
is not done. Who is missing, and what nobody said, is core/nudges.py's.
"""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from stanch.api.meta import Severity, instant
from stanch.api.names import ConditionType, EventKind
from stanch.core.closing import learned
from stanch.core.conditions import find
from stanch.core.debts import owed
from stanch.core.draft import Draft, shorten
from stanch.core.nudge_type import Nudge
from stanch.core.postmortem_gate import SHORT
from stanch.core.statements import COMMANDER, holder

_H: Final = timedelta(hours=1)
# Not at once: who turned it off knows that. By the clock of updates afterwards, which tell users the same.
_CONTAINED: Final = (timedelta(minutes=10), timedelta(minutes=30), _H, 2 * _H, 4 * _H)
_URGENT: Final = (Severity.SEV1, Severity.SEV2)
_NAMED: Final = 3


def still_contained(draft: Draft) -> Iterator[Nudge]:
    """No error is counted where nothing serves: it looks like success, and is an outage by our own hand."""
    known = find(draft.status, ConditionType.CONTAINED)
    if known is None:
        return
    at = _CONTAINED if draft.severity in _URGENT else (_H,)
    commander = holder(draft, COMMANDER)
    whose = f"{commander}, you command: " if commander else "nobody leads, so whoever reads this: "
    text = (
        f"{whose}{shorten(known.message, 160)}, since {instant(known.last_transition_time)}. It is contained, not mitigated: "
        "what brings it back?"
    )
    yield Nudge(EventKind.STILL_CONTAINED, known.last_transition_time, at, text)


def decisions_left(draft: Draft) -> Iterator[Nudge]:
    """While those who know are still there: what is owed, and what is to be learned. Once more at the time it could have closed."""
    record, times = draft.status.postmortem, draft.status.times
    if record is None or record.drafted_time is None or times is None or times.resolved is None:
        return
    debts, commander = owed(draft), holder(draft, COMMANDER)
    left = [f"{d.name}, owed by {shorten(d.owner, 60)} until {instant(d.due_time)}" for d in debts[:_NAMED]]
    if len(debts) > _NAMED:
        left.append(f"{len(debts) - _NAMED} more debts")
    if learned(draft) is None:
        full = ", ask for a full one," if record.decision == SHORT else ""
        size = "a short review" if record.decision == SHORT else "a full one"
        left.append(f"Postmortem {shorten(record.name or '', 60)} ({size}): write it{full} or waive it with a reason")
    # What is to be written is chased by its own dates (core/chase.py); without anybody to decide, debts are what is left.
    if not left or not (commander or debts):
        return
    at = (timedelta(), draft.catalog.policy.reopen_within) if debts else (timedelta(),)
    whose = f"{commander}, you command" if commander else "nobody led it"
    text = f"{whose}; it is resolved, and to be decided: {'; '.join(left)}"
    yield Nudge(EventKind.DECISION_DUE, times.resolved, at, text)
