"""Sections of a ResponsePolicy that a namespace sets for itself, whole; and those that only the cluster's may have."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from stanch.api.communications_status import Moment
from stanch.api.meta import Duration, Model, Name, ObjectName, Severity
from stanch.api.policy_limits import Strictness, keyed
from stanch.api.said import Audience, Role

_Url = Annotated[str, Field(max_length=2048, pattern="^https?://[^ ]+$")]


class Burn(Model):
    """A burn rate of the error budget that makes a severity; both windows must burn."""

    level: Annotated[Severity, Field(description="Severity it means.")]
    factor: Annotated[
        str, Field(max_length=16, pattern="^[0-9]{1,5}(\\.[0-9]{1,3})?$", description='Burn rate, in quotes: "14.4".')
    ]
    long: Annotated[Duration, Field(description="The long window; longer than the short one.")]
    short: Annotated[Duration, Field(description="The short window.")]


class SeverityRules(Model):
    """What makes a severity when nobody says one."""

    when_unknown: Annotated[Severity | None, Field(description="When nothing is known; SEV2 when left out.")] = None
    burn: Annotated[
        tuple[Burn, ...] | None,
        Field(max_length=16, description="First row that fits; 14.4 over 1h and 5m is SEV1 when left out, and so on."),
    ] = None
    alert_severity: Annotated[
        dict[str, Severity] | None,
        Field(
            max_length=32,
            description="Severity label of an alert to severity; critical, page, error SEV2, warning, ticket SEV3, "
            "info SEV4 when left out.",
        ),
    ] = None


class Declare(Model):
    """When an incident should be declared."""

    nudge_after: Annotated[Duration | None, Field(description="A SEV4 that goes on for so long; 1h when left out.")] = (
        None
    )
    alerts: Annotated[
        int | None, Field(ge=1, le=1000, description="Alerts that make an incident; 1 when left out.")
    ] = None
    within: Annotated[Duration | None, Field(description="In so long; 2m when left out.")] = None
    also_when_user_visible: Annotated[
        bool | None, Field(description="Whenever users see it, whatever the severity; true when left out.")
    ] = None


class RolesRequired(Model):
    """Roles that must be taken."""

    severity: Annotated[Severity, Field(description="Severity in force.")]
    roles: Annotated[tuple[Role, ...], Field(max_length=6, description="Roles that somebody must have.")]
    within: Annotated[Duration, Field(description="In so long after the declaration.")]


class Split(Model):
    """When one person with all roles is too few."""

    duration: Annotated[Duration | None, Field(description="After so long; 30m when left out.")] = None
    responders: Annotated[int | None, Field(ge=1, le=100, description="Or so many people; 3 when left out.")] = None


class RoleRules(Model):
    """Who must be there, and what one person should not be at once."""

    required: Annotated[
        tuple[RolesRequired, ...] | None,
        Field(
            max_length=4,
            description="Roles by severity: SEV1 commander, operations, communications, scribe in 5m; SEV2 commander, "
            "operations in 10m; SEV3 operations in 8h when left out.",
            json_schema_extra=keyed("severity"),
        ),
    ] = None
    avoid: Annotated[
        tuple[Annotated[str, Field(max_length=64, pattern="^[a-zA-Z]+\\+[a-zA-Z]+$")], ...] | None,
        Field(
            max_length=16,
            description="Pairs that one person should not hold: warned, recorded, never refused. operations+scribe and "
            "commander+operations when left out.",
        ),
    ] = None
    commander_acts: Annotated[
        Strictness | None,
        Field(
            description="Warn (when left out), or Deny: the commander may not ask for a mitigation. Deny is stricter."
        ),
    ] = None
    split_after: Annotated[Split | None, Field(description="When roles should be split.")] = None
    handoff_after: Annotated[Duration | None, Field(description="A hand-off is due; 4h when left out.")] = None
    accept_within: Annotated[Duration | None, Field(description="A hand-off is accepted; 10m when left out.")] = None


class Cadence(Model):
    """What is promised to whom."""

    severity: Annotated[Severity, Field(description="Severity in force.")]
    internal: Annotated[Duration | None, Field(description="Responders and stakeholders hear every.")] = None
    leadership: Annotated[Duration | None, Field(description="Leadership hears every.")] = None
    public_first: Annotated[Duration | None, Field(description="Users hear first, after detection.")] = None
    public: Annotated[Duration | None, Field(description="Users hear every, while they see it.")] = None


class ChannelKind(StrEnum):
    """Where words go."""

    SLACK = "Slack"
    EMAIL = "Email"
    WEBHOOK = "Webhook"
    PAGER_DUTY = "PagerDuty"
    GRAFANA = "Grafana"


class Channel(Model):
    """One place where updates are sent."""

    name: Annotated[Name, Field(description="Your name for it.")]
    kind: Annotated[ChannelKind, Field(description="Slack, Email, Webhook, PagerDuty or Grafana.")]
    secret: Annotated[ObjectName, Field(description="Secret in stanch-system that holds address and credentials.")]
    audiences: Annotated[tuple[Audience, ...], Field(max_length=3, description="Who hears it there.")]
    severities: Annotated[
        tuple[Severity, ...] | None,
        Field(max_length=4, description="Only of these; all when left out. Who heard of it hears of its end."),
    ] = None
    private_host: Annotated[
        str | None,
        Field(
            max_length=253,
            pattern="^[A-Za-z0-9.:_-]+$",
            description="Host in your own network that the Secret's address may name, as it is written there: a mail relay, a "
            "Grafana. Without it nothing private is connected to; link-local addresses never are.",
        ),
    ] = None


class UpdateTemplate(Model):
    """Words with blanks for one audience and one moment."""

    audience: Annotated[Audience, Field(description="internal, leadership or public.")]
    moment: Annotated[
        Moment,
        Field(
            description="Declared (the first in the house), Aware (the public's first), Update, Handoff (somebody else leads since "
            "then), Mitigated, Resolved or Cancelled (it was none)."
        ),
    ]
    text: Annotated[
        str,
        Field(
            min_length=1,
            max_length=8192,
            description="Jinja2: blanks such as {{ impact }}, if, for over a list, a few filters; no calls, no sums. For all: "
            "service, impact, since, next_update; not for the public: title, severity, commander, leading, stands, tried, trying.",
        ),
    ]


class Communications(Model):
    """Promises of updates, and where they go."""

    cadence: Annotated[
        tuple[Cadence, ...] | None,
        Field(
            max_length=4,
            description="Updates by severity: SEV1 internal 15m, leadership 30m, public first 5m, then 20m when left out, "
            "and so on; SEV4 promises nothing.",
            json_schema_extra=keyed("severity"),
        ),
    ] = None
    after_mitigated: Annotated[
        int | None, Field(ge=1, le=10, description="Every interval times this once mitigated; 2 when left out.")
    ] = None
    templates: Annotated[
        tuple[UpdateTemplate, ...] | None,
        Field(
            max_length=21,
            description="Drafts of updates in your own words; built-in ones when left out.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["audience", "moment"]},
        ),
    ] = None
    lint: Annotated[
        Strictness | None, Field(description="Public text that names causes or promises: Warn when left out, or Deny.")
    ] = None
    channels: Annotated[
        tuple[Channel, ...] | None,
        Field(
            max_length=32,
            description="Where updates are sent; nowhere when left out. Only in the cluster's policy.",
            json_schema_extra=keyed("name"),
        ),
    ] = None


class BudgetMode(StrEnum):
    """What an empty error budget does, or the same again while promises are not kept."""

    DISABLED = "Disabled"
    WARN = "Warn"
    DENY = "Deny"


class ErrorBudget(Model):
    """Error budget policy. Only in the cluster's policy."""

    mode: Annotated[
        BudgetMode | None,
        Field(description="Disabled, Warn (when left out), or Deny: new pod templates are refused."),
    ] = None
    query: Annotated[
        str | None,
        Field(
            max_length=2048,
            description="PromQL for the share that is left: a series for each service, with the label `namespace`; "
            "slo:period_error_budget_remaining:ratio when left out.",
        ),
    ] = None
    exempt_label: Annotated[
        str | None,
        Field(
            max_length=317, description="Label of a Namespace that is never frozen; stanch.dev/exempt when left out."
        ),
    ] = None


