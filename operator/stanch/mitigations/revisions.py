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
# Longer than a container that dies at once looks well between two starts.
STEADY_AFTER: Final = timedelta(seconds=10)
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


def revisions(replicasets: list[dict[str, Any]], pods: list[dict[str, Any]], now: datetime) -> list[Revision]:
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
                serving=sum(is_ready(p) and not is_crashing(p) and _is_steady(p, now) for p in mine),
                crashing=sum(is_crashing(p) for p in mine),
            )
        )
    return sorted(found, key=lambda r: r.number)


def _is_steady(pod: Mapping[str, Any], now: datetime) -> bool:
    """
    A pod that crashed before and is up this second is no proof of anything; one that has been up for twice as long as it
    lived before is.
    """
    return all(_outlived(c, now) for c in (pod.get("status") or {}).get("containerStatuses") or ())


def _outlived(container: Mapping[str, Any], now: datetime) -> bool:
    ended = (container.get("lastState") or {}).get("terminated") or {}
    if not ended.get("exitCode"):
        return True
    since = parse_time(((container.get("state") or {}).get("running") or {}).get("startedAt"))
    began, stopped = parse_time(ended.get("startedAt")), parse_time(ended.get("finishedAt"))
    if since is None or began is None or stopped is None:
        return False
    return now - since > max(2 * (stopped - began), STEADY_AFTER)


def choose(earlier: list[Revision], all_of_them: list[Revision]) -> Choice:
    """
    The revision that has serving pods now; else the newest that served long; else the one that served longest. One whose
    pods crash now is chosen only when there is no other: time it was deployed is not time it served.

    ``earlier`` must not be empty and holds only revisions older than the current one, with another template.
    """
    serving = [r for r in earlier if r.serving]
    if serving:
        best = max(serving, key=lambda r: (r.serving, r.number))
        return Choice(best, f"pods of it that serve now: {best.serving}")
    candidates = [r for r in earlier if not r.crashing] or earlier
    lived = {r.name: _served(r, all_of_them) for r in candidates}
    proven = [r for r in candidates if lived[r.name] >= PROVEN_AFTER]
    if proven:
        best = max(proven, key=lambda r: r.number)
        return Choice(best, f"the newest that served {_minutes(lived[best.name])} or longer")
    best = max(candidates, key=lambda r: (lived[r.name], r.number))
    return Choice(best, f"none serves now; it served longest ({_minutes(lived[best.name])})")


def _served(revision: Revision, all_of_them: list[Revision]) -> timedelta:
    # Renumbered ReplicaSets keep their creation time, so order by that, not by number.
    later = [r.created for r in all_of_them if r.created > revision.created]
    return min(later) - revision.created if later else timedelta(0)


def _minutes(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    return f"{seconds}s" if seconds < 120 else f"{seconds // 60}m"
