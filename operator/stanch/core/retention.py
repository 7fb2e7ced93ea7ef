"""
Which evidence may go, and which is kept (decisions 2.16). Pure: the sweep in shell/evidence_sweep.py looks and removes.

The floor: nothing of an incident that is open, or whose postmortem is still owed, is ever removed, however full it is.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from stanch.api.evidence import Purpose
from stanch.api.meta import Severity
from stanch.api.names import Label
from stanch.api.policy import Policy

# Pages hold the record itself: they live as long as their Incident does (decisions 1.2 C3).
RECORDS: Final = frozenset({Purpose.PAGE.value, Purpose.CLOSED.value})
_REVIEWED: Final = "Reviewed"


@dataclass(frozen=True, slots=True)
class Kept:
    """One Evidence object without its archive. ``captured`` is RFC 3339; ``bytes`` are those of the archive."""

    namespace: str
    name: str
    uid: str
    incident: str
    incident_uid: str
    purpose: str
    captured: str
    items: int = 0
    missing: int = 0
    bytes: int = 0
    redactions: int = 0


@dataclass(frozen=True, slots=True)
class Removal:
    """One that goes, and why."""

    kept: Kept
    why: str


@dataclass(frozen=True, slots=True)
class Standing:
    """
    How an incident stands for its evidence. ``over`` is when it was closed; None while anything is still owed.

    ``there`` is false for one that was deleted: its evidence is the memory that it was here (docs/adr/0006), and is kept
    as long as the longest.
    """

    there: bool
    over: datetime | None = None
    severity: Severity = Severity.SEV1


def standing(incident: Mapping[str, Any] | None, uid: str) -> Standing:
    """Of the incident with this uid; ``incident`` is what is at its name now, None for nothing."""
    if incident is None or (incident.get("metadata") or {}).get("uid") != uid:
        return Standing(there=False)
    status = incident.get("status") or {}
    over = _over(incident, status)
    level = (status.get("severity") or {}).get("level")
    return Standing(True, over, Severity(level) if level in set(Severity) else Severity.SEV1)


def _over(incident: Mapping[str, Any], status: Mapping[str, Any]) -> datetime | None:
    if Label.CLOSED not in ((incident.get("metadata") or {}).get("labels") or {}):
        return None
    return closed_at(status) if is_reviewed(status) else None


def closed_at(status: Mapping[str, Any]) -> datetime | None:
    """When it was cancelled or closed."""
    times = status.get("times") or {}
    return at(times.get("cancelled") or times.get("closed"))


def is_reviewed(status: Mapping[str, Any]) -> bool:
    """Nothing is to be learned from it any more: cancelled, published or waived."""
    conditions = status.get("conditions") or ()
    reviewed = any(c.get("type") == _REVIEWED and c.get("status") == "True" for c in conditions)
    return reviewed or bool((status.get("times") or {}).get("cancelled"))


def at(value: Any) -> datetime | None:
    """An RFC 3339 instant, or None."""
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found.replace(tzinfo=found.tzinfo or UTC) if found else None


def run_out(kept: Kept, how: Standing, policy: Policy, now: datetime) -> Removal | None:
    """Its time is over; None while it is kept."""
    longest = max(policy.retention_evidence.values())
    if not how.there:
        return _if_over(kept, at(kept.captured), longest, now, "its incident is gone; captured")
    if kept.purpose in RECORDS or how.over is None:
        return None
    return _if_over(kept, how.over, policy.retention_evidence[how.severity], now, "its incident was closed")


def _if_over(kept: Kept, since: datetime | None, lasts: timedelta, now: datetime, what: str) -> Removal | None:
    if since is None or now < since + lasts:
        return None
    return Removal(kept, f"{what} {(now - since).days} days ago, and it is kept for {lasts.days} days")


def too_much(kept: Iterable[Kept], standings: Mapping[str, Standing], most: int) -> tuple[Removal, ...]:
    """The oldest that may go until ``most`` bytes are left; fewer when what is left is all still needed."""
    everything = sorted(kept, key=lambda each: (each.captured, each.namespace, each.name))
    over = sum(each.bytes for each in everything) - most
    found = []
    for each in everything:
        if over <= 0:
            break
        how = standings.get(each.incident_uid)
        if how is None or how.over is None or each.purpose in RECORDS:
            continue
        over -= each.bytes
        found.append(Removal(each, f"all evidence may have {most} bytes, and this is the oldest that is not needed"))
    return tuple(found)
