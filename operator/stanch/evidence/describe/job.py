"""Job and CronJob, in kubectl's order."""

from collections.abc import Iterable
from typing import Any, Final

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
from stanch.evidence.dig import at, dicts, mapping, name_of, number, text
from stanch.evidence.times import human, parse, stamp

Obj = dict[str, Any]
Row = tuple[str, str]

_UNSET: Final = "<unset>"
# Fields of a Job's spec that kubectl leaves away.
_MORE: Final = (
    ("Backoff Limit Per Index", "backoffLimitPerIndex"),
    ("Max Failed Indexes", "maxFailedIndexes"),
    ("Pod Replacement Policy", "podReplacementPolicy"),
    ("Managed By", "managedBy"),
)


def job(page: Page, obj: Obj, found: Iterable[Obj]) -> None:
    """A Job; with its conditions, which kubectl leaves away."""
    rows = [("Name", name_of(obj)), ("Namespace", text(obj, "metadata", "namespace")), created(page, obj)]
    rows += [("Selector", selector(obj)), labels(obj), annotations(obj), *controlled_by(obj)]
    page.fields(0, [*rows, *_size(mapping(obj, "spec")), *_times(page, obj), _pods(obj)])
    indexes = text(obj, "status", "completedIndexes")
    if text(obj, "spec", "completionMode") == "Indexed":
        page.fields(0, [("Completed Indexes", indexes or NONE)])
    template(page, obj)
    conditions(page, obj)
    events(page, found)


def _size(spec: Obj) -> list[Row]:
    named = (
        ("Parallelism", "parallelism"),
        ("Completions", "completions"),
        ("Completion Mode", "completionMode"),
        ("Suspend", "suspend"),
        ("Backoff Limit", "backoffLimit"),
        ("TTL Seconds After Finished", "ttlSecondsAfterFinished"),
    )
    rows = [
        (word, text(spec, key) or _UNSET) for word, key in named if key in spec or key in ("parallelism", "completions")
    ]
    rows += [(word, text(spec, key)) for word, key in _MORE if key in spec]
    deadline = text(spec, "activeDeadlineSeconds")
    return rows + ([("Active Deadline Seconds", f"{deadline}s")] if deadline else [])


def _times(page: Page, obj: Obj) -> list[Row]:
    status = mapping(obj, "status")
    named = (("Start Time", "startTime"), ("Completed At", "completionTime"))
    rows = [(word, stamp(status[key], page.now)) for word, key in named if key in status]
    start, end = parse(status.get("startTime")), parse(status.get("completionTime"))
    return rows + ([("Duration", human(int((end - start).total_seconds())))] if start and end else [])


def _pods(obj: Obj) -> Row:
    status = mapping(obj, "status")
    ready = f" ({number(status, 'ready')} Ready)" if "ready" in status else ""
    counts = f"{number(status, 'active')} Active{ready} / {number(status, 'succeeded')} Succeeded"
    return "Pods Statuses", f"{counts} / {number(status, 'failed')} Failed"


def cronjob(page: Page, obj: Obj, found: Iterable[Obj]) -> None:
    """A CronJob, and the Job that it makes."""
    spec = mapping(obj, "spec")
    deadline = text(spec, "startingDeadlineSeconds")
    rows = [("Name", name_of(obj)), ("Namespace", text(obj, "metadata", "namespace")), labels(obj), annotations(obj)]
    rows += [created(page, obj), ("Schedule", text(spec, "schedule"))]
    rows += [("Concurrency Policy", text(spec, "concurrencyPolicy")), ("Suspend", _flag(spec, "suspend"))]
    rows += [("Time Zone", text(spec, "timeZone"))] if spec.get("timeZone") else []
    rows += [
        ("Successful Job History Limit", text(spec, "successfulJobsHistoryLimit") or _UNSET),
        ("Failed Job History Limit", text(spec, "failedJobsHistoryLimit") or _UNSET),
        ("Starting Deadline Seconds", f"{deadline}s" if deadline else _UNSET),
    ]
    made = mapping(spec, "jobTemplate")
    rows += [("Selector", pairs(mapping(made, "spec", "selector", "matchLabels"))), *_size(mapping(made, "spec"))]
    page.fields(0, rows)
    template(page, made)
    status = mapping(obj, "status")
    times = (("Last Schedule Time", "lastScheduleTime"), ("Last Successful Time", "lastSuccessfulTime"))
    page.fields(0, [(word, stamp(status[key], page.now) if key in status else _UNSET) for word, key in times])
    page.fields(0, [("Active Jobs", ", ".join(text(each, "name") for each in dicts(status, "active")) or NONE)])
    events(page, found)


def _flag(spec: Obj, key: str) -> str:
    return text(spec, key).capitalize() if at(spec, key) is not None else _UNSET
