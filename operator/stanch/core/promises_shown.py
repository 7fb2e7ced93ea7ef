"""
What is shown of promised updates, and who is reminded of one before it is due (decisions 2.10, ADR 58).

After core/promises.py has followed them up to now. A reminder is a line: so the channel of those who work on it hears of it while
there is time to write, and not when it was missed.
"""

from datetime import datetime, timedelta
from typing import Final

from stanch.api.communications_status import NextUpdate
from stanch.api.meta import instant
from stanch.api.names import ConditionType, EventKind, Reason
from stanch.core.conditions import drop, put
from stanch.core.draft import Draft
from stanch.core.promises import promise_to, put_promise
from stanch.core.statements import COMMANDER, holder
from stanch.core.update_drafts import draft_updates

# Of the time between two updates, and no more than this before it is over.
AHEAD_SHARE: Final = 5
AHEAD_MAX: Final = timedelta(minutes=10)


def show_promises(draft: Draft) -> None:
    """Remind of what is nearly due, say what is overdue and what is next, and propose the words."""
    times = draft.status.times
    if times is None:
        return
    if not (times.cancelled or times.closed):
        _remind(draft)
    _show(draft)
    draft_updates(draft)


def reminded_at(promise: NextUpdate) -> datetime:
    """
    When whoever writes it is reminded: before it is due, for a minute after that it is missed.

    A fifth of the time there is, ten minutes at most: three of a SEV1's fifteen, one of the public's first five.
    """
    ahead = min(AHEAD_MAX, (promise.due_time - promise.since_time) / AHEAD_SHARE)
    return (promise.due_time - ahead).replace(microsecond=0)


def _remind(draft: Draft) -> None:
    """A line, once and in time. While nobody answers, what was missed is told, and no more beside that."""
    for promise in _promises(draft):
        if promise.reminded or promise.missed or draft.now < reminded_at(promise):
            continue
        was = promise_to(draft.incident.status, promise.audience)
        put_promise(draft, promise.audience, promise.model_copy(update={"reminded": True}))
        if was is not None and was.reminded and was.due_time == promise.due_time:
            continue  # What else changed since, that one has been said.
        who = holder(draft, "communications") or holder(draft, COMMANDER)
        whose = f"{who}, it is yours" if who else "nobody has communications: write a take entry"
        text = (
            f"{promise.audience.value}: the next update is due at {instant(promise.due_time)}; {whose}. "
            "status.communications.drafts has words; say them in an update entry"
        )
        draft.say(EventKind.UPDATE_DUE, text, event=True, warning=True)


def _promises(draft: Draft) -> tuple[NextUpdate, ...]:
    known = draft.status.communications
    return (known.next_updates if known else None) or ()


def _show(draft: Draft) -> None:
    promises, policy = _promises(draft), draft.catalog.policy
    late = [p for p in promises if p.missed or draft.now >= p.due_time]
    for promise in promises:
        over = promise.due_time + policy.update_grace + policy.update_seen_within + timedelta(seconds=1)
        ahead = (t for t in (reminded_at(promise), promise.due_time) if t > draft.now)
        draft.wake(next(ahead, over))
    if late:
        put(draft, ConditionType.UPDATE_OVERDUE, "True", Reason.PROMISE_PASSED, "; ".join(_overdue(p) for p in late))
    else:
        drop(draft, ConditionType.UPDATE_OVERDUE)
    first = min(promises, key=lambda p: p.due_time, default=None)
    draft.set(next_update=_cell(first, bool(late)) if first is not None else None)


def _overdue(promise: NextUpdate) -> str:
    if promise.missed:
        more = f"{promise.missed} in a row were" if promise.missed > 1 else "one was"
        return f"{promise.audience.value}: {more} missed; say something now, at {instant(promise.due_time)} the next is due"
    return f"{promise.audience.value}: due since {instant(promise.due_time)}"


def _cell(promise: NextUpdate, late: bool) -> str:
    """`14:35Z`, with the day where it is not within the next hours, and whether somebody waits already."""
    far = promise.due_time - promise.since_time >= timedelta(hours=12)
    return (f"{promise.due_time:%a %H:%MZ}" if far else f"{promise.due_time:%H:%MZ}") + (" late" if late else "")
