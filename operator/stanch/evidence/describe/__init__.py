"""`kubectl describe` rendered from objects already fetched: absolute times, and the fields kubectl leaves away."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from stanch.evidence.describe import workload
from stanch.evidence.describe.node import node
from stanch.evidence.describe.page import Page
from stanch.evidence.describe.pod import pod
from stanch.evidence.describe.tree import tree
from stanch.evidence.dig import name_of, text, uid_of

__all__ = ["about", "describe"]

Obj = dict[str, Any]


def describe(
    obj: Obj,
    events: Sequence[Obj] = (),
    *,
    now: datetime,
    pods: Sequence[Obj] = (),
    replicasets: Sequence[Obj] = (),
) -> str:
    """
    The object as text. ``events`` are those about it; ``pods`` and ``replicasets`` those that belong to it.

    Never raises, whatever is in the object: fields that are missing or odd are shown as empty or as they are.
    """
    page = Page(now)
    match obj.get("kind"):
        case "Pod":
            pod(page, obj, events)
        case "Deployment":
            workload.deployment(page, obj, events, replicasets)
        case "ReplicaSet":
            workload.replicaset(page, obj, events, pods)
        case "StatefulSet":
            workload.statefulset(page, obj, events, pods)
        case "DaemonSet":
            workload.daemonset(page, obj, events, pods)
        case "Node":
            node(page, obj, events, pods)
        case _:
            tree(page, obj, events)
    return str(page)


def about(obj: Obj, events: Sequence[Obj]) -> list[Obj]:
    """Events that involve the object, by uid; a Node's carry its name as uid."""
    uid, kind, name = uid_of(obj), text(obj, "kind"), name_of(obj)
    found = []
    for event in events:
        theirs = text(event, "involvedObject", "uid")
        same_name = text(event, "involvedObject", "name") == name and text(event, "involvedObject", "kind") == kind
        if (uid and theirs == uid) or (same_name and (not theirs or kind == "Node")):
            found.append(event)
    return found
