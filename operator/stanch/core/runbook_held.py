"""A Runbook of which no plan comes until somebody corrects it: on the incident's conditions, for its whole plan waits for that."""

from typing import Final

from stanch.api.names import ConditionType, Reason
from stanch.core.conditions import drop, put
from stanch.core.draft import Draft

# What only a person mends; a precondition that is not met is no fault of the Runbook.
_MENDED_BY_PEOPLE: Final = (Reason.NOT_RENDERED, Reason.SPEC_INVALID, Reason.RUNBOOK_NOT_FOUND)


def held_by_runbook(draft: Draft) -> None:
    """MitigationHeld for the plan that is not there, while nothing else is held."""
    known, times = draft.status.runbook, draft.status.times
    over = times is None or times.resolved is not None or times.cancelled is not None
    if known is None or known.digest is not None or known.reason not in _MENDED_BY_PEOPLE or over:
        drop(draft, ConditionType.MITIGATION_HELD)
        return
    text = f"Nothing of Runbook {known.name} is done until it is corrected: {known.message}"
    put(draft, ConditionType.MITIGATION_HELD, "True", known.reason, text)
