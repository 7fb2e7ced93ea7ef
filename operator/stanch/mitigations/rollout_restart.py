"""Start all pods of a workload anew (mitigations.md 1.4). Its time stands in the record, so a replay is the same write."""

from collections.abc import Mapping
from typing import Any, Final

from stanch.api.actions import Action, RolloutRestart
from stanch.api.incident_status import UndoClass
from stanch.api.meta import TargetKind, instant
from stanch.api.names import Reason
from stanch.core.asking import pods_of
from stanch.core.observations import Observations, items
from stanch.core.ports import (
    Aim,
    ApprovalClass,
    Change,
    Clock,
    Need,
    NothingToDo,
    Refusal,
    Sized,
    Verdict,
    VerdictState,
    Written,
)
from stanch.core.questions import Question
from stanch.core.swap import ABSENT, escape, look_up
from stanch.core.there import read_target
from stanch.mitigations.revisions import RESTARTED
from stanch.mitigations.rollouts import RESOURCE, on_delete, rollout_verdict
from stanch.mitigations.workload import (
    Json,
    as_far_as_seen,
    is_crashing,
    live,
    live_pods,
    not_observed,
    owner_refusal,
    paused,
    reach,
    surroundings,
    unanswered,
)

ANNOTATIONS: Final = "/spec/template/metadata/annotations"


class RestartRollout:
    """Swap one annotation of the pod template."""

    name = "rolloutRestart"
    kinds = RolloutRestart.KINDS
    undo_class = UndoClass.NONE
    needs: Mapping[TargetKind, tuple[Need, ...]] = {
        kind: (Need("patch", "apps", plural),) for kind, plural in RESOURCE.items()
    }
    debt = None

    def size_up(self, action: Action, aim: Aim, seen: Observations, clock: Clock) -> Sized:
        """Refused while paused or in the middle of a rollout: it would force that rollout's template onto every pod."""
        target = read_target(aim, seen)
        if not isinstance(target, dict):
            return target
        asked = surroundings(aim, target)
        if (gap := unanswered(seen, asked, 1, f"Pods of {aim}", part=asked[0])) is not None:
            return gap
        refusal = (
            not_observed(aim, target)
            or owner_refusal(aim, target)
            or paused(aim, target, seen)
            or _on_delete(aim, target)
        )
        if refusal or (refusal := _under_way(aim, target)):
            return refusal
        time = instant(clock.asked)
        if look_up(target, f"{ANNOTATIONS}/{escape(RESTARTED)}") == time:
            return NothingToDo(f"{aim} was restarted for this already ({RESTARTED}: {time})")
        return _change(aim, target, time, live_pods(items(seen.get(pods_of(aim, target)))), seen)

    def verify(self, action: Action, aim: Aim, seen: Observations, written: Written) -> Verdict | tuple[Question, ...]:
        """The rollout that the new annotation starts is complete."""
        target = live(aim, seen)
        if not isinstance(target, dict):
            return target
        return rollout_verdict(aim, target)

    def owes(self, action: Action, aim: Aim) -> str:
        """Nothing is off."""
        return ""


def _on_delete(aim: Aim, target: Json) -> Refusal | None:
    if not on_delete(target):
        return None
    return Refusal(
        Reason.PREFLIGHT,
        f"{aim} has updateStrategy OnDelete: a restart changes no pod until somebody deletes it "
        f"(kubectl -n {aim.namespace} delete pod POD, or a deletePod mitigation)",
        final=True,
    )


def _under_way(aim: Aim, target: Json) -> Refusal | None:
    verdict = rollout_verdict(aim, target)
    status = target.get("status") or {}
    updated = status.get("updatedReplicas", status.get("updatedNumberScheduled", 0))
    wanted = status.get("desiredNumberScheduled", target["spec"].get("replicas", 1))
    if verdict.state is VerdictState.VERIFIED or updated >= wanted:
        return None
    images = ", ".join(c.get("image", "?") for c in target["spec"]["template"]["spec"].get("containers") or ())
    return Refusal(
        Reason.PREFLIGHT,
        f"A rollout of {aim} is under way ({updated} of {wanted} pods run its newest template, {images}); a restart would "
        "force it onto all of them. Let it finish, or roll it back first",
    )


def _change(aim: Aim, target: Json, time: str, pods: list[dict[str, Any]], seen: Observations) -> Change:
    annotations = (target["spec"]["template"].get("metadata") or {}).get("annotations")
    pointer = f"{ANNOTATIONS}/{escape(RESTARTED)}"
    old = look_up(target, pointer)
    crashing = sum(is_crashing(p) for p in pods)
    before: dict[str, Any] = {pointer: old} if annotations else {ANNOTATIONS: ABSENT}
    after: dict[str, Any] = {pointer: time} if annotations else {ANNOTATIONS: {RESTARTED: time}}
    return Change(
        uid=target["metadata"]["uid"],
        before=before,
        after=after,
        summary=f"restart all pods of {aim} (as asked for at {time})",
        diff=(f"spec.template.metadata.annotations[{RESTARTED}]: {'(none)' if old == ABSENT else old} -> {time}",),
        blast=f"{len(pods)} of {len(pods)} pods replaced{as_far_as_seen(aim, target, seen)}{reach(aim, target, seen)}",
        undo_takes="can't be undone",
        warnings=_warnings(aim, target, crashing),
        do_by_hand=f"kubectl -n {aim.namespace} rollout restart {aim.kind.value.lower()}/{aim.name}",
        approval_class=ApprovalClass.B,
        labels=target["metadata"].get("labels"),
    )


def _warnings(aim: Aim, target: Json, crashing: int) -> tuple[str, ...]:
    warnings = [
        "It can't be undone, and what only the running processes know is lost; PodDisruptionBudgets are not asked"
    ]
    ordered = aim.kind is TargetKind.STATEFUL_SET and target["spec"].get("podManagementPolicy") != "Parallel"
    if crashing and ordered:
        warnings.append(
            f"{crashing} pods crash: an ordered StatefulSet waits for each before it goes on, so it may stand still"
        )
    elif crashing:
        warnings.append(
            f"{crashing} pods crash already and restart by themselves; a restart only resets their back-off"
        )
    return tuple(warnings)
