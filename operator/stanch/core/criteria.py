"""What one look at a target says of a criterion: passes, fails or unknown, since when, in words (decisions 2.7)."""

import math
from datetime import datetime
from typing import Any, Final

from stanch.api.incident_status import CriterionRecord
from stanch.api.meta import WORKLOADS, TargetKind
from stanch.core.asking import owned_by, pods_of, ready_endpoints, replicasets_of, revision_number, slices_of, target_of
from stanch.core.draft import Draft
from stanch.core.observations import Failed, Found, NotFound, items
from stanch.core.ports import Aim, VerdictState
from stanch.core.routes import route_verdict

HASH: Final = "pod-template-hash"
Look = tuple[bool | None, datetime | None, str, bool]


def look(draft: Draft, c: CriterionRecord, aim: Aim) -> Look:
    """(passes or None for unknown, since when, what was seen, is it a hard fact)."""
    answer = draft.answer(target_of(aim))
    if answer is None or isinstance(answer, Failed):
        return None, None, f"{aim} can't be read", False
    if isinstance(answer, NotFound):
        return False, None, f"{aim} does not exist", True
    if aim.kind is TargetKind.NODE:
        return _node(aim, answer.value)
    if aim.kind not in WORKLOADS:
        return _serves(draft, aim, answer.value) if c.check == "available" else _says_nothing(aim, c.check)
    if c.check == "available":
        return _available(aim, answer.value, c.min_percent or 100)
    return _restarts(draft, aim, answer.value)


def _says_nothing(aim: Aim, check: str) -> Look:
    return None, None, f"{check} says nothing about {aim}; name a workload in the criterion's target", False


def _serves(draft: Draft, aim: Aim, obj: dict[str, Any]) -> Look:
    if aim.kind is TargetKind.HTTP_ROUTE:
        taken = route_verdict(aim, obj)
        return taken.state is VerdictState.VERIFIED, None, taken.message, False
    if aim.kind is not TargetKind.SERVICE:
        return _says_nothing(aim, "available")
    answer = draft.answer(slices_of(aim))
    if not isinstance(answer, Found):
        return None, None, f"endpoints of {aim} can't be read", False
    ready = sum(len(ready_endpoints(each)) for each in items(answer))
    return ready > 0, None, f"{aim} has {'ready' if ready else 'no ready'} endpoints", not ready


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
