"""Words to build worlds: incidents, entries, Deployments with a past, pods that crash."""

from datetime import UTC, datetime, timedelta
from typing import Any

from stanch.api.incident import Incident
from stanch.api.timeline_entry import TimelineEntry

T0 = datetime(2026, 11, 21, 14, 0, tzinfo=UTC)
UID = "11111111-1111-1111-1111-111111111111"
TARGET_UID = "22222222-2222-2222-2222-222222222222"
GOOD, BAD = "shop/checkout:1.8.2", "shop/checkout:1.8.3"
Json = dict[str, Any]


def stamp(moment: datetime) -> str:
    """An instant as the API server writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def roll_back(name: str = "roll-back", **more: Any) -> Json:
    """A wish to go back to the last good template."""
    return {"name": name, "rolloutUndo": {}, **more}


def scale_to(replicas: int, name: str = "size", **more: Any) -> Json:
    """A wish for a number of replicas."""
    return {"name": name, "scale": {"replicas": replicas}, **more}


def incident(*wishes: Json, by: str | None = "alice", name: str = "checkout-5xx", **spec: Any) -> Incident:
    """An incident about Deployment checkout, declared and asked for by ``by`` (None: nobody vouched)."""
    body: Json = {
        "title": "Checkout returns 500s",
        "severity": "SEV1",
        "targets": [{"kind": "Deployment", "name": "checkout"}],
        "recovery": {"hold": "30s"},
        **spec,
    }
    if wishes:
        body["mitigations"] = list(wishes)
    if by:
        person = {"username": by, "uid": by, "groups": ["system:authenticated"]}
        body["declaredBy"] = person
        if wishes:
            body["requesters"] = [{**person, "mitigations": [w["name"] for w in wishes]}]
    body = {k: v for k, v in body.items() if v is not None}
    meta = {
        "name": name,
        "namespace": "shop",
        "uid": UID,
        "generation": 1,
        "resourceVersion": "100",
        "creationTimestamp": stamp(T0),
    }
    return Incident.model_validate({"metadata": meta, "spec": body})


def entry(
    by: str | None, after: timedelta = timedelta(minutes=1), name: str | None = None, **said: Any
) -> TimelineEntry:
    """What a person said about it, as admission stamped it."""
    spec: Json = {"incident": "checkout-5xx", **said}
    if by:
        spec["author"] = {"username": by, "uid": by, "groups": ["system:authenticated"]}
    moment = T0 + after
    version = str(1000 + int(after.total_seconds()))
    label = name or f"said-{version}-{'-'.join(said)}".lower()
    meta = {
        "name": label,
        "namespace": "shop",
        "uid": label,
        "resourceVersion": version,
        "creationTimestamp": stamp(moment),
    }
    return TimelineEntry.model_validate({"metadata": meta, "spec": spec})


def template(image: str, code: str | None = None, **annotations: str) -> Json:
    """A pod template; with ``code`` as its ReplicaSet has it."""
    labels = {"app": "checkout"} | ({"pod-template-hash": code} if code else {})
    meta: Json = {"labels": labels} | ({"annotations": annotations} if annotations else {})
    return {"metadata": meta, "spec": {"containers": [{"name": "app", "image": image}]}}


def deployment(image: str = BAD, revision: int = 2, replicas: int = 3, **spec: Any) -> Json:
    """Deployment checkout, seen by its controller."""
    return {
        "metadata": {
            "name": "checkout",
            "namespace": "shop",
            "uid": TARGET_UID,
            "generation": revision,
            "resourceVersion": "50",
            "labels": {"app": "checkout"},
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
        },
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "checkout"}},
            "template": template(image),
            "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            **spec,
        },
        "status": {
            "observedGeneration": revision,
            "replicas": replicas,
            "updatedReplicas": 1,
            "availableReplicas": replicas - 1,
            "unavailableReplicas": 1,
        },
    }


def replicaset(image: str, number: int, created: datetime = T0 - timedelta(days=2), **annotations: str) -> Json:
    """One revision of the Deployment; its hash is ``h<number>``."""
    code = f"h{number}"
    owner = {"kind": "Deployment", "name": "checkout", "uid": TARGET_UID, "controller": True}
    return {
        "metadata": {
            "name": f"checkout-{code}",
            "namespace": "shop",
            "uid": f"rs-{number}",
            "creationTimestamp": stamp(created),
            "labels": {"app": "checkout", "pod-template-hash": code},
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "ownerReferences": [owner],
        },
        "spec": {"template": template(image, code, **annotations)},
        "status": {},
    }


def pod(code: str, number: int = 1, crashing: bool = False, since: datetime = T0 - timedelta(days=1)) -> Json:
    """A pod of a revision, serving or crashing."""
    crashed = {"terminated": {"exitCode": 1, "finishedAt": stamp(T0), "containerID": "x"}}
    state: Json = {"waiting": {"reason": "CrashLoopBackOff"}} if crashing else {"running": {"startedAt": stamp(since)}}
    status: Json = {"name": "app", "ready": not crashing, "restartCount": 3 * crashing, "state": state}
    if crashing:
        status["lastState"] = crashed
    return {
        "metadata": {
            "name": f"checkout-{code}-{number}",
            "namespace": "shop",
            "labels": {"app": "checkout", "pod-template-hash": code},
            "uid": f"{code}-{number}",
        },
        "spec": {"nodeName": "node-1", "containers": [{"name": "app"}]},
        "status": {
            "startTime": stamp(since),
            "conditions": [
                {"type": "Ready", "status": "False" if crashing else "True", "lastTransitionTime": stamp(since)}
            ],
            "containerStatuses": [status],
        },
    }


def settled(generation: int, wanted: int, available: int, now: datetime) -> Json:
    """A Deployment's status when its controller is through."""
    return {
        "observedGeneration": generation,
        "replicas": wanted,
        "updatedReplicas": wanted,
        "readyReplicas": available,
        "availableReplicas": available,
        "unavailableReplicas": wanted - available,
        "conditions": [{"type": "Available", "status": "True", "lastTransitionTime": stamp(now)}],
    }


def node(name: str = "node-1", ready: bool = True, **spec: Any) -> Json:
    """A node."""
    conditions = [{"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": stamp(T0)}]
    return {"metadata": {"name": name, "uid": f"uid-{name}"}, "spec": spec, "status": {"conditions": conditions}}
