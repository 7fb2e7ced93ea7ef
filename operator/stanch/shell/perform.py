"""The only code that changes anything which is not our own: one branch a command, one request a branch, never twice."""

import logging
import time
from collections.abc import Awaitable, Iterable
from typing import Final, assert_never

from stanch.core.commands import Command, Removal, Remove, Swap, Unmark, outcome_key
from stanch.core.freeze import met
from stanch.core.observations import Outcome, OutcomeKind
from stanch.core.questions import PODS
from stanch.core.swap import patch_text, unmark
from stanch.shell.client import JSON_PATCH, Kube, Reply, Unanswered
from stanch.shell.metrics import EFFECTS

LOG = logging.getLogger("stanch.perform")
# A process that was stopped and goes on must look again first; its patch would be refused anyway, by its own tests.
STALE_SECONDS: Final = 10.0


async def perform_all(kube: Kube, commands: Iterable[Command], planned: float) -> dict[str, Outcome]:
    """
    What came of each, by outcome_key. One after the other: the leash asks for a freeze at each of them, so that one at most is
    on its way when a freeze comes to be known. What is left then is not sent.
    """
    outcomes: dict[str, Outcome] = {}
    for command in commands:
        outcome = outcomes[outcome_key(command)] = await perform(kube, command, planned)
        what = {"attempt": command.attempt, "target": path_of(command)}
        LOG.info("performed", extra={**what, "outcome": outcome.kind.value, "why": outcome.message})
        if met(outcome):
            break
    return outcomes


async def perform(kube: Kube, command: Command, planned: float) -> Outcome:
    """Do it once and say what came of it. ``planned`` is time.monotonic() of the look it was decided on."""
    if time.monotonic() - planned > STALE_SECONDS:
        return Outcome(OutcomeKind.UNKNOWN, 0, "decided too long ago; looked at again")
    match command:
        case Swap(patch=patch, dry=dry):
            outcome = await _sent(kube.patch(path_of(command), patch, JSON_PATCH, dry=dry))
        case Remove(uid=uid, dry=dry) if command.how is Removal.DELETE:
            outcome = await _sent(kube.delete(path_of(command), uid, dry=dry))
        case Remove(namespace=namespace, name=name, uid=uid, dry=dry):
            outcome = await _sent(kube.evict(namespace, name, uid, dry=dry))
        case Unmark(uid=uid, attempt=attempt):
            # No effect: it is not counted as one.
            return await _sent(kube.patch(path_of(command), patch_text(unmark(uid, attempt)), JSON_PATCH))
        case _:
            assert_never(command)
    EFFECTS.labels(outcome.kind.value).inc()
    return outcome


def path_of(command: Command) -> str:
    """Where the object is that it changes."""
    match command:
        case Swap(ref=ref, namespace=namespace, name=name) | Unmark(ref=ref, namespace=namespace, name=name):
            return ref.path(namespace, name)
        case Remove(namespace=namespace, name=name):
            return PODS.path(namespace, name)


async def _sent(request: Awaitable[Reply]) -> Outcome:
    try:
        reply = await request
    except Unanswered as error:
        return Outcome(OutcomeKind.UNKNOWN, 0, str(error))
    if reply.ok:
        return Outcome(OutcomeKind.ACCEPTED, reply.status, "", reply.body)
    # 5xx may come from behind a write that was made; everything else is a plain no. One eviction's 500 is a no, too.
    unclear = reply.status >= 500 and "more than one PodDisruptionBudget" not in reply.message
    kind = OutcomeKind.UNKNOWN if unclear else OutcomeKind.REFUSED
    return Outcome(kind, reply.status, reply.message)
