"""Incident.status.postmortem: what was decided about learning from it, by when, and what people were reminded of."""

from typing import Annotated

from pydantic import Field

from stanch.api.meta import Counter, Model, Time
from stanch.api.people_status import SignOffRecord

_S = Annotated[str, Field(max_length=320)]
_L = Annotated[str, Field(max_length=1024)]


class PostmortemRecord(Model):
    """What was decided about learning from it."""

    decision: Annotated[_S, Field(description="Undecided, Required, Short or None.")]
    reasons: Annotated[tuple[_S, ...] | None, Field(max_length=12, description="Why.")] = None
    name: Annotated[_S | None, Field(description="Postmortem object.")] = None
    action_items: Annotated[tuple[_S, ...] | None, Field(max_length=16, description="ActionItems drafted.")] = None
    drafted_time: Annotated[Time | None, Field(description="When all of them were known to be stored.")] = None
    due_time: Annotated[Time | None, Field(description="When the text is due.")] = None
    remind_time: Annotated[
        Time | None, Field(description="When it is spoken of next; left out when it is no more.")
    ] = None
    reminders: Annotated[Counter, Field(description="How often it was spoken of.")] = 0
    overdue: Annotated[bool | None, Field(description="True once it is past due and was said so.")] = None
    review_due_time: Annotated[
        Time | None, Field(description="By when a full one is talked over in a meeting: `spec.review.time` of it.")
    ] = None
    review_asked: Annotated[bool | None, Field(description="True once it was said that it was not, in time.")] = None
    publish_due_time: Annotated[Time | None, Field(description="By when it is published.")] = None
    publish_asked: Annotated[bool | None, Field(description="True once it was said that it is not.")] = None
    waived: Annotated[_L | None, Field(description="Who waived it, and why.")] = None
    sign_offs: Annotated[
        tuple[SignOffRecord, ...] | None, Field(max_length=8, description="Who stands by it, each once.")
    ] = None
