"""ResponsePolicy: how a team responds. One a namespace, named default; all fields left out mean the built-in defaults."""

from typing import Annotated, Final

from pydantic import Field

from stanch.api.incident import Meta
from stanch.api.meta import Condition, Model
from stanch.api.policy_limits import ApprovalRules, EvidenceRules, Guardrails, Retention, keyed
from stanch.api.policy_review import ActionItemRules, PostmortemRules, RecoveryRules
from stanch.api.policy_sections import (
    Communications,
    Contact,
    Declare,
    Endpoint,
    ErrorBudget,
    Prometheus,
    Receiver,
    RoleRules,
    SeverityRules,
)

POLICY_NAME: Final = "default"
# What the operator connects to, and whom it believes: said once, by the platform, in its own namespace.
CLUSTER_ONLY: Final = (
    "approvals.people",
    "communications.channels",
    "errorBudget",
    "receiver",
    "prometheus",
    "endpoints",
)
# The last good spec stands in the status a second time, as text: it has to survive the next one being wrong.
IN_FORCE_MAX: Final = 65_536
FINDINGS_MAX: Final = 32


class ResponsePolicySpec(Model):
    """How a team responds. Everything may be left out; an empty spec means the built-in defaults."""

    severity: Annotated[SeverityRules | None, Field(description="What makes a severity when nobody says one.")] = None
    declare: Annotated[Declare | None, Field(description="When an incident should be declared.")] = None
    roles: Annotated[RoleRules | None, Field(description="Who must be there.")] = None
    communications: Annotated[
        Communications | None, Field(description="Promises of updates; channels only in the cluster's policy.")
    ] = None
    approvals: Annotated[
        ApprovalRules | None, Field(description="Approvals by somebody else. The stricter value of both counts.")
    ] = None
    guardrails: Annotated[
        Guardrails | None, Field(description="How much may be done. The stricter value of both counts.")
    ] = None
    evidence: Annotated[
        EvidenceRules | None, Field(description="How much is kept. Of required, the stricter value of both counts.")
    ] = None
    recovery: Annotated[RecoveryRules | None, Field(description="When it is over.")] = None
    postmortem: Annotated[PostmortemRules | None, Field(description="When a review is required.")] = None
    action_items: Annotated[ActionItemRules | None, Field(description="What follows from it.")] = None
    error_budget: Annotated[
        ErrorBudget | None, Field(description="Error budget policy; only in the cluster's policy.")
    ] = None
    retention: Annotated[
        Retention | None, Field(description="How long records are kept. The stricter value of both counts.")
    ] = None
    receiver: Annotated[Receiver | None, Field(description="Where alerts come in; only in the cluster's policy.")] = (
        None
    )
    prometheus: Annotated[
        Prometheus | None, Field(description="Where numbers come from; only in the cluster's policy.")
    ] = None
    endpoints: Annotated[
        tuple[Endpoint, ...] | None,
        Field(
            max_length=64,
            description="URLs that criteria may name; only in the cluster's policy.",
            json_schema_extra=keyed("name"),
        ),
    ] = None
    contacts: Annotated[
        tuple[Contact, ...] | None,
        Field(
            max_length=64,
            description="Whom an escalation may name, and how they are reached.",
            json_schema_extra=keyed("name"),
        ),
    ] = None


class InForce(Model):
    """The last generation that was valid: it counts until a valid one follows."""

    generation: Annotated[int, Field(ge=0, description="Generation of the spec.")]
    spec: Annotated[str, Field(max_length=IN_FORCE_MAX, description="That spec, as JSON.")]


class ResponsePolicyStatus(Model):
    """What is so about a policy."""

    observed_generation: Annotated[int | None, Field(ge=0, description="Generation this was decided on.")] = None
    conditions: Annotated[
        tuple[Condition, ...],
        Field(
            max_length=8,
            description="Ready; Stalled only while true.",
            json_schema_extra=keyed("type"),
        ),
    ] = ()
    in_force: Annotated[
        InForce | None, Field(description="The last generation that was valid; absent while there was none.")
    ] = None
    findings: Annotated[
        tuple[Annotated[str, Field(max_length=512)], ...] | None,
        Field(max_length=FINDINGS_MAX, description="What it says that does not count, and what counts instead."),
    ] = None


class ResponsePolicy(Model):
    """One policy, as read from the API server."""

    metadata: Meta
    spec: ResponsePolicySpec
    status: ResponsePolicyStatus = Field(default_factory=ResponsePolicyStatus)
