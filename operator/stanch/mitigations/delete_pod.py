"""Take one pod away, by uid (mitigations.md 1.9): a ready one is evicted, one that is not ready is deleted."""

from collections.abc import Mapping
from typing import Any, Final

from stanch.api.actions import Action, DeletePod, Loss
from stanch.api.incident_status import UndoClass
from stanch.api.meta import TargetKind
from stanch.api.names import Reason
from stanch.core.asking import controller_name, node_of, owned_by, pods_in, target_of
from stanch.core.commands import Removal
from stanch.core.observations import Failed, Found, Observations, items
from stanch.core.ports import (
    Aim,
    ApprovalClass,
    Change,
    Clock,
    Need,
    PodToRemove,
    Refusal,
    Sized,
    Verdict,
    VerdictState,
    Written,
)
from stanch.core.questions import MayGo, Question
from stanch.core.there import read_target
from stanch.mitigations.workload import Json, containers, is_crashing, is_ready, unanswered

MIRROR: Final = "kubernetes.io/config.mirror"
# What the eviction API answers while a PodDisruptionBudget says no.
BUDGET: Final = 429


class RemovePod:
    """Evict or delete by uid."""

    name = "deletePod"
    kinds = DeletePod.KINDS
    undo_class = UndoClass.NONE
    needs: Mapping[TargetKind, tuple[Need, ...]] = {
        TargetKind.POD: (Need("delete", "", "pods"), Need("create", "", "pods", "eviction"))
    }
    debt = None

    def size_up(self, action: Action, aim: Aim, seen: Observations, clock: Clock) -> Sized:
        """How it would go, and what comes instead; refused where nothing would."""
        assert isinstance(action, DeletePod)
        target = read_target(aim, seen)
        if not isinstance(target, dict):
            return target
        if refusal := _static(aim, target) or _alone(aim, action, target):
            return refusal
        assert aim.namespace is not None
        how = Removal.EVICT if is_ready(target) else Removal.DELETE
        asked: list[Question] = [pods_in(aim.namespace)]
        asked += [node_of(target["spec"]["nodeName"])] if target["spec"].get("nodeName") else []
        may_go = MayGo(aim.namespace, aim.name, target["metadata"]["uid"])
        asked += [may_go] if how is Removal.EVICT else []
        if (gap := unanswered(seen, asked, 1, f"What stands beside {aim}")) is not None:
            return gap
        if refusal := _stays(aim, target, seen):
            return refusal
        if isinstance(no := seen.get(may_go), Failed):
            reason = Reason.WOULD_BREAK_BUDGET if no.status == BUDGET else Reason.PREFLIGHT
            return never(no) or Refusal(reason, f"{aim} may not be evicted now: {no.message}; looked at again")
        return _change(aim, target, how, seen)

    def verify(self, action: Action, aim: Aim, seen: Observations, written: Written) -> Verdict | tuple[Question, ...]:
        """Gone, and another pod of its controller is ready."""
        assert aim.namespace is not None
        asked = (target_of(aim), pods_in(aim.namespace))
        if open_questions := tuple(q for q in asked if seen.get(q) is None):
            return open_questions
        target, uid = seen.get(asked[0]), written.get("uid")
        if isinstance(target, Failed) or uid is None:
            return Verdict(VerdictState.WAITING, f"{aim} can't be read now")
        if isinstance(target, Found) and target.value["metadata"]["uid"] == uid:
            return Verdict(VerdictState.WAITING, f"{aim} is on its way out")
        note = written.get("note") or {}
        if not note.get("owner_uid"):
            return Verdict(VerdictState.VERIFIED, f"{aim} is gone, and nothing brings it back")
        siblings = owned_by(items(seen.get(asked[1])), note["owner_uid"])
        new = [p for p in siblings if p["metadata"]["uid"] not in note.get("known", ())]
        if ready := next((p for p in new if is_ready(p)), None):
            return Verdict(VerdictState.VERIFIED, f"{aim} is gone; {ready['metadata']['name']} is ready in its place")
        return Verdict(VerdictState.WAITING, f"{aim} is gone; {note['owner']} has no new ready pod yet")

    def owes(self, action: Action, aim: Aim) -> str:
        """Nothing is off."""
        return ""


