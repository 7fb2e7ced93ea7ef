"""Point a Service at other pods (mitigations.md 1.11): the whole selector is swapped, for a merge would keep old keys."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

from stanch.api.actions import Action, ServiceShift
from stanch.api.incident_status import UndoClass
from stanch.api.meta import TargetKind
from stanch.api.names import Reason
from stanch.core.asking import pods_in, ready_endpoints, slices_of, target_of
from stanch.core.diff import differences
from stanch.core.observations import Found, Observations, items
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
from stanch.core.swap import canonical
from stanch.mitigations.workload import Beside, Json, is_ready, live_pods, owner_refusal, read_beside

SELECTOR: Final = "/spec/selector"
ROLLOUTS_KEY: Final = "rollouts-pod-template-hash"
_CORRECT: Final = "correct spec.mitigations[].serviceShift.selector, or "


class ShiftService:
    """Swap spec.selector for another map."""

    name = "serviceShift"
    kinds = ServiceShift.KINDS
    undo_class = UndoClass.AUTO
    needs: Mapping[TargetKind, tuple[Need, ...]] = {TargetKind.SERVICE: (Need("patch", "", "services"),)}
    debt = timedelta(hours=24)

    def size_up(self, action: Action, aim: Aim, seen: Observations, clock: Clock) -> Sized:
        """From which pods to which; refused where nobody would answer, or a controller owns the selector."""
        assert isinstance(action, ServiceShift)
        found = read_beside(aim, seen, pods_in, f"Pods that would answer for {aim}")
        if not isinstance(found, Beside):
            return found
        target, pods = found.target, live_pods(found.items)
        if refusal := owner_refusal(aim, target) or _not_ours(aim, target):
            return refusal
        old = target["spec"]["selector"]
        if old == action.selector:
            return NothingToDo(f"{aim} already selects {_words(old)}")
        return _nobody_answers(aim, action.selector, target, pods, _CORRECT) or _change(aim, action, target, pods)

    def verify(self, action: Action, aim: Aim, seen: Observations, written: Written) -> Verdict | tuple[Question, ...]:
        """Endpoints are pods of the new selector, and one at least is ready."""
        assert isinstance(action, ServiceShift)
        assert aim.namespace is not None
        asked = (target_of(aim), slices_of(aim), pods_in(aim.namespace))
        if open_questions := tuple(q for q in asked if seen.get(q) is None):
            return open_questions
        if any(not isinstance(seen.get(q), Found) for q in asked):
            return Verdict(VerdictState.WAITING, f"{aim} or its endpoints can't be read now")
        pods = items(seen.get(asked[2]))
        wanted = {p["metadata"]["name"] for p in pods if _selects(action.selector, p)}
        serving = {n for s in items(seen.get(asked[1])) for n in ready_endpoints(s)}
        if serving and serving <= wanted:
            return Verdict(VerdictState.VERIFIED, f"{len(serving)} ready endpoints, all of the new selector")
        old = len(serving - wanted)
        return Verdict(VerdictState.WAITING, f"{aim} has {len(serving)} ready endpoints, {old} of another selector")

    def owes(self, action: Action, aim: Aim) -> str:
        """Traffic goes where Git does not say."""
        assert isinstance(action, ServiceShift)
        return f"{aim} selects {_words(action.selector)} for the time of the incident"

    def undo_refusal(self, undo: Written, aim: Aim, seen: Observations) -> Refusal | tuple[Question, ...] | None:
        """No way back to where nobody answers any more, while somebody does here."""
        found = read_beside(aim, seen, pods_in, f"Pods that would answer for {aim}")
        if not isinstance(found, Beside):
            return found
        target, pods = found.target, live_pods(found.items)
        if not any(is_ready(p) and _selects(undo["after"][SELECTOR], p) for p in pods):
            return None
        return _nobody_answers(aim, undo["before"][SELECTOR], target, pods, "")


def _words(selector: Mapping[str, str]) -> str:
    return ",".join(f"{k}={v}" for k, v in sorted(selector.items()))


def _selects(selector: Mapping[str, str], pod: Json) -> bool:
    labels = pod["metadata"].get("labels") or {}
    return all(labels.get(k) == v for k, v in selector.items())


def _not_ours(aim: Aim, target: Json) -> Refusal | None:
    spec, hand = target["spec"], f"kubectl -n {aim.namespace}"
    if spec.get("type") == "ExternalName":
        return Refusal(
            Reason.PREFLIGHT, f"{aim} is of type ExternalName: it sends names elsewhere and selects no pods", final=True
        )
    if not spec.get("selector"):
        return Refusal(
            Reason.PREFLIGHT,
            f"{aim} has no spec.selector: its EndpointSlices are written by somebody else; change them there "
            f"({hand} get endpointslices -l kubernetes.io/service-name={aim.name})",
            final=True,
        )
    if ROLLOUTS_KEY in spec["selector"]:
        return Refusal(
            Reason.OWNED_BY_ANOTHER,
            f"Argo Rollouts steers the selector of {aim} (key {ROLLOUTS_KEY}) and would put it back; "
            f"abort the rollout instead: {hand} argo rollouts abort ROLLOUT",
            final=True,
        )
    return None


def _nobody_answers(
    aim: Aim, selector: Mapping[str, str], target: Json, pods: list[dict[str, Any]], correct: str
) -> Refusal | None:
    chosen = [p for p in pods if _selects(selector, p) and is_ready(p)]
    if not chosen:
        return Refusal(
            Reason.PREFLIGHT,
            f"{aim} would be left with 0 ready endpoints: no ready pod in namespace {aim.namespace} has the labels "
            f"{_words(selector)}; {correct}bring such pods up first",
        )
    for port in target["spec"].get("ports") or ():
        wanted = port.get("targetPort")
        if isinstance(wanted, str) and not all(wanted in _port_names(p) for p in chosen):
            lacking = next(p["metadata"]["name"] for p in chosen if wanted not in _port_names(p))
            return Refusal(
                Reason.PREFLIGHT,
                f"{aim} sends to the port named {wanted}, which pod {lacking} of the new selector has not",
            )
    return None


def _port_names(pod: Json) -> set[str]:
    return {p["name"] for c in pod["spec"].get("containers") or () for p in c.get("ports") or () if p.get("name")}


def _change(aim: Aim, action: ServiceShift, target: Json, pods: list[dict[str, Any]]) -> Change:
    old = target["spec"]["selector"]
    now, then = (sum(is_ready(p) and _selects(s, p) for p in pods) for s in (old, action.selector))

    def by_hand(selector: Mapping[str, str]) -> str:
        patch = f'[{{"op":"replace","path":"{SELECTOR}","value":{canonical(selector)}}}]'
        return f"kubectl -n {aim.namespace} patch service {aim.name} --type=json -p '{patch}'"

    return Change(
        uid=target["metadata"]["uid"],
        before={SELECTOR: old},
        after={SELECTOR: dict(action.selector)},
        summary=f"{aim} from {_words(old)} to {_words(action.selector)}",
        diff=differences({"spec": {"selector": old}}, {"spec": {"selector": dict(action.selector)}}),
        blast=f"all its traffic, from {now} ready pods to {then}",
        undo_takes="5s (estimated)",
        warnings=_warnings(target, now, then),
        do_by_hand=by_hand(action.selector),
        undo_by_hand=by_hand(old),
        approval_class=ApprovalClass.B,
        labels=target["metadata"].get("labels"),
    )


def _warnings(target: Json, now: int, then: int) -> tuple[str, ...]:
    warnings = ["Connections that are open stay with the old pods until they are closed"]
    if target["spec"].get("sessionAffinity") == "ClientIP":
        warnings.append("sessionAffinity ClientIP: clients stay with their pod as long as it is there")
    if target["spec"].get("clusterIP") == "None":
        warnings.append("It is headless: clients go on with the addresses their DNS cache holds")
    if then < now:
        warnings.append(f"Fewer pods take the load: {then} instead of {now}")
    return tuple(warnings)
