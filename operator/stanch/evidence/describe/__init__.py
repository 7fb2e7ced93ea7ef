"""`kubectl describe` rendered from objects already fetched: absolute times, and the fields kubectl leaves away."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from stanch.evidence.describe import job, policy, service, storage, workload
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
    pods: Sequence[Obj] | None = (),
    replicasets: Sequence[Obj] = (),
    slices: Sequence[Obj] = (),
    lease: Obj | None = None,
) -> str:
    """
    The object as text. ``events`` are those about it; ``pods`` (None: nobody asked) and ``replicasets`` those that belong to
    it, ``slices`` the EndpointSlices of its namespace, ``lease`` a Node's heartbeat.

    Never raises, whatever is in the object: fields that are missing or odd are shown as empty or as they are.
    """
    page = Page(now)
    kind, known = text(obj, "kind"), pods or ()
    pages = {
        "Pod": lambda: pod(page, obj, events),
        "Deployment": lambda: workload.deployment(page, obj, events, replicasets),
        "ReplicaSet": lambda: workload.replicaset(page, obj, events, known),
        "StatefulSet": lambda: workload.statefulset(page, obj, events, known),
        "DaemonSet": lambda: workload.daemonset(page, obj, events, known),
        "Node": lambda: node(page, obj, events, pods, lease or {}),
        "Job": lambda: job.job(page, obj, events),
        "CronJob": lambda: job.cronjob(page, obj, events),
        "Service": lambda: service.service(page, obj, events, slices),
        "Ingress": lambda: service.ingress(page, obj, events, slices),
        "HorizontalPodAutoscaler": lambda: policy.autoscaler(page, obj, events),
        "PodDisruptionBudget": lambda: policy.budget(page, obj, events),
        "PersistentVolumeClaim": lambda: storage.claim(page, obj, events, known),
        "ConfigMap": lambda: storage.config(page, obj, events),
    }
    pages.get(kind, lambda: tree(page, obj, events))()
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
