"""
The guards in the order of decisions 2.9: of two that say no, the one with the lower number is told.

A guard that looks at what would be written has nothing to say while there is no plan. What an action's own plan refuses stands
where its reason does. 15 and 16 are in core/start.py, once all of these are content; 11 and 12 say no to nothing: they raise
what 16 asks for; and the hold that 7 may ask for is made once people agreed (ADR 0037).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from stanch.api.incident_status import MitigationRecord
from stanch.api.names import Reason
from stanch.core.blast import enough_pods_are_left, nodes_are_left
from stanch.core.draft import Draft
from stanch.core.git_ops import nobody_forbids
from stanch.core.guards import (
    action_fits_kind,
    asker_may,
    commander_may_act,
    fields_are_free,
    incident_is_open,
    nobody_pulls,
    not_frozen,
    not_seen_before,
    place_is_allowed,
    policies_are_proven,
    room_for_what_is_owed,
    somebody_vouched,
    target_is_free,
    target_is_not_protected,
)
from stanch.core.own_rights import operator_may
from stanch.core.pace import few_under_way, has_rested, hour_has_room
from stanch.core.ports import Aim, Change, Refusal, Sized
from stanch.core.protected import owners_are_not_protected
from stanch.core.reverts import revert_fits
from stanch.core.runbook_authority import may_run
from stanch.core.runbook_pace import runbook_has_rested
from stanch.core.runners import nobody_else_runs_it
from stanch.core.there import target_is_there

Guard = Callable[[Draft, MitigationRecord, Aim], Refusal | None]


@dataclass(frozen=True, slots=True)
class OfPlan:
    """A guard that looks at what would be written."""

    asks: Callable[[Draft, MitigationRecord, Aim, Change], Refusal | None]


@dataclass(frozen=True, slots=True)
class No:
    """Which guard says no, why, and whether for what would be written: then the plan is shown with it."""

    guard: int
    refusal: Refusal
    of_plan: bool = False


def _new_values(change: Change) -> list[str]:
    """Which of the fields get another value."""
    return [field for field, value in change.before.items() if change.after.get(field) != value]


GUARDS: Final[tuple[tuple[int, Guard | OfPlan], ...]] = (
    # 1 frozen
    (1, not_frozen),
    # 2 open, not paused, not seen before
    (2, incident_is_open),
    (2, policies_are_proven),
    (2, not_seen_before),
    # 3 rights
    (3, somebody_vouched),
    (3, asker_may),
    (3, may_run),
    (3, operator_may),
    (3, commander_may_act),
    # 4 target
    (4, action_fits_kind),
    (4, revert_fits),
    (4, target_is_there),
    # 5 protected
    (5, place_is_allowed),
    (5, target_is_not_protected),
    (5, owners_are_not_protected),
    # 6 owner
    (6, nobody_else_runs_it),
    # 7 GitOps
    (7, OfPlan(nobody_forbids)),
    # 8 busy
    (8, target_is_free),
    (8, OfPlan(lambda draft, record, aim, change: fields_are_free(draft, aim, change.before))),
    (8, room_for_what_is_owed),
    (8, nobody_pulls),
    # 9 cool-down
    (9, OfPlan(lambda draft, record, aim, change: has_rested(draft, record, aim, change.before, _new_values(change)))),
    (9, hour_has_room),
    (9, runbook_has_rested),
    # 10 at once
    (10, few_under_way),
    # 13 blast
    (13, nodes_are_left),
    (13, OfPlan(enough_pods_are_left)),
)
PREFLIGHT: Final = 14
# What an action finds out for itself of what another guard is about; all else is its preflight.
OWN_REASONS: Final[Mapping[str, int]] = {
    Reason.PERMISSION_MISSING: 3,
    Reason.NOT_OBSERVED_YET: 4,
    Reason.TARGET_NOT_FOUND: 4,
    Reason.TARGET_DELETING: 4,
    Reason.PROTECTED: 5,
    Reason.OWNED_BY_ANOTHER: 6,
    Reason.WOULD_BREAK_BUDGET: 13,
}


def first_no(draft: Draft, record: MitigationRecord, aim: Aim, size: Sized) -> No | None:
    """The first guard that says no, of what is known so far; what is asked meanwhile may change it."""
    own = No(OWN_REASONS.get(size.reason, PREFLIGHT), size) if isinstance(size, Refusal) else None
    for number, guard in GUARDS:
        if own is not None and own.guard < number:
            return own
        if isinstance(guard, OfPlan):
            refusal = guard.asks(draft, record, aim, size) if isinstance(size, Change) else None
        else:
            refusal = guard(draft, record, aim)
        if refusal is not None:
            return No(number, refusal, isinstance(guard, OfPlan))
    return own
