"""Does it stay up? Containers of the pods that run the newest template: when one ended last, and whether one crashes now."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.meta import TargetKind
from stanch.core.asking import owned_by, pods_of, replicasets_of, revision_number
from stanch.core.check_workload import time_of
from stanch.core.draft import Draft
from stanch.core.observations import Found, items
from stanch.core.ports import Aim
from stanch.core.sample import Sample

HASH: Final = "pod-template-hash"
# Of the pods of StatefulSets and DaemonSets.
REVISION: Final = "controller-revision-hash"
# A container that ended so often, the last time so lately, was in CrashLoopBackOff between: it only looks calm (4.1).
RESTARTS_OF_A_LOOP: Final = 3
LATELY: Final = timedelta(minutes=10)
Json = dict[str, Any]


def restarts(draft: Draft, aim: Aim, obj: Json) -> Sample:
    """Since when no container of it restarted."""
    asked = [pods_of(aim, obj)]
    if aim.kind is TargetKind.DEPLOYMENT:
        asked.append(replicasets_of(aim, obj))
    if draft.ask(*asked) or any(not isinstance(draft.seen.get(q), Found) for q in asked):
        return Sample(None, f"{aim}: its pods can't be read")
    pods = [p for p in items(draft.seen.get(asked[0])) if not p["metadata"].get("deletionTimestamp")]
    if aim.kind is TargetKind.DEPLOYMENT:
        pods = _of_current(pods, owned_by(items(draft.seen.get(asked[1])), obj["metadata"]["uid"]), obj)
    if not pods:
        return Sample(False, f"{aim} has no pods", hard=True)
    looping = next((_template(p) for p in pods if any(_loops(c, draft.now) for c in _containers(p))), None)
    if (down := next((c for p in pods for c in _containers(p) if _is_down(c)), None)) is not None:
        # Not its reason: a container that crashes is in another state at each look, and the message stands still.
        words = f"container {down['name']} of {aim} crashes"
        return Sample(False, words, hard=True, crashed=looping, ran=_ran(pods))
    # An init container that has done its work has not restarted.
    ends = [t for p in pods for c in _containers(p) if (t := _last_change(c))]
    if not ends:
        return Sample(None, f"{aim}: no container is running yet")
    return Sample(True, "no container restarted since then", max(ends), crashed=looping, ran=_ran(pods))


def current_template(draft: Draft, aim: Aim, obj: Json) -> str | None:
    """Hash of the template that runs now, as its pods carry it; None while that can't be told."""
    answer = draft.seen.get(pods_of(aim, obj))
    if aim.kind is not TargetKind.DEPLOYMENT:
        status = obj.get("status") or {}
        told = status.get("updateRevision")
        return str(told) if told else next((_template(p) for p in items(answer)), None)
    owned = owned_by(items(draft.seen.get(replicasets_of(aim, obj))), obj["metadata"]["uid"])
    newest = max(owned, key=revision_number, default=None)
    return (newest["metadata"].get("labels") or {}).get(HASH) if newest else None


def _of_current(pods: list[Json], replicasets: list[Json], obj: Json) -> list[Json]:
    """Pods of the template that is running now: a bad one that was rolled back says nothing about it (decisions 0.2)."""
    newest = max(replicasets, key=revision_number, default=None)
    code = (newest["metadata"].get("labels") or {}).get(HASH) if newest else None
    return [p for p in pods if (p["metadata"].get("labels") or {}).get(HASH) == code]


def _template(pod: Json) -> str:
    labels = pod["metadata"].get("labels") or {}
    return str(labels.get(HASH) or labels.get(REVISION) or "?")


def _containers(pod: Json) -> Iterator[Json]:
    status = pod.get("status") or {}
    yield from status.get("containerStatuses") or ()
    yield from status.get("initContainerStatuses") or ()


def _ended(status: Json, where: str) -> Json:
    found: Json = (status.get(where) or {}).get("terminated") or {}
    return found


def _is_down(status: Json) -> bool:
    waiting = ((status.get("state") or {}).get("waiting") or {}).get("reason", "")
    return waiting == "CrashLoopBackOff" or bool(_ended(status, "state").get("exitCode"))


def _loops(status: Json, now: datetime) -> bool:
    waiting = ((status.get("state") or {}).get("waiting") or {}).get("reason", "")
    last = _ended(status, "lastState")
    ended = time_of(last.get("finishedAt"))
    lately = ended is not None and now - ended <= LATELY and bool(last.get("exitCode"))
    return waiting == "CrashLoopBackOff" or (lately and status.get("restartCount", 0) >= RESTARTS_OF_A_LOOP)


def _last_change(status: Json) -> datetime | None:
    ended = time_of(_ended(status, "lastState").get("finishedAt"))
    started = time_of(((status.get("state") or {}).get("running") or {}).get("startedAt"))
    return max((t for t in (ended, started) if t), default=None)


def _ran(pods: list[Json]) -> timedelta | None:
    """How long a container ran before it failed, of the one that failed least often: the first time says most."""
    found: list[tuple[int, timedelta]] = []
    for status in (c for p in pods for c in _containers(p)):
        for end in (_ended(status, "lastState"), _ended(status, "state")):
            began, ended = time_of(end.get("startedAt")), time_of(end.get("finishedAt"))
            if end.get("exitCode") and began is not None and ended is not None and ended >= began:
                found.append((status.get("restartCount", 0), ended - began))
    return min(found, default=(0, None), key=lambda each: each[0])[1]
