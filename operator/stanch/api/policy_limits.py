"""Sections of a ResponsePolicy of which the stricter value of cluster and namespace counts (decisions F14)."""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field

from stanch.api.meta import Duration, Model, Severity
from stanch.api.wish import GitOps


def keyed(*keys: str) -> dict[str, Any]:
    """A list in which each key is there once; the API server refuses a second."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": list(keys)}


class ActionClass(StrEnum):
    """A narrow and exactly undoable, B moves code or traffic, C wide or irreversible."""

    A = "A"
    B = "B"
    C = "C"


class Strictness(StrEnum):
    """Whether something is only said, or refused."""

    WARN = "Warn"
    DENY = "Deny"


class WhenWorse(StrEnum):
    """What happens when a mitigation made it worse."""

    ASK = "Ask"
    UNDO = "Undo"


class ApprovalsOfClass(Model):
    """How many approvals by somebody else a class of actions needs."""

    class_: Annotated[
        ActionClass, Field(alias="class", description="Class of the action; docs/mitigations.md says which.")
    ]
    needed: Annotated[int, Field(ge=0, le=5, description="Approvals by other people.")]


Table = Annotated[tuple[ApprovalsOfClass, ...] | None, Field(max_length=3, json_schema_extra=keyed("class"))]
ServiceAccount = Annotated[str, Field(max_length=320, pattern="^system:serviceaccount:[-a-z0-9]+:[-a-z0-9.]+$")]


class ApprovalRules(Model):
    """Approvals by somebody else."""

    person: Annotated[Table, Field(description="Asked by a person with the right: A 0, B 0, C 1 when left out.")] = None
    machine: Annotated[
        Table,
        Field(
            description="Asked by Git, CI, a restore, any ServiceAccount: A 1, B 1, C 2 when left out. At least 1: machines "
            "declare, people act."
        ),
    ] = None
    auto: Annotated[
        Table,
        Field(description="Asked by a Runbook with mode Auto: A 0, B 0, C 1 when left out. At least 1 for C."),
    ] = None
    people: Annotated[
        tuple[ServiceAccount, ...] | None,
        Field(
            max_length=64,
            description="User names of ServiceAccounts that stand for a person, if yours log in that way; none when left "
            "out. Only in the cluster's policy.",
        ),
    ] = None
    valid_for: Annotated[
        Duration | None,
        Field(description="An approval counts for so long; 15m when left out. From 1m to 24h. Shorter is stricter."),
    ] = None
    ask_for: Annotated[
        Duration | None,
        Field(
            description="A mitigation that is not started expires after so long; 1h when left out. From 1m to 24h. "
            "Shorter is stricter."
        ),
    ] = None


class Storm(Model):
    """Many incidents at once: what would run by itself then asks a person."""

    incidents: Annotated[
        int | None,
        Field(ge=1, le=1000, description="New incidents made by alerts; 5 when left out. Fewer is stricter."),
    ] = None
    within: Annotated[
        Duration | None, Field(description="In so long; 10m when left out. Not longer than calm. Longer is stricter.")
    ] = None
    calm: Annotated[
        Duration | None, Field(description="Over after so long without; 30m when left out. Longer is stricter.")
    ] = None


class Guardrails(Model):
    """How much may be done, how often, and where not."""

    per_target: Annotated[
        Duration | None,
        Field(
            description="How long a target rests before another incident acts on it; 10m when left out. At most 24h. Longer "
            "is stricter. Taking back is free."
        ),
    ] = None
    per_namespace_hourly: Annotated[
        int | None, Field(ge=0, le=1000, description="Effects in a namespace in an hour; 5 when left out.")
    ] = None
    cluster_hourly: Annotated[
        int | None, Field(ge=0, le=10_000, description="Effects in the whole cluster in an hour; 20 when left out.")
    ] = None
    auto_in_flight: Annotated[
        int | None, Field(ge=0, le=100, description="Mitigations that run by themselves at one time; 3 when left out.")
    ] = None
    nodes_percent: Annotated[
        int | None,
        Field(ge=0, le=50, description="Nodes unschedulable, in percent; one is always allowed. 10 when left out."),
    ] = None
    scale_factor: Annotated[
        int | None,
        Field(ge=1, le=100, description="More times the replicas of now is a wide change, class C; 3 when left out."),
    ] = None
    min_ready_percent: Annotated[
        int | None,
        Field(ge=0, le=100, description="Pods that stay ready, in percent; 50 when left out. More is stricter."),
    ] = None
    storm: Annotated[Storm | None, Field(description="When what runs by itself asks first.")] = None
    breaker: Annotated[
        int | None,
        Field(ge=1, le=100, description="Runs in a row without recovery, then Auto acts as Approve; 2 when left out."),
    ] = None
    protected_namespaces: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=63)], ...] | None,
        Field(
            max_length=200,
            description="Where nothing is changed, besides kube-system, kube-public, kube-node-lease and stanch-system. "
            "A namespace's list adds to the cluster's.",
        ),
    ] = None
    when_worse: Annotated[
        WhenWorse | None,
        Field(
            description="Ask (when left out) waits for a person; Undo takes back at once what can be taken back exactly. "
            "Ask is stricter."
        ),
    ] = None
    git_ops: Annotated[
        GitOps | None,
        Field(
            description="What Flux or Argo CD would put back: Hold it first (when left out), Refuse whatever is wished, "
            "or Ignore. A wish may choose, but not against Refuse. Refuse is stricter than Hold, Hold than Ignore."
        ),
    ] = None


class EvidenceWithin(Model):
    """How long evidence may take before an effect goes on without it."""

    severity: Annotated[Severity, Field(description="Severity in force.")]
    within: Annotated[Duration, Field(description="At most so long; from 1s to 60s.")]


class EvidenceRules(Model):
    """How much is kept of what an effect would destroy."""

    deadline: Annotated[
        tuple[EvidenceWithin, ...] | None,
        Field(
            max_length=4,
            description="How long an effect waits for evidence: SEV1 5s, SEV2 10s, others 15s when left out.",
            json_schema_extra=keyed("severity"),
        ),
    ] = None
    pods: Annotated[int | None, Field(ge=1, le=100, description="Failing pods with logs; 12 when left out.")] = None
    controls: Annotated[int | None, Field(ge=0, le=20, description="Healthy pods beside them; 2 when left out.")] = None
    previous_bytes: Annotated[
        int | None, Field(ge=1024, le=4_194_304, description="Of a dead container's log; 262144 when left out.")
    ] = None
    current_bytes: Annotated[
        int | None, Field(ge=1024, le=4_194_304, description="Of a living container's log; 131072 when left out.")
    ] = None
    raw_bytes: Annotated[
        int | None, Field(ge=65_536, le=67_108_864, description="Read for one capture; 8388608 when left out.")
    ] = None
    stored_bytes: Annotated[
        int | None, Field(ge=65_536, le=5_242_880, description="Stored of one capture; 2097152 when left out.")
    ] = None
    incident_bytes: Annotated[
        int | None, Field(ge=65_536, le=67_108_864, description="Stored of one incident; 8388608 when left out.")
    ] = None
    cluster_bytes: Annotated[
        int | None,
        Field(
            ge=1_048_576,
            le=1_073_741_824,
            description="All Evidence kept in etcd; 134217728 when left out. Only the cluster's policy counts.",
        ),
    ] = None
    required: Annotated[
        bool | None,
        Field(description="True: no action without complete evidence; false when left out. True is stricter."),
    ] = None


class KeptFor(Model):
    """How long evidence of a severity is kept."""

    severity: Annotated[Severity, Field(description="Severity of the incident.")]
    for_: Annotated[Duration, Field(alias="for", description="So long after it was closed.")]


class Retention(Model):
    """How long records are kept once an incident is closed. Longer is stricter."""

    incident: Annotated[Duration | None, Field(description="Incidents; 8760h when left out. At least 24h.")] = None
    entries: Annotated[Duration | None, Field(description="TimelineEntries; 168h when left out. At least 1h.")] = None
    evidence: Annotated[
        tuple[KeptFor, ...] | None,
        Field(
            max_length=4,
            description="Evidence: SEV1 and SEV2 2160h, SEV3 720h, SEV4 336h when left out. At least 24h.",
            json_schema_extra=keyed("severity"),
        ),
    ] = None
    drills: Annotated[Duration | None, Field(description="Incidents that were drills; 720h when left out.")] = None
