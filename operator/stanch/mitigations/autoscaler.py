"""Set the bounds of a HorizontalPodAutoscaler (mitigations.md 1.6): the way to scale what an autoscaler steers."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from stanch.api.actions import Action, Autoscaler
from stanch.api.incident_status import UndoClass
from stanch.api.meta import TargetKind
from stanch.api.names import Reason
from stanch.core.observations import Observations
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
from stanch.core.there import read_target
from stanch.mitigations.one_way import other_way
from stanch.mitigations.workload import Json, live, owner_refusal

MIN: Final = "/spec/minReplicas"
MAX: Final = "/spec/maxReplicas"


class SetBounds:
    """Swap minReplicas and maxReplicas, both tested."""

    name = "autoscaler"
    kinds = Autoscaler.KINDS
    undo_class = UndoClass.AUTO
    needs: Mapping[TargetKind, tuple[Need, ...]] = {
        TargetKind.AUTOSCALER: (Need("patch", "autoscaling", "horizontalpodautoscalers"),)
    }
    debt = timedelta(hours=24)

    def size_up(self, action: Action, aim: Aim, seen: Observations, clock: Clock) -> Sized:
        """From which bounds to which; refused where KEDA writes them, or where they would cross."""
        assert isinstance(action, Autoscaler)
        target = read_target(aim, seen)
        if not isinstance(target, dict):
            return target
        if refusal := keda(aim, target) or owner_refusal(aim, target):
            return refusal
        before = _bounds(target)
        after = (action.min_replicas or before[0], action.max_replicas or before[1])
        if after == before:
            return NothingToDo(f"{aim} already has {_words(before)}")
        if after[0] > after[1]:
            named = "minReplicas" if action.max_replicas is None else "maxReplicas"
            return Refusal(
                Reason.PREFLIGHT,
                f"{aim} would have minReplicas {after[0]} above maxReplicas {after[1]}; "
                f"set {'maxReplicas' if named == 'minReplicas' else 'minReplicas'} besides {named}",
                final=True,
            )
        sizes = (("minReplicas", before[0], after[0]), ("maxReplicas", before[1], after[1]))
        if refusal := other_way(aim, "autoscaler", action.only, sizes):
            return refusal
        return _change(aim, target, before, after)

    def verify(self, action: Action, aim: Aim, seen: Observations, written: Written) -> Verdict | tuple[Question, ...]:
        """The autoscaler wants a number within the bounds; whether the pods come is for the criteria to say."""
        target = live(aim, seen)
        if not isinstance(target, dict):
            return target
        status, (least, most) = target.get("status") or {}, _bounds(target)
        wanted = status.get("desiredReplicas", 0)
        if not status.get("currentReplicas") and not wanted:
            return Verdict(VerdictState.VERIFIED, f"{aim} has {_words((least, most))}; it steers nothing while at 0")
        if least <= wanted <= most:
            return Verdict(VerdictState.VERIFIED, f"{aim} wants {wanted} replicas, within {least} to {most}")
        return Verdict(VerdictState.WAITING, f"{aim} wants {wanted} replicas, not yet within {least} to {most}")

    def owes(self, action: Action, aim: Aim) -> str:
        """Bounds chosen for an incident cost money, or headroom, afterwards."""
        assert isinstance(action, Autoscaler)
        said = {"minReplicas": action.min_replicas, "maxReplicas": action.max_replicas}
        return f"{aim} has {', '.join(f'{k} {v}' for k, v in said.items() if v)} for the time of the incident"


def _bounds(target: Json) -> tuple[int, int]:
    # The API server writes its default of 1 into minReplicas.
    return int(target["spec"].get("minReplicas", 1)), int(target["spec"]["maxReplicas"])


def _words(bounds: tuple[int, int]) -> str:
    return f"minReplicas {bounds[0]} and maxReplicas {bounds[1]}"


def keda(aim: Aim, target: Json) -> Refusal | None:
    """An autoscaler that KEDA made: KEDA writes it again, so its bounds are those of the ScaledObject."""
    owners = target["metadata"].get("ownerReferences") or ()
    name = next((o["name"] for o in owners if o.get("kind") == "ScaledObject"), None)
    if name is None:
        return None
    return Refusal(
        Reason.OWNED_BY_ANOTHER,
        f"{aim} belongs to KEDA ScaledObject {name}, which would put its bounds back; change them there: "
        f"kubectl -n {aim.namespace} patch scaledobject {name} --type=merge "
        '-p \'{"spec":{"minReplicaCount":N,"maxReplicaCount":M}}\'',
        final=True,
    )


def scaled_object(aim: Aim, replicas: int, objects: list[dict[str, Any]]) -> Refusal | None:
    """A workload that KEDA scales: it makes an autoscaler for it, but none while it is paused, and scales from zero by itself."""
    for each in objects:
        reference, name = each["spec"]["scaleTargetRef"], each["metadata"]["name"]
        if (reference.get("kind", "Deployment"), reference["name"]) != (aim.kind.value, aim.name):
            continue
        line = f"kubectl -n {aim.namespace}"
        return Refusal(
            Reason.OWNED_BY_ANOTHER,
            f"KEDA ScaledObject {name} steers the replicas of {aim} and would put them back; hold the number there: "
            f'{line} annotate scaledobject {name} autoscaling.keda.sh/paused-replicas="{replicas}", or change its '
            f"bounds: {line} patch scaledobject {name} --type=merge "
            '-p \'{"spec":{"minReplicaCount":N,"maxReplicaCount":M}}\'',
            final=True,
        )
    return None


def _change(aim: Aim, target: Json, before: tuple[int, int], after: tuple[int, int]) -> Change:
    def by_hand(bounds: tuple[int, int]) -> str:
        body = f'{{"spec":{{"minReplicas":{bounds[0]},"maxReplicas":{bounds[1]}}}}}'
        return f"kubectl -n {aim.namespace} patch hpa {aim.name} --type=merge -p '{body}'"

    steers = target["spec"]["scaleTargetRef"]
    raises = after[0] >= before[0] and after[1] >= before[1]
    return Change(
        uid=target["metadata"]["uid"],
        before={MIN: before[0], MAX: before[1]},
        after={MIN: after[0], MAX: after[1]},
        summary=f"{aim} from {before[0]} to {before[1]} replicas to {after[0]} to {after[1]}",
        diff=tuple(
            f"spec.{name}: {old} -> {new}"
            for name, old, new in zip(("minReplicas", "maxReplicas"), before, after, strict=True)
            if old != new
        ),
        blast=f"{steers['kind']} {steers['name']}, {(target.get('status') or {}).get('currentReplicas', 0)} replicas now",
        # It falls only after five minutes of calm.
        undo_takes="300s (estimated)" if after[0] > before[0] else "15s (estimated)",
        warnings=_warnings(target, after),
        do_by_hand=by_hand(after),
        undo_by_hand=by_hand(before),
        approval_class=ApprovalClass.A if raises else ApprovalClass.B,
        labels=target["metadata"].get("labels"),
    )


def _warnings(target: Json, after: tuple[int, int]) -> tuple[str, ...]:
    warnings = []
    if not (target.get("status") or {}).get("currentReplicas"):
        warnings.append(
            "Its target has 0 replicas, so it is switched off: new bounds change nothing until it is scaled up"
        )
    if after[0] == after[1]:
        warnings.append(f"Equal bounds pin it to {after[0]} replicas, whatever the load")
    return tuple(warnings)
