"""The containers of a pod or a pod template."""

import math
from typing import Any

from stanch.core.quantity import amount
from stanch.evidence.describe.page import NONE, Page
from stanch.evidence.dig import at, dicts, mapping, sequence, text
from stanch.evidence.times import stamp

Obj = dict[str, Any]
Row = tuple[str, str]

_PROBES = (("Liveness", "livenessProbe"), ("Readiness", "readinessProbe"), ("Startup", "startupProbe"))


def containers(page: Page, depth: int, title: str, specs: list[Obj], statuses: list[Obj], pod: Obj) -> None:
    """All containers of one sort, in the order they are written."""
    page.line(depth, f"{title}:" if specs else f"{title}:  {NONE}")
    known = {text(each, "name"): each for each in statuses}
    for spec in specs:
        name = text(spec, "name")
        status = known.get(name)
        page.line(depth + 1, f"{name}:")
        page.fields(depth + 2, _basics(spec, status))
        _words(page, depth + 2, "Command", sequence(spec, "command"))
        _words(page, depth + 2, "Args", sequence(spec, "args"))
        if status is not None:
            _status(page, depth + 2, status)
        resources(page, depth + 2, mapping(spec, "resources"))
        page.fields(depth + 2, [(word, probe(mapping(spec, key))) for word, key in _PROBES if key in spec])
        if "envFrom" in spec:
            page.line(depth + 2, "Environment Variables from:")
            page.columns(depth + 3, [_from(each) for each in dicts(spec, "envFrom")])
        variables = [(text(each, "name"), _value(each, spec, pod)) for each in dicts(spec, "env")]
        page.line(depth + 2, "Environment:" if variables else f"Environment:  {NONE}")
        page.fields(depth + 3, variables)
        _mounts(page, depth + 2, spec)


def _basics(spec: Obj, status: Obj | None) -> list[Row]:
    rows = [("Container ID", text(status, "containerID"))] if status is not None else []
    rows.append(("Image", text(spec, "image")))
    if status is not None:
        rows.append(("Image ID", text(status, "imageID")))
    ports = dicts(spec, "ports")
    plural = "s" if len(ports) > 1 else ""
    rows.append((f"Port{plural}", ", ".join(map(_port, ports)) or NONE))
    rows.append((f"Host Port{plural}", ", ".join(_host_port(each) for each in ports) or NONE))
    profile = mapping(spec, "securityContext", "seccompProfile")
    rows += [("SeccompProfile", text(profile, "type"))] if profile else []
    rows += [("LocalhostProfile", text(profile, "localhostProfile"))] if "localhostProfile" in profile else []
    rows += [("Restart Policy", text(spec, "restartPolicy"))] if "restartPolicy" in spec else []
    return rows


def _port(port: Obj) -> str:
    name = text(port, "name")
    return f"{text(port, 'containerPort')}/{text(port, 'protocol') or 'TCP'}" + (f" ({name})" if name else "")


def _host_port(port: Obj) -> str:
    return f"{text(port, 'hostPort') or '0'}/{text(port, 'protocol') or 'TCP'}"


def _words(page: Page, depth: int, title: str, words: list[Any]) -> None:
    if words:
        page.line(depth, f"{title}:")
    for line in "\n".join(map(text, words)).split("\n") if words else ():
        page.line(depth + 1, line)


def _status(page: Page, depth: int, status: Obj) -> None:
    _state(page, depth, "State", mapping(status, "state"))
    if at(status, "lastState", "terminated") is not None:
        _state(page, depth, "Last State", mapping(status, "lastState"))
    ready = text(status, "ready").capitalize() or "False"
    page.fields(depth, [("Ready", ready), ("Restart Count", text(status, "restartCount") or "0")])


def _state(page: Page, depth: int, title: str, state: Obj) -> None:
    """With the message of a waiting container, which kubectl leaves away."""
    kind = next((each for each in ("running", "waiting", "terminated") if at(state, each) is not None), "waiting")
    about = mapping(state, kind)
    page.fields(depth, [(title, kind.capitalize())])
    rows = [(word, text(about, key)) for word, key in (("Reason", "reason"), ("Message", "message")) if about.get(key)]
    if kind == "terminated":
        rows.append(("Exit Code", text(about, "exitCode")))
        rows += [("Signal", text(about, "signal"))] if about.get("signal") else []
    times = (("Started", "startedAt"), ("Finished", "finishedAt"))
    rows += [(word, stamp(about[key], page.now)) for word, key in times if key in about]
    page.fields(depth + 1, rows)


