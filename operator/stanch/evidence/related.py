"""What stands around a target and is told about one by one: on the way to its pods, under them, read by them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from stanch.core import asking
from stanch.core.observations import Found, Observations, items
from stanch.core.questions import NODES, Get, Ref
from stanch.evidence.changes import sources
from stanch.evidence.changes.around import backends, covers, services_of
from stanch.evidence.dig import mapping, name_of, text
from stanch.evidence.scene import Scene

Obj = dict[str, Any]

# Of each kind; a namespace may have hundreds of Services that select one pod.
EACH_MAX: Final = 6


@dataclass(frozen=True, slots=True)
class Related:
    """One object with its kind; ``path`` where it was read by itself, so that its JSON is in no list. ``lease`` is a Node's."""

    obj: Obj
    kind: str
    path: str = ""
    lease: Obj | None = None


def related(scene: Scene, seen: Observations) -> list[Related]:
    """At most EACH_MAX of a kind, by name; only what was asked for anyway."""
    if scene.target is None or scene.on_node or scene.aim.namespace is None:
        return []
    found = sorted(_all(scene, seen, scene.aim.namespace), key=lambda r: (r.kind, name_of(r.obj)))
    counted: dict[str, int] = {}
    kept = []
    for each in found:
        counted[each.kind] = counted.get(each.kind, 0) + 1
        # The target has a page of its own.
        if counted[each.kind] <= EACH_MAX and (each.kind, name_of(each.obj)) != (scene.aim.kind.value, scene.aim.name):
            kept.append(each)
    return kept


def _all(scene: Scene, seen: Observations, namespace: str) -> Iterator[Related]:
    labels = [mapping(pod, "metadata", "labels") for pod in scene.pods]
    services = items(seen.get(asking.services(namespace)))
    names = services_of(services, labels)
    yield from (_listed("Service", each) for each in services if name_of(each) in names)
    for each in items(seen.get(asking.hpas(namespace))):
        wanted = mapping(each, "spec", "scaleTargetRef")
        if (text(wanted, "kind"), text(wanted, "name")) == (scene.aim.kind.value, scene.aim.name):
            yield _listed("HorizontalPodAutoscaler", each)
    budgets = items(seen.get(asking.pdbs(namespace)))
    yield from (_listed("PodDisruptionBudget", each) for each in budgets if covers(each, "selector", labels))
    for each in items(seen.get(sources.ingresses(namespace))):
        if backends(each) & names:
            path = sources.INGRESSES.path(namespace, name_of(each))
            yield Related({"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", **each}, "Ingress", path)
    yield from _read_alone(scene, seen, namespace)


def _read_alone(scene: Scene, seen: Observations, namespace: str) -> Iterator[Related]:
    maps = [sources.config_map(namespace, use) for use in sources.used(scene) if use.kind == "ConfigMap"]
    yield from _gotten("ConfigMap", maps, seen)
    yield from _gotten("Node", list(sources.nodes_of(scene)), seen)
    yield from _gotten("PersistentVolumeClaim", list(sources.claims_of(scene)), seen)


def _gotten(kind: str, questions: list[Get], seen: Observations) -> Iterator[Related]:
    for question in questions:
        answer = seen.get(question)
        if isinstance(answer, Found):
            path = _path(question.ref, question)
            lease = seen.get(asking.lease_of(question.name)) if question.ref == NODES else None
            beat = lease.value if isinstance(lease, Found) else None
            yield Related({"apiVersion": "v1", "kind": kind, **answer.value}, kind, path, beat)


def _path(ref: Ref, question: Get) -> str:
    return ref.path(None if ref == NODES else question.namespace, question.name)


def _listed(kind: str, obj: Obj) -> Related:
    return Related({"kind": kind, **obj}, kind)
