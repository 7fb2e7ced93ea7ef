"""
The draft of a Postmortem: everything the record knows, in sentences, and a question wherever only people know. No guess.

Written once; from then on it is people's (decisions 1.3 no. 49). What is measured is kept apart, in its status.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api import duration
from stanch.api.incident_status import Effect, TimelineLine
from stanch.api.meta import instant
from stanch.api.names import EventKind
from stanch.api.postmortem import Factor, FactorClass, Impact, PostmortemSpec, TimelineNote
from stanch.api.postmortem_status import Gap
from stanch.core.attempts import standing
from stanch.core.budget_charge import in_words
from stanch.core.draft import Draft, shorten
from stanch.core.gaps.find import find_gaps
from stanch.core.gaps.record import clock, span
from stanch.core.hold import why_so_long
from stanch.core.spec_fold import declarer
from stanch.core.whole_story import Story

TIMELINE_MAX: Final = 200
BADLY_MAX: Final = 10
FILL: Final = "To be filled"
_QUESTIONS: Final = (
    Factor(name="let-it-through", factor_class=FactorClass.PROCESS, statement=f"{FILL}: what let it reach users?"),
    Factor(
        name="let-it-grow", factor_class=FactorClass.DESIGN, statement=f"{FILL}: what let it hurt so many, for so long?"
    ),
    Factor(
        name="seen-late",
        factor_class=FactorClass.DETECTION,
        statement=f"{FILL}: what would show it before users see it?",
    ),
)
_WHYS: Final = (
    "Why could that reach users? (to be answered)",
    "Why was it not stopped there? (to be answered)",
    "Why did it take that long to see? (to be answered)",
    "Why is the system built so? (to be answered; the last answer names structure: a check, limit, default, tool, alert, runbook)",
)


def postmortem_spec(draft: Draft, story: Story, items: tuple[str, ...], due: datetime, full: bool) -> dict[str, Any]:
    """The spec to be stored, once; of a short review only what is known, so that it can stand as it is."""
    gaps = find_gaps(draft.incident.model_copy(update={"status": draft.status}), story.lines, draft.catalog.policy)
    spec = PostmortemSpec(
        incident=draft.incident.metadata.name,
        summary=shorten(_summary(draft, full), 8000),
        impact=_impact(draft, full),
        timeline=_timeline(story.lines),
        detection=_detection(draft),
        response=shorten(_response(draft), 8000),
        recovery=_recovery(draft),
        factors=_factors(draft) if full else None,
        whys=(shorten(f"Why did it happen: {draft.incident.spec.title}? (to be answered)", 1000), *_WHYS)
        if full
        else None,
        went_well=_well(draft),
        went_badly=tuple(shorten(f"Gap {g.number}: {g.text}", 1000) for g in _worst(gaps)),
        got_lucky=(f"{FILL}: where did luck help? `Nothing` is an answer",) if full else None,
        lessons=f"{FILL}: what can others learn from it?" if full else None,
        action_items=items[:8],
        authors=(declarer(draft)[:253],),
        due_time=due,
    )
    return spec.wire()


def _worst(gaps: tuple[Gap, ...]) -> tuple[Gap, ...]:
    """Those that took longest beyond what they may, in the order of their numbers; all of them are in the status."""
    ranked = sorted(gaps, key=lambda g: g.took - g.limit if g.took and g.limit else timedelta(0), reverse=True)
    return tuple(sorted(ranked[:BADLY_MAX], key=lambda g: g.number))


def _timeline(lines: tuple[TimelineLine, ...]) -> tuple[TimelineNote, ...]:
    """By when it happened; of very many all milestones, and the first of the rest."""
    kept = sorted(lines, key=lambda x: (not x.milestone, x.seq))[:TIMELINE_MAX]
    return tuple(
        TimelineNote(time=x.time, kind=x.kind[:64], by=x.by, text=x.text, entry=x.entry)
        for x in sorted(kept, key=lambda x: (x.time, x.seq))
    )


def _summary(draft: Draft, full: bool) -> str:
    times = draft.status.times
    assert times is not None
    impact = draft.status.impact.value if draft.status.impact else None
    began, over = times.started or times.detected or times.declared, times.mitigated
    lasted = f", for {span(over - began)}" if began and over and over > began else ""
    word = "It began" if times.started else "It was noticed"
    when = f" {word} at {clock(began)} UTC on {began:%Y-%m-%d}{lasted}." if began else ""
    unknown = f" {FILL}: when harm began." if full and times.started is None else ""
    hurt = f" {shorten(impact.summary, 400)}." if impact and impact.summary else ""
    asked = f" {FILL}: what users felt, and how many of them." if full and not hurt else ""
    done = [r for r in draft.records if standing(r)]
    what = "; ".join(f"{r.name} ({r.plan or r.action})" for r in done) or "no mitigation by stanch"
    ended = (
        f" Harm was seen to have ended at {clock(times.mitigated)} UTC"
        if times.mitigated
        else " When harm ended is not known"
    )
    resolved = f", and recovery had held by {clock(times.resolved)} UTC." if times.resolved else "."
    return f"{draft.incident.spec.title}.{when}{hurt}{unknown}{asked} What was done: {what}.{ended}{resolved}"


def _impact(draft: Draft, full: bool) -> Impact:
    said, times = (draft.status.impact.value if draft.status.impact else None), draft.status.times
    assert times is not None
    percent = f"{said.users_percent} % of users" if said and said.users_percent is not None else ""
    told = [x for x in ((said.summary if said else None), percent) if x]
    risk = None
    if said and (said.data_at_risk or said.security_breach):
        risk = "Data was at risk" if said.data_at_risk else "A security breach was declared"
        risk = f"{risk}. {FILL}: what happened to it?" if full else risk
    budget = draft.status.error_budget
    # From the start of harm or not at all: since the declaration would read as shorter than it was.
    return Impact(
        users=shorten("; ".join(told), 1000) if told else None,
        minutes=_minutes(times.started, times.mitigated),
        error_budget=shorten(in_words(budget), 1000) or None if budget else None,
        data_integrity=risk,
    )


def _minutes(start: datetime | None, end: datetime | None) -> int | None:
    return max(0, int((end - start).total_seconds() // 60)) if start and end else None


def _detection(draft: Draft) -> str | None:
    times, durations = draft.status.times, draft.status.durations
    if times is None or times.detected is None or times.declared is None:
        return None
    by = draft.incident.spec.detected_by
    how = f" by {by.value.lower()}" if by else ""
    took = f" {span(durations.to_detect)} after harm began" if durations and durations.to_detect is not None else ""
    return f"Detected{how} {instant(times.detected)}{took}; declared {instant(times.declared)} by {declarer(draft)}."


def _response(draft: Draft) -> str:
    lines = []
    for record in draft.records:
        attempt = standing(record)
        if attempt is not None and attempt.applied_time is not None:
            effect = record.effect.value if record.effect else "not judged"
            lines.append(
                f"{record.name} at {instant(attempt.applied_time)}, asked by {record.requested_by or 'somebody'}: {effect}."
            )
    asked = [r for r in draft.records if standing(r) is None]
    lines += [f"{r.name}: {r.state.value}{f' ({r.reason})' if r.reason else ''}." for r in asked]
    return " ".join(lines) or "Nothing was changed by stanch."


def _recovery(draft: Draft) -> str:
    recovery, durations = draft.status.recovery, draft.status.durations
    owed = [d for d in draft.status.debt or () if d.action_item is None]
    left = f" Still owed: {'; '.join(f'{d.name} until {instant(d.due_time)}' for d in owed)}." if owed else ""
    if recovery is None or not recovery.criteria:
        return f"A person said that it was over; no criteria were watched.{left}"
    names = ", ".join(c.name for c in recovery.criteria)
    took = durations.to_resolve if durations else None
    total = f" It took {duration.write(took)} in all." if took else ""
    return shorten(
        f"Criteria {names} held for {duration.write(recovery.needed)}{why_so_long(recovery)}.{total}{left}", 8000
    )


def _factors(draft: Draft) -> tuple[Factor, ...]:
    """What the record knows, and questions for what only people know; three are asked for."""
    known = [
        Factor(
            name=f"{r.name[:33].rstrip('-')}-change",
            factor_class=FactorClass.CHANGE,
            layer="release",
            statement=shorten(f"A version was rolled out that had to be taken back: {r.plan}", 1000),
        )
        for r in draft.records
        if r.action == "rolloutUndo" and standing(r)
    ]
    return (*known, *_QUESTIONS)


def _well(draft: Draft) -> tuple[str, ...]:
    """What helped, and what was there to be read afterwards."""
    return tuple(_helped(draft))


def _helped(draft: Draft) -> Iterable[str]:
    times = draft.status.times
    for record in draft.records:
        attempt = standing(record)
        if record.effect is not Effect.HELPED or attempt is None or attempt.applied_time is None or times is None:
            continue
        since = f", {span(attempt.applied_time - times.declared)} after it was declared" if times.declared else ""
        yield shorten(f"{record.name} helped: in force at {clock(attempt.applied_time)} UTC{since}", 1000)
    if any(line.kind == EventKind.EVIDENCE_COLLECTED for line in draft.status.timeline) and not _lacks(draft):
        yield "Evidence was captured before anything was changed, and none of it is missing"


def _lacks(draft: Draft) -> bool:
    return any(e.missing for e in draft.status.evidence or ())
