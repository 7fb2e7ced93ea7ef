"""
What proves an item that stanch drafts for a rollback or a hold: a few fields of one object; else why there is none.

A Deployment says in its condition Progressing whose rollout it completed, and a StatefulSet in its status which revision: that
is a template by its hash. So *another template than all that were there when it was rolled back, and it serves* is one look.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from stanch.api.done_when import EXPRESSION_MAX, CelCheck, DoneWhen
from stanch.api.incident_status import Attempt, MitigationRecord, ResolvedTarget
from stanch.api.meta import RECONCILERS, TargetKind
from stanch.core.asking import controller_revisions_of, owned_by, replicasets_of, revision_number, target_of
from stanch.core.attempts import standing
from stanch.core.draft import Draft
from stanch.core.git_ops import HOLD
from stanch.core.observations import Found, items
from stanch.core.ports import Aim
from stanch.core.questions import REF_OF_KIND, List
from stanch.core.steering import leaves_alone, steerers

ROLLBACK: Final = "rolloutUndo"
# Of a history that is longer the newest templates are told apart; nobody rolls out one that is older by chance.
TEMPLATES_MAX: Final = 12
_COMPLETE: Final = "NewReplicaSetAvailable"
_SETTLED: Final = "object.status.observedGeneration >= object.metadata.generation && object.spec.replicas > 0"
_RUNS_FREELY: Final = {
    TargetKind.KUSTOMIZATION: "(!has(object.spec.suspend) || !object.spec.suspend)",
    TargetKind.HELM_RELEASE: "(!has(object.spec.suspend) || !object.spec.suspend)",
    TargetKind.APPLICATION: "has(object.spec.syncPolicy) && has(object.spec.syncPolicy.automated) && "
    "(!has(object.spec.syncPolicy.automated.enabled) || object.spec.syncPolicy.automated.enabled)",
}
_AS_GIT_SAYS: Final = (
    "object.status.observedGeneration >= object.metadata.generation && "
    "object.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')"
)


@dataclass(frozen=True, slots=True)
class Check:
    """``done_when``, and in words what it looks at; without one, why none can tell."""

    done_when: DoneWhen | None
    words: str


def ask_for_checks(draft: Draft) -> bool:
    """Ask for what the checks of the items to be drafted are made of; true while something is unanswered."""
    asked = False
    for record in draft.records:
        aim = draft.aim(record) if record.action in (ROLLBACK, HOLD) and standing(record) else None
        if aim is None or aim.kind in RECONCILERS:
            continue
        answer = draft.answer(target_of(aim))
        history = _history(aim, answer.value) if isinstance(answer, Found) else None
        asked = answer is None or (history is not None and draft.ask(history)) or asked
    return asked


def fixed(draft: Draft, record: MitigationRecord) -> Check:
    """Of a rollback: a template that was not there yet serves now."""
    aim, attempt = draft.aim(record), standing(record)
    if aim is None or attempt is None or record.target is None:
        return Check(None, "Its owner closes it: nobody knows what it was about")
    names = _templates(draft, aim, attempt)
    if aim.kind is TargetKind.DEPLOYMENT and names:
        quoted = _listed(f'"{name}"' for name in names)
        others = f"![{quoted}].exists(n, c.message.contains(n))"
        done = f"c.type == 'Progressing' && c.status == 'True' && c.reason == '{_COMPLETE}' && {others}"
        serves = "has(object.status.availableReplicas) && object.status.availableReplicas >= object.spec.replicas"
        expression = f"object.status.conditions.exists(c, {done}) && {_SETTLED} && {serves}"
    elif aim.kind is TargetKind.STATEFUL_SET and names:
        new = f"!(object.status.updateRevision in [{_listed(names)}])"
        whole = "object.status.currentRevision == object.status.updateRevision"
        serves = "has(object.status.readyReplicas) && object.status.readyReplicas >= object.spec.replicas"
        expression = f"{new} && {whole} && {_SETTLED} && {serves}"
    else:
        return Check(None, _why_not(aim))
    if len(expression) > EXPRESSION_MAX:
        return Check(None, "Its owner closes it: the names of its templates are too long for one expression")
    return Check(_cel(record.target, expression), "Done when a template that is newer than the rollback serves")


def in_git(draft: Draft, record: MitigationRecord) -> Check:
    """Of a hold: it is gone, and what Git says then is not what was rolled back from."""
    aim, target = draft.aim(record), record.target
    if aim is None or target is None:
        return Check(None, "Its owner closes it: nobody knows what it was about")
    if aim.kind in RECONCILERS:
        synced = "object.status.sync.status == 'Synced'" if aim.kind is TargetKind.APPLICATION else _AS_GIT_SAYS
        words = f"Done when {aim} applies Git again, and says that the cluster is as Git says"
        return Check(_cel(target, f"{_RUNS_FREELY[aim.kind]} && {synced}"), words)
    answer = draft.seen.get(target_of(aim))
    held = (
        [who.hold for who in steerers(answer.value) if leaves_alone(answer.value, who)]
        if isinstance(answer, Found)
        else []
    )
    labels = [hold for hold in held if hold is not None]
    if not labels:
        return Check(None, f"Its owner closes it: no label that holds {aim} could be read when it was drafted")
    free = " && ".join(
        f"(!has(object.metadata.labels) || !('{key}' in object.metadata.labels) || object.metadata.labels['{key}'] != '{value}')"
        for key, value in labels
    )
    stays, words = _not_the_bad_one(draft, record, aim)
    return Check(_cel(target, f"{free}{stays}"), f"Done when {aim} is held no more{words}")


def _not_the_bad_one(draft: Draft, record: MitigationRecord, aim: Aim) -> tuple[str, str]:
    """Once it is free Flux applies what Git says; where that is the bad template again, Git was not changed."""
    held_for = draft.held_for(record)
    attempt = standing(held_for) if held_for is not None and held_for.action == ROLLBACK else None
    names = _templates(draft, aim, attempt) if attempt is not None else []
    unseen = ". Whether Git says what the cluster says is not to be seen from here: check it"
    if len(names) < 2:
        return "", unseen
    # The one that was put back has the newest number by now; what it replaced has the one before.
    bad = names[1]
    words = " and what it was rolled back from has not come back by Git"
    if aim.kind is TargetKind.DEPLOYMENT:
        gone = f"!object.status.conditions.exists(c, c.type == 'Progressing' && c.message.contains('\"{bad}\"'))"
        return f" && {gone}", words
    return (
        (f" && object.status.updateRevision != '{bad}'", words) if aim.kind is TargetKind.STATEFUL_SET else ("", unseen)
    )


def _why_not(aim: Aim) -> str:
    if aim.kind is TargetKind.DAEMON_SET:
        return "Its owner closes it: the status of a DaemonSet does not name the template that runs"
    return f"Its owner closes it: the templates of {aim} could not be read when it was drafted"


# --- templates by name -----------------------------------------------------------------------------------------------


def _history(aim: Aim, obj: Mapping[str, Any]) -> List | None:
    if aim.kind is TargetKind.DEPLOYMENT:
        return replicasets_of(aim, obj)
    return controller_revisions_of(aim, obj) if aim.kind is TargetKind.STATEFUL_SET else None


def _templates(draft: Draft, aim: Aim, attempt: Attempt) -> list[str]:
    """ReplicaSets or ControllerRevisions that were there when it was rolled back, by number, the newest first; [] if unknown."""
    answer = draft.seen.get(target_of(aim))
    history = _history(aim, answer.value) if isinstance(answer, Found) else None
    listed = draft.seen.get(history) if history is not None else None
    if not isinstance(answer, Found) or not isinstance(listed, Found) or attempt.applied_time is None:
        return []
    if aim.kind is TargetKind.DEPLOYMENT and not _tells_its_template(answer.value):
        return []
    kept = [
        each
        for each in owned_by(items(listed), answer.value["metadata"]["uid"])
        if _was_there(each, attempt.applied_time)
    ]
    kept.sort(key=lambda each: max(revision_number(each), int(each.get("revision") or 0)), reverse=True)
    return [str(each["metadata"]["name"]) for each in kept[:TEMPLATES_MAX]]


def _tells_its_template(deployment: Mapping[str, Any]) -> bool:
    """Without a deadline for its progress (the largest number there is) it has no such condition, and would never be proved."""
    conditions = (deployment.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == "Progressing" and c.get("reason") == _COMPLETE for c in conditions)


def _was_there(kept: Mapping[str, Any], moment: datetime) -> bool:
    made = kept["metadata"].get("creationTimestamp")
    return made is None or datetime.fromisoformat(made) <= moment


def _listed(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _cel(target: ResolvedTarget, expression: str) -> DoneWhen:
    ref = REF_OF_KIND[target.kind.value]
    version = f"{ref.group}/{ref.version}" if ref.group else ref.version
    return DoneWhen(cel=CelCheck(api_version=version, resource=ref.plural, name=target.name, expression=expression))
