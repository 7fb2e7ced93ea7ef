"""
A postmortem that is not written is spoken of: at half time, when it is due, and then on a cadence, never for ever.

That a full one was not talked over in time, and that one is not published in time, is said once each (decisions 2.11).
"""

from datetime import datetime
from typing import Any

from stanch.api.meta import instant
from stanch.api.names import EventKind
from stanch.api.postmortem_record import PostmortemRecord
from stanch.core.closing import learned, postmortem_of
from stanch.core.draft import Draft
from stanch.core.observations import Found
from stanch.core.postmortem_gate import REQUIRED
from stanch.core.spec_fold import declarer


def chase(draft: Draft) -> None:
    """Say what is due now, once; and note when it is spoken of next. What is written, waived or closed is spoken of no more."""
    record, times = draft.status.postmortem, draft.status.times
    if record is None or times is None or times.resolved is None or times.closed or record.drafted_time is None:
        return
    if learned(draft) is not None:
        return
    record = _speak_of_dates(draft, record)
    again = record.remind_time
    if again is not None and draft.now >= again:
        record = _speak(draft, record)
    elif again is not None:
        draft.wake(again)
    if record != draft.status.postmortem:
        draft.set(postmortem=record)


def first_reminder(draft: Draft, due: datetime) -> datetime:
    """Half way: what is written the day after is written while people remember."""
    return draft.now + (due - draft.now) / 2


def _speak(draft: Draft, record: PostmortemRecord) -> PostmortemRecord:
    late = record.due_time is not None and draft.now >= record.due_time
    first = late and not record.overdue
    spoken = record.reminders + 1
    following = _next(draft, record) if spoken < draft.catalog.policy.postmortem_reminders_max else None
    text = _words(draft, record, late)
    if following is None:
        text = f"{text}. This is the last reminder"
    draft.say(
        EventKind.POSTMORTEM_OVERDUE if first else EventKind.POSTMORTEM_REMINDED,
        text,
        entry=record.name,
        event=True,
        warning=late,
    )
    if following is not None:
        draft.wake(following)
    return record.model_copy(
        update={"reminders": spoken, "remind_time": following, "overdue": True if late else record.overdue}
    )


def _next(draft: Draft, record: PostmortemRecord) -> datetime:
    """The next step that lies ahead: what was missed while nobody looked is not said afterwards."""
    due = record.due_time or draft.now
    if draft.now < due:
        return due
    every = draft.catalog.policy.postmortem_remind_every
    return due + ((draft.now - due) // every + 1) * every


def _words(draft: Draft, record: PostmortemRecord, late: bool) -> str:
    when = f"{'was due' if late else 'is due'} {instant(record.due_time)}" if record.due_time else "is due"
    short = " (a short review)" if record.decision == "Short" else ""
    return f"{_who(draft)}: Postmortem {record.name}{short} {when} and is not published; write it, or waive it with a reason"


def _who(draft: Draft) -> str:
    return next((r.user for r in draft.status.roles or () if r.role == "commander"), None) or declarer(draft)


# --- the meeting, and publishing -------------------------------------------------------------------------------------


def _speak_of_dates(draft: Draft, record: PostmortemRecord) -> PostmortemRecord:
    if (
        not record.review_asked
        and (problem := _not_reviewed(draft, record))
        and _has_come(draft, record.review_due_time)
    ):
        text = f"{_who(draft)}: Postmortem {record.name} was to be talked over by {problem}; write the meeting into spec.review"
        draft.say(EventKind.POSTMORTEM_REVIEW_DUE, text, entry=record.name, event=True, warning=True)
        record = record.model_copy(update={"review_asked": True})
    if not record.publish_asked and record.publish_due_time and _has_come(draft, record.publish_due_time):
        when = instant(record.publish_due_time)
        text = f"{_who(draft)}: Postmortem {record.name} was to be published by {when}; publish it, or waive it with a reason"
        draft.say(EventKind.POSTMORTEM_PUBLISH_DUE, text, entry=record.name, event=True, warning=True)
        record = record.model_copy(update={"publish_asked": True})
    return record


def _has_come(draft: Draft, due: datetime | None) -> bool:
    if due is not None and draft.now < due:
        draft.wake(due)
    return due is not None and draft.now >= due


def _not_reviewed(draft: Draft, record: PostmortemRecord) -> str:
    """By when it was to be, and what is so instead; empty for a short review, and where a meeting is planned in time."""
    due, answer = record.review_due_time, draft.seen.get(postmortem_of(draft))
    if record.decision != REQUIRED or due is None or not isinstance(answer, Found):
        return ""
    planned = review_time(answer.value["spec"])
    if planned is None:
        return f"{instant(due)}, and no meeting is planned"
    return f"{instant(due)}, and the meeting is {instant(planned)}" if planned > due else ""


def review_time(spec: dict[str, Any]) -> datetime | None:
    """When it is talked over, as its text says; None when it says nothing that is an instant."""
    said = (spec.get("review") or {}).get("time")
    try:
        return datetime.fromisoformat(str(said)) if said else None
    except ValueError:
        return None
