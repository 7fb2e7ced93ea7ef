"""Runbook: what to do when, written down in Git before it is needed. `$(name)` stands for a parameter, literally."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from stanch.api.incident import Criterion, Meta, Recovery
from stanch.api.meta import Condition, Duration, Model, ObjectName, Severity, Target, Text, Time, WishName
from stanch.api.policy_limits import keyed
from stanch.api.runbook_record import ChecklistItem, Escalation, Mode
from stanch.api.wish import Wish

# The label of an alert that names its Runbook; it counts only where that Runbook's own matchers fit.
RUNBOOK_LABEL: Final = "runbook"
VALUE_MAX: Final = 253
# A name as it is written in `$(name)`; the same form as that of a mitigation.
PARAMETER: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
# Of an object, with parameters in it; what it comes to is checked again once they are filled in.
_TEMPLATE: Final = r"^([-a-z0-9.]|\$\([-a-z0-9]+\))+$"
_Query = Annotated[str, Field(min_length=1, max_length=512)]


class Authority(StrEnum):
    """Whose rights count."""

    REQUESTER = "Requester"
    SERVICE_ACCOUNT = "ServiceAccount"


class Failing(StrEnum):
    """How many of the targets have pods that don't serve."""

    ANY = "Any"
    ALL = "All"


class Match(Model):
    """Which alerts it is for. Without `alerts` it is only ever chosen by a person."""

    alerts: Annotated[
        tuple[_Query, ...] | None,
        Field(
            min_length=1,
            max_length=16,
            description="Alertmanager matchers on labels, all of which must fit: name=value, !=, =~ or !~ with a regular "
            'expression that must fit the whole value; a label that is not there is "".',
        ),
    ] = None
    severities: Annotated[
        tuple[Severity, ...] | None,
        Field(max_length=4, description="Only for incidents of these severities; of any when left out."),
    ] = None
    priority: Annotated[
        int | None,
        Field(
            ge=0,
            le=1000,
            description="Of several that fit the highest is taken, then the one with most matchers; 0 when left out. "
            "Of several that are still equal none is run, and all are listed.",
        ),
    ] = None


class Parameter(Model):
    """A value that is known only when it runs. Exactly one of oneOf and pattern says what it may be."""

    name: Annotated[WishName, Field(description="Written as $(name) in targets, mitigations, criteria and checklist.")]
    from_alert_label: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=VALUE_MAX,
            description="Label of the alert that it is read from; never when left out.",
        ),
    ] = None
    one_of: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=VALUE_MAX)], ...] | None,
        Field(min_length=1, max_length=64, description="All values it may have."),
    ] = None
    pattern: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=256,
            description="Regular expression (RE2) that the whole value must fit; alert labels are other people's text.",
        ),
    ] = None
    required: Annotated[
        bool | None, Field(description="Nothing is planned without it. What is written as $(name) is needed anyway.")
    ] = None
    description: Annotated[Text | None, Field(description="What it is, for people.")] = None


class RunbookTarget(Target):
    """One object in the Runbook's own namespace (a Node has none); its name may hold parameters."""

    name: Annotated[
        str,
        Field(
            min_length=1,
            max_length=VALUE_MAX,
            pattern=_TEMPLATE,
            description="Name of the object, $(parameter) for one that is known later.",
        ),
    ]


class RunbookWish(Wish):
    """One mitigation, in the incident's own shape; names of targets and texts may hold parameters."""

    target: Annotated[
        RunbookTarget | None,
        Field(description="What to act on; the Runbook's first target when left out, else the incident's."),
    ] = None


class RunbookCriterion(Criterion):
    """One criterion of recovery, in the incident's own shape; names of targets and queries may hold parameters."""

    target: Annotated[
        RunbookTarget | None, Field(description="What is looked at; all of the Runbook's targets when left out.")
    ] = None


class RunbookRecovery(Recovery):
    """When it is over."""

    criteria: Annotated[
        tuple[RunbookCriterion, ...] | None,
        Field(
            max_length=12,
            description="Left out: every target available (gates Mitigated) and no restarts.",
            json_schema_extra=keyed("name"),
        ),
    ] = None


class Precondition(Model):
    """Something that must be so, else nothing is planned and the record says why. Exactly one check is set."""

    name: Annotated[WishName, Field(description="Your name for it.")]
    rolled_out_within: Annotated[
        Duration | None,
        Field(description="A workload among the targets got its newest template no longer ago than this."),
    ] = None
    failing: Annotated[
        Failing | None,
        Field(
            description="Any: a workload among the targets has fewer pods available than it wants, or a rollout whose pods fail. "
            "All: each has."
        ),
    ] = None


class RunGuardrails(Model):
    """How often it may run, and how much it may touch; on top of the ResponsePolicy's."""

    cooldown: Annotated[
        Duration | None, Field(description="Between two runs of it on the same target; sooner than that it waits.")
    ] = None
    max_per_day: Annotated[
        int | None, Field(ge=1, le=1000, description="Runs of it in 24 hours; what is more waits for a person.")
    ] = None
    max_pods_percent: Annotated[
        int | None,
        Field(
            ge=1, le=100, description="Share of a workload's pods that one of its mitigations may take away at once."
        ),
    ] = None


