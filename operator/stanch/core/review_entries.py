"""What people say about learning from it: a postmortem is asked for, signed off, or waived."""

from typing import Any

from stanch.api.names import EventKind
from stanch.api.people_status import SignOffRecord
from stanch.api.postmortem_record import PostmortemRecord
from stanch.api.timeline_entry import TimelineEntry
from stanch.core.closing import postmortem_of
from stanch.core.draft import Draft, shorten
from stanch.core.observations import Failed, Found
from stanch.core.postmortem_text import text_digest
from stanch.core.statements import LATER, Refused, is_closed, is_no_person, needs_command, say_entry

ASKED_MAX = 4
SIGN_OFFS_MAX = 8
REASONS_MAX = 12


def ask_postmortem(draft: Draft, entry: TimelineEntry) -> Refused:
    """Any person may ask for a full one, before and after it was decided."""
    asked, record = draft.status.postmortem_asked or (), draft.status.postmortem
    if refused := is_closed(draft) or is_no_person(draft, entry):
        return refused
    if draft.incident.spec.drill:
        return "a drill has no postmortem"
    if record is not None and record.waived:
        return f"the postmortem is waived by {record.waived}"
    if entry.author in asked:
        return f"{entry.author} asked for it already"
    draft.set(postmortem_asked=(*asked, entry.author)[:ASKED_MAX])
    if record is not None:
        draft.set(postmortem=required(record, entry.author))
    say_entry(draft, entry, EventKind.POSTMORTEM_ASKED, "Asks for a full postmortem", event=True)
    return None


def required(record: PostmortemRecord, by: str) -> PostmortemRecord:
    """The decision, once somebody asked for a full one."""
    reasons = (record.reasons or ()) if record.decision == "Required" else ()
    told = (*reasons, shorten(f"asked by {by}", 300))[:REASONS_MAX]
    return record.model_copy(update={"decision": "Required", "reasons": told})


def sign_off(draft: Draft, entry: TimelineEntry) -> Refused:
    """By somebody who did not write it; of the text as it is now, so its digest is kept."""
    if refused := is_closed(draft) or is_no_person(draft, entry):
        return refused
    text, record = _text(draft), draft.status.postmortem
    if isinstance(text, str):
        return text
    assert record is not None
    if entry.author in (text["spec"].get("authors") or ()):
        return f"{entry.author} is an author of it: another person signs it off"
    signed, generation = record.sign_offs or (), int(text["metadata"].get("generation") or 0)
    digest = text_digest(text["spec"])
    if any(s.by == entry.author and s.digest == digest for s in signed):
        return f"{entry.author} signed this text off already"
    others = tuple(s for s in signed if s.by != entry.author)
    mine = SignOffRecord(
        by=entry.author, time=entry.said, entry=entry.metadata.name, generation=generation, digest=digest
    )
    draft.set(postmortem=record.model_copy(update={"sign_offs": (*others, mine)[-SIGN_OFFS_MAX:]}))
    say_entry(draft, entry, EventKind.POSTMORTEM_SIGNED, f"Signs Postmortem {record.name} off", event=True)
    return None


def _text(draft: Draft) -> dict[str, Any] | str:
    """The Postmortem as it is now, or why nobody can sign it off."""
    record = draft.status.postmortem
    if record is None or record.drafted_time is None:
        return "there is no postmortem yet: it is drafted when the incident is resolved"
    answer = draft.answer(postmortem_of(draft))
    if answer is None:
        return LATER
    if isinstance(answer, Failed):
        # What may be answered in a moment is waited for; what was refused would hold up all that is said after it.
        return LATER if answer.passing else f"Postmortem {record.name} can't be read: {answer.message}"
    return answer.value if isinstance(answer, Found) else f"there is no Postmortem {record.name}"


def waive(draft: Draft, entry: TimelineEntry) -> Refused:
    """No postmortem will be written; the record says by whose word."""
    record = draft.status.postmortem
    if record is None:
        return "what to learn is decided when it is resolved"
    if record.waived:
        return "it is waived already"
    why = "waiving needs the verb command on incidents"
    if refused := is_no_person(draft, entry) or needs_command(draft, entry, why):
        return refused
    by = f"{entry.author}: {shorten(entry.spec.text or '', 200)}"
    draft.set(postmortem=record.model_copy(update={"waived": by}))
    say_entry(draft, entry, EventKind.NOTE, "Waives the postmortem", event=True)
    return None
