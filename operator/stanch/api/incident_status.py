"""Incident.status: what is so. Only the operator writes it; all lists are atomic but the conditions."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from stanch.api.alerts import MEASURED_MAX, Measured
from stanch.api.budget_status import BudgetRecord
from stanch.api.communications_status import CommunicationsRecord
from stanch.api.meta import Condition, Counter, Duration, Model, Severity, Target, Time
from stanch.api.people_status import (
    HandoffDraft,
    HandoffRecord,
    HypothesisRecord,
    ImpactRecord,
    NudgeRecord,
)
from stanch.api.postmortem_record import PostmortemRecord
from stanch.api.recovery_status import RecoveryRecord
from stanch.api.runbook_record import RunbookRecord
from stanch.api.similar_status import FailureSignature, Relations
from stanch.api.stamps import StampRecord
from stanch.api.suspect_status import SUSPECTS_MAX, ChangesRecord, Suspect
from stanch.api.wish import Wish

_S = Annotated[str, Field(max_length=320)]
_L = Annotated[str, Field(max_length=1024)]
_LINE = Annotated[str, Field(max_length=2048)]


class Source(StrEnum):
    """Where a value comes from."""

    SPEC = "Spec"
    ENTRY = "Entry"
    DERIVED = "Derived"


class SeverityRecord(Model):
    """The severity in force. ``specSeen`` is the spec's value last taken in: saying it again changes nothing."""

    level: Annotated[Severity, Field(description="SEV1 to SEV4.")]
    source: Annotated[_S, Field(description="Spec, Entry/<name> or Derived.")]
    since_time: Annotated[Time, Field(description="Since when.")]
    spec_seen: Annotated[Severity | None, Field(description="The spec's value when it was last taken in.")] = None
    reasons: Annotated[tuple[_S, ...] | None, Field(max_length=6, description="Why, strongest first.")] = None
    worst: Annotated[Severity | None, Field(description="The worst it ever was; left out while it is that now.")] = None
    measured: Annotated[
        tuple[Measured, ...] | None,
        Field(max_length=MEASURED_MAX, description="Burn rates from the recording rules of Sloth or Pyrra."),
    ] = None
    measured_time: Annotated[Time | None, Field(description="When they were last asked for.")] = None


class RoleRecord(Model):
    """Who wears a hat now."""

    role: Annotated[_S, Field(description="commander, operations … expert, shadow: several.")]
    user: Annotated[str, Field(max_length=512, description="Who holds it.")]
    since_time: Annotated[Time, Field(description="Since when.")]
    source: Annotated[_S, Field(description="Spec or Entry/<name>.")]
    spec_seen: Annotated[_S | None, Field(description="The spec's value when it was last taken in.")] = None


class Times(Model):
    """The instants that matter, by the API server's clock where it knows them."""

    started: Annotated[Time | None, Field(description="When harm began.")] = None
    detected: Annotated[Time | None, Field(description="When somebody or something noticed.")] = None
    declared: Annotated[Time | None, Field(description="When the Incident was created.")] = None
    acknowledged: Annotated[Time | None, Field(description="When a person took it on.")] = None
    mitigated: Annotated[Time | None, Field(description="When harm ended, the last time.")] = None
    resolved: Annotated[Time | None, Field(description="When recovery had held.")] = None
    reopened: Annotated[Time | None, Field(description="When a person said that it was not over, the last time.")] = (
        None
    )
    cancelled: Annotated[Time | None, Field(description="When it was called a false alarm.")] = None
    closed: Annotated[Time | None, Field(description="When the record was closed.")] = None


class Durations(Model):
    """Each written once, when its end is known."""

    to_detect: Annotated[Duration | None, Field(description="started to detected")] = None
    to_declare: Annotated[Duration | None, Field(description="detected to declared")] = None
    to_acknowledge: Annotated[Duration | None, Field(description="declared to acknowledged")] = None
    to_mitigate: Annotated[Duration | None, Field(description="started, else detected, to mitigated")] = None
    to_resolve: Annotated[Duration | None, Field(description="started, else detected, to resolved")] = None


