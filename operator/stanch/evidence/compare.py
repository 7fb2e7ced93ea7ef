"""Two bundles beside each other: by object, and in an object by field; bounded, and without what changes by itself."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from stanch.api.evidence import ItemKind
from stanch.evidence.dig import dicts, text
from stanch.evidence.opened import Opened, reasons

FIELDS_MAX: Final = 40  # of one object
OBJECTS_MAX: Final = 200
VALUE_CHARACTERS_MAX: Final = 160
# These differ between any two looks at an object and say nothing.
NOISE: Final = frozenset(
    {
        *("metadata.resourceVersion", "metadata.managedFields", "metadata.generation", "status.observedGeneration"),
        *("lastProbeTime", "lastHeartbeatTime", "lastUpdateTime"),
    }
)
_OBJECTS: Final = frozenset({ItemKind.OBJECT, ItemKind.LIST, ItemKind.EVENTS, ItemKind.HISTORY})
_KEYS: Final = ("name", "type", "uid", "ip", "key")
_ABSENT: Final = object()
_TOKEN: Final = re.compile(rb"\*\*\*([a-z0-9 _-]{1,40}):[0-9a-f]{8}\*\*\*")
_OF_TWO: Final = (
    "these are of two incidents, each with masks of its own: whether masked values are the same is not known"
)

Obj = Mapping[str, Any]


class Change(StrEnum):
    """In which bundle it is: what is in one only may be gone, new, or was not looked at closely."""

    ONLY_AFTER = "OnlyAfter"
    ONLY_BEFORE = "OnlyBefore"
    CHANGED = "Changed"


@dataclass(frozen=True, slots=True)
class Field:
    """One value that differs. None of ``before`` and ``after`` is None but where there was nothing."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class ObjectDiff:
    """One object that differs; ``note`` says of one that is in one bundle only what it was; ``more`` fields were left away."""

    name: str
    change: Change
    fields: tuple[Field, ...] = ()
    more: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that differs; ``same`` objects do not, ``more`` that do were left away. ``problems`` could not be compared."""

    objects: tuple[ObjectDiff, ...]
    texts: tuple[ObjectDiff, ...]
    missing: tuple[ObjectDiff, ...]
    same: int
    more: int
    problems: tuple[str, ...] = ()

    @property
    def alike(self) -> bool:
        """Is nothing different, as far as could be seen?"""
        return not (self.objects or self.texts or self.missing or self.problems)


def compare(before: Opened, after: Opened, fields_max: int = FIELDS_MAX, objects_max: int = OBJECTS_MAX) -> Comparison:
    """
    What differs from one bundle to the other. Secrets need no care here: equal ones are equal tokens in all bundles of an incident.
    Those of two incidents can't be compared, and that is said.
    """
    problems: list[str] = []
    if before.whose != after.whose:
        before, after = _without_digests(before), _without_digests(after)
        problems.append(_OF_TWO)
    old, new = _objects(before, after, problems), _objects(after, before, problems)
    found, same = [], 0
    for name in sorted({*old, *new}):
        try:
            diff = _of_object(name, old.get(name), new.get(name), fields_max)
        except RecursionError:
            problems.append(f"{name}: nested too deeply to be compared")
            continue
        found += [diff] if diff else []
        same += diff is None
    texts = _texts(before, after)
    return Comparison(
        objects=tuple(found[:objects_max]),
        texts=tuple(texts[:objects_max]),
        missing=tuple(_missing(before, after)[:objects_max]),
        same=same,
        more=sum(max(0, len(each) - objects_max) for each in (found, texts)),
        problems=tuple(dict.fromkeys((*before.problems, *after.problems, *problems))),
    )


def _without_digests(bundle: Opened) -> Opened:
    return replace(bundle, files={name: _TOKEN.sub(rb"***\1***", content) for name, content in bundle.files.items()})


def _objects(bundle: Opened, other: Opened, problems: list[str]) -> dict[str, Obj]:
    """
    Every object under a name that is the same in another bundle. A list that the other one lacks tells nothing about what is
    in it, and is left out: that it is missing is said elsewhere.
    """
    found: dict[str, Obj] = {}
    for item in dicts(bundle.spec, "items"):
        name = text(item, "name")
        if text(item, "kind") not in _OBJECTS or not name.endswith(".json") or name not in bundle.files:
            continue
        try:
            value = json.loads(bundle.files[name])
        except (ValueError, RecursionError) as error:
            problems.append(f"{bundle.name}: {name} is not JSON: {error}")
            continue
        is_list = text(value, "kind") == "List"
        if is_list and name not in other.files:
            continue
        listed = dicts(value, "items") if is_list else [value]
        for each in listed:
            if isinstance(each, dict):
                found.setdefault(_identity(name, each), each)
    return found


def _identity(file: str, obj: Obj) -> str:
    kind = text(obj, "kind") or file.removesuffix(".json").removesuffix("s")
    namespace, name = text(obj, "metadata", "namespace"), text(obj, "metadata", "name")
    return f"{kind.lower()}/{namespace}/{name}" if namespace else f"{kind.lower()}/{name}"


def _of_object(name: str, before: Obj | None, after: Obj | None, most: int) -> ObjectDiff | None:
    if before is None or after is None:
        there = after if before is None else before
        change = Change.ONLY_AFTER if before is None else Change.ONLY_BEFORE
        return ObjectDiff(name, change, note=_headline(there or {}))
    fields = [field for field in _walk(before, after, "") if not _is_noise(field.path)]
    return ObjectDiff(name, Change.CHANGED, tuple(fields[:most]), max(0, len(fields) - most)) if fields else None


def _headline(obj: Obj) -> str:
    """What an event said, or which phase a pod was in: enough to know whether it matters."""
    if reason := text(obj, "reason"):
        return _shown(f"{reason}: {text(obj, 'message')}")
    return text(obj, "status", "phase")


def _walk(before: Any, after: Any, path: str) -> Iterator[Field]:
    if before == after:
        return
    before, after = _beside(before, after), _beside(after, before)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*map(str, before), *map(str, after)}):
            yield from _walk(before.get(key, _ABSENT), after.get(key, _ABSENT), f"{path}.{key}" if path else key)
    elif isinstance(before, list) and isinstance(after, list):
        old, new = _keyed(before), _keyed(after)
        for key in dict.fromkeys((*old, *new)):
            yield from _walk(old.get(key, _ABSENT), new.get(key, _ABSENT), f"{path}[{key}]")
    else:
        yield Field(_shown(path), _told(before), _told(after))


def _beside(value: Any, other: Any) -> Any:
    """What is not there beside something too long for a line is shown part by part."""
    long = value is _ABSENT and isinstance(other, dict | list) and len(json.dumps(other)) > VALUE_CHARACTERS_MAX
    return type(other)() if long else value


def _keyed(values: list[Any]) -> dict[str, Any]:
    """Items by what names them, where that tells them apart; else by their place."""
    for key in _KEYS:
        names = [text(each, key) for each in values if isinstance(each, dict)]
        if len(names) == len(values) and all(names) and len(set(names)) == len(names):
            return dict(zip(names, values, strict=True))
    return {str(index): each for index, each in enumerate(values)}


def _is_noise(path: str) -> bool:
    return any(path == noise or path.startswith(f"{noise}[") or path.endswith(f".{noise}") for noise in NOISE)


def _told(value: Any) -> str | None:
    if value is _ABSENT:
        return None
    return _shown(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True))


def _shown(value: str) -> str:
    return value if len(value) <= VALUE_CHARACTERS_MAX else value[: VALUE_CHARACTERS_MAX - 1] + "…"


def _texts(before: Opened, after: Opened) -> list[ObjectDiff]:
    """Logs by their sizes: what two runs of a program said is read, not compared."""
    return _by_name(before, after, lambda name: name.endswith(".log"), _size)


def _by_name(
    before: Opened, after: Opened, wanted: Callable[[str], bool], tell: Callable[[bytes], str]
) -> list[ObjectDiff]:
    found = []
    for name in sorted({*before.files, *after.files}):
        old, new = before.files.get(name), after.files.get(name)
        if not wanted(name) or old == new:
            continue
        change = Change.ONLY_AFTER if old is None else Change.ONLY_BEFORE if new is None else Change.CHANGED
        told = Field("", None if old is None else tell(old), None if new is None else tell(new))
        found.append(ObjectDiff(name, change, (told,)))
    return found


def _size(content: bytes) -> str:
    lines = content.count(b"\n") + (not content.endswith(b"\n") if content else 0)
    return f"{lines} lines, {len(content)} bytes"


def _missing(before: Opened, after: Opened) -> list[ObjectDiff]:
    """What one bundle lacks and the other does not, or for another reason."""
    old = {name: reason for name, reason, _ in reasons(before.spec)}
    new = {name: reason for name, reason, _ in reasons(after.spec)}
    return [
        ObjectDiff(name, Change.CHANGED, (Field("", old.get(name), new.get(name)),))
        for name in sorted({*old, *new})
        if old.get(name) != new.get(name)
    ]