def resources(page: Page, depth: int, found: Obj) -> None:
    """Limits, then requests, each sorted by name."""
    for word, key in (("Limits", "limits"), ("Requests", "requests")):
        values = mapping(found, key)
        if values:
            page.line(depth, f"{word}:")
            page.fields(depth + 1, [(each, text(values, each)) for each in sorted(values)])


def probe(found: Obj) -> str:
    """One line, as kubectl writes it."""
    numbers = (
        f"delay={text(found, 'initialDelaySeconds') or '0'}s timeout={text(found, 'timeoutSeconds') or '0'}s "
        f"period={text(found, 'periodSeconds') or '0'}s #success={text(found, 'successThreshold') or '0'} "
        f"#failure={text(found, 'failureThreshold') or '0'}"
    )
    if "exec" in found:
        return f"exec [{' '.join(map(text, sequence(found, 'exec', 'command')))}] {numbers}"
    if "httpGet" in found:
        get = mapping(found, "httpGet")
        where = f"{text(get, 'host')}:{text(get, 'port')}{text(get, 'path')}"
        return f"http-get {(text(get, 'scheme') or 'HTTP').lower()}://{where} {numbers}"
    if "tcpSocket" in found:
        return f"tcp-socket {text(found, 'tcpSocket', 'host')}:{text(found, 'tcpSocket', 'port')} {numbers}"
    if "grpc" in found:
        return f"grpc <pod>:{text(found, 'grpc', 'port')} {text(found, 'grpc', 'service')} {numbers}"
    return f"unknown {numbers}"


def _optional(reference: Obj) -> str:
    return f"  Optional: {text(reference, 'optional') or 'false'}"


def _from(source: Obj) -> Row:
    kind, key = ("ConfigMap", "configMapRef") if "configMapRef" in source else ("Secret", "secretRef")
    reference, prefix = mapping(source, key), text(source, "prefix")
    return text(reference, "name"), kind + (f" with prefix '{prefix}'" if prefix else "") + _optional(reference)


def _value(variable: Obj, container: Obj, pod: Obj) -> str:
    source = mapping(variable, "valueFrom")
    if "secretKeyRef" in source:
        key = mapping(source, "secretKeyRef")
        return f"<set to the key '{text(key, 'key')}' in secret '{text(key, 'name')}'>{_optional(key)}"
    if "configMapKeyRef" in source:
        key = mapping(source, "configMapKeyRef")
        return f"<set to the key '{text(key, 'key')}' of config map '{text(key, 'name')}'>{_optional(key)}"
    if "fieldRef" in source:
        path = text(source, "fieldRef", "fieldPath")
        return f"{_field(pod, path)} ({text(source, 'fieldRef', 'apiVersion') or 'v1'}:{path})".lstrip()
    if "resourceFieldRef" in source:
        return _share(mapping(source, "resourceFieldRef"), container)
    return text(variable, "value") if not source else text(source)


def _share(reference: Obj, container: Obj) -> str:
    """What the container reads: the amount in units of the divisor, rounded up (ExtractContainerResourceValue)."""
    resource = text(reference, "resource")
    kind, _, name = resource.partition(".")
    found = text(container, "resources", kind, name)
    if not found:
        return f"{'node allocatable' if kind == 'limits' else '0'} ({resource})"
    unit = amount(text(reference, "divisor")) or 1.0
    # Thousandths of a core are no binary fractions: rounded first, so that 0.3 of 0.1 is three.
    return f"{math.ceil(round(amount(found) / unit, 6))} ({resource})"


def _field(pod: Obj, path: str) -> str:
    """What a field reference stands for: ``spec.nodeName``, ``metadata.labels['app']``."""
    parent, bracket, key = path.partition("[")
    keys = [*parent.split("."), *([key.strip("]'\"")] if bracket else [])]
    return text(pod, *keys)


def _mounts(page: Page, depth: int, spec: Obj) -> None:
    mounts = sorted(dicts(spec, "volumeMounts"), key=lambda each: text(each, "mountPath"))
    page.line(depth, "Mounts:" if mounts else f"Mounts:  {NONE}")
    for each in mounts:
        path = text(each, "subPath")
        flags = ("ro" if each.get("readOnly") is True else "rw") + (f',path="{path}"' if path else "")
        page.line(depth + 1, f"{text(each, 'mountPath')} from {text(each, 'name')} ({flags})")
    devices = dicts(spec, "volumeDevices")
    if devices:
        page.line(depth, "Devices:")
    for each in sorted(devices, key=lambda each: text(each, "devicePath")):
        page.line(depth + 1, f"{text(each, 'devicePath')} from {text(each, 'name')}")
