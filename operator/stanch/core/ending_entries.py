"""What people say about the end of it: a criterion holds, it is over, it is not, it never was one."""

from stanch.api.incident_status import MitigationRecord, WishState
from stanch.api.names import EventKind
from stanch.api.recovery_status import CriterionRecord, RecoveryRecord
from stanch.api.timeline_entry import TimelineEntry
from stanch.core.attempts import in_force, open_attempt
from stanch.core.draft import Draft, shorten
from stanch.core.recovery import count_anew
from stanch.core.spec_fold import declarer
from stanch.core.stamps import open_again
from stanch.core.statements import (
    Refused,
    is_closed,
    is_no_person,
    leads_or_nobody,
    needs_command,
    say_entry,
    source_of,
)


def resolve(draft: Draft, entry: TimelineEntry) -> Refused:
    """Over once the criteria have held; with override at once, which is a finding."""
    assert entry.spec.resolve is not None
    assert draft.status.times is not None
    if draft.status.times.resolved:
        return "it is resolved already"
    if refused := is_no_person(draft, entry):
        return refused
    if not entry.spec.resolve.override:
        if refused := leads_or_nobody(draft, entry, "that it is over"):
            return refused
        draft.set(resolve_said=entry.said, resolve_said_by=entry.author)
        say_entry(draft, entry, EventKind.NOTE, "Says it is over; resolved once the criteria have held")
        return None
    if refused := needs_command(draft, entry, "overriding needs the verb command on incidents"):
        return refused
    draft.set(
        override=f"{entry.author}: {shorten(entry.spec.text or '', 200)}",
        resolve_said=entry.said,
        resolve_said_by=entry.author,
    )
    say_entry(draft, entry, EventKind.NOTE, "Resolved by override", event=True)
    return None


def reopen(draft: Draft, entry: TimelineEntry) -> Refused:
    """Not over: within hours of when it was resolved; what passed before counts no more."""
    times = draft.status.times
    assert times is not None
    if times.closed or times.cancelled:
        return "it is closed; declare a new one under a new name"
    if times.resolved is None:
        return "it is not resolved"
    if entry.said - times.resolved > draft.catalog.policy.reopen_within:
        return "it was resolved too long ago; declare a new one"
    if refused := is_no_person(draft, entry) or leads_or_nobody(draft, entry, "that it is not over"):
        return refused
    open_again(draft, entry.said, entry.author, source_of(entry))
    draft.set(resolve_said=None, override=None, recovery=count_anew(draft))
    say_entry(draft, entry, EventKind.REOPENED, "Reopened", event=True)
    return None


def cancel(draft: Draft, entry: TimelineEntry) -> Refused:
    """It was none; nothing of ours may be in force."""
    times = draft.status.times
    assert times is not None
    assert entry.spec.cancel is not None
    if times.closed or times.cancelled:
        return "it is closed already"
    if times.resolved:
        return "it is resolved: its record stands; reopen it if that was wrong"
    if entry.spec.cancel.duplicate_of == draft.incident.metadata.name:
        return "cancel.duplicateOf names this very incident"
    if entry.author != declarer(draft):
        why = "only who declared it, or the verb command on incidents, may cancel it"
        if refused := needs_command(draft, entry, why):
            return refused
    if held := [r.name for r in draft.records if open_attempt(r) or (in_force(r) and not _is_let_go(draft, r))]:
        return f"mitigation {', '.join(held)} is in force; undo or defer it first, or resolve instead"
    because = entry.spec.cancel.because.value if entry.spec.cancel.because else "FalseAlarm"
    draft.set(times=times.model_copy(update={"cancelled": entry.said}))
    for record in draft.records:
        if record.state in (WishState.WAITING, WishState.HELD):
            draft.put(record.model_copy(update={"state": WishState.WITHDRAWN, "message": "The incident was cancelled"}))
    say_entry(draft, entry, EventKind.CANCELLED, f"Cancelled: {because}", event=True)
    return None


def _is_let_go(draft: Draft, record: MitigationRecord) -> bool:
    """Is nothing of it left here: taken back by hand, an ActionItem's, or overwritten and never to be taken back?"""
    debt = draft.debt(record.name)
    if debt is not None and debt.action_item is not None:
        return True
    contest = record.contest
    return contest is not None and (bool(contest.gone) or (debt is None and not contest.stands))


def confirm(draft: Draft, entry: TimelineEntry) -> Refused:
    """A person's word for one manual criterion; what can be measured is never confirmed by a word."""
    said, recovery = entry.spec.confirm, draft.status.recovery
    assert said is not None
    if refused := is_closed(draft) or is_no_person(draft, entry):
        return refused
    if draft.status.times is not None and draft.status.times.resolved:
        return "it is resolved already"
    found = _manual(recovery, said.criterion)
    if not isinstance(found, CriterionRecord):
        return found
    if found.confirmed_time is not None:
        return f"{found.name} is confirmed already, by {found.confirmed_by}"
    assert recovery is not None
    told = found.model_copy(update={"confirmed_by": entry.author, "confirmed_time": entry.said})
    criteria = tuple(told if c.name == found.name else c for c in recovery.criteria)
    draft.set(recovery=recovery.model_copy(update={"criteria": criteria}))
    say_entry(draft, entry, EventKind.CRITERION_CONFIRMED, f"{found.name} holds", event=True)
    return None


def _manual(recovery: RecoveryRecord | None, name: str | None) -> CriterionRecord | str:
    """The manual criterion that is meant, or why there is none."""
    criteria = recovery.criteria if recovery else ()
    manual = [c for c in criteria if c.check == "manual"]
    listed = ", ".join(c.name for c in manual) or "none"
    if name is None:
        return manual[0] if len(manual) == 1 else f"it must name the criterion; manual ones are: {listed}"
    found = next((c for c in criteria if c.name == name), None)
    if found is None:
        return f"there is no criterion {name}; manual ones are: {listed}"
    if found.check != "manual":
        return f"{name} is measured ({found.check}), and no word makes it pass; manual ones are: {listed}"
    return found
