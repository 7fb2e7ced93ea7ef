"""What people say about taking something back: noted only of who may do it, and never in the place of another's word."""

from stanch.api.incident_status import MitigationRecord, UndoAsked, UndoClass
from stanch.api.names import EventKind, Reason
from stanch.api.timeline_entry import TimelineEntry
from stanch.core.attempts import open_attempt, standing
from stanch.core.draft import Draft
from stanch.core.observations import Failed
from stanch.core.rights import may, rights
from stanch.core.shared_nodes import lets_go, relies_on_it
from stanch.core.statements import LATER, NOBODY_VOUCHED, Refused, say_entry


def ask_undo(draft: Draft, entry: TimelineEntry) -> Refused:
    """Note who wants it back; returns why it can't be wanted."""
    said = entry.spec.undo
    assert said is not None
    record = draft.record(said.mitigation)
    if record is None:
        names = ", ".join(r.name for r in draft.records) or "none"
        return f"there is no mitigation {said.mitigation}; there are: {names}"
    if refused := _never(draft, entry, record) or _has_no_right(draft, entry, record) or _is_asked(entry, record):
        return refused
    if relies_on_it(record):
        say_entry(draft, entry, EventKind.NOTE, f"Does not need {record.name} any more")
        lets_go(draft, record, entry.author)
        return None
    asked = UndoAsked(by=entry.author, entry=entry.metadata.name, time=entry.said, force=said.force or None)
    draft.put(record.model_copy(update={"undo_asked": asked}))
    how = ", by force if others wrote there since" if said.force else ""
    draft.say(
        EventKind.NOTE,
        f"Asks to undo {record.name}{how}",
        by=entry.author,
        time=entry.said,
        entry=entry.metadata.name,
    )
    return None


def _never(draft: Draft, entry: TimelineEntry, record: MitigationRecord) -> Refused:
    """Why it can't be taken back by us, now or later."""
    if entry.spec.author is None:
        return NOBODY_VOUCHED
    if draft.status.times is not None and draft.status.times.closed:
        return "the incident is closed; status.mitigations[].breakGlass has the lines to do it by hand"
    if standing(record) is None and not _is_about_to_act(record) and not relies_on_it(record):
        return f"{record.name} is {record.state.value}: there is nothing of ours to take back"
    if draft.catalog.mitigations[record.action].undo_class is UndoClass.NONE:
        return f"{record.action} can't be undone: what it did is done ({record.plan or record.action})"
    if entry.spec.undo and entry.spec.undo.force and not entry.spec.text:
        return "undo.force needs a text: why it is right to overwrite what others wrote since"
    return None


def _is_about_to_act(record: MitigationRecord) -> bool:
    attempt = open_attempt(record)
    return attempt is not None and not attempt.undoes


def _has_no_right(draft: Draft, entry: TimelineEntry, record: MitigationRecord) -> Refused:
    """Asked before anything heeds the wish: it ends what is under way, and keeps a chosen revert from coming."""
    aim, author = draft.aim(record), entry.spec.author
    if aim is None or author is None:
        return None
    needs = draft.catalog.mitigations[record.action].needs.get(aim.kind, ())
    if draft.ask(*(right for _, right in rights(aim, author, needs))):
        return LATER
    refusal = may(draft, record, aim, author, needs)
    if refusal is None:
        return None
    answers = (draft.seen.get(right) for _, right in rights(aim, author, needs))
    # What will not be answered either way is refused: waited for, it would hold up all that is said after it.
    return LATER if any(isinstance(a, Failed) and a.passing for a in answers) else refusal.message


def _is_asked(entry: TimelineEntry, record: MitigationRecord) -> Refused:
    """The first who asked is heard; another only when nobody can tell whether the first one may."""
    asked = record.undo_asked
    # One without an entry was chosen beforehand, and waits: who is there now may see to it.
    if asked is None or asked.entry is None or asked.by == entry.author or record.reason == Reason.AUTHORITY_UNPROVEN:
        return None
    waits = f" ({record.message})" if record.message else ""
    return f"{asked.by} asked to undo {record.name} already, and that stands{waits}"
