"""
When is it over? Criteria that must pass, and all of them hold, counted from API timestamps (decisions 2.7).

Unknown is never success. Scaled to zero, gone or not observed is never recovery.
"""

from datetime import datetime, timedelta
from typing import Final

from stanch.api.incident import Criterion, Gate
from stanch.api.incident_status import AttemptState, CriterionRecord, CriterionState, RecoveryRecord
from stanch.api.meta import WORKLOADS, Target, TargetKind
from stanch.api.names import EventKind
from stanch.core.asking import target_of
from stanch.core.attempts import standing
from stanch.core.criteria import look
from stanch.core.draft import Draft, aim_at
from stanch.core.observations import Found

# Two bad samples make Failing; two good ones, a sample interval apart, end the harm.
SAMPLES: Final = 2
# Kinds of which something can be seen that serves; of the others only people, or other criteria, can tell.
SERVING: Final = WORKLOADS | {TargetKind.NODE, TargetKind.SERVICE, TargetKind.HTTP_ROUTE}


def watch_recovery(draft: Draft) -> None:
    """Sample every criterion; the effective ones are written down once, before the first effect."""
    times = draft.status.times
    if times is None or times.resolved or times.cancelled or times.closed:
        return
    recovery = _effective(draft)
    looked = tuple(_sample(draft, c) for c in recovery.criteria)
    since = _held_since(draft, looked)
    changed = recovery.model_copy(update={"criteria": looked, "hold_since_time": since})
    if since and recovery.hold_since_time is None and looked:
        draft.say(
            EventKind.HOLD_STARTED,
            f"All {len(looked)} criteria hold; resolved after {_words(changed.hold)} if none fails",
        )
    draft.set(recovery=changed)
    if looked:
        draft.wake(draft.now + draft.catalog.policy.sample_every)