class RunbookSpec(Model):
    """What to do when. Nothing of it changes a plan that is running already."""

    title: Annotated[str, Field(min_length=1, max_length=200, description="One line: what it does, and for what.")]
    summary: Annotated[Text | None, Field(description="When it is the right one, in a few sentences.")] = None
    service: Annotated[str | None, Field(max_length=63, description="The service it is about.")] = None
    mode: Annotated[
        Mode | None,
        Field(
            description="Observe: show the plan. Approve (default): act once a person approves. Auto: act; only with "
            "recovery, guardrails.cooldown and drilledWithin set, and never what is wide or can't be undone."
        ),
    ] = None
    authority: Annotated[
        Authority | None,
        Field(
            description="Whose rights count. Requester: of who asks for it. ServiceAccount: of serviceAccountName, for "
            "everybody with the verb run on this Runbook. When left out: ServiceAccount if one is named, else Requester."
        ),
    ] = None
    service_account_name: Annotated[
        ObjectName | None,
        Field(
            description="ServiceAccount of the Runbook's namespace; who writes the Runbook needs the verb use on it. What "
            "an alert asks for is done with its rights, never with stanch's own."
        ),
    ] = None
    match: Annotated[Match | None, Field(description="Which alerts it is for.")] = None
    parameters: Annotated[
        tuple[Parameter, ...] | None,
        Field(max_length=16, description="Values that are known only when it runs.", json_schema_extra=keyed("name")),
    ] = None
    targets: Annotated[
        tuple[RunbookTarget, ...] | None,
        Field(
            max_length=8,
            description="What it is about. Mitigations without a target act on the first.",
            json_schema_extra=keyed("kind", "name"),
        ),
    ] = None
    preconditions: Annotated[
        tuple[Precondition, ...] | None,
        Field(max_length=8, description="What must be so, else nothing is planned.", json_schema_extra=keyed("name")),
    ] = None
    checklist: Annotated[
        tuple[ChecklistItem, ...] | None,
        Field(max_length=12, description="What people do beside it.", json_schema_extra=keyed("name")),
    ] = None
    mitigations: Annotated[
        tuple[RunbookWish, ...] | None,
        Field(
            max_length=8,
            description="What to try, in order: the next starts only while it still hurts.",
            json_schema_extra=keyed("name"),
        ),
    ] = None
    recovery: Annotated[
        RunbookRecovery | None, Field(description="When it is over, unless the incident says so itself.")
    ] = None
    escalate: Annotated[
        tuple[Escalation, ...] | None, Field(max_length=8, description="Whom to call when it goes on, and when.")
    ] = None
    guardrails: Annotated[RunGuardrails | None, Field(description="How often, and how much.")] = None
    docs: Annotated[
        str | None, Field(max_length=2048, pattern="^https?://", description="Where its prose is: http or https.")
    ] = None
    drilled_within: Annotated[
        Duration | None,
        Field(description="In mode Auto it acts as in Approve unless a drill of it went well no longer ago than this."),
    ] = None


class DrillRecord(Model):
    """The last drill that went well."""

    incident: Annotated[str, Field(max_length=253, description="The Incident with drill: true.")]
    time: Annotated[Time, Field(description="When its last mitigation had been tried out.")]
    generation: Annotated[int, Field(ge=0, description="Generation of the Runbook that was drilled.")]


class RunbookStatus(Model):
    """What is so about a Runbook."""

    observed_generation: Annotated[int | None, Field(ge=0, description="Generation this was decided on.")] = None
    conditions: Annotated[
        tuple[Condition, ...],
        Field(max_length=8, description="Ready; Stalled only while true.", json_schema_extra=keyed("type")),
    ] = ()
    findings: Annotated[
        tuple[Annotated[str, Field(max_length=512)], ...] | None,
        Field(max_length=16, description="What works, and is better known before the night it is needed."),
    ] = None
    drilled: Annotated[DrillRecord | None, Field(description="The last drill that went well; absent: never.")] = None


class Runbook(Model):
    """One Runbook, as read from the API server."""

    metadata: Meta
    spec: RunbookSpec
    status: RunbookStatus = Field(default_factory=RunbookStatus)

    @property
    def key(self) -> str:
        """``namespace/name``, for logs and texts."""
        return f"{self.metadata.namespace}/{self.metadata.name}"

    @property
    def mode(self) -> Mode:
        """As written; Approve when nothing is."""
        return self.spec.mode or Mode.APPROVE

    @property
    def authority(self) -> Authority:
        """As written; when nothing is: the ServiceAccount's if one is named."""
        named = Authority.SERVICE_ACCOUNT if self.spec.service_account_name else Authority.REQUESTER
        return self.spec.authority or named
