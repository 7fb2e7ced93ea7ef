"""
What is owed until it is taken back: owner, inverse, due time. Expiry asks and reminds; it never undoes on its own.

Every time is counted from the record, so a restart neither forgets a reminder nor says it twice.
"""

from datetime import datetime

from stanch.api.incident_status import Attempt, Debt, MitigationRecord, WishState
from stanch.api.meta import Severity, instant
from stanch.api.names import EventKind, Reason
from stanch.api.wish import Revert
from stanch.core.attempts import standing
from stanch.core.draft import Draft
from stanch.core.foretold import with_what_it_brings
from stanch.core.git_ops import HOLD
from stanch.core.lifted_last import waits_in_vain
from stanch.core.reverts import chosen

DEBTS_MAX = 16
# With sixteen debts the status must still be small; a longer line is in breakGlass.
UNDO_LINE_MAX = 400
ESCALATED = (Severity.SEV1, Severity.SEV2)


def keep_debts(draft: Draft) -> None:
    """Temporary state is owed until it is taken back; said when it is due, and then on a cadence."""
    debts = [
        _known(draft, record, attempt) or _debt(draft, record, attempt, what) for record, attempt, what in owing(draft)
    ]
    _keep_what_may_come_back(draft)
    # Those that were told of already are never what falls off the end.
    debts.sort(key=lambda d: d not in (draft.status.debt or ()))
    debts = [_speak(draft, with_what_it_brings(draft, d)) for d in debts[:DEBTS_MAX]]
    if tuple(debts) != (draft.status.debt or ()):
        draft.set(debt=tuple(debts) or None)


def owing(draft: Draft) -> list[tuple[MitigationRecord, Attempt, str]]:
    """Effects in force that somebody must take back, and what each of them is; whether or not they are on the record."""
    found = []
    for record in draft.records if not draft.incident.spec.drill else ():
        attempt, mitigation, aim = standing(record), draft.catalog.mitigations[record.action], draft.aim(record)
        if attempt is None or aim is None or mitigation.debt is None or attempt.applied_time is None:
            continue
        if (record.contest is not None and record.contest.gone) or record.state is WishState.UNDONE:
            continue  # Somebody has taken all of it back.
        if what := mitigation.owes(record.asked.action[1], aim):
            found.append((record, attempt, what))
    return found


def _known(draft: Draft, record: MitigationRecord, attempt: Attempt) -> Debt | None:
    """The debt as it stands on the record, or stood before somebody took it back for a while."""
    before = record.contest.owed if record.contest is not None else None
    debt = next((d for d in (*(draft.status.debt or ()), before) if d is not None and d.attempt == attempt.id), None)
    if debt is None or debt.revert == Revert.ASK.value:
        return debt
    # Not taken back by itself after all, for that would do harm: it, or what has to go back before it.
    first = waits_in_vain(draft, record)
    if first is None and record.reason != Reason.UNDO_WOULD_HURT:
        return debt
    if first is not None:
        text = f"{record.name}: not lifted by itself, for {first.name} has to go back before it, and does not: {first.message}"
        draft.say(EventKind.UNDO_REFUSED, text, event=True, warning=True)
    return debt.model_copy(update={"revert": Revert.ASK.value})


def _keep_what_may_come_back(draft: Draft) -> None:
    """Who was reminded of it, and whose ActionItem has it, is not forgotten while it is gone."""
    for record in draft.records:
        debt = draft.debt(record.name)
        if debt is not None and record.contest is not None and record.contest.gone and record.contest.owed != debt:
            draft.put(record.model_copy(update={"contest": record.contest.model_copy(update={"owed": debt})}))


def _debt(draft: Draft, record: MitigationRecord, attempt: Attempt, what: str) -> Debt:
    ttl = record.asked.ttl or draft.catalog.mitigations[record.action].debt
    assert attempt.applied_time is not None
    assert ttl is not None
    due = attempt.applied_time + ttl
    line = next(iter(record.break_glass or ()), "")
    return Debt(
        name=record.name,
        attempt=attempt.id,
        what=what[:900],
        undo=line if 0 < len(line) <= UNDO_LINE_MAX else None,
        owner=record.requested_by or "somebody",
        since_time=attempt.applied_time,
        due_time=due,
        revert=chosen(record).value,
        remind_time=_first(draft, record.action, attempt.applied_time, due),
    )


