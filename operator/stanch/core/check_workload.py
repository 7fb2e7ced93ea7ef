"""Does it serve? Pods of a workload, a Node, the endpoints of a Service, the gateways of a route (decisions 2.7)."""

import math
from datetime import datetime
from typing import Any

from stanch.api.meta import WORKLOADS, TargetKind
from stanch.core.asking import ready_endpoints, slices_of
from stanch.core.draft import Draft
from stanch.core.observations import Found, items
from stanch.core.ports import Aim, VerdictState
from stanch.core.routes import route_verdict
from stanch.core.sample import Sample

Json = dict[str, Any]


def available(draft: Draft, aim: Aim, obj: Json, percent: int) -> Sample:
    """Does this object serve?"""
    if aim.kind is TargetKind.NODE:
        return _node(aim, obj)
    if aim.kind in WORKLOADS:
        return _pods(aim, obj, percent)
    if aim.kind is TargetKind.HTTP_ROUTE:
        taken = route_verdict(aim, obj)
        return Sample(taken.state is VerdictState.VERIFIED, taken.message)
    if aim.kind is TargetKind.SERVICE:
        return _endpoints(draft, aim)
    return says_nothing(aim, "available")


def says_nothing(aim: Aim, check: str) -> Sample:
    """Of this kind the check can't tell."""
    return Sample(None, f"{check} says nothing about {aim}; name a workload in the criterion's target")


def time_of(text: str | None) -> datetime | None:
    """An instant as the API server writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def condition_of(obj: Json, kind: str) -> Json:
    """The condition of that type; empty when it is not there."""
    found: Json = next((c for c in (obj.get("status") or {}).get("conditions") or () if c.get("type") == kind), {})
    return found


def _endpoints(draft: Draft, aim: Aim) -> Sample:
    answer = draft.answer(slices_of(aim))
    if not isinstance(answer, Found):
        return Sample(None, f"endpoints of {aim} can't be read")
    ready = sum(len(ready_endpoints(each)) for each in items(answer))
    return Sample(ready > 0, f"{aim} has {'ready' if ready else 'no ready'} endpoints", hard=not ready)


def _node(aim: Aim, obj: Json) -> Sample:
    ready = condition_of(obj, "Ready")
    if ready.get("status") == "True":
        return Sample(True, f"{aim} is Ready", since=time_of(ready.get("lastTransitionTime")))
    return Sample(False, f"{aim} is not Ready", hard=True)


def _pods(aim: Aim, obj: Json, percent: int) -> Sample:
    status, wanted = obj.get("status") or {}, obj["spec"].get("replicas", 1)
    if status.get("observedGeneration", 0) < obj["metadata"].get("generation", 0):
        return Sample(None, f"{aim}: its newest spec is not yet observed")
    if aim.kind is TargetKind.DAEMON_SET:
        wanted, have = status.get("desiredNumberScheduled", 0), status.get("numberAvailable", 0)
    else:
        have = status.get("availableReplicas", 0)
    if wanted == 0:
        return Sample(False, f"{aim} is scaled to zero, which is no recovery", hard=True, off=True)
    if have < math.ceil(wanted * percent / 100):
        return Sample(False, f"fewer than {percent} % of the {wanted} wanted pods are available", hard=have == 0)
    if percent == 100 and aim.kind is TargetKind.DEPLOYMENT and not _rolled_out(status, wanted):
        return Sample(False, f"the rollout of {aim} is not complete")
    # Available may have been true all along while a rollout went on; Progressing tells when that was complete.
    known = (
        time_of(condition_of(obj, "Available").get("lastTransitionTime")),
        time_of(condition_of(obj, "Progressing").get("lastUpdateTime")),
    )
    since = max((t for t in known if t), default=None)
    all_of = f"{wanted} of {wanted} wanted pods are available"
    return Sample(True, all_of if percent == 100 else f"at least {percent} % of {wanted} pods are available", since)


def _rolled_out(status: Json, wanted: int) -> bool:
    """Old pods that still serve hide a newest version that does not start."""
    return status.get("updatedReplicas", 0) >= wanted and not status.get("unavailableReplicas")
