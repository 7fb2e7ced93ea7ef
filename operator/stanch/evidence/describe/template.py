"""Pod templates, and the volumes that templates and pods share."""

from typing import Any

from stanch.evidence.describe.container import containers
from stanch.evidence.describe.page import NONE, Page
from stanch.evidence.describe.parts import annotations, labels, pairs, spread, tolerations
from stanch.evidence.describe.tree import branch
from stanch.evidence.dig import dicts, mapping, text

Obj = dict[str, Any]


def template(page: Page, obj: Obj) -> None:
    """What pods are made from."""
    found = mapping(obj, "spec", "template")
    spec = mapping(found, "spec")
    page.line(0, "Pod Template:")
    rows = [labels(found)]
    rows += [annotations(found)] if mapping(found, "metadata", "annotations") else []
    rows += [("Service Account", text(spec, "serviceAccountName"))] if spec.get("serviceAccountName") else []
    page.fields(1, rows)
    if "initContainers" in spec:
        containers(page, 1, "Init Containers", dicts(spec, "initContainers"), [], {})
    containers(page, 1, "Containers", dicts(spec, "containers"), [], {})
    volumes(page, 1, dicts(spec, "volumes"))
    rows = spread(dicts(spec, "topologySpreadConstraints"))
    rows += [("Priority Class Name", text(spec, "priorityClassName"))] if spec.get("priorityClassName") else []
    page.fields(1, [*rows, ("Node-Selectors", pairs(mapping(spec, "nodeSelector")))])
    page.fields(1, [("Tolerations", tolerations(dicts(spec, "tolerations")))])


def volumes(page: Page, depth: int, found: list[Obj]) -> None:
    """Each volume with its sort and all of its fields."""
    page.line(depth, "Volumes:" if found else f"Volumes:  {NONE}")
    for each in found:
        page.line(depth + 1, f"{text(each, 'name')}:")
        for key in [key for key in each if key != "name"] or ["emptyDir"]:
            page.fields(depth + 2, [("Type", key[:1].upper() + key[1:])])
            branch(
                page,
                depth + 2,
                {f"{key}Type" if part == "type" else part: rest for part, rest in mapping(each, key).items()},
            )
