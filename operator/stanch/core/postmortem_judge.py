"""
What is so about a Postmortem: facts and gaps of the record, findings of the lint, and whether it is published.

To be published is a wish (`spec.published`, which needs the verb `publish`); it is, once the lint is clean and somebody who is
no author has signed this very text off. What is published stays what it is (decisions 1.3 no. 50).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.incident import Incident
from stanch.api.incident_status import Times
from stanch.api.meta import Condition, ConditionStatus, Severity, instant
from stanch.api.names import ConditionType, Reason
from stanch.api.people_status import SignOffRecord
from stanch.api.policy import Policy
from stanch.api.postmortem import Postmortem
from stanch.api.postmortem_record import PostmortemRecord
from stanch.api.postmortem_status import Facts, LintFinding, PostmortemStatus, PublishedRecord, SignedOff
from stanch.api.similar_status import SimilarIncident
from stanch.core.chase import review_time
from stanch.core.draft import MACHINE, shorten
from stanch.core.gaps.find import find_gaps, keep_numbers
from stanch.core.lesson import Lesson
from stanch.core.lint.form import Whole
from stanch.core.lint.run import FINDINGS_MAX, blocking, items_of, lint
from stanch.core.postmortem_draft import FILL
from stanch.core.postmortem_gate import REQUIRED, SHORT
from stanch.core.postmortem_text import text_digest
from stanch.core.similar import about, marks_of, similar
from stanch.core.whole_story import Story

# Whoever writes it the same night misses what they understand the next morning (decisions C20).
SLEEP: Final = timedelta(hours=12)
_MESSAGE_MAX: Final = 900
_NAMED: Final = 3
_GAP: Final = re.compile(r"Gap (?P<number>\d{1,3}):")


@dataclass(frozen=True, slots=True)
class Around:
    """
    What a Postmortem is judged by: its incident (None when it is not there), the lines of it, its items, the policy, and what is
    known of other incidents of its namespace.
    """

    incident: Incident | None
    story: Story | None
    items: Sequence[Mapping[str, Any]]
    policy: Policy
    lessons: Sequence[Lesson] = ()


def judge(body: Mapping[str, Any], around: Around, now: datetime) -> tuple[PostmortemStatus, datetime | None]:
    """Its status now, and when that changes by itself. ``body`` as the API server has it. Raises ValidationError."""
    post, now = Postmortem.model_validate(body), now.replace(microsecond=0)
    if post.status.published is not None:
        return post.status, None
    facts = _facts(post, around)
    findings = _findings(body, around, facts, now)
    record = around.incident.status.postmortem if around.incident else None
    signed = _signed(body["spec"], record)
    needed = 0 if facts is not None and facts.decision == SHORT else around.policy.postmortem_signs
    status, reason, message = _published(post, around, findings, (len(signed), needed))
    changes: dict[str, Any] = {
        "observed_generation": post.metadata.generation,
        "state": _state(status, reason),
        "findings": len(blocking(findings)),
        "conditions": (_condition(post, status, reason, message, now),),
        "facts": facts,
        "gaps": _gaps(post, around),
        "similar": _similar(post, facts, around),
        "lint": findings or None,
        "published": _record(body, signed, findings, post.metadata.generation, now) if status == "True" else None,
    }
    return post.status.model_copy(update=changes), None if status == "True" else _wake(post, around, facts, now)


# --- facts -----------------------------------------------------------------------------------------------------------


def _facts(post: Postmortem, around: Around) -> Facts | None:
    """Of the record as it is now; what was known stays when the incident is not there any more."""
    incident = around.incident
    if incident is None or incident.status.times is None or around.story is None:
        return post.status.facts
    status, record = incident.status, incident.status.postmortem
    known = status.severity
    return Facts(
        incident_uid=incident.metadata.uid,
        decision=record.decision if record else REQUIRED,
        reasons=record.reasons if record else None,
        severity=(known.worst or known.level) if known else Severity.SEV2,
        times=status.times or Times(),
        durations=status.durations,
        error_budget=status.error_budget,
        about=about(incident, status),
        due_time=record.due_time if record else None,
        review_due_time=record.review_due_time if record and record.decision == REQUIRED else None,
        publish_due_time=record.publish_due_time if record else None,
        record_seq=status.last_seq,
        lines=len(around.story.lines),
        lines_lost=around.story.lost or None,
    )


def _gaps(post: Postmortem, around: Around) -> Any:
    times = around.incident.status.times if around.incident else None
    if around.incident is None or around.story is None or (times is not None and times.closed):
        # A closed record is a short one (core/compact.py): what was found in the whole of it stays.
        return post.status.gaps
    found = find_gaps(around.incident, around.story.lines, around.policy)
    if post.status.facts is None:
        # The first look is at what was drafted a moment ago: the same gaps, by the same numbers.
        return found or None
    return keep_numbers(found, post.status.gaps or (), _quoted(post)) or None


def _quoted(post: Postmortem) -> int:
    """The highest number that the text speaks of: of a gap that is none any more, too."""
    said = (_GAP.match(each) for each in post.spec.went_badly or ())
    return max((int(each["number"]) for each in said if each), default=0)


def _similar(post: Postmortem, facts: Facts | None, around: Around) -> tuple[SimilarIncident, ...] | None:
    """By what it was about, and by the factors that people have named so far; what the draft only asks for is none."""
    if facts is None or facts.about is None:
        return None
    named = [f.factor_class.value for f in post.spec.factors or () if not f.statement.startswith(FILL)]
    declared = facts.times.declared or post.metadata.creation_timestamp
    return similar(marks_of(facts.about, named), around.lessons, facts.incident_uid, declared) or None


# --- lint ------------------------------------------------------------------------------------------------------------


def _findings(body: Mapping[str, Any], around: Around, facts: Facts | None, now: datetime) -> tuple[LintFinding, ...]:
    spec, policy = body["spec"], around.policy
    full = facts is None or facts.decision != SHORT
    items = items_of(spec, body["metadata"]["name"], around.items)
    whole = Whole(spec, items, full, policy.postmortem_factors, policy.items_max)
    found = [*lint(whole, names_in(around.incident, around.story)), *_too_soon(spec, around, now)]
    found = [*found, *_not_reviewed(spec, facts, now)][:FINDINGS_MAX]
    if policy.postmortem_lint == "Warn":
        found = [each.model_copy(update={"blocks": False}) for each in found]
    return tuple(found)


def names_in(incident: Incident | None, story: Story | None) -> list[str]:
    """User names of the record: these are people, whatever else the words may mean."""
    if incident is None:
        return []
    names = [r.user for r in incident.status.roles or ()] + [x.by for x in (story.lines if story else ())]
    if incident.spec.declared_by:
        names.append(incident.spec.declared_by.username)
    return [name for name in dict.fromkeys(names) if name != MACHINE]


def _too_soon(spec: Mapping[str, Any], around: Around, now: datetime) -> list[LintFinding]:
    resolved = _resolved(around)
    if not spec.get("published") or resolved is None or now >= resolved + SLEEP:
        return []
    return [
        LintFinding(
            rule="slept-on-it",
            field="spec.published",
            excerpt=f"resolved {instant(resolved)}",
            why="What is written the same night misses what is understood the next morning",
            instead=f"Read it again after {instant(resolved + SLEEP)}, with somebody who was not there",
            blocks=False,
        )
    ]


def _resolved(around: Around) -> datetime | None:
    times = around.incident.status.times if around.incident else None
    return times.resolved if times else None


def _not_reviewed(spec: Mapping[str, Any], facts: Facts | None, now: datetime) -> list[LintFinding]:
    """Of a full one, once it should have been: advice, for a text that nobody talked over can be good."""
    due, held = facts.review_due_time if facts else None, review_time(dict(spec))
    if due is None or now < due or (held is not None and held <= now):
        return []
    return [
        LintFinding(
            rule="talked-over",
            field="spec.review",
            excerpt=f"planned {instant(held)}" if held else "(no meeting)",
            why="Those who were there know different things; what none of them would write alone comes up when they talk",
            instead=f"It was to be by {instant(due)}: hold the meeting, and write its time and who was there into spec.review",
            blocks=False,
        )
    ]


def _wake(post: Postmortem, around: Around, facts: Facts | None, now: datetime) -> datetime | None:
    """When it changes by itself: it was slept on, or should have been talked over."""
    resolved = _resolved(around)
    held = post.spec.review.time if post.spec.review else None
    known = (resolved + SLEEP if resolved else None, facts.review_due_time if facts else None, held)
    return min((t for t in known if t is not None and t > now), default=None)


# --- published -------------------------------------------------------------------------------------------------------


def _signed(spec: Mapping[str, Any], record: PostmortemRecord | None) -> tuple[SignOffRecord, ...]:
    """Sign-offs of exactly this text, its authors included; that none of them signs it is seen to when it is said."""
    digest = text_digest(spec)
    found = [s for s in (record.sign_offs if record else None) or () if s.digest == digest]
    return tuple({s.by: s for s in found}.values())


def _published(
    post: Postmortem, around: Around, findings: Sequence[LintFinding], signs: tuple[int, int]
) -> tuple[ConditionStatus, str, str]:
    """What is missing for it, all of it, in words that stand still."""
    stop, (signed, needed) = blocking(findings), signs
    missing = []
    if stop:
        named = "; ".join(f"{f.rule} at {f.field}" for f in stop[:_NAMED])
        more = f" and {len(stop) - _NAMED} more" if len(stop) > _NAMED else ""
        missing.append((Reason.LINT_FINDINGS, f"the lint finds {len(stop)}: {named}{more}; look at status.lint"))
    if signed < needed:
        who = "somebody who is no author writes a TimelineEntry with signOff"
        missing.append((Reason.SIGN_OFF_MISSING, f"{signed} of {needed} have signed this text off: {who}"))
    if around.incident is not None and _resolved(around) is None:
        missing.append((Reason.NOT_RESOLVED, "the incident is not resolved"))
    if not post.spec.published:
        missing.append((Reason.NOT_ASKED, "spec.published is not true: whoever has the verb publish sets it"))
    if not missing:
        return "True", Reason.PUBLISHED, "Clean and signed off; this text never changes any more"
    return "False", missing[0][0], shorten(f"Missing: {'; '.join(words for _, words in missing)}", _MESSAGE_MAX)


_STATES: Final = {
    Reason.LINT_FINDINGS: "Findings",
    Reason.SIGN_OFF_MISSING: "NotSigned",
    Reason.NOT_RESOLVED: "NotResolved",
    Reason.NOT_ASKED: "Ready",
}


def _state(status: ConditionStatus, reason: str) -> str:
    return "Published" if status == "True" else _STATES[reason]


def _condition(post: Postmortem, status: ConditionStatus, reason: str, message: str, now: datetime) -> Condition:
    known = next((c for c in post.status.conditions if c.type == ConditionType.PUBLISHED), None)
    return Condition(
        type=ConditionType.PUBLISHED,
        status=status,
        observed_generation=post.metadata.generation,
        last_transition_time=known.last_transition_time if known and known.status == status else now,
        reason=reason,
        message=message,
    )


def _record(
    body: Mapping[str, Any],
    signed: Sequence[SignOffRecord],
    findings: Sequence[LintFinding],
    generation: int,
    now: datetime,
) -> PublishedRecord:
    return PublishedRecord(
        time=now,
        generation=generation,
        sha256=text_digest(body["spec"]),
        signed_off=tuple(SignedOff(by=s.by, time=s.time) for s in signed) or None,
        excepted=sum(1 for f in findings if f.excepted) or None,
    )
