"""Gaps between people: promises, the public, hats, hand-offs, silence."""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise, zip_longest
from typing import Final

from stanch.api.incident_status import TimelineLine
from stanch.api.meta import Severity
from stanch.api.names import EventKind
from stanch.api.postmortem_status import Gap, GapPart
from stanch.api.said import Role, UpdateState
from stanch.core.gaps.hats import Worn, offered, worn
from stanch.core.gaps.record import MINUTE, Record, Sort, between, clock, gap_of, span, too_long

# Who is never asked for a public word, or to lead: what is business hours (decisions 2.5, 2.10).
_URGENT: Final = (Severity.SEV1, Severity.SEV2)


def updates(r: Record) -> Iterator[Gap]:
    """Promised and not sent in time: the line that says so, and the update that came after it."""
    for line in r.of(EventKind.UPDATE_MISSED):
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
    """By when users are owed a first word, as the policy has it: from detection, or since it was that severe."""
    impact, rule = (r.status.impact.value if r.status.impact else None), r.policy.cadence.get(r.worst)
    limit, since = rule.public_first if rule else None, r.times.detected
    if impact is None or not impact.user_visible or limit is None or since is None or r.worst not in _URGENT:
        return
    since = max(since, r.worst_since or since)
    sort = Sort("PublicSilence", GapPart.COMMUNICATION)
    first = next((x for x in r.of(EventKind.UPDATE_PUBLISHED) if x.text.startswith("public")), None)
    if first is not None:
        yield from too_long(
            sort, "Detected to the first word to the public", since, first.time, limit, f"timeline {first.seq}"
        )
    elif r.over is None or r.over - since > limit:
        text = (
            f"Users saw it, and the public was told nothing: the page said fine while it was not (since {clock(since)})"
        )
        yield gap_of(sort, text, "status.impact.userVisible", limit=limit, from_time=since, to_time=r.over, count=0)


def too_soon(r: Record) -> Iterator[Gap]:
    """The public was told that it is resolved, and it was not: from then until it was, or they were told again."""
    kinds = (EventKind.UPDATE_PUBLISHED, EventKind.RESOLVED, EventKind.REOPENED)
    lines = [x for x in r.of(*kinds) if x.kind != EventKind.UPDATE_PUBLISHED or x.text.startswith("public")]
    over = False
    for line, following in zip_longest(lines, lines[1:]):
        if line.kind != EventKind.UPDATE_PUBLISHED:
            over = line.kind == EventKind.RESOLVED
        elif not over and r.times.cancelled is None and line.text.startswith(f"public, {UpdateState.RESOLVED.value}"):
            yield from _too_soon(r, line, following.time if following else r.times.resolved)


def _too_soon(r: Record, said: TimelineLine, until: datetime | None) -> Iterator[Gap]:
    """The next look takes in what was said in the same breath; that is no gap."""
    if until is not None and until - said.time <= r.policy.update_grace:
        return
    told = f"for {span(until - said.time)} ({between(said.time, until)})" if until else f"since {clock(said.time)}"
    text = f"The public was told that it is resolved, and it was not, {told}: the page said fine while it was not"
    sort = Sort("PublicTooSoon", GapPart.COMMUNICATION)
    took = until - said.time if until else None
    yield gap_of(sort, text, f"timeline {said.seq}", took=took, from_time=said.time, to_time=until)


_SILENCE: Final = 15 * MINUTE


def roles(r: Record) -> Iterator[Gap]:
    """Hats that the policy asks for at its worst severity, since it was that severe; and hats that one person wore for long."""
    rule, since = r.policy.roles_required.get(r.worst), r.worst_since
    if rule is None or since is None:
        return
    visible = r.status.impact is not None and r.status.impact.value.user_visible
    speaks = (Role.COMMUNICATIONS,) if visible and r.worst in _URGENT else ()
    for role in dict.fromkeys(each.value for each in (*rule.roles, *speaks)):
        held = worn(r, role)
        if held:
            first = held[0]
            link = f"timeline {first.seq}" if first.seq else f"status.roles {role}"
            yield from too_long(
                Sort("RoleLate", GapPart.PEOPLE), f"Nobody was {role} at first", since, first.since, rule.within, link
            )
        elif r.over is None or r.over - since > rule.within:
            text = f"Nobody was {role}; for {r.worst.value} somebody is asked for within {span(rule.within)}"
            sort = Sort("RoleMissing", GapPart.PEOPLE)
            until = r.times.resolved
            yield gap_of(sort, text, "status.roles", limit=rule.within, from_time=since, to_time=until, count=0)
    if r.worst in _URGENT:
        yield from (gap for role in Role for w in worn(r, role.value) for gap in _held_long(r, w))


def _held_long(r: Record, w: Worn) -> Iterator[Gap]:
    until, most = w.until or r.over, r.policy.handoff_after
    if r.over is None or until is None or (until := min(until, r.over)) - w.since <= most:
        return
    text = f"One person was {w.role} for {span(until - w.since)} ({span(most)} is when a hand-off is due)"
    yield gap_of(
        Sort("RoleHeldLong", GapPart.PEOPLE),
        text,
        f"timeline {w.seq}" if w.seq else f"status.roles {w.role}",
        took=until - w.since,
        limit=most,
        from_time=w.since,
        to_time=until,
    )


def handoffs(r: Record) -> Iterator[Gap]:
    """Offered, until it was accepted, somebody else took it, or it was offered to another."""
    for each in offered(r):
        sort, record = Sort("HandoffWaited", GapPart.PEOPLE), f"timeline {each.line.seq}"
        if each.until is None:
            continue
        if each.then is None:
            what = f"{each.role} was offered and never accepted"
        else:
            record = f"{record}, {each.then.line.seq}"
            mine = each.then.user == each.to
            what = f"{each.role} was offered and not accepted" + ("" if mine else "; somebody else took it")
        yield from too_long(sort, what, each.line.time, each.until, r.policy.accept_within, record)


def silence(r: Record) -> Iterator[Gap]:
    """Of a SEV1: the longest time in which no person wrote anything while it hurt."""
    since, until = r.worst_since, r.over
    if r.worst is not Severity.SEV1 or since is None or until is None or until <= since:
        return
    said = [x for x in r.people() if since <= x.time <= until]
    marks: list[tuple[datetime, int | None]] = [(since, None), *((x.time, x.seq) for x in said), (until, None)]
    (start, before), (end, after) = max(pairwise(marks), key=lambda pair: pair[1][0] - pair[0][0])
    between = ", ".join(str(seq) for seq in (before, after) if seq is not None)
    link = f"timeline {between}" if between else "timeline"
    yield from too_long(Sort("NobodyWrote", GapPart.PEOPLE), "Nobody wrote anything down", start, end, _SILENCE, link)
