"""The only code that changes anything which is not our own: one branch a command, one request a branch, never twice."""

import time
from typing import Final, assert_never

from stanch.core.commands import Command, Swap
from stanch.core.observations import Outcome, OutcomeKind
from stanch.shell.client import JSON_PATCH, Kube, Unanswered
from stanch.shell.metrics import EFFECTS

# A process that was stopped and goes on must look again first; its patch would be refused anyway, by its own tests.
STALE_SECONDS: Final = 10.0


async def perform(kube: Kube, command: Command, planned: float) -> Outcome:
    """Do it once and say what came of it. ``planned`` is time.monotonic() of the look it was decided on."""
    if time.monotonic() - planned > STALE_SECONDS:
        return Outcome(OutcomeKind.UNKNOWN, 0, "decided too long ago; looked at again")
    match command:
        case Swap(ref=ref, namespace=namespace, name=name, patch=patch, dry=dry):
            outcome = await _patch(kube, ref.path(namespace, name), patch, dry)
        case _:
            assert_never(command)
    EFFECTS.labels(outcome.kind.value).inc()
    return outcome


async def _patch(kube: Kube, path: str, patch: str, dry: bool) -> Outcome:
    try:
        reply = await kube.patch(path, patch, JSON_PATCH, dry=dry)
    except Unanswered as error:
        return Outcome(OutcomeKind.UNKNOWN, 0, str(error))
    if reply.ok:
        return Outcome(OutcomeKind.ACCEPTED, reply.status, "", reply.body)
    # 5xx may come from behind a write that was made; everything else is a plain no.
    kind = OutcomeKind.UNKNOWN if reply.status >= 500 else OutcomeKind.REFUSED
    return Outcome(kind, reply.status, reply.message)
