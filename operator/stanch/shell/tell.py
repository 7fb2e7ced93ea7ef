"""Kubernetes Events for what the status already says: best effort, after the write, never waited for."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from stanch.api.incident import Incident
from stanch.api.meta import instant
from stanch.api.names import API_VERSION, FIELD_MANAGER
from stanch.core.plan_type import Told
from stanch.shell.client import Kube, Unanswered


def body_of(incident: Incident) -> dict[str, Any]:
    """As much of it as an Event needs."""
    meta = incident.metadata
    known = {"name": meta.name, "namespace": meta.namespace, "uid": meta.uid, "resourceVersion": meta.resource_version}
    return {"kind": "Incident", "metadata": known}


async def tell(kube: Kube, about: Mapping[str, Any], told: Told, now: datetime, api_version: str = API_VERSION) -> None:
    """Post one Event on an object, mostly of ours; losing it loses nothing, for the timeline has it."""
    meta = about["metadata"]
    subject = {"apiVersion": api_version, "kind": about["kind"]}
    subject |= {key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion")}
    name = f"{meta['name'][:200]}.{uuid.uuid4().hex[:16]}"
    try:
        await kube.create(_path(meta["namespace"]), _event(name, subject, told, now))
    except Unanswered:
        return


async def tell_once(kube: Kube, namespace: str, name: str, told: Told, now: datetime) -> bool:
    """Post one Event of this name about the operator itself; true once it is there, whoever posted it."""
    subject = {"apiVersion": "v1", "kind": "ServiceAccount", "name": FIELD_MANAGER, "namespace": namespace}
    try:
        reply = await kube.create(_path(namespace), _event(name, subject, told, now))
    except Unanswered:
        return False
    return reply.ok or reply.status == 409


def _path(namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/events"


def _event(name: str, subject: Mapping[str, Any], told: Told, now: datetime) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": subject["namespace"]},
        "involvedObject": dict(subject),
        "type": "Warning" if told.warning else "Normal",
        "reason": told.reason,
        "message": told.message[:1000],
        "source": {"component": FIELD_MANAGER},
        "reportingComponent": FIELD_MANAGER,
        "firstTimestamp": instant(now),
        "lastTimestamp": instant(now),
        "count": 1,
    }
