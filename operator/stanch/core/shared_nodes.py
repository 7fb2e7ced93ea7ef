"""
A node that two incidents keep pods away from is given back when the last of them ends (mitigations.md 1.7).

Whoever came second found it cordoned and wrote nothing there; the first one's undo is what would give it back. A drain then still
took pods away, so it is a deed; a cordon had nothing to do at all, was skipped, and counts on the node all the same.
"""

from itertools import chain
from typing import Final

from stanch.api.incident_status import Attempt, MitigationRecord, WishState
from stanch.api.names import EventKind, Reason
from stanch.core.census import Deed, Reliance
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
    later = (d for d in others if not (d.undone or d.over) and d.time >= attempt.intended_time)
    # Who wrote nothing has nothing to take back, and so waits for nobody: it may have come at any time.
    relies = (r for r in draft.seen.census.reliances if r.name == aim.name and r.action in _KEEPS_AWAY)
    other: Deed | Reliance | None = next(chain[Deed | Reliance](later, relies), None)
    if other is None:
        return None
    return Refusal(
        Reason.TARGET_BUSY,
        f"{other.mitigation} ({other.action}) of incident {other.incident} keeps pods away from {aim} as well; it is given back "
        "when that is undone, or that incident is closed",
    )


def relies_on_it(record: MitigationRecord) -> bool:
    """Did it find the node as it wanted it, so that another's undo waits for it?"""
    return may_be_shared(record) and record.state is WishState.SKIPPED and record.reason == Reason.NOTHING_TO_DO


def lets_go(draft: Draft, record: MitigationRecord, who: str) -> None:
    """Somebody says that it is not needed any more: nothing is written, and whoever cordoned it may give it back."""
    message = f"{who} does not need it any more; whoever cordoned the node may give it back"
    draft.put(record.model_copy(update={"state": WishState.UNDONE, "reason": None, "message": message}))
    draft.say(EventKind.MITIGATION_UNDONE, f"{record.name}: {message}", event=True)
