"""An ActionItem knows whether it is open, overdue or done, and when to look again."""

from datetime import datetime

from stanch.api.action_item import ActionItem, ActionItemStatus
from stanch.api.meta import Condition, ConditionStatus, instant


def item_status(item: ActionItem, now: datetime) -> tuple[ActionItemStatus, datetime | None]:
    """What is so now, and when that changes by itself."""
    now = now.replace(microsecond=0)
    done, late = bool(item.spec.closed), item.spec.due_time <= now
    state = "Done" if done else "Overdue" if late else "Open"
    overdue = "True" if late and not done else "False"
    text = f"Due {instant(item.spec.due_time)}, owned by {item.spec.owner}"
    conditions = (
        _condition(item, "Done", "True" if done else "False", "Closed" if done else "Open", text, now),
        _condition(item, "Overdue", "True" if overdue == "True" else "False", state, text, now),
    )
    status = ActionItemStatus(observed_generation=item.metadata.generation, state=state, conditions=conditions)
    return status, None if done or late else item.spec.due_time


def _condition(
    item: ActionItem, kind: str, status: ConditionStatus, reason: str, message: str, now: datetime
) -> Condition:
    known = next((c for c in item.status.conditions if c.type == kind), None)
    since = known.last_transition_time if known and known.status == status else now
    return Condition(
        type=kind,
        status=status,
        observed_generation=item.metadata.generation,
        last_transition_time=since,
        reason=reason,
        message=message,
    )
