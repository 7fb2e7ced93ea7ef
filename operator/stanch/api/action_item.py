"""ActionItem: one thing to do, one owner, one due time."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from stanch.api.incident import Meta
from stanch.api.meta import Condition, Model, ObjectName, Time, WishName


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
    tracker: Annotated[str | None, Field(max_length=2048, pattern="^https?://", description="Link to the ticket.")] = (
        None
    )
    closed: Annotated[bool | None, Field(description="True once it is done.")] = None


class ActionItemStatus(Model):
    """What is so about it."""

    observed_generation: Annotated[int | None, Field(ge=0, description="Generation this was decided on.")] = None
    state: Annotated[str | None, Field(max_length=64, description="Open, Overdue or Done; for the table.")] = None
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=8,
            description="Done, Overdue.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
        ),
    ] = ()


class ActionItem(Model):
    """One action item, as read from the API server."""

    metadata: Meta
    spec: ActionItemSpec
    status: ActionItemStatus = Field(default_factory=ActionItemStatus)
