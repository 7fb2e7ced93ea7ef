"""Good and bad by turns is no recovery: it is said, it must hold for longer, and nothing goes on by itself (decisions 2.3)."""

from datetime import datetime, timedelta
from typing import Final

from stanch.api.duration import write
from stanch.api.names import EventKind
from stanch.api.recovery_status import CriterionRecord, CriterionState, RecoveryRecord
from stanch.core.draft import Draft

# Three changes of sides in so long are no recovery, whatever the last one was.
FLIPS_MAX: Final = 3
FLAPS_WITHIN: Final = timedelta(minutes=15)
_SIDES: Final = frozenset({CriterionState.PASSING, CriterionState.FAILING})


def with_flip(before: CriterionRecord, after: CriterionRecord, now: datetime) -> CriterionRecord:
    """Noted when it changed sides; that nobody can say is no side."""
    if {before.state, after.state} != _SIDES:
        return after
    return after.model_copy(update={"flips": (*(before.flips or ()), now)[-FLIPS_MAX:]})


def watch_flapping(draft: Draft, recovery: RecoveryRecord) -> RecoveryRecord:
    """Said once while it lasts."""
    lately = draft.now - FLAPS_WITHIN
    flaps = [c for c in recovery.criteria if len(c.flips or ()) == FLIPS_MAX and min(c.flips or ()) > lately]
    newest = max((max(c.flips or ()) for c in flaps), default=None)
    if newest is None or recovery.flapping_time == newest:
        return recovery
    if recovery.flapping_time is None or recovery.flapping_time <= lately:
        names, within = ", ".join(c.name for c in flaps), write(FLAPS_WITHIN)
        text = (
            f"{names}: {FLIPS_MAX} changes in {within}. It must hold twice as long, and no mitigation starts by itself "
            f"until it was calm for {within}"
        )
        draft.say(EventKind.FLAPPING, text, event=True, warning=True)
    return recovery.model_copy(update={"flapping_time": newest})


def flaps_since(draft: Draft) -> datetime | None:
    """When it last changed sides, while it is good and bad by turns; None when it is calm. Wakes us when it will be."""
    recovery = draft.status.recovery
    at = recovery.flapping_time if recovery is not None else None
    if at is None or draft.now - at >= FLAPS_WITHIN:
        return None
    draft.wake(at + FLAPS_WITHIN)
    return at
