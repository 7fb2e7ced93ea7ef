"""
Pods that pin a StatefulSet to a bad template although it is good again (kubernetes#67250, mitigations.md 1.2).

In OrderedReady order the controller waits for a pod to become Ready before it replaces it, and a bad one never does. So they
are written down with the rollback and deleted after it, by uid, one at a time: only those that can't become Ready by
themselves. One whose readiness comes and goes is replaced by the controller when it comes, in its own order; taken away out of
that order, it may be the one that a quorum lacks.

A template that crashes and has no readiness probe makes pods that are Ready for the moment before each crash. So while one pod
of a revision crashes, all of that revision are written down; what is deleted of them is decided when it is so.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.meta import TargetKind
from stanch.api.names import Reason
from stanch.core.asking import pods_of
from stanch.core.commands import Removal
from stanch.core.observations import Observations, items
from stanch.core.pod_health import crashes, is_ready, is_stuck
from stanch.core.ports import Aim, Clock, PodToRemove, Refusal, Verdict, VerdictState, Written
from stanch.core.questions import Question
from stanch.mitigations.revisions import REVISION_HASH
from stanch.mitigations.rollouts import on_delete, partition
from stanch.mitigations.workload import Json

# Pods on their way are waited for so long: only what is there can be written down, and what is not written down is not deleted.
_ON_THEIR_WAY: Final = timedelta(seconds=30)
# As many uids as an attempt has room for.
_WRITTEN_MAX: Final = 500


def on_their_way(aim: Aim, target: Json, pods: list[dict[str, Any]], clock: Clock) -> Refusal | None:
    """The successor of a pod that is leaving may be bad and would pin it as well; seen first, it is written down."""
    if aim.kind is not TargetKind.STATEFUL_SET or not _in_order(target) or clock.now - clock.asked > _ON_THEIR_WAY:
        return None
    leaving = [p["metadata"]["name"] for p in pods if p["metadata"].get("deletionTimestamp")]
    if not leaving:
        return None
    return Refusal(
        Reason.NOT_OBSERVED_YET,
        f"Pod {leaving[0]} of {aim} is being replaced; its successor is waited for, 30s at most, so that it can be told by "
        "its uid if it would pin the rollback",
    )


def _in_order(target: Json) -> bool:
    """Does its controller wait for one pod before it replaces the next?"""
    return not on_delete(target) and target["spec"].get("podManagementPolicy") != "Parallel"


def stuck_pods(
    aim: Aim, target: Json, pods: list[dict[str, Any]], wanted: str, now: datetime
) -> tuple[PodToRemove, ...]:
    """
    Pods not of the revision ``wanted`` that are not Ready, or of a revision that crashes; highest number first. None where the
    controller needs no help.
    """
    if aim.kind is not TargetKind.STATEFUL_SET or not _in_order(target):
        return ()
    first = int((target["spec"].get("ordinals") or {}).get("start") or 0) + partition(target)
    crashing = {_hash(p) for p in pods if crashes(p, now)}
    # Of two bad releases in a row either may be the one that stands in the way. Below the partition none is replaced.
    bad = [p for p in pods if _hash(p) != wanted and (not is_ready(p) or _hash(p) in crashing)]
    found = [p for p in bad if _number(p) >= first]
    return tuple(
        PodToRemove(str(aim.namespace), p["metadata"]["name"], p["metadata"]["uid"], Removal.DELETE)
        for p in sorted(found, key=_number, reverse=True)
    )


def too_many(aim: Aim, stuck: tuple[PodToRemove, ...]) -> Refusal | None:
    """Not all of them could be written down, and what is not written down is not deleted."""
    if len(stuck) <= _WRITTEN_MAX:
        return None
    return Refusal(
        Reason.PREFLIGHT,
        f"{len(stuck)} pods of {aim} may pin it to the bad template, and at most {_WRITTEN_MAX} are written down to be deleted; "
        f"scale it down first, or roll it back by hand (kubectl -n {aim.namespace} rollout undo statefulset/{aim.name})",
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
    stuck = next((p for p in left if seen.now is not None and is_stuck(p, seen.now)), None)
    if stuck is None:
        name = left[0]["metadata"]["name"]
        message = (
            f"{verdict.message}; pod {name} is not Ready, and may yet become so by itself: it is left to the controller"
        )
        return Verdict(VerdictState.WAITING, message)
    name = stuck["metadata"]["name"]
    message = f"{verdict.message}; pod {name} can't become Ready and is deleted, so that the controller goes on"
    return Verdict(VerdictState.WAITING, message, (stuck["metadata"]["uid"],))


def _hash(pod: Json) -> str:
    return str((pod["metadata"].get("labels") or {}).get(REVISION_HASH, ""))


def _number(pod: Json) -> int:
    number = str(pod["metadata"]["name"]).rpartition("-")[2]
    return int(number) if number.isdecimal() else 0
