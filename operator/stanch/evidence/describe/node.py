"""A Node, in kubectl's order; what its pods ask for is added up."""

from collections.abc import Iterable, Sequence
from typing import Any

from stanch.core.quantity import amount
from stanch.evidence.describe.page import NONE, Page
from stanch.evidence.describe.parts import annotations, conditions, created, events, labels
from stanch.evidence.dig import dicts, mapping, name_of, sequence, text
from stanch.evidence.times import parse, stamp

Obj = dict[str, Any]

_ROLE = "node-role.kubernetes.io/"
_INFO = (
    ("Machine ID", "machineID"),
    ("System UUID", "systemUUID"),
    ("Boot ID", "bootID"),
    ("Kernel Version", "kernelVersion"),
    ("OS Image", "osImage"),
    ("Operating System", "operatingSystem"),
    ("Architecture", "architecture"),
    ("Container Runtime Version", "containerRuntimeVersion"),
    ("Kubelet Version", "kubeletVersion"),
)


def node(page: Page, obj: Obj, found: Iterable[Obj], pods: Sequence[Obj] | None, lease: Obj) -> None:
    """The Node; no ResourceSlices, which are not captured."""
    roles = sorted(each.removeprefix(_ROLE) for each in mapping(obj, "metadata", "labels") if each.startswith(_ROLE))
    rows = [("Name", name_of(obj)), ("Roles", ",".join(roles) or NONE), labels(obj), annotations(obj)]
    unschedulable = text(obj, "spec", "unschedulable") or "false"
    taints = ("Taints", _taints(page, dicts(obj, "spec", "taints")))
    page.fields(0, [*rows, created(page, obj), taints, ("Unschedulable", unschedulable)])
    _heartbeat(page, lease)
    conditions(page, obj)
    page.line(0, "Addresses:")
    page.fields(1, [(text(each, "type"), text(each, "address")) for each in dicts(obj, "status", "addresses")])
    for title, key in (("Capacity", "capacity"), ("Allocatable", "allocatable")):
        amounts = mapping(obj, "status", key)
        if amounts:
            page.line(0, f"{title}:")
            page.fields(1, [(each, text(amounts, each)) for each in sorted(amounts)])
    page.line(0, "System Info:")
    info = mapping(obj, "status", "nodeInfo")
    proxy = [("Kube-Proxy Version", text(info, "kubeProxyVersion"))] if info.get("kubeProxyVersion") else []
    page.fields(1, [*((word, text(info, key)) for word, key in _INFO), *proxy])
    named = (("PodCIDR", "podCIDR"), ("ProviderID", "providerID"))
    spec = mapping(obj, "spec")
    rows = [(word, text(spec, key)) for word, key in named if spec.get(key)]
    cidrs = [("PodCIDRs", ",".join(map(text, sequence(spec, "podCIDRs"))))] if sequence(spec, "podCIDRs") else []
    page.fields(0, rows[:1] + cidrs + rows[1:])
    if pods is None:
        page.line(0, "Non-terminated Pods:  not asked for")
    else:
        _pods(page, obj, [each for each in pods if text(each, "status", "phase") not in ("Succeeded", "Failed")])
    events(page, found)


def _heartbeat(page: Page, lease: Obj) -> None:
    """In whole seconds, as kubectl has them."""
    if not lease:
        return
    spec = mapping(lease, "spec")
    page.line(0, "Lease:")
    rows = [("HolderIdentity", text(spec, "holderIdentity") or "<unset>")]
    for word, key in (("AcquireTime", "acquireTime"), ("RenewTime", "renewTime")):
        time = parse(spec.get(key))
        rows.append((word, stamp(f"{time:%Y-%m-%dT%H:%M:%SZ}", page.now) if time else "<unset>"))
    page.fields(1, rows)


def _taints(page: Page, taints: list[Obj]) -> str:
    lines = []
    for each in sorted(taints, key=lambda each: (text(each, "effect"), text(each, "key"))):
        value = text(each, "value")
        line = text(each, "key") + (f"={value}" if value else "") + f":{text(each, 'effect')}"
        lines.append(line + (f" since {stamp(each['timeAdded'], page.now)}" if "timeAdded" in each else ""))
    return "\n".join(lines) or NONE


def _pods(page: Page, obj: Obj, pods: Sequence[Obj]) -> None:
    page.line(0, f"Non-terminated Pods:  ({len(pods)} in total)")
    asked = [("requests", "cpu"), ("limits", "cpu"), ("requests", "memory"), ("limits", "memory")]
    ordered = sorted(pods, key=lambda each: (text(each, "metadata", "namespace"), name_of(each)))
    rows = [
        [
            text(each, "metadata", "namespace"),
            name_of(each),
            *[_share(obj, _asked(each, kind, what), what) for kind, what in asked],
            stamp(mapping(each, "metadata").get("creationTimestamp"), page.now),
        ]
        for each in ordered
    ]
    header = ("Namespace", "Name", "CPU Requests", "CPU Limits", "Memory Requests", "Memory Limits", "Created")
    page.table(1, header, rows)
    page.line(0, "Allocated resources:")
    resources = sorted(mapping(obj, "status", "allocatable"))
    totals = [
        [each, *[_share(obj, _total(pods, kind, each), each) for kind in ("requests", "limits")]] for each in resources
    ]
    page.table(1, ("Resource", "Requests", "Limits"), totals)


def _asked(pod: Obj, kind: str, what: str) -> str:
    """As written; several containers are added up."""
    found = [text(each, "resources", kind, what) for each in dicts(pod, "spec", "containers")]
    written = [each for each in found if each]
    return written[0] if len(written) == 1 else _total([pod], kind, what)


def _share(obj: Obj, asked: str, what: str) -> str:
    """With the part of what the node can give, in whole percent."""
    can = amount(text(obj, "status", "allocatable", what))
    return f"{asked} ({int(amount(asked) / can * 100) if can else 0}%)"


def _total(pods: Sequence[Obj], kind: str, what: str) -> str:
    """The sum over containers, and sidecars among the init containers, in the unit kubectl would use."""
    total = 0.0
    for pod in pods:
        sidecars = [each for each in dicts(pod, "spec", "initContainers") if each.get("restartPolicy") == "Always"]
        for each in dicts(pod, "spec", "containers") + sidecars:
            total += amount(text(each, "resources", kind, what))
    if what == "cpu":
        return f"{round(total * 1000)}m" if total else "0"
    mebi = total / 1024**2
    return f"{round(mebi)}Mi" if mebi >= 1 and what != "pods" else f"{round(total)}"
