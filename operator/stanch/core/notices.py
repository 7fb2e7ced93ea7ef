"""
What is told to whom, and in which words. Pure; who sends it, and how it looks there, is for stanch/notifiers.

The public hears only what a person wrote for it: nothing of the record, not even its title, is in words for the public.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stanch.api.meta import instant
from stanch.api.names import EventKind
from stanch.api.said import Audience, UpdateState

_INTERNAL: Final = frozenset({Audience.INTERNAL})
_HOUSE: Final = frozenset({Audience.INTERNAL, Audience.LEADERSHIP})
# Kinds of timeline lines that are told, and to whom. An update says itself for whom it is.
HEARD: Final[Mapping[str, frozenset[Audience]]] = {
    EventKind.DECLARED: _HOUSE,
    EventKind.ACKNOWLEDGED: _INTERNAL,
    EventKind.ROLE_CHANGED: _INTERNAL,
    EventKind.SEVERITY_CHANGED: _HOUSE,
    EventKind.APPROVAL_NEEDED: _INTERNAL,
    EventKind.MITIGATION_APPLIED: _INTERNAL,
    # Who read that it was applied believes that it helped, until they hear that it did not (decisions 3, seed 1).
    EventKind.MITIGATION_FAILED: _INTERNAL,
    EventKind.MITIGATION_JUDGED: _INTERNAL,
    EventKind.MITIGATION_EXPIRED: _INTERNAL,
    EventKind.MITIGATION_UNDONE: _INTERNAL,
    EventKind.UNDO_REFUSED: _INTERNAL,
    EventKind.MADE_IT_WORSE: _INTERNAL,
    EventKind.TIME_BOX_OVER: _INTERNAL,
    EventKind.MITIGATED: _HOUSE,
    EventKind.RELAPSED: _HOUSE,
    EventKind.RESOLVED: _HOUSE,
    EventKind.REOPENED: _HOUSE,
    EventKind.CANCELLED: _HOUSE,
    EventKind.MITIGATION_REVERTED: _INTERNAL,
    # Reminders: who is missing, what nobody said, and what is owed.
    EventKind.DEBT_DUE: _INTERNAL,
    EventKind.DEBT_ESCALATED: _INTERNAL,
    EventKind.POSTMORTEM_OVERDUE: _INTERNAL,
    EventKind.ESCALATED: _INTERNAL,
    EventKind.HANDOFF_OFFERED: _INTERNAL,
    EventKind.HANDOFF_DECLINED: _INTERNAL,
    EventKind.HANDOFF_WAITING: _INTERNAL,
    EventKind.HANDOFF_DUE: _INTERNAL,
    EventKind.ROLE_MISSING: _INTERNAL,
    EventKind.MITIGATE_FIRST: _INTERNAL,
    EventKind.SEVERITY_DOUBTED: _INTERNAL,
    EventKind.STILL_CONTAINED: _INTERNAL,
    EventKind.DECISION_DUE: _INTERNAL,
    EventKind.UPDATE_DUE: _INTERNAL,
    EventKind.UPDATE_MISSED: _INTERNAL,
    # Nothing goes on until a person has looked.
    EventKind.MITIGATION_DIVERGED: _INTERNAL,
    EventKind.FLAPPING: _INTERNAL,
    EventKind.CRITERION_INCONCLUSIVE: _INTERNAL,
    EventKind.STALLED: _INTERNAL,
}
# Who also hears what others are told: nobody inside should learn of it from outside.
ALSO_HEARS: Final[Mapping[Audience, frozenset[Audience]]] = {
    Audience.INTERNAL: _INTERNAL,
    Audience.LEADERSHIP: _HOUSE,
    Audience.PUBLIC: frozenset(Audience),
}
ENDS: Final = frozenset({EventKind.RESOLVED, EventKind.CANCELLED})

SUBJECT_MAX: Final = 200
BODY_MAX: Final = 8_000


@dataclass(frozen=True, slots=True)
class Record:
    """
    What there is to say. ``words`` are those of the line, or the whole text of an update; ``told`` and ``state`` are of an
    update, None otherwise. ``line`` is the live record in one line. Times are in UTC.
    """

    namespace: str
    name: str
    title: str
    severity: str
    line: str
    words: str
    by: str
    time: datetime
    told: Audience | None = None
    state: UpdateState | None = None
    next_update: datetime | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """Words for people: one line, and some more; plain, for each channel escapes for itself."""

    subject: str
    body: str


def render(moment: str, audience: Audience, record: Record) -> Text:
    """The words for a moment. ``moment`` is a kind of HEARD, or UpdatePublished."""
    if audience is Audience.PUBLIC:
        state = record.state.value if record.state else "Update"
        return Text(f"Service update: {state}", _body(record.words, _next(record)))
    subject = one_line(f"[{record.severity}] {_what(moment, record)}: {record.title}", SUBJECT_MAX)
    if audience is Audience.LEADERSHIP:
        return Text(subject, _body(record.words, _next(record)))
    how = f"kubectl -n {record.namespace} get incident {record.name}"
    return Text(subject, _body(f"{record.words} (by {record.by})", _next(record), record.line, how))


def _what(moment: str, record: Record) -> str:
    if record.told is None or record.state is None:
        return moment
    return f"Update for {record.told.value}, {record.state.value}"


def _next(record: Record) -> str:
    return f"Next update by {instant(record.next_update)}" if record.next_update else ""


def _body(*parts: str) -> str:
    return clean("\n\n".join(part for part in parts if part), BODY_MAX)


def clean(text: str, limit: int) -> str:
    """Lines of printable characters: escapes, bells, direction marks and other line ends would act on who reads them."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept = "\n".join(
        "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in line) for line in lines
    )
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def one_line(text: str, limit: int) -> str:
    """The same in one line."""
    return clean(" ".join(text.split()), limit)
