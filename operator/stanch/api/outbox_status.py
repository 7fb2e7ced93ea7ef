"""The outbox in Incident.status: what is to be told to which channel, what was told, and to whom updates were given."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from stanch.api.meta import Counter, Model, Severity, Time
from stanch.api.said import Audience, UpdateState

_S = Annotated[str, Field(max_length=320)]
# Waiting at once, or one for each channel where there are more; what else is to be told waits in the timeline.
WAITING_MAX = 20
CHANNELS_MAX = 32
# With those that ended lately, and with all that end in the very plan that gives their room to others.
OUTBOX_MAX = 72
UPDATES_MAX = 20
# Pages for a higher severity, each with a key that is ended with the incident's own.
RAISED_MAX = 8


class DeliveryState(StrEnum):
    """Where a message stands; it only moves on."""

    PENDING = "Pending"
    SENT = "Sent"
    FAILED = "Failed"


class Message(Model):
    """One thing to tell one channel: written down before it is sent."""

    key: Annotated[_S, Field(description="16 hexadecimal characters: the same message has the same key each time.")]
    channel: Annotated[str, Field(max_length=253, description="Name of the channel in the cluster's ResponsePolicy.")]
    moment: Annotated[_S, Field(description="What happened: the kind of the timeline line it tells.")]
    audience: Annotated[Audience, Field(description="For whom it is worded.")]
    seq: Annotated[Counter, Field(description="Timeline line it tells.")]
    time: Annotated[Time, Field(description="When it was written down.")]
    state: Annotated[DeliveryState, Field(description="Pending, Sent or Failed.")]
    entry: Annotated[_S | None, Field(description="TimelineEntry with the full text.")] = None
    tries: Annotated[Counter, Field(description="How often it was tried in vain.")] = 0
    next_time: Annotated[Time | None, Field(description="Not tried again before this.")] = None
    why: Annotated[_S | None, Field(description="Why the last try failed.")] = None


class ToldChannel(Model):
    """A channel that has heard of this incident: it hears of its end, too."""

    name: Annotated[str, Field(max_length=253, description="Name of the channel.")]
    ref: Annotated[_S | None, Field(description="What it calls the headline that is edited in place.")] = None
    behind: Annotated[
        Counter | None,
        Field(description="What it hears of later lines of the timeline waits for room; left out when nothing does."),
    ] = None
    given_up: Annotated[
        Counter | None,
        Field(description="Of the lines up to this one that wait, it is told only what matters most; it failed."),
    ] = None
    severity: Annotated[Severity | None, Field(description="Of a pager: the severity it was last told of.")] = None
    raised: Annotated[Counter, Field(description="Of a pager: how often it paged again for a higher severity.")] = 0
    lost: Annotated[Counter, Field(description="How much it was not told, and will not be.")] = 0


class UpdateRecord(Model):
    """An update that people were given: to whom, and what they were told of its state."""

    seq: Annotated[Counter, Field(description="Its timeline line.")]
    entry: Annotated[_S, Field(description="TimelineEntry with the words.")]
    audience: Annotated[Audience, Field(description="internal, leadership or public.")]
    state: Annotated[UpdateState, Field(description="Investigating, Identified, Monitoring or Resolved.")]
    time: Annotated[Time, Field(description="When it was said.")]