class WishState(StrEnum):
    """Where a mitigation somebody asked for stands."""

    WAITING = "Waiting"
    HELD = "Held"
    RUNNING = "Running"
    DONE = "Done"
    FAILED = "Failed"
    UNDONE = "Undone"
    DENIED = "Denied"
    EXPIRED = "Expired"
    WITHDRAWN = "Withdrawn"
    SKIPPED = "Skipped"
    REFUSED = "Refused"


class AttemptState(StrEnum):
    """Steps of one attempt; they only move on."""

    INTENDED = "Intended"
    STARTED = "Started"
    APPLIED = "Applied"
    VERIFIED = "Verified"
    FAILED = "Failed"
    DIVERGED = "Diverged"
    UNKNOWN = "Unknown"
    SKIPPED = "Skipped"


class Effect(StrEnum):
    """What an attempt did for users."""

    HELPED = "Helped"
    NO_EFFECT = "NoEffect"
    WORSE = "Worse"
    UNKNOWN = "Unknown"


class UndoClass(StrEnum):
    """Who is able to undo: the operator exactly, a person, nobody."""

    AUTO = "auto"
    MANUAL = "manual"
    NONE = "none"


class Health(Model):
    """How the targets stood by the criteria, counted once: what an effect is measured against."""

    hurting: Annotated[bool | None, Field(description="True when a criterion that gates Mitigated failed.")] = None
    failing: Annotated[Counter, Field(description="Criteria that failed, but those that count pods.")] = 0
    unknown: Annotated[Counter, Field(description="Criteria that could not be read.")] = 0
    available: Annotated[Counter, Field(description="Available pods of the workloads that criteria look at.")] = 0
    wanted: Annotated[Counter, Field(description="Pods these workloads want.")] = 0


class Approval(Model):
    """One person's agreement to one plan."""

    by: Annotated[str, Field(max_length=512, description="Who agreed.")]
    time: Annotated[Time, Field(description="When.")]
    digest: Annotated[_S, Field(description="The plan they agreed to.")]
    entry: Annotated[_S, Field(description="The TimelineEntry that says so.")]


class Attempt(Model):
    """The write-ahead record of one effect: written before it, and moved on by what was seen."""

    id: Annotated[
        _S, Field(description="16 characters, the label stanch.dev/action on the target: hex; an undo begins with u.")
    ]
    state: Annotated[
        AttemptState, Field(description="Intended, Applied, Verified, Failed, Diverged, Unknown, Skipped.")
    ]
    undoes: Annotated[_S | None, Field(description="Id of the attempt that this one takes back.")] = None
    asked_by: Annotated[_LINE | None, Field(description="Who asked for this undo.")] = None
    asked_entry: Annotated[_S | None, Field(description="The TimelineEntry that asked for this undo.")] = None
    intended_time: Annotated[Time, Field(description="When it was written down, before anything was done.")]
    applied_time: Annotated[Time | None, Field(description="When its effect was seen to be there.")] = None
    ended_time: Annotated[Time | None, Field(description="When it was verified, failed or skipped.")] = None
    pre: Annotated[_S, Field(description="Digest of the touched fields before.")]
    post: Annotated[_S, Field(description="Digest of the touched fields after.")]
    evidence: Annotated[_S | None, Field(description="Evidence object that is older than the effect.")] = None
    evidence_sha256: Annotated[
        _S | None, Field(description="SHA-256 of that bundle, computed before it was stored.")
    ] = None
    evidence_refused: Annotated[
        _L | None,
        Field(description="What the API server said when it would not store that bundle; the next attempt has none."),
    ] = None
    undo_ref: Annotated[_S, Field(description="Secret in the operator's namespace that holds the exact patches.")]
    fields: Annotated[
        tuple[_L, ...] | None, Field(max_length=64, description="JSON pointers of the fields it writes.")
    ] = None
    removes: Annotated[
        tuple[_S, ...] | None, Field(max_length=500, description="uids of the pods it removes: these, and no other.")
    ] = None
    agreed: Annotated[
        tuple[Approval, ...] | None,
        Field(max_length=8, description="Who agreed to force it; left out for an undo that was not forced."),
    ] = None
    before: Annotated[Health | None, Field(description="How its targets stood when it was written down.")] = None
    message: Annotated[_L | None, Field(description="What is so.")] = None


