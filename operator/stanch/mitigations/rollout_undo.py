"""Go back to the last good pod template of a Deployment (mitigations.md 0.1, 1.1). Never by kubectl's way."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from stanch.api.incident_status import UndoClass
from stanch.api.meta import TargetKind
from stanch.api.names import Annotation, Reason
from stanch.api.wish import Action, RolloutUndo
from stanch.core.asking import owned_by, replicasets_of, revision_number, target_of
from stanch.core.diff import differences
from stanch.core.observations import Failed, Found, Observations, items
from stanch.core.ports import (
    Aim,
    ApprovalClass,
    Change,
    Need,
    NothingToDo,
    Refusal,
    Sized,
    Verdict,
    VerdictState,
)
from stanch.core.questions import Question
from stanch.mitigations.revisions import HASH, Choice, Revision, choose, revisions
from stanch.mitigations.workload import (
    Json,
    cannot_make_pods,
    live_pods,
    not_observed,
    owner_refusal,
    reach,
    read_target,
    roll_takes,
    surroundings,
)

TEMPLATE = "/spec/template"


class UndoRollout:
    """Swap the pod template for that of an earlier ReplicaSet."""

    name = "rolloutUndo"
    kinds = frozenset({TargetKind.DEPLOYMENT})
    undo_class = UndoClass.MANUAL
    needs: Mapping[TargetKind, tuple[Need, ...]] = {
        TargetKind.DEPLOYMENT: (Need("patch", "apps", "deployments"),),
    }
    debt = timedelta(hours=72)

    def size_up(self, action: Action, aim: Aim, seen: Observations, now: datetime) -> Sized:
        """The template to go back to, with its reason and diff; or why there is none."""
        assert isinstance(action, RolloutUndo)
        target = read_target(aim, seen)
        if not isinstance(target, dict):
            return target
        asked = (replicasets_of(aim, target), *surroundings(aim, target))
        if open_questions := tuple(q for q in asked if seen.get(q) is None):
            return open_questions
        if unreadable := next((a for q in asked[:2] if isinstance(a := seen.get(q), Failed)), None):
            return Refusal(Reason.NO_DATA_NOW, f"The history of {aim} can't be read: {unreadable.message}")
        pods = live_pods(items(seen.get(asked[1])))
        history = revisions(owned_by(items(seen.get(asked[0])), target["metadata"]["uid"]), pods, now)
        refusal = owner_refusal(aim, target) or _paused(aim, target) or not_observed(aim, target)
        if refusal or (refusal := _current_unknown(aim, target, history)):
            return refusal
        chosen = _pick(action, aim, target, history)
        if not isinstance(chosen, Choice):
            return chosen
        return _blocked(aim, history, chosen.revision) or _change(aim, target, history, chosen, seen)

    def verify(self, action: Action, aim: Aim, seen: Observations) -> Verdict | tuple[Question, ...]:
        """kubectl's own rule of when a rollout is complete."""
        answer = seen.get(target_of(aim))
        if answer is None:
            return (target_of(aim),)
        if not isinstance(answer, Found):
            return Verdict(VerdictState.WAITING, f"{aim} can't be read now")
        return rollout_verdict(aim, answer.value)

    def owes(self, action: Action, aim: Aim) -> str:
        """The bad revision still needs a fix; its ActionItem carries that, so nothing is left dangling."""
        return ""


def _paused(aim: Aim, target: Json) -> Refusal | None:
    if not target["spec"].get("paused"):
        return None
    return Refusal(
        Reason.PREFLIGHT,
        f"{aim} is paused, so no new pods would be made; resume it first "
        f"(kubectl -n {aim.namespace} rollout resume deployment/{aim.name}, or a rolloutResume mitigation)",
    )


def _current(target: Json, history: list[Revision]) -> Revision | None:
    return next((r for r in reversed(history) if r.template == target["spec"]["template"]), None)


def _current_unknown(aim: Aim, target: Json, history: list[Revision]) -> Refusal | None:
    current = _current(target, history)
    newest = history[-1] if history else None
    said = revision_number(target)
    if current is None or newest is None or current.number != newest.number or current.number != said:
        return Refusal(
            Reason.NOT_OBSERVED_YET, f"The newest template of {aim} has no ReplicaSet of its own yet; looked at again"
        )
    return None


