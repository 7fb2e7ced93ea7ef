"""A plan that breaks a law is replaced by one that only says so."""

from datetime import datetime, timedelta

from stanch.api.incident import Incident
from stanch.api.meta import Condition
from stanch.api.names import ConditionType, EventKind, Reason
from stanch.core.plan_type import Plan, Told


def stalled_by_law(incident: Incident, laws: list[str], now: datetime) -> Plan:
    """Stalled=True LawBroken, told as an Event when it begins; nothing else changed, nothing done."""
    message = f"stanch planned something that breaks its own {', '.join(laws)}; nothing was done. Please report it"
    known = next((c for c in incident.status.conditions if c.type == ConditionType.STALLED), None)
    if known is not None and known.message == message:
        return Plan(status=incident.status, wake_at=now + timedelta(minutes=1))
    since = known.last_transition_time if known and known.status == "True" else now
    condition = Condition(
        type=ConditionType.STALLED,
        status="True",
        observed_generation=incident.metadata.generation,
        last_transition_time=since,
        reason=Reason.LAW_BROKEN,
        message=message[:900],
    )
    others = tuple(c for c in incident.status.conditions if c.type != ConditionType.STALLED)
    return Plan(
        status=incident.status.model_copy(update={"conditions": (*others, condition)}),
        events=(Told(EventKind.STALLED, f"{Reason.LAW_BROKEN}: {message[:900]}", warning=True),),
        wake_at=now + timedelta(minutes=1),
    )
