"""What is published stays as it is (ADR 45); what it can't say yet is another text of the same incident."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from stanch.api.incident import Meta
from stanch.api.incident_status import Times
from stanch.api.postmortem_record import PostmortemRecord
from stanch.core.postmortem_gate import REQUIRED, SHORT
from stanch.core.postmortem_text import is_published

_SECOND: Final = 2


def says_enough(body: Mapping[str, Any], record: PostmortemRecord, times: Times) -> bool:
    """Is it published, as much as is asked for by now, and of the end that there was at last? ``body`` as the API server has it."""
    if not is_published(body):
        return False
    status = body["status"]
    if record.decision == REQUIRED and (status.get("facts") or {}).get("decision") == SHORT:
        return False
    published = datetime.fromisoformat(str(status["published"]["time"]))
    return times.resolved is None or published >= times.resolved


def is_further(meta: Meta, name: str | None) -> bool:
    """Is it the name of a second text, or of a later one?"""
    return _number(meta, name) is not None


def next_name(meta: Meta, name: str) -> str:
    """Of the text after this one: never that of another incident, for it has our uid."""
    return f"{_stem(meta)}{(_number(meta, name) or _SECOND - 1) + 1}"


def _stem(meta: Meta) -> str:
    return f"{meta.name}-{meta.uid[:6]}-"


def _number(meta: Meta, name: str | None) -> int | None:
    rest = name.removeprefix(_stem(meta)) if name and name.startswith(_stem(meta)) else ""
    return int(rest) if rest.isdecimal() else None
