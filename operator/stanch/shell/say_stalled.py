"""Stalled=True on an incident that can't be planned: said on the object itself, and the rest of it left alone."""

import json
from typing import Any, Final

from stanch.api.meta import instant
from stanch.api.names import ConditionType
from stanch.core.questions import INCIDENTS
from stanch.shell.client import MERGE_PATCH, Kube

_MESSAGE_MAX: Final = 900


def says_so(body: dict[str, Any], message: str) -> bool:
    """Does its status say exactly this already?"""
    return any(
        c.get("type") == ConditionType.STALLED and c.get("message") == message[:_MESSAGE_MAX] for c in _conditions(body)
    )


async def say_stalled(kube: Kube, body: dict[str, Any], reason: str, message: str) -> dict[str, Any] | None:
    """The body as it was written; None when that was not taken: somebody else wrote it since. Raises Unanswered."""
    meta, now = body["metadata"], instant(kube.clock.now())
    known = next((c for c in _conditions(body) if c.get("type") == ConditionType.STALLED), {})
    stalled = {
        "type": ConditionType.STALLED,
        "status": "True",
        "observedGeneration": meta.get("generation", 0),
        "lastTransitionTime": known.get("lastTransitionTime", now) if known.get("status") == "True" else now,
        "reason": reason,
        "message": message[:_MESSAGE_MAX],
    }
    others = [c for c in _conditions(body) if c.get("type") != ConditionType.STALLED]
    patch = {"metadata": {"resourceVersion": meta["resourceVersion"]}, "status": {"conditions": [*others, stalled]}}
    path = INCIDENTS.path(meta["namespace"], meta["name"]) + "/status"
    reply = await kube.patch(path, json.dumps(patch), MERGE_PATCH)
    return reply.body if reply.ok else None


def _conditions(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [c for c in (body.get("status") or {}).get("conditions") or () if isinstance(c, dict)]
