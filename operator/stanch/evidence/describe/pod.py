"""A Pod, in kubectl's order."""

from collections.abc import Iterable
from typing import Any

from stanch.evidence.describe.container import containers, resources
from stanch.evidence.describe.page import NONE, Page
from stanch.evidence.describe.parts import (
    annotations,
    conditions,
    controlled_by,
    events,
    labels,
    pairs,
    spread,
    tolerations,
)
from stanch.evidence.describe.template import volumes
from stanch.evidence.dig import at, dicts, mapping, text
from stanch.evidence.states import condition
from stanch.evidence.times import stamp

Obj = dict[str, Any]
Row = tuple[str, str]

_SORTS = (
    ("Init Containers", "initContainers", "initContainerStatuses"),
    ("Containers", "containers", "containerStatuses"),
    ("Ephemeral Containers", "ephemeralContainers", "ephemeralContainerStatuses"),
)


def pod(page: Page, obj: Obj, found: Iterable[Obj]) -> None:
    """Everything kubectl shows, and what it leaves away: messages of waiting containers and of conditions."""
    spec = mapping(obj, "spec")
    page.fields(0, [*_identity(obj, spec), *_state(page, obj), *_network(obj, spec)])
    if "resources" in spec:
        page.line(0, "Resources:")
        resources(page, 1, mapping(spec, "resources"))
    for title, key, statuses in _SORTS:
        if dicts(spec, key) or key == "containers":
            containers(page, 0, title, dicts(spec, key), dicts(obj, "status", statuses), obj)
    gates = [text(each, "conditionType") for each in dicts(spec, "readinessGates")]
    if gates:
        page.line(0, "Readiness Gates:")
        page.table(1, ("Type", "Status"), [(each, text(condition(obj, each), "status") or NONE) for each in gates])
    conditions(page, obj)
    volumes(page, 0, dicts(spec, "volumes"))
    page.fields(
        0,
        [
            ("QoS Class", text(obj, "status", "qosClass")),
            ("Node-Selectors", pairs(mapping(spec, "nodeSelector"))),
            ("Tolerations", tolerations(dicts(spec, "tolerations"))),
            *spread(dicts(spec, "topologySpreadConstraints")),
        ],
    )
    if "schedulingGroup" in spec:
        page.fields(0, [("Scheduling Group", text(spec, "schedulingGroup"))])
    events(page, found)


def _identity(obj: Obj, spec: Obj) -> list[Row]:
    node = text(spec, "nodeName")
    named = (
        ("Priority", "priority"),
        ("Priority Class Name", "priorityClassName"),
        ("Runtime Class Name", "runtimeClassName"),
        ("Service Account", "serviceAccountName"),
    )
    return [
        ("Name", text(obj, "metadata", "name")),
        ("Namespace", text(obj, "metadata", "namespace")),
        *[(word, text(spec, key)) for word, key in named if spec.get(key) not in (None, "")],
        ("Node", f"{node}/{text(obj, 'status', 'hostIP')}" if node else NONE),
    ]


def _state(page: Page, obj: Obj) -> list[Row]:
    status, deleted = mapping(obj, "status"), at(obj, "metadata", "deletionTimestamp")
    rows = [("Created", stamp(at(obj, "metadata", "creationTimestamp"), page.now))]
    rows += [("Start Time", stamp(status["startTime"], page.now))] if "startTime" in status else []
    rows += [labels(obj), annotations(obj)]
    if deleted is not None and text(status, "phase") not in ("Failed", "Succeeded"):
        grace = text(obj, "metadata", "deletionGracePeriodSeconds")
        rows += [
            ("Status", f"Terminating (deadline {stamp(deleted, page.now)})"),
            ("Termination Grace Period", f"{grace}s"),
        ]
    else:
        rows += [("Status", text(status, "phase"))]
    return rows + [
        (word, text(status, key)) for word, key in (("Reason", "reason"), ("Message", "message")) if status.get(key)
    ]


def _network(obj: Obj, spec: Obj) -> list[Row]:
    profile = mapping(spec, "securityContext", "seccompProfile")
    rows = [("SeccompProfile", text(profile, "type"))] if profile else []
    rows += [("LocalhostProfile", text(profile, "localhostProfile"))] if "localhostProfile" in profile else []
    addresses = "\n".join(f"IP: {text(each, 'ip')}" for each in dicts(obj, "status", "podIPs"))
    rows += [("IP", text(obj, "status", "podIP")), ("IPs", addresses or NONE), *controlled_by(obj)]
    nominated = text(obj, "status", "nominatedNodeName")
    return rows + ([("NominatedNodeName", nominated)] if nominated else [])
