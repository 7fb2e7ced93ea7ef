"""What changed, as the record of an incident has it: few, short, and without secrets."""

from collections.abc import Sequence
from datetime import datetime

from stanch.api.suspect_status import ChangesRecord, Suspect
from stanch.core.draft import shorten
from stanch.core.observations import Observations
from stanch.core.ports import WhatChanged
from stanch.evidence.changes import look
from stanch.evidence.changes.change import HOUR, Source
from stanch.evidence.changes.rank import Ranked
from stanch.evidence.redact import Redactor
from stanch.evidence.scene import Scene

_TEXT_MAX = 400
_WORD_MAX = 320
_NAMED_MAX = 24


def what_changed(
    scenes: Sequence[Scene], seen: Observations, said: datetime | None, now: datetime, key: bytes
) -> WhatChanged | None:
    """None while no target could be read: then nothing is known, which is not the same as nothing changed."""
    if all(scene.target is None for scene in scenes):
        return None
    findings = look(scenes, seen, now, key, said)
    redactor = Redactor(key)
    changes = findings.changes
    recent = [each for each in changes.found if each.time is not None and each.time >= findings.now - HOUR]
    record = ChangesRecord(
        looked_time=findings.now,
        onset_time=findings.began.time,
        onset_by=_masked(redactor, findings.began.by, _WORD_MAX),
        found=len(recent),
        nothing_in=tuple(s.title for s in changes.sources if not s.unread and not s.found)[:_NAMED_MAX] or None,
        unread=_unread(redactor, changes.sources),
    )
    return WhatChanged(tuple(_suspect(redactor, each) for each in findings.ranked), record)


def _suspect(redactor: Redactor, ranked: Ranked) -> Suspect:
    change = ranked.change
    assert change.time is not None
    return Suspect(
        name=change.name[:_WORD_MAX],
        time=change.time,
        score=min(ranked.score, 100),
        text=_masked(redactor, ranked.text, _TEXT_MAX),
        suggests=change.suggests or None,
    )


def _unread(redactor: Redactor, sources: Sequence[Source]) -> tuple[str, ...] | None:
    told = [_masked(redactor, f"{s.title}: {s.unread}", _WORD_MAX) for s in sources if s.unread]
    return tuple(told[:_NAMED_MAX]) or None


def _masked(redactor: Redactor, words: str, limit: int) -> str:
    """Masked before it is cut: half a secret has no pattern."""
    return shorten(redactor.log(words.encode("utf-8", "replace")).decode(), limit)
