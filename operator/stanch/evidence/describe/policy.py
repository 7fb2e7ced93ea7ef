"""HorizontalPodAutoscaler and PodDisruptionBudget, in kubectl's order."""

from collections.abc import Iterable
from typing import Any

from stanch.evidence.describe.page import Page
from stanch.evidence.describe.parts import annotations, conditions, created, events, labels, selector
from stanch.evidence.dig import dicts, mapping, name_of, number, text
from stanch.evidence.times import stamp

Obj = dict[str, Any]


def autoscaler(page: Page, obj: Obj, found: Iterable[Obj]) -> None:
    """A HorizontalPodAutoscaler (autoscaling/v2)."""
    spec, status = mapping(obj, "spec"), mapping(obj, "status")
    reference = mapping(spec, "scaleTargetRef")
    kind = text(reference, "kind")
    rows = [("Name", name_of(obj)), ("Namespace", text(obj, "metadata", "namespace")), labels(obj), annotations(obj)]
    page.fields(0, [*rows, created(page, obj), ("Reference", f"{kind}/{text(reference, 'name')}")])
    page.line(0, "Metrics:  ( current / target )")
    current = dicts(status, "currentMetrics")
    page.fields(1, [_metric(each, current) for each in dicts(spec, "metrics")])
    low = text(spec, "minReplicas") or "<unset>"
    page.fields(0, [("Min replicas", low), ("Max replicas", text(spec, "maxReplicas"))])
    _behavior(page, mapping(spec, "behavior"))
    counts = f"{number(status, 'currentReplicas')} current / {number(status, 'desiredReplicas')} desired"
    rows = [(f"{kind} pods", counts)]
    page.fields(
        0, rows + ([("Last Scale Time", stamp(status["lastScaleTime"], page.now))] if "lastScaleTime" in status else [])
    )
    conditions(page, obj)
    events(page, found)


def _metric(metric: Obj, current: list[Obj]) -> tuple[str, str]:
    sort = text(metric, "type")
    member = sort[:1].lower() + sort[1:]
    about = mapping(metric, member)
    title, name = _title(member, about)
    seen = next(
        (
            mapping(c, member)
            for c in current
            if text(c, "type") == sort and _title(member, mapping(c, member))[1] == name
        ),
        {},
    )
    now, wanted = mapping(seen, "current"), mapping(about, "target")
    if "averageUtilization" in wanted:
        value = text(now, "averageUtilization")
        shown = f"{value}% ({text(now, 'averageValue')})" if value else "<unknown>"
        return f"{title} (as a percentage of request)", f"{shown} / {text(wanted, 'averageUtilization')}%"
    key, word = (
        ("averageValue", " (target average value)") if "averageValue" in wanted else ("value", " (target value)")
    )
    word = "" if member in ("pods", "resource", "containerResource") else word
    return f"{title}{word}", f"{text(now, key) or '<unknown>'} / {text(wanted, key)}"


def _title(member: str, about: Obj) -> tuple[str, str]:
    """How a metric is called, and by what it is known again."""
    if member == "resource":
        return f"resource {text(about, 'name')} on pods", text(about, "name")
    if member == "containerResource":
        place = text(about, "container")
        return f'resource {text(about, "name")} of container "{place}" on pods', f"{place}/{text(about, 'name')}"
    name = text(about, "metric", "name")
    if member == "object":
        of = mapping(about, "describedObject")
        return f'"{name}" on {text(of, "kind")}/{text(of, "name")}', f"{name}/{text(of, 'name')}"
    return f'"{name}"' + (" on pods" if member == "pods" else ""), name


def _behavior(page: Page, found: Obj) -> None:
    if not found:
        return
    page.line(0, "Behavior:")
    for title, key in (("Scale Up", "scaleUp"), ("Scale Down", "scaleDown")):
        rules = mapping(found, key)
        if not rules:
            continue
        page.line(1, f"{title}:")
        window = text(rules, "stabilizationWindowSeconds")
        rows = [("Stabilization Window", f"{window} seconds")] if window else []
        rows += [("Tolerance", text(rules, "tolerance"))] if "tolerance" in rules else []
        page.fields(2, [*rows, ("Select Policy", text(rules, "selectPolicy") or "Max")])
        page.line(2, "Policies:")
        for each in dicts(rules, "policies"):
            page.line(
                3,
                f"- Type: {text(each, 'type')}  Value: {text(each, 'value')}  Period: {text(each, 'periodSeconds')} seconds",
            )


def budget(page: Page, obj: Obj, found: Iterable[Obj]) -> None:
    """A PodDisruptionBudget; with its conditions and the pods that were evicted, which kubectl leaves away."""
    spec, status = mapping(obj, "spec"), mapping(obj, "status")
    rows = [("Name", name_of(obj)), ("Namespace", text(obj, "metadata", "namespace")), created(page, obj)]
    named = (("Min available", "minAvailable"), ("Max unavailable", "maxUnavailable"))
    rows += [(word, text(spec, key)) for word, key in named if key in spec]
    rows += (
        [("Unhealthy Pod Eviction Policy", text(spec, "unhealthyPodEvictionPolicy"))]
        if "unhealthyPodEvictionPolicy" in spec
        else []
    )
    page.fields(0, [*rows, labels(obj), annotations(obj), ("Selector", selector(obj))])
    page.line(0, "Status:")
    counts = (
        ("Allowed disruptions", "disruptionsAllowed"),
        ("Current", "currentHealthy"),
        ("Desired", "desiredHealthy"),
        ("Total", "expectedPods"),
    )
    page.fields(2, [(word, text(status, key) or "0") for word, key in counts])
    if gone := mapping(status, "disruptedPods"):
        page.fields(2, [("Disrupted", ", ".join(f"{k} at {text(gone, k)}" for k in sorted(gone)))])
    conditions(page, obj)
    events(page, found)
