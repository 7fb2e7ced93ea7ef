"""A time that was another than the record says: put right by a person, with a reason, and the wrong one stays to be read."""

from datetime import datetime
from typing import Final

from stanch.api.meta import instant
from stanch.api.names import EventKind
from stanch.api.said import Correct
from stanch.api.stamps import Stamped
from stanch.api.timeline_entry import TimelineEntry
from stanch.core.draft import Draft
from stanch.core.stamps import first_set, stamp
from stanch.core.statements import Refused, is_closed, is_no_person, leads_or_nobody, say_entry, source_of
from stanch.core.story import not_then, put_impact

# What says when it was over decides what is learned, and how long it may be reopened.
_ENDS: Final = (Stamped.MITIGATED, Stamped.RESOLVED)


def correct(draft: Draft, entry: TimelineEntry) -> Refused:
    """Any responder says when it began and was noticed; when it was over is for the commander to say."""
    said = entry.spec.correct
    assert said is not None
    if refused := is_closed(draft) or is_no_person(draft, entry) or _wrong(draft, entry, said):
        return refused
    if said.what in _ENDS and (refused := leads_or_nobody(draft, entry, f"when it was {said.what.value}")):
        return refused
    known = _known(draft, said.what)
    if said.what is Stamped.STARTED:
        # The impact says the same, and must not say another.
        put_impact(draft, {"started_time": said.time}, source_of(entry), entry.said, entry.author)
    stamp(draft, said.what, said.time, entry.author, source_of(entry), entry.said)
    was = f"not {instant(known)}" if known else "it was not known"
    say_entry(draft, entry, EventKind.TIME_CORRECTED, f"{said.what.value} at {instant(said.time)}, {was}", event=True)
    return None


def _known(draft: Draft, what: Stamped) -> datetime | None:
    known: datetime | None = getattr(draft.status.times, what.value)
    return known


def _wrong(draft: Draft, entry: TimelineEntry, said: Correct) -> Refused:
    """Why it can't have been then."""
    known, at = _known(draft, said.what), instant(said.time)
    if known is None and said.what is not Stamped.STARTED:
        return f"correct.what: it was not {said.what.value} yet, so there is nothing to correct"
    if known == said.time:
        return f"correct.time: {said.what.value} is {at} already"
    if refused := not_then(said.time, entry.said):
        return f"correct.time {refused}"
    if said.what is Stamped.DECLARED and said.time > draft.incident.declared:
        return f"correct.time: it was declared by {instant(draft.incident.declared)}, when the Incident was created (got {at})"
    return _out_of_order(draft, said)


def _out_of_order(draft: Draft, said: Correct) -> Refused:
    """
    Harm ends after it began, recovery holds after that, and nothing was said to be so before it was: what is put off would begin
    the time for reopening, for the postmortem and for its reminders anew. A negative span would be a finding, not a fact.
    """
    times = draft.status.times
    assert times is not None
    began = times.started or times.detected
    earlier = {Stamped.MITIGATED: (began, times.reopened), Stamped.RESOLVED: (times.mitigated or began, times.reopened)}
    after = max((t for t in earlier.get(said.what, ()) if t is not None), default=None)
    later = {
        Stamped.STARTED: (times.detected, times.mitigated),
        Stamped.DETECTED: (times.declared, times.mitigated),
        Stamped.MITIGATED: (times.resolved, first_set(draft, said.what)),
    }
    until = min((t for t in later.get(said.what, (first_set(draft, said.what),)) if t is not None), default=None)
    if said.what is Stamped.ACKNOWLEDGED:
        after = draft.incident.declared
    if after is not None and said.time < after:
        return f"correct.time: {said.what.value} can't be before {instant(after)} (got {instant(said.time)})"
    if until is not None and said.time > until:
        return f"correct.time: {said.what.value} can't be after {instant(until)} (got {instant(said.time)})"
    return None