class Approvals(Model):
    """How many other people must agree, and who did."""

    needed: Annotated[Counter, Field(description="Approvals by other people that are needed.")] = 0
    asked_time: Annotated[Time | None, Field(description="When the question was put.")] = None
    by: Annotated[tuple[Approval, ...] | None, Field(max_length=8, description="Who agreed.")] = None


class ResolvedTarget(Target):
    """The target as found: the uid says which object of that name."""

    uid: Annotated[
        _S | None, Field(description="uid of the object; another object of the same name is never touched.")
    ] = None
    owner: Annotated[_S | None, Field(description="Of a Pod: uid of its controller.")] = None


class UndoAsked(Model):
    """Somebody asked to take the effect back; kept until the undo attempt is written or refused."""

    by: Annotated[str, Field(max_length=512, description="Who asked, or stanch where revert says so.")]
    entry: Annotated[_S | None, Field(description="The TimelineEntry that asks for it.")] = None
    time: Annotated[Time, Field(description="When.")]
    force: Annotated[bool | None, Field(description="True: also over what others wrote since, or though it hurts.")] = (
        None
    )
    digest: Annotated[_S | None, Field(description="Digest of what would be overwritten: approvals name it.")] = None
    approvals: Annotated[Approvals | None, Field(description="Who must agree to that, and who did.")] = None


class Debt(Model):
    """Temporary state that somebody must take back, hand over, or accept."""

    name: Annotated[_S, Field(description="Mitigation it comes from.")]
    attempt: Annotated[_S, Field(description="Attempt it comes from.")]
    what: Annotated[_L, Field(description="What is off, and how it is taken back.")]
    undo: Annotated[_L | None, Field(description="A line that takes it back by hand.")] = None
    brings: Annotated[_L | None, Field(description="What taking it back would let in now.")] = None
    owner: Annotated[str, Field(max_length=512, description="Who owes it: who asked.")]
    since_time: Annotated[Time, Field(description="Since when.")]
    due_time: Annotated[Time, Field(description="When it is due; an extend entry moves it.")]
    revert: Annotated[_S, Field(description="Ask, OnResolved or OnExpiry.")]
    overdue: Annotated[bool | None, Field(description="True once it is past due and was said so.")] = None
    remind_time: Annotated[
        Time | None,
        Field(description="When it is spoken of next; left out when it is no more, for it was often enough."),
    ] = None
    reminders: Annotated[Counter, Field(description="How often it was spoken of since it is due at that time.")] = 0
    item_owner: Annotated[
        str | None,
        Field(max_length=253, description="Who is to own the ActionItem that takes it over, once asked for."),
    ] = None
    action_item: Annotated[_S | None, Field(description="ActionItem that took it over; then it is owed there.")] = None
    chased_by: Annotated[_S | None, Field(description="ActionItem that asks its owner; it is owed here.")] = None


class Contest(Model):
    """Whether an effect still stands, and when it last changed hands."""

    stands: Annotated[bool, Field(description="Is it as stanch wrote it?")]
    gone: Annotated[bool | None, Field(description="True when it is as it was before: nothing of ours is left.")] = None
    by: Annotated[_S | None, Field(description="Field manager that wrote the object last.")] = None
    flips: Annotated[tuple[Time, ...] | None, Field(max_length=8, description="When it changed, newest last.")] = None
    owed: Annotated[Debt | None, Field(description="What was owed before it was gone, should it come back.")] = None


class FieldConflict(Model):
    """One field, three ways: why taking it back would overwrite somebody."""

    path: Annotated[_S, Field(description="The field.")]
    found: Annotated[_S, Field(description="What stanch found there, before it wrote.")]
    wrote: Annotated[_S, Field(description="What stanch wrote, or was about to write.")]
    now: Annotated[_S, Field(description="What is there now.")]


