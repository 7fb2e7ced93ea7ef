"""ConfigMaps and Secrets that the target's pods read: which, how, and whether a change of one has reached a pod."""

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stanch.api.names import FIELD_MANAGER
from stanch.evidence.changes.change import Changed, Obj, Sort, Used
from stanch.evidence.changes.dating import Clock, created, last_write, whole
from stanch.evidence.dig import at, dicts, mapping, name_of, text, uid_of
from stanch.evidence.states import statuses

NAMES_MAX: Final = 16
_KEYS_MAX: Final = 6
_DATA: Final = (("f:data",), ("f:binaryData",), ("f:stringData",), ("f:immutable",))


@dataclass(frozen=True, slots=True)
class Use:
    """One that is read. ``live``: files follow a change within a minute or two; all else needs a new start."""

    kind: str
    name: str
    how: str
    live: bool


def uses(template: Obj) -> tuple[Use, ...]:
    """Every ConfigMap and Secret of a pod template, each once; pull secrets are left out, for nothing fails by them later."""
    spec = mapping(template, "spec")
    containers = dicts(spec, "initContainers") + dicts(spec, "containers")
    parts = {text(m, "name") for c in containers for m in dicts(c, "volumeMounts") if m.get("subPath")}
    found: dict[tuple[str, str], Use] = {}
    for volume in dicts(spec, "volumes"):
        whole_files = text(volume, "name") not in parts
        for source in [volume, *dicts(volume, "projected", "sources")]:
            for kind, name in _mounted(source):
                _note(found, Use(kind, name, "files" if whole_files else "files by subPath", whole_files))
    for container in containers:
        for kind, name in _environment(container):
            _note(found, Use(kind, name, "environment", live=False))
    return tuple(found[key] for key in sorted(found))[:NAMES_MAX]


def _note(found: dict[tuple[str, str], Use], use: Use) -> None:
    # Read in two ways, it is as slow as the slower one.
    if use.name and ((use.kind, use.name) not in found or not use.live):
        found[(use.kind, use.name)] = use


def _mounted(source: Obj) -> list[tuple[str, str]]:
    secret = mapping(source, "secret")
    return [
        ("ConfigMap", text(source, "configMap", "name")),
        ("Secret", text(secret, "secretName") or text(secret, "name")),
    ]


def _environment(container: Obj) -> list[tuple[str, str]]:
    found = []
    for each in dicts(container, "envFrom"):
        found += [("ConfigMap", text(each, "configMapRef", "name")), ("Secret", text(each, "secretRef", "name"))]
    for each in dicts(container, "env"):
        source = mapping(each, "valueFrom")
        found += [
            ("ConfigMap", text(source, "configMapKeyRef", "name")),
            ("Secret", text(source, "secretKeyRef", "name")),
        ]
    return found


def configs(
    wanted: Sequence[Use], objects: Mapping[tuple[str, str], Obj], pods: Sequence[Obj], clock: Clock, key: bytes
) -> tuple[list[Changed], list[Used]]:
    """What was written, and what is in use; ``objects`` by kind and name, Secrets with their metadata only."""
    changed, used = [], []
    for use in wanted:
        obj = objects.get((use.kind, use.name))
        if obj is None:
            used.append(Used(use.kind, use.name, use.how, "-", "it was not read, or is not there"))
            continue
        write = last_write(obj, clock, *_DATA)
        when = f"{write.time:%Y-%m-%dT%H:%M:%SZ}" if write.time else "?"
        used.append(Used(use.kind, use.name, use.how, _digest(obj, key), f"{when} by {write.manager or 'its maker'}"))
        has = _took_in(pods, write.time)
        changed.append(
            Changed(
                sort=Sort.CONFIG,
                name=f"{use.kind.lower()}-{use.name}",
                what=f"{use.kind} {use.name}",
                text=_text(obj, write.manager, write.time, use),
                time=write.time,
                dated=write.dated,
                by=write.manager,
                relation=0.9,
                has=has if not use.live else None,
                effective=use.live or bool(has),
                ours=write.manager == FIELD_MANAGER,
                suggests="configFlag" if use.kind == "ConfigMap" else "",
            )
        )
    return changed, used


def _digest(obj: Obj, key: bytes) -> str:
    """Equal content, equal digest, under this incident's key; of a Secret only its version is known."""
    data = {part: obj[part] for part in ("data", "binaryData") if part in obj}
    if not data:
        return f"version {text(obj, 'metadata', 'resourceVersion') or '?'}"
    said = json.dumps(data, sort_keys=True, default=str).encode()
    return f"hmac {hmac.digest(key, said, 'sha256').hex()[:12]}"


def _text(obj: Obj, manager: str, time: datetime | None, use: Use) -> str:
    keys = sorted(
        {
            key.removeprefix("f:")
            for entry in dicts(obj, "metadata", "managedFields")
            if text(entry, "manager") == manager and whole(entry.get("time")) == time
            for part in ("f:data", "f:binaryData")
            for key in mapping(entry, "fieldsV1", part)
            if key != "."
        }
    )
    made = " made" if time is not None and time == created(obj) else " written"
    more = f" and {len(keys) - _KEYS_MAX} more" if len(keys) > _KEYS_MAX else ""
    told = f", keys of that writer: {', '.join(keys[:_KEYS_MAX])}{more}" if keys else ""
    return f"{made.strip()}, read as {use.how}{told}"


def _took_in(pods: Sequence[Obj], time: datetime | None) -> frozenset[str]:
    """Pods with a container that started since: those have what is there now."""
    return frozenset(uid_of(pod) for pod in pods if time is not None and _started_since(pod, time))


def _started_since(pod: Obj, time: datetime) -> bool:
    starts = [whole(at(status, "state", "running", "startedAt")) for status in statuses(pod)]
    starts += [whole(at(status, "lastState", "terminated", "startedAt")) for status in statuses(pod)]
    starts += [whole(at(pod, "status", "startTime"))]
    return any(start is not None and start >= time for start in starts)


def secrets_by_name(listed: Sequence[Obj]) -> dict[tuple[str, str], Obj]:
    """Secrets of a namespace by kind and name."""
    return {("Secret", name_of(each)): each for each in listed}
