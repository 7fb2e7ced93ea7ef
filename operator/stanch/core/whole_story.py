"""The whole timeline: what is in the status, and what has moved onto pages. A page that can't be read is told, never guessed."""

import base64
import binascii
import gzip
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from stanch.api.incident_status import IncidentStatus, Page, TimelineLine
from stanch.core.observations import Answer, Found
from stanch.core.questions import EVIDENCES, Get


@dataclass(frozen=True, slots=True)
class Story:
    """Lines by seq, each once; ``lost`` is how many stand on pages that are not there or not what was stored."""

    lines: tuple[TimelineLine, ...]
    lost: int = 0


def pages_of(status: IncidentStatus, namespace: str) -> tuple[Get, ...]:
    """What to ask for the whole of it."""
    return tuple(Get(EVIDENCES, namespace, page.name) for page in status.pages or ())


def whole_story(status: IncidentStatus, namespace: str, answer: Callable[[Get], Answer | None]) -> Story:
    """All lines that can be had; ``answer`` gives what was said to a question."""
    known = {line.seq: line for line in status.timeline}
    first = (status.pages or ())[0].first if status.pages else 1
    for page, question in zip(status.pages or (), pages_of(status, namespace), strict=True):
        found = answer(question)
        for line in _lines(page, found.value) if isinstance(found, Found) else ():
            known.setdefault(line.seq, line)
    lost = sum(1 for page in status.pages or () for seq in _paged(page, known) if seq not in known)
    return Story(tuple(known[seq] for seq in sorted(known)), lost + (first - 1 if first > 1 else 0))


def _paged(page: Page, known: Mapping[int, TimelineLine]) -> range:
    """Lines between the ends of a page; milestones among them may have stayed in the status."""
    return range(page.first, page.last + 1)


def _lines(page: Page, evidence: Mapping[str, Any]) -> tuple[TimelineLine, ...]:
    """The lines of a page, provided it is the one that was stored."""
    try:
        data = base64.b64decode(str((evidence.get("spec") or {}).get("data") or ""), validate=True)
        if hashlib.sha256(data).hexdigest() != page.sha256:
            return ()
        texts = gzip.decompress(data).decode().splitlines()[1:]
        return tuple(TimelineLine.model_validate(json.loads(text)) for text in texts)
    except (binascii.Error, OSError, EOFError, ValueError, ValidationError):
        return ()
