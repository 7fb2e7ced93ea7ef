"""
When is it over? Criteria that must pass, and all of them hold, counted from API and sample timestamps (decisions 2.7).

Unknown is never success. Scaled to zero, gone, suspended or not observed is never recovery.
"""

from datetime import timedelta
from typing import Final

from stanch.api.checks import Gate
from stanch.api.duration import write
from stanch.api.incident_status import AttemptState
from stanch.api.names import EventKind
from stanch.api.recovery_status import CriterionRecord, CriterionState, RecoveryRecord
from stanch.core import check_alerts, check_http, check_promql
from stanch.core.asking import target_of
from stanch.core.attempts import standing
from stanch.core.criteria import look
from stanch.core.draft import Draft, aim_at, shorten
from stanch.core.effective import effective
from stanch.core.flapping import watch_flapping, with_flip
from stanch.core.hold import held_since, why_so_long, with_floor
from stanch.core.observations import Found
from stanch.core.sample import SAMPLES, Sample, take_in
from stanch.core.word import word_for_it

# When nobody can say for so long, a person is told.
UNCLEAR_FOR: Final = timedelta(minutes=10)


def watch_recovery(draft: Draft) -> None:
    """Sample every criterion; the effective ones are written down once, before the first effect."""
    times = draft.status.times
    if times is None or times.resolved or times.cancelled or times.closed:
        return
    recovery = effective(draft)
    before = recovery.hold_since_time
    recovery = recovery.model_copy(update={"criteria": tuple(_told(draft, _next(draft, c)) for c in recovery.criteria)})
    for c in recovery.criteria:
        recovery = _what_it_took(draft, recovery, c)
    recovery = with_floor(draft, watch_flapping(draft, recovery))
    since = held_since(draft, recovery.criteria)
    begun = since is not None and since <= draft.now
    if since is not None and not begun:
        draft.wake(since)
    recovery = recovery.model_copy(update={"hold_since_time": since if begun else None})
    if begun and before is None and recovery.criteria:
        draft.say(
            EventKind.HOLD_STARTED,
            f"All {len(recovery.criteria)} criteria hold; resolved after {write(recovery.needed)} if none fails"
            f"{why_so_long(recovery)}",
        )
    draft.set(recovery=recovery)
    if recovery.criteria:
        draft.wake(draft.now + draft.catalog.policy.sample_every)


def _next(draft: Draft, c: CriterionRecord) -> CriterionRecord:
    """After one look; a look that comes sooner than the sampling interval after the last counted one counts no more."""
    if c.check == "manual":
        return _manual(draft, c)
    sample = look_at(draft, c)
    if sample is None:
        return c
    after = take_in(c, sample, draft.now, draft.catalog.policy.sample_every)
    return with_flip(c, after, draft.now)


def look_at(draft: Draft, c: CriterionRecord) -> Sample | None:
    """One look at what a criterion asks, a person's word apart; None when it is not the time to ask."""
    if c.check == "promQL":
        return check_promql.look(draft, c)
    if c.check == "http":
        return check_http.look(draft, c)
    if c.check == "alertsResolved":
        return check_alerts.look(draft)
    if c.target is None:
        return Sample(None, "it names no target, and spec.targets is empty")
    return look(draft, c, aim_at(draft.incident, c.target.kind.value, c.target.name))


def _manual(draft: Draft, c: CriterionRecord) -> CriterionRecord:
    said = c.confirmed_time or draft.status.resolve_said
    by = f"confirmed by {c.confirmed_by}" if c.confirmed_time else None
    return c.model_copy(
        update={
            "state": CriterionState.PASSING if said else CriterionState.FAILING,
            "since_time": said,
            "message": by if said else "needs a confirm entry, or a resolve entry",
            "good_samples": 2 if said else 0,
        }
    )


def _told(draft: Draft, c: CriterionRecord) -> CriterionRecord:
    """What nobody can say for long is told to people, once: it would be waited for in vain."""
    if c.unclear_time is None or c.unclear_said or draft.now - c.unclear_time < UNCLEAR_FOR:
        return c
    text = (
        f"{c.name}: inconclusive for {write(UNCLEAR_FOR)}: {c.message}. It does not resolve by itself like this; "
        "mend what it asks, or end it with a resolve entry with override"
    )
    draft.say(EventKind.CRITERION_INCONCLUSIVE, shorten(text, 900), event=True, warning=True)
    return c.model_copy(update={"unclear_said": True})


def _what_it_took(draft: Draft, recovery: RecoveryRecord, c: CriterionRecord) -> RecoveryRecord:
    """How long the bad version ran before it failed, the first time that it is seen."""
    if recovery.failed_after is not None or c.check != "noRestarts" or c.state is not CriterionState.FAILING:
        return recovery
    sample = look_at(draft, c)
    return recovery.model_copy(update={"failed_after": sample.ran}) if sample and sample.ran else recovery


def count_anew(draft: Draft) -> RecoveryRecord | None:
    """A person says it is not over: what passed before counts no more."""
    known = draft.status.recovery
    if known is None:
        return None
    anew = {"good_samples": 0, "sample_time": draft.now, "confirmed_by": None, "confirmed_time": None}
    criteria = tuple(c.model_copy(update=anew) for c in known.criteria)
    return known.model_copy(update={"criteria": criteria, "hold_since_time": None})


def harm_is_over(draft: Draft) -> bool | None:
    """Every criterion that gates Mitigated passed twice, or where none does a person says so; None when nobody can say."""
    recovery = draft.status.recovery
    gating = [c for c in recovery.criteria if c.gates == Gate.MITIGATED.value] if recovery else []
    if recovery and not gating:
        gating = [c for c in recovery.criteria if c.check == "available"]
    if not gating:
        return word_for_it(draft)
    if any(c.state is CriterionState.FAILING for c in gating):
        return False
    if any(c.unclear for c in gating):
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
