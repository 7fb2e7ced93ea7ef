"""From what the API server stored to what can be folded: an entry, or word of one that can't be read."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from stanch.api.incident import Meta
from stanch.api.meta import Model
from stanch.api.timeline_entry import TimelineEntry


class Unreadable(Model):
    """An entry of another schema than ours, older or newer: told as refused, and never dropped."""

    metadata: Meta
    author: str
    why: str

    @property
    def said(self) -> datetime:
        """When it was said, by the API server's clock."""
        return self.metadata.creation_timestamp


def read_entry(body: Mapping[str, Any]) -> TimelineEntry | Unreadable:
    """The entry, or why it can't be read."""
    try:
        return TimelineEntry.model_validate(body)
    except ValidationError as error:
        return Unreadable(
            metadata=Meta.model_validate(body["metadata"]), author=_author(body), why=first_problem(error)
        )


def _author(body: Mapping[str, Any]) -> str:
    here: Any = body
    for key in ("spec", "author", "username"):
        here = here.get(key) if isinstance(here, Mapping) else None
    return here[:512] if isinstance(here, str) and here else "somebody"


def first_problem(error: ValidationError) -> str:
    """`spec.impact.startedTime: … (got …)` of the first thing that can't be read."""
    first = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in first["loc"])
    return f"{field}: {first['msg']} (got {str(first.get('input'))[:80]!r})"