def never(answer: Failed) -> Refusal | None:
    """An eviction that asking again does not help: no right, or two PodDisruptionBudgets on one pod."""
    if answer.status == 403 and "cannot create resource" in answer.message:
        missing = answer.message.split(": ", 1)[-1]
        return Refusal(
            Reason.PERMISSION_MISSING, f"The operator may not evict ({missing}); bind its role for pods there"
        )
    if "more than one PodDisruptionBudget" in answer.message:
        return Refusal(Reason.PREFLIGHT, f"{answer.message} Delete or narrow one of them", final=True)
    return None


def _static(aim: Aim, pod: Json) -> Refusal | None:
    if MIRROR not in (pod["metadata"].get("annotations") or {}):
        return None
    return Refusal(
        Reason.PREFLIGHT,
        f"{aim} is a static pod: the kubelet of {pod['spec'].get('nodeName')} makes it again from a file there; change that",
        final=True,
    )


def _stays(aim: Aim, pod: Json, seen: Observations) -> Refusal | None:
    """One that would not go, whoever asks: a deletion is only a mark on it, and nothing takes its place (1.9)."""
    node = pod["spec"].get("nodeName") or ""
    found = seen.get(node_of(node)) if node else None
    if isinstance(found, Found) and not is_ready(found.value):
        return Refusal(
            Reason.PREFLIGHT,
            f"Node {node} is not Ready, so {aim} would stay Terminating and nothing take its place until it is back. If it is "
            f"surely off, say so (kubectl taint node {node} node.kubernetes.io/out-of-service=nodeshutdown:NoExecute) or delete it",
        )
    return None


def _alone(aim: Aim, action: DeletePod, pod: Json) -> Refusal | None:
    owned = any(o.get("controller") for o in pod["metadata"].get("ownerReferences") or ())
    if owned or action.unmanaged is Loss.DELETE:
        return None
    return Refusal(
        Reason.PREFLIGHT,
        f"{aim} has no controller, so it would not come back; if that is meant, write deletePod: {{unmanaged: Delete}}",
        final=True,
    )


def _change(aim: Aim, pod: Json, how: Removal, seen: Observations) -> Change:
    meta = pod["metadata"]
    owner: Json = next((o for o in meta.get("ownerReferences") or () if o.get("controller")), {})
    siblings = owned_by(items(seen.get(pods_in(aim.namespace or ""))), owner.get("uid", ""))
    grace = pod["spec"].get("terminationGracePeriodSeconds", 30)
    word = "evict" if how is Removal.EVICT else "delete"
    return Change(
        uid=meta["uid"],
        before={},
        after={},
        summary=f"{word} {aim} of {controller_name(pod)}",
        diff=(f"pod {aim.name} ({meta['uid']}) goes",),
        blast=f"1 of {max(1, len(siblings))} pods of {controller_name(pod)}; up to {grace}s to stop",
        undo_takes="can't be undone",
        warnings=_warnings(pod),
        do_by_hand=f"kubectl -n {aim.namespace} delete pod {aim.name}",
        approval_class=ApprovalClass.B,
        removes=(PodToRemove(str(aim.namespace), aim.name, meta["uid"], how),),
        note=_note(pod, owner, siblings),
        agreed=(how.value,),
    )


def _note(pod: Json, owner: Json, siblings: list[dict[str, Any]]) -> dict[str, Any]:
    if not owner:
        return {}
    known = [p["metadata"]["uid"] for p in siblings]
    return {"owner": controller_name(pod), "owner_uid": owner["uid"], "known": known}


def _warnings(pod: Json) -> tuple[str, ...]:
    warnings = ["It can't be undone, and its logs go with it: they are in the evidence"]
    if is_crashing(pod) and any(c.get("restartCount", 0) > 1 for c in containers(pod)):
        warnings.append(
            "It crashes and is restarted anyway: a new pod of the same template only starts the back-off anew"
        )
    if finalizers := pod["metadata"].get("finalizers"):
        warnings.append(f"It has finalizers ({', '.join(finalizers)}): it goes only when whoever set them lets it")
    return tuple(warnings)
