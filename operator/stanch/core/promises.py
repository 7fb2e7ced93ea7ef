"""
An update that was promised is kept or missed, on the record, and never dropped (decisions 2.10, 1.3 nos. 45 and 46; ADR 41).

Everything is counted from instants of the record: by whom and when it is looked at changes nothing. So what happened while no
operator was there comes out as if one had been: misses first, up to each word that was said, then the word.
"""

from datetime import datetime, timedelta
from typing import Final, TypeVar

from stanch.api.communications_status import CommunicationsRecord, Moment, NextUpdate, Stage, ToldUpdate
from stanch.api.incident_status import IncidentStatus
from stanch.api.meta import Severity, instant
from stanch.api.names import EventKind
from stanch.api.said import Audience, Update, UpdateState
from stanch.api.timeline_entry import TimelineEntry
from stanch.core.draft import Draft
from stanch.core.statements import COMMANDER, holder

T = TypeVar("T", NextUpdate, ToldUpdate)
_URGENT: Final = (Severity.SEV1, Severity.SEV2)
# Where no cadence is for them: as a SEV3's.
_LAST_EVERY: Final = timedelta(days=1)
_CALM: Final = (UpdateState.MONITORING, UpdateState.RESOLVED)


def keep_promises(draft: Draft) -> None:
    """What is due, and what was missed since the last look."""
    times = draft.status.times
    if times is None:
        return
    if over := times.cancelled or times.closed:
        _end(draft, over)
    else:
        for audience in Audience:
            _follow(draft, audience, draft.now)


def hear(draft: Draft, entry: TimelineEntry, said: Update) -> None:
    """An audience was told something: what was promised before is kept or was missed by then, and this promises the next."""
    times = draft.status.times
    over = times is None or times.cancelled is not None or times.closed is not None
    if not over:
        _follow(draft, said.audience, entry.said, told_then=True)
    was = promise_to(draft.status, said.audience)
    told = ToldUpdate(audience=said.audience, time=entry.said, state=said.state, entry=entry.metadata.name)
    known = draft.status.communications or CommunicationsRecord()
    others = tuple(t for t in known.told or () if t.audience != said.audience)
    draft.set(communications=known.model_copy(update={"told": _in_order((*others, told))}))
    stage = stage_of(draft)
    every = interval(draft, draft.severity, said.audience, stage)
    following = said.next_update_in or every
    if following is None or over:
        put_promise(draft, said.audience, None)
        return
    due = entry.said + following
    if stage is Stage.RESOLVED and said.state is not UpdateState.RESOLVED:
        every = _last_every(draft, said.audience)
    promise = NextUpdate(
        audience=said.audience,
        due_time=due,
        # Promised for the same time again, it is the same that was reminded of.
        reminded=was.reminded if was is not None and was.due_time == due else None,
        moment=moment_of(draft, said.audience, stage),
        # Who hears that it is resolved waits for no more, unless a time is named.
        promised=True if said.next_update_in or said.state is not UpdateState.RESOLVED else None,
        every=every,
        level=draft.severity,
        stage=stage,
        since_time=entry.said,
    )
    put_promise(draft, said.audience, promise)


def heed(draft: Draft, at: datetime) -> None:
    """Something was said then that changes what is asked for: what was missed before it was missed under the old."""
    times = draft.status.times
    if times is not None and not (times.cancelled or times.closed):
        for audience in Audience:
            _follow(draft, audience, at, told_then=True)


# --- what is promised ------------------------------------------------------------------------------------------------


def promise_to(status: IncidentStatus, audience: Audience) -> NextUpdate | None:
    """What is promised to them now."""
    known = status.communications.next_updates if status.communications else None
    return next((p for p in known or () if p.audience is audience), None)


def told_last(status: IncidentStatus, audience: Audience) -> ToldUpdate | None:
    """What they heard last."""
    known = status.communications.told if status.communications else None
    return next((t for t in known or () if t.audience is audience), None)


