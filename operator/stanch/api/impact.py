"""Impact: who is hurt, how badly, since when. The same words in an Incident, in an entry and in the record."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from stanch.api.meta import Model, Text, Time


class Scope(StrEnum):
    """Who is hurt."""

    ALL_USERS = "AllUsers"
    MANY_USERS = "ManyUsers"
    SOME_USERS = "SomeUsers"
    SINGLE_TENANT = "SingleTenant"
    INTERNAL = "Internal"
    NONE = "None"


class Journey(StrEnum):
    """What the core journey of users does."""

    DOWN = "Down"
    DEGRADED = "Degraded"
    WORKAROUND = "Workaround"
    COSMETIC = "Cosmetic"
    WORKING = "Working"


class Impact(Model):
    """Who is hurt, how badly, since when."""

    summary: Annotated[Text | None, Field(description="One sentence in users' terms.")] = None
    scope: Annotated[Scope | None, Field(description="Who is hurt.")] = None
    journey: Annotated[Journey | None, Field(description="What the core journey of users does.")] = None
    user_visible: Annotated[bool | None, Field(description="Do users see it?")] = None
    users_percent: Annotated[int | None, Field(ge=0, le=100, description="Share of users hurt, in percent.")] = None
    started_time: Annotated[Time | None, Field(description="When harm began, if known.")] = None
    data_at_risk: Annotated[bool | None, Field(description="Could data be lost or wrong?")] = None
    security_breach: Annotated[bool | None, Field(description="Is it a breach?")] = None
    revenue_stopped: Annotated[bool | None, Field(description="Has money stopped coming in?")] = None
    region_down: Annotated[bool | None, Field(description="Is a whole region down?")] = None
    redundancy_lost: Annotated[bool | None, Field(description="Would the next failure be an outage?")] = None
