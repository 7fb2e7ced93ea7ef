"""Keep new pods away from a node, or let them back (mitigations.md 1.7)."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from stanch.api.actions import Action
from stanch.api.incident_status import UndoClass
from stanch.api.meta import TargetKind
from stanch.api.names import Reason
from stanch.core.asking import ALL_NODES
from stanch.core.observations import Failed, Observations, items
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
    Written,
)
from stanch.core.questions import Question
from stanch.core.there import read_target
from stanch.mitigations.switch import switched
from stanch.mitigations.taints import LEAVING, closed_by
from stanch.mitigations.workload import Json, is_ready, stands

UNSCHEDULABLE: Final = "/spec/unschedulable"
_NEEDS: Mapping[TargetKind, tuple[Need, ...]] = {TargetKind.NODE: (Need("patch", "", "nodes"),)}


class CordonNode:
    """Set spec.unschedulable."""

    name = "cordon"
    kinds = frozenset({TargetKind.NODE})
    undo_class = UndoClass.AUTO
    needs = _NEEDS
    debt = timedelta(hours=24)

    def size_up(self, action: Action, aim: Aim, seen: Observations, clock: Clock) -> Sized:
        """Refused when no other ready node would take pods."""
        target = read_target(aim, seen)
        if not isinstance(target, dict):
            return target
        if target["spec"].get("unschedulable"):
            return NothingToDo(f"{aim} is already cordoned, not by this incident; its undo will leave it so")
        answer = seen.get(ALL_NODES)
        if answer is None:
            return (ALL_NODES,)
        if isinstance(answer, Failed):
            return Refusal(Reason.NO_DATA_NOW, f"Nodes can't be listed: {answer.message}")
        return other_nodes(aim, target, items(answer)) or _change(
            aim, target, True, "cordon", "uncordon", ApprovalClass.A
        )

    def verify(self, action: Action, aim: Aim, seen: Observations, written: Written) -> Verdict | tuple[Question, ...]:
        """Written means done: the scheduler reads the field."""
        return stands(aim, seen, "takes no new pods")

    def owes(self, action: Action, aim: Aim) -> str:
        """The node is idle capacity until somebody gives it back."""
        return f"{aim} is cordoned: it takes no new pods"

    def undo_refusal(self, undo: Written, aim: Aim, seen: Observations) -> Refusal | tuple[Question, ...] | None:
        """No pods for a node that is sick or leaving."""
        return not_given_back(aim, undo, seen)


class UncordonNode:
    """Remove spec.unschedulable."""

    name = "uncordon"
    kinds = frozenset({TargetKind.NODE})
    undo_class = UndoClass.AUTO
    needs = _NEEDS
    debt = None

    def size_up(self, action: Action, aim: Aim, seen: Observations, clock: Clock) -> Sized:
        """Refused while sick or leaving. It may be another's cordon: a second person agrees (ours has an undo entry)."""
        target = read_target(aim, seen)
        if not isinstance(target, dict):
            return target
        if not target["spec"].get("unschedulable"):
            return NothingToDo(f"{aim} is not cordoned")
        if refusal := _unfit(aim, target):
            return refusal
        return _change(aim, target, False, "uncordon", "cordon", ApprovalClass.C)

    def verify(self, action: Action, aim: Aim, seen: Observations, written: Written) -> Verdict | tuple[Question, ...]:
        """Written means done."""
        return stands(aim, seen, "takes new pods again")

    def owes(self, action: Action, aim: Aim) -> str:
        """Nothing is off."""
        return ""


def other_nodes(
    aim: Aim, target: Json, nodes: list[dict[str, Any]], pods: list[dict[str, Any]] | None = None
) -> Refusal | None:
    """Somewhere must pods go: refused when no other ready node takes them; ``pods`` are those that go, where that is known."""
    others = [n for n in nodes if n["metadata"]["name"] != aim.name and _takes_pods(n)]
    closed = {n["metadata"]["name"]: closed_by(n, target, pods or []) for n in others}
    if not all(closed.values()):
        return None
    name, taint = next(iter(closed.items()), ("", ""))
    why = f" ({name} has taint {taint}, which its pods are not known to tolerate)" if taint else ""
    return Refusal(
        Reason.PREFLIGHT, f"{aim} is the only ready node that takes pods{why}; add or uncordon another first"
    )


def _takes_pods(node: Json) -> bool:
    return is_ready(node) and not node["spec"].get("unschedulable")


def not_given_back(aim: Aim, undo: Written, seen: Observations) -> Refusal | tuple[Question, ...] | None:
    """Why a node is not to take pods again now; one that took none before stays so whatever is undone."""
    if undo["before"].get(UNSCHEDULABLE) == undo["after"].get(UNSCHEDULABLE):
        return None
    target = read_target(aim, seen)
    return _unfit(aim, target) if isinstance(target, dict) else target


def _unfit(aim: Aim, node: Json) -> Refusal | None:
    if not is_ready(node):
        return Refusal(Reason.PREFLIGHT, f"{aim} is not Ready; pods put there would not run")
    leaving = [t["key"] for t in node["spec"].get("taints") or () if t["key"] in LEAVING]
    if leaving:
        return Refusal(Reason.PREFLIGHT, f"{aim} is about to be removed (taint {leaving[0]})")
    return None


def _change(aim: Aim, node: Json, on: bool, verb: str, inverse: str, approval: ApprovalClass) -> Change:
    return switched(
        node,
        "unschedulable",
        on,
        summary=f"{verb} {aim}",
        blast="running pods stay; no new ones come" if on else "new pods may come",
        do_by_hand=f"kubectl {verb} {aim.name}",
        undo_by_hand=f"kubectl {inverse} {aim.name}",
        approval_class=approval,
    )
