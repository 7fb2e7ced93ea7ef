"""What switches one field of a spec on or off share: cordon, pause and suspend, and the way back of the first two."""

from typing import Any

from stanch.core.observations import Observations
from stanch.core.ports import Aim, Change, Refusal
from stanch.core.questions import Question
from stanch.core.swap import ABSENT, look_up
from stanch.core.there import read_target
from stanch.mitigations.workload import Json, owner_refusal


def read_own(aim: Aim, seen: Observations) -> dict[str, Any] | Refusal | tuple[Question, ...]:
    """The target as it is now, as `read_target` has it; refused also when another object controls it."""
    target = read_target(aim, seen)
    return (owner_refusal(aim, target) or target) if isinstance(target, dict) else target


def switched(target: Json, field: str, on: bool, **said: Any) -> Change:
    """``spec.<field>`` becomes true, or goes; tested by what it is now. ``said`` is the rest of the Change."""
    pointer = f"/spec/{field}"
    return Change(
        uid=target["metadata"]["uid"],
        before={pointer: look_up(target, pointer)},
        after={pointer: True if on else ABSENT},
        diff=(f"spec.{field}: {str(not on).lower()} -> {str(on).lower()}",),
        undo_takes="1s (estimated)",
        labels=target["metadata"].get("labels"),
        **said,
    )
