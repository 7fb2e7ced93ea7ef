"""Gaps between people: promises, the public, hats, hand-offs, silence."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final

from stanch.api.meta import Severity
from stanch.api.names import EventKind
from stanch.api.postmortem_status import Gap, GapPart
from stanch.core.gaps.record import MINUTE, Record, Sort, clock, gap_of, span, too_long

# By when the first public update is due, counted from detection (decisions 2.10).
_FIRST_PUBLIC: Final = {Severity.SEV1: 5 * MINUTE, Severity.SEV2: 15 * MINUTE}
UPDATE_MISSED: Final = "UpdateMissed"


def updates(r: Record) -> Iterator[Gap]:
    """Promised and not sent in time: the line that says so, and the update that came after it."""
    for line in r.of(UPDATE_MISSED):
        audience = line.text.partition(":")[0].strip()
        promised = _instant_in(line.text, line.time) or line.time
        sent = next(
            (x for x in r.of(EventKind.UPDATE_PUBLISHED) if x.time >= line.time and x.text.startswith(audience)), None
        )
        record = f"timeline {line.seq}"
        if sent is not None:
            text = f"Update for {audience} promised {clock(promised)}, sent {clock(sent.time)}: {span(sent.time - promised)} late"
            yield gap_of(
                Sort("UpdateLate", GapPart.COMMUNICATION),
                text,
                f"{record}, {sent.seq}",
                took=sent.time - promised,
                from_time=promised,
                to_time=sent.time,
            )
        else:
            text = f"Update for {audience} promised {clock(promised)}, never sent"
            yield gap_of(Sort("UpdateMissed", GapPart.COMMUNICATION), text, record, from_time=promised, count=1)


def _instant_in(text: str, about: datetime) -> datetime | None:
    """The instant that a line names: `2026-11-21T14:30:00Z`, or `14:30:00Z` of that day."""
    for word in text.replace(",", " ").split():
        bare = word.rstrip(".;)")
        if not bare.endswith("Z") or ":" not in bare:
            continue
        whole = bare if "T" in bare else f"{about:%Y-%m-%d}T{bare}"
        try:
            return datetime.fromisoformat(whole)
        except ValueError:
            continue
    return None


def public(r: Record) -> Iterator[Gap]:
    impact = r.status.impact.value if r.status.impact else None
    limit, since = _FIRST_PUBLIC.get(r.worst), r.times.detected
    if impact is None or not impact.user_visible or limit is None or since is None:
        return
    sort = Sort("PublicSilence", GapPart.COMMUNICATION)
    first = next((x for x in r.of(EventKind.UPDATE_PUBLISHED) if x.text.startswith("public")), None)
    if first is not None:
        yield from too_long(
            sort, "Detected to the first word to the public", since, first.time, limit, f"timeline {first.seq}"
        )
    else:
        text = (
            f"Users saw it, and the public was told nothing: the page said fine while it was not (since {clock(since)})"
        )
        yield gap_of(sort, text, "status.impact.userVisible", limit=limit, from_time=since, to_time=r.over, count=0)


_NEEDED: Final = {
    Severity.SEV1: (("commander", "operations", "communications", "scribe"), 5 * MINUTE),
    Severity.SEV2: (("commander", "operations"), 10 * MINUTE),
}
_SILENCE: Final = 15 * MINUTE
_WORN: Final = timedelta(hours=4)
_ACCEPT: Final = 10 * MINUTE


def roles(r: Record) -> Iterator[Gap]:
    roles, within = _NEEDED.get(r.worst, ((), 0 * MINUTE))
    since = r.times.declared
    if since is None:
        return
    for role in roles:
        taken = min((t for t in _held_since(r, role)), default=None)
        if taken is None:
            text = f"Nobody was {role}; for {r.worst.value} somebody is asked for within {span(within)}"
            yield gap_of(
                Sort("RoleMissing", GapPart.PEOPLE),
                text,
                "status.roles",
                limit=within,
                from_time=since,
                to_time=r.times.resolved,
                count=0,
            )
        else:
            yield from too_long(
                Sort("RoleLate", GapPart.PEOPLE), f"Nobody was {role} at first", since, taken, within, "status.roles"
            )
    for held in r.status.roles or ():
        until = r.over
        if until is not None and r.worst in _NEEDED and until - held.since_time > _WORN:
            text = f"One person was {held.role} for {span(until - held.since_time)} ({span(_WORN)} is when a hand-off is due)"
            yield gap_of(
                Sort("RoleHeldLong", GapPart.PEOPLE),
                text,
                f"status.roles {held.role}",
                took=until - held.since_time,
                limit=_WORN,
                from_time=held.since_time,
                to_time=until,
            )


def _held_since(r: Record, role: str) -> Iterator[datetime]:
    yield from (held.since_time for held in r.status.roles or () if held.role == role)
    yield from (x.time for x in r.of(EventKind.ROLE_CHANGED) if f" is {role}" in x.text)


def handoffs(r: Record) -> Iterator[Gap]:
    for line in r.of(EventKind.HANDOFF_OFFERED):
        role, _, rest = line.text.partition(" to ")
        to = rest.partition(".")[0].partition(" (")[0]
        taken = next(
            (x for x in r.of(EventKind.ROLE_CHANGED) if x.time >= line.time and x.text.startswith(f"{to} is {role}")),
            None,
        )
        sort, record = Sort("HandoffWaited", GapPart.PEOPLE), f"timeline {line.seq}"
        if taken is not None:
            yield from too_long(
                sort, f"{role} was offered and not accepted", line.time, taken.time, _ACCEPT, f"{record}, {taken.seq}"
            )
        elif r.times.resolved is not None:
            yield from too_long(
                sort, f"{role} was offered and never accepted", line.time, r.times.resolved, _ACCEPT, record
            )


def silence(r: Record) -> Iterator[Gap]:
    """Of a SEV1: the longest time in which no person wrote anything while it hurt."""
    since, until = r.times.declared, r.over
    if r.worst is not Severity.SEV1 or since is None or until is None:
        return
    said = sorted(
        x.time for x in r.lines if x.by not in _MACHINES and not x.by.startswith("system:") and since <= x.time <= until
    )
    marks = [since, *said, until]
    longest = max(pairwise(marks), key=lambda pair: pair[1] - pair[0])
    yield from too_long(
        Sort("NobodyWrote", GapPart.PEOPLE), "Nobody wrote anything down", *longest, _SILENCE, "timeline"
    )


_MACHINES: Final = frozenset({"stanch", "Alertmanager", "spec"})
