"""
Full or short: the policy's triggers over the record, each with its number (decisions 2.11). Both are explicit, and both count.

A decision only ever becomes more: what made a full one necessary stays so, whatever is said afterwards.
"""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from stanch.api.duration import write
from stanch.api.incident import DetectedBy
from stanch.api.meta import Severity
from stanch.api.names import EventKind
from stanch.api.postmortem_record import PostmortemRecord
from stanch.core.budget_charge import in_words, worst_used
from stanch.core.draft import Draft, shorten
from stanch.core.whole_story import Story

REQUIRED: Final = "Required"
SHORT: Final = "Short"
NOTHING_ASKS: Final = "nothing asks for a full one"
REASONS_MAX: Final = 12
# Of a SEV1 the text is due in half the time, while memory is fresh: a day of the two that are built in.
SOONER: Final = (Severity.SEV1,)
# Somebody moved users elsewhere by hand, and said so in a note of kind Action.
_FAILED_OVER: Final = re.compile(
    r"\b(?:fail(?:ed|ing|s)?[- ]?over|re-?rout(?:e|ed|ing)|roll(?:ed|ing)? ?back|switch(?:ed|ing)? (?:over"
    r"|to the standby)|promot(?:ed|ing) (?:the )?replica)\b",
    re.IGNORECASE,
)


def decide(draft: Draft, story: Story) -> tuple[str, tuple[str, ...]]:
    """Required with all reasons, or Short."""
    reasons = tuple(dict.fromkeys(shorten(reason, 300) for reason in _triggers(draft, story)))
    return (REQUIRED, reasons[:REASONS_MAX]) if reasons else (SHORT, (NOTHING_ASKS,))


def _triggers(draft: Draft, story: Story) -> Iterator[str]:
    yield from _severity(draft)
    yield from _impact(draft)
    yield from _what_it_took(draft, story)
    yield from _how_long(draft)
    yield from _detection(draft)
    yield from _budget(draft)
    yield from _again(draft, story)
    yield from (f"asked by {name}" for name in draft.status.postmortem_asked or ())


def worst(draft: Draft) -> Severity:
    """What it ever was counts: lowering it afterwards is free, and takes no lesson away."""
    known = draft.status.severity
    return (known.worst if known else None) or draft.severity


def _severity(draft: Draft) -> Iterator[str]:
    was = worst(draft)
    if list(Severity).index(was) <= list(Severity).index(draft.catalog.policy.postmortem_at):
        yield was.value if was is draft.severity else f"{was.value} at its worst"


def _impact(draft: Draft) -> Iterator[str]:
    policy, times = draft.catalog.policy, draft.status.times
    impact = draft.status.impact.value if draft.status.impact else None
    if impact is None or times is None:
        return
    since, until = times.started or times.detected, times.mitigated or times.resolved
    hurt = until - since if since and until else None
    if impact.user_visible and hurt is not None and hurt >= policy.postmortem_visible:
        yield f"users saw it for {write(_whole(hurt))}, from {write(policy.postmortem_visible)} on"
    if policy.postmortem_data:
        yield from ("data was at risk",) if impact.data_at_risk else ()
        yield from ("it was a security breach",) if impact.security_breach else ()


def _what_it_took(draft: Draft, story: Story) -> Iterator[str]:
    policy = draft.catalog.policy
    yield from sorted({r.action for r in draft.records if r.action in policy.postmortem_on and r.attempts})
    said = next((x for x in story.lines if _by_hand(x.kind, x.text)), None)
    if said is not None and policy.postmortem_on:
        yield f"{said.by} wrote down an action by hand: {shorten(said.text.partition(': ')[2], 120)}"


def _by_hand(kind: str, text: str) -> bool:
    return kind == EventKind.NOTE and text.startswith("Action: ") and bool(_FAILED_OVER.search(text))


def _how_long(draft: Draft) -> Iterator[str]:
    policy, durations = draft.catalog.policy, draft.status.durations
    took = durations.to_resolve if durations else None
    if took is not None and took > policy.postmortem_resolve:
        yield f"it took {write(took)} to resolve, more than {write(policy.postmortem_resolve)}"


def _detection(draft: Draft) -> Iterator[str]:
    """Nobody was alerted, or late: what monitoring did not see."""
    policy, durations = draft.catalog.policy, draft.status.durations
    took = durations.to_detect if durations else None
    if took is not None and took > policy.postmortem_detect:
        yield f"nobody saw it for {write(took)}, more than {write(policy.postmortem_detect)}"
    if policy.postmortem_customer and draft.incident.spec.detected_by is DetectedBy.CUSTOMER:
        yield "a customer saw it first: nobody was alerted"


def _budget(draft: Draft) -> Iterator[str]:
    """What is only known at least counts, too; what is not known asks for nothing, and stands on the record as such."""
    record, most = draft.status.error_budget, draft.catalog.policy.postmortem_budget
    dearest = worst_used(record)
    if record is not None and dearest is not None and float(dearest.used or 0) >= most:
        yield f"it cost {in_words(record)}, from {most} % on"


def _again(draft: Draft, story: Story) -> Iterator[str]:
    if not draft.catalog.policy.postmortem_recurrence:
        return
    again = next((x for x in story.lines if x.kind == EventKind.RECURRED), None)
    if again is not None:
        yield f"it came again: {shorten(again.text, 200)}"
    elif draft.status.times is not None and draft.status.times.reopened is not None:
        yield "it came back after it was resolved"


def _whole(span: timedelta) -> timedelta:
    return timedelta(seconds=int(span.total_seconds()))


def due_of(draft: Draft, since: datetime) -> datetime:
    """When the text is due: 48 h after it was resolved, a SEV1 in half of that."""
    due = draft.catalog.policy.postmortem_due
    return since + (due / 2 if worst(draft) in SOONER else due)


def dates_of(draft: Draft, since: datetime) -> dict[str, datetime]:
    """By when it is written, talked over and published, counted from when it was resolved."""
    policy = draft.catalog.policy
    return {
        "due_time": due_of(draft, since),
        "review_due_time": since + policy.postmortem_review,
        "publish_due_time": since + policy.postmortem_publish,
    }


def only_more(known: PostmortemRecord, decision: str, reasons: tuple[str, ...]) -> PostmortemRecord:
    """What was decided before, and what asks for a full one since."""
    if decision != REQUIRED or known.waived:
        return known
    before = (known.reasons or ()) if known.decision == REQUIRED else ()
    told = tuple(dict.fromkeys((*before, *reasons)))[:REASONS_MAX]
    return known if told == known.reasons else known.model_copy(update={"decision": REQUIRED, "reasons": told})
