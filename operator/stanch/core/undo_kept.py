"""
When an undo record is needed no more: a day after its incident was closed, and while nothing is owed for it (decisions 2.16).

Pure; shell/undo_sweep.py looks and removes. What an incident left that was deleted while it was open goes by hand alone
(core/orphans.py): its target may still be as stanch wrote it, and then the record is the only one of how it was before.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from stanch.api.incident import Incident
from stanch.api.incident_status import AttemptState, IncidentStatus
from stanch.api.names import Label
from stanch.core.census import OPEN

KEPT_AFTER: Final = timedelta(hours=24)
# Under way, or nobody knows what came of it.
_UNSETTLED: Final = OPEN | {AttemptState.UNKNOWN}


def all_of(status: IncidentStatus) -> frozenset[str]:
    """Names of all undo records that this incident wrote down."""
    return frozenset(a.undo_ref for r in status.mitigations or () for a in r.attempts or ())


def items_of(status: IncidentStatus) -> frozenset[str]:
    """ActionItems that took a debt over: they quote the undo record in the line that takes it back."""
    return frozenset(d.action_item for d in status.debt or () if d.action_item is not None)


def spent(status: IncidentStatus, is_done: Callable[[str], bool]) -> frozenset[str]:
    """
    Names of undo records that nothing needs, whatever the time is.

    A mitigation needs all of its own: while it is owed, here or by an ActionItem that is not ``is_done``; while somebody asks
    to take it back; and while an attempt is under way or its outcome is unknown.
    """
    owed = {d.name for d in status.debt or () if d.action_item is None or not is_done(d.action_item)}
    return frozenset(
        attempt.undo_ref
        for record in status.mitigations or ()
        if record.name not in owed
        and record.undo_asked is None
        and not any(a.state in _UNSETTLED for a in record.attempts or ())
        for attempt in record.attempts or ()
    )


def may_go_from(incident: Incident) -> datetime | None:
    """From when on they may go; None for one that is not over. Without the label somebody still works on it."""
    times = incident.status.times
    over = (times.closed or times.cancelled) if times is not None else None
    return over + KEPT_AFTER if over is not None and Label.CLOSED in incident.metadata.labels else None
