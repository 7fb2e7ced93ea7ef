"""Laws about what people are promised and told; core/invariants.py holds them all, and says how they are checked."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from stanch.api.communications_status import CommunicationsRecord, NextUpdate, ToldUpdate
from stanch.api.incident import Incident
from stanch.api.incident_status import IncidentStatus, Times
from stanch.api.names import EventKind
from stanch.api.outbox_status import DeliveryState, Message
from stanch.api.people_status import NudgeRecord
from stanch.api.said import Audience
from stanch.api.stamps import BEFORE_MAX, Stamped, StampRecord
from stanch.core.plan_type import Plan

# As often as a SEV1 that nobody leads is told (decisions 2.5).
SAID_MAX: Final = 5
NUDGES: Final = frozenset(
    {
        EventKind.ROLE_MISSING,
        EventKind.ROLES_COMBINED,
        EventKind.SPLIT_ROLES,
        EventKind.SEVERITY_UNSAID,
        EventKind.SEVERITY_DOUBTED,
        EventKind.MITIGATE_FIRST,
        EventKind.STILL_CONTAINED,
        EventKind.DECISION_DUE,
        EventKind.NOTHING_WRITTEN,
        EventKind.HANDOFF_WAITING,
        EventKind.HANDOFF_DUE,
    }
)
_NONE = CommunicationsRecord()


def law_32_a_promise_is_kept_or_missed_and_never_dropped(incident: Incident, plan: Plan) -> bool:
    """A due time moves on by a word that was said, or by a miss that is on the record; what people were told, by nothing else."""
    before, after = incident.status.communications or _NONE, plan.status.communications or _NONE
    times, missed = plan.status.times, after.missed - before.missed
    said = [x for x in plan.status.timeline if x.seq > incident.status.last_seq and x.kind == EventKind.UPDATE_MISSED]
    if not len(said) <= missed:
        return False
    if times is None or times.cancelled or times.closed:
        return True
    heard = {t.audience for t in _told(after) if t not in _told(before)}
    now = _promises(after)
    return all(
        was.audience in heard
        or _no_later(now.get(was.audience), was)
        or (missed > 0 and _counts_more(now.get(was.audience), was))
        or (not was.promised and (_asked_otherwise(incident.status, plan, was) or _off_the_page(incident, was)))
        for was in _promises(before).values()
    )


def law_33_a_reminder_is_said_when_its_time_has_come_and_once(incident: Incident, plan: Plan) -> bool:
    """A reminder that repeats is noise, and noise is muted: each line is one that was counted, and few are."""
    before = {(n.kind, n.about): n for n in incident.status.nudges or ()}
    said = [x.kind for x in plan.status.timeline if x.seq > incident.status.last_seq and x.kind in NUDGES]
    counted = [n.kind for n in plan.status.nudges or () if n.said > _so_far(before.get((n.kind, n.about)), n)]
    few = all(n.said <= SAID_MAX for n in plan.status.nudges or ())
    return sorted(said) == sorted(counted) and few and _updates_reminded_of_once(incident, plan)


def _updates_reminded_of_once(incident: Incident, plan: Plan) -> bool:
    times = plan.status.times
    if times is None or times.cancelled or times.closed:
        return True  # Who was told that more would come is spoken of at the end, once.
    before, after = _promises(incident.status.communications or _NONE), _promises(plan.status.communications or _NONE)
    known = {(p.audience, p.due_time) for p in before.values() if p.reminded}
    fresh = [p for p in after.values() if p.reminded and (p.audience, p.due_time) not in known]
    said = [x for x in plan.status.timeline if x.seq > incident.status.last_seq and x.kind == EventKind.UPDATE_DUE]
    return len(said) == len(fresh) and not any(p.missed for p in fresh)


def _so_far(before: NudgeRecord | None, now: NudgeRecord) -> int:
    return before.said if before is not None and before.since_time == now.since_time else 0


def _promises(record: CommunicationsRecord) -> Mapping[Audience, NextUpdate]:
    return {p.audience: p for p in record.next_updates or ()}


def _told(record: CommunicationsRecord) -> tuple[ToldUpdate, ...]:
    return record.told or ()


def _no_later(now: NextUpdate | None, was: NextUpdate) -> bool:
    return now is not None and now.due_time <= was.due_time


def _counts_more(now: NextUpdate | None, was: NextUpdate) -> bool:
    return now is None or now.missed > was.missed


def _asked_otherwise(before: IncidentStatus, plan: Plan, was: NextUpdate) -> bool:
    """Is another severity in force than the cadence asked it for, another stage, impact or policy?"""
    after = plan.status
    level = after.severity.level if after.severity else was.level
    rule = plan.policy.cadence.get(level)
    sized = level is not was.level or _sized_at(before) != _sized_at(after)
    changed = sized or before.impact != after.impact or _reached(before) != _reached(after)
    return changed or rule is None or rule.every(was.audience) is None


def _off_the_page(incident: Incident, was: NextUpdate) -> bool:
    """The spec says that users are not told."""
    talk = incident.spec.communications
    return was.audience is Audience.PUBLIC and talk is not None and talk.status_page is False


def _sized_at(status: IncidentStatus) -> datetime | None:
    return status.severity.since_time if status.severity else None


def _reached(status: IncidentStatus) -> tuple[bool, bool]:
    times = status.times
    return (times is not None and times.mitigated is not None, times is not None and times.resolved is not None)


def law_39_a_time_is_set_by_somebody_and_what_it_was_stays(incident: Incident, plan: Plan) -> bool:
    """Times are argued over afterwards: none changes without a name beside it, and none is put right in silence."""
    before, after = _stamps(incident.status), _stamps(plan.status)
    was, now = incident.status.times or Times(), plan.status.times or Times()
    changed = {what for what in Stamped if getattr(was, what.value) != getattr(now, what.value)}
    named = changed <= after.keys() and all(r.time == getattr(now, what.value) for what, r in after.items())
    return named and all(what in after and _all_kept(known, after[what]) for what, known in before.items())


def _stamps(status: IncidentStatus) -> Mapping[Stamped, StampRecord]:
    return {r.what: r for r in status.stamps or ()}


def _all_kept(was: StampRecord, now: StampRecord) -> bool:
    """All of its values, in order; of more than there is room for the oldest went."""
    old, new = _values(was), _values(now)
    kept = max(k for k in range(min(len(old), len(new)) + 1) if new[:k] == old[len(old) - k :])
    return kept == len(old) or len(new) == BEFORE_MAX + 1


def _values(record: StampRecord) -> list[tuple[datetime | None, str, str, datetime]]:
    return [(v.time, v.by, v.source, v.set_time) for v in (*(record.before or ()), record)]


def law_34_nothing_is_sent_that_was_not_written_down_first(incident: Incident, plan: Plan) -> bool:
    """A crash can't make us forget whom we told; what is given up is told; each thing is told once to each."""
    before, after = _outbox(incident.status), _outbox(plan.status)
    listed = plan.status.communications.outbox or () if plan.status.communications else ()
    ended = {k for k, m in after.items() if m.state is not DeliveryState.PENDING}
    if len(listed) != len(after) or not ended <= before.keys():
        return False
    return all(
        k in after and m.tries <= after[k].tries
        if m.state is DeliveryState.PENDING
        else k not in after or after[k] == m
        for k, m in before.items()
    )


def _outbox(status: IncidentStatus) -> dict[str, Message]:
    return {m.key: m for m in (status.communications.outbox if status.communications else None) or ()}
