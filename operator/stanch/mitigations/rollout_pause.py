"""Stop a Deployment's rollout where it is, or let it go on (mitigations.md 1.3)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from stanch.api.actions import Action
from stanch.api.incident_status import UndoClass
from stanch.api.meta import TargetKind
from stanch.core.observations import Observations
from stanch.core.ports import (
    Aim,
    ApprovalClass,
    Change,
    Clock,
    Need,
    NothingToDo,
    Sized,
    Verdict,
    VerdictState,
    Written,
)
from stanch.core.questions import Question
from stanch.core.swap import digest
from stanch.mitigations.pending import pending
from stanch.mitigations.switch import read_own, switched
from stanch.mitigations.workload import Json, live

_NEEDS: Mapping[TargetKind, tuple[Need, ...]] = {TargetKind.DEPLOYMENT: (Need("patch", "apps", "deployments"),)}


def _observed(aim: Aim, seen: Observations, paused: bool) -> Verdict | tuple[Question, ...]:
    target = live(aim, seen)
    if not isinstance(target, dict):
        return target
    seen_generation = (target.get("status") or {}).get("observedGeneration", 0)
    if seen_generation < target["metadata"].get("generation", 0):
        return Verdict(VerdictState.WAITING, f"{aim}: waiting for the controller to observe it")
    # Decided by the spec, not by the Progressing condition: that keeps ProgressDeadlineExceeded through a pause.
    return Verdict(VerdictState.VERIFIED, f"{aim} is {'paused' if paused else 'rolling on'}")


def _by_hand(aim: Aim, verb: str) -> str:
    return f"kubectl -n {aim.namespace} rollout {verb} deployment/{aim.name}"


class PauseRollout:
    """Set spec.paused."""

    name = "rolloutPause"
    kinds = frozenset({TargetKind.DEPLOYMENT})
    undo_class = UndoClass.AUTO
    needs = _NEEDS
    debt = timedelta(hours=4)

    def size_up(self, action: Action, aim: Aim, seen: Observations, clock: Clock) -> Sized:
        """Paused from not paused; nothing to do when it is already."""
        target = read_own(aim, seen)
        if not isinstance(target, dict):
            return target
        if target["spec"].get("paused"):
            return NothingToDo(f"{aim} is already paused")
        return _change(aim, target, True, "pause", "resume", ApprovalClass.A, _mid_rollout(target))

    def verify(self, action: Action, aim: Aim, seen: Observations, written: Written) -> Verdict | tuple[Question, ...]:
        """The controller has observed the pause."""
        return _observed(aim, seen, paused=True)

    def owes(self, action: Action, aim: Aim) -> str:
        """A paused Deployment rolls nothing out, also not the fix."""
        return f"{aim} is paused: nothing rolls out, a fix neither. Resuming rolls out every change made meanwhile"

    def brings(self, aim: Aim, seen: Observations) -> str | tuple[Question, ...]:
        """The pods that a resume would replace now, and by what."""
        target = live(aim, seen)
        if not isinstance(target, dict):
            return target.message if isinstance(target, Verdict) else target
        return pending(aim, target, seen)


class ResumeRollout:
    """Remove spec.paused."""

    name = "rolloutResume"
    kinds = frozenset({TargetKind.DEPLOYMENT})
    undo_class = UndoClass.AUTO
    needs = _NEEDS
    debt = None

    def size_up(self, action: Action, aim: Aim, seen: Observations, clock: Clock) -> Sized:
        """Not paused from paused; nothing to do when it is not."""
        target = read_own(aim, seen)
        if not isinstance(target, dict):
            return target
        if not target["spec"].get("paused"):
            return NothingToDo(f"{aim} is not paused")
        waits = pending(aim, target, seen)
        if isinstance(waits, tuple):
            return waits
        warnings = ("Every template change made while it was paused rolls out at once", waits)
        change = _change(aim, target, False, "resume", "pause", ApprovalClass.B, warnings)
        # Who agrees to a resume agrees to the template that it rolls out.
        return replace(change, agreed=(digest(target["spec"]["template"]),))

    def verify(self, action: Action, aim: Aim, seen: Observations, written: Written) -> Verdict | tuple[Question, ...]:
        """The controller has observed it; recovery then watches the rollout itself."""
        return _observed(aim, seen, paused=False)

    def owes(self, action: Action, aim: Aim) -> str:
        """Nothing is off."""
        return ""


def _mid_rollout(target: Json) -> tuple[str, ...]:
    status = target.get("status") or {}
    if status.get("updatedReplicas", 0) < target["spec"].get("replicas", 1):
        return (f"{status.get('updatedReplicas', 0)} pods of the new template stay as they are",)
    return ()


def _change(
    aim: Aim, target: Json, on: bool, verb: str, inverse: str, approval: ApprovalClass, warnings: tuple[str, ...]
) -> Change:
    return switched(
        target,
        "paused",
        on,
        summary=f"{verb} the rollout of {aim}",
        blast="no pod is touched" if on else "pods of a newer template replace the running ones",
        warnings=warnings,
        do_by_hand=_by_hand(aim, verb),
        undo_by_hand=_by_hand(aim, inverse),
        approval_class=approval,
    )
