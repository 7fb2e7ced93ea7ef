"""Is it the situation that a Runbook was written for? What can't be read is no yes."""

from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api import duration
from stanch.api.checks import Gate
from stanch.api.meta import WORKLOADS, Target, TargetKind, instant
from stanch.api.recovery_status import CriterionRecord, CriterionState
from stanch.api.runbook import Failing, Precondition
from stanch.api.runbook_record import PreconditionRecord
from stanch.core.asking import controller_revisions_of, owned_by, pods_of, replicasets_of, revision_number, target_of
from stanch.core.check_workload import condition_of
from stanch.core.criteria import look
from stanch.core.draft import Draft, aim_at, shorten
from stanch.core.effective import SERVING
from stanch.core.observations import Found, is_cut, items
from stanch.core.pod_health import crashes, is_stuck
from stanch.core.ports import Aim

_MESSAGE_MAX: Final = 900
# Met or not, or None when nobody can tell; and what was seen.
Seen = tuple[bool | None, str]


def look_at(
    draft: Draft, preconditions: tuple[Precondition, ...], targets: tuple[Target, ...]
) -> tuple[PreconditionRecord, ...]:
    """How each stands; asks what it must know, and what is unanswered is not met."""
    records = []
    for each in preconditions:
        if each.rolled_out_within is not None:
            met, message = _rolled_out(draft, targets, each.rolled_out_within)
        else:
            met, message = _failing(draft, targets, each.failing or Failing.ANY)
        records.append(PreconditionRecord(name=each.name, met=met, message=shorten(message, _MESSAGE_MAX)))
    return tuple(records)


def _rolled_out(draft: Draft, targets: tuple[Target, ...], within: timedelta) -> Seen:
    aims = [aim_at(draft.incident, t.kind.value, t.name) for t in targets if t.kind in WORKLOADS]
    if not aims:
        return False, "none of the targets is a workload, so nothing was rolled out"
    times = [(aim, _newest(draft, aim)) for aim in aims]
    known = [(time, aim) for aim, time in times if time is not None]
    limit = duration.write(within)
    if not known:
        return None, f"when {aims[0]} was rolled out can't be read"
    newest, aim = max(known, key=lambda pair: pair[0])
    words = f"{aim} got its newest template at {instant(newest)}"
    if newest + within > draft.now:
        return True, f"{words}, less than {limit} before"
    # One that can't be read might be the one that changed.
    unread = next((a for a, time in times if time is None), None)
    if unread is not None:
        return None, f"{words}, and when {unread} was rolled out can't be read"
    return False, f"{words}, more than {limit} ago"


def _newest(draft: Draft, aim: Aim) -> datetime | None:
    """When the newest revision was made. A rollback to an older one is no new template."""
    target = draft.answer(target_of(aim))
    if not isinstance(target, Found):
        return None
    obj = target.value
    if aim.kind is TargetKind.REPLICA_SET:
        return _created(obj)
    deployment = aim.kind is TargetKind.DEPLOYMENT
    answer = draft.answer(replicasets_of(aim, obj) if deployment else controller_revisions_of(aim, obj))
    if not isinstance(answer, Found):
        return None
    mine = owned_by(items(answer), obj["metadata"]["uid"])
    newest = max(mine, key=revision_number if deployment else _revision, default=None)
    return _created(newest) if newest is not None else None


def _revision(kept: dict[str, Any]) -> int:
    return int(kept.get("revision") or 0)


def _created(obj: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(obj["metadata"]["creationTimestamp"])


def _failing(draft: Draft, targets: tuple[Target, ...], wanted: Failing) -> Seen:
    looked = [_serves(draft, t) for t in targets if t.kind in SERVING]
    if not looked:
        return None, "of none of the targets it can be seen whether it serves"
    bad = [message for serves, message in looked if serves is False]
    unclear = [message for serves, message in looked if serves is None]
    if bad and (wanted is Failing.ANY or len(bad) == len(looked)):
        return True, "; ".join(bad)
    if unclear:
        return None, "; ".join(unclear)
    well = [message for serves, message in looked if serves]
    return False, "; ".join(well)


def _serves(draft: Draft, target: Target) -> Seen:
    criterion = CriterionRecord(
        name="serves", check="available", gates=Gate.MITIGATED.value, target=target, state=CriterionState.UNKNOWN
    )
    aim = aim_at(draft.incident, target.kind.value, target.name)
    seen = look(draft, criterion, aim)
    if seen.passes is False and not seen.hard and _rolls_out_well(draft, aim):
        return None, f"{aim} has all the pods it wants; its rollout goes on, and no pod of it is seen to fail"
    return seen.passes, seen.message if str(target.kind.value) in seen.message else f"{target}: {seen.message}"


def _rolls_out_well(draft: Draft, aim: Aim) -> bool:
    """A rollout that is not complete is no failure by itself: new pods may take the time that their probes give them."""
    answer = draft.answer(target_of(aim))
    if aim.kind is not TargetKind.DEPLOYMENT or not isinstance(answer, Found):
        return False
    obj, status = answer.value, answer.value.get("status") or {}
    wanted = obj["spec"].get("replicas", 1)
    if not wanted or status.get("availableReplicas", 0) < wanted:
        return False
    if condition_of(obj, "Progressing").get("status") == "False":
        return False
    listed = draft.answer(pods_of(aim, obj))
    if not isinstance(listed, Found) or is_cut(listed):
        return False
    pods = [p for p in items(listed) if not p["metadata"].get("deletionTimestamp")]
    return not any(is_stuck(pod, draft.now) or crashes(pod, draft.now) for pod in pods)
