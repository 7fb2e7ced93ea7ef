"""What can be said of a mitigation before any cluster is looked at: its class at best, its undo, its lines to type."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from stanch.api import duration
from stanch.api.actions import Action, Autoscaler, ConfigFlag, Drain, Loss, RolloutUndo, RouteShift, Scale, ServiceShift
from stanch.api.incident_status import UndoClass
from stanch.api.meta import TargetKind
from stanch.core.asking import target_of
from stanch.core.ports import Aim, ApprovalClass, Mitigation
from stanch.core.swap import canonical
from stanch.mitigations import ALL

BY_NAME: Final[Mapping[str, Mitigation]] = {each.name: each for each in ALL}
UNDO_WORDS: Final = {
    UndoClass.AUTO: "exactly, by stanch",
    UndoClass.MANUAL: "by a person's word",
    UndoClass.NONE: "can't be undone",
}
_CLASS: Final = {
    "rolloutPause": ApprovalClass.A,
    "cordon": ApprovalClass.A,
    "configFlag": ApprovalClass.A,
    "suspendCronJob": ApprovalClass.A,
    "autoscaler": ApprovalClass.A,
    "scale": ApprovalClass.A,
    "drain": ApprovalClass.C,
    "uncordon": ApprovalClass.C,
}
_RECONCILERS: Final = (TargetKind.KUSTOMIZATION, TargetKind.HELM_RELEASE, TargetKind.APPLICATION)


def best_class(name: str, action: Action, kind: TargetKind) -> ApprovalClass:
    """The class it has at best (decisions 2.2); how many pods it touches may make it wider."""
    if name == "rolloutUndo" and kind is TargetKind.STATEFUL_SET:
        return ApprovalClass.C
    if isinstance(action, Scale) and action.replicas == 0:
        return ApprovalClass.C
    if name == "gitOpsHold":
        return ApprovalClass.B if kind in _RECONCILERS else ApprovalClass.A
    return _CLASS.get(name, ApprovalClass.B)


@dataclass(frozen=True, slots=True)
class Line:
    """What a person types, and what takes it back; values that only the cluster knows are in capitals."""

    do: str
    undo: str


def by_hand(name: str, action: Action, aim: Aim) -> Line:
    """The lines for an action that nobody has planned yet."""
    return _LINES[name](action, aim)


def _kubectl(aim: Aim) -> str:
    return f"kubectl -n {aim.namespace}" if aim.namespace else "kubectl"


def _on(aim: Aim) -> str:
    return f"{aim.kind.value.lower()}/{aim.name}"


def _patch(aim: Aim, body: object, plural: str | None = None) -> str:
    kind = plural or target_of(aim).ref.plural.removesuffix("s")
    return f"{_kubectl(aim)} patch {kind} {aim.name} --type=merge -p '{canonical(body)}'"


def _rollout(verb: str, inverse: str) -> Callable[[Action, Aim], Line]:
    def lines(action: Action, aim: Aim) -> Line:
        back = f"{_kubectl(aim)} rollout {inverse} {_on(aim)}" if inverse else ""
        return Line(f"{_kubectl(aim)} rollout {verb} {_on(aim)}", back)

    return lines


def _undo(action: Action, aim: Aim) -> Line:
    assert isinstance(action, RolloutUndo)
    start = f"{_kubectl(aim)} rollout undo {_on(aim)} --to-revision="
    return Line(f"{start}{action.to_revision or 'REVISION'}", f"{start}REVISION-BEFORE")


def _scale(action: Action, aim: Aim) -> Line:
    assert isinstance(action, Scale)
    start = f"{_kubectl(aim)} scale {_on(aim)} --replicas="
    return Line(f"{start}{action.replicas}", f"{start}REPLICAS-BEFORE")


def _bounds(action: Action, aim: Aim) -> Line:
    assert isinstance(action, Autoscaler)
    said = {name: value for name, value in action.wire().items() if name != "only"}
    return Line(_patch(aim, {"spec": said}, "hpa"), _patch(aim, {"spec": dict.fromkeys(said, "VALUE-BEFORE")}, "hpa"))


def _flag(action: Action, aim: Aim) -> Line:
    assert isinstance(action, ConfigFlag)
    do = _patch(aim, {"data": {action.key: action.value}})
    return Line(do, _patch(aim, {"data": {action.key: "VALUE-BEFORE"}}))


def _service(action: Action, aim: Aim) -> Line:
    assert isinstance(action, ServiceShift)
    start = f"{_kubectl(aim)} patch service {aim.name} --type=json -p"

    def line(selector: object) -> str:
        return f"{start} '{canonical([{'op': 'replace', 'path': '/spec/selector', 'value': selector}])}'"

    return Line(line(dict(action.selector)), line({"SELECTOR": "BEFORE"}))


def _route(action: Action, aim: Aim) -> Line:
    assert isinstance(action, RouteShift)
    weights = ", ".join(f"{w.backend} {w.weight}" for w in action.weights)
    edit = f"{_kubectl(aim)} edit httproute {aim.name}"
    return Line(f"{edit}   # weights: {weights}", f"{edit}   # weights as before")


def _suspend(action: Action, aim: Aim) -> Line:
    return Line(_patch(aim, {"spec": {"suspend": True}}), _patch(aim, {"spec": {"suspend": False}}))


def _pod(action: Action, aim: Aim) -> Line:
    return Line(f"{_kubectl(aim)} delete pod {aim.name}", "")


def _node(verb: str, inverse: str) -> Callable[[Action, Aim], Line]:
    return lambda action, aim: Line(f"kubectl {verb} {aim.name}", f"kubectl {inverse} {aim.name}")


def _drain(action: Action, aim: Aim) -> Line:
    assert isinstance(action, Drain)
    flags = " --ignore-daemonsets" + (" --delete-emptydir-data" if action.empty_dir is Loss.DELETE else "")
    flags += " --force" if action.unmanaged is Loss.DELETE else ""
    timeout = f" --timeout={duration.write(action.timeout)}" if action.timeout else ""
    return Line(f"kubectl drain {aim.name}{flags}{timeout}", f"kubectl uncordon {aim.name}")


def _hold(action: Action, aim: Aim) -> Line:
    if aim.kind is TargetKind.APPLICATION:

        def enabled(value: bool) -> object:
            return {"spec": {"syncPolicy": {"automated": {"enabled": value}}}}

        return Line(_patch(aim, enabled(False)), _patch(aim, enabled(True)))
    if aim.kind in _RECONCILERS:
        return _suspend(action, aim)
    start = (
        f"{_kubectl(aim)} label --overwrite {aim.kind.value.lower()} {aim.name} kustomize.toolkit.fluxcd.io/reconcile"
    )
    return Line(f"{start}=disabled", f"{start}-")


_LINES: Final[Mapping[str, Callable[[Action, Aim], Line]]] = {
    "rolloutUndo": _undo,
    "rolloutPause": _rollout("pause", "resume"),
    "rolloutResume": _rollout("resume", "pause"),
    "rolloutRestart": _rollout("restart", ""),
    "scale": _scale,
    "autoscaler": _bounds,
    "configFlag": _flag,
    "serviceShift": _service,
    "routeShift": _route,
    "suspendCronJob": _suspend,
    "deletePod": _pod,
    "drain": _drain,
    "gitOpsHold": _hold,
    "cordon": _node("cordon", "uncordon"),
    "uncordon": _node("uncordon", "cordon"),
}
