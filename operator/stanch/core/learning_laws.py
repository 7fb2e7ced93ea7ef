"""Laws about what is to be learned from an incident; core/invariants.py holds them all, and says how they are checked."""

from typing import Final

from stanch.api.incident import Incident
from stanch.api.names import EventKind
from stanch.core.further_text import next_name
from stanch.core.plan_type import Plan

_CHASED: Final = (EventKind.POSTMORTEM_OVERDUE, EventKind.POSTMORTEM_REMINDED)
_DATES: Final = ((EventKind.POSTMORTEM_REVIEW_DUE, "review_asked"), (EventKind.POSTMORTEM_PUBLISH_DUE, "publish_asked"))


def law_35_what_is_to_be_learned_never_becomes_less(incident: Incident, plan: Plan) -> bool:
    """
    A full postmortem stays one, a draft stays drafted unless another text of the incident follows it, and only a person's word
    with a reason waives it.
    """
    before, after = incident.status.postmortem, plan.status.postmortem
    if before is None:
        return after is None or not after.waived
    if after is None or (before.decision == "Required" and after.decision != "Required"):
        return False
    if before.name is not None and after.name == next_name(incident.metadata, before.name):
        return before.drafted_time is not None and after.drafted_time is None and after.waived == before.waived
    kept = before.drafted_time is None or after.drafted_time == before.drafted_time
    name, colon, why = (after.waived or "").partition(": ")
    return kept and after.name == before.name and (after.waived == before.waived or bool(name and colon and why))


def law_36_a_postmortem_is_spoken_of_once_a_period_and_not_for_ever(incident: Incident, plan: Plan) -> bool:
    """Overdue is said once for a due time, each reminder has its own, and after the last there is silence."""
    before, after = incident.status.postmortem, plan.status.postmortem
    new = [x for x in plan.status.timeline if x.seq > incident.status.last_seq]
    for kind, asked in _DATES:
        times = sum(x.kind == kind for x in new)
        if times > 1 or (times and (not getattr(after, asked, None) or getattr(before, asked, None))):
            return False
    said = [x for x in new if x.kind in _CHASED]
    if not said:
        return True
    if len(said) > 1 or before is None or after is None or before.remind_time is None:
        return False
    late = said[0].kind == EventKind.POSTMORTEM_OVERDUE
    on_time = before.remind_time <= said[0].time and (after.remind_time is None or after.remind_time > said[0].time)
    again = late and before.overdue and before.due_time == after.due_time
    few = after.reminders <= plan.policy.postmortem_reminders_max and after.reminders == before.reminders + 1
    return on_time and few and not again


def law_37_a_debt_moves_to_an_item_by_a_word(incident: Incident, plan: Plan) -> bool:
    """An item that was only drafted takes nothing over: the incident would close in silence, and nobody would have said so."""
    return all(d.action_item is None or d.item_owner is not None for d in plan.status.debt or ())
