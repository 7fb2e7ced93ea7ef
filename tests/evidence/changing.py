"""Words for worlds in which something changed: times around noon, writers, answers by plural."""

from datetime import UTC, datetime, timedelta
from typing import Any

from evidence.sample import SHOP, Obj, crash, deployment, listed, pod
from stanch.api.meta import Severity
from stanch.core.observations import Answer, Found, NotFound, Observations
from stanch.core.ports import Aim
from stanch.core.questions import Get, List, Logs, Question
from stanch.evidence.changes import Findings, look
from stanch.evidence.changes.sources import questions
from stanch.evidence.gather import wanted
from stanch.evidence.scene import Scene

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
KEY = b"k" * 32


def ago(**duration: float) -> str:
    """So long before noon, as the API server writes it."""
    return (NOON - timedelta(**duration)).strftime("%Y-%m-%dT%H:%M:%SZ")


def wrote(manager: str, time: str | None, *fields: str, subresource: str = "", operation: str = "Update") -> Obj:
    """One entry of managedFields; ``fields`` such as ``spec.template``."""
    owned: Obj = {}
    for path in fields:
        here = owned
        for part in path.split("."):
            here = here.setdefault(f"f:{part}", {})
    entry: Obj = {"manager": manager, "operation": operation, "fieldsV1": owned}
    return entry | ({"time": time} if time else {}) | ({"subresource": subresource} if subresource else {})


def replicaset(code: str, revision: int, image: str, created: str, *entries: Obj, **env: str) -> Obj:
    """One template that ``shop/checkout`` had."""
    variables = [{"name": name, "value": value} for name, value in env.items()]
    spec = {"containers": [{"name": "app", "image": image} | ({"env": variables} if variables else {})]}
    labels = {"app": "checkout", "pod-template-hash": code}
    return {
        "metadata": {
            "name": f"checkout-{code}",
            "namespace": "shop",
            "uid": f"uid-{code}",
            "creationTimestamp": created,
            "labels": labels,
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "ownerReferences": [{"uid": "uid-checkout", "controller": True}],
            "managedFields": list(entries),
        },
        "spec": {"replicas": 1, "template": {"metadata": {"labels": labels}, "spec": spec}},
    }


def checkout(*entries: Obj, template: Obj | None = None, **metadata: Any) -> Obj:
    """Deployment ``shop/checkout``."""
    made = deployment(template=template or {}, replicas=2)
    made["metadata"] |= {"managedFields": list(entries), "generation": 3, **metadata}
    return made


def event(reason: str, message: str, first: str, last: str | None = None, uid: str = "uid-checkout") -> Obj:
    """An Event about the Deployment, or about ``uid``."""
    return {
        "metadata": {"name": f"{reason}.{first}", "uid": f"{reason}{first}"},
        "involvedObject": {"uid": uid, "kind": "Deployment", "name": "checkout"},
        "reason": reason,
        "message": message,
        "firstTimestamp": first,
        "lastTimestamp": last or first,
    }


def failing(name: str, since: str, template: str = "new", node: str = "n1", started: str | None = None) -> Obj:
    """A pod that has not been ready since then, and crashes."""
    made = crash(name, at=since)
    made["metadata"]["labels"] = {"app": "checkout", "pod-template-hash": template}
    made["spec"]["nodeName"] = node
    made["status"]["conditions"][0]["lastTransitionTime"] = since
    made["status"]["startTime"] = started or since
    return made


def serving(name: str, template: str = "old", node: str = "n1", started: str = ago(days=2)) -> Obj:
    """A pod that is well."""
    made = pod(name, template=template, node=node)
    made["metadata"]["labels"] |= {"app": "checkout"}
    made["status"]["startTime"] = started
    return made


def observed(*pods: Obj, aim: Aim = SHOP, target: Obj | None = None, **answers: Answer) -> Observations:
    """Everything that can be asked is answered: lists by plural, single objects by ``plural_name``; else there is none."""
    known: dict[str, Answer] = {
        "target": Found(target or checkout()),
        "pods": listed(*pods),
        **answers,
    }
    seen = Observations()
    while True:
        scene = Scene(aim, seen)
        asked = [*wanted(scene, Severity.SEV1), *questions((scene,), seen)]
        fresh = {q: _answer(q, aim, known) for q in asked if seen.get(q) is None and not isinstance(q, Logs)}
        if not fresh:
            return seen
        seen = seen.with_answers(fresh)


def _answer(question: Question, aim: Aim, known: dict[str, Answer]) -> Answer:
    match question:
        case Get(name=name) if name == aim.name and question.ref.plural == f"{aim.kind.value.lower()}s":
            return known["target"]
        case Get():
            return known.get(f"{question.ref.plural}_{question.name}", NotFound())
        case List(namespace="kube-system"):
            return known.get(f"system_{question.ref.plural}", listed())
        case List():
            return known.get(f"{question.ref.plural}_{question.fields}", known.get(question.ref.plural, listed()))
    raise AssertionError(question)


def findings(*pods: Obj, said: datetime | None = None, aim: Aim = SHOP, **answers: Any) -> Findings:
    """What is found at noon."""
    seen = observed(*pods, aim=aim, **answers)
    return look((Scene(aim, seen),), seen, NOON, KEY, said)


def suspects(*pods: Obj, **answers: Any) -> dict[str, int]:
    """Name and score of each suspect, best first."""
    return {each.change.name: each.score for each in findings(*pods, **answers).ranked}


def dates(found: Findings) -> dict[str, tuple[str, str]]:
    """Of each change when it was, and how that is known."""
    return {c.name: (f"{c.time:%H:%M:%S}" if c.time else "-", c.dated) for c in found.changes.found}
