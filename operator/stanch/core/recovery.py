"""
When is it over? Criteria that must pass, and all of them hold, counted from API timestamps (decisions 2.7).

Unknown is never success. Scaled to zero, gone or not observed is never recovery.
"""

import math
from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.incident import Criterion, Gate
from stanch.api.incident_status import AttemptState, CriterionRecord, CriterionState, RecoveryRecord
from stanch.api.meta import Target, TargetKind
from stanch.api.names import EventKind
from stanch.core.asking import owned_by, pods_of, replicasets_of, revision_number, target_of
from stanch.core.attempts import standing
from stanch.core.draft import Draft, aim_at
from stanch.core.observations import Failed, Found, NotFound, items
from stanch.core.ports import Aim

# Two bad samples make Failing; two good ones, a sample interval apart, end the harm.
SAMPLES: Final = 2
HASH: Final = "pod-template-hash"


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
        records.append(_record(f"pods{suffix}", "available", Gate.MITIGATED, target, 100))
        if target.kind is not TargetKind.NODE:
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
        said = draft.status.resolve_said
        state = CriterionState.PASSING if said else CriterionState.FAILING
        return c.model_copy(
            update={
                "state": state,
                "since_time": said,
                "message": "needs a resolve entry" if not said else None,
                "good_samples": 2 if said else 0,
            }
        )
    assert c.target is not None
    aim = aim_at(draft.incident, c.target.kind.value, c.target.name)
    good, since, message, hard = _look(draft, c, aim)
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


Look = tuple[bool | None, datetime | None, str, bool]


def _look(draft: Draft, c: CriterionRecord, aim: Aim) -> Look:
    """(passes or None for unknown, since when, what was seen, is it a hard fact)."""
    answer = draft.answer(target_of(aim))
    if answer is None or isinstance(answer, Failed):
        return None, None, f"{aim} can't be read", False
    if isinstance(answer, NotFound):
        return False, None, f"{aim} does not exist", True
    if aim.kind is TargetKind.NODE:
        return _node(aim, answer.value)
    if c.check == "available":
        return _available(aim, answer.value, c.min_percent or 100)
    return _restarts(draft, aim, answer.value)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def _node(aim: Aim, obj: dict[str, Any]) -> Look:
    ready: dict[str, Any] = next(
        (c for c in (obj.get("status") or {}).get("conditions") or () if c.get("type") == "Ready"), {}
    )
    if ready.get("status") == "True":
        return True, _time(ready.get("lastTransitionTime")), f"{aim} is Ready", False
    return False, None, f"{aim} is not Ready", True


def _available(aim: Aim, obj: dict[str, Any], percent: int) -> Look:
    status, wanted = obj.get("status") or {}, obj["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < obj["metadata"].get("generation", 0):
        return None, None, f"{aim}: its newest spec is not yet observed", False
    if aim.kind is TargetKind.DAEMON_SET:
        wanted, have = status.get("desiredNumberScheduled", 0), status.get("numberAvailable", 0)
    else:
        have = status.get("availableReplicas", 0)
    if wanted == 0:
        return False, None, f"{aim} is scaled to zero, which is no recovery", True
    if have < math.ceil(wanted * percent / 100):
        return False, None, f"fewer than {percent} % of the {wanted} wanted pods are available", have == 0
    if percent == 100 and aim.kind is TargetKind.DEPLOYMENT and not _rolled_out(status, wanted):
        return False, None, f"the rollout of {aim} is not complete", False
    conditions = {c.get("type"): c for c in status.get("conditions") or ()}
    # Available may have been true all along while a rollout went on; Progressing tells when that was complete.
    known = (
        _time((conditions.get("Available") or {}).get("lastTransitionTime")),
        _time((conditions.get("Progressing") or {}).get("lastUpdateTime")),
    )
    since = max((t for t in known if t), default=None)
    return (
        True,
        since,
        f"{wanted} of {wanted} wanted pods are available"
        if percent == 100
        else f"at least {percent} % of {wanted} pods are available",
        False,
    )


def _rolled_out(status: dict[str, Any], wanted: int) -> bool:
    """Old pods that still serve hide a newest version that does not start."""
    return status.get("updatedReplicas", 0) >= wanted and not status.get("unavailableReplicas")


def _restarts(draft: Draft, aim: Aim, obj: dict[str, Any]) -> Look:
    asked = [pods_of(aim, obj)]
    if aim.kind is TargetKind.DEPLOYMENT:
        asked.append(replicasets_of(aim, obj))
    if draft.ask(*asked):
        return None, None, f"{aim}: its pods can't be read", False
    if any(not isinstance(draft.seen.get(q), Found) for q in asked):
        return None, None, f"{aim}: its pods can't be read", False
    pods = [p for p in items(draft.seen.get(asked[0])) if not p["metadata"].get("deletionTimestamp")]
    if aim.kind is TargetKind.DEPLOYMENT:
        pods = _of_current(pods, owned_by(items(draft.seen.get(asked[1])), obj["metadata"]["uid"]), obj)
    if not pods:
        return False, None, f"{aim} has no pods", True
    last: datetime | None = None
    for pod in pods:
        for c in (pod.get("status") or {}).get("containerStatuses") or ():
            crashed = _crash(c)
            if crashed == "now":
                return False, None, f"container {c['name']} of {aim} crashes", True
            ended = _time(((c.get("lastState") or {}).get("terminated") or {}).get("finishedAt"))
            started = _time(((c.get("state") or {}).get("running") or {}).get("startedAt"))
            last = max((t for t in (last, ended, started) if t), default=None)
    if last is None:
        return None, None, f"{aim}: no container is running yet", False
    return True, last, "no container restarted since", False


def _of_current(
    pods: list[dict[str, Any]], replicasets: list[dict[str, Any]], obj: dict[str, Any]
) -> list[dict[str, Any]]:
    """Pods of the template that is running now: a bad one that was rolled back says nothing about it (decisions 0.2)."""
    newest = max(
        replicasets,
        key=revision_number,
        default=None,
    )
    code = (newest["metadata"].get("labels") or {}).get(HASH) if newest else None
    return [p for p in pods if (p["metadata"].get("labels") or {}).get(HASH) == code]


def _crash(status: dict[str, Any]) -> str:
    waiting = ((status.get("state") or {}).get("waiting") or {}).get("reason", "")
    ended = (status.get("state") or {}).get("terminated") or {}
    return "now" if waiting == "CrashLoopBackOff" or ended.get("exitCode") else ""


def _held_since(draft: Draft, criteria: tuple[CriterionRecord, ...]) -> datetime | None:
    """Since when all hold: the latest of their times, and never before the last effect."""
    if not criteria or any(c.state is not CriterionState.PASSING or c.bad_samples for c in criteria):
        return None
    effects = [a.applied_time for r in draft.records for a in r.attempts or () if a.applied_time]
    reopened = draft.status.times.reopened if draft.status.times else None
    since = [t for t in (*(c.since_time for c in criteria), *effects, reopened) if t is not None]
    return max(since, default=draft.now)


def count_anew(draft: Draft) -> RecoveryRecord | None:
    """A person says it is not over: what passed before counts no more."""
    known = draft.status.recovery
    if known is None:
        return None
    criteria = tuple(c.model_copy(update={"good_samples": 0, "sample_time": draft.now}) for c in known.criteria)
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
        if action is None or action.replicas != 0 or aim is None or standing(record) is None:
            continue
        target = draft.seen.get(target_of(aim))
        if not isinstance(target, Found) or target.value["spec"].get("replicas", 1) == 0:
            return f"{record.target} is scaled to zero by {record.name}: users still lack the service"
    return ""