def _first(draft: Draft, action: str, since: datetime, due: datetime) -> datetime:
    """A hold is spoken of before it is due: what is changed in Git is lost on it, and nobody sees that."""
    return min(due, since + draft.catalog.policy.debt_remind_hold_every) if action == HOLD else due


def owed(draft: Draft) -> tuple[Debt, ...]:
    """What is neither undone nor moved to an ActionItem."""
    return tuple(d for d in draft.status.debt or () if d.action_item is None)


def due_later(draft: Draft, debt: Debt, due: datetime) -> Debt:
    """The debt with another due time: a period of its own, in which it is spoken of anew."""
    record = draft.record(debt.name)
    changes = {
        "due_time": due,
        "overdue": None,
        "reminders": 0,
        "remind_time": _first(draft, record.action if record else "", draft.now, due),
    }
    return debt.model_copy(update=changes)


def spoken_of_at(debt: Debt) -> datetime | None:
    """When it is spoken of next; None when it is no more. A record of before there were reminders has no such time."""
    if debt.action_item is not None:
        return None
    return debt.remind_time or (None if debt.reminders else debt.due_time)


def _speak(draft: Draft, debt: Debt) -> Debt:
    """Say what is due now, once; and when it is spoken of next."""
    at = spoken_of_at(debt)
    if at is None:
        return debt
    if draft.now < at:
        draft.wake(at)
        return debt
    late = draft.now >= debt.due_time
    first = late and not debt.overdue
    spoken = debt.reminders + 1
    following = _next(draft, debt) if spoken < draft.catalog.policy.debt_reminders_max else None
    severe = draft.severity in ESCALATED and at == debt.due_time + draft.catalog.policy.debt_escalate_after
    again = EventKind.DEBT_ESCALATED if severe else EventKind.DEBT_REMINDED
    text = f"{debt.name}: {_words(draft, debt, late)}"
    if following is None:
        text = f"{text}. This is the last reminder; an extend entry starts anew"
    draft.say(EventKind.DEBT_DUE if first else again, text, event=True, warning=late)
    if following is not None:
        draft.wake(following)
    return debt.model_copy(update={"overdue": True if late else None, "reminders": spoken, "remind_time": following})


def _next(draft: Draft, debt: Debt) -> datetime:
    """The next step of the cadence that lies ahead: what was missed while nobody looked is not said afterwards."""
    policy, record = draft.catalog.policy, draft.record(debt.name)
    every = policy.debt_remind_hold_every if record and record.action == HOLD else policy.debt_remind_every
    if draft.now < debt.due_time:
        return min(debt.due_time, draft.now + every)
    escalated = debt.due_time + policy.debt_escalate_after
    if draft.severity in ESCALATED and draft.now < escalated:
        return escalated
    steps = (draft.now - debt.due_time) // every + 1
    return debt.due_time + steps * every


def _words(draft: Draft, debt: Debt, late: bool) -> str:
    commander = next((r.user for r in draft.status.roles or () if r.role == "commander"), None)
    escalate = draft.now >= debt.due_time + draft.catalog.policy.debt_escalate_after
    to = f"; {commander}, you command" if commander and escalate and draft.severity in ESCALATED else ""
    if not late:
        return f"{debt.owner} owes until {instant(debt.due_time)}: {debt.what}{_how(debt)}"
    if debt.revert == Revert.ON_EXPIRY.value and not debt.overdue:
        return f"due at {instant(debt.due_time)}, and to be taken back by itself, for revert: OnExpiry was chosen: {debt.what}"
    return f"{debt.owner} owes since {instant(debt.due_time)}{to}: {debt.what}{_how(debt)}"


def _how(debt: Debt) -> str:
    line = f", or {debt.undo}" if debt.undo else ""
    return f". Undo it with an undo entry{line}; or write an extend or a defer entry"
