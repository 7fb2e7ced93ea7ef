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


async def tell(kube: Kube, about: Mapping[str, Any], told: Told, now: datetime) -> None:
    """Post one Event on an object of ours; losing it loses nothing, for the timeline has it."""
    meta = about["metadata"]
    body = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{meta['name'][:200]}.{uuid.uuid4().hex[:16]}", "namespace": meta["namespace"]},
        "involvedObject": {
            "apiVersion": API_VERSION,
            "kind": about["kind"],
            **{key: meta[key] for key in ("name", "namespace", "uid", "resourceVersion")},
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
        await kube.create(f"/api/v1/namespaces/{meta['namespace']}/events", body)
    except Unanswered:
        return
