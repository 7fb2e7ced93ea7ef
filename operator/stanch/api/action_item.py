"""ActionItem: one thing to do, one owner, one due time, and what proves that it is done."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from stanch.api.done_when import DoneWhen
from stanch.api.incident import Meta
from stanch.api.meta import Condition, Counter, Duration, Model, ObjectName, Time, WishName

FINDINGS_MAX: Final = 16
REOPENED_MAX: Final = 8
_S = Annotated[str, Field(max_length=512)]
_L = Annotated[str, Field(max_length=1024)]


class Priority(StrEnum):
    """How soon: P0 a week, P1 three weeks, P2 six, P3 a quarter."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


class ActionKind(StrEnum):
    """What it does about the next time."""

    PREVENT = "Prevent"
    DETECT = "Detect"
    MITIGATE = "Mitigate"
    PROCESS = "Process"


class ActionItemSpec(Model):
    """One thing to do."""

    title: Annotated[str, Field(min_length=1, max_length=256, description="Starts with a verb and names a thing.")]
    description: Annotated[
        str | None, Field(max_length=4096, description="What, where, and how one sees it is done.")
    ] = None
    incident: Annotated[ObjectName | None, Field(description="The incident it follows from.")] = None
    postmortem: Annotated[ObjectName | None, Field(description="The postmortem it follows from.")] = None
    owner: Annotated[
        str, Field(min_length=1, max_length=253, pattern="^[^,;]+$", description="Exactly one: a person or a team.")
    ]
    due_time: Annotated[Time, Field(description="When it must be done.")]
    priority: Annotated[Priority | None, Field(description="P0 to P3.")] = None
    kind: Annotated[ActionKind | None, Field(description="Prevent, Detect, Mitigate or Process.")] = None
    answers: Annotated[
        tuple[WishName, ...] | None, Field(max_length=8, description="Contributing factors it answers.")
    ] = None
    done_when: Annotated[
        DoneWhen | None,
        Field(description="What proves it; with it, a proof closes the item, and `closed` alone does not."),
    ] = None
    tracker: Annotated[str | None, Field(max_length=2048, pattern="^https?://", description="Link to the ticket.")] = (
        None
    )
    closed: Annotated[bool | None, Field(description="True once it is done.")] = None


class ItemState(StrEnum):
    """Where an item stands, for the table."""

    OPEN = "Open"
    OVERDUE = "Overdue"
    REOPENED = "Reopened"
    DONE = "Done"


class Finding(Model):
    """What of an item is not yet specific or testable."""

    rule: Annotated[_S, Field(description="Which rule, one word.")]
    field: Annotated[_S, Field(description="Which field it is about.")]
    text: Annotated[_S, Field(description="What is so, and what would be better.")]


class ProofState(StrEnum):
    """What the last look at doneWhen saw."""

    HOLDS = "Holds"
    FAILS = "Fails"
    UNKNOWN = "Unknown"


class Proof(Model):
    """What was seen of doneWhen, and since when."""

    asks: Annotated[_S, Field(description="Digest of the doneWhen that was looked at; another one is proved anew.")]
    state: Annotated[ProofState, Field(description="Holds, Fails or Unknown: the last look.")]
    reason: Annotated[_S, Field(description="Why, one word.")]
    seen: Annotated[_L, Field(description="What was seen, or why nothing could be.")]
    resource_version: Annotated[_S | None, Field(description="Version of the object that was read.")] = None
    uid: Annotated[_S | None, Field(description="uid of the object that was read.")] = None
    look_time: Annotated[Time, Field(description="When it was looked at last.")]
    since_time: Annotated[Time | None, Field(description="Holds since, as far as was looked.")] = None
    proven_time: Annotated[Time | None, Field(description="When it had held for long enough; absent until then.")] = (
        None
    )
    fails_since: Annotated[Time | None, Field(description="Of what was proved: fails since.")] = None
    needed: Annotated[Duration, Field(description="How long it must hold; doubled whenever it fails after all.")]


class Reopening(Model):
    """An item that was done and is not any more."""

    time: Annotated[Time, Field(description="When that was seen.")]
    why: Annotated[_L, Field(description="What was seen.")]


class Chase(Model):
    """What its owner was told, so that a restart neither forgets it nor says it twice."""

    from_time: Annotated[Time, Field(description="Counted from: the end of the incident, else when it was made.")]
    settled: Annotated[
        bool | None, Field(description="True once nothing can make that another time: the incident is over.")
    ] = None
    reminders: Annotated[Counter, Field(description="How often it was spoken of.")] = 0
    late_reminders: Annotated[
        Counter | None, Field(description="Of these since it was due, or was opened again after that; twelve at most.")
    ] = None
    last_time: Annotated[Time | None, Field(description="When it was spoken of last.")] = None
    due_said: Annotated[Time | None, Field(description="The due time that was said to be over.")] = None
    test_time: Annotated[Time | None, Field(description="When the three-week question was asked.")] = None
    escalated_time: Annotated[Time | None, Field(description="When somebody else was told.")] = None


class ActionItemStatus(Model):
    """What is so about it."""

    observed_generation: Annotated[int | None, Field(ge=0, description="Generation this was decided on.")] = None
    state: Annotated[
        str | None, Field(max_length=64, description="Open, Overdue, Reopened or Done; for the table.")
    ] = None
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=8,
            description="Done, Overdue; Proven with doneWhen; Escalated only while true.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = ()
    findings: Annotated[
        tuple[Finding, ...] | None,
        Field(max_length=FINDINGS_MAX, description="What of it is not specific or testable; nothing waits for it."),
    ] = None
    proof: Annotated[Proof | None, Field(description="What was seen of doneWhen.")] = None
    done_time: Annotated[Time | None, Field(description="When it was done; absent while it is not.")] = None
    reopened: Annotated[
        tuple[Reopening, ...] | None,
        Field(max_length=REOPENED_MAX, description="When it was done and then not any more, the newest last."),
    ] = None
    chase: Annotated[Chase | None, Field(description="What its owner was told.")] = None


class ActionItem(Model):
    """One action item, as read from the API server."""

    metadata: Meta
    spec: ActionItemSpec
    status: ActionItemStatus = Field(default_factory=ActionItemStatus)
