"""Where people talk about an incident, and whether users are told: the part of Incident.spec that no machine acts on."""

from typing import Annotated

from pydantic import Field

from stanch.api.meta import Model


class Talk(Model):
    """Where it is talked about."""

    channel: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=81,
            pattern="^#?[A-Za-z0-9][A-Za-z0-9._-]*$",
            description="The chat channel of this incident; status.communications.channel has a name for one when left out.",
        ),
    ] = None
    bridge_url: Annotated[
        str | None,
        Field(
            alias="bridgeURL",
            max_length=2048,
            pattern="^https?://",
            description="The call. What is decided there belongs into the record, too: a note entry of kind Decision.",
        ),
    ] = None
    status_page: Annotated[
        bool | None,
        Field(
            description="Whether users are promised updates; left out: where impact.userVisible says that they see it, "
            "and of a SEV1 until somebody says that they don't."
        ),
    ] = None