class Receiver(Model):
    """Where alerts come in. Only in the cluster's policy."""

    default_namespace: Annotated[
        str | None,
        Field(max_length=63, description="Incidents of alerts without a Runbook; stanch-system when left out."),
    ] = None
    namespaces: Annotated[
        tuple[Annotated[str, Field(max_length=63, pattern="^([a-z0-9]([-a-z0-9]*[a-z0-9])?|[*])$")], ...] | None,
        Field(
            max_length=256,
            description="Where the label `namespace`, the same on all alerts of a group, says where the incident is made: if it "
            'names one of these, or "*" is one of these, and the sender may create alerts there. Nowhere when left out.',
        ),
    ] = None
    group_by: Annotated[
        str | None,
        Field(
            max_length=32, json_schema_extra={"enum": ["groupKey"]}, description="What makes one incident: groupKey."
        ),
    ] = None


_Secret = Annotated[
    ObjectName | None,
    Field(
        description="Secret in stanch-system (type Opaque or kubernetes.io/basic-auth) to ask it with: token, or username and "
        "password; and ca.crt, if its certificate is of an authority of your own. Without credentials when left out."
    ),
]


class Prometheus(Model):
    """Where numbers come from. Only in the cluster's policy."""

    url: Annotated[_Url, Field(description="Base URL, for example http://prometheus-operated.monitoring:9090.")]
    secret: _Secret = None


class Endpoint(Model):
    """A URL that criteria may name. Only in the cluster's policy."""

    name: Annotated[Name, Field(description="Your name for it.")]
    url: Annotated[_Url, Field(description="What is asked.")]
    secret: _Secret = None


class Contact(Model):
    """Whom to turn to."""

    name: Annotated[Name, Field(description="Your name for them.")]
    to: Annotated[str, Field(max_length=256, description="How they are reached.")]
    about: Annotated[str | None, Field(max_length=256, description="What they know or decide.")] = None
