"""A field-wise difference of two JSON values, in words a person reads at 2 AM."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from stanch.core.plain import is_plain
from stanch.core.swap import ABSENT

LINES_MAX: Final = 24
VALUE_CHARACTERS_MAX: Final = 80
# Where a ConfigMap has what people put there.
_DATA: Final = ("data", "stringData", "binaryData")
_HOLDS_SECRETS: Final = ("env", "command", "args", "annotations")


def differences(before: Any, after: Any, path: str = "") -> tuple[str, ...]:
    """`path: before -> after`, one a changed leaf below ``path``; what may be a secret, as env values may, is not shown."""
    lines = list(_walk(before, after, path))
    if len(lines) > LINES_MAX:
        return (*lines[: LINES_MAX - 1], f"… and {len(lines) - LINES_MAX + 1} more")
    return tuple(lines)


def _walk(before: Any, after: Any, path: str) -> Iterator[str]:
    if before == after:
        return
    before, after = _beside(before, after), _beside(after, before)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            yield from _walk(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _lists(before, after, path)
    else:
        old, new = (show(value, may_be_secret(path, value)) for value in (before, after))
        yield f"{path}: {old} -> {new}"[:250]


def _beside(value: Any, other: Any) -> Any:
    """
    What is not there beside something that has parts is shown part by part: as a whole its path would not say that there is
    env in it, and it would be shown with every secret.
    """
    return type(other)() if value is None and isinstance(other, dict | list) and other else value


def _lists(before: list[Any], after: list[Any], path: str) -> Iterator[str]:
    old, new = named(before), named(after)
    if old is not None and new is not None:
        for name in sorted({*old, *new}):
            yield from _walk(old.get(name), new.get(name), f"{path}[{name}]")
        return
    for index in range(max(len(before), len(after))):
        one = before[index] if index < len(before) else None
        other = after[index] if index < len(after) else None
        yield from _walk(one, other, f"{path}[{index}]")


def named(values: list[Any]) -> dict[str, Any] | None:
    """A list whose items have names, by name; None for any other list."""
    if all(isinstance(v, Mapping) and "name" in v for v in values):
        return {v["name"]: v for v in values}
    return None


def may_be_secret(path: str, *values: Any) -> bool:
    """Values there are not shown to everybody who may read an incident; those of a ConfigMap only where they look like flags."""
    if any(word in path for word in (".env[", "command", "args", "annotations", "httpHeaders")):
        return True
    root, _, name = path.partition(".")
    there = (v for v in values if v is not None and v != ABSENT)
    return root in _DATA and not all(is_plain(name, v) for v in there)


def dotted(pointer: str) -> str:
    """`/spec/template` as people write it: spec.template."""
    return ".".join(t.replace("~1", "/").replace("~0", "~") for t in pointer.lstrip("/").split("/"))


def show(value: Any, hide: bool) -> str:
    """A value in a few characters; `(none)` for what is not there."""
    if value is None or value == ABSENT:
        return "(none)"
    if hide or (isinstance(value, str) and "\n" in value):
        return "(not shown)"
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
    if isinstance(value, Mapping | list) and any(f'"{key}"' in text for key in _HOLDS_SECRETS):
        return "(not shown)"  # A container that came or went as a whole.
    return text if len(text) <= VALUE_CHARACTERS_MAX else text[: VALUE_CHARACTERS_MAX - 1] + "…"