class MitigationRecord(Model):
    """One mitigation asked for, and everything that came of it."""

    name: Annotated[_S, Field(description="Name of the mitigation.")]
    source: Annotated[_S, Field(description="Spec, Entry/<name>, Runbook/<name>, or For/<name> for a hold.")]
    automatic: Annotated[
        bool | None,
        Field(description="True when a Runbook in mode Auto asked for it: then nobody need agree to A and B."),
    ] = None
    action: Annotated[_S, Field(description="The action's name, as written in YAML.")]
    asked: Annotated[Wish, Field(description="The wish as it was asked for; later edits don't change it.")]
    wish: Annotated[_S, Field(description="Digest of the wish and its target as asked for.")]
    target: Annotated[ResolvedTarget | None, Field(description="What it acts on.")] = None
    requested_by: Annotated[str | None, Field(max_length=512, description="Who asked.")] = None
    asked_time: Annotated[Time, Field(description="When it was asked for; for a later rung, when its turn came.")]
    state: Annotated[WishState, Field(description="Waiting, Held, Running, Done, Failed, Undone, Denied, Expired …")]
    reason: Annotated[_S | None, Field(description="Why it stands where it stands, one word.")] = None
    message: Annotated[_L | None, Field(description="What holds it, and what would free it.")] = None
    approvals: Annotated[Approvals | None, Field(description="Who must agree, and who did.")] = None
    digest: Annotated[_S | None, Field(description="Digest of the plan: approvals name it.")] = None
    plan: Annotated[_L | None, Field(description="What it would do: from what to what.")] = None
    diff: Annotated[
        tuple[_S, ...] | None, Field(max_length=24, description="Changed fields, `path: before -> after`.")
    ] = None
    blast: Annotated[_L | None, Field(description="What it touches.")] = None
    warnings: Annotated[tuple[_L, ...] | None, Field(max_length=8, description="What it does not bring back.")] = None
    undo_class: Annotated[UndoClass | None, Field(description="auto, manual or none: who is able to undo it.")] = None
    undo_takes: Annotated[_S | None, Field(description="Estimated time an undo takes.")] = None
    effect: Annotated[Effect | None, Field(description="Helped, NoEffect, Worse or Unknown.")] = None
    effect_time: Annotated[
        Time | None, Field(description="When that was judged; after Worse nothing goes on by itself.")
    ] = None
    box_over_time: Annotated[
        Time | None, Field(description="When it was said that it has had its time and it still hurts.")
    ] = None
    attempts: Annotated[tuple[Attempt, ...] | None, Field(max_length=8, description="What was done, in order.")] = None
    contest: Annotated[
        Contest | None, Field(description="Who changed it after stanch did; left out while it stands.")
    ] = None
    undo_asked: Annotated[UndoAsked | None, Field(description="A wish to take it back that is not yet done.")] = None
    conflict: Annotated[
        tuple[FieldConflict, ...] | None,
        Field(max_length=12, description="Field by field, why nothing was overwritten the last time."),
    ] = None
    dry_run: Annotated[_S | None, Field(description="What the API server said to the very patch, tried before.")] = None
    break_glass: Annotated[
        tuple[_LINE, ...] | None, Field(max_length=4, description="Lines to paste when stanch is not there.")
    ] = None


class EvidenceRecord(Model):
    """One bundle."""

    name: Annotated[_S, Field(description="Evidence object.")]
    purpose: Annotated[_S, Field(description="Declared, Before, After or Relapse.")]
    attempt: Annotated[_S | None, Field(description="The attempt it shows the outcome of; for After.")] = None
    items: Annotated[Counter, Field(description="Things that are in it.")]
    missing: Annotated[Counter, Field(description="Things that could not be had; listed in the object.")]
    lacks: Annotated[_S | None, Field(description="The reasons, and of each the first names.")] = None
    bytes: Annotated[Counter, Field(description="Stored bytes.")]
    sha256: Annotated[_S, Field(description="SHA-256 of the bundle.")]
    captured_time: Annotated[Time, Field(description="When it was captured.")]
    stored: Annotated[bool | None, Field(description="True once the API server has said that it is there.")] = None
    rest: Annotated[Counter | None, Field(description="Things that are left for part b of this capture.")] = None
    rest_of: Annotated[_S | None, Field(description="Part a, of which this is part b.")] = None
    caught_up: Annotated[
        Counter | None, Field(description="Of what part a was not given in time, so much is here.")
    ] = None
    still: Annotated[_S | None, Field(description="What of part a is missing still, as in lacks.")] = None
    failing: Annotated[FailureSignature | None, Field(description="How most of the failing pods failed.")] = None


