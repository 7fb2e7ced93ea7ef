"""What a TimelineEntry may say: one model a member. Who may say it is decided at admission and in core/entry_fold.py."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from stanch.api.actions import ACTION_NAMES
from stanch.api.hypothesis import HypothesisState
from stanch.api.meta import Duration, Model, Name, ObjectName, Severity, Text, Time, WishName
from stanch.api.stamps import Stamped

_Told = Annotated[str, Field(min_length=1, max_length=1024)]


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
    """Hats that one person wears at a time, and hands over."""

    COMMANDER = "commander"
    OPERATIONS = "operations"
    COMMUNICATIONS = "communications"
    SCRIBE = "scribe"
    CUSTOMER_LIAISON = "customerLiaison"
    EXECUTIVE_LIAISON = "executiveLiaison"


class Seat(StrEnum):
    """What can be taken: the roles, and two that several people have at once and nobody hands over."""

    COMMANDER = "commander"
    OPERATIONS = "operations"
    COMMUNICATIONS = "communications"
    SCRIBE = "scribe"
    CUSTOMER_LIAISON = "customerLiaison"
    EXECUTIVE_LIAISON = "executiveLiaison"
    EXPERT = "expert"
    SHADOW = "shadow"


SHARED: Final = frozenset({Seat.EXPERT.value, Seat.SHADOW.value})
# Of each; the status has room for all of them, and for one of each other role.
SHARED_MAX: Final = 16


class Take(Model):
    """I wear this hat now."""

    role: Annotated[Seat, Field(description="Which hat; expert (called in) and shadow (here to learn): beside others.")]


class Summary(Model):
    """What whoever takes over must know."""

    impact: Annotated[_Told, Field(description="Who is hurt now, and how badly.")]
    tried: Annotated[_Told, Field(description="What was tried, and what came of it.")]
    hypotheses: Annotated[Text | None, Field(description="What leads, what was rejected.")] = None
    next: Annotated[_Told, Field(description="What is to be done next.")]
    next_update_time: Annotated[Time | None, Field(description="When the next update was promised.")] = None


class Handoff(Model):
    """Another person is to wear this hat; until they accept, it stays where it is."""

    role: Annotated[Role, Field(description="Which hat.")]
    to: Annotated[Name, Field(description="User name of who is to wear it; only they can accept.")]
    summary: Annotated[Summary, Field(description="What they must know: impact, tried, next.")]


class Accept(Model):
    """I take over what was handed to me."""

    handoff: Annotated[ObjectName, Field(description="Name of the TimelineEntry with the hand-off.")]


class Decline(Model):
    """I can't take over what was handed to me; it stays where it is."""

    handoff: Annotated[ObjectName, Field(description="Name of the TimelineEntry with the hand-off.")]


class SetSeverity(Model):
    """It is that bad."""

    level: Annotated[Severity, Field(description="SEV1 (worst) to SEV4. Both ways are free.")]


class Correct(Model):
    """One of status.times was another; what the record said before stays there to be read."""

    what: Annotated[
        Stamped,
        Field(
            description="started, detected, declared, acknowledged, mitigated or resolved (these two: the commander)."
        ),
    ]
    time: Annotated[Time, Field(description="When it was.")]


class SaidHypothesis(Model):
    """A guess, or what became of one: what is left out stays as it was."""

    name: Annotated[WishName, Field(description="Your name for it; a known one is changed.")]
    statement: Annotated[Text | None, Field(min_length=1, description="What you think is so; a new one needs it.")] = (
        None
    )
    state: Annotated[HypothesisState | None, Field(description="Open (default), Leading, Confirmed or Rejected.")] = (
        None
    )
    time_box: Annotated[Duration | None, Field(description="How long to pursue it.")] = None
    or_else: Annotated[Text | None, Field(description="What to do when the time is over.")] = None


class Audience(StrEnum):
    """Who is told."""

    INTERNAL = "internal"
    LEADERSHIP = "leadership"
    PUBLIC = "public"


class UpdateState(StrEnum):
    """Where it stands, in the words of a status page."""

    INVESTIGATING = "Investigating"
    IDENTIFIED = "Identified"
    MONITORING = "Monitoring"
    RESOLVED = "Resolved"


class Update(Model):
    """What people are told, and when they hear more."""

    audience: Annotated[Audience, Field(description="internal, leadership or public; public needs verb publish.")]
    state: Annotated[UpdateState, Field(description="Investigating, Identified, Monitoring or Resolved.")]
    next_update_in: Annotated[Duration | None, Field(description="When they hear more, counted from now.")] = None


class Escalate(Model):
    """Somebody else is needed."""

    to: Annotated[Name, Field(description="Who is asked: a person or a team. stanch pages nobody.")]


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
    force: Annotated[
        bool | None,
        Field(
            description="Also over what others wrote there since, or though it would do harm now: needs a text, and another "
            "person's approve entry with the digest that the record then shows."
        ),
    ] = None


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


class Confirm(Model):
    """A person says that a manual criterion holds."""

    criterion: Annotated[
        WishName | None, Field(description="Name of the manual criterion; may be left out when there is one only.")
    ] = None


class AskPostmortem(Model):
    """A full postmortem shall be written."""


class SignOff(Model):
    """I have read the postmortem, and stand by it; not for its authors."""


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
    duplicate_of: Annotated[ObjectName | None, Field(description="The other incident, for Duplicate.")] = None
