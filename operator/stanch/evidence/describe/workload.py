"""Deployment, ReplicaSet, StatefulSet, DaemonSet, in kubectl's order."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from stanch.api.names import Annotation
from stanch.evidence.describe.page import NONE, Page
from stanch.evidence.describe.parts import (
    annotations,
    conditions,
    controlled_by,
    created,
    events,
    labels,
    pairs,
    selector,
)
from stanch.evidence.describe.template import template
from stanch.evidence.dig import at, dicts, mapping, name_of, sequence, text

Obj = dict[str, Any]
Row = tuple[str, str]

_DAEMON_COUNTS = (
    ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
    ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
    ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
    ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
    ("Number of Nodes Misscheduled", "numberMisscheduled"),
)


def deployment(page: Page, obj: Obj, found: Iterable[Obj], replicasets: Sequence[Obj]) -> None:
    """A Deployment and which ReplicaSets it has."""
    page.fields(
        0,
        [
            *_name(obj),
            created(page, obj),
            labels(obj),
            annotations(obj),
            ("Selector", selector(obj)),
            ("Replicas", _replicas(obj)),
            ("StrategyType", text(obj, "spec", "strategy", "type")),
            ("MinReadySeconds", _count(obj, "spec", "minReadySeconds")),
            *_rolling(mapping(obj, "spec", "strategy", "rollingUpdate")),
            *_generations(obj),
        ],
    )
    template(page, obj)
    conditions(page, obj)
    revision = text(obj, "metadata", "annotations", Annotation.REVISION)
    current = [each for each in replicasets if _revision(each) == revision]
    old = [each for each in replicasets if _revision(each) != revision and _has_pods(each)]
    page.fields(0, [("OldReplicaSets", _created(old)), ("NewReplicaSet", _created(current))])
    events(page, found)


def replicaset(page: Page, obj: Obj, found: Iterable[Obj], pods: Sequence[Obj]) -> None:
    """A ReplicaSet."""
    counts = f"{_count(obj, 'status', 'replicas')} current / {_count(obj, 'spec', 'replicas')} desired"
    rows = [*_name(obj), created(page, obj), ("Selector", selector(obj)), labels(obj), annotations(obj)]
    page.fields(0, [*rows, *controlled_by(obj), ("Replicas", counts), _pods_status(pods), *_generations(obj)])
    template(page, obj)
    conditions(page, obj)
    events(page, found)


def statefulset(page: Page, obj: Obj, found: Iterable[Obj], pods: Sequence[Obj]) -> None:
    """A StatefulSet."""
    counts = f"{_count(obj, 'spec', 'replicas')} desired | {_count(obj, 'status', 'replicas')} total"
    rows = [*_name(obj), created(page, obj), ("Selector", selector(obj)), labels(obj), annotations(obj)]
    page.fields(0, [*rows, ("Replicas", counts), *_update_strategy(obj), _pods_status(pods), *_generations(obj)])
    template(page, obj)
    claims = dicts(obj, "spec", "volumeClaimTemplates")
    page.line(0, "Volume Claims:" if claims else f"Volume Claims:  {NONE}")
    for each in claims:
        page.fields(1, _claim(each))
    conditions(page, obj)
    events(page, found)


def daemonset(page: Page, obj: Obj, found: Iterable[Obj], pods: Sequence[Obj]) -> None:
    """A DaemonSet."""
    nodes = mapping(obj, "spec", "template", "spec", "nodeSelector")
    rows = [*_name(obj), created(page, obj), ("Selector", selector(obj))]
    rows += [("Node-Selector", pairs(nodes).replace("\n", ",")), labels(obj), annotations(obj)]
    page.fields(0, rows)
    for word, key in _DAEMON_COUNTS:
        page.line(0, f"{word}: {_count(obj, 'status', key)}")
    page.fields(0, [*_update_strategy(obj), _pods_status(pods), *_generations(obj)])
    template(page, obj)
    conditions(page, obj)
    events(page, found)


def _name(obj: Obj) -> list[Row]:
    return [("Name", name_of(obj)), ("Namespace", text(obj, "metadata", "namespace"))]


def _count(obj: Obj, *path: str) -> str:
    return text(obj, *path) or "0"


def _replicas(obj: Obj) -> str:
    parts = ("updatedReplicas", "updated"), ("replicas", "total"), ("availableReplicas", "available")
    counts = [f"{_count(obj, 'spec', 'replicas')} desired"]
    counts += [f"{_count(obj, 'status', key)} {word}" for key, word in parts]
    return " | ".join([*counts, f"{_count(obj, 'status', 'unavailableReplicas')} unavailable"])


def _rolling(found: Obj) -> list[Row]:
    if not found:
        return []
    words = f"{text(found, 'maxUnavailable')} max unavailable, {text(found, 'maxSurge')} max surge"
    return [("RollingUpdateStrategy", words)]


def _update_strategy(obj: Obj) -> list[Row]:
    strategy = mapping(obj, "spec", "updateStrategy")
    rolling = mapping(strategy, "rollingUpdate")
    rows = [("Update Strategy", text(strategy, "type"))]
    named = (("  Partition", "partition"), ("  MaxUnavailable", "maxUnavailable"), ("  MaxSurge", "maxSurge"))
    return rows + [(word, text(rolling, key)) for word, key in named if key in rolling]


def _generations(obj: Obj) -> list[Row]:
    """Has the controller seen the newest spec? kubectl leaves this away."""
    seen, wanted = text(obj, "status", "observedGeneration"), text(obj, "metadata", "generation")
    rows = [("Generation", f"{wanted or '?'} (controller has seen {seen or 'none'})")]
    return rows + ([("Paused", "True")] if at(obj, "spec", "paused") is True else [])


def _pods_status(pods: Sequence[Obj]) -> Row:
    phases = Counter(text(each, "status", "phase") for each in pods)
    shown = ("Running", "Running"), ("Pending", "Waiting"), ("Succeeded", "Succeeded"), ("Failed", "Failed")
    return "Pods Status", " / ".join(f"{phases[phase]} {word}" for phase, word in shown)


def _revision(obj: Obj) -> str:
    return text(obj, "metadata", "annotations", Annotation.REVISION)


def _has_pods(obj: Obj) -> bool:
    return bool(at(obj, "spec", "replicas") or at(obj, "status", "replicas"))


def _created(replicasets: Sequence[Obj]) -> str:
    shown = [
        f"{name_of(each)} ({_count(each, 'status', 'replicas')}/{_count(each, 'spec', 'replicas')} replicas created)"
        for each in replicasets
    ]
    return ", ".join(shown) or NONE


def _claim(claim: Obj) -> list[Row]:
    return [
        ("Name", name_of(claim)),
        ("StorageClass", text(claim, "spec", "storageClassName")),
        labels(claim),
        annotations(claim),
        ("Capacity", text(claim, "spec", "resources", "requests", "storage") or "<default>"),
        ("Access Modes", f"[{' '.join(map(text, sequence(claim, 'spec', 'accessModes')))}]"),
    ]