class AlertTarget(Target):
    """What a label of its alerts names: looked at, never acted on by that."""

    label: Annotated[_S, Field(description="The label that names it.")]


class AlertsRecord(Model):
    """How many alerts of its group there were, and how many fire."""

    firing: Annotated[Counter, Field(description="Alerts that fire, as far as was told.")]
    total: Annotated[Counter, Field(description="Alerts that there were.")]
    targets: Annotated[
        tuple[AlertTarget, ...] | None,
        Field(max_length=1, description="What their labels name, where nothing else names a target; empty: nothing."),
    ] = None


class Suggestion(Model):
    """Something that could be tried; never run by itself."""

    action: Annotated[_S, Field(description="The action's name.")]
    target: Annotated[Target, Field(description="What it would act on.")]
    score: Annotated[Counter, Field(description="From 0 to 100: fit x undo x narrow x quick.")]
    text: Annotated[_L, Field(description="Why, and what it would do.")]
    undo_takes: Annotated[_S | None, Field(description="Estimated time an undo takes.")] = None
    ask: Annotated[_L, Field(description="What to write into spec.mitigations to have it done.")]


class TimelineLine(Model):
    """One thing that happened. Ordered by ``seq``, the order of recording; ``time`` is when it happened."""

    seq: Annotated[int, Field(ge=1, description="Order of recording.")]
    time: Annotated[Time, Field(description="When it happened.")]
    kind: Annotated[_S, Field(description="What happened, one word.")]
    by: Annotated[str, Field(max_length=512, description="Who: a person, or stanch.")]
    text: Annotated[str, Field(max_length=512, description="What happened, a sentence; full texts stay in entries.")]
    entry: Annotated[_S | None, Field(description="TimelineEntry or Evidence it stands for.")] = None
    milestone: Annotated[bool | None, Field(description="True for what must never be paged out.")] = None


class Page(Model):
    """Older timeline lines, moved into an Evidence object of purpose Page."""

    name: Annotated[_S, Field(description="Evidence object.")]
    first: Annotated[int, Field(ge=1, description="First seq in it.")]
    last: Annotated[int, Field(ge=1, description="Last seq in it.")]
    sha256: Annotated[_S, Field(description="SHA-256 of the page; it holds that of the page before.")]


