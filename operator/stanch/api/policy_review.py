"""Sections of a ResponsePolicy about the end and what follows: recovery, postmortem, action items."""

from typing import Annotated

from pydantic import Field

from stanch.api.actions import ACTION_NAMES
from stanch.api.meta import Duration, Model, Severity
from stanch.api.policy_limits import Strictness, keyed

# An action of the table in docs that is not built yet; a policy may name it already.
_ACTIONS = (*ACTION_NAMES, "quarantine")


class HoldFor(Model):
    """How long recovery must hold."""

    severity: Annotated[Severity, Field(description="Severity in force.")]
    for_: Annotated[Duration, Field(alias="for", description="All criteria pass for so long; from 1s to 24h.")]


class RecoveryRules(Model):
    """When it is over."""

    hold: Annotated[
        tuple[HoldFor, ...] | None,
        Field(
            max_length=4,
            description="By severity: SEV1 30m, SEV2 15m, SEV3 10m, SEV4 5m when left out.",
            json_schema_extra=keyed("severity"),
        ),
    ] = None
    sample_every: Annotated[
        Duration | None, Field(description="Criteria are looked at every; 15s when left out. From 1s to 5m.")
    ] = None
    crash_loop_hold: Annotated[
        Duration | None, Field(description="At least so long after a CrashLoopBackOff; 6m when left out. At most 1h.")
    ] = None
    git_ops_hold: Annotated[
        Duration | None, Field(description="At least so long where Argo CD self-heals; 6m when left out. At most 1h.")
    ] = None
    reopen_within: Annotated[
        Duration | None, Field(description="A relapse reopens it for so long; 4h when left out. From 1m to 168h.")
    ] = None
    recurrence_within: Annotated[
        Duration | None, Field(description="The same again counts as recurrence for so long; 720h when left out.")
    ] = None


class PostmortemRules(Model):
    """When a review is required, and what it must have."""

    required_at: Annotated[Severity | None, Field(description="From this severity up; SEV2 when left out.")] = None
    user_visible_for: Annotated[Duration | None, Field(description="Users saw it for so long; 15m when left out.")] = (
        None
    )
    resolve_longer_than: Annotated[Duration | None, Field(description="It took so long; 4h when left out.")] = None
    detect_longer_than: Annotated[
        Duration | None, Field(description="Nobody saw it for so long; 15m when left out.")
    ] = None
    budget_percent: Annotated[
        int | None, Field(ge=1, le=100, description="Of the error budget used, in percent; 20 when left out.")
    ] = None
    on_mitigations: Annotated[
        tuple[Annotated[str, Field(max_length=63, json_schema_extra={"enum": list(_ACTIONS)})], ...] | None,
        Field(
            max_length=32,
            description="When one of these was tried: rolloutUndo, serviceShift, routeShift, drain, quarantine when left out.",
        ),
    ] = None
    on_data_at_risk: Annotated[bool | None, Field(description="When data was at risk; true when left out.")] = None
    on_customer_detected: Annotated[bool | None, Field(description="When a customer found it; true when left out.")] = (
        None
    )
    on_recurrence: Annotated[bool | None, Field(description="When it came back; true when left out.")] = None
    due: Annotated[
        Duration | None, Field(description="The text is due after; 48h when left out. From 1h to 2160h.")
    ] = None
    review_within: Annotated[
        Duration | None, Field(description="A full one is talked over within; 120h when left out. From 1h to 2160h.")
    ] = None
    publish_within: Annotated[
        Duration | None, Field(description="It is published within; 240h when left out. From 1h to 2160h.")
    ] = None
    sign_offs: Annotated[int | None, Field(ge=0, le=5, description="By others than authors; 1 when left out.")] = None
    min_factors: Annotated[int | None, Field(ge=1, le=10, description="Contributing factors; 3 when left out.")] = None
    lint: Annotated[Strictness | None, Field(description="Blaming words: Deny when left out, or Warn.")] = None


class MaxDue(Model):
    """How late an action item may be due, by priority."""

    p0: Annotated[Duration | None, Field(alias="P0", description="P0; 168h when left out.")] = None
    p1: Annotated[Duration | None, Field(alias="P1", description="P1; 504h when left out.")] = None
    p2: Annotated[Duration | None, Field(alias="P2", description="P2; 1080h when left out.")] = None
    p3: Annotated[Duration | None, Field(alias="P3", description="P3; 2160h when left out.")] = None


class ActionItemRules(Model):
    """What follows from a postmortem."""

    max_per_postmortem: Annotated[int | None, Field(ge=1, le=32, description="At most so many; 5 when left out.")] = (
        None
    )
    max_due: Annotated[MaxDue | None, Field(description="The latest due time by priority.")] = None
    chase_every: Annotated[Duration | None, Field(description="Owners are reminded every; 168h when left out.")] = None
    three_week_test: Annotated[
        Duration | None, Field(description="Is anything done after so long? 504h when left out.")
    ] = None
    escalate_after: Annotated[
        Duration | None, Field(description="Overdue for so long, somebody else is told; 168h when left out.")
    ] = None
    escalate_to: Annotated[
        str | None, Field(min_length=1, max_length=253, description="Who that is: a contact, a person, a team.")
    ] = None
    look_every: Annotated[
        Duration | None, Field(description="doneWhen is looked at every; 15m when left out. From 1s to 24h.")
    ] = None
    hold: Annotated[
        Duration | None, Field(description="doneWhen must hold for so long; 1h when left out. From 1s to 168h.")
    ] = None
