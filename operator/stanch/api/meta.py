"""What every kind shares: the base model, instants, durations, conditions, targets, people."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from stanch.api import duration


class Model(BaseModel):
    """
    Immutable, camelCase outside, snake_case inside; unknown fields are ignored.

    Unknown fields are refused at admission by the structural schema; ignoring them here lets an older operator read
    what a newer one wrote.
    """

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore", use_enum_values=False
    )

    def wire(self) -> dict[str, Any]:
        """As the API server keeps it: camelCase keys, JSON values, nothing that is absent."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)


def _utc(value: datetime) -> datetime:
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)


def instant(value: datetime) -> str:
    """RFC 3339 in UTC with whole seconds, as Kubernetes writes metav1.Time."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


Time = Annotated[
    datetime,
    AfterValidator(_utc),
    PlainSerializer(instant, return_type=str),
    # This century: the year 0 is a valid date-time and no instant that any calendar library can shift to UTC.
    WithJsonSchema({"type": "string", "format": "date-time", "maxLength": 64, "pattern": "^20[0-9][0-9]-"}),
]


def _duration(value: Any) -> Any:
    return duration.parse(value) if isinstance(value, str) else value


Duration = Annotated[
    timedelta,
    BeforeValidator(_duration),
    PlainSerializer(duration.write, return_type=str),
    WithJsonSchema({"type": "string", "pattern": duration.PATTERN, "maxLength": 32}),
]

Name = Annotated[str, Field(min_length=1, max_length=253)]
# Of an object: it becomes part of a path, so it must never be `../../elsewhere/x` or carry a query.
_SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
ObjectName = Annotated[str, Field(min_length=1, max_length=253, pattern=_SUBDOMAIN)]
WishName = Annotated[str, Field(min_length=1, max_length=40, pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
Text = Annotated[str, Field(max_length=1024)]
Quantity = Annotated[int, Field(ge=0)]
Counter = Annotated[int, Field(ge=0)]


class Severity(StrEnum):
    """Impact, not effort. SEV1 is the worst."""

    SEV1 = "SEV1"
    SEV2 = "SEV2"
    SEV3 = "SEV3"
    SEV4 = "SEV4"


class TargetKind(StrEnum):
    """Kinds a mitigation may act on; the closed table that rights are generated from."""

    DEPLOYMENT = "Deployment"
    STATEFUL_SET = "StatefulSet"
    REPLICA_SET = "ReplicaSet"
    DAEMON_SET = "DaemonSet"
    NODE = "Node"
    AUTOSCALER = "HorizontalPodAutoscaler"
    CONFIG_MAP = "ConfigMap"
    SERVICE = "Service"
    HTTP_ROUTE = "HTTPRoute"
    CRON_JOB = "CronJob"
    POD = "Pod"
    KUSTOMIZATION = "Kustomization"
    HELM_RELEASE = "HelmRelease"
    APPLICATION = "Application"


WORKLOADS: Final = frozenset(
    {TargetKind.DEPLOYMENT, TargetKind.STATEFUL_SET, TargetKind.REPLICA_SET, TargetKind.DAEMON_SET}
)


# What applies Git to a cluster: acted on only to have it stop doing so for a while.
RECONCILERS: Final = frozenset({TargetKind.KUSTOMIZATION, TargetKind.HELM_RELEASE, TargetKind.APPLICATION})


class Target(Model):
    """One object in the incident's own namespace (a Node has none)."""

    kind: Annotated[TargetKind, Field(description="Kind of the object.")]
    name: Annotated[ObjectName, Field(description="Name of the object; it is looked up in the incident's namespace.")]

    def __str__(self) -> str:
        return f"{self.kind.value} {self.name}"


class Person(Model):
    """Who said or asked it, stamped by the API server at admission; leave it out."""

    username: Annotated[str, Field(max_length=512, description="User name as the API server authenticated it.")]
    uid: Annotated[str | None, Field(max_length=128, description="User id as the API server authenticated it.")] = None
    groups: Annotated[
        tuple[Annotated[str, Field(max_length=512)], ...] | None,
        Field(max_length=1000, description="Groups as the API server authenticated them."),
    ] = None


ConditionStatus = Literal["True", "False", "Unknown"]


class Condition(Model):
    """The Kubernetes condition; ``lastTransitionTime`` moves only when ``status`` flips."""

    type: Annotated[str, Field(max_length=64, description="What this says, for example Mitigated.")]
    status: Annotated[ConditionStatus, Field(description="True, False or Unknown.")]
    observed_generation: Annotated[int, Field(ge=0, description="Generation of the spec this was decided on.")] = 0
    last_transition_time: Annotated[Time, Field(description="When status last flipped; not when the text changed.")]
    reason: Annotated[str, Field(max_length=64, description="One CamelCase word.")]
    message: Annotated[str, Field(max_length=1024, description="A sentence: what holds it, what would free it.")] = ""
