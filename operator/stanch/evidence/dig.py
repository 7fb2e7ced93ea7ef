"""Total access into JSON from the cluster: a missing or odd field is empty, never an error."""

import json
from typing import Any

_encode = json.JSONEncoder(ensure_ascii=False, default=str).encode


def at(value: Any, *path: str) -> Any:
    """What is at a path of keys, or None."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


# The loop of at() stands in each: a render makes thousands of these calls on the way to an effect.


def mapping(value: Any, *path: str) -> dict[str, Any]:
    """The object at a path, or an empty one."""
    for key in path:
        if not isinstance(value, dict):
            return {}
        value = value.get(key)
    return value if isinstance(value, dict) else {}


def sequence(value: Any, *path: str) -> list[Any]:
    """The list at a path, or an empty one."""
    found = at(value, *path)
    return found if isinstance(found, list) else []


def dicts(value: Any, *path: str) -> list[dict[str, Any]]:
    """The objects in the list at a path; anything else in it is left out."""
    found = at(value, *path)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def text(value: Any, *path: str) -> str:
    """The scalar at a path as JSON would show it; empty when there is none."""
    for key in path:
        if not isinstance(value, dict):
            return ""
        value = value.get(key)
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return str(value) if type(value) is int else _encode(value)


def number(value: Any, *path: str) -> int:
    """The whole number at a path, or 0."""
    found = at(value, *path)
    return found if isinstance(found, int) and not isinstance(found, bool) else 0


def name_of(obj: Any) -> str:
    """``metadata.name``."""
    return text(obj, "metadata", "name")


def uid_of(obj: Any) -> str:
    """``metadata.uid``."""
    return text(obj, "metadata", "uid")
