"""Kubernetes Events: of what a timeline has, best effort and after the write; of what nothing else tells, before it."""

import hashlib
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from stanch.api.incident import Incident
from stanch.api.meta import instant
from stanch.api.names import API_VERSION, FIELD_MANAGER
from stanch.core.plan_type import Told
from stanch.shell.client import Kube, Unanswered

TOO_MANY: Final = 429
SERVER_ERROR: Final = 500


def body_of(incident: Incident) -> dict[str, Any]:
    """As much of it as an Event needs."""
    meta = incident.metadata
    known = {"name": meta.name, "namespace": meta.namespace, "uid": meta.uid, "resourceVersion": meta.resource_version}
    return {"kind": "Incident", "metadata": known}


async def tell(kube: Kube, about: Mapping[str, Any], told: Told, now: datetime, api_version: str = API_VERSION) -> None:
    """Post one Event on an object, mostly of ours; losing it loses nothing, for the timeline has it."""
    subject = _subject(about, api_version)
    name = f"{subject['name'][:200]}.{uuid.uuid4().hex[:16]}"
    try:
        await kube.create(_path(subject["namespace"]), _event(name, subject, told, now))
    except Unanswered:
        return


async def tell_first(
    kube: Kube, about: Mapping[str, Any], told: Told, now: datetime, api_version: str = API_VERSION
) -> bool:
    """
    Post what is told before it is recorded, under a name made of what it is about (``told.once``), so that it is there once.

    False when it may not be there and is worth another try; what the API server refuses for good is not held up by.
    """
    subject = _subject(about, api_version)
    mark = hashlib.sha256("\n".join((subject["uid"], told.reason, told.once)).encode()).hexdigest()[:16]
    try:
        reply = await kube.create(
            _path(subject["namespace"]), _event(f"{subject['name'][:200]}.{mark}", subject, told, now)
        )
    except Unanswered:
        return False
    return reply.status != TOO_MANY and reply.status < SERVER_ERROR


async def tell_once(kube: Kube, namespace: str, name: str, told: Told, now: datetime) -> bool:
    """Post one Event of this name about the operator itself; true once it is there, whoever posted it."""
    subject = {"apiVersion": "v1", "kind": "ServiceAccount", "name": FIELD_MANAGER, "namespace": namespace}
    try:
        reply = await kube.create(_path(namespace), _event(name, subject, told, now))
    except Unanswered:
        return False
    return reply.ok or reply.status == 409


def _subject(about: Mapping[str, Any], api_version: str) -> dict[str, str]:
    meta = about["metadata"]
    known = {key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion")}
    return {"apiVersion": api_version, "kind": about["kind"], **known}


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
