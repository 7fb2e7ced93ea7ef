"""How long taking it back would take: as it took the last times, or the action's own estimate (decisions 2.2)."""

import re
from statistics import median
from typing import Final

from stanch.core.draft import Draft
from stanch.core.pace import own_deeds
from stanch.core.ports import Change

LAST: Final = 5
_ESTIMATED: Final = re.compile(r"^\d+s \(estimated\)")


def undo_takes(draft: Draft, action: str, change: Change) -> str:
    """Median of the last five undos of this action on this target that are still in records; else the plan's estimate."""
    deeds = (*draft.seen.census.deeds, *own_deeds(draft))
    took = [
        (d.time, d.undo_took) for d in deeds if (d.action, d.target) == (action, change.uid) and d.undo_took is not None
    ]
    last = [seconds.total_seconds() for _, seconds in sorted(took)[-LAST:]]
    if not last:
        return change.undo_takes
    times = "once" if len(last) == 1 else f"{len(last)} times"
    return _ESTIMATED.sub(f"{round(median(last))}s (measured {times})", change.undo_takes)
