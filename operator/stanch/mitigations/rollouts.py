"""Where a rollout stands: kubectl's rule for each kind, and the pods on their way out (mitigations.md 1.1, 1.2)."""

from collections.abc import Mapping
from typing import Any, Final

from stanch.api.meta import TargetKind
from stanch.core.ports import Aim, Verdict, VerdictState
from stanch.mitigations.workload import Json, cannot_make_pods, condition

RESOURCE: Final[Mapping[TargetKind, str]] = {
    TargetKind.DEPLOYMENT: "deployments",
    TargetKind.STATEFUL_SET: "statefulsets",
    TargetKind.DAEMON_SET: "daemonsets",
}


def on_delete(target: Json) -> bool:
    """Does it replace pods only when somebody deletes them?"""
    return (target["spec"].get("updateStrategy") or {}).get("type") == "OnDelete"


def partition(target: Json) -> int:
    """Pods of a StatefulSet with a lower number are left as they are."""
    rolling = (target["spec"].get("updateStrategy") or {}).get("rollingUpdate") or {}
    return int(rolling.get("partition") or 0)


def missed_deadline(target: Json) -> str:
    """When the controller of a Deployment said that its rollout makes no progress; empty when it does not say so."""
    said = condition(target, "Progressing")
    return str(said.get("lastUpdateTime") or "") if said.get("reason") == "ProgressDeadlineExceeded" else ""


def rollout_verdict(aim: Aim, target: Json, missed_before: str = "") -> Verdict:
    """
    Waiting with the reason, failed, or complete.

    ``missed_before`` is what ``missed_deadline`` was before the effect: going back to a ReplicaSet that is there already does
    not begin a new deadline, and the controller goes on saying so of the bad release until the first good pod is available.
    """
    status = target.get("status") or {}
    if status.get("observedGeneration", 0) < target["metadata"].get("generation", 0):
        return Verdict(VerdictState.WAITING, f"{aim}: waiting for the controller to observe the change")
    if on_delete(target):
        return Verdict(
            VerdictState.VERIFIED,
            f"The template of {aim} is in place. Its updateStrategy is OnDelete: pods that run keep the old one until "
            f"deleted (kubectl -n {aim.namespace} delete pod POD)",
        )
    match aim.kind:
        case TargetKind.STATEFUL_SET:
            return _stateful_set(aim, target, status)
        case TargetKind.DAEMON_SET:
            return _daemon_set(aim, status)
        case _:
            return _deployment(aim, target, status, missed_before)


def _deployment(aim: Aim, target: Json, status: Json, missed_before: str) -> Verdict:
    if missed_deadline(target) not in ("", missed_before):
        said = condition(target, "Progressing").get("message", "exceeded its progress deadline")
        return Verdict(VerdictState.FAILED, f"{aim}: {said}")
    wanted = target["spec"].get("replicas", 1)
    if missing := _not_there_yet(status, wanted):
        return Verdict(VerdictState.WAITING, f"{aim}: {missing}")
    return Verdict(VerdictState.VERIFIED, f"{wanted} of {wanted} pods of the wanted template are available")


def _not_there_yet(status: Json, wanted: int) -> str:
    """What a Deployment's rollout waits for; empty when it is complete."""
    updated = status.get("updatedReplicas", 0)
    if why := cannot_make_pods(status):
        return f"pods can't be made: {why}"
    if updated < wanted:
        return "new pods are being made"
    if status.get("replicas", 0) > updated and not status.get("unavailableReplicas", 0):
        return "old pods are on their way out"
    if status.get("replicas", 0) > updated or status.get("availableReplicas", 0) < updated:
        return "new pods are not available yet"
    return ""


def _stateful_set(aim: Aim, target: Json, status: Json) -> Verdict:
    wanted, kept = target["spec"].get("replicas", 1), partition(target)
    ready, updated = status.get("readyReplicas", 0), status.get("updatedReplicas", 0)
    # Once complete, the controller may count its pods as current ones; then those below the partition are meant, too.
    due = wanted if _complete(status) else max(0, wanted - kept)
    updated = max(updated, status.get("currentReplicas", 0)) if _complete(status) else updated
    done = updated >= due and (bool(kept) or _complete(status))
    if not done:
        return Verdict(VerdictState.WAITING, f"{aim}: {updated} of {due} pods have the wanted template")
    if ready < wanted:
        return Verdict(VerdictState.WAITING, f"{aim}: {ready} of {wanted} pods are ready")
    left = f"; pods 0 to {kept - 1} keep theirs (partition {kept})" if kept else ""
    return Verdict(VerdictState.VERIFIED, f"{due} of {wanted} pods have the wanted template, {ready} are ready{left}")


def _complete(status: Json) -> bool:
    return bool(status.get("updateRevision") == status.get("currentRevision"))


def _daemon_set(aim: Aim, status: Json) -> Verdict:
    wanted = status.get("desiredNumberScheduled", 0)
    updated, available = status.get("updatedNumberScheduled", 0), status.get("numberAvailable", 0)
    if updated < wanted or available < wanted:
        return Verdict(
            VerdictState.WAITING,
            f"{aim}: {updated} of {wanted} pods have the wanted template, {available} are available",
        )
    return Verdict(VerdictState.VERIFIED, f"{wanted} of {wanted} pods have the wanted template and are available")


def images_of(template: Mapping[str, Any]) -> str:
    """Images of a pod template's containers."""
    return ", ".join(c.get("image", "?") for c in (template.get("spec") or {}).get("containers") or ())
