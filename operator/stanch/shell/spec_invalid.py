"""An incident that an older schema let in and nobody can read: say so on the object itself, and leave the rest alone."""

import json
import logging
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from stanch.api.meta import instant
from stanch.api.names import ConditionType, Reason
from stanch.core.questions import INCIDENTS
from stanch.core.reading import first_problem
from stanch.shell.client import MERGE_PATCH, Kube, Unanswered

LOG = logging.getLogger("stanch.spec")


async def say_invalid(kube: Kube, body: dict[str, Any], error: ValidationError, now: datetime) -> None:
    """Stalled=True SpecInvalid, naming the field; nothing is written when it says so already."""
    meta = body["metadata"]
    message = f"{first_problem(error)}; correct it, nothing is done until then"
    conditions = [c for c in (body.get("status") or {}).get("conditions") or () if isinstance(c, dict)]
    if any(c.get("type") == ConditionType.STALLED and c.get("message") == message for c in conditions):
        return
    LOG.warning("an incident can't be read", extra={"incident": f"{meta['namespace']}/{meta['name']}", "why": message})
    stalled = {
        "type": ConditionType.STALLED,
        "status": "True",
        "observedGeneration": meta.get("generation", 0),
        "lastTransitionTime": instant(now),
        "reason": Reason.SPEC_INVALID,
        "message": message[:900],
    }
    others = [c for c in conditions if c.get("type") != ConditionType.STALLED]
    patch = {"metadata": {"resourceVersion": meta["resourceVersion"]}, "status": {"conditions": [*others, stalled]}}
    path = INCIDENTS.path(meta["namespace"], meta["name"]) + "/status"
    try:
        await kube.patch(path, json.dumps(patch), MERGE_PATCH)
    except Unanswered:
        return
