"""
The times that tell how it went are set here alone, each with who or what set it; what it was before stays (issue 8, part 1).

A time that nobody can be asked about is argued over afterwards, and one that was put right in silence is believed by nobody.
"""

from datetime import datetime
from typing import Final

from stanch.api.incident_status import Times
from stanch.api.stamps import BEFORE_MAX, Setting, Stamped, StampRecord
from stanch.core.draft import Draft

RECOVERY: Final = "Recovery"
OVERRIDE: Final = "Override"
ALERTS: Final = "Alerts"
WORD: Final = "Word"


def stamp(
    draft: Draft, what: Stamped, time: datetime | None, by: str, source: str, said: datetime | None = None
) -> None:
    """
    Set one of status.times. ``said`` is when, now when left out; ``time`` is None when it is not so any more.

    The same value again changes nothing: who set it first is who is asked.
    """
    times = draft.status.times or Times()
    if getattr(times, what.value) == time:
        return
    draft.set(times=times.model_copy(update={what.value: time}))
    known = stamp_of(draft, what)
    if known is not None:
        # Each is written once, when its end is known; this is another end.
        draft.set(durations=None)
    before = (*(known.before or ()), _setting(known))[-BEFORE_MAX:] if known is not None else None
    record = StampRecord(what=what, time=time, by=by, source=source, set_time=said or draft.now, before=before)
    others = (r for r in draft.status.stamps or () if r.what is not what)
    draft.set(stamps=tuple(sorted((*others, record), key=lambda r: list(Stamped).index(r.what))))


def stamp_of(draft: Draft, what: Stamped) -> StampRecord | None:
    """Who set it; None while nobody has, and of an incident that is older than these records."""
    return next((r for r in draft.status.stamps or () if r.what is what), None)


def first_set(draft: Draft, what: Stamped) -> datetime | None:
    """When it was first said to be so, since it last was not; None when nobody knows."""
    known = stamp_of(draft, what)
    if known is None:
        return None
    first = known.set_time
    for before in reversed(known.before or ()):
        if before.time is None:
            break
        first = before.set_time
    return first


def open_again(draft: Draft, when: datetime, by: str, source: str) -> None:
    """It is not over after all: what said that it was is history."""
    stamp(draft, Stamped.RESOLVED, None, by, source, when)
    stamp(draft, Stamped.MITIGATED, None, by, source, when)
    assert draft.status.times is not None
    draft.set(times=draft.status.times.model_copy(update={"reopened": when}))


def _setting(known: StampRecord) -> Setting:
    return Setting(time=known.time, by=known.by, source=known.source, set_time=known.set_time)
