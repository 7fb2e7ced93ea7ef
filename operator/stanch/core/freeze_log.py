"""
What is left of a change freeze: since when it held, how it ended, and why; on the Namespace, for who looks back. Pure.

Events are gone after an hour, and the annotations of a freeze with it. So the operator notes each in one annotation more, in the
write that begins or lifts it. That a person took the label off is noted when it is seen, which may be some minutes later.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from stanch.api.meta import instant
from stanch.api.names import FIELD_MANAGER, Annotation, Label
from stanch.core.change_freeze import Change
from stanch.core.draft import shorten

# The newest; an annotation travels with every watch of its Namespace.
PAST_MAX: Final = 10
WHY_MAX: Final = 160
Json = Mapping[str, Any]


class Ended(StrEnum):
    """How a freeze ended."""

    LIFTED = "Lifted"  # by stanch: its reason was gone
    TAKEN_OFF = "TakenOff"  # by a person
    LAPSED = "Lapsed"  # nobody said it again in time


@dataclass(frozen=True, slots=True)
class Past:
    """One freeze that stanch began. ``value`` is that of the label, `warn` or `true`; without ``end`` it goes on."""

    start: datetime
    value: str
    why: str
    end: datetime | None = None
    ended: Ended | None = None


@dataclass(frozen=True, slots=True)
class Held:
    """A freeze that held in a span of time. Of one that a person set nobody knows since when; ``holds``: it does now."""

    namespace: str
    value: str
    why: str
    by_stanch: bool
    start: datetime | None
    end: datetime | None
    ended: Ended | None
    holds: bool


def with_log(namespace: Json, change: Change | None, now: datetime) -> Change | None:
    """The same change of a Namespace with what is to be noted of it; also where there is only something to note."""
    meta = namespace["metadata"]
    notes, known = meta.get("annotations") or {}, read(namespace)
    past = _seen(known, _is_ours(meta), _time(notes.get(Annotation.FREEZE_UNTIL)), now)
    if change is not None:
        value = change[0]["labels"].get(Label.CHANGE_FREEZE)
        why = str(change[0]["annotations"].get(Annotation.FREEZE_REASON) or "")
        past = _ended(past, now, Ended.LIFTED) if value is None else _goes_on(past, value, why, now)
    if past == known:
        return change
    patch, words = change or ({"labels": {}, "annotations": {}}, "")
    return {**patch, "annotations": {**patch["annotations"], Annotation.FREEZES_PAST: _write(past)}}, words


def read(namespace: Json) -> tuple[Past, ...]:
    """What is noted there, the oldest first; what can't be read is nothing, for people may write it too."""
    text = (namespace["metadata"].get("annotations") or {}).get(Annotation.FREEZES_PAST) or "[]"
    try:
        return tuple(_read(each) for each in json.loads(text)[-PAST_MAX:])
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        return ()


def held(namespaces: Iterable[Json], since: datetime, now: datetime) -> tuple[Held, ...]:
    """Freezes of that time, by namespace and then by when they began; labels that people set are among them."""
    found: list[Held] = []
    for each in namespaces:
        meta = each["metadata"]
        value, ours = (meta.get("labels") or {}).get(Label.CHANGE_FREEZE), _is_ours(meta)
        past = [p for p in read(each) if p.start <= now and (p.end is None or p.end >= since)]
        found += (_held(meta["name"], p, holds=p.end is None and ours) for p in past)
        if value is not None and not ours:
            found.append(Held(meta["name"], value, "", False, None, None, None, True))
    return tuple(sorted(found, key=lambda h: (h.namespace, instant(h.start) if h.start else "")))


def _held(namespace: str, past: Past, *, holds: bool) -> Held:
    # Taken off, and stanch has not looked since.
    ended = past.ended or (None if holds else Ended.TAKEN_OFF)
    return Held(namespace, past.value, past.why, True, past.start, past.end, ended, holds)


def _is_ours(meta: Json) -> bool:
    by = (meta.get("annotations") or {}).get(Annotation.FREEZE_BY)
    return Label.CHANGE_FREEZE in (meta.get("labels") or {}) and by == FIELD_MANAGER


def _seen(past: tuple[Past, ...], ours: bool, until: datetime | None, now: datetime) -> tuple[Past, ...]:
    """With what happened since the last look: somebody took it off, or nobody said it again in time."""
    if not ours:
        return _ended(past, now, Ended.TAKEN_OFF)
    return _ended(past, until, Ended.LAPSED) if until is not None and until < now else past


def _ended(past: tuple[Past, ...], end: datetime, ended: Ended) -> tuple[Past, ...]:
    if not past or past[-1].end is not None:
        return past
    return (*past[:-1], replace(past[-1], end=max(end, past[-1].start), ended=ended))


def _goes_on(past: tuple[Past, ...], value: str, why: str, now: datetime) -> tuple[Past, ...]:
    """Begun, or said again: with another reason it is the same freeze."""
    why = shorten(why, WHY_MAX)
    if past and past[-1].end is None:
        return (*past[:-1], replace(past[-1], value=value, why=why))
    return (*past, Past(now.replace(microsecond=0), value, why))[-PAST_MAX:]


def _write(past: tuple[Past, ...]) -> str:
    rows = [
        {"from": instant(p.start), "value": p.value, "why": p.why}
        | ({"to": instant(p.end), "ended": p.ended.value} if p.end is not None and p.ended is not None else {})
        for p in past
    ]
    return json.dumps(rows, separators=(",", ":"))


def _read(row: Json) -> Past:
    ended = row.get("ended")
    return Past(
        start=datetime.fromisoformat(row["from"]).astimezone(UTC),
        value=shorten(str(row["value"]), 16),
        why=shorten(str(row["why"]), WHY_MAX),
        end=_time(row.get("to")),
        ended=Ended(ended) if ended else None,
    )


def _time(text: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(str(text)).astimezone(UTC) if text else None
    except (ValueError, OverflowError):
        return None
