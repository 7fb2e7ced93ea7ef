"""What several mitigations ask of a workload: is it there, who owns it, what would be touched, how long would it take."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from stanch.api.names import Reason
from stanch.core.asking import pdbs, pods_of, services, target_of
from stanch.core.observations import Failed, Found, Observations, cut_short, is_cut, items
from stanch.core.ports import Aim, Refusal, Verdict, VerdictState
from stanch.core.questions import List, Question
from stanch.core.swap import label_of
from stanch.core.there import read_target

Json = Mapping[str, Any]


def unanswered(
    seen: Observations, asked: Sequence[Question], must: int, what: str, part: Question | None = None
) -> Refusal | tuple[Question, ...] | None:
    """
    What is still to be asked; or a refusal when one of the first ``must`` answers failed or was cut; None when all is known.

    Of ``part`` a part of the list will do: who names it says of how many it knows (`as_far_as_seen`).
    """
    if open_questions := tuple(
        q for q in asked if seen.get(q) is None or (isinstance(q, List) and cut_short(seen.get(q)))
    ):
        return open_questions
    cut = next((q for q in asked[:must] if q != part and isinstance(q, List) and is_cut(seen.get(q))), None)
    if cut is not None:
        message = f"{what} can't be seen as a whole: there are more than {cut.limit} {cut.ref.plural}; act by hand"
        return Refusal(Reason.NO_DATA_NOW, message)
    failed = next((a for q in asked[:must] if isinstance(a := seen.get(q), Failed)), None)
    return Refusal(Reason.NO_DATA_NOW, f"{what} can't be read: {failed.message}") if failed else None


@dataclass(frozen=True, slots=True)
class Beside:
    """A target, and all objects of one kind in its namespace."""

    target: dict[str, Any]
    items: list[dict[str, Any]]


def read_beside(
    aim: Aim, seen: Observations, listed: Callable[[str], List], what: str
) -> Beside | Refusal | tuple[Question, ...]:
    """Both as they are now, or why that can't be told (``what``: those objects in words), or what is still to be asked."""
    target = read_target(aim, seen)
    if not isinstance(target, dict):
        return target
    assert aim.namespace is not None
    question = listed(aim.namespace)
    gap = unanswered(seen, (question,), 1, what)
    return Beside(target, items(seen.get(question))) if gap is None else gap


def live(aim: Aim, seen: Observations) -> dict[str, Any] | Verdict | tuple[Question, ...]:
    """The target after the effect, or the question for it; while it can't be read, nothing is said of the effect."""
    answer = seen.get(target_of(aim))
    if answer is None:
        return (target_of(aim),)
    if not isinstance(answer, Found):
        return Verdict(VerdictState.WAITING, f"{aim} can't be read now")
    return answer.value


def owner_refusal(aim: Aim, obj: Json) -> Refusal | None:
    """An object that another one controls would be put back: name the parent."""
    for owner in obj["metadata"].get("ownerReferences") or ():
        if owner.get("controller"):
            return Refusal(
                Reason.OWNED_BY_ANOTHER,
                f"{aim} is controlled by {owner['kind']} {owner['name']}, which would put it back; "
                f"act on that instead{_how(aim, owner)}",
                final=True,
            )
    return None


# Kinds that stanch does not act on, and what a person would type.
_BY_HAND = {
    "Rollout": "kubectl -n {namespace} argo rollouts abort {name}, and then undo {name}",
    "ScaledObject": "kubectl -n {namespace} edit scaledobject {name}",
    "Canary": 'kubectl -n {namespace} patch canary {name} --type=merge -p \'{{"spec":{{"suspend":true}}}}\'',
}


def _how(aim: Aim, owner: Json) -> str:
    line = _BY_HAND.get(str(owner["kind"]))
    return f": {line.format(namespace=aim.namespace, name=owner['name'])}" if line else ""


def not_observed(aim: Aim, obj: Json) -> Refusal | None:
    """Acting before the controller has seen the newest spec would act on the wrong revision (mitigations.md 0.1 #2)."""
    generation = obj["metadata"].get("generation", 0)
    observed = (obj.get("status") or {}).get("observedGeneration", 0)
    if observed >= generation:
        return None
    return Refusal(
        Reason.NOT_OBSERVED_YET,
        f"The controller has not yet observed generation {generation} of {aim} (it is at {observed}); looked at again",
    )


def paused(aim: Aim, obj: Json, seen: Observations) -> Refusal | None:
    """A paused Deployment makes no new pods, whatever its template says."""
    if not obj["spec"].get("paused"):
        return None
    # The label may be of something else that we did to it since; then who paused it is not known.
    who = seen.acted.get(label_of(obj))
    by = f" (last changed by {who.by})" if who else ""
    return Refusal(
        Reason.PREFLIGHT,
        f"{aim} is paused{by}, so no new pods would be made; undo that, or resume it first "
        f"(kubectl -n {aim.namespace} rollout resume deployment/{aim.name}, or a rolloutResume mitigation)",
    )


def stands(aim: Aim, seen: Observations, words: str) -> Verdict | tuple[Question, ...]:
    """For what needs no controller: that it stands there is all there is to see."""
    target = live(aim, seen)
    if not isinstance(target, dict):
        return target
    return Verdict(VerdictState.VERIFIED, f"{aim} {words}")


