"""Guard 4: the target is there, and stays (decisions 2.9). Every plan begins with it, and so does every refusal."""

from typing import Any

from stanch.api.incident_status import MitigationRecord
from stanch.api.names import Reason
from stanch.core.asking import target_of
from stanch.core.draft import Draft
from stanch.core.git_ops import HOLD
from stanch.core.observations import Failed, NotFound, Observations
from stanch.core.ports import Aim, Refusal
from stanch.core.questions import Question


def read_target(aim: Aim, seen: Observations) -> dict[str, Any] | Refusal | tuple[Question, ...]:
    """The target as it is now, or why it can't be acted on, or the question for it."""
    answer = seen.get(target_of(aim))
    if answer is None:
        return (target_of(aim),)
    if isinstance(answer, NotFound):
        return Refusal(Reason.TARGET_NOT_FOUND, f"There is no {aim}; correct the name, or create it and wait")
    if isinstance(answer, Failed):
        return Refusal(Reason.NO_DATA_NOW, f"{aim} can't be read: {answer.message}")
    if answer.value["metadata"].get("deletionTimestamp"):
        held = ", ".join(answer.value["metadata"].get("finalizers") or ())
        waits = f". Its finalizers ({held}) hold it until whoever set them takes them off" if held else ""
        return Refusal(Reason.TARGET_DELETING, f"{aim} is being deleted; there is nothing to mitigate{waits}")
    return answer.value


def target_is_there(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """Named before any guard that counts other objects: a typing error is no full budget. A hold's own plan says more."""
    found = read_target(aim, draft.seen)
    return found if isinstance(found, Refusal) and record.action != HOLD else None
