"""Conditions that don't flap: `lastTransitionTime` moves only when `status` flips."""

from stanch.api.incident_status import IncidentStatus
from stanch.api.meta import Condition, ConditionStatus
from stanch.core.draft import Draft, shorten

_MESSAGE_MAX = 900


def find(status: IncidentStatus, kind: str) -> Condition | None:
    """The condition of that type."""
    return next((c for c in status.conditions if c.type == kind), None)


def is_true(status: IncidentStatus, kind: str) -> bool:
    """Is the condition there and True?"""
    condition = find(status, kind)
    return condition is not None and condition.status == "True"


def put(draft: Draft, kind: str, status: ConditionStatus, reason: str, message: str = "") -> None:
    """Set a condition; nothing changes when it already says the same."""
    known = find(draft.status, kind)
    flipped = known is None or known.status != status
    condition = Condition(
        type=kind,
        status=status,
        observed_generation=draft.incident.metadata.generation,
        last_transition_time=draft.now if flipped or known is None else known.last_transition_time,
        reason=reason,
        message=shorten(message, _MESSAGE_MAX),
    )
    if known is None:
        draft.set(conditions=(*draft.status.conditions, condition))
    elif condition != known:
        draft.set(conditions=tuple(condition if c.type == kind else c for c in draft.status.conditions))


def drop(draft: Draft, kind: str) -> None:
    """Take away a condition that is shown only while it is true."""
    if find(draft.status, kind) is not None:
        draft.set(conditions=tuple(c for c in draft.status.conditions if c.type != kind))
