"""
Empty a node: cordon it, then evict its pods by uid, a few at a time, until a deadline (mitigations.md 1.8).

Everything that kubectl finds out on the way is found out before: what may not go is refused while the node is untouched.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from stanch.api.actions import Action, Drain, Loss
from stanch.api.evidence import PODS_LOST_MAX
from stanch.api.incident_status import UndoClass
from stanch.api.meta import TargetKind
from stanch.api.names import OPERATOR_NAMESPACE, Label, Reason
from stanch.api.policy import DEFAULT
from stanch.core.asking import ALL_NODES, controller_name, owned_by, pods_in, pods_on_node
from stanch.core.commands import Removal
from stanch.core.observations import Answer, Failed, Found, Observations, is_cut, items
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
    VerdictState,
    Written,
)
from stanch.core.questions import MayGo, Question
from stanch.core.swap import look_up
from stanch.core.there import read_target
from stanch.mitigations.cordon import UNSCHEDULABLE, not_given_back, other_nodes
from stanch.mitigations.delete_pod import MIRROR, never
from stanch.mitigations.workload import Json, is_ready, unanswered

SAFE_TO_EVICT: Final = "cluster-autoscaler.kubernetes.io/safe-to-evict"
TIMEOUT: Final = timedelta(minutes=10)
NAMED_MAX: Final = 5
_CORDONED: Final = "It is cordoned already, not by this incident; its undo will leave it so"


class DrainNode:
    """Swap spec.unschedulable, then evict."""

    name = "drain"
    kinds = Drain.KINDS
    undo_class = UndoClass.MANUAL
    needs: Mapping[TargetKind, tuple[Need, ...]] = {
        TargetKind.NODE: (Need("patch", "", "nodes"), Need("create", "", "pods", "eviction"))
    }
    debt = timedelta(hours=24)

    def size_up(self, action: Action, aim: Aim, seen: Observations, clock: Clock) -> Sized:
        """Which pods would go, and which can't; refused as a whole where one may not go at all."""
        assert isinstance(action, Drain)
        target = read_target(aim, seen)
        if not isinstance(target, dict):
            return target
        asked = (ALL_NODES, pods_on_node(aim.name))
        if (gap := unanswered(seen, asked, 2, f"Other nodes, or the pods on {aim},")) is not None:
            return gap
        pods = [p for p in items(seen.get(asked[1])) if _counts(p)]
        going = sorted((p for p in pods if not _by_daemon_set(p)), key=_order)
        nodes, moving = items(seen.get(asked[0])), [p for p in going if not _finished(p)]
        if not going and target["spec"].get("unschedulable"):
            return NothingToDo(f"{aim} is cordoned and has no pod that would go")
        if refusal := _forbidden(action, pods) or other_nodes(aim, target, nodes, moving):
            return refusal
        # All pods beside them, which guard 13 counts, too, tell which of them are the only ones of their workload.
        questions: tuple[Question, ...] = (*map(_may_go, going), *map(pods_in, sorted({_namespace(p) for p in going})))
        if (gap := unanswered(seen, questions, 0, "")) is not None:
            return gap
        answers = ((p, seen.get(_may_go(p))) for p in going)
        blocked = [(p, a) for p, a in answers if isinstance(a, Failed)]
        hopeless = next((r for _, a in blocked if (r := never(a))), None)
        only = [p for p in moving if _is_only(p, seen.get(pods_in(_namespace(p))))]
        said = _warnings(going, [(p, a.message) for p, a in blocked], only)
        return hopeless or _change(aim, action, target, going, said)

    def verify(self, action: Action, aim: Aim, seen: Observations, written: Written) -> Verdict | tuple[Question, ...]:
        """All pods that were written down are gone; names those that go next."""
        listed = seen.get(pods_on_node(aim.name))
        if listed is None:
            return (pods_on_node(aim.name),)
        if not isinstance(listed, Found) or "removes" not in written:
            return Verdict(VerdictState.WAITING, f"Pods of {aim}, or the record of them, can't be read now")
        there = {p["metadata"]["uid"]: p for p in items(listed)}
        planned = [str(pod["uid"]) for pod in written["removes"]]
        left = [there[uid] for uid in planned if uid in there]
        if not left:
            return Verdict(VerdictState.VERIFIED, f"{len(planned)} of {len(planned)} pods have left {aim}")
        leaving = [p for p in left if p["metadata"].get("deletionTimestamp")]
        waiting = [p for p in left if not p["metadata"].get("deletionTimestamp")]
        # Those that were asked a moment ago, in vain, hold up nobody else.
        fresh = [p for p in waiting if p["metadata"]["uid"] not in seen.outcomes]
        free = max(0, DEFAULT.evictions_at_once - len(leaving))
        said = f"{len(planned) - len(left)} of {len(planned)} pods have left {aim}; {_left(waiting, seen)}"
        return Verdict(VerdictState.WAITING, said, tuple(p["metadata"]["uid"] for p in fresh[:free]))

    def owes(self, action: Action, aim: Aim) -> str:
        """The node is idle capacity until somebody gives it back."""
        return f"{aim} is cordoned and drained: it takes no new pods"

    def undo_refusal(self, undo: Written, aim: Aim, seen: Observations) -> Refusal | tuple[Question, ...] | None:
        """No pods for a node that is sick or leaving."""
        return not_given_back(aim, undo, seen)


