"""Service and Ingress, in kubectl's order, with every endpoint and whether it is ready."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from stanch.evidence.describe.page import NONE, Page
from stanch.evidence.describe.parts import annotations, conditions, created, events, labels, pairs
from stanch.evidence.dig import at, dicts, mapping, name_of, sequence, text

Obj = dict[str, Any]
Row = tuple[str, str]

_OF: Final = "kubernetes.io/service-name"
_POLICIES: Final = (
    ("Session Affinity", "sessionAffinity"),
    ("External Traffic Policy", "externalTrafficPolicy"),
    ("Internal Traffic Policy", "internalTrafficPolicy"),
    ("HealthCheck NodePort", "healthCheckNodePort"),
    ("Traffic Distribution", "trafficDistribution"),
    ("Publish Not Ready Addresses", "publishNotReadyAddresses"),
    ("LoadBalancer Class", "loadBalancerClass"),
)


def service(page: Page, obj: Obj, found: Iterable[Obj], slices: Sequence[Obj]) -> None:
    """A Service, and where it sends to."""
    spec = mapping(obj, "spec")
    rows = [("Name", name_of(obj)), ("Namespace", text(obj, "metadata", "namespace")), created(page, obj)]
    rows += [labels(obj), annotations(obj), ("Selector", pairs(mapping(spec, "selector")).replace("\n", ","))]
    page.fields(0, [*rows, *_addresses(obj, spec)])
    mine = [each for each in slices if text(mapping(each, "metadata", "labels"), _OF) == name_of(obj)]
    for port in dicts(spec, "ports"):
        page.fields(0, _port(port, mine))
    rows = [(word, text(spec, key)) for word, key in _POLICIES if spec.get(key) not in (None, "", 0)]
    ranges = sequence(spec, "loadBalancerSourceRanges")
    page.fields(0, rows + ([("LoadBalancer Source Ranges", ",".join(map(text, ranges)))] if ranges else []))
    _not_ready(page, mine)
    conditions(page, obj)
    events(page, found)


def _addresses(obj: Obj, spec: Obj) -> list[Row]:
    families, ips = sequence(spec, "ipFamilies"), sequence(spec, "clusterIPs")
    rows = [("Type", text(spec, "type"))]
    rows += [("IP Family Policy", text(spec, "ipFamilyPolicy"))] if "ipFamilyPolicy" in spec else []
    rows += [("IP Families", ",".join(map(text, families)) or NONE), ("IP", text(spec, "clusterIP"))]
    rows += [("IPs", ",".join(map(text, ips)) or NONE)]
    outside = sequence(spec, "externalIPs")
    rows += [("External IPs", ",".join(map(text, outside)))] if outside else []
    named = (("Desired LoadBalancer IP", "loadBalancerIP"), ("External Name", "externalName"))
    rows += [(word, text(spec, key)) for word, key in named if spec.get(key)]
    ingress = dicts(obj, "status", "loadBalancer", "ingress")
    return rows + ([("LoadBalancer Ingress", ", ".join(map(_ingress, ingress)))] if ingress else [])


def _ingress(each: Obj) -> str:
    mode = text(each, "ipMode")
    return (text(each, "ip") or text(each, "hostname")) + (f" ({mode})" if mode else "")


def _port(port: Obj, slices: Sequence[Obj]) -> list[Row]:
    name, protocol = text(port, "name") or "<unset>", text(port, "protocol") or "TCP"
    rows = [("Port", f"{name}  {text(port, 'port')}/{protocol}")]
    rows += [("TargetPort", f"{text(port, 'targetPort') or text(port, 'port')}/{protocol}")]
    rows += [("AppProtocol", text(port, "appProtocol"))] if "appProtocol" in port else []
    rows += [("NodePort", f"{name}  {text(port, 'nodePort')}/{protocol}")] if port.get("nodePort") else []
    return [*rows, ("Endpoints", ",".join(endpoints(slices, text(port, "name"))) or NONE)]


def endpoints(slices: Sequence[Obj], name: str) -> list[str]:
    """``address:port`` of all ready endpoints of a named port ("" for the one without a name), in one order."""
    found = []
    for each in slices:
        numbers = [text(port, "port") for port in dicts(each, "ports") if text(port, "name") == name]
        ready = [e for e in dicts(each, "endpoints") if at(e, "conditions", "ready") is not False]
        found += [_joined(text(a), p) for p in numbers for e in ready for a in sequence(e, "addresses")]
    return sorted(found)


def _joined(address: str, port: str) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _not_ready(page: Page, slices: Sequence[Obj]) -> None:
    """Endpoints that get no traffic, and the pods behind them, which kubectl leaves away."""
    rows = [
        (text(e, "targetRef", "name") or "?", ",".join(map(text, sequence(e, "addresses"))), text(e, "nodeName") or "-")
        for each in slices
        for e in dicts(each, "endpoints")
        if at(e, "conditions", "ready") is False
    ]
    if rows:
        page.line(0, "Endpoints that are not ready:")
        page.table(1, ("Pod", "Addresses", "Node"), sorted(rows))


def ingress(page: Page, obj: Obj, found: Iterable[Obj], slices: Sequence[Obj]) -> None:
    """An Ingress: hosts, paths, and where they lead."""
    spec = mapping(obj, "spec")
    where = dicts(obj, "status", "loadBalancer", "ingress")
    default = mapping(spec, "defaultBackend")
    rows = [("Name", name_of(obj)), labels(obj), ("Namespace", text(obj, "metadata", "namespace")), created(page, obj)]
    rows += [("Address", ",".join(text(each, "ip") or text(each, "hostname") for each in where))]
    rows += [("Ingress Class", text(spec, "ingressClassName") or NONE)]
    page.fields(0, [*rows, ("Default backend", _backend(default, slices) if default else "<default>")])
    if secured := dicts(spec, "tls"):
        page.line(0, "TLS:")
        for each in secured:
            secret = text(each, "secretName")
            page.line(
                1,
                f"{f'{secret} terminates' if secret else 'SNI routes'} {','.join(map(text, sequence(each, 'hosts')))}",
            )
    page.line(0, "Rules:")
    page.table(1, ("Host", "Path", "Type", "Backends"), _rules(dicts(spec, "rules"), default, slices))
    page.fields(0, [annotations(obj)])
    events(page, found)


def _rules(rules: list[Obj], default: Obj, slices: Sequence[Obj]) -> list[list[str]]:
    rows = []
    for rule in rules:
        rows.append([text(rule, "host") or "*", "", "", ""])
        for path in dicts(rule, "http", "paths"):
            backend = _backend(mapping(path, "backend"), slices)
            rows.append(["", text(path, "path"), text(path, "pathType"), backend])
    return rows or [["*", "*", "", _backend(default, slices) if default else "<default>"]]


def _backend(backend: Obj, slices: Sequence[Obj]) -> str:
    """``service:port (endpoints)``, or another kind of object."""
    to = mapping(backend, "service")
    if not to:
        other = mapping(backend, "resource")
        group = text(other, "apiGroup") or NONE
        return f"APIGroup: {group}, Kind: {text(other, 'kind')}, Name: {text(other, 'name')}"
    name, port = text(to, "name"), text(to, "port", "name") or text(to, "port", "number")
    mine = [each for each in slices if text(mapping(each, "metadata", "labels"), _OF) == name]
    names = {text(each, "name") for one in mine for each in dicts(one, "ports")}
    known = text(to, "port", "name")
    found = [e for n in sorted(names) if not known or n == known for e in endpoints(mine, n)]
    return f"{name}:{port} ({','.join(found) or NONE})"
