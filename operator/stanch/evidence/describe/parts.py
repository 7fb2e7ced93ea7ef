"""Parts that several kinds share: labels, annotations, conditions, tolerations, events."""

from collections.abc import Iterable, Mapping
from typing import Any

from stanch.core.asking import selector as selector_of
from stanch.evidence.describe.page import NONE, Page
from stanch.evidence.dig import at, dicts, mapping, number, text
from stanch.evidence.structure import LAST_APPLIED
from stanch.evidence.times import ago, parse, stamp

_WIDE = 140

Row = tuple[str, str]


def pairs(values: Mapping[str, Any], joint: str = "=") -> str:
    """Labels or annotations, sorted, one a line; wide ones start on a line of their own and are cut."""
    lines: list[str] = []
    for key in sorted(values):
        value = text(values, key)
        if key == LAST_APPLIED:
            continue
        if joint == ": " and (len(key) + len(value) > _WIDE or "\n" in value):
            lines.append(f"{key}:")
            lines += [f"  {line if len(line) <= _WIDE else line[: _WIDE - 2] + '...'}" for line in value.split("\n")]
        else:
            lines.append(f"{key}{joint}{value}")
    return "\n".join(lines) or NONE


def labels(obj: Any) -> Row:
    """The Labels field."""
    return "Labels", pairs(mapping(obj, "metadata", "labels"))


def annotations(obj: Any) -> Row:
    """The Annotations field, without the copy that kubectl apply keeps."""
    return "Annotations", pairs(mapping(obj, "metadata", "annotations"), ": ")


def created(page: Page, obj: Any) -> Row:
    """When it was made; and that it is being deleted, which kubectl shows for pods only."""
    made = stamp(at(obj, "metadata", "creationTimestamp"), page.now)
    deleted = at(obj, "metadata", "deletionTimestamp")
    return "CreationTimestamp", made + (f", being deleted since {stamp(deleted, page.now)}" if deleted else "")


def controlled_by(obj: Any) -> list[Row]:
    """The controlling owner, if any."""
    owners = [each for each in dicts(obj, "metadata", "ownerReferences") if each.get("controller") is True]
    return [("Controlled By", f"{text(each, 'kind')}/{text(each, 'name')}") for each in owners[:1]]


def selector(obj: Any) -> str:
    """A label selector in words."""
    try:
        return selector_of(obj) or NONE
    except (AttributeError, TypeError):
        return text(obj, "spec", "selector")


def conditions(page: Page, obj: Any) -> None:
    """With times, reasons and messages, which kubectl leaves away for most kinds."""
    found = dicts(obj, "status", "conditions")
    if not found:
        return
    page.line(0, "Conditions:")
    beats = any("lastHeartbeatTime" in each for each in found)
    header = ["Type", "Status", *(["LastHeartbeatTime"] if beats else []), "LastTransitionTime", "Reason", "Message"]
    page.table(1, header, [_condition(page, each, beats) for each in found])


def _condition(page: Page, condition: dict[str, Any], beats: bool) -> list[str]:
    times = ["lastHeartbeatTime", "lastTransitionTime"] if beats else ["lastTransitionTime"]
    return [
        text(condition, "type"),
        text(condition, "status"),
        *[stamp(condition.get(each), page.now) for each in times],
        text(condition, "reason") or "-",
        text(condition, "message"),
    ]


def tolerations(found: list[dict[str, Any]]) -> str:
    """One a line, by key, as kubectl writes them."""
    lines = []
    for each in sorted(found, key=lambda each: text(each, "key")):
        value, effect = text(each, "value"), text(each, "effect")
        line = text(each, "key") + (f"={value}" if value else "") + (f":{effect}" if effect else "")
        if each.get("operator") == "Exists" and not value:
            line = f"{line} op=Exists".strip()
        seconds = each.get("tolerationSeconds")
        lines.append(line + (f" for {text(seconds)}s" if seconds is not None else ""))
    return "\n".join(lines) or NONE


def spread(found: list[dict[str, Any]]) -> list[Row]:
    """Topology spread constraints, if any."""
    lines = []
    for each in sorted(found, key=lambda each: text(each, "topologyKey")):
        line = f"{text(each, 'topologyKey')}:{text(each, 'whenUnsatisfiable')}"
        line += f" when max skew {text(each, 'maxSkew')} is exceeded"
        if "labelSelector" in each:
            line += f" for selector {selector({'spec': {'selector': each['labelSelector']}})}"
        lines.append(line)
    return [("Topology Spread Constraints", "\n".join(lines))] if lines else []


def event_time(event: dict[str, Any]) -> str:
    """When it was last seen; the API keeps that in three places."""
    times = (at(event, "series", "lastObservedTime"), event.get("lastTimestamp"), event.get("eventTime"))
    found = [each for each in times if isinstance(each, str) and each]
    return max(found, default=text(event, "metadata", "creationTimestamp"))


def event_cells(page: Page, event: dict[str, Any]) -> list[str]:
    """Type, reason, when (how often since when), from, message."""
    first = event.get("firstTimestamp") or event.get("eventTime")
    count = number(event, "series", "count") or number(event, "count")
    when = stamp(event_time(event), page.now)
    since = parse(first)
    if count > 1:
        when += f" x{count}" + (f" since {text(first)} ({ago(since, page.now)})" if since else "")
    place = text(event, "involvedObject", "fieldPath")
    message = text(event, "message").strip()
    source = text(event, "source", "component") or text(event, "reportingComponent")
    return [text(event, "type"), text(event, "reason"), when, source, f"{place}: {message}" if place else message]


def events(page: Page, found: Iterable[dict[str, Any]]) -> None:
    """By time. Only warnings are captured for workloads, so only those can be shown; the heading says it."""
    ordered = sorted(found, key=event_time)
    if not ordered:
        page.line(0, "Events (as captured):  <none>")
        return
    page.line(0, "Events (as captured):")
    rows = [event_cells(page, each) for each in ordered]
    page.table(1, ("Type", "Reason", "When", "From", "Message"), rows)