class IncidentStatus(Model):
    """What is so. `phase` is for the eye: no program reads it, use the conditions."""

    observed_generation: Annotated[
        int | None, Field(ge=0, description="Generation of the spec this was decided on.")
    ] = None
    phase: Annotated[_S | None, Field(description="For the eye; do not automate on it, use the conditions.")] = None
    record: Annotated[_L | None, Field(description="The live record in one line.")] = None
    commander: Annotated[_LINE | None, Field(description="Who commands; for the table.")] = None
    target: Annotated[_S | None, Field(description="First target; for the table.")] = None
    mitigation: Annotated[_S | None, Field(description="Current mitigation and where it stands; for the table.")] = None
    next_update: Annotated[_S | None, Field(description="When the next update was promised; for the table.")] = None
    severity: Annotated[SeverityRecord | None, Field(description="The severity in force.")] = None
    roles: Annotated[tuple[RoleRecord, ...] | None, Field(max_length=40, description="Who wears which hat.")] = None
    handoffs: Annotated[
        tuple[HandoffRecord, ...] | None, Field(max_length=6, description="Hats that are offered and not yet accepted.")
    ] = None
    handoff_draft: Annotated[
        HandoffDraft | None, Field(description="What to hand over, drafted from the record; while it is open.")
    ] = None
    nudges: Annotated[
        tuple[NudgeRecord, ...] | None,
        Field(max_length=24, description="What people were reminded of, while it is so."),
    ] = None
    impact: Annotated[ImpactRecord | None, Field(description="Who is hurt, as was said last.")] = None
    hypothesis: Annotated[_S | None, Field(description="The hypothesis that leads.")] = None
    hypotheses: Annotated[
        tuple[HypothesisRecord, ...] | None, Field(max_length=8, description="Guesses, in the order they came up.")
    ] = None
    hypotheses_seen: Annotated[
        tuple[_S, ...] | None,
        Field(max_length=8, description="Digests of the spec's hypotheses when they were last taken in."),
    ] = None
    times: Annotated[Times | None, Field(description="The instants that matter.")] = None
    stamps: Annotated[
        tuple[StampRecord, ...] | None,
        Field(max_length=6, description="Who or what set each of the times, and what it was before."),
    ] = None
    durations: Annotated[Durations | None, Field(description="How long things took.")] = None
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=16,
            description="The contract: wait on these.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = ()
    mitigations: Annotated[
        tuple[MitigationRecord, ...] | None,
        Field(max_length=32, description="Everything asked for and what came of it."),
    ] = None
    runbook: Annotated[RunbookRecord | None, Field(description="The Runbook that is followed, as it was frozen.")] = (
        None
    )
    suggestions: Annotated[
        tuple[Suggestion, ...] | None,
        Field(max_length=3, description="What could be tried, best first; nothing is run by itself."),
    ] = None
    suspects: Annotated[
        tuple[Suspect, ...] | None,
        Field(max_length=SUSPECTS_MAX, description="What changed and may be the cause, likeliest first."),
    ] = None
    changes: Annotated[ChangesRecord | None, Field(description="What was looked at for changes.")] = None
    evidence: Annotated[tuple[EvidenceRecord, ...] | None, Field(max_length=24, description="Bundles captured.")] = None
    evidence_unlisted: Annotated[
        Counter | None, Field(description="Stored bytes of older bundles that are not listed any more; they count.")
    ] = None
    alerts: Annotated[AlertsRecord | None, Field(description="Of an incident that alerts made: how they stand.")] = None
    recovery: Annotated[RecoveryRecord | None, Field(description="How recovery stands.")] = None
    communications: Annotated[
        CommunicationsRecord | None, Field(description="What is promised to whom, what was told, and drafts.")
    ] = None
    debt: Annotated[
        tuple[Debt, ...] | None, Field(max_length=16, description="Temporary state not yet taken back.")
    ] = None
    timeline: Annotated[
        tuple[TimelineLine, ...], Field(max_length=160, description="What happened, machine and people, by seq.")
    ] = ()
    pages: Annotated[tuple[Page, ...] | None, Field(max_length=40, description="Older timeline lines.")] = None
    resolve_said: Annotated[Time | None, Field(description="When a person said that it is over.")] = None
    resolve_said_by: Annotated[_LINE | None, Field(description="Who said so.")] = None
    override: Annotated[_L | None, Field(description="Who resolved it although criteria did not hold, and why.")] = None
    last_seq: Annotated[Counter, Field(description="The last seq given out.")] = 0
    error_budget: Annotated[
        BudgetRecord | None, Field(description="What it cost the error budgets of its service.")
    ] = None
    postmortem: Annotated[PostmortemRecord | None, Field(description="What was decided about learning from it.")] = None
    relations: Annotated[Relations | None, Field(description="Earlier incidents that are similar.")] = None
    postmortem_asked: Annotated[
        tuple[_LINE, ...] | None, Field(max_length=4, description="Who asked for a full postmortem.")
    ] = None
    folded_entries: Annotated[
        tuple[_S, ...] | None,
        Field(max_length=64, description="Entries taken in whose mark is not yet seen; keeps each folded once."),
    ] = None