def cannot_make_pods(status: Json) -> str:
    """What a quota, a LimitRange or an admission policy said to the controller (ReplicaFailure); empty when nothing did."""
    said = (
        c for c in status.get("conditions") or () if c.get("type") == "ReplicaFailure" and c.get("status") == "True"
    )
    return next((str(c.get("message") or c.get("reason") or "") for c in said), "")


def parse_time(text: str | None) -> datetime | None:
    """An instant as the API server writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00")) if text else None


def live_pods(pods: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Pods that are not on their way out."""
    return [p for p in pods if not p["metadata"].get("deletionTimestamp")]


def condition(obj: Json, kind: str) -> Json:
    """The condition of a type, or empty."""
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if c.get("type") == kind), {})


def is_ready(pod: Json) -> bool:
    """Does the pod's Ready condition say True?"""
    return condition(pod, "Ready").get("status") == "True"


def containers(pod: Json) -> list[dict[str, Any]]:
    """Status of every init and normal container."""
    status = pod.get("status") or {}
    return [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]


def is_crashing(pod: Json) -> bool:
    """Waits in CrashLoopBackOff, or its last run ended badly and it has not been ready since."""
    for c in containers(pod):
        waiting = (c.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") == "CrashLoopBackOff":
            return True
        last = (c.get("lastState") or {}).get("terminated") or (c.get("state") or {}).get("terminated") or {}
        if last.get("exitCode") and not c.get("ready"):
            return True
    return False


def fence(strategy: Json, replicas: int) -> tuple[int, int]:
    """Surge and unavailable pods of a rolling update, as the controller rounds them."""
    rolling = strategy.get("rollingUpdate") or {}

    def resolve(value: Any, up: bool) -> int:
        if isinstance(value, str) and value.endswith("%"):
            share = replicas * int(value[:-1]) / 100
            return math.ceil(share) if up else math.floor(share)
        return int(value if value is not None else 0)

    surge, gone = resolve(rolling.get("maxSurge", "25%"), True), resolve(rolling.get("maxUnavailable", "25%"), False)
    return (surge, gone) if surge or gone else (0, 1)


def selected_by(objects: list[dict[str, Any]], labels: Json) -> list[str]:
    """Names of Services whose selector fits these pod labels."""
    names = []
    for obj in objects:
        selector = (obj.get("spec") or {}).get("selector") or {}
        if selector and all(labels.get(k) == v for k, v in selector.items()):
            names.append(obj["metadata"]["name"])
    return names


def budgets(objects: list[dict[str, Any]], labels: Json) -> list[int]:
    """Disruptions that PodDisruptionBudgets with matchLabels fitting these pods allow now."""
    allowed = []
    for obj in objects:
        wanted = ((obj.get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
        if wanted and all(labels.get(k) == v for k, v in wanted.items()):
            allowed.append((obj.get("status") or {}).get("disruptionsAllowed", 0))
    return allowed


def surroundings(aim: Aim, obj: Json) -> tuple[Question, ...]:
    """What is needed to say what a change of pods touches."""
    assert aim.namespace is not None
    return (pods_of(aim, dict(obj)), services(aim.namespace), pdbs(aim.namespace))


def as_far_as_seen(aim: Aim, obj: Json, seen: Observations) -> str:
    """` (of the first 2000 pods; there are more)`, or nothing: what is said of its pods is said of these."""
    question = pods_of(aim, obj)
    return f" (of the first {question.limit} pods; there are more)" if is_cut(seen.get(question)) else ""


def reach(aim: Aim, obj: Json, seen: Observations) -> str:
    """`; 1 Service; PDB allows 2`: who else feels it."""
    labels = (obj["spec"].get("template") or {}).get("metadata", {}).get("labels") or {}
    assert aim.namespace is not None
    hit = selected_by(items(seen.get(services(aim.namespace))), labels)
    allowed = budgets(items(seen.get(pdbs(aim.namespace))), labels)
    text = f"; {len(hit)} Service{'s' if len(hit) != 1 else ''}"
    return text + (f"; PDB allows {min(allowed)}" if allowed else "")


def startup_seconds(pods: list[dict[str, Any]]) -> float:
    """Median seconds from a pod's start to Ready, 10 when nobody is ready."""
    took = []
    for pod in pods:
        start = parse_time((pod.get("status") or {}).get("startTime"))
        for c in (pod.get("status") or {}).get("conditions") or ():
            ready = parse_time(c.get("lastTransitionTime")) if c.get("type") == "Ready" else None
            if start and ready and c.get("status") == "True":
                took.append((ready - start).total_seconds())
    return sorted(took)[len(took) // 2] if took else 10.0


def roll_takes(obj: Json, pods: list[dict[str, Any]]) -> str:
    """`40s (estimated)`: formula of mitigations.md 0.6 for replacing all pods of a workload."""
    spec = obj["spec"]
    replicas = spec.get("replicas", len(pods))
    grace = (spec["template"].get("spec") or {}).get("terminationGracePeriodSeconds", 30)
    one = startup_seconds(pods) + spec.get("minReadySeconds", 0)
    if "updateStrategy" in spec:
        # StatefulSets and DaemonSets replace a pod after the other, by default.
        total = replicas * (grace + one)
    elif (spec.get("strategy") or {}).get("type") == "Recreate":
        total = grace + one
    else:
        surge, gone = fence(spec.get("strategy") or {}, replicas)
        total = math.ceil(replicas / max(1, surge + gone)) * one + grace
    return f"{int(timedelta(seconds=total).total_seconds())}s (estimated)"
