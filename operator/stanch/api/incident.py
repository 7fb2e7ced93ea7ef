"""Incident: what was declared and wished (spec). What is so is in incident_status.py; what people say later are entries."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from stanch.api.alerts import AlertGroup, Signal
from stanch.api.checks import AlertsResolved, Available, Gate, Http, Manual, NoRestarts, ObjectCondition, PromQL
from stanch.api.hypothesis import Hypothesis
from stanch.api.impact import Impact
from stanch.api.incident_status import IncidentStatus
from stanch.api.meta import Duration, Model, Name, ObjectName, Person, Severity, Target, Time, WishName
from stanch.api.names import FIELD_MANAGER
from stanch.api.talk import Talk
from stanch.api.wish import Wish


class DetectedBy(StrEnum):
    """How it came to light; by a customer is the bad case."""

    MONITORING = "Monitoring"
    PERSON = "Person"
    CUSTOMER = "Customer"


class Roles(Model):
    """Who wears which hat at the start; later changes are entries."""

    commander: Annotated[Name | None, Field(description="Coordinates and decides.")] = None
    operations: Annotated[Name | None, Field(description="Touches the systems.")] = None
    communications: Annotated[Name | None, Field(description="Tells people.")] = None
    scribe: Annotated[Name | None, Field(description="Writes it down.")] = None
    customer_liaison: Annotated[Name | None, Field(description="Speaks with customers.")] = None
    executive_liaison: Annotated[Name | None, Field(description="Speaks with leadership.")] = None
    experts: Annotated[
        tuple[Name, ...] | None,
        Field(max_length=16, description="Called in for what they know; others join by a take entry."),
    ] = None
    shadows: Annotated[
        tuple[Name, ...] | None, Field(max_length=16, description="Here to learn: by that nobody may do anything.")
    ] = None


class Criterion(Model):
    """One thing that must be so, and stay so, before the incident is over; exactly one check is set."""

    name: Annotated[WishName, Field(description="Your name for it.")]
    available: Annotated[Available | None, Field(description="The target serves with enough available pods.")] = None
    no_restarts: Annotated[NoRestarts | None, Field(description="No container of the target restarted.")] = None
    alerts_resolved: Annotated[
        AlertsResolved | None, Field(description="No alert of the group that made the incident fires any more.")
    ] = None
    prom_ql: Annotated[
        PromQL | None,
        Field(alias="promQL", description="What the Prometheus of the cluster's ResponsePolicy measures."),
    ] = None
    http: Annotated[Http | None, Field(description="An endpoint of the cluster's ResponsePolicy answers.")] = None
    condition: Annotated[
        ObjectCondition | None, Field(description="A condition of the target, about its newest generation.")
    ] = None
    manual: Annotated[Manual | None, Field(description="A person says so with a confirm or a resolve entry.")] = None
    target: Annotated[
        Target | None,
        Field(
            description="What available, noRestarts and condition look at; all of spec.targets when left out. "
            "The other checks have none."
        ),
    ] = None
    gates: Annotated[
        Gate | None, Field(description="Mitigated: harm is over when it passes. Resolved (default): must hold.")
    ] = None
    downstream: Annotated[
        bool | None,
        Field(
            description="True when it is about what depends on the service: a queue that drains, a cache that warms."
        ),
    ] = None

    CHECKS: ClassVar[tuple[str, ...]] = (
        "available",
        "no_restarts",
        "alerts_resolved",
        "prom_ql",
        "http",
        "condition",
        "manual",
    )


class Recovery(Model):
    """When it is over: criteria written before acting, and how long they must hold."""

    hold: Annotated[
        Duration | None,
        Field(description="How long all criteria must hold; by severity when left out (SEV1 30m, 15m, 10m, 5m)."),
    ] = None
    criteria: Annotated[
        tuple[Criterion, ...] | None,
        Field(
            max_length=12,
            description="Left out: every target available and alerts resolved (gates Mitigated), and no restarts. "
            "Of an incident that alerts made their end must hold (gates Resolved) where no criterion asks for it.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    ] = None


class Link(Model):
    """A place to look."""

    name: Annotated[Name, Field(description="What it is.")]
    url: Annotated[str, Field(max_length=2048, pattern="^https?://", description="http or https.")]


class RunbookChoice(Model):
    """Which Runbook of the namespace, and the values of its parameters."""

    name: Annotated[ObjectName, Field(description="Name of the Runbook; it is looked up in the incident's namespace.")]
    parameters: Annotated[
        dict[str, Annotated[str, Field(min_length=1, max_length=253)]] | None,
        Field(max_length=16, description="Values by name of the parameter; what the alerts tell may be left out."),
    ] = None


class Requester(Person):
    """Who asked for which mitigations; stamped and proved at admission."""

    username: Annotated[str, Field(max_length=512, description="Who asked, as the API server authenticated them.")]
    mitigations: Annotated[
        tuple[Annotated[str, Field(max_length=63)], ...],
        Field(max_length=16, description="Names of the mitigations this person asked for; $runbook for spec.runbook."),
    ]


_MAP_BY_NAME = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}


class IncidentSpec(Model):
    """What was declared and wished. An incident is an event, not desired state: applying it again changes nothing."""

    title: Annotated[
        str, Field(min_length=1, max_length=200, description="One line: what is wrong, in users' terms; at most 200.")
    ]
    service: Annotated[str | None, Field(max_length=63, description="The service it is about.")] = None
    severity: Annotated[
        Severity | None,
        Field(
            description="SEV1 (worst) to SEV4. Left out: SEV2, for a false SEV2 is cheap. Lowering it is always free."
        ),
    ] = None
    detected_by: Annotated[DetectedBy | None, Field(description="How it came to light.")] = None
    impact: Annotated[Impact | None, Field(description="Who is hurt, how badly, since when.")] = None
    roles: Annotated[Roles | None, Field(description="Who wears which hat at the start.")] = None
    targets: Annotated[
        tuple[Target, ...] | None,
        Field(
            max_length=8,
            description="What it is about. The first is fixed for ever: mitigations without a target act on it.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["kind", "name"]},
        ),
    ] = None
    mitigations: Annotated[
        tuple[Wish, ...] | None,
        Field(
            max_length=8,
            description="What to try, in order: the next starts only while it still hurts. Removing one is never undo.",
            json_schema_extra=_MAP_BY_NAME,
        ),
    ] = None
    runbook: Annotated[
        RunbookChoice | None,
        Field(
            description="The Runbook to follow; needs the verb run on it. Its plan is frozen once it is made: a later change of "
            "the Runbook changes nothing here."
        ),
    ] = None
    hypotheses: Annotated[
        tuple[Hypothesis, ...] | None,
        Field(max_length=8, description="Time-boxed guesses.", json_schema_extra=_MAP_BY_NAME),
    ] = None
    recovery: Annotated[Recovery | None, Field(description="When it is over; defaults when left out.")] = None
    signals: Annotated[
        tuple[Signal, ...] | None,
        Field(
            max_length=16, description="What was measured; it counts for the severity.", json_schema_extra=_MAP_BY_NAME
        ),
    ] = None
    alert_group: Annotated[
        AlertGroup | None,
        Field(description="Set by the operator on what alerts made: the group of alerts it is about."),
    ] = None
    communications: Annotated[
        Talk | None, Field(description="Where it is talked about, and whether users are told.")
    ] = None
    links: Annotated[
        tuple[Link, ...] | None, Field(max_length=16, description="Places to look.", json_schema_extra=_MAP_BY_NAME)
    ] = None
    drill: Annotated[
        bool | None, Field(description="A rehearsal: every write is a server-side dry run. Fixed once created.")
    ] = None
    paused: Annotated[
        bool | None, Field(description="Start nothing new; verification and recovery go on. Default false.")
    ] = None
    service_account_name: Annotated[
        ObjectName | None,
        Field(
            description="Set by the operator on what an alert made: the ServiceAccount of this namespace whose rights count.",
        ),
    ] = None
    declared_by: Annotated[Person | None, Field(description="Stamped by the API server; leave it out.")] = None
    requesters: Annotated[
        tuple[Requester, ...] | None,
        Field(
            max_length=16,
            description="Who asked for which mitigation. Stamped by the API server; leave it out.",
            json_schema_extra={"x-kubernetes-list-type": "atomic"},
        ),
    ] = None


class Written(Model):
    """Who wrote some fields of it last, and when: an entry of managedFields."""

    manager: str = ""
    subresource: str = ""
    time: Time | None = None


class Meta(Model):
    """The part of ObjectMeta that decisions need."""

    name: str
    namespace: str
    uid: str
    generation: int = 1
    resource_version: str = ""
    creation_timestamp: Time
    deletion_timestamp: Time | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    managed_fields: tuple[Written, ...] = ()


class Incident(Model):
    """One incident, as read from the API server."""

    metadata: Meta
    spec: IncidentSpec
    status: IncidentStatus = Field(default_factory=IncidentStatus)

    @property
    def key(self) -> str:
        """``namespace/name``, for logs and texts."""
        return f"{self.metadata.namespace}/{self.metadata.name}"

    def requester_of(self, wish: str) -> Person | None:
        """Who asked for a mitigation of the spec; None when nobody vouched for it, and then it never runs."""
        for requester in self.spec.requesters or ():
            if wish in requester.mitigations:
                return requester
        return None

    @property
    def declared(self) -> datetime:
        """When it was declared: the API server's clock."""
        return self.metadata.creation_timestamp

    @property
    def spec_written(self) -> datetime | None:
        """When its spec was last written, by the API server's clock; None when that is not known."""
        if self.metadata.generation == 1:
            return self.declared
        times = (w.time for w in self.metadata.managed_fields if not w.subresource and w.manager != FIELD_MANAGER)
        return max((t for t in times if t is not None), default=None)
