"""A mitigation somebody asks for: one action, its target, and how long its effect may stay."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from stanch.api.actions import Actions
from stanch.api.meta import Duration, Target, Text, WishName


class When(StrEnum):
    """When a wish may start."""

    STILL_HURTING = "StillHurting"
    ALWAYS = "Always"


class Revert(StrEnum):
    """What happens to an effect that is meant to be temporary."""

    ASK = "Ask"
    ON_RESOLVED = "OnResolved"
    ON_EXPIRY = "OnExpiry"


# What a person alone may want back, or what nobody can take back (decisions 2.2): a test holds it against the mitigations.
ONLY_WHEN_ASKED: Final = ("rolloutUndo", "rolloutRestart", "deletePod", "drain")


class GitOps(StrEnum):
    """What is done when Flux or Argo CD would put the effect back."""

    HOLD = "Hold"
    REFUSE = "Refuse"
    IGNORE = "Ignore"


class Wish(Actions):
    """One mitigation: a name, exactly one action, and how to treat it."""

    name: Annotated[WishName, Field(description="Your name for it, unique in the incident; at most 40 characters.")]
    target: Annotated[Target | None, Field(description="What to act on; the first of spec.targets when left out.")] = (
        None
    )
    when: Annotated[
        When | None,
        Field(
            description="StillHurting (default): only while not mitigated, after the one before had its time. Always."
        ),
    ] = None
    time_box: Annotated[
        Duration | None, Field(description="How long to wait for it to help before the next one starts; 3m by default.")
    ] = None
    ttl: Annotated[
        Duration | None, Field(description="When the debt of a temporary effect is due; by action when left out.")
    ] = None
    revert: Annotated[
        Revert | None,
        Field(
            description="Ask (default): never undone silently. OnResolved or OnExpiry: undone by the operator then. "
            "rolloutUndo, rolloutRestart, deletePod and drain have Ask alone."
        ),
    ] = None
    git_ops: Annotated[
        GitOps | None,
        Field(
            description="When Flux or Argo CD would put it back. Hold (default): first have it leave the object alone, where "
            "one label does that; else refuse. Refuse. Ignore: do it all the same, and say when it will be put back."
        ),
    ] = None
    approvals: Annotated[
        int | None, Field(ge=0, le=5, description="Approvals by other people; can only raise what is needed anyway.")
    ] = None
    reason: Annotated[Text | None, Field(description="Why you ask for it, for the record.")] = None
    harm_first: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=1024,
            description="A reason not to wait for evidence; it is recorded, and evidence is captured afterwards.",
        ),
    ] = None