def waits_to_hear(status: IncidentStatus) -> tuple[Audience, ...]:
    """Of what was cancelled: who was told of it, and not yet that it was none."""
    over = status.times.cancelled if status.times else None
    told = (told_last(status, audience) for audience in Audience) if over else ()
    return tuple(t.audience for t in told if t and over and t.time < over and t.state is not UpdateState.RESOLVED)


def interval(draft: Draft, level: Severity, audience: Audience, stage: Stage) -> timedelta | None:
    """How often they hear something; None when nobody promised that."""
    policy, rule = draft.catalog.policy, draft.catalog.policy.cadence.get(level)
    every = rule.every(audience) if rule is not None and _concerns(draft, level, audience) else None
    if every is None or stage is Stage.RESOLVED:
        return None
    if stage is Stage.OPEN:
        return every
    # Afterwards only what pages people goes on promising (decisions 2.10).
    return every * policy.after_mitigated if level in _URGENT else None


def _concerns(draft: Draft, level: Severity, audience: Audience) -> bool:
    """The public hears of what users see; a SEV1 is that until somebody says it is not. A rehearsal stays among colleagues."""
    if audience is Audience.INTERNAL or draft.incident.spec.drill:
        return audience is Audience.INTERNAL
    talk = draft.incident.spec.communications
    if audience is Audience.PUBLIC and talk is not None and talk.status_page is not None:
        return talk.status_page
    visible = draft.status.impact.value.user_visible if draft.status.impact else None
    return audience is not Audience.PUBLIC or visible is True or (visible is None and level is Severity.SEV1)


def moment_of(draft: Draft, audience: Audience, stage: Stage) -> Moment:
    """Which update is next for them, by what they heard last."""
    told = told_last(draft.status, audience)
    if stage is Stage.RESOLVED:
        return Moment.RESOLVED
    if stage is Stage.MITIGATED and (told is None or told.state not in _CALM):
        return Moment.MITIGATED
    if told is None:
        return Moment.AWARE if audience is Audience.PUBLIC else Moment.DECLARED
    return Moment.UPDATE


def stage_of(draft: Draft) -> Stage:
    """What the cadence counts for now."""
    times = draft.status.times
    if times is not None and times.resolved:
        return Stage.RESOLVED
    return Stage.MITIGATED if times is not None and times.mitigated else Stage.OPEN


# --- following it through time ---------------------------------------------------------------------------------------


def _follow(draft: Draft, audience: Audience, at: datetime, *, told_then: bool = False) -> None:
    """Up to ``at``: misses under what was in force, then what another severity or stage makes of it, then misses of that."""
    known = promise_to(draft.status, audience)
    changed = _changed_at(draft, known, audience, at)
    if changed is not None:
        known = _missed(draft, known, changed, exactly=True) if known else None
        known = _anew(draft, known, audience, changed)
    if known is not None:
        known = _missed(draft, known, at, exactly=told_then)
    if known is None and changed is None:
        # Nothing asked for another when it was missed, and now something does.
        changed = _changed_at(draft, None, audience, at)
        known = _anew(draft, None, audience, changed) if changed else None
    elif known is not None and known.stage is not Stage.RESOLVED:
        known = known.model_copy(update={"every": interval(draft, known.level, audience, known.stage)})
    put_promise(draft, audience, known)


def _changed_at(draft: Draft, known: NextUpdate | None, audience: Audience, at: datetime) -> datetime | None:
    """When what is asked for became another than what the promise was made for; None while it is the same."""
    times, stage = draft.status.times, stage_of(draft)
    assert times is not None
    wanted = interval(draft, draft.severity, audience, stage) is not None
    if known is None:
        if owed := _untold_of_the_end(draft, audience):
            return min(at, owed)
        if not wanted:
            return None
        began = (*_said_at(draft, audience), times.reopened, times.declared)
        return min(at, max((t for t in began if t is not None), default=at))
    if stage is not known.stage:
        reopened = times.reopened if known.stage is Stage.RESOLVED else None
        since = {Stage.RESOLVED: times.resolved, Stage.MITIGATED: times.mitigated, Stage.OPEN: reopened}[stage]
    elif draft.severity is not known.level or (stage is not Stage.RESOLVED and not wanted and not known.promised):
        since = max(_said_at(draft, audience), default=None)
    else:
        return None
    return max(known.since_time, min(since or at, at))