def _pick(action: RolloutUndo, aim: Aim, target: Json, history: list[Revision]) -> Choice | Refusal | NothingToDo:
    current = _current(target, history)
    if action.to_revision is not None:
        wanted = next((r for r in history if r.number == action.to_revision), None)
        if wanted is None:
            kept = ", ".join(str(r.number) for r in history)
            return Refusal(Reason.PREFLIGHT, f"{aim} has no revision {action.to_revision}; kept are {kept}", final=True)
        if current is not None and wanted.template == current.template:
            return NothingToDo(f"{aim} already runs the template of revision {wanted.number}")
        return Choice(wanted, "asked for by number")
    if current is not None and (newer := _rolled_back_from(current, history)):
        return NothingToDo(
            f"{aim} was rolled back already: it runs revision {current.number} ({current.images}), which is older than "
            f"revision {newer.number} ({newer.images}). To go further back, name toRevision"
        )
    earlier = [
        r for r in history if current is not None and r.number < current.number and r.template != current.template
    ]
    if not earlier:
        return Refusal(
            Reason.PREFLIGHT,
            f"No earlier revision of {aim} is kept (spec.revisionHistoryLimit {target['spec'].get('revisionHistoryLimit')}); "
            "deploy a good version",
            final=True,
        )
    return choose(earlier, history)


def _rolled_back_from(current: Revision, history: list[Revision]) -> Revision | None:
    """
    The newest release, when the current one is an older one put back: its ReplicaSet keeps its age and gets a new number.
    Going back once more by default would return to what was rolled back from, as `kubectl rollout undo` twice does.
    """
    return max((r for r in history if r.created > current.created), key=lambda r: r.created, default=None)


def _blocked(aim: Aim, history: list[Revision], wanted: Revision) -> Refusal | None:
    for revision in history:
        annotations = (revision.template.get("metadata") or {}).get("annotations") or {}
        why = annotations.get(Annotation.NO_ROLLBACK_PAST)
        if why and revision.number > wanted.number:
            return Refusal(
                Reason.PREFLIGHT,
                f"Revision {revision.number} of {aim} forbids going back past it ({Annotation.NO_ROLLBACK_PAST}: {why})",
                final=True,
            )
    return None


def _change(aim: Aim, target: Json, history: list[Revision], chosen: Choice, seen: Observations) -> Change:
    current = _current(target, history)
    assert current is not None
    wanted = chosen.revision
    pods = live_pods(items(seen.get(surroundings(aim, target)[0])))
    replaced = sum((p["metadata"].get("labels") or {}).get(HASH) != wanted.hash for p in pods)
    resource = f"deployment/{aim.name}"
    return Change(
        uid=target["metadata"]["uid"],
        before={TEMPLATE: target["spec"]["template"]},
        after={TEMPLATE: dict(wanted.template)},
        summary=(
            f"{aim} from revision {current.number} ({current.images}) back to revision {wanted.number} "
            f"({wanted.images}): {chosen.why}"
        ),
        diff=differences(target["spec"]["template"], wanted.template),
        blast=f"{replaced} of {len(pods)} pods replaced{reach(aim, target, seen)}",
        undo_takes=roll_takes(target, pods),
        warnings=("Replicas, strategy, ConfigMaps, Secrets and data are not rolled back",),
        do_by_hand=f"kubectl -n {aim.namespace} rollout undo {resource} --to-revision={wanted.number}",
        undo_by_hand=f"kubectl -n {aim.namespace} rollout undo {resource} --to-revision={current.number}",
        approval_class=ApprovalClass.B,
        labels=target["metadata"].get("labels"),
    )


def rollout_verdict(aim: Aim, target: Json) -> Verdict:
    """Where a Deployment's rollout stands (kubectl's rollout_status rule and the pods on their way out)."""
    spec, status = target["spec"], target.get("status") or {}
    if status.get("observedGeneration", 0) < target["metadata"].get("generation", 0):
        return Verdict(VerdictState.WAITING, f"{aim}: waiting for the controller to observe the change")
    for condition in status.get("conditions") or ():
        if condition.get("type") == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded":
            return Verdict(VerdictState.FAILED, f"{aim}: {condition.get('message', 'exceeded its progress deadline')}")
    wanted = spec.get("replicas", 1)
    if missing := _not_there_yet(status, wanted):
        return Verdict(VerdictState.WAITING, f"{aim}: {missing}")
    return Verdict(VerdictState.VERIFIED, f"{wanted} of {wanted} pods of the wanted template are available")


def _not_there_yet(status: Json, wanted: int) -> str:
    """What a rollout waits for; empty when it is complete."""
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
