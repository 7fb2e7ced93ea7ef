"""The one writer of status: a merge patch of what changed, on exactly the version that was decided on."""

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from stanch.api.incident import Incident
from stanch.core.alert_groups import OVER
from stanch.core.questions import INCIDENTS
from stanch.shell.client import MERGE_PATCH, Kube, Reply, Unanswered
from stanch.shell.metrics import CONFLICTS

# A status that alerts overtake is tried again so often on what they wrote; each time costs a read and a write.
OVERTAKEN_MAX: Final = 4


class StatusConflict(Exception):
    """Somebody wrote the incident since we looked, or nobody can say. Look again; don't tell anybody."""


class Overtaken(StatusConflict):
    """It is another version by now, and nothing was written: so much is sure."""


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


async def write_status(
    kube: Kube, incident: Incident, status: Mapping[str, Any], known: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """
    Write ``status`` as it is to be stored; the incident as it stands then. Raises StatusConflict, StatusRefused or Unanswered.

    What alerts say, written by the receiver since, is no conflict: this status might as well have been written right before it.
    In a storm of alerts nothing would be written otherwise (ADR 52). ``known`` is the incident as a watch has told of it.
    """
    meta, old = incident.metadata, incident.status.wire()
    path, change = INCIDENTS.path(meta.namespace, meta.name), changes(old, status)
    ends = _over(old) != _over(status)
    version = (None if ends else _after_alerts(incident, known)) or meta.resource_version
    for _ in range(OVERTAKEN_MAX):
        try:
            return await patch_status(kube, path, {"resourceVersion": version, "uid": meta.uid}, change)
        except Overtaken:
            reply = None if ends else await kube.get(path)
            after = _after_alerts(incident, reply.body) if reply and reply.ok else None
            if after is None:
                raise
            version = after
    raise StatusConflict("alerts are told faster than it is written")


def _after_alerts(incident: Incident, body: Mapping[str, Any] | None) -> str | None:
    """The version of ``body``, if what alerts say is all that was written into it since."""
    if body is None or body["metadata"].get("resourceVersion") == incident.metadata.resource_version:
        return None
    try:
        now = Incident.model_validate(body)
    except ValidationError:
        return None
    return now.metadata.resource_version if only_alerts_changed(incident.wire(), now.wire()) else None


def _over(status: Mapping[str, Any]) -> list[Any]:
    times = status.get("times") or {}
    return [times.get(name) for name in OVER]


def only_alerts_changed(known: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Did the receiver write down more of what alerts say, and is all else as it was?"""
    before, now = known.get("spec") or {}, body.get("spec") or {}
    return (
        before.get("alertGroup") != now.get("alertGroup")
        and {k: v for k, v in before.items() if k != "alertGroup"}
        == {k: v for k, v in now.items() if k != "alertGroup"}
        and known.get("status") == body.get("status")
        and known["metadata"].get("labels") == body["metadata"].get("labels")
        and known["metadata"]["uid"] == body["metadata"]["uid"]
        and known["metadata"].get("deletionTimestamp") == body["metadata"].get("deletionTimestamp")
    )


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
        raise (Overtaken if reply.status == 409 else StatusConflict)(reply.message)
    raise StatusRefused(reply.message)
