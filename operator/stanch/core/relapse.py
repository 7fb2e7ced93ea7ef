"""
Resolved is not forgotten: for as long as it can be reopened, harm that comes back reopens it (design 7, decisions 2.7).

Looked at rarely, and by the criteria that told when harm was over; harm has to last, for pods come and go when nothing is wrong.
What people did since is no relapse: a target that they changed, scaled to zero, suspended or deleted, or an effect that they
took back now, is as they want it.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from stanch.api.checks import Gate
from stanch.api.duration import write
from stanch.api.names import FIELD_MANAGER, EventKind
from stanch.api.recovery_status import CriterionRecord, CriterionState
from stanch.core.asking import target_of
from stanch.core.check_workload import time_of
from stanch.core.draft import MACHINE, Draft, aim_at, shorten
from stanch.core.observations import Found
from stanch.core.recovery import count_anew, look_at
from stanch.core.sample import take_in
from stanch.core.stamps import RECOVERY, open_again

# Longer than an autoscaler's new pods, or one that is moved, take to be ready.
LASTS: Final = timedelta(minutes=2)


def watch_relapse(draft: Draft) -> None:
    """Bad for as long as it lasts reopens it; the looks of a plan that still asks are thrown away."""
    times, recovery = draft.status.times, draft.status.recovery
    if times is None or times.resolved is None or times.closed or times.cancelled or recovery is None:
        return
    over = draft.now - times.resolved >= draft.catalog.policy.reopen_within
    if over or draft.status.override or draft.incident.spec.drill or _taken_back_since(draft, times.resolved):
        return
    looked = tuple(_look_again(draft, c) for c in recovery.criteria)
    draft.set(recovery=recovery.model_copy(update={"criteria": looked}))
    if any(c.bad_samples for c in looked if _tells_of_harm(c)):
        draft.wake(draft.now + draft.catalog.policy.sample_every)
    failing = [c for c in looked if _tells_of_harm(c) and c.state is CriterionState.FAILING and _lasts(draft, c)]
    if failing and not draft.questions:
        _reopen(draft, failing, times.resolved)


def _lasts(draft: Draft, c: CriterionRecord) -> bool:
    return c.since_time is not None and draft.now - c.since_time >= LASTS


def _tells_of_harm(c: CriterionRecord) -> bool:
    return c.gates == Gate.MITIGATED.value and c.check != "manual"


def _look_again(draft: Draft, c: CriterionRecord) -> CriterionRecord:
    sample = look_at(draft, c) if _tells_of_harm(c) else None
    if sample is None or sample.passes is None or sample.off or _changed_since(draft, c):
        return c
    return take_in(c, replace(sample, hard=False), draft.now, draft.catalog.policy.sample_every)


def _changed_since(draft: Draft, c: CriterionRecord) -> bool:
    """Did anybody write the target since it was resolved? A release, or a fix, is on its way for minutes."""
    times = draft.status.times
    if c.target is None or times is None or times.resolved is None:
        return False
    answer = draft.seen.get(target_of(aim_at(draft.incident, c.target.kind.value, c.target.name)))
    if not isinstance(answer, Found):
        return False
    written = (m for m in answer.value["metadata"].get("managedFields") or () if not m.get("subresource"))
    since = (time_of(m.get("time")) for m in written if m.get("manager") != FIELD_MANAGER)
    return any(t is not None and t > times.resolved for t in since)


def _taken_back_since(draft: Draft, resolved: datetime) -> bool:
    """Who takes an effect back knows what it was for. What was chosen long before goes back unseen: harm then is a relapse."""
    undone = (a for r in draft.records for a in r.attempts or () if a.undoes and a.asked_entry)
    return any(a.intended_time >= resolved for a in undone)


def _reopen(draft: Draft, failing: list[CriterionRecord], resolved: datetime) -> None:
    open_again(draft, draft.now, MACHINE, RECOVERY)
    draft.set(resolve_said=None, recovery=count_anew(draft))
    what = "; ".join(f"{c.name}: {c.message}" for c in failing)
    after = write(draft.now - resolved)
    draft.say(
        EventKind.REOPENED,
        shorten(f"Harm is back {after} after it was resolved: {what}", 900),
        event=True,
        warning=True,
    )
