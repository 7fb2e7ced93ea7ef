"""The one writer of status: a merge patch of what changed, on exactly the version that was decided on."""

import json
from collections.abc import Mapping
from typing import Any

from stanch.api.incident import Incident
from stanch.core.questions import INCIDENTS
from stanch.shell.client import MERGE_PATCH, Kube, Reply, Unanswered
from stanch.shell.metrics import CONFLICTS


class StatusConflict(Exception):
    """Somebody wrote the incident since we looked, or nobody can say. Look again; don't tell anybody."""


class StatusRefused(Exception):
    """The API server does not take this status: a bug of ours or a missing right. Carries its words."""


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch from one JSON object to another: null for what goes; lists are replaced whole."""
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            if nested := changes(before, value):
                patch[key] = nested
        elif value != before:
            patch[key] = value
    return patch


async def write_status(kube: Kube, incident: Incident, status: Mapping[str, Any]) -> dict[str, Any]:
    """Write ``status`` as it is to be stored; the incident as it stands then. Raises StatusConflict or StatusRefused."""
    meta = incident.metadata
    version = {"resourceVersion": meta.resource_version, "uid": meta.uid}
    path = INCIDENTS.path(meta.namespace, meta.name)
    return await patch_status(kube, path, version, changes(incident.status.wire(), status))


async def patch_status(kube: Kube, path: str, version: Mapping[str, str], change: Mapping[str, Any]) -> dict[str, Any]:
    """Merge ``change`` into the status of exactly this version. Raises StatusConflict or StatusRefused."""
    body = {"metadata": version, "status": change}
    try:
        reply: Reply = await kube.patch(f"{path}/status", json.dumps(body, separators=(",", ":")), MERGE_PATCH)
    except Unanswered as error:
        raise StatusConflict(str(error)) from error
    if reply.ok:
        return reply.body
    if reply.status in (404, 409) or reply.busy:
        CONFLICTS.inc()
        raise StatusConflict(reply.message)
    raise StatusRefused(reply.message)
