"""What incidents see of each other: who acts on what, whose a mark is, what was done. Each one's part is worked out once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from stanch.core.census import OPEN, Census, Deed, Reliance, deeds_of, is_alarm, reliances_of
from stanch.core.observations import Acted, Busy


@dataclass(frozen=True, slots=True)
class Part:
    """
    What one incident adds. ``busy`` has target uids and ``acted`` action ids as keys; ``alarm`` is when alerts made it,
    None when somebody else did.
    """

    busy: Mapping[str, Busy]
    acted: Mapping[str, Acted]
    deeds: tuple[Deed, ...]
    alarm: datetime | None
    reliances: tuple[Reliance, ...] = ()


NOTHING: Final = Part({}, {}, (), None)


def part_of(incident: str, body: Mapping[str, Any]) -> Part:
    """The part of an incident (namespace/name) by its body, as the API server wrote it."""
    if (body.get("spec") or {}).get("drill"):
        return NOTHING  # What it wrote down was tried and not done (decisions 1.3 no. 16).
    status, meta = body.get("status") or {}, body["metadata"]
    records, times = status.get("mitigations") or (), status.get("times") or {}
    alerted = is_alarm(meta.get("labels"))
    over = bool(times.get("closed") or times.get("cancelled"))
    return Part(
        busy=_busy(incident, records),
        acted={
            attempt["id"]: Acted(
                f"mitigation {record['name']} of incident {incident}", tuple(attempt.get("fields") or ())
            )
            for record in records
            for attempt in record.get("attempts") or ()
        },
        deeds=tuple(deeds_of(incident, records, over=over)),
        alarm=datetime.fromisoformat(meta["creationTimestamp"]) if alerted else None,
        reliances=() if over else tuple(reliances_of(incident, records, resolved=bool(times.get("resolved")))),
    )


def _busy(incident: str, records: Iterable[Mapping[str, Any]]) -> dict[str, Busy]:
    found: dict[str, Busy] = {}
    for record in records:
        uid = (record.get("target") or {}).get("uid")
        acting = next((a for a in record.get("attempts") or () if a.get("state") in OPEN), None)
        if uid and acting:
            found[uid] = _together(found.get(uid), Busy(incident, _still_looked_at(acting)))
    return found


def _together(one: Busy | None, other: Busy) -> Busy:
    """Of several incidents the one that locks the whole object counts; else all their fields do."""
    if one is None or one.fields is None or other.fields is None:
        return one if one is not None and one.fields is None else other
    return Busy(f"{one.incident} or {other.incident}", one.fields + other.fields)


def _still_looked_at(attempt: Mapping[str, Any]) -> tuple[str, ...] | None:
    if attempt.get("state") != "Applied" or attempt.get("removes"):
        return None
    return tuple(attempt.get("fields") or ()) or None


def busy(parts: Iterable[Part]) -> dict[str, Busy]:
    """Target uid → the incident that is acting on it now."""
    found: dict[str, Busy] = {}
    for part in parts:
        for uid, acting in part.busy.items():
            found[uid] = _together(found.get(uid), acting)
    return found


def acted(parts: Iterable[Part]) -> dict[str, Acted]:
    """Action id, as our label on a target has it → the mitigation and incident whose it is."""
    found: dict[str, Acted] = {}
    for part in parts:
        found.update(part.acted)
    return found


def census(parts: Iterable[Part]) -> Census:
    """Everything that they did and are doing, when alerts made them, and what they count on."""
    kept = tuple(parts)
    alarms = sorted(part.alarm for part in kept if part.alarm is not None)
    return Census(
        deeds=tuple(deed for part in kept for deed in part.deeds),
        alarms=tuple(alarms),
        reliances=tuple(each for part in kept for each in part.reliances),
    )
