"""The part of Incident.status about who is told what: what was promised, what is due, what was told, and drafts."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from stanch.api.meta import Counter, Duration, Model, Severity, Time
from stanch.api.outbox_status import CHANNELS_MAX, OUTBOX_MAX, UPDATES_MAX, Message, ToldChannel, UpdateRecord
from stanch.api.said import Audience, UpdateState

_S = Annotated[str, Field(max_length=320)]
# One sentence or three; a person makes it longer where that helps.
DRAFT_MAX: Final = 1000


class Stage(StrEnum):
    """What the cadence counts for: while users are hurt, while it is watched, and afterwards."""

    OPEN = "Open"
    MITIGATED = "Mitigated"
    RESOLVED = "Resolved"


class Moment(StrEnum):
    """Which update is next for an audience; each has its template."""

    DECLARED = "Declared"
    AWARE = "Aware"
    UPDATE = "Update"
    HANDOFF = "Handoff"
    MITIGATED = "Mitigated"
    RESOLVED = "Resolved"
    CANCELLED = "Cancelled"


class NextUpdate(Model):
    """One promise: this audience hears more at that time, at the latest. It is kept by an `update` entry, or missed."""

    audience: Annotated[Audience, Field(description="internal, leadership or public.")]
    due_time: Annotated[Time, Field(description="When they hear more, at the latest.")]
    moment: Annotated[
        Moment,
        Field(
            description="Declared (the first in the house), Aware (the public's first), Update, Mitigated or Resolved."
        ),
    ]
    promised: Annotated[
        bool | None, Field(description="True when an update told them so; else the cadence asks it.")
    ] = None
    missed: Annotated[Counter, Field(description="Promises missed in a row since they were told something.")] = 0
    reminded: Annotated[bool | None, Field(description="True once it was said that it will be due.")] = None
    every: Annotated[
        Duration | None, Field(description="How often they hear something; left out when nothing asks for another.")
    ] = None
    level: Annotated[Severity, Field(description="The severity that it is counted for.")]
    stage: Annotated[Stage, Field(description="Open, Mitigated or Resolved: what it is counted for.")]
    since_time: Annotated[Time, Field(description="What it is counted from.")]


class ToldUpdate(Model):
    """What an audience was told last; the words are in the entry."""

    audience: Annotated[Audience, Field(description="internal, leadership or public.")]
    time: Annotated[Time, Field(description="When.")]
    state: Annotated[UpdateState, Field(description="Investigating, Identified, Monitoring or Resolved.")]
    entry: Annotated[_S, Field(description="The TimelineEntry with the words.")]


class UpdateDraft(Model):
    """Words that could be said next, from the record. Nobody is told them until a person writes an `update` entry."""

    audience: Annotated[Audience, Field(description="internal, leadership or public.")]
    moment: Annotated[
        Moment, Field(description="Which template it comes from; Handoff when somebody else leads since then.")
    ]
    text: Annotated[str, Field(max_length=DRAFT_MAX, description="The words; change what is not so.")]


class CommunicationsRecord(Model):
    """Promises, what was told, drafts, and what waits to be told to channels."""

    next_updates: Annotated[
        tuple[NextUpdate, ...] | None, Field(max_length=3, description="What is promised, one an audience.")
    ] = None
    missed: Annotated[Counter, Field(description="Promises that were missed, all together.")] = 0
    told: Annotated[
        tuple[ToldUpdate, ...] | None, Field(max_length=3, description="What each audience heard last.")
    ] = None
    drafts: Annotated[
        tuple[UpdateDraft, ...] | None, Field(max_length=3, description="What could be said next, one an audience.")
    ] = None
    channel: Annotated[
        str | None,
        Field(max_length=81, description="Where it is talked about: as the spec says, else a name for a channel."),
    ] = None
    outbox: Annotated[
        tuple[Message, ...] | None,
        Field(max_length=OUTBOX_MAX, description="What waits to be told, and what was told lately."),
    ] = None
    channels: Annotated[
        tuple[ToldChannel, ...] | None, Field(max_length=CHANNELS_MAX, description="Channels that have heard of it.")
    ] = None
    told_up_to: Annotated[
        Counter | None, Field(description="Up to this line of the timeline the outbox has all that is to be told.")
    ] = None
    updates: Annotated[
        tuple[UpdateRecord, ...] | None,
        Field(
            max_length=UPDATES_MAX,
            description="Updates that people gave, the newest; those for the public stay longer.",
        ),
    ] = None
