"""Nodes that run the pods: new, lost, cordoned, tainted, under pressure."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from stanch.api.names import FIELD_MANAGER
from stanch.evidence.changes.change import Changed, Obj, Sort
from stanch.evidence.changes.dating import BY_CREATION, Clock, created, last_write, whole
from stanch.evidence.dig import at, dicts, name_of, text, uid_of

_PRESSURES: Final = ("MemoryPressure", "DiskPressure", "PIDPressure", "NetworkUnavailable")
_BY_CONDITION: Final = "lastTransitionTime"


def nodes(found: Sequence[Obj], pods: Sequence[Obj], failing: frozenset[str], clock: Clock) -> list[Changed]:
    """``failing`` are uids of pods that fail; a node is as near as its share of them."""
    changed = []
    for node in found:
        here = frozenset(uid_of(pod) for pod in pods if text(pod, "spec", "nodeName") == name_of(node))
        share = len(here & failing) / len(failing) if failing else 0.0
        for what, time, dated, by in _happenings(node, clock):
            changed.append(
                Changed(
                    sort=Sort.NODE,
                    name=f"node-{name_of(node)}",
                    what=f"Node {name_of(node)}",
                    text=what,
                    time=time,
                    dated=dated,
                    by=by,
                    relation=share,
                    has=here,
                    ours=by == FIELD_MANAGER,
                    suggests="cordon" if share and at(node, "spec", "unschedulable") is not True else "",
                )
            )
    return changed


def _happenings(node: Obj, clock: Clock) -> Iterator[tuple[str, datetime | None, str, str]]:
    version = text(node, "status", "nodeInfo", "kubeletVersion") or "?"
    image = text(node, "status", "nodeInfo", "osImage") or "?"
    yield f"joined (kubelet {version}, {image})", created(node), BY_CREATION, ""
    for each in dicts(node, "status", "conditions"):
        kind, status, since = text(each, "type"), text(each, "status"), whole(each.get("lastTransitionTime"))
        if kind == "Ready":
            ready = "became ready" if status == "True" else f"is not ready ({text(each, 'reason')})"
            yield ready, since, _BY_CONDITION, ""
        elif kind in _PRESSURES and status == "True":
            yield f"has {kind} ({text(each, 'reason')})", since, _BY_CONDITION, ""
    for each in dicts(node, "spec", "taints"):
        if when := whole(each.get("timeAdded")):
            yield f"tainted {text(each, 'key')}:{text(each, 'effect')}", when, "timeAdded", ""
    if at(node, "spec", "unschedulable") is True:
        write = last_write(node, clock, ("f:spec", "f:unschedulable"))
        yield "cordoned", write.time, write.dated, write.manager
