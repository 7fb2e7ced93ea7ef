"""Summaries that a person reads first: every pod in one line, the history of templates, nodes, events."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from stanch.api.names import Annotation
from stanch.evidence.describe.page import Page, columns, visible
from stanch.evidence.describe.parts import event_cells, event_time
from stanch.evidence.dig import at, dicts, mapping, name_of, number, sequence, text, uid_of
from stanch.evidence.pod_row import HEADER, cells, template_hash
from stanch.evidence.states import is_ready

Obj = dict[str, Any]

_HISTORY = ("REVISION", "NAME", "CREATED", "DESIRED", "CURRENT", "READY", "AVAILABLE", "TEMPLATE-HASH", "IMAGES")


def pods(found: Sequence[Obj]) -> str:
    """One line for each pod, all of them."""
    return _table(HEADER, [cells(pod) for pod in found])


def history(found: Sequence[Obj]) -> str:
    """ReplicaSets or ControllerRevisions, the newest first, with images and why they were made."""
    rows = [_revision(each) for each in found]
    ordered = sorted(rows, key=lambda row: (int(row[0]) if row[0].isdecimal() else 0, row[1]), reverse=True)
    return _table((*_HISTORY, "CHANGE-CAUSE"), ordered)


def _revision(obj: Obj) -> tuple[str, ...]:
    annotations = mapping(obj, "metadata", "annotations")
    template = mapping(obj, "spec", "template") or mapping(obj, "data", "spec", "template")
    images = [text(each, "image") for each in dicts(template, "spec", "containers")]
    kept = at(obj, "status") is not None
    counts = [
        ("spec", "replicas"),
        ("status", "replicas"),
        ("status", "readyReplicas"),
        ("status", "availableReplicas"),
    ]
    return (
        text(obj, "revision") or text(annotations, Annotation.REVISION) or "-",
        name_of(obj),
        text(obj, "metadata", "creationTimestamp") or "-",
        *[str(number(obj, *path)) if kept else "-" for path in counts],
        template_hash(obj) or "-",
        ",".join(images) or "-",
        text(annotations, Annotation.CHANGE_CAUSE) or "-",
    )


def nodes(found: Sequence[Obj]) -> str:
    """On which node each pod is: a failure of one node stands out."""
    groups: dict[str, list[Obj]] = defaultdict(list)
    for pod in found:
        groups[text(pod, "spec", "nodeName") or "<none>"].append(pod)
    rows = [
        (node, str(len(group)), str(sum(map(is_ready, group))), " ".join(map(name_of, group)))
        for node, group in sorted(groups.items())
    ]
    return _table(("NODE", "PODS", "READY", "NAMES"), rows)


def events(ours: Sequence[Obj], others: Sequence[Obj], now: datetime) -> str:
    """Events about the target, its history and its pods; then the namespace's others."""
    page = Page(now)
    for title, found in (("About the target, its history and its pods:", ours), ("Others of the namespace:", others)):
        page.line(0, title)
        rows = [[_object(event), *event_cells(page, event)[1:]] for event in found]
        page.table(1, ("Object", "Reason", "When", "From", "Message"), rows)
    return str(page)


def _object(event: Obj) -> str:
    return f"{text(event, 'involvedObject', 'kind')}/{text(event, 'involvedObject', 'name')}"


def by_time(found: Iterable[Obj]) -> list[Obj]:
    """Events in the order they were last seen."""
    return sorted(found, key=lambda event: (event_time(event), name_of(event), uid_of(event)))


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return visible("\n".join(columns([header, *rows]))) + "\n"


def is_cut(listed: Obj) -> bool:
    """Did the list have more than was asked for?"""
    return bool(text(listed, "metadata", "continue"))


def count(listed: Obj) -> int:
    """How many a list has, those that were not sent included."""
    return len(sequence(listed, "items")) + number(listed, "metadata", "remainingItemCount")
