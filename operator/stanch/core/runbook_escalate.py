"""Whom the Runbook says to call when it goes on: said once, when it is due and still hurts. stanch calls nobody itself."""

from stanch.api import duration
from stanch.api.names import ConditionType, EventKind
from stanch.api.runbook_record import EscalationRecord
from stanch.core.conditions import is_true
from stanch.core.contacts import reach
from stanch.core.draft import Draft


def escalate(draft: Draft) -> None:
    """Say what is due; what is not wakes us. Once harm is over nobody is called, and again when it is back."""
    frozen, times = draft.status.runbook, draft.status.times
    if frozen is None or not frozen.escalate or frozen.frozen_time is None or times is None:
        return
    if times.resolved or times.cancelled or times.closed or is_true(draft.status, ConditionType.MITIGATED):
        return
    said: list[EscalationRecord] = []
    for each in frozen.escalate:
        if each.said_time is None and each.due_time <= draft.now:
            after = duration.write(each.due_time - frozen.frozen_time)
            text = f"call {reach(draft.catalog.policy, each.to)}: it still hurts {after} after Runbook {frozen.name} was planned"
            draft.say(EventKind.ESCALATED, text, event=True, warning=True)
            said.append(each.model_copy(update={"said_time": draft.now}))
            continue
        if each.said_time is None:
            draft.wake(each.due_time)
        said.append(each)
    draft.set(runbook=frozen.model_copy(update={"escalate": tuple(said)}))
