"""TimelineEntry: one statement by a person, created and never changed; the author is stamped by the API server."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from stanch.api.actions import ACTION_NAMES
from stanch.api.incident import Meta
from stanch.api.meta import Duration, Model, Name, Person, Time, WishName
from stanch.api.wish import Wish


class NoteKind(StrEnum):
    """What sort of note it is."""

    OBSERVATION = "Observation"
    ACTION = "Action"
    DECISION = "Decision"
    QUESTION = "Question"
    TODO = "Todo"


class Note(Model):
    """Something worth writing down."""

    kind: Annotated[
        NoteKind | None, Field(description="Observation (default), Action, Decision, Question or Todo.")
    ] = None


class Acknowledge(Model):
    """I am on it."""


class Role(StrEnum):
    """Hats that can be taken."""

    COMMANDER = "commander"
    OPERATIONS = "operations"
    COMMUNICATIONS = "communications"
    SCRIBE = "scribe"
    CUSTOMER_LIAISON = "customerLiaison"
    EXECUTIVE_LIAISON = "executiveLiaison"


class Take(Model):
    """I wear this hat now."""

    role: Annotated[Role, Field(description="Which hat.")]


class Approve(Model):
    """I agree to this plan."""

    mitigation: Annotated[WishName, Field(description="Name of the mitigation.")]
    action: Annotated[
        str,
        Field(
            max_length=63, json_schema_extra={"enum": list(ACTION_NAMES)}, description="Its action; RBAC looks at it."
        ),
    ]
    digest: Annotated[
        str,
        Field(
            pattern="^sha256:[0-9a-f]{16}$",
            max_length=71,
            description="status.mitigations[].digest: the plan you agree to; a changed plan needs a new approval.",
        ),
    ]


class Deny(Model):
    """This shall not be done."""

    mitigation: Annotated[WishName, Field(description="Name of the mitigation.")]
    action: Annotated[
        str, Field(max_length=63, json_schema_extra={"enum": list(ACTION_NAMES)}, description="Its action.")
    ]


class Undo(Model):
    """Take back what a mitigation did."""

    mitigation: Annotated[WishName, Field(description="Name of the mitigation.")]


class Extend(Model):
    """A debt is due later; says its owner, or the commander."""

    mitigation: Annotated[WishName, Field(description="Name of the mitigation that left the debt.")]
    by: Annotated[
        Duration, Field(description="How much longer, at most 72h; from its due time, from now when that is over.")
    ]


class Defer(Model):
    """A debt becomes an ActionItem, so that the incident can close; says its owner, or the commander."""

    mitigation: Annotated[WishName, Field(description="Name of the mitigation that left the debt.")]
    owner: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=253,
            pattern="^[^,;]+$",
            description="Who is to own the ActionItem: exactly one; who owes it when left out.",
        ),
    ] = None


class Waive(Model):
    """No postmortem will be written."""


class Resolve(Model):
    """It is over."""

    override: Annotated[
        bool | None, Field(description="Resolve although criteria do not hold; needs a text, and is a finding.")
    ] = None


class Reopen(Model):
    """It is not over."""


class CancelBecause(StrEnum):
    """Why it was no incident."""

    FALSE_ALARM = "FalseAlarm"
    MAINTENANCE = "Maintenance"
    DUPLICATE = "Duplicate"


class Cancel(Model):
    """This was no incident."""

    because: Annotated[CancelBecause | None, Field(description="FalseAlarm (default), Maintenance or Duplicate.")] = (
        None
    )
    duplicate_of: Annotated[Name | None, Field(description="The other incident, for Duplicate.")] = None


class TimelineEntrySpec(Model):
    """One statement: exactly one of the members, and a text."""

    incident: Annotated[Name, Field(description="The incident in this namespace.")]
    text: Annotated[str | None, Field(max_length=16384, description="In your words.")] = None
    happened_time: Annotated[Time | None, Field(description="When it happened, if not now.")] = None
    note: Annotated[Note | None, Field(description="Something worth writing down; needs text.")] = None
    acknowledge: Annotated[Acknowledge | None, Field(description="I am on it.")] = None
    take: Annotated[Take | None, Field(description="I wear this hat now.")] = None
    mitigate: Annotated[Wish | None, Field(description="Ask for a mitigation; it must name its target.")] = None
    approve: Annotated[Approve | None, Field(description="I agree to this plan.")] = None
    deny: Annotated[Deny | None, Field(description="This shall not be done.")] = None
    undo: Annotated[Undo | None, Field(description="Take back what a mitigation did.")] = None
    extend: Annotated[Extend | None, Field(description="A debt is due later; needs text: why.")] = None
    defer: Annotated[Defer | None, Field(description="A debt becomes an ActionItem; needs text: why.")] = None
    waive: Annotated[Waive | None, Field(description="No postmortem will be written; needs text: why.")] = None
    resolve: Annotated[Resolve | None, Field(description="It is over.")] = None
    reopen: Annotated[Reopen | None, Field(description="It is not over.")] = None
    cancel: Annotated[Cancel | None, Field(description="This was no incident.")] = None
    author: Annotated[Person | None, Field(description="Stamped by the API server; leave it out.")] = None

    MEMBERS: ClassVar[tuple[str, ...]] = (
        "note",
        "acknowledge",
        "take",
        "mitigate",
        "approve",
        "deny",
        "undo",
        "extend",
        "defer",
        "waive",
        "resolve",
        "reopen",
        "cancel",
    )


class TimelineEntry(Model):
    """One statement, as read from the API server."""

    metadata: Meta
    spec: TimelineEntrySpec

    @property
    def author(self) -> str:
        """User name of who said it; 'somebody' when it was not stamped, and then nothing it asks for is done."""
        return self.spec.author.username if self.spec.author else "somebody"

    @property
    def said(self) -> datetime:
        """When it was said, by the API server's clock."""
        return self.metadata.creation_timestamp
