"""Kubernetes Events for what the status already says: best effort, after the write, never waited for."""

import uuid
from datetime import datetime

from stanch.api.incident import Incident
from stanch.api.meta import instant
from stanch.api.names import API_VERSION, FIELD_MANAGER
from stanch.core.plan_type import Told
from stanch.shell.client import Kube, Unanswered


async def tell(kube: Kube, incident: Incident, told: Told, now: datetime) -> None:
    """Post one Event on the incident; losing it loses nothing, for the timeline has it."""
    meta = incident.metadata
    body = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{meta.name[:200]}.{uuid.uuid4().hex[:16]}", "namespace": meta.namespace},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": "Incident",
            "name": meta.name,
            "namespace": meta.namespace,
            "uid": meta.uid,
            "resourceVersion": meta.resource_version,
        },
        "type": "Warning" if told.warning else "Normal",
        "reason": told.reason,
        "message": told.message[:1000],
        "source": {"component": FIELD_MANAGER},
        "reportingComponent": FIELD_MANAGER,
        "firstTimestamp": instant(now),
        "lastTimestamp": instant(now),
        "count": 1,
    }
    try:
        await kube.create(f"/api/v1/namespaces/{meta.namespace}/events", body)
    except Unanswered:
        return
