"""Set the replicas of a Deployment, StatefulSet or ReplicaSet (mitigations.md 1.5); on the object itself, never /scale."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from stanch.api.actions import Action, Loss, Scale
from stanch.api.incident_status import UndoClass
from stanch.api.meta import TargetKind
from stanch.api.names import Reason
from stanch.core.asking import hpas, pods_of, quotas
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
from stanch.core.questions import SCALED_OBJECTS, List, Question
from stanch.core.there import read_target
from stanch.mitigations.autoscaler import keda, scaled_object
from stanch.mitigations.one_way import other_way
from stanch.mitigations.quota import no_room
from stanch.mitigations.workload import (
    Json,
    cannot_make_pods,
    containers,
    is_crashing,
    live,
    live_pods,
    owner_refusal,
    parse_time,
    reach,
    startup_seconds,
    surroundings,
    unanswered,
)

REPLICAS = "/spec/replicas"
LATELY = timedelta(minutes=10)
_RESOURCE = {
    TargetKind.DEPLOYMENT: "deployments",
    TargetKind.STATEFUL_SET: "statefulsets",
    TargetKind.REPLICA_SET: "replicasets",
}


class ScaleWorkload:
    """Swap spec.replicas for an absolute number."""

    name = "scale"
    kinds = frozenset(_RESOURCE)
    undo_class = UndoClass.AUTO
    # The person is asked for what kubectl scale needs, which is less than patching the object.
    needs: Mapping[TargetKind, tuple[Need, ...]] = {
        kind: (Need("patch", "apps", plural, "scale"),) for kind, plural in _RESOURCE.items()
    }
    debt = timedelta(hours=24)

    def size_up(self, action: Action, aim: Aim, seen: Observations, clock: Clock) -> Sized:
        """From how many to how many; refused where somebody else steers the number or it would do harm."""
        assert isinstance(action, Scale)
        target = read_target(aim, seen)
        if not isinstance(target, dict):
            return target
        assert aim.namespace is not None
        asked = (
            hpas(aim.namespace),
            List(SCALED_OBJECTS, aim.namespace),
            *surroundings(aim, target),
            quotas(aim.namespace),
        )
        now_at = target["spec"].get("replicas", 1)
        # Only more of them could be more that crash.
        part = asked[2] if action.replicas <= now_at else None
        if (gap := unanswered(seen, asked, 3, f"Who steers {aim}, or how its pods are,", part)) is not None:
            return gap
        if now_at == action.replicas:
            return NothingToDo(f"{aim} already has {now_at} replicas")
        pods = live_pods(items(seen.get(pods_of(aim, target))))
        refusal = (
            other_way(aim, "scale", action.only, (("replicas", now_at, action.replicas),))
            or owner_refusal(aim, target)
            or scaled_object(aim, action.replicas, items(seen.get(asked[1])))
            or _autoscaled(aim, action, items(seen.get(asked[0])))
            or _feeds_a_crash_loop(aim, now_at, action.replicas, pods, clock.now)
            or _loses_data(aim, target, now_at, action)
            or no_room(aim, target, action.replicas, items(seen.get(quotas(aim.namespace))))
        )
        return refusal or self._change(aim, target, action.replicas, seen)

    def _change(self, aim: Aim, target: Json, wanted: int, seen: Observations) -> Change:
        now_at = target["spec"].get("replicas", 1)
        pods = live_pods(items(seen.get(pods_of(aim, target))))
        resource = f"{_RESOURCE[aim.kind].removesuffix('s')}/{aim.name}"
        takes = startup_seconds(pods) if wanted < now_at else 30
        return Change(
            uid=target["metadata"]["uid"],
            before={REPLICAS: now_at},
            after={REPLICAS: wanted},
            summary=f"{aim} from {now_at} to {wanted} replicas",
            diff=(f"spec.replicas: {now_at} -> {wanted}",),
            blast=f"{abs(wanted - now_at)} pods {'added' if wanted > now_at else 'removed'}, "
            f"{wanted} of {now_at} left{reach(aim, target, seen)}",
            undo_takes=f"{int(takes)}s (estimated)",
            warnings=_warnings(aim, target, wanted, seen),
            do_by_hand=f"kubectl -n {aim.namespace} scale {resource} --replicas={wanted}",
            undo_by_hand=f"kubectl -n {aim.namespace} scale {resource} --replicas={now_at}",
            approval_class=self._class(aim, now_at, wanted),
            labels=target["metadata"].get("labels"),
        )

    def _class(self, aim: Aim, now_at: int, wanted: int) -> ApprovalClass:
        if wanted > now_at:
            return ApprovalClass.A  # How much more is a wide act is the policy's word: core/start.py.
        stateful = aim.kind is TargetKind.STATEFUL_SET
        return ApprovalClass.C if stateful or wanted == 0 or wanted * 2 < now_at else ApprovalClass.B

    def verify(self, action: Action, aim: Aim, seen: Observations, written: Written) -> Verdict | tuple[Question, ...]:
        """As many pods as wanted are there and ready."""
        assert isinstance(action, Scale)
        target = live(aim, seen)
        if not isinstance(target, dict):
            return target
        # The wanted number is read from the object: for an undo it is the one from before, not the action's.
        wanted = target["spec"].get("replicas", 1)
        status = target.get("status") or {}
        if status.get("observedGeneration", 0) < target["metadata"].get("generation", 0):
            return Verdict(VerdictState.WAITING, f"{aim}: waiting for the controller to observe the change")
        if why := cannot_make_pods(status):
            return Verdict(VerdictState.WAITING, f"{aim}: pods can't be made: {why}")
        if status.get("replicas", 0) != wanted or status.get("readyReplicas", 0) != wanted:
            return Verdict(VerdictState.WAITING, f"{aim}: waiting for {wanted} ready pods")
        return Verdict(VerdictState.VERIFIED, f"{wanted} of {wanted} pods are ready")

    def owes(self, action: Action, aim: Aim) -> str:
        """The size is not what it was."""
        assert isinstance(action, Scale)
        return f"{aim} has {action.replicas} replicas for the time of the incident"


def _steers(hpa: Json, aim: Aim) -> bool:
    reference = hpa["spec"]["scaleTargetRef"]
    return bool(reference["kind"] == aim.kind.value and reference["name"] == aim.name)


def _autoscaled(aim: Aim, action: Scale, autoscalers: list[dict[str, Any]]) -> Refusal | None:
    for hpa in autoscalers:
        if not _steers(hpa, aim):
            continue
        name = hpa["metadata"]["name"]
        of_hpa = Aim(TargetKind.AUTOSCALER, str(name), aim.namespace)
        # KEDA scales from zero, too.
        if refusal := keda(of_hpa, hpa):
            return refusal
        if action.replicas == 0:
            return None  # An HPA switches itself off at zero, so the stop holds (mitigations.md 1.5).
        return Refusal(
            Reason.OWNED_BY_ANOTHER,
            f"HorizontalPodAutoscaler {name} steers the replicas of {aim} and would put them back within 15s; "
            f"change its bounds instead, with an autoscaler mitigation on HorizontalPodAutoscaler {name}",
            final=True,
        )
    return None


def _feeds_a_crash_loop(
    aim: Aim, now_at: int, wanted: int, pods: list[dict[str, Any]], now: datetime
) -> Refusal | None:
    crashing = sum(is_crashing(p) or _crashed_lately(p, now) for p in pods)
    if wanted <= now_at or not crashing:
        return None
    return Refusal(
        Reason.PREFLIGHT, f"{crashing} of {len(pods)} pods of {aim} crash; more replicas would be more crashing pods"
    )


def _crashed_lately(pod: Json, now: datetime) -> bool:
    """Between two crashes a container without a readiness probe looks well."""
    ended = [(c.get("lastState") or {}).get("terminated") or {} for c in containers(pod)]
    times = [parse_time(e.get("finishedAt")) for e in ended if e.get("exitCode")]
    return any(t is not None and now - t < LATELY for t in times)


def _deletes_volumes(target: Json, now_at: int, wanted: int) -> bool:
    policy = target["spec"].get("persistentVolumeClaimRetentionPolicy") or {}
    claims = target["spec"].get("volumeClaimTemplates")
    return wanted < now_at and bool(claims) and policy.get("whenScaled") == "Delete"


def _loses_data(aim: Aim, target: Json, now_at: int, action: Scale) -> Refusal | None:
    if action.volumes is Loss.DELETE or not _deletes_volumes(target, now_at, action.replicas):
        return None
    return Refusal(
        Reason.PREFLIGHT,
        f"{aim} deletes the volumes of the pods that go (persistentVolumeClaimRetentionPolicy.whenScaled: Delete), and their "
        f"data is lost; set whenScaled: Retain first, or if that is meant, write scale: {{replicas: {action.replicas}, "
        "volumes: Delete}",
        final=True,
    )


def _warnings(aim: Aim, target: Json, wanted: int, seen: Observations) -> tuple[str, ...]:
    assert aim.namespace is not None
    warnings = []
    if wanted == 0:
        warnings.append("Its Services lose every endpoint")
        warnings += [
            f"HorizontalPodAutoscaler {hpa['metadata']['name']} switches itself off while the replicas are 0, "
            "and on again with the undo"
            for hpa in items(seen.get(hpas(aim.namespace)))
            if _steers(hpa, aim)
        ]
    if _deletes_volumes(target, target["spec"].get("replicas", 1), wanted):
        warnings.append("The volumes of the pods that go are deleted with their data; the undo brings back empty ones")
    elif _deletes_volumes(target, wanted, target["spec"].get("replicas", 1)):
        warnings.append("Its undo deletes the volumes of the pods that are added, with what is written there meanwhile")
    return tuple(warnings)
