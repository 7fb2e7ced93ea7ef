"""
A node that two incidents keep pods away from is given back when the last of them ends (mitigations.md 1.7).

Whoever came second found it cordoned and wrote nothing there; the first one's undo is what would give it back.
"""

from typing import Final

from stanch.api.incident_status import Attempt, MitigationRecord
from stanch.api.names import Reason
from stanch.core.draft import Draft
from stanch.core.ports import Aim, Refusal, Written

_KEEPS_AWAY: Final = frozenset({"cordon", "drain"})
_FIELD: Final = "/spec/unschedulable"


def may_be_shared(record: MitigationRecord) -> bool:
    """Is it of a kind that another incident may count on as well?"""
    return record.action in _KEEPS_AWAY


def still_kept(draft: Draft, record: MitigationRecord, aim: Aim, attempt: Attempt, undo: Written) -> Refusal | None:
    """
    Who else counts on it, where this undo would give it back. Only who came later is waited for: of two that wait for each
    other neither would ever go.
    """
    if not may_be_shared(record) or undo["before"].get(_FIELD) == undo["after"].get(_FIELD):
        return None
    others = (d for d in draft.seen.census.deeds if d.target == undo["uid"] and d.action in _KEEPS_AWAY)
    other = next((d for d in others if not (d.undone or d.over) and d.time >= attempt.intended_time), None)
    if other is None:
        return None
    return Refusal(
        Reason.TARGET_BUSY,
        f"{other.mitigation} ({other.action}) of incident {other.incident} keeps pods away from {aim} as well; it is given back "
        "when that is undone, or that incident is closed",
    )
