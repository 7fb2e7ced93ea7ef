"""Go back to the last good pod template of a workload (mitigations.md 0.1, 1.1, 1.2). Never by kubectl's way."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.actions import Action, RolloutUndo
from stanch.api.incident_status import UndoClass
from stanch.api.meta import TargetKind
from stanch.api.names import Annotation, Reason
from stanch.core.asking import controller_revisions_of, owned_by, replicasets_of, revision_number
from stanch.core.diff import differences
from stanch.core.observations import Observations, items
from stanch.core.ports import (
    Aim,
    ApprovalClass,
    Change,
    Clock,
    Need,
    NothingToDo,
    PodToRemove,
    Refusal,
    Sized,
    Verdict,
    Written,
)
from stanch.core.questions import List, Question
from stanch.core.there import read_target
from stanch.mitigations.not_rolled_back import config_questions, not_rolled_back
from stanch.mitigations.revisions import (
    Choice,
    Revision,
    choose,
    controller_revisions,
    revisions,
    same_but_restarted,
    without_nulls,
)
from stanch.mitigations.rollouts import RESOURCE, missed_deadline, on_delete, partition, rollout_verdict
from stanch.mitigations.stuck_pods import let_go, on_their_way, stuck_pods, too_many
from stanch.mitigations.workload import (
    Json,
    as_far_as_seen,
    live,
    live_pods,
    not_observed,
    owner_refusal,
    paused,
    reach,
    roll_takes,
    surroundings,
    unanswered,
)

TEMPLATE: Final = "/spec/template"
_DELETE: Final = Need("delete", "", "pods")


class UndoRollout:
    """Swap the pod template for that of an earlier ReplicaSet or ControllerRevision."""

    name = "rolloutUndo"
    kinds = RolloutUndo.KINDS
    undo_class = UndoClass.MANUAL
    needs: Mapping[TargetKind, tuple[Need, ...]] = {
        # Pods that would pin a StatefulSet to the bad template are deleted.
        kind: (Need("patch", "apps", plural), *((_DELETE,) if kind is TargetKind.STATEFUL_SET else ()))
        for kind, plural in RESOURCE.items()
    }
    debt = timedelta(hours=72)

    def size_up(self, action: Action, aim: Aim, seen: Observations, clock: Clock) -> Sized:
        """The template to go back to, with its reason and diff; or why there is none."""
        assert isinstance(action, RolloutUndo)
        target = read_target(aim, seen)
        if not isinstance(target, dict):
            return target
        asked = (_history_of(aim, target), *surroundings(aim, target))
        # Of a StatefulSet any pod may be one that pins it; else pods only help to choose.
        part = None if aim.kind is TargetKind.STATEFUL_SET else asked[1]
        if (gap := unanswered(seen, asked, 2, f"The history of {aim}", part)) is not None:
            return gap
        pods = live_pods(items(seen.get(asked[1])))
        kept = owned_by(items(seen.get(asked[0])), target["metadata"]["uid"])
        history = (revisions if aim.kind is TargetKind.DEPLOYMENT else controller_revisions)(kept, pods, clock.now)
        refusal = not_observed(aim, target) or owner_refusal(aim, target) or paused(aim, target, seen)
        refusal = refusal or on_their_way(aim, target, items(seen.get(asked[1])), clock)
        chosen = refusal or _current_unknown(aim, target, history) or _pick(action, aim, target, history)
        if not isinstance(chosen, Choice):
            return chosen
        more = config_questions(aim, chosen.revision.template)
        return (
            _blocked(aim, history, chosen.revision)
            or unanswered(seen, more, 0, "")
            or too_many(aim, stuck_pods(aim, target, pods, chosen.revision.name, clock.now))
            or _change(aim, target, history, chosen, seen, clock.now)
        )

    def verify(self, action: Action, aim: Aim, seen: Observations, written: Written) -> Verdict | tuple[Question, ...]:
        """kubectl's own rule of when a rollout is complete."""
        target = live(aim, seen)
        if not isinstance(target, dict):
            return target
        missed = str((written.get("note") or {}).get("missed") or "")
        return let_go(aim, target, rollout_verdict(aim, target, missed), seen, written)

    def owes(self, action: Action, aim: Aim) -> str:
        """The bad revision still needs a fix; its ActionItem carries that, so nothing is left dangling."""
        return ""


