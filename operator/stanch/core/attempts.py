"""What an attempt is in the record: open, in force, ended; and how its end is told. Its states only move on."""

from collections.abc import Mapping
from typing import Any, Final

from stanch.api.incident_status import Attempt, AttemptState, IncidentStatus, MitigationRecord, WishState
from stanch.api.names import FIELD_MANAGER, EventKind
from stanch.core.census import OPEN
from stanch.core.draft import MESSAGE_CHARACTERS_MAX, Draft, shorten
from stanch.core.swap import digest

NOTHING: Final = digest({})
IN_FORCE: Final = frozenset({AttemptState.APPLIED, AttemptState.VERIFIED})


def in_force(record: MitigationRecord) -> bool:
    """Does an effect of this mitigation stand: applied, and not taken back?"""
    return standing(record) is not None


def standing(record: MitigationRecord) -> Attempt | None:
    """The attempt whose effect stands."""
    attempts = record.attempts or ()
    undone = {a.undoes for a in attempts if a.undoes and _took_effect(a)}
    return next((a for a in reversed(attempts) if not a.undoes and a.id not in undone and _took_effect(a)), None)


def _took_effect(attempt: Attempt) -> bool:
    # Failed after it was applied: the write stands although the rollout did not come up. Diverged: what is left of it does.
    ended = attempt.state in (AttemptState.FAILED, AttemptState.DIVERGED)
    return attempt.state in IN_FORCE or (ended and attempt.applied_time is not None)


def only_removes(attempt: Attempt) -> bool:
    """Does it write no field, and only take a pod away? Then the pod's uid is all there is to compare."""
    return bool(attempt.removes) and attempt.pre == NOTHING


def open_attempt(record: MitigationRecord) -> Attempt | None:
    """The attempt that is under way; there is never more than one."""
    return next((a for a in record.attempts or () if a.state in OPEN), None)


def begun(before: IncidentStatus, after: IncidentStatus) -> frozenset[str]:
    """Ids of attempts that were written down in between."""
    return _ids(after) - _ids(before)


def _ids(status: IncidentStatus) -> frozenset[str]:
    return frozenset(a.id for r in status.mitigations or () for a in r.attempts or ())


def put_attempt(draft: Draft, record: MitigationRecord, attempt: Attempt, **changes: Any) -> MitigationRecord:
    """Replace the attempt of that id in the record, and change fields of the record."""
    attempts = tuple(attempt if a.id == attempt.id else a for a in record.attempts or ())
    changed = record.model_copy(update={"attempts": attempts, **changes})
    draft.put(changed)
    return changed


def writer(target: Mapping[str, Any]) -> str:
    """The field manager that wrote the object last, not counting us and status writers."""
    managers = [
        m
        for m in target["metadata"].get("managedFields") or ()
        if not m.get("subresource") and m.get("manager") != FIELD_MANAGER
    ]
    last: Mapping[str, Any] = max(managers, key=lambda m: m.get("time", ""), default={"manager": "somebody"})
    return str(last.get("manager") or "somebody")


_KIND_OF_END: Final = {
    AttemptState.FAILED: EventKind.MITIGATION_FAILED,
    AttemptState.DIVERGED: EventKind.MITIGATION_DIVERGED,
    AttemptState.SKIPPED: EventKind.MITIGATION_SKIPPED,
    AttemptState.VERIFIED: EventKind.MITIGATION_VERIFIED,
}


def end(draft: Draft, record: MitigationRecord, attempt: Attempt, state: AttemptState, message: str) -> None:
    """The attempt is over; so is its wish, unless it was an undo of an effect that still stands."""
    message = shorten(message, MESSAGE_CHARACTERS_MAX)
    ended = attempt.model_copy(update={"state": state, "ended_time": draft.now, "message": message})
    good = state in (AttemptState.VERIFIED, AttemptState.SKIPPED)
    if attempt.undoes:
        wish_state = record.state
    elif state is AttemptState.SKIPPED:
        wish_state = WishState.SKIPPED
    else:
        wish_state = WishState.DONE if good else WishState.FAILED
    put_attempt(draft, record, ended, state=wish_state, message=message, reason=None)
    draft.say(_KIND_OF_END[state], f"{record.name}: {message}", event=True, warning=not good)
