"""TimelineEntry: one statement by a person, created and never changed; the author is stamped by the API server."""

from datetime import datetime
from typing import Annotated, ClassVar

from pydantic import Field

from stanch.api.impact import Impact
from stanch.api.incident import Meta
from stanch.api.meta import Model, ObjectName, Person, Time
from stanch.api.said import (
    Accept,
    Acknowledge,
    Approve,
    AskPostmortem,
    Cancel,
    Confirm,
    Correct,
    Decline,
    Defer,
    Deny,
    Escalate,
    Extend,
    Handoff,
    Note,
    Reopen,
    Resolve,
    SaidHypothesis,
    SetSeverity,
    SignOff,
    Take,
    Undo,
    Update,
    Waive,
)
from stanch.api.wish import Wish


class TimelineEntrySpec(Model):
    """One statement: exactly one of the members, and a text."""

    incident: Annotated[ObjectName, Field(description="The incident in this namespace.")]
    text: Annotated[str | None, Field(max_length=16384, description="In your words.")] = None
    happened_time: Annotated[Time | None, Field(description="When it happened, if not now.")] = None
    note: Annotated[Note | None, Field(description="Something worth writing down; needs text.")] = None
    acknowledge: Annotated[Acknowledge | None, Field(description="I am on it.")] = None
    take: Annotated[Take | None, Field(description="I wear this hat now.")] = None
    handoff: Annotated[Handoff | None, Field(description="Another person is to wear this hat, once they accept.")] = (
        None
    )
    accept: Annotated[Accept | None, Field(description="I take over what was handed to me.")] = None
    decline: Annotated[Decline | None, Field(description="I can't take over what was handed to me.")] = None
    severity: Annotated[SetSeverity | None, Field(description="It is that bad; better or worse than was said.")] = None
    impact: Annotated[Impact | None, Field(description="Who is hurt, how badly; what is left out stays as it was.")] = (
        None
    )
    correct: Annotated[
        Correct | None, Field(description="A time on the record was another; needs text: how it is known.")
    ] = None
    hypothesis: Annotated[SaidHypothesis | None, Field(description="A guess, or what became of one.")] = None
    update: Annotated[Update | None, Field(description="What people are told: spec.text, to whom, what is next.")] = (
        None
    )
    escalate: Annotated[Escalate | None, Field(description="Somebody else is needed; needs text: for what.")] = None
    mitigate: Annotated[Wish | None, Field(description="Ask for a mitigation; it must name its target.")] = None
    approve: Annotated[Approve | None, Field(description="I agree to this plan.")] = None
    deny: Annotated[Deny | None, Field(description="This shall not be done.")] = None
    undo: Annotated[Undo | None, Field(description="Take back what a mitigation did.")] = None
    extend: Annotated[Extend | None, Field(description="A debt is due later; needs text: why.")] = None
    defer: Annotated[Defer | None, Field(description="A debt becomes an ActionItem; needs text: why.")] = None
    confirm: Annotated[Confirm | None, Field(description="A manual criterion holds.")] = None
    ask_postmortem: Annotated[AskPostmortem | None, Field(description="A full postmortem shall be written.")] = None
    sign_off: Annotated[SignOff | None, Field(description="I stand by the postmortem; not for its authors.")] = None
    waive: Annotated[Waive | None, Field(description="No postmortem will be written; needs text: why.")] = None
    resolve: Annotated[Resolve | None, Field(description="It is over.")] = None
    reopen: Annotated[Reopen | None, Field(description="It is not over.")] = None
    cancel: Annotated[Cancel | None, Field(description="This was no incident.")] = None
    author: Annotated[Person | None, Field(description="Stamped by the API server; leave it out.")] = None

    MEMBERS: ClassVar[tuple[str, ...]] = (
        "note",
        "acknowledge",
        "take",
        "handoff",
        "accept",
        "decline",
        "severity",
        "impact",
        "correct",
        "hypothesis",
        "update",
        "escalate",
        "mitigate",
        "approve",
        "deny",
        "undo",
        "extend",
        "defer",
        "confirm",
        "ask_postmortem",
        "sign_off",
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
