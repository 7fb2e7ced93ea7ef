"""Any kind that has no page of its own: every field as a tree, without managed fields. Volumes use it too."""

import re
from collections.abc import Iterable
from typing import Any

from stanch.evidence.describe.page import NONE, Page
from stanch.evidence.describe.parts import annotations, events, labels
from stanch.evidence.dig import text

_DEEP = 40
_HIDDEN = frozenset({"managedFields", "labels", "annotations", "name", "namespace"})
# As kubectl's smartLabelFor has them.
_ACRONYMS = frozenset({"API", "URL", "UID", "OSB", "GUID"})
_JOINTS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def tree(page: Page, obj: dict[str, Any], found: Iterable[dict[str, Any]]) -> None:
    """Name, labels and annotations first, then the rest, then events."""
    rows = [("Name", text(obj, "metadata", "name")), ("Namespace", text(obj, "metadata", "namespace"))]
    page.fields(0, [*rows, labels(obj), annotations(obj)])
    metadata = obj.get("metadata")
    rest = {key: value for key, value in metadata.items() if key not in _HIDDEN} if isinstance(metadata, dict) else {}
    branch(page, 0, {**obj, "metadata": rest})
    events(page, found)


def branch(page: Page, depth: int, value: dict[str, Any]) -> None:
    """The fields of an object: scalars in a column, what is nested below its name."""
    flat: list[tuple[str, str]] = []
    for key, each in value.items():
        if isinstance(each, dict | list) and each and depth < _DEEP:
            page.fields(depth, flat)
            flat = []
            page.line(depth, f"{smart(key)}:")
            _nested(page, depth + 1, each)
        else:
            flat.append((smart(key), text(each) if each not in ({}, [], None) else NONE))
    page.fields(depth, flat)


def _nested(page: Page, depth: int, value: Any) -> None:
    if isinstance(value, dict):
        branch(page, depth, value)
        return
    for each in value:
        if isinstance(each, dict) and each and depth < _DEEP:
            page.line(depth, "-")
            branch(page, depth + 1, each)
        else:
            page.line(depth, text(each).replace("\n", "\\n"))


def smart(key: str) -> str:
    """``maxUnavailable`` becomes ``Max Unavailable``; keys that are no field names stay."""
    if not key.isidentifier():
        return key
    words = _JOINTS.sub(" ", key).split(" ")
    return " ".join(word.upper() if word.upper() in _ACRONYMS else word[:1].upper() + word[1:] for word in words)
