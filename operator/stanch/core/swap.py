"""The Swap form: one JSON Patch that tests uid, old values and the old action label, and its exact inverse."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from stanch.api.names import Label

# Stands for "the field is not there", in records that must be JSON.
ABSENT: Final = "__absent__"
_LABELS: Final = "/metadata/labels"
UNDO_PREFIX: Final = "u"
# What Go's encoder escapes although JSON need not.
_ESCAPED: Final = {ord(each): f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}


def canonical(value: Any) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(value: Any) -> str:
    """`sha256:` and 16 hex digits of the canonical JSON."""
    return "sha256:" + hashlib.sha256(canonical(value).encode()).hexdigest()[:16]


def action_id(incident_uid: str, wish: str, number: int, *, undoes: bool = False) -> str:
    """
    16 hex digits: the same for every replica and after every restart (decisions 1.3 no. 9).

    That of an undo begins with ``u`` instead, which no hex digit is: the leash lets it pass while only undoing is allowed.
    """
    digits = hashlib.sha256(f"{incident_uid}\n{wish}\n{number}".encode()).hexdigest()[:16]
    return f"{UNDO_PREFIX}{digits[1:]}" if undoes else digits


def escape(part: str) -> str:
    """One reference token of a JSON pointer."""
    return part.replace("~", "~0").replace("/", "~1")


def look_up(obj: Mapping[str, Any], pointer: str) -> Any:
    """The value at a JSON pointer, or ABSENT."""
    here: Any = obj
    for token in pointer.lstrip("/").split("/"):
        key = token.replace("~1", "/").replace("~0", "~")
        if isinstance(here, list) and key.isdecimal() and int(key) < len(here):
            here = here[int(key)]
        elif isinstance(here, Mapping) and key in here:
            here = here[key]
        else:
            return ABSENT
    return ABSENT if here is None else here


def fields(obj: Mapping[str, Any], pointers: Mapping[str, Any]) -> dict[str, Any]:
    """The values an object has now at these pointers."""
    return {pointer: look_up(obj, pointer) for pointer in pointers}


def overlap(one: str, two: str) -> bool:
    """Is one of two JSON pointers the other, or within it?"""
    return f"{one}/".startswith(f"{two}/") or f"{two}/".startswith(f"{one}/")


def meet(ones: Iterable[str], twos: Iterable[str]) -> bool:
    """Would two effects on one object get into each other's way? Without any field, it is about the whole object."""
    return any(_together(one, two) for one in tuple(ones) or ("",) for two in tuple(twos) or ("",))


def _together(one: str, two: str) -> bool:
    """A pause would freeze a rollout on its way, so these two are one."""
    one, two = (pointer.replace("/spec/paused", "/spec/template") for pointer in (one, two))
    return overlap(one, two)


def _test(pointer: str, value: Any) -> dict[str, Any]:
    # `test` with null passes exactly while the field is absent (mitigations.md 0.3).
    return {"op": "test", "path": pointer, "value": None if value == ABSENT else value}


def _set(pointer: str, before: Any, after: Any) -> dict[str, Any]:
    if after == ABSENT:
        return {"op": "remove", "path": pointer}
    return {"op": "add" if before == ABSENT else "replace", "path": pointer, "value": after}


def exchange(uid: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Operations that turn ``before`` into ``after`` on exactly this object, or fail as a whole."""
    tests = [_test(pointer, value) for pointer, value in before.items()]
    sets = [
        _set(pointer, before[pointer], value)
        for pointer, value in after.items()
        if canonical(before[pointer]) != canonical(value)
    ]
    return [{"op": "test", "path": "/metadata/uid", "value": uid}, *tests, *sets]


def mark(labels: Mapping[str, str] | None, action: str) -> list[dict[str, Any]]:
    """Operations that put our label on, provided the label is still what it was: the lock between two of ours."""
    if labels is None:
        return [_test(_LABELS, ABSENT), {"op": "add", "path": _LABELS, "value": {Label.ACTION: action}}]
    pointer = f"{_LABELS}/{escape(Label.ACTION)}"
    old = labels.get(Label.ACTION, ABSENT)
    return [_test(pointer, old), {"op": "add", "path": pointer, "value": action}]


def label_of(obj: Mapping[str, Any]) -> str:
    """The action that wrote an object last, as our label on it has it; empty when there is none."""
    return str((obj["metadata"].get("labels") or {}).get(Label.ACTION) or "")


def marked_before(patch: str) -> str:
    """Our label as a patch text expects to find it, and so as it was when that was planned; empty for none."""
    pointer = f"{_LABELS}/{escape(Label.ACTION)}"
    tests = (o for o in json.loads(patch) if o["op"] == "test" and o["path"] == pointer)
    return next((str(o["value"] or "") for o in tests), "")


def unmark(uid: str, action: str) -> list[dict[str, Any]]:
    """Operations that take our label off, if it is still this action's on this very object."""
    pointer = f"{_LABELS}/{escape(Label.ACTION)}"
    return [
        {"op": "test", "path": "/metadata/uid", "value": uid},
        _test(pointer, action),
        {"op": "remove", "path": pointer},
    ]


def patch_text(operations: list[dict[str, Any]]) -> str:
    """The patch as it is stored, dry-run and sent: one text, so that what was checked is what is done."""
    text = json.dumps(operations, separators=(",", ":"), ensure_ascii=False)
    # A `test` compares strings as JSON text, and the API server's own text escapes these: `a && b` would never match.
    return text.translate(_ESCAPED)
