"""Postmortem: drafted once by the operator from the record, then written by people; the operator never edits it again."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from stanch.api.incident import Meta
from stanch.api.meta import Model, Name, ObjectName, Time, WishName
from stanch.api.postmortem_status import PostmortemStatus

_PARAGRAPH = Annotated[str, Field(max_length=8192)]
_SENTENCE = Annotated[str, Field(max_length=1024)]


class Impact(Model):
    """Harm in numbers."""

    users: Annotated[_SENTENCE | None, Field(description="How many users, in words and numbers.")] = None
    minutes: Annotated[int | None, Field(ge=0, description="Minutes users were hurt; from the record.")] = None
    requests_failed: Annotated[int | None, Field(ge=0, description="Requests that failed.")] = None
    error_budget: Annotated[_SENTENCE | None, Field(description="Share of the error budget used.")] = None
    revenue: Annotated[_SENTENCE | None, Field(description="Money lost or delayed.")] = None
    data_integrity: Annotated[_SENTENCE | None, Field(description="What happened to data; none if nothing.")] = None


class FactorClass(StrEnum):
    """What kind of thing contributed; things, never people."""

    CHANGE = "Change"
    PROCESS = "Process"
    DETECTION = "Detection"
    CAPACITY = "Capacity"
    DEPENDENCY = "Dependency"
    DESIGN = "Design"
    KNOWLEDGE = "Knowledge"


class Factor(Model):
    """One contributing factor; there is never only one."""

    name: Annotated[WishName, Field(description="A short name that ActionItems answer.")]
    factor_class: Annotated[
        FactorClass,
        Field(alias="class", description="Change, Process, Detection, Capacity, Dependency, Design or Knowledge."),
    ]
    layer: Annotated[_SENTENCE | None, Field(description="Where it sits: release, tests, delivery …")] = None
    statement: Annotated[_SENTENCE, Field(description="What was so in the system.")]
    accepted: Annotated[
        _SENTENCE | None,
        Field(min_length=1, description="Why nothing is done about it; else an ActionItem names it in `answers`."),
    ] = None


class ReadBy(StrEnum):
    """For whom a postmortem is written."""

    TEAM = "Team"
    COMPANY = "Company"
    PUBLIC = "Public"


class TimelineNote(Model):
    """One line of the record."""

    time: Annotated[Time, Field(description="When it happened.")]
    kind: Annotated[str, Field(max_length=64, description="What kind of thing.")]
    by: Annotated[str, Field(max_length=512, description="Who.")]
    text: Annotated[_SENTENCE, Field(description="What happened.")]
    entry: Annotated[
        str | None,
        Field(max_length=320, description="TimelineEntry or Evidence it stands for: `stanch evidence show`."),
    ] = None


class LintException(Model):
    """Something the lint found that stays, for a reason that is published with it."""

    rule: Annotated[WishName, Field(description="Name of the rule, as in status.lint.")]
    field: Annotated[
        str | None,
        Field(max_length=256, description="Where it stands, as in status.lint; everywhere when left out."),
    ] = None
    reason: Annotated[str, Field(min_length=10, max_length=1024, description="Why it stays, in a sentence.")]


class ReviewMeeting(Model):
    """When people talk the text over; who was there. It is before the sign-off, which is of the whole text."""

    time: Annotated[Time, Field(description="When it is, or was.")]
    attendees: Annotated[tuple[Name, ...] | None, Field(max_length=32, description="Who was there.")] = None


class PostmortemSpec(Model):
    """Six parts and more: summary, impact, timeline, contributing factors, whys, action items."""

    incident: Annotated[ObjectName, Field(description="The incident in this namespace.")]
    summary: Annotated[_PARAGRAPH | None, Field(description="Stands alone: when, how long, what users felt.")] = None
    impact: Annotated[Impact | None, Field(description="Harm in numbers.")] = None
    timeline: Annotated[tuple[TimelineNote, ...] | None, Field(max_length=200, description="From the record.")] = None
    detection: Annotated[_PARAGRAPH | None, Field(description="How it came to light, how fast.")] = None
    response: Annotated[_PARAGRAPH | None, Field(description="What was done, how fast.")] = None
    recovery: Annotated[_PARAGRAPH | None, Field(description="How it ended and how that was proved.")] = None
    factors: Annotated[
        tuple[Factor, ...] | None,
        Field(
            max_length=16,
            description="What contributed; at least three.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = None
    whys: Annotated[
        tuple[_SENTENCE, ...] | None,
        Field(max_length=10, description="Five whys, ending in structure, never a person."),
    ] = None
    went_well: Annotated[tuple[_SENTENCE, ...] | None, Field(max_length=16, description="What went well.")] = None
    went_badly: Annotated[tuple[_SENTENCE, ...] | None, Field(max_length=16, description="What went badly.")] = None
    got_lucky: Annotated[tuple[_SENTENCE, ...] | None, Field(max_length=16, description="Where luck helped.")] = None
    lessons: Annotated[_PARAGRAPH | None, Field(description="What others can learn.")] = None
    action_items: Annotated[
        tuple[Name, ...] | None, Field(max_length=8, description="ActionItems that follow from it.")
    ] = None
    authors: Annotated[tuple[Name, ...] | None, Field(max_length=8, description="Who writes it.")] = None
    due_time: Annotated[Time | None, Field(description="When the text is due.")] = None
    review: Annotated[ReviewMeeting | None, Field(description="The meeting in which it is talked over.")] = None
    audience: Annotated[
        ReadBy | None,
        Field(
            description="For whom it is written: Team, Company or Public. It stands on the document; nothing is sent."
        ),
    ] = None
    exceptions: Annotated[
        tuple[LintException, ...] | None,
        Field(max_length=16, description="What the lint found and stays, each with its reason."),
    ] = None
    published: Annotated[
        bool | None,
        Field(
            description="True: it shall be published, which needs the verb publish. It is once the lint is clean and it is "
            "signed off; from then on it never changes. Default false."
        ),
    ] = None


class Postmortem(Model):
    """One postmortem, as read from the API server."""

    metadata: Meta
    spec: PostmortemSpec
    status: PostmortemStatus = Field(default_factory=PostmortemStatus)
