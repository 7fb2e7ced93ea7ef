"""
What the labels of an alert name, for an incident that names no target and has no plan of a Runbook that does.

It is looked at: evidence is captured from the declaration on, and advice is about it. Nothing is done to it by that, and no
mitigation without a target ever means it. Labels are other people's text (decisions 2.14, F15): they count only if all alerts
of the group have them, as the name of an object of a kind that may be a target, in the incident's own namespace, that is there
now. A node only where nodes may be targets. Labels as kube-state-metrics writes them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import ValidationError

from stanch.api.incident_status import AlertTarget
from stanch.api.meta import Target, TargetKind
from stanch.api.names import OPERATOR_NAMESPACE, EventKind
from stanch.core.alert_fold import alert_labels
from stanch.core.alertmanager import NAMESPACE_LABEL
from stanch.core.asking import pods_in
from stanch.core.draft import Draft, shorten
from stanch.core.observations import Failed, Found, NotFound, is_cut, items
from stanch.core.questions import HPAS, JOBS, PODS, REF_OF_KIND, REPLICASETS, Get, Ref

Json = dict[str, Any]
# The first group with a label that is there decides: a pod may be the one that tells the metric, and a node where that pod is.
LABELS: Final = (
    ("deployment", "statefulset", "daemonset", "cronjob", "job_name"),
    ("horizontalpodautoscaler",),
    ("persistentvolumeclaim",),
    ("pod",),
    ("node",),
)
_KINDS: Final[Mapping[str, TargetKind]] = {
    "deployment": TargetKind.DEPLOYMENT,
    "statefulset": TargetKind.STATEFUL_SET,
    "daemonset": TargetKind.DAEMON_SET,
    "cronjob": TargetKind.CRON_JOB,
    "node": TargetKind.NODE,
}
# Who may control pods, by API group: another group's Deployment is another thing.
_OWNERS: Final[Mapping[tuple[str, str], TargetKind]] = {
    ("apps", "Deployment"): TargetKind.DEPLOYMENT,
    ("apps", "StatefulSet"): TargetKind.STATEFUL_SET,
    ("apps", "DaemonSet"): TargetKind.DAEMON_SET,
    ("apps", "ReplicaSet"): TargetKind.REPLICA_SET,
    ("batch", "CronJob"): TargetKind.CRON_JOB,
}
# Between a pod and who wanted it.
_BETWEEN: Final[Mapping[tuple[str, str], Ref]] = {("apps", "ReplicaSet"): REPLICASETS, ("batch", "Job"): JOBS}
# Of a volume that more pods mount nobody asks whose they are.
_MOUNTS_MAX: Final = 50
_TOLD_MAX: Final = 80


@dataclass(frozen=True, slots=True)
class _Not:
    """Why a label names nothing; ``later`` when that can't be told now."""

    why: str = ""
    later: bool = False


_Named = Target | _Not
_ASKED: Final = _Not(later=True)


def name_targets(draft: Draft) -> None:
    """Once, and before anything is captured: then it is known what the evidence shows."""
    record, times = draft.status.alerts, draft.status.times
    decided = record is None or record.targets is not None or bool(draft.status.evidence)
    if decided or record is None or draft.incident.spec.targets or times is None or times.resolved:
        return
    labels = alert_labels(draft)
    wanted = next((told for group in LABELS if (told := [n for n in group if labels.get(n)])), [])
    if not wanted:
        return
    found = {label: _named(draft, label, labels) for label in wanted}
    if any(isinstance(each, _Not) and each.later for each in found.values()):
        return
    named = {each: label for label, each in found.items() if isinstance(each, Target)}
    if len(named) != 1:
        _say_none(draft, found)
    targets = tuple(AlertTarget(kind=t.kind, name=t.name, label=label) for t, label in named.items())
    for each in targets if len(named) == 1 else ():
        text = f"{each}, from alert label {each.label}: evidence is captured of it, and nothing is done to it by that"
        draft.say(EventKind.TARGET_NAMED, text, event=True)
    draft.set(alerts=record.model_copy(update={"targets": targets if len(named) == 1 else ()}))


def _say_none(draft: Draft, found: Mapping[str, _Named]) -> None:
    whys = [each.why for each in found.values() if isinstance(each, _Not)]
    told = [f"{each} (label {label})" for label, each in found.items() if isinstance(each, Target)]
    why = "; ".join(whys) if not told else f"several are named: {', '.join([*told, *whys])}"
    draft.say(EventKind.TARGET_NAMED, f"No target from the alert's labels: {why}")


def _named(draft: Draft, label: str, labels: Mapping[str, str]) -> _Named:
    """What one label stands for."""
    name = labels[label]
    if not _is_name(name):
        return _Not(f"label {label} is no name of an object: {shorten(name, _TOLD_MAX)}")
    if why := _elsewhere(draft.incident.metadata.namespace, label, labels):
        return _Not(why)
    return _READ_BY.get(label, _of_kind)(draft, label, name)


