"""
Pods that pin a StatefulSet to a bad template although it is good again (kubernetes#67250, mitigations.md 1.2).

In OrderedReady order the controller waits for a pod to become Ready before it replaces it, and a bad one never does. So they
are written down with the rollback and deleted after it, by uid, one at a time.
"""

from typing import Any

from stanch.api.meta import TargetKind
from stanch.core.asking import pods_of
from stanch.core.commands import Removal
from stanch.core.observations import Observations, items
from stanch.core.ports import Aim, PodToRemove, Verdict, VerdictState, Written
from stanch.core.questions import Question
from stanch.mitigations.revisions import REVISION_HASH
from stanch.mitigations.rollouts import on_delete
from stanch.mitigations.workload import Json, is_ready


def stuck_pods(aim: Aim, target: Json, pods: list[dict[str, Any]], wanted: str) -> tuple[PodToRemove, ...]:
    """Pods not of the revision ``wanted`` and not Ready, highest number first; none where the controller needs no help."""
    if aim.kind is not TargetKind.STATEFUL_SET or on_delete(target):
        return ()
    if target["spec"].get("podManagementPolicy") == "Parallel":
        return ()
    # Of two bad releases in a row either may be the one that stands in the way.
    found = [p for p in pods if _hash(p) != wanted and not is_ready(p)]
    return tuple(
        PodToRemove(str(aim.namespace), p["metadata"]["name"], p["metadata"]["uid"], Removal.DELETE)
        for p in sorted(found, key=_number, reverse=True)
    )


def let_go(
    aim: Aim, target: dict[str, Any], verdict: Verdict, seen: Observations, written: Written
) -> Verdict | tuple[Question, ...]:
    """The same verdict, with the next pod that still stands in the way."""
    planned = [str(p["uid"]) for p in written.get("removes") or ()]
    status = target.get("status") or {}
    observed = status.get("observedGeneration", 0) >= target["metadata"].get("generation", 0)
    if verdict.state is not VerdictState.WAITING or not planned or not observed:
        return verdict
    question = pods_of(aim, target)
    if seen.get(question) is None:
        return (question,)
    there = {p["metadata"]["uid"]: p for p in items(seen.get(question))}
    left = [there[uid] for uid in planned if uid in there and not is_ready(there[uid])]
    left = [p for p in left if _hash(p) != status.get("updateRevision")]
    if not left or any(p["metadata"].get("deletionTimestamp") for p in left):
        return verdict
    name = left[0]["metadata"]["name"]
    message = f"{verdict.message}; pod {name} is not Ready and is deleted, so that the controller goes on"
    return Verdict(VerdictState.WAITING, message, (left[0]["metadata"]["uid"],))


def _hash(pod: Json) -> str:
    return str((pod["metadata"].get("labels") or {}).get(REVISION_HASH, ""))


def _number(pod: Json) -> int:
    number = str(pod["metadata"]["name"]).rpartition("-")[2]
    return int(number) if number.isdecimal() else 0
