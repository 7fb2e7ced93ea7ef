"""What one look says of a criterion: each kind has its file; what all have in common is here (decisions 2.7)."""

from stanch.api.meta import WORKLOADS
from stanch.api.recovery_status import CriterionRecord
from stanch.core.asking import target_of
from stanch.core.check_condition import condition
from stanch.core.check_restarts import restarts
from stanch.core.check_workload import available, says_nothing
from stanch.core.draft import Draft
from stanch.core.observations import Failed, NotFound
from stanch.core.ports import Aim
from stanch.core.sample import Sample


def look(draft: Draft, c: CriterionRecord, aim: Aim) -> Sample:
    """What the target says. Gone, or on its way out, is never recovery."""
    answer = draft.answer(target_of(aim))
    if answer is None or isinstance(answer, Failed):
        return Sample(None, f"{aim} can't be read")
    if isinstance(answer, NotFound):
        return Sample(False, f"{aim} does not exist", hard=True, off=True)
    obj = answer.value
    if obj["metadata"].get("deletionTimestamp"):
        return Sample(False, f"{aim} is being deleted", hard=True, off=True)
    if c.check == "condition":
        return condition(aim, obj, c.asks or "Ready=True")
    if c.check == "available":
        return available(draft, aim, obj, c.min_percent or 100)
    return restarts(draft, aim, obj) if aim.kind in WORKLOADS else says_nothing(aim, c.check)
