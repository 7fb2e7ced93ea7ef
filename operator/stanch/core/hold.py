"""
How long all criteria have held, and how long they must: from API and sample timestamps, never before the last effect.

At least as long as what went wrong can hide: a crash loop between two starts, GitOps between two runs, the bad version for as
long as it ran before it failed (decisions 2.7).
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from stanch.api.duration import write
from stanch.api.incident_status import Attempt, MitigationRecord
from stanch.api.meta import instant
from stanch.api.recovery_status import CriterionRecord, CriterionState, RecoveryRecord
from stanch.core import promql
from stanch.core.argo import heals, lists
from stanch.core.asking import target_of
from stanch.core.attempts import standing
from stanch.core.check_restarts import current_template
from stanch.core.draft import Draft, aim_at
from stanch.core.git_ops import HOLD, has
from stanch.core.observations import Found
from stanch.core.ports import Aim
from stanch.core.questions import APPLICATIONS, HELM_RELEASES, Get
from stanch.core.steering import Steerer, leaves_alone, sets, steerers

# A reconciler's next run comes up to a tenth later than its interval says, and takes a while.
JITTER: Final = 1.1
RUN_TAKES: Final = timedelta(seconds=30)
# Nobody waits longer for what may come back.
FLOOR_MAX: Final = timedelta(hours=2)
DOUBLED_MAX: Final = timedelta(hours=1)
ASKED_FOR: Final = ("promQL", "http")
Floor = tuple[timedelta, str]


def held_since(draft: Draft, criteria: tuple[CriterionRecord, ...]) -> datetime | None:
    """
    Since when all hold: the latest of their times, and never before the last effect, nor before it was declared.

    What was Ready since yesterday is what somebody says is broken now: its calm before that proves nothing, and would end
    the incident before anybody could agree to do something. A rate looks back over its window, so what it says about the time
    after an effect begins when the window has none of the time before it. May be a time to come.
    """
    if not criteria or any(c.state is not CriterionState.PASSING or c.bad_samples for c in criteria):
        return None
    effects = [a.applied_time for r in draft.records for a in r.attempts or () if a.applied_time]
    clean = [max(effects) + window(c) for c in criteria] if effects else []
    times = draft.status.times
    # When it was created: what people correct about the declaration makes no hold shorter.
    said = (draft.incident.declared, times.reopened) if times else ()
    since = [t for t in (*(c.since_time for c in criteria), *clean, *said) if t is not None]
    return max(since, default=draft.now)


def window(c: CriterionRecord) -> timedelta:
    """How far back a look at it reaches."""
    return promql.read(c.asks or "").looks_back if c.check == "promQL" else timedelta(0)


def is_seen_to_the_end(recovery: RecoveryRecord) -> bool:
    """Was each criterion that somebody outside answers looked at, with data of after the end of the hold?"""
    if recovery.hold_since_time is None:
        return False
    ends = recovery.hold_since_time + recovery.needed
    last = [c.data_time if c.check == "promQL" else c.sample_time for c in recovery.criteria if c.check in ASKED_FOR]
    return all(t is not None and t >= ends for t in last)


def why_not_held(draft: Draft, recovery: RecoveryRecord) -> str:
    """In words that stand still: what of it does not pass; or when it begins to count."""
    if begins := held_since(draft, recovery.criteria):
        wide = ", ".join(c.name for c in recovery.criteria if window(c))
        return f"All criteria pass; the hold begins at {instant(begins)}, when {wide} looks back at nothing before the effect"
    unclear = "; ".join(f"{c.name}: {c.message}" for c in recovery.criteria if c.unclear and c.message)
    failing = ", ".join(c.name for c in recovery.criteria if c.state is CriterionState.FAILING)
    if unclear and not failing:
        return f"Inconclusive, so the hold does not go on: {unclear}"
    rest = ", ".join(c.name for c in recovery.criteria if c.state is not CriterionState.PASSING)
    return f"Not all criteria pass: {rest or 'one was bad once'}"


# --- how long it must ------------------------------------------------------------------------------------------------


def with_floor(draft: Draft, recovery: RecoveryRecord) -> RecoveryRecord:
    """At least so long, and why; only grows shorter when its reason is gone."""
    policy = draft.catalog.policy.hold[draft.severity]
    usual = [(policy, f"the policy says {write(policy)}")] if recovery.asked else []
    floors = [f for f in (*usual, *_floors(draft, recovery)) if f[0] > recovery.hold]
    longest = max((f[0] for f in floors), default=recovery.hold)
    reasons = [why for how_long, why in sorted(floors, reverse=True)]
    if recovery.flapping_time is not None:
        base = recovery.hold if recovery.asked else longest
        longest = max(base, min(2 * base, DOUBLED_MAX))
        reasons = ["a criterion flapped, so it must hold twice as long", *reasons]
    changes = (
        {"at_least": longest, "because": "; ".join(reasons)[:1000]} if reasons else {"at_least": None, "because": None}
    )
    return recovery.model_copy(update=changes)


def why_so_long(recovery: RecoveryRecord) -> str:
    """Why it holds for as long as it does, to be put after that; empty when it is what one would expect."""
    if recovery.because is None:
        return ""
    short = recovery.asked and recovery.flapping_time is None
    return f"; asked for, though {recovery.because}" if short else f"; so long because {recovery.because}"


def _floors(draft: Draft, recovery: RecoveryRecord) -> Iterator[Floor]:
    for c in recovery.criteria:
        if c.crashed is not None and c.target is not None and _still_runs(draft, c):
            how_long = draft.catalog.policy.crash_loop_hold
            yield how_long, f"a crash loop of what runs now hides for minutes ({write(how_long)})"
    if recovery.failed_after is not None:
        how_long = min(recovery.failed_after, FLOOR_MAX)
        yield how_long, f"the bad version ran {write(how_long)} before it failed"
    for record in draft.records:
        attempt, aim = standing(record), draft.aim(record)
        if attempt is not None and aim is not None and record.action != HOLD:
            yield from _put_back(draft, record, attempt, aim)


def _still_runs(draft: Draft, c: CriterionRecord) -> bool:
    """A template that was rolled back says nothing about the one that runs (decisions 0.2)."""
    assert c.target is not None
    aim = aim_at(draft.incident, c.target.kind.value, c.target.name)
    answer = draft.seen.get(target_of(aim))
    return isinstance(answer, Found) and current_template(draft, aim, answer.value) == c.crashed


def _put_back(draft: Draft, record: MitigationRecord, attempt: Attempt, aim: Aim) -> Iterator[Floor]:
    """Who would put the effect back at their next run."""
    answer = draft.seen.get(target_of(aim))
    if not isinstance(answer, Found) or not attempt.fields:
        return
    for who in steerers(answer.value):
        if leaves_alone(answer.value, who) or not sets(answer.value, who, attempt.fields):
            continue
        if (how_long := _until_next_run(draft, aim, who)) is not None:
            yield min(how_long, FLOOR_MAX), f"{who} may put {record.name} back"


def _until_next_run(draft: Draft, aim: Aim, who: Steerer) -> timedelta | None:
    """None when it would not; what may not be known of a reconciler in another namespace counts as the usual time."""
    usual = draft.catalog.policy.git_ops_hold
    answer = draft.answer(Get(who.ref, who.namespace, who.name)) if who.ref is not None else None
    if not isinstance(answer, Found):
        return usual
    obj = answer.value
    if who.ref is APPLICATIONS:
        known = who.namespace == aim.namespace or lists(obj, aim)
        return usual if not known or heals(obj) else None
    if who.namespace != aim.namespace and not has(obj, aim):
        return usual
    drift = ((obj["spec"].get("driftDetection") or {}).get("mode")) == "enabled"
    if obj["spec"].get("suspend") is True or (who.ref is HELM_RELEASES and not drift):
        return None
    interval = promql.length(re.sub(r"\s", "", str(obj["spec"].get("interval") or "")))
    # Whole seconds: it is kept in the record, and must read the same from there.
    return timedelta(seconds=int(interval.total_seconds() * JITTER)) + RUN_TAKES if interval else usual
