"""The part of Incident.status about who is told what."""

from typing import Annotated

from pydantic import Field

from stanch.api.meta import Counter, Model
from stanch.api.outbox_status import CHANNELS_MAX, OUTBOX_MAX, UPDATES_MAX, Message, ToldChannel, UpdateRecord


class CommunicationsRecord(Model):
    """Who was told what, and what waits to be told."""

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
