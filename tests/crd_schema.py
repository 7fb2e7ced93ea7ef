"""Objects against the structural schemas in crds/: what the API server would refuse or prune, but for CEL."""

import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

CRDS = Path(__file__).resolve().parents[1] / "crds"
_TYPES = {"string": str, "integer": int, "boolean": bool, "object": Mapping, "array": list}


@lru_cache(maxsize=16)
def schema(kind: str) -> dict[str, Any]:
    """Of the served version."""
    for path in sorted(CRDS.glob("*.yaml")):
        crd = yaml.safe_load(path.read_text(encoding="utf-8"))
        if crd["spec"]["names"]["kind"] == kind:
            (version,) = crd["spec"]["versions"]
            found: dict[str, Any] = version["schema"]["openAPIV3Schema"]
            return found
    raise LookupError(f"no CRD of kind {kind}")


def problems(kind: str, body: Mapping[str, Any]) -> list[str]:
    """`spec.whys: more than 10`, each; metadata is the API server's own."""
    whole = schema(kind)
    return [
        p for part in ("spec", "status") if part in body for p in _look(whole["properties"][part], body[part], part)
    ]


def _look(wanted: Mapping[str, Any], value: Any, where: str) -> Iterator[str]:
    expected = _TYPES[wanted["type"]]
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        yield f"{where}: not a {wanted['type']}"
    elif isinstance(value, str):
        yield from _text(wanted, value, where)
    elif isinstance(value, Mapping):
        yield from _object(wanted, value, where)
    elif isinstance(value, list):
        if len(value) > wanted.get("maxItems", len(value)):
            yield f"{where}: more than {wanted['maxItems']}"
        for at, each in enumerate(value):
            yield from _look(wanted["items"], each, f"{where}[{at}]")
    elif isinstance(value, int) and value < wanted.get("minimum", value):
        yield f"{where}: less than {wanted['minimum']}"


def _object(wanted: Mapping[str, Any], value: Mapping[str, Any], where: str) -> Iterator[str]:
    known = wanted.get("properties", {})
    yield from (f"{where}.{name}: missing" for name in wanted.get("required", ()) if name not in value)
    for name, each in value.items():
        if name in known:
            yield from _look(known[name], each, f"{where}.{name}")
        elif "additionalProperties" in wanted:
            yield from _look(wanted["additionalProperties"], each, f"{where}.{name}")
        else:
            yield f"{where}.{name}: unknown"


def _text(wanted: Mapping[str, Any], value: str, where: str) -> Iterator[str]:
    if "enum" in wanted and value not in wanted["enum"]:
        yield f"{where}: not one of {wanted['enum']} (got {value!r})"
    if "pattern" in wanted and not re.search(wanted["pattern"], value):
        yield f"{where}: does not match {wanted['pattern']} (got {value!r})"
    if not wanted.get("minLength", 0) <= len(value) <= wanted.get("maxLength", len(value)):
        yield f"{where}: {len(value)} characters"
