"""Postmortem.status: facts from the record, gaps with their numbers, what the lint found, and what was published."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from stanch.api.budget_status import BudgetRecord
from stanch.api.incident_status import Durations, Times
from stanch.api.meta import Condition, Counter, Duration, Model, Severity, Time
from stanch.api.similar_status import SIMILAR_MAX, About, SimilarIncident

_S = Annotated[str, Field(max_length=320)]
_L = Annotated[str, Field(max_length=1024)]
GAPS_MAX = 40


class GapPart(StrEnum):
    """Which part of the incident it is about."""

    DETECTION = "Detection"
    RESPONSE = "Response"
    RECOVERY = "Recovery"
    COMMUNICATION = "Communication"
    PEOPLE = "People"
    RECORD = "Record"


class Facts(Model):
    """What the record says; people can't change it, and need not write it down."""

    incident_uid: Annotated[_S, Field(description="uid of the incident.")]
    decision: Annotated[_S, Field(description="Required, Short or None: what the policy asks for.")]
    reasons: Annotated[tuple[_S, ...] | None, Field(max_length=12, description="Why.")] = None
    severity: Annotated[Severity, Field(description="The worst it ever was.")]
    times: Annotated[Times, Field(description="The instants that matter.")]
    durations: Annotated[Durations | None, Field(description="How long things took.")] = None
    error_budget: Annotated[
        BudgetRecord | None, Field(description="What it cost the error budgets of its service.")
    ] = None
    about: Annotated[
        About | None, Field(description="What it was about; later ones are found to be similar by it.")
    ] = None
    due_time: Annotated[Time | None, Field(description="When the text is due.")] = None
    review_due_time: Annotated[Time | None, Field(description="By when a full one is talked over.")] = None
    publish_due_time: Annotated[Time | None, Field(description="By when it is published.")] = None
    record_seq: Annotated[Counter, Field(description="The last line of the record that was taken in.")] = 0
    lines: Annotated[Counter, Field(description="How many lines of the record were there to be read.")] = 0
    lines_lost: Annotated[
        Counter | None, Field(description="Lines on pages that could not be read; left out when there are none.")
    ] = None


class Gap(Model):
    """Something that took long, was missing or went back and forth, found in the record by itself."""

    number: Annotated[int, Field(ge=1, description="Its number, by which people speak of it.")]
    kind: Annotated[_S, Field(description="What sort of gap, one word.")]
    part: Annotated[GapPart, Field(description="Detection, Response, Recovery, Communication, People or Record.")]
    text: Annotated[_L, Field(description="What is so, with its number.")]
    took: Annotated[Duration | None, Field(description="How long.")] = None
    limit: Annotated[Duration | None, Field(description="How long it may take.")] = None
    count: Annotated[Counter | None, Field(description="How many.")] = None
    from_time: Annotated[Time | None, Field(description="Since when.")] = None
    to_time: Annotated[Time | None, Field(description="Until when; left out when it never ended.")] = None
    record: Annotated[_S, Field(description="What it follows from: `timeline 8`, a field of the status, an Evidence.")]


class LintFinding(Model):
    """One thing that the lint found."""

    rule: Annotated[_S, Field(description="Name of the rule.")]
    field: Annotated[_S, Field(description="Where it stands.")]
    excerpt: Annotated[_S, Field(description="The words.")]
    why: Annotated[_L, Field(description="What is wrong with it.")]
    instead: Annotated[_L, Field(description="How it is said of the system.")]
    blocks: Annotated[bool, Field(description="Does it keep the text from being published?")]
    excepted: Annotated[_S | None, Field(description="The recorded reason why it may stay.")] = None


class SignedOff(Model):
    """Somebody who stands by the published text."""

    by: Annotated[str, Field(max_length=512, description="Who.")]
    time: Annotated[Time, Field(description="When.")]


class PublishedRecord(Model):
    """The version that was published; from then on the spec never changes."""

    time: Annotated[Time, Field(description="When it was found clean and signed off.")]
    generation: Annotated[Counter, Field(description="Generation of the text.")]
    sha256: Annotated[_S, Field(description="SHA-256 of the text: of its spec as canonical JSON, without `published`.")]
    signed_off: Annotated[tuple[SignedOff, ...] | None, Field(max_length=8, description="By whom.")] = None
    excepted: Annotated[
        Counter | None, Field(description="Findings that stayed for a recorded reason; left out when there are none.")
    ] = None


class PostmortemStatus(Model):
    """What is so about it."""

    observed_generation: Annotated[int | None, Field(ge=0, description="Generation this was decided on.")] = None
    state: Annotated[_S | None, Field(description="Draft, Findings, NotSigned, Ready or Published; for the table.")] = (
        None
    )
    findings: Annotated[Counter | None, Field(description="Findings that keep it from being published.")] = None
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=8,
            description="Published and what is missing for it.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = ()
    facts: Annotated[Facts | None, Field(description="What the record says.")] = None
    gaps: Annotated[
        tuple[Gap, ...] | None, Field(max_length=GAPS_MAX, description="What took long, or was missing; numbered.")
    ] = None
    similar: Annotated[
        tuple[SimilarIncident, ...] | None,
        Field(
            max_length=SIMILAR_MAX, description="Earlier incidents that are similar, with why; the most alike first."
        ),
    ] = None
    lint: Annotated[tuple[LintFinding, ...] | None, Field(max_length=64, description="What the lint found.")] = None
    published: Annotated[PublishedRecord | None, Field(description="The version that was published.")] = None
