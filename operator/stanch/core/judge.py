"""What an effect did for users, and what it leaves to be taken back."""

from datetime import datetime

from stanch.api.incident_status import Attempt, AttemptState, CriterionState, Debt, Effect, MitigationRecord, WishState
from stanch.api.names import EventKind
from stanch.api.wish import Revert
from stanch.core.attempts import standing
from stanch.core.conditions import is_true
from stanch.core.draft import Draft
from stanch.core.git_ops import HOLD

LANDED = (AttemptState.VERIFIED, AttemptState.FAILED)


def judge_effects(draft: Draft) -> None:
    """Helped when a criterion that gates Mitigated came to pass in its time; else NoEffect; no data is Unknown."""
    for record in draft.records:
        attempt = standing(record)
        if record.effect is not None or attempt is None or attempt.state not in LANDED or record.action == HOLD:
            continue
        effect = _effect(draft, record, attempt)
        if effect is None:
            continue
        draft.put(record.model_copy(update={"effect": effect}))
        draft.say(EventKind.MITIGATION_JUDGED, f"{record.name}: {_words(effect)}")


def _effect(draft: Draft, record: MitigationRecord, attempt: Attempt) -> Effect | None:
    assert attempt.applied_time is not None
    if record.contest is not None and not record.contest.stands:
        return Effect.UNKNOWN  # What helps now may be what somebody else wrote.
    ends = attempt.applied_time + (record.asked.time_box or draft.catalog.policy.time_box)
    criteria = draft.status.recovery.criteria if draft.status.recovery else ()
    gating = [c for c in criteria if c.gates == "Mitigated"]
    if gating and all(c.state is CriterionState.PASSING for c in gating) and is_true(draft.status, "Mitigated"):
        return Effect.HELPED
    if draft.now < ends:
        draft.wake(ends)
        return None
    if not gating or any(c.state is CriterionState.UNKNOWN for c in gating):
        return Effect.UNKNOWN
    return Effect.HELPED if all(c.state is CriterionState.PASSING for c in gating) else Effect.NO_EFFECT


def _words(effect: Effect) -> str:
    return {
        Effect.HELPED: "it helped",
        Effect.NO_EFFECT: "no effect within its time",
        Effect.WORSE: "it made things worse",
        Effect.UNKNOWN: "nobody can say whether it helped",
    }[effect]


def keep_debts(draft: Draft) -> None:
    """Temporary state is owed until it is taken back: owner, inverse, due time; said once when it is due."""
    debts = []
    for record in draft.records if not draft.incident.spec.drill else ():
        attempt, mitigation = standing(record), draft.catalog.mitigations[record.action]
        aim = draft.aim(record)
        if attempt is None or aim is None or mitigation.debt is None or attempt.applied_time is None:
            continue
        if record.contest is not None and record.contest.gone:
            continue  # Somebody has taken all of it back.
        what = mitigation.owes(record.asked.action[1], aim)
        if not what or record.state is WishState.UNDONE:
            continue
        known = next((d for d in draft.status.debt or () if d.attempt == attempt.id), None)
        debts.append(
            known or _debt(record, attempt, what, attempt.applied_time + (record.asked.ttl or mitigation.debt))
        )
    debts = [_due(draft, d) for d in debts[:16]]
    if tuple(debts) != (draft.status.debt or ()):
        draft.set(debt=tuple(debts) or None)


def _debt(record: MitigationRecord, attempt: Attempt, what: str, due: datetime) -> Debt:
    assert attempt.applied_time is not None
    return Debt(
        name=record.name,
        attempt=attempt.id,
        what=what[:900],
        owner=record.requested_by or "somebody",
        since_time=attempt.applied_time,
        due_time=due,
        revert=(record.asked.revert or Revert.ASK).value,
    )


def _due(draft: Draft, debt: Debt) -> Debt:
    if debt.overdue:
        return debt
    if draft.now < debt.due_time:
        draft.wake(debt.due_time)
        return debt
    draft.say(EventKind.DEBT_DUE, f"{debt.owner} owes: {debt.what}", event=True, warning=True)
    return debt.model_copy(update={"overdue": True})