def _untold_of_the_end(draft: Draft, audience: Audience) -> datetime | None:
    """Since when users who were told of it wait to hear that it is over, whether or not anything was promised then."""
    times, told, talk = draft.status.times, told_last(draft.status, audience), draft.incident.spec.communications
    if audience is not Audience.PUBLIC or told is None or told.state is UpdateState.RESOLVED:
        return None
    if draft.incident.spec.drill or (talk is not None and talk.status_page is False):
        return None
    return max(times.resolved, told.time) if times is not None and times.resolved else None


def _said_at(draft: Draft, audience: Audience) -> tuple[datetime, ...]:
    """When what the cadence depends on was said last: the severity, and for the public whether users see it."""
    severity, impact = draft.status.severity, draft.status.impact
    said = (severity.since_time,) if severity else ()
    return (*said, impact.since_time) if impact and audience is Audience.PUBLIC else said


def _anew(draft: Draft, known: NextUpdate | None, audience: Audience, since: datetime) -> NextUpdate | None:
    """The promise from then on. What people were told is never put off by it; what only the cadence asked for begins anew."""
    stage, level = stage_of(draft), draft.severity
    due = _last_due(draft, known, audience, since) if stage is Stage.RESOLVED else _next_due(draft, audience, since)
    said = known is not None and bool(known.promised)
    if known is not None and due is None and said:
        due = known.due_time
    if due is None:
        return None
    if known is not None:
        # The last update has a time of its own; before, neither a higher severity nor good news puts anything off.
        sooner = stage is not Stage.RESOLVED and (level < known.level or stage is not known.stage)
        due = min(due, known.due_time) if said or sooner else due
    return NextUpdate(
        audience=audience,
        due_time=due,
        moment=moment_of(draft, audience, stage),
        promised=True if said else None,
        every=_last_every(draft, audience) if stage is Stage.RESOLVED else interval(draft, level, audience, stage),
        missed=known.missed if known is not None else 0,
        reminded=known.reminded if known is not None and due == known.due_time else None,
        level=level,
        stage=stage,
        since_time=since,
    )


def _next_due(draft: Draft, audience: Audience, since: datetime) -> datetime | None:
    policy, stage = draft.catalog.policy, stage_of(draft)
    every = interval(draft, draft.severity, audience, stage)
    if every is None:
        return None
    if stage is Stage.MITIGATED and draft.severity in _URGENT:
        # That it got better is news, and waits for no long interval.
        return since + min(every, policy.final_update_within)
    if audience is Audience.PUBLIC and told_last(draft.status, audience) is None:
        return _first_due(draft, since) or since + every
    return since + every


def _first_due(draft: Draft, since: datetime) -> datetime | None:
    """Counted from detection where that is when it began, but never over before anybody could have said a word."""
    times, rule = draft.status.times, draft.catalog.policy.cadence[draft.severity]
    if rule.public_first is None or times is None:
        return None
    began = times.detected if times.detected and since == times.declared else since
    return max(began + rule.public_first, since)


def _last_due(draft: Draft, known: NextUpdate | None, audience: Audience, since: datetime) -> datetime | None:
    """
    Users hear it from a person, soon. Colleagues and leadership hear of it by the record itself (decisions 2.10, "at
    Resolved"), unless an update told them a time.
    """
    told = told_last(draft.status, audience)
    if told is not None and told.state is UpdateState.RESOLVED:
        return None
    if audience is not Audience.PUBLIC and not (known and known.promised):
        return None
    return since + draft.catalog.policy.final_update_within


