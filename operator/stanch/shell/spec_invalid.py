"""An incident that an older schema let in and nobody can read: say so on the object itself, and leave the rest alone."""

import logging
from typing import Any

from pydantic import ValidationError

from stanch.api.names import Reason
from stanch.core.reading import first_problem
from stanch.shell.client import Kube, Unanswered
from stanch.shell.say_stalled import say_stalled, says_so

LOG = logging.getLogger("stanch.spec")


async def say_invalid(kube: Kube, body: dict[str, Any], error: ValidationError) -> None:
    """Stalled=True SpecInvalid, naming the field; nothing is written when it says so already."""
    meta = body["metadata"]
    message = f"{first_problem(error)}; correct it, nothing is done until then"
    if says_so(body, message):
        return
    LOG.warning("an incident can't be read", extra={"incident": f"{meta['namespace']}/{meta['name']}", "why": message})
    try:
        await say_stalled(kube, body, Reason.SPEC_INVALID, message)
    except Unanswered:
        return