def _counts(pod: Json) -> bool:
    """Static pods stay, whatever is done; finished and leaving ones are no loss."""
    return MIRROR not in (pod["metadata"].get("annotations") or {}) and not pod["metadata"].get("deletionTimestamp")


def _finished(pod: Json) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _controller(pod: Json) -> Json | None:
    return next((o for o in pod["metadata"].get("ownerReferences") or () if o.get("controller")), None)


def _by_daemon_set(pod: Json) -> bool:
    return (_controller(pod) or {}).get("kind") == "DaemonSet"


def _order(pod: Json) -> tuple[bool, str, str]:
    """Those that serve nobody first."""
    return is_ready(pod), pod["metadata"]["namespace"], pod["metadata"]["name"]


def _name(pod: Json) -> str:
    return f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"


def _namespace(pod: Json) -> str:
    return str(pod["metadata"]["namespace"])


def _is_only(pod: Json, beside: Answer | None) -> bool:
    """Has its controller no other pod? Of a list that was cut or could not be read nobody knows."""
    owner = (_controller(pod) or {}).get("uid", "")
    if not owner or not isinstance(beside, Found) or is_cut(beside):
        return False
    return sum(not _finished(p) for p in owned_by(items(beside), owner)) <= 1


def _names(pods: list[dict[str, Any]]) -> str:
    more = f" and {len(pods) - NAMED_MAX} more" if len(pods) > NAMED_MAX else ""
    return ", ".join(_name(p) for p in pods[:NAMED_MAX]) + more


def _forbidden(action: Drain, pods: list[dict[str, Any]]) -> Refusal | None:
    live = [p for p in pods if not _by_daemon_set(p) and not _finished(p)]
    scratch = [p for p in live if any("emptyDir" in v for v in p["spec"].get("volumes") or ())]
    alone = [p for p in live if _controller(p) is None]
    unsafe = [p for p in live if (p["metadata"].get("annotations") or {}).get(SAFE_TO_EVICT) == "false"]
    ours = [p for p in live if p["metadata"]["namespace"] == OPERATOR_NAMESPACE]
    kept = [p for p in live if Label.PROTECTED in (p["metadata"].get("labels") or {})]
    if kept:
        return Refusal(
            Reason.PROTECTED, f"{_names(kept)} carry label {Label.PROTECTED}; move them by hand first, if it is meant"
        )
    if alone and action.unmanaged is not Loss.DELETE:
        return _refusal(f"{_names(alone)} have no controller and would not come back", "unmanaged: Delete")
    if scratch and action.empty_dir is not Loss.DELETE:
        return _refusal(f"{_names(scratch)} have emptyDir volumes, which would be lost", "emptyDir: Delete")
    if unsafe:
        return Refusal(Reason.PREFLIGHT, f"{_names(unsafe)} say {SAFE_TO_EVICT}: false; move them by hand first")
    if ours:
        return Refusal(Reason.PREFLIGHT, f"{_names(ours)} belong to stanch itself; move them to another node first")
    return None


