"""A document as the Runbook it is meant to be, or what keeps it from being one. Fields nobody knows are told, too."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pydantic import ValidationError

from stanch.api.runbook import Runbook
from stanch.cli.runbook.files import Document, Field
from stanch.cli.runbook.findings import Found

DEFAULT_NAMESPACE: Final = "default"
_TOP: Final = {"apiVersion", "kind", "metadata", "spec", "status"}


def read(document: Document, namespace: str | None = None) -> Runbook | list[Found]:
    """The Runbook, in ``namespace`` if given, else in its own; or what is wrong with its fields."""
    said = document.said
    meta = said.get("metadata")
    if not isinstance(meta, dict) or not isinstance(meta.get("name"), str) or not meta["name"]:
        return [(("metadata", "name"), "metadata.name must be the Runbook's name")]
    own = meta.get("namespace") if isinstance(meta.get("namespace"), str) else None
    filled = {
        "name": meta["name"],
        "namespace": namespace or own or DEFAULT_NAMESPACE,
        "uid": "",
        "creationTimestamp": "2000-01-01T00:00:00Z",
        "annotations": meta.get("annotations") or {},
    }
    try:
        runbook = Runbook.model_validate({"metadata": filled, "spec": said.get("spec")})
    except ValidationError as error:
        return [_wrong(each) for each in error.errors(include_url=False)]
    unknown = [*_unknown(dict.fromkeys(said), dict.fromkeys(_TOP), ())]
    unknown += _unknown(said["spec"], runbook.spec.wire(), ("spec",))
    return unknown or runbook


def _wrong(error: Mapping[str, Any]) -> Found:
    field: Field = tuple(error["loc"])
    got = error.get("input")
    shown = f" (got {str(got)[:80]!r})" if isinstance(got, str | int | float | bool) else ""
    return field, f"{error['msg']}{shown}"


def _unknown(said: Any, understood: Any, at: Field) -> Iterator[Found]:
    """Fields that reading lost: the API server would drop or refuse them."""
    if isinstance(said, dict) and isinstance(understood, dict):
        for key, value in said.items():
            if key in understood:
                yield from _unknown(value, understood[key], (*at, str(key)))
            elif value is not None:
                yield (
                    (*at, str(key)),
                    f"there is no field {key} here; look at `kubectl explain runbook.spec --recursive`",
                )
            elif len(at) > 1:
                yield (
                    (*at, str(key)),
                    f"{key} has no value, so it is as if it were not there; write {key}: {{}} or take it away",
                )
    elif isinstance(said, list) and isinstance(understood, list):
        for index, (one, other) in enumerate(zip(said, understood, strict=False)):
            yield from _unknown(one, other, (*at, index))