def _missed(draft: Draft, known: NextUpdate, until: datetime, *, exactly: bool = False) -> NextUpdate | None:
    """
    Every promise that had passed by then: each is counted, and the next is due an interval after it was missed.

    The first of a row is told, the second, the fourth, the eighth …: a night without a word does not bury the record.
    ``exactly``: by an instant of the record. By the clock a little later, for what was said in time may be seen late.
    """
    policy = draft.catalog.policy
    seen_by = until if exactly else until - policy.update_seen_within
    every = known.every or timedelta()
    missed = known.due_time + policy.update_grace
    if seen_by <= missed:
        return known
    # Those at seen_by itself are in time.
    steps = -(-(seen_by - missed) // (every + policy.update_grace)) if every else 1
    row, due = known.missed, known.due_time
    for count in range(row + 1, row + steps + 1):
        at = due + policy.update_grace
        if count & (count - 1) == 0:
            _say_missed(draft, known, due, count)
        due = at + every
    record = draft.status.communications or CommunicationsRecord()
    draft.set(communications=record.model_copy(update={"missed": record.missed + steps}))
    if not every:
        return None  # It was promised in words, and nothing asks for another.
    changes = {"due_time": due, "missed": row + steps, "reminded": None, "promised": None, "since_time": due - every}
    return known.model_copy(update=changes)


def _last_every(draft: Draft, audience: Audience) -> timedelta | None:
    """Users are owed the last word until they have it; for others one miss of it is enough."""
    if audience is not Audience.PUBLIC:
        return None
    stages = (interval(draft, draft.severity, audience, stage) for stage in (Stage.MITIGATED, Stage.OPEN))
    return next((every for every in stages if every is not None), _LAST_EVERY)


def _say_missed(draft: Draft, known: NextUpdate, due: datetime, count: int) -> None:
    first = known.moment is Moment.AWARE or (count == 1 and told_last(draft.status, known.audience) is None)
    which = {Moment.MITIGATED: "the monitoring", Moment.RESOLVED: "the last"}.get(
        known.moment, "the first" if first else "an"
    )
    row = f", {count} in a row" if count > 1 else ""
    quiet = "; they have been told nothing yet" if told_last(draft.status, known.audience) is None else ""
    # The first reminds who writes them; the second tells who leads (decisions 2.10).
    writes, leads = holder(draft, "communications"), holder(draft, COMMANDER)
    whose = f"{leads}, you command" if count > 1 and leads else f"{writes}, it is yours" if writes else ""
    to = f"; {whose}" if whose else ""
    text = f"{known.audience.value}: {which} update was promised for {instant(due)}{row}{quiet}{to}"
    draft.say(EventKind.UPDATE_MISSED, text, time=due + draft.catalog.policy.update_grace, event=True, warning=True)


# --- what is written down --------------------------------------------------------------------------------------------


def put_promise(draft: Draft, audience: Audience, promise: NextUpdate | None) -> None:
    """Write it down, or that there is none."""
    known = draft.status.communications
    before = known.next_updates if known else None
    others = tuple(p for p in before or () if p.audience is not audience)
    after = _in_order((*others, promise) if promise is not None else others) or None
    if after != before:
        draft.set(communications=(known or CommunicationsRecord()).model_copy(update={"next_updates": after}))


def _in_order(items: tuple[T, ...]) -> tuple[T, ...]:
    return tuple(sorted(items, key=lambda item: list(Audience).index(item.audience)))


def _end(draft: Draft, over: datetime) -> None:
    """Nobody follows it any more: that somebody still waits to hear is said once."""
    times = draft.status.times
    word = "cancelled" if times is not None and times.cancelled else "closed"
    for audience in Audience:
        if promise_to(draft.status, audience) is None:
            continue
        _follow(draft, audience, over, told_then=True)
        known, told = promise_to(draft.status, audience), told_last(draft.status, audience)
        if known is not None and told is not None:
            waits = (
                f"{audience.value}: it is {word}, and they were told last at {instant(told.time)} that more would come"
            )
            draft.say(
                EventKind.UPDATE_DUE,
                f"{waits}; tell them (status.communications.drafts has words)",
                event=True,
                warning=True,
            )
        put_promise(draft, audience, None)
