"""Gaps in which something was known or asked for, and waited: for an approval, or for somebody to do it."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from stanch.api.incident_status import MitigationRecord, TimelineLine
from stanch.api.names import EventKind
from stanch.api.postmortem_status import Gap, GapPart
from stanch.core.gaps.record import MINUTE, Record, Sort, clock, span, too_long

APPROVAL: Final = 3 * MINUTE
KNOWN_TO_DONE: Final = 10 * MINUTE
_LEADS: Final = ("Leading", "Confirmed")
# How waiting ends without an approval, and the words that follow the mitigation's name in that line.
_OTHERWISE: Final = (
    (EventKind.MITIGATION_DENIED, "was denied"),
    (EventKind.MITIGATION_EXPIRED, "expired without one"),
    (EventKind.MITIGATION_WITHDRAWN, "was withdrawn without one"),
    (EventKind.MITIGATION_SKIPPED, "was skipped without one"),
)


def acted(r: Record) -> list[TimelineLine]:
    """What was done, by stanch or by hand."""
    notes = [x for x in r.of(EventKind.NOTE) if x.text.startswith("Action: ")]
    return sorted((*r.of(EventKind.MITIGATION_APPLIED), *notes), key=lambda x: (x.time, x.seq))


def approvals(r: Record) -> Iterator[Gap]:
    """From when a plan was shown until enough people had agreed to that very plan, or it was over otherwise."""
    for each in r.status.mitigations or ():
        asked = each.approvals.asked_time if each.approvals else None
        if each.approvals is None or asked is None or not each.approvals.needed:
            continue
        until, how, line = _answered(r, each, asked)
        if until is not None:
            shown = next((x for x in _of(r, each, EventKind.APPROVAL_NEEDED) if x.time >= asked), None)
            seqs = ", ".join(str(x.seq) for x in (shown, line) if x is not None)
            link = f"timeline {seqs}" if seqs else f"status.mitigations {each.name}"
            sort = Sort("ApprovalWaited", GapPart.RESPONSE)
            yield from too_long(sort, f"{each.name} waited for approval{how}", asked, until, APPROVAL, link)


def _answered(r: Record, each: MitigationRecord, asked: datetime) -> tuple[datetime | None, str, TimelineLine | None]:
    """When waiting ended, how, and the line that says so; None while it goes on."""
    assert each.approvals is not None
    given = [a for a in each.approvals.by or () if each.digest is None or a.digest == each.digest]
    if len(given) >= each.approvals.needed:
        last = given[each.approvals.needed - 1]
        return last.time, "", next((x for x in r.lines if x.entry == last.entry), None)
    for kind, words in _OTHERWISE:
        line = next((x for x in _of(r, each, kind) if x.time >= asked), None)
        if line is not None:
            return line.time, f", and {words}", line
    return r.times.resolved, ", and never got it", None


def _of(r: Record, each: MitigationRecord, kind: str) -> list[TimelineLine]:
    """`roll-back: …`, `roll-back denied`."""
    return [x for x in r.of(kind) if x.text.startswith((f"{each.name}:", f"{each.name} "))]


def known_to_done(r: Record) -> Iterator[Gap]:
    """
    From when a hypothesis led to the next thing that was done while it did; and what it waited for meanwhile.

    One that was given up, or made way for another, before anything was done was not what people waited for.
    """
    changes, done = r.of(EventKind.HYPOTHESIS_CHANGED), acted(r)
    leading: str | None = None
    for at, line in enumerate(changes):
        name, leads = _leads(line)
        if not leads:
            leading = None if name == leading else leading
            continue
        if name == leading:
            continue  # Said again; it was known since the first time.
        leading = name
        ends = next((x.time for x in changes[at + 1 :] if _leads(x)[1] is (_leads(x)[0] != name)), None)
        next_done = next((x for x in done if x.time > line.time), None)
        if next_done is not None and (ends is None or next_done.time <= ends):
            yield from _too_late(r, name, line, next_done)


def _leads(line: TimelineLine) -> tuple[str, bool]:
    name, _, rest = line.text.partition(" ")
    return name, rest.startswith(_LEADS)


def _too_late(r: Record, name: str, line: TimelineLine, done: TimelineLine) -> Iterator[Gap]:
    waits = [
        min(g.to_time, done.time) - max(g.from_time, line.time)
        for g in approvals(r)
        if g.from_time and g.to_time and g.from_time < done.time and g.to_time > line.time
    ]
    reason = f"; of these {span(max(waits))} waiting for approval" if waits else ""
    what = f"Known at {clock(line.time)} ({name}), done at {clock(done.time)}"
    link = f"timeline {line.seq}, {done.seq}"
    yield from too_long(Sort("KnownNotDone", GapPart.RESPONSE), what, line.time, done.time, KNOWN_TO_DONE, link, reason)
