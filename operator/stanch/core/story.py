"""
Who is hurt, and why, as people see it: the spec and entries both say it, and the one said last counts (decisions 2.1).

A value of the spec that was taken in is a statement made then; a file that is applied again says nothing new.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.hypothesis import Hypothesis, HypothesisState
from stanch.api.impact import Impact
from stanch.api.meta import instant
from stanch.api.names import EventKind
from stanch.api.people_status import HypothesisRecord, ImpactRecord
from stanch.api.said import SaidHypothesis
from stanch.api.stamps import Stamped
from stanch.core.draft import Draft, shorten
from stanch.core.stamps import stamp
from stanch.core.swap import digest

HYPOTHESES_MAX: Final = 8
# The status is small; the full text stays in the spec or in the entry.
STATEMENT_MAX: Final = 300
# Longer ago it is a typo in a year.
_AGO_MAX: Final = timedelta(days=366)
OVER: Final = (HypothesisState.REJECTED, HypothesisState.CONFIRMED)


def fold_impact(draft: Draft) -> None:
    """Each field of spec.impact that is not what it was when it was last taken in."""
    said, known = draft.incident.spec.impact, draft.status.impact
    if known is None and said is None:
        return
    seen = (known.spec_seen if known else None) or Impact()
    fresh = {name: value for name, value in _given(said).items() if value != getattr(seen, name)}
    if _is_declared_now(draft):
        since = draft.incident.declared
        draft.set(impact=ImpactRecord(value=said or Impact(), source="Spec", since_time=since, spec_seen=said))
        return
    if known is None:
        known = ImpactRecord(value=Impact(), source="Spec", since_time=draft.now)
    if said != known.spec_seen:
        draft.set(impact=known.model_copy(update={"spec_seen": said}))
    if why := began_wrong(draft, fresh, draft.now):
        fresh = {name: value for name, value in fresh.items() if name != "started_time"}
        draft.say(EventKind.IMPACT_CHANGED, f"Not taken from the spec: {why}", by="spec")
    if fresh and (changed := put_impact(draft, fresh, "Spec", draft.now)):
        draft.say(EventKind.IMPACT_CHANGED, f"{changed}, in the spec", by="spec")


def _is_declared_now(draft: Draft) -> bool:
    """The declaration is there to be read, and a line of its own would say it twice; what the spec says later is a line."""
    return draft.incident.status.times is None


def _given(said: Impact | None) -> dict[str, Any]:
    return (
        {name: getattr(said, name) for name in said.model_fields_set if getattr(said, name) is not None} if said else {}
    )


def said_fields(said: Impact) -> dict[str, Any]:
    """The fields that a statement says something about."""
    return _given(said)


def not_then(began: datetime, said: datetime) -> str:
    """Why harm can't have begun then, for one who says so at ``said``; nothing when it can."""
    if began > said:
        return f"is to come (got {instant(began)}, said at {instant(said)})"
    if said - began > _AGO_MAX:
        return f"is more than a year ago (got {instant(began)})"
    return ""


def began_wrong(draft: Draft, fresh: Mapping[str, Any], said: datetime) -> str:
    """Why `startedTime` of an impact is not taken."""
    began, times = fresh.get("started_time"), draft.status.times
    if began is None:
        return ""
    if why := not_then(began, said):
        return f"impact.startedTime {why}"
    if times is not None and times.mitigated is not None and began > times.mitigated:
        return f"impact.startedTime can't be after harm ended, at {instant(times.mitigated)} (got {instant(began)})"
    return ""


def put_impact(draft: Draft, fresh: dict[str, Any], source: str, since: datetime, by: str = "spec") -> str:
    """Merge what was said; returns in words what is another now, and nothing when that is nothing."""
    known = draft.status.impact or ImpactRecord(value=Impact(), source=source, since_time=since)
    changed = {name: value for name, value in fresh.items() if value != getattr(known.value, name)}
    value = known.value.model_copy(update=fresh)
    draft.set(impact=known.model_copy(update={"value": value, "source": source, "since_time": since}))
    if draft.status.times is not None and "started_time" in changed:
        stamp(draft, Stamped.STARTED, value.started_time, by, source, since)
    wire = Impact(**changed).wire()
    return ", ".join(f"{name} {shorten(str(told), 120)}" for name, told in wire.items())


def fold_hypotheses(draft: Draft) -> None:
    """Each hypothesis of the spec that was not taken in yet, word for word."""
    said = draft.incident.spec.hypotheses or ()
    seen = draft.status.hypotheses_seen or ()
    marks = {digest(h.wire()): h for h in said}
    for mark, each in marks.items():
        if mark in seen:
            continue
        why = put_hypothesis(draft, _record(each, "Spec", draft.now))
        if why:
            draft.say(EventKind.HYPOTHESIS_CHANGED, f"{each.name}, in the spec, is not kept: {why}", by="spec")
        elif not _is_declared_now(draft):
            draft.say(EventKind.HYPOTHESIS_CHANGED, f"{in_words(draft, each.name)}, in the spec", by="spec")
    if tuple(marks) != seen:
        draft.set(hypotheses_seen=tuple(marks) or None)


def _record(said: Hypothesis, source: str, since: datetime) -> HypothesisRecord:
    return HypothesisRecord(
        name=said.name,
        statement=shorten(said.statement, STATEMENT_MAX),
        state=said.state or HypothesisState.OPEN,
        time_box=said.time_box,
        or_else=shorten(said.or_else, STATEMENT_MAX) if said.or_else else None,
        source=source,
        since_time=since,
    )


def merge_hypothesis(draft: Draft, said: SaidHypothesis, source: str, since: datetime) -> str | None:
    """A new one, or what is said anew of a known one; returns why it can't be kept."""
    known = next((h for h in draft.status.hypotheses or () if h.name == said.name), None)
    if known is None and said.statement is None:
        return f"there is no hypothesis {said.name}; a new one needs a statement"
    if known is None:
        full = Hypothesis.model_validate(said.wire())
        return put_hypothesis(draft, _record(full, source, since))
    fresh = {name: value for name in ("state", "time_box") if (value := getattr(said, name)) is not None}
    texts = {name: shorten(text, STATEMENT_MAX) for name in ("statement", "or_else") if (text := getattr(said, name))}
    changed = known.model_copy(update={**fresh, **texts, "source": source, "since_time": since, "box_over": None})
    return put_hypothesis(draft, changed)


def put_hypothesis(draft: Draft, record: HypothesisRecord) -> str | None:
    """Upsert by name; of nine, one that was rejected goes, then one that was confirmed. Returns why there is no room."""
    known = draft.status.hypotheses or ()
    if any(h.name == record.name for h in known):
        kept = tuple(record if h.name == record.name else h for h in known)
    elif len(known) < HYPOTHESES_MAX:
        kept = (*known, record)
    else:
        gone = min((h for h in known if h.state in OVER), key=lambda h: OVER.index(h.state), default=None)
        if gone is None:
            return f"{HYPOTHESES_MAX} are open: reject or confirm one first ({', '.join(h.name for h in known)})"
        kept = (*(h for h in known if h != gone), record)
    leading = next((h.statement for h in reversed(kept) if h.state is HypothesisState.LEADING), None)
    draft.set(hypotheses=kept, hypothesis=leading)
    return None


def in_words(draft: Draft, name: str) -> str:
    """`db-pool Leading: …` as it stands now."""
    found = next(h for h in draft.status.hypotheses or () if h.name == name)
    return f"{found.name} {found.state.value}: {found.statement}"
