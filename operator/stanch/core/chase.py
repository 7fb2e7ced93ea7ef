"""A postmortem that is not written is spoken of: at half time, when it is due, and then on a cadence, never for ever."""

from datetime import datetime

from stanch.api.incident_status import PostmortemRecord
from stanch.api.meta import instant
from stanch.api.names import EventKind
from stanch.core.closing import learned
from stanch.core.draft import Draft
from stanch.core.spec_fold import declarer


def chase(draft: Draft) -> None:
    """Say what is due now, once; and note when it is spoken of next. What is written, waived or closed is spoken of no more."""
    record, times = draft.status.postmortem, draft.status.times
    if record is None or times is None or times.resolved is None or times.closed or record.drafted_time is None:
        return
    if learned(draft) is not None or record.remind_time is None:
        return
    if draft.now < record.remind_time:
        draft.wake(record.remind_time)
        return
    draft.set(postmortem=_speak(draft, record))


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
    who = next((r.user for r in draft.status.roles or () if r.role == "commander"), None) or declarer(draft)
    when = f"{'was due' if late else 'is due'} {instant(record.due_time)}" if record.due_time else "is due"
    short = " (a short review)" if record.decision == "Short" else ""
    return f"{who}: Postmortem {record.name}{short} {when} and is not published; write it, or waive it with a reason"