def _elsewhere(namespace: str, label: str, labels: Mapping[str, str]) -> str:
    """Why this is not the namespace for it; empty when it is."""
    name, said = labels[label], labels.get(NAMESPACE_LABEL, "")
    if label == "node":
        nodes = f"label node names node {name}; nodes are looked at in {OPERATOR_NAMESPACE} only"
        return "" if namespace == OPERATOR_NAMESPACE else nodes
    where = f"of namespace {shorten(said, _TOLD_MAX)}" if said else "without a label namespace"
    return "" if said == namespace else f"label {label} names {name} {where}, and the incident is in {namespace}"


def _is_name(text: str) -> bool:
    try:
        Target(kind=TargetKind.POD, name=text)
    except ValidationError:
        return False
    return True


def _read(draft: Draft, ref: Ref, name: str, label: str) -> Json | _Not:
    """An object of the incident's namespace, or why there is none."""
    namespace = None if ref == REF_OF_KIND["Node"] else draft.incident.metadata.namespace
    answer = draft.answer(Get(ref, namespace, name))
    if isinstance(answer, Found):
        return answer.value
    if isinstance(answer, NotFound):
        return _Not(f"label {label} names {name}, and there is none in {ref.plural}")
    # Asked just now, or it can't be read: that is tried again on the next look.
    return _Not(str(answer.message) if isinstance(answer, Failed) else "", later=True)


def _of_kind(draft: Draft, label: str, name: str) -> _Named:
    found = _read(draft, REF_OF_KIND[_KINDS[label].value], name, label)
    return found if isinstance(found, _Not) else Target(kind=_KINDS[label], name=name)


def _of_autoscaler(draft: Draft, label: str, name: str) -> _Named:
    """The workload that it scales, for the autoscaler is in the evidence of that; itself where it scales something else."""
    found = _read(draft, HPAS, name, label)
    if isinstance(found, _Not):
        return found
    reference = (found.get("spec") or {}).get("scaleTargetRef") or {}
    kind, scaled = _OWNERS.get((_group(reference), str(reference.get("kind")))), str(reference.get("name"))
    there = _read(draft, REF_OF_KIND[kind.value], scaled, label) if kind is not None and _is_name(scaled) else _Not()
    if isinstance(there, _Not) and there.later:
        return there
    if isinstance(there, _Not) or kind is None:
        return Target(kind=TargetKind.AUTOSCALER, name=name)
    return Target(kind=kind, name=scaled)


def _of_pod(draft: Draft, label: str, name: str) -> _Named:
    found = _read(draft, PODS, name, label)
    return found if isinstance(found, _Not) else _controls(draft, found)


def _of_job(draft: Draft, label: str, name: str) -> _Named:
    job = _read(draft, JOBS, name, label)
    if isinstance(job, _Not):
        return job
    return _owner(job) or _Not(f"label {label} names Job {name}, which no CronJob made; a Job can't be a target")


def _of_claim(draft: Draft, label: str, claim: str) -> _Named:
    """The workload whose pods, and nobody else's, mount it."""
    answer = draft.answer(pods_in(draft.incident.metadata.namespace))
    if not isinstance(answer, Found):
        return _ASKED
    mounts = [p for p in items(answer) if claim in _claims(p)]
    if is_cut(answer) or len(mounts) > _MOUNTS_MAX:
        return _Not(f"label {label} names {claim}; there are too many pods to tell whose it is")
    found = [_controls(draft, pod) for pod in mounts]
    if any(isinstance(each, _Not) and each.later for each in found):
        return _ASKED
    targets = {each for each in found if isinstance(each, Target)}
    if len(targets) == 1:
        return next(iter(targets))
    who = f"pods of {len(targets)} workloads mount" if targets else "no pod mounts"
    return _Not(f"label {label} names {claim}, which {who}")


def _claims(pod: Json) -> set[str]:
    volumes = (pod.get("spec") or {}).get("volumes") or ()
    return {str((v.get("persistentVolumeClaim") or {}).get("claimName")) for v in volumes}


def _controls(draft: Draft, pod: Json) -> _Named:
    """Whose pod it is, read from object to object; itself when nobody controls it that could be a target."""
    alone = Target(kind=TargetKind.POD, name=pod["metadata"]["name"])
    reference, owner = _reference(pod), _owner(pod)
    between = _BETWEEN.get((_group(reference), str(reference.get("kind"))))
    if between is None or not _is_name(str(reference.get("name"))):
        return owner or alone
    found = _read(draft, between, str(reference["name"]), "pod")
    if isinstance(found, _Not):
        return found if found.later else owner or alone
    return _owner(found) or owner or alone


def _reference(obj: Json) -> Json:
    owners = obj["metadata"].get("ownerReferences") or ()
    return next((o for o in owners if o.get("controller")), {})


def _owner(obj: Json) -> Target | None:
    """Its controller, if that is of a kind that may be a target."""
    reference = _reference(obj)
    kind = _OWNERS.get((_group(reference), str(reference.get("kind"))))
    name = str(reference.get("name"))
    return Target(kind=kind, name=name) if kind is not None and _is_name(name) else None


def _group(reference: Json) -> str:
    return str(reference.get("apiVersion") or "").rpartition("/")[0]


_READ_BY: Final[Mapping[str, Callable[[Draft, str, str], _Named]]] = {
    "horizontalpodautoscaler": _of_autoscaler,
    "persistentvolumeclaim": _of_claim,
    "pod": _of_pod,
    "job_name": _of_job,
}
