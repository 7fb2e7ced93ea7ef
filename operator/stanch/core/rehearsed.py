"""What was rehearsed: each Runbook with its last drill, and how long taking a mitigation back took (seed 3: that is the risk)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from stanch.api.actions import ACTION_NAMES
from stanch.api.incident import Incident
from stanch.core.review_deeds import applied, undo_took


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """One Runbook. ``drilled`` is None where it never was; ``changed`` since; ``undo`` by action, None where unmeasured."""

    runbook: str
    mode: str
    drilled: datetime | None
    incident: str
    changed: bool
    undo: Mapping[str, timedelta | None]

    @property
    def words(self) -> str:
        """How it stands, in words."""
        if self.drilled is None:
            return "never drilled"
        return "changed since its last drill" if self.changed else "drilled"


def undo_times(incidents: Iterable[Incident]) -> dict[str, tuple[int, timedelta]]:
    """By action: how often an undo was measured, and the middle one. Drills undo nothing, so these are of real incidents."""
    found: dict[str, list[timedelta]] = defaultdict(list)
    for incident in incidents:
        for record in incident.status.mitigations or ():
            took = undo_took(record) if applied(record) and not incident.spec.drill else None
            if took is not None:
                found[record.action].append(took)
    return {action: (len(each), sorted(each)[(len(each) - 1) // 2]) for action, each in sorted(found.items())}


def ledger(runbooks: Sequence[Mapping[str, Any]], incidents: Sequence[Incident]) -> list[Rehearsed]:
    """Each Runbook as stored: what was never drilled first, then what was drilled longest ago."""
    measured = undo_times(incidents)
    return sorted((_one(body, measured) for body in runbooks), key=_never_first)


def _never_first(one: "Rehearsed") -> tuple[bool, float, str]:
    return one.drilled is not None, one.drilled.timestamp() if one.drilled else 0.0, one.runbook


def _one(body: Mapping[str, Any], measured: Mapping[str, tuple[int, timedelta]]) -> Rehearsed:
    meta, spec = body["metadata"], body.get("spec") or {}
    drilled: Mapping[str, Any] = (body.get("status") or {}).get("drilled") or {}
    wishes = spec.get("mitigations") or ()
    actions = dict.fromkeys(key for wish in wishes for key in wish if key in ACTION_NAMES)
    return Rehearsed(
        runbook=f"{meta['namespace']}/{meta['name']}",
        mode=str(spec.get("mode") or "Approve"),
        drilled=datetime.fromisoformat(drilled["time"]) if drilled else None,
        incident=str(drilled.get("incident")) if drilled else "",
        changed=bool(drilled) and drilled.get("generation") != meta.get("generation"),
        undo={action: measured[action][1] if action in measured else None for action in actions},
    )
