"""What an incident keeps of its Runbook: the plan as it was frozen. A later change of the Runbook changes none of it."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from stanch.api.meta import Counter, Duration, Model, Name, Target, Time, WishName
from stanch.api.said import Role

_S = Annotated[str, Field(max_length=320)]
_L = Annotated[str, Field(max_length=1024)]


class Mode(StrEnum):
    """How far it goes by itself."""

    OBSERVE = "Observe"
    APPROVE = "Approve"
    AUTO = "Auto"


class ChecklistItem(Model):
    """Something for a person to do; it is shown, never waited for."""

    name: Annotated[WishName, Field(description="Your name for it.")]
    do: Annotated[str, Field(min_length=1, max_length=512, description="What to do, in a sentence.")]
    role: Annotated[Role | None, Field(description="Whose it is; anybody's when left out.")] = None
    link: Annotated[str | None, Field(max_length=1024, pattern="^https?://", description="Where to do it.")] = None


class Escalation(Model):
    """Whom to call when it goes on."""

    after: Annotated[Duration, Field(description="So long after the plan was made, while it still hurts.")]
    to: Annotated[Name, Field(description="A contact of the ResponsePolicy, or a person.")]


class PreconditionRecord(Model):
    """How one precondition stood when it was last looked at."""

    name: Annotated[_S, Field(description="Name of the precondition.")]
    met: Annotated[bool | None, Field(description="Is it so? Left out while nobody can tell.")] = None
    message: Annotated[_L, Field(description="What was seen.")]


class EscalationRecord(Model):
    """Somebody to call, and when."""

    to: Annotated[_S, Field(description="Whom to call.")]
    due_time: Annotated[Time, Field(description="When, if it still hurts then.")]
    said_time: Annotated[Time | None, Field(description="When that was said.")] = None


class RunbookRecord(Model):
    """The Runbook of an incident. With a digest it is frozen, and its mitigations stand among the others."""

    name: Annotated[_S, Field(description="Name of the Runbook.")]
    asked: Annotated[_S, Field(description="Digest of spec.runbook when it was taken in.")]
    requested_by: Annotated[str | None, Field(max_length=512, description="Who chose it.")] = None
    reason: Annotated[_S | None, Field(description="Why there is no plan yet, one word.")] = None
    message: Annotated[_L | None, Field(description="What holds the plan, and what would free it.")] = None
    preconditions: Annotated[
        tuple[PreconditionRecord, ...] | None, Field(max_length=8, description="How its preconditions stood.")
    ] = None
    digest: Annotated[_S | None, Field(description="Digest of the frozen plan; left out while there is none.")] = None
    generation: Annotated[int | None, Field(ge=0, description="Generation of the Runbook that was frozen.")] = None
    frozen_time: Annotated[Time | None, Field(description="When the plan was made, for good.")] = None
    mode: Annotated[Mode | None, Field(description="Observe, Approve or Auto, as it counts here.")] = None
    account: Annotated[
        str | None, Field(max_length=320, description="ServiceAccount whose rights count; else those of who chose it.")
    ] = None
    parameters: Annotated[
        dict[str, Annotated[str, Field(max_length=253)]] | None,
        Field(max_length=16, description="Values that were filled in."),
    ] = None
    targets: Annotated[
        tuple[Target, ...] | None, Field(max_length=8, description="What it is about, where spec.targets says nothing.")
    ] = None
    recovery: Annotated[
        str | None, Field(max_length=32_768, description="When it is over, as JSON, where spec.recovery says nothing.")
    ] = None
    checklist: Annotated[
        tuple[ChecklistItem, ...] | None, Field(max_length=12, description="What people do beside it.")
    ] = None
    escalate: Annotated[
        tuple[EscalationRecord, ...] | None, Field(max_length=8, description="Whom to call, and when.")
    ] = None
    cooldown: Annotated[Duration | None, Field(description="Between two runs of it on the same target.")] = None
    max_per_day: Annotated[
        Counter | None, Field(description="Runs of it in 24 hours that no person need agree to.")
    ] = None
    max_pods_percent: Annotated[Counter | None, Field(description="Share of pods that one scale may take away.")] = None