def _refusal(what: str, consent: str) -> Refusal:
    return Refusal(Reason.PREFLIGHT, f"{what}; if that is meant, write drain: {{{consent}}}", final=True)


def _may_go(pod: Json) -> MayGo:
    meta = pod["metadata"]
    return MayGo(meta["namespace"], meta["name"], meta["uid"])


def _left(waiting: list[dict[str, Any]], seen: Observations) -> str:
    said = {_name(p): o.message for p in waiting if (o := seen.outcomes.get(p["metadata"]["uid"])) and o.message}
    if said:
        name, message = next(iter(said.items()))
        return f"not {name}: {message}" + (f" ({len(said) - 1} more so)" if len(said) > 1 else "")
    return f"left: {_names(waiting)}" if waiting else "the rest is on its way out"


def _change(aim: Aim, action: Drain, node: Json, going: list[dict[str, Any]], warnings: tuple[str, ...]) -> Change:
    cordoned = look_up(node, UNSCHEDULABLE)
    within = action.timeout or TIMEOUT
    flags = " --ignore-daemonsets" + (" --delete-emptydir-data" if action.empty_dir is Loss.DELETE else "")
    flags += " --force" if action.unmanaged is Loss.DELETE else ""
    workloads = {(p["metadata"]["namespace"], controller_name(p)) for p in going}
    return Change(
        uid=node["metadata"]["uid"],
        before={UNSCHEDULABLE: cordoned},
        after={UNSCHEDULABLE: True},
        summary=f"drain {aim}: cordon it and evict {len(going)} pods, {DEFAULT.evictions_at_once} at a time",
        diff=("spec.unschedulable: false -> true",) if cordoned is not True else (),
        blast=f"{len(going)} pods of {len(workloads)} workloads in {len({n for n, _ in workloads})} namespaces",
        undo_takes="1s (estimated) for the cordon; pods do not come back",
        warnings=warnings + ((_CORDONED,) if cordoned is True else ()),
        do_by_hand=f"kubectl drain {aim.name}{flags} --timeout={int(within.total_seconds())}s",
        undo_by_hand=f"kubectl uncordon {aim.name}",
        approval_class=ApprovalClass.C,
        labels=node["metadata"].get("labels"),
        removes=tuple(
            PodToRemove(p["metadata"]["namespace"], p["metadata"]["name"], p["metadata"]["uid"], Removal.EVICT)
            for p in going
        ),
        within=within,
        agreed=tuple(f"{namespace}/{who}" for namespace, who in workloads),
    )


def _warnings(
    going: list[dict[str, Any]], blocked: list[tuple[Json, str]], only: list[dict[str, Any]]
) -> tuple[str, ...]:
    logs = f"Logs of {PODS_LOST_MAX} of them are" if len(going) > PODS_LOST_MAX else "Their logs are"
    warnings = [f"Pods that are evicted do not come back by an undo; only the cordon does. {logs} in the evidence"]
    if blocked:
        pod, message = blocked[0]
        warnings.append(
            f"{len(blocked)} pods may not go now and are asked again until the deadline: {_name(pod)}: {message}"
        )
    workloads = Counter((p["metadata"]["namespace"], controller_name(p)) for p in going if _controller(p))
    if several := [f"{namespace}/{who} ({count})" for (namespace, who), count in workloads.most_common(3) if count > 1]:
        warnings.append(
            f"Pods of one workload go together, unless a PodDisruptionBudget says how many it can spare: {', '.join(several)}"
        )
    if only:
        warnings.append(
            f"The only pod of its workload, which serves nobody until another is ready elsewhere: {_names(only)}"
        )
    if stateful := [p for p in going if (_controller(p) or {}).get("kind") == "StatefulSet"]:
        warnings.append(f"Of StatefulSets, which start elsewhere only when they are gone here: {_names(stateful)}")
    return tuple(warnings)
