"""Which revision a workload goes back to, and why (decisions 0.1, mitigations.md 1.1, 1.2)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from stanch.core.asking import revision_number
from stanch.mitigations.rollouts import images_of
from stanch.mitigations.workload import is_crashing, is_ready, live_pods, parse_time

# Younger than this it may only have served because nobody had looked yet.
PROVEN_AFTER: Final = timedelta(minutes=30)
# Longer than a container that dies at once looks well between two starts.
STEADY_AFTER: Final = timedelta(seconds=10)
# kubectl's key, which rolloutRestart writes, too.
RESTARTED: Final = "kubectl.kubernetes.io/restartedAt"
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HASH: Final = "pod-template-hash"
# A pod of a StatefulSet carries the name of its ControllerRevision here, one of a DaemonSet its hash.
REVISION_HASH: Final = "controller-revision-hash"


@dataclass(frozen=True, slots=True)
class Revision:
    """One ReplicaSet or ControllerRevision: its template as it would be put back, and how its pods are now."""

    number: int
    name: str
    uid: str
    created: datetime
    template: Mapping[str, Any]
    pods: int
    serving: int
    crashing: int

    @property
    def images(self) -> str:
        """Images of its containers."""
        return images_of(self.template)


@dataclass(frozen=True, slots=True)
class Choice:
    """The revision to go back to, and the reason for the record."""

    revision: Revision
    why: str


def plain_template(replicaset: Mapping[str, Any]) -> dict[str, Any]:
    """The template without the label the controller adds: what the Deployment's own template would be."""
    template: dict[str, Any] = json.loads(json.dumps(replicaset["spec"]["template"]))
    labels = template.get("metadata", {}).get("labels") or {}
    labels.pop(_HASH, None)
    return template


def without_nulls(value: Any) -> Any:
    """The same without fields that are null, which a ControllerRevision keeps and the API server drops."""
    if isinstance(value, dict):
        return {key: without_nulls(each) for key, each in value.items() if each is not None}
    return [without_nulls(each) for each in value] if isinstance(value, list) else value


def revisions(replicasets: list[dict[str, Any]], pods: list[dict[str, Any]], now: datetime) -> list[Revision]:
    """All revisions of a Deployment that are kept, oldest first."""
    found = []
    for rs in replicasets:
        code = (rs["metadata"].get("labels") or {}).get(_HASH, "")
        mine = _with_label(pods, _HASH, {code})
        found.append(_revision(rs, revision_number(rs), plain_template(rs), mine, now))
    return sorted(found, key=lambda r: r.number)


def controller_revisions(kept: list[dict[str, Any]], pods: list[dict[str, Any]], now: datetime) -> list[Revision]:
    """All revisions of a StatefulSet or DaemonSet that are kept, oldest first."""
    found = []
    for each in kept:
        codes = {each["metadata"]["name"], (each["metadata"].get("labels") or {}).get(REVISION_HASH)}
        template = without_nulls((each.get("data") or {}).get("spec", {}).get("template") or {})
        template.pop("$patch", None)
        found.append(
            _revision(each, int(each.get("revision", 0)), template, _with_label(pods, REVISION_HASH, codes), now)
        )
    return sorted(found, key=lambda r: r.number)


def same_but_restarted(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Equal but for the instant of a restart: going from one to the other changes nothing that runs."""
    return _without_restart(one) == _without_restart(other)


def _without_restart(template: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = template.get("metadata") or {}
    annotations = {k: v for k, v in (meta.get("annotations") or {}).items() if k != RESTARTED}
    kept = {k: v for k, v in meta.items() if k != "annotations"} | ({"annotations": annotations} if annotations else {})
    return {**template, "metadata": kept}


def _with_label(pods: list[dict[str, Any]], key: str, values: set[str | None]) -> list[dict[str, Any]]:
    return [p for p in live_pods(pods) if (p["metadata"].get("labels") or {}).get(key) in values - {None, ""}]


def _revision(
    kept: Mapping[str, Any], number: int, template: Mapping[str, Any], pods: list[dict[str, Any]], now: datetime
) -> Revision:
    meta = kept["metadata"]
    return Revision(
        number=number,
        name=meta["name"],
        uid=meta["uid"],
        created=parse_time(meta["creationTimestamp"]) or _LONG_AGO,
        template=template,
        pods=len(pods),
        serving=sum(is_ready(p) and not is_crashing(p) and _is_steady(p, now) for p in pods),
        crashing=sum(is_crashing(p) for p in pods),
    )


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
    later = [
        r.created
        for r in all_of_them
        if r.created > revision.created and not same_but_restarted(r.template, revision.template)
    ]
    return min(later) - revision.created if later else timedelta(0)


def _minutes(value: timedelta) -> str:
    seconds = int(value.total_seconds())
    return f"{seconds}s" if seconds < 120 else f"{seconds // 60}m"