def _words(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    return f"{seconds // 60}m" if seconds % 60 == 0 and seconds else f"{seconds}s"


def _effective(draft: Draft) -> RecoveryRecord:
    known = draft.status.recovery
    acted = any(r.attempts for r in draft.records)
    if known is not None and acted:
        return known  # Written before acting; afterwards a lower bar would be no bar.
    spec = draft.incident.spec.recovery
    hold = (spec.hold if spec else None) or draft.catalog.policy.hold[draft.severity]
    criteria = spec.criteria if spec and spec.criteria else None
    wanted = _written(draft, criteria) if criteria else _default(draft)
    if known is not None:
        old = {c.name: c for c in known.criteria}
        wanted = tuple(old.get(c.name, c) if _same(old.get(c.name), c) else c for c in wanted)
    return RecoveryRecord(hold=hold, criteria=wanted, hold_since_time=known.hold_since_time if known else None)


def _same(one: CriterionRecord | None, other: CriterionRecord) -> bool:
    return one is not None and (one.check, one.gates, one.target, one.min_percent) == (
        other.check,
        other.gates,
        other.target,
        other.min_percent,
    )


def _default(draft: Draft) -> tuple[CriterionRecord, ...]:
    records: list[CriterionRecord] = []
    targets = draft.incident.spec.targets or ()
    for index, target in enumerate(targets):
        suffix = "" if len(targets) == 1 else f"-{index + 1}"
        if target.kind in SERVING:
            name = "pods" if target.kind in WORKLOADS | {TargetKind.NODE} else "serves"
            records.append(_record(f"{name}{suffix}", "available", Gate.MITIGATED, target, 100))
        if target.kind in WORKLOADS:
            records.append(_record(f"restarts{suffix}", "noRestarts", Gate.RESOLVED, target, None))
    return tuple(records)


def _record(name: str, check: str, gate: Gate, target: Target | None, percent: int | None) -> CriterionRecord:
    return CriterionRecord(
        name=name, check=check, gates=gate.value, target=target, min_percent=percent, state=CriterionState.UNKNOWN
    )


def _written(draft: Draft, criteria: tuple[Criterion, ...]) -> tuple[CriterionRecord, ...]:
    records = []
    for c in criteria:
        check = "available" if c.available else "noRestarts" if c.no_restarts else "manual"
        percent = (c.available.min_percent or 100) if c.available else None
        targets = (None,) if c.manual else (c.target,) if c.target else draft.incident.spec.targets or ()
        for index, target in enumerate(targets):
            name = c.name if len(targets) == 1 else f"{c.name}-{index + 1}"
            records.append(_record(name, check, c.gates or Gate.RESOLVED, target, percent))
    # A person's word is never what falls off the end.
    return tuple(sorted(records, key=lambda r: r.check != "manual")[:16])


def _sample(draft: Draft, c: CriterionRecord) -> CriterionRecord:
    """One look; a look that comes sooner than the sampling interval after the last counted one changes nothing."""
    if c.check == "manual":
        said = c.confirmed_time or draft.status.resolve_said
        by = f"confirmed by {c.confirmed_by}" if c.confirmed_time else None
        state = CriterionState.PASSING if said else CriterionState.FAILING
        return c.model_copy(
            update={
                "state": state,
                "since_time": said,
                "message": by if said else "needs a confirm entry, or a resolve entry",
                "good_samples": 2 if said else 0,
            }
        )
    assert c.target is not None
    aim = aim_at(draft.incident, c.target.kind.value, c.target.name)
    good, since, message, hard = look(draft, c, aim)
    if good is None:
        if c.state is CriterionState.UNKNOWN and c.message == message:
            return c
        return c.model_copy(update={"state": CriterionState.UNKNOWN, "message": message, "good_samples": 0})
    return _counted(draft, c, good, since, message, hard)


def _counted(
    draft: Draft, c: CriterionRecord, good: bool, since: datetime | None, message: str, hard: bool
) -> CriterionRecord:
    every = draft.catalog.policy.sample_every
    due = c.sample_time is None or draft.now - c.sample_time >= every
    flips = good != (c.state is CriterionState.PASSING)
    if good:
        # Where no object tells since when, it is since the first good look.
        since = since or (draft.now if flips else c.since_time)
        samples = c.good_samples if not (due or flips) else min(SAMPLES, c.good_samples + 1)
        if not flips and samples == c.good_samples and c.since_time == since and c.message == message:
            return c
        counted = draft.now if samples != c.good_samples else c.sample_time
        return c.model_copy(
            update={
                "state": CriterionState.PASSING,
                "since_time": since,
                "message": message,
                "bad_samples": 0,
                "good_samples": samples,
                "sample_time": counted,
            }
        )
    bad = c.bad_samples + 1 if (due or c.bad_samples == 0) and c.bad_samples < SAMPLES else c.bad_samples
    if c.state is CriterionState.PASSING and not hard and bad < SAMPLES:
        # One bad look may be chance; it stops the count but does not flip the state.
        return c.model_copy(update={"bad_samples": bad, "good_samples": 0, "sample_time": draft.now})
    if c.state is CriterionState.FAILING and c.message == message:
        return c
    since = c.since_time if c.state is CriterionState.FAILING else draft.now
    return c.model_copy(
        update={
            "state": CriterionState.FAILING,
            "since_time": since,
            "message": message,
            "bad_samples": SAMPLES,
            "good_samples": 0,
            "sample_time": draft.now,
        }
    )


def _held_since(draft: Draft, criteria: tuple[CriterionRecord, ...]) -> datetime | None:
    """
    Since when all hold: the latest of their times, and never before the last effect, nor before it was declared.

    What was Ready since yesterday is what somebody says is broken now: its calm before that proves nothing, and would end
    the incident before anybody could agree to do something.
    """
    if not criteria or any(c.state is not CriterionState.PASSING or c.bad_samples for c in criteria):
        return None
    effects = [a.applied_time for r in draft.records for a in r.attempts or () if a.applied_time]
    times = draft.status.times
    said = (times.declared, times.reopened) if times else ()
    since = [t for t in (*(c.since_time for c in criteria), *effects, *said) if t is not None]
    return max(since, default=draft.now)


def count_anew(draft: Draft) -> RecoveryRecord | None:
    """A person says it is not over: what passed before counts no more."""
    known = draft.status.recovery
    if known is None:
        return None
    anew = {"good_samples": 0, "sample_time": draft.now, "confirmed_by": None, "confirmed_time": None}
    criteria = tuple(c.model_copy(update=anew) for c in known.criteria)
    return known.model_copy(update={"criteria": criteria, "hold_since_time": None})


def harm_is_over(draft: Draft) -> bool | None:
    """Every criterion that gates Mitigated passed twice; None when nothing gates it or nobody can say."""
    recovery = draft.status.recovery
    gating = [c for c in recovery.criteria if c.gates == Gate.MITIGATED.value] if recovery else []
    if recovery and not gating:
        gating = [c for c in recovery.criteria if c.check == "available"]
    if not gating:
        return True if draft.status.resolve_said else None
    if any(c.state is CriterionState.FAILING for c in gating):
        return False
    if any(c.state is CriterionState.UNKNOWN for c in gating):
        return None
    # Once over, a single good look is enough after one that could not be had.
    known = draft.status.times is not None and draft.status.times.mitigated is not None
    return known or all(c.good_samples >= SAMPLES for c in gating)


def attempt_is_open(draft: Draft) -> bool:
    """Is an effect on its way?"""
    moving = (AttemptState.INTENDED, AttemptState.STARTED, AttemptState.APPLIED)
    return any(a.state in moving for r in draft.records for a in r.attempts or ())


def contained(draft: Draft) -> str:
    """Why harm ended only because something is off; empty when that is not so, or no longer."""
    if draft.incident.spec.drill:
        return ""
    for record in draft.records:
        action, aim = record.asked.scale, draft.aim(record)
        if record.contest is not None and record.contest.gone:
            continue
        if record.asked.suspend_cron_job is not None and standing(record) is not None:
            return f"{record.target} is suspended by {record.name}: its work is not done"
        if action is None or action.replicas != 0 or aim is None or standing(record) is None:
            continue
        target = draft.seen.get(target_of(aim))
        if not isinstance(target, Found) or target.value["spec"].get("replicas", 1) == 0:
            return f"{record.target} is scaled to zero by {record.name}: users still lack the service"
    return ""
