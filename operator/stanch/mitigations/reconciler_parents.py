"""What would set a suspended reconciler going again: the ApplicationSet or the controller that made it, or its own parent."""

from dataclasses import dataclass

from stanch.api.meta import TargetKind
from stanch.api.names import Reason
from stanch.core.argo import heals, is_syncing, lists, set_leaves_alone, set_of
from stanch.core.observations import Failed, Found, Observations
from stanch.core.ports import Aim, Refusal
from stanch.core.questions import APPLICATION_SETS, APPLICATIONS, KUSTOMIZATIONS, Get, Question
from stanch.core.steering import Steerer, ask_for_hold, leaves_alone, perhaps, sets, steerers
from stanch.mitigations.workload import Json, owner_refusal


@dataclass(frozen=True, slots=True)
class Above:
    """What was found above it: questions first, then a refusal, else warnings for the plan."""

    asked: tuple[Question, ...] = ()
    refusal: Refusal | None = None
    warnings: tuple[str, ...] = ()


def look_above(aim: Aim, target: Json, pointer: str, seen: Observations) -> Above:
    """Whoever made it, and whoever applies it from Git with ``pointer`` in the manifest."""
    maker = _maker(aim, target, seen)
    if maker.asked or maker.refusal:
        return maker
    warnings: list[str] = []
    for who in _parents(aim, target, pointer):
        assert who.ref is not None
        question = Get(who.ref, who.namespace, who.name)
        answer = seen.get(question)
        if answer is None:
            return Above(asked=(question,))
        found = _judge(aim, who, pointer, answer, sure=who != perhaps(target))
        if isinstance(found, Refusal):
            return Above(refusal=found)
        warnings += [found] if found else []
    return Above(warnings=tuple(warnings))


def _maker(aim: Aim, target: Json, seen: Observations) -> Above:
    name = set_of(target)
    if name is None:
        return Above(refusal=owner_refusal(aim, target))
    question = Get(APPLICATION_SETS, aim.namespace, name)
    answer = seen.get(question)
    if answer is None:
        return Above(asked=(question,))
    where = f"ApplicationSet {aim.namespace}/{name}"
    if not isinstance(answer, Found):
        said = answer.message if isinstance(answer, Failed) else "it is not there"
        return Above(refusal=Refusal(Reason.NO_DATA_NOW, f"{where}, which made {aim}, can't be read: {said}"))
    if set_leaves_alone(answer.value, aim.name):
        return Above()
    refusal = Refusal(
        Reason.OWNED_BY_ANOTHER,
        f"{where} made {aim} and would put its syncPolicy back at once; let it leave that alone: set there "
        "spec.ignoreApplicationDifferences: [{jsonPointers: [/spec/syncPolicy]}] "
        f"(kubectl -n {aim.namespace} edit applicationset {name})",
    )
    return Above(refusal=refusal)


def _parents(aim: Aim, target: Json, pointer: str) -> tuple[Steerer, ...]:
    """Those that set the field; not itself, for what is suspended sets nothing, and none that is told to leave it alone."""
    maybe = perhaps(target)
    return tuple(
        who
        for who in (*steerers(target), *((maybe,) if maybe else ()))
        if who.ref is not None
        and (who.namespace, who.name) != (aim.namespace, aim.name)
        and not leaves_alone(target, who)
        and sets(target, who, (pointer,))
    )


def _judge(aim: Aim, who: Steerer, pointer: str, answer: object, *, sure: bool) -> Refusal | str | None:
    field = pointer.lstrip("/").replace("/", ".")
    if not isinstance(answer, Found):
        if not sure:
            return None
        said = answer.message if isinstance(answer, Failed) else "it is not there"
        return Refusal(
            Reason.NO_DATA_NOW,
            f"{who} applies {aim} and may put {field} back, and can't be read ({said}); bind stanch-look-gitops there",
        )
    if who.ref is APPLICATIONS:
        if not sure and not lists(answer.value, aim):
            return None
        if not heals(answer.value):
            return f"{who} puts {field} back when it syncs next"
    elif answer.value["spec"].get("suspend"):
        return _rests(who, answer.value)
    return Refusal(
        Reason.OWNED_BY_ANOTHER,
        f"{who} sets {field} of {aim} and would put it back; hold that first: {ask_for_hold(aim, who)}; or change it in Git",
    )


def _rests(who: Steerer, held: Json) -> Refusal | None:
    kind = TargetKind.KUSTOMIZATION if who.ref is KUSTOMIZATIONS else TargetKind.HELM_RELEASE
    if not is_running(kind, held):
        return None
    return Refusal(Reason.NO_DATA_NOW, f"{who} is held, and what it had begun before is still under way")


def is_running(kind: TargetKind, target: Json) -> bool:
    """Is a run under way that began before it was held? It would still write what it began with."""
    if kind is TargetKind.APPLICATION:
        return is_syncing(target)
    status = target.get("status") or {}
    conditions = {c.get("type"): c for c in status.get("conditions") or ()}
    reconciling, ready = conditions.get("Reconciling") or {}, conditions.get("Ready") or {}
    # After a run that failed the condition stays, as ProgressingWithRetry, until the next run, which does not come.
    if reconciling.get("status") == "True" and reconciling.get("reason") == "Progressing":
        return True
    # Only a generation whose run went well is counted as observed, so one that is not Ready proves nothing. Seen of
    # kustomize-controller; helm-controller could not be tried, so nothing is waited for that it may never say.
    observed = status.get("observedGeneration", -1) if kind is TargetKind.KUSTOMIZATION else -1
    return ready.get("status") == "True" and 0 <= observed < target["metadata"].get("generation", 0)
