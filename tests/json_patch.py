"""JSON Patch as the API server does it, and copies of JSON."""

import pickle
from collections.abc import Mapping
from typing import Any

import jsonpatch


def copied(obj: dict[str, Any]) -> dict[str, Any]:
    """What copy.deepcopy makes of JSON, in a quarter of the time."""
    new: dict[str, Any] = pickle.loads(pickle.dumps(obj, pickle.HIGHEST_PROTOCOL))
    return new


def apply_patch(obj: Mapping[str, Any], operations: list[dict[str, Any]]) -> dict[str, Any]:
    """The object after all operations; a test of null passes while the field is absent."""
    new = copied(dict(obj))
    for operation in operations:
        if operation["op"] == "test" and operation.get("value") is None:
            if jsonpatch.JsonPointer(operation["path"]).resolve(new, None) is not None:
                raise jsonpatch.JsonPatchTestFailed("it is there")
            continue
        new = jsonpatch.apply_patch(new, [operation])
    return new