def _history_of(aim: Aim, target: dict[str, Any]) -> List:
    return (replicasets_of if aim.kind is TargetKind.DEPLOYMENT else controller_revisions_of)(aim, target)


def _current(target: Json, history: list[Revision]) -> Revision | None:
    template = target["spec"]["template"]
    return next((r for r in reversed(history) if template in (r.template, without_nulls(r.template))), None)


def _current_unknown(aim: Aim, target: Json, history: list[Revision]) -> Refusal | None:
    current = _current(target, history)
    newest = history[-1] if history else None
    said = revision_number(target) if aim.kind is TargetKind.DEPLOYMENT else newest and newest.number
    if current is None or newest is None or current.number != newest.number or current.number != said:
        kept = "ReplicaSet" if aim.kind is TargetKind.DEPLOYMENT else "ControllerRevision"
        return Refusal(
            Reason.NOT_OBSERVED_YET, f"The newest template of {aim} has no {kept} of its own yet; looked at again"
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
        r
        for r in history
        if current is not None and r.number < current.number and not same_but_restarted(r.template, current.template)
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
    newer = (r for r in history if r.created > current.created and not same_but_restarted(r.template, current.template))
    return max(newer, key=lambda r: r.created, default=None)


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


def _change(
    aim: Aim, target: Json, history: list[Revision], chosen: Choice, seen: Observations, now: datetime
) -> Change:
    current = _current(target, history)
    assert current is not None
    wanted = chosen.revision
    pods = live_pods(items(seen.get(surroundings(aim, target)[0])))
    replaced = len(pods) - wanted.pods
    stuck = stuck_pods(aim, target, pods, wanted.name, now)
    resource = f"{aim.kind.value.lower()}/{aim.name}"
    return Change(
        uid=target["metadata"]["uid"],
        before={TEMPLATE: target["spec"]["template"]},
        after={TEMPLATE: dict(wanted.template)},
        summary=(
            f"{aim} from revision {current.number} ({current.images}) back to revision {wanted.number} "
            f"({wanted.images}): {chosen.why}"
        ),
        diff=differences(target["spec"]["template"], wanted.template),
        blast=f"{replaced} of {len(pods)} pods replaced{as_far_as_seen(aim, target, seen)}{reach(aim, target, seen)}",
        undo_takes=roll_takes(target, pods),
        warnings=(*_stays(aim, target), *_goes(stuck), *not_rolled_back(aim, wanted, seen)),
        do_by_hand=f"kubectl -n {aim.namespace} rollout undo {resource} --to-revision={wanted.number}",
        undo_by_hand=f"kubectl -n {aim.namespace} rollout undo {resource} --to-revision={current.number}",
        # What the new version of a StatefulSet wrote to its volumes stays, and the old one may not be able to read it.
        approval_class=ApprovalClass.C if aim.kind is TargetKind.STATEFUL_SET else ApprovalClass.B,
        labels=target["metadata"].get("labels"),
        removes=stuck,
        note={"missed": missed} if (missed := missed_deadline(target)) else {},
    )


def _goes(stuck: tuple[PodToRemove, ...]) -> tuple[str, ...]:
    if not stuck:
        return ()
    names = ", ".join(p.name for p in stuck[:5])
    return (
        f"{len(stuck)} pods that are not Ready, or crash, may pin it to the bad template: {names}. Those that can't become "
        "Ready by themselves are deleted, one at a time",
    )


def _stays(aim: Aim, target: Json) -> tuple[str, ...]:
    """Pods that keep the bad template although the workload's is good again."""
    if on_delete(target):
        delete = f"kubectl -n {aim.namespace} delete pod POD"
        return (f"updateStrategy is OnDelete: pods that run keep the bad version until each is deleted ({delete})",)
    kept = partition(target)
    return (f"Partition {kept}: pods 0 to {kept - 1} are not touched",) if kept else ()
