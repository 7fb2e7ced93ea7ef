"""Which revision a Deployment goes back to, and why (decisions 0.1, mitigations.md 1.1)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from stanch.core.asking import revision_number
from stanch.mitigations.workload import is_crashing, is_ready, live_pods, parse_time

# Younger than this it may only have served because nobody had looked yet.
PROVEN_AFTER: Final = timedelta(minutes=30)
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
HASH: Final = "pod-template-hash"


@dataclass(frozen=True, slots=True)
class Revision:
    """One ReplicaSet of the Deployment: its template as it would be put back, and how it serves now."""

    number: int
    name: str
    uid: str
    hash: str
    created: datetime
    template: Mapping[str, Any]
    serving: int
    crashing: int

    @property
    def images(self) -> str:
        """Images of its containers."""
        return ", ".join(c.get("image", "?") for c in self.template.get("spec", {}).get("containers") or ())


@dataclass(frozen=True, slots=True)
class Choice:
    """The revision to go back to, and the reason for the record."""

    revision: Revision
    why: str


def plain_template(replicaset: Mapping[str, Any]) -> dict[str, Any]:
    """The template without the label the controller adds: what the Deployment's own template would be."""
    template: dict[str, Any] = json.loads(json.dumps(replicaset["spec"]["template"]))
    labels = template.get("metadata", {}).get("labels") or {}
    labels.pop(HASH, None)
    return template


def revisions(replicasets: list[dict[str, Any]], pods: list[dict[str, Any]]) -> list[Revision]:
    """All revisions kept, oldest first."""
    found = []
    for rs in replicasets:
        meta = rs["metadata"]
        code = (meta.get("labels") or {}).get(HASH, "")
        mine = [p for p in live_pods(pods) if (p["metadata"].get("labels") or {}).get(HASH) == code]
        found.append(
            Revision(
                number=revision_number(rs),
                name=meta["name"],
                uid=meta["uid"],
                hash=code,
                created=parse_time(meta["creationTimestamp"]) or _LONG_AGO,
                template=plain_template(rs),
                serving=sum(is_ready(p) and not is_crashing(p) and not _restarted(p) for p in mine),
                crashing=sum(is_crashing(p) for p in mine),
            )
        )
    return sorted(found, key=lambda r: r.number)


def _restarted(pod: Mapping[str, Any]) -> bool:
    # A pod that crashed before and is up this second is not a proof of anything.
    return any(
        ((c.get("lastState") or {}).get("terminated") or {}).get("exitCode")
        for c in (pod.get("status") or {}).get("containerStatuses") or ()
    )


def choose(earlier: list[Revision], all_of_them: list[Revision]) -> Choice:
    """
    The revision that has serving pods now; else the newest that served long; else the one that served longest.

    ``earlier`` must not be empty and holds only revisions older than the current one, with another template.
    """
    serving = [r for r in earlier if r.serving]
    if serving:
        best = max(serving, key=lambda r: (r.serving, r.number))
        return Choice(best, f"{best.serving} of its pods are serving now")
    lived = {r.name: _served(r, all_of_them) for r in earlier}
    proven = [r for r in earlier if lived[r.name] >= PROVEN_AFTER]
    if proven:
        best = max(proven, key=lambda r: r.number)
        return Choice(best, f"the newest that served {_minutes(lived[best.name])} or longer")
    best = max(earlier, key=lambda r: (lived[r.name], r.number))
    return Choice(best, f"none serves now; it served longest ({_minutes(lived[best.name])})")


def _served(revision: Revision, all_of_them: list[Revision]) -> timedelta:
    # Renumbered ReplicaSets keep their creation time, so order by that, not by number.
    later = [r.created for r in all_of_them if r.created > revision.created]
    return min(later) - revision.created if later else timedelta(0)


def _minutes(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    return f"{seconds}s" if seconds < 120 else f"{seconds // 60}m"
