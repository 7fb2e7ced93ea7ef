"""
What a mitigation can do: one class an action, with the kinds it acts on.

Actions are one-of members, as probes are in a Pod. A new one is a class and a member here, and a file in mitigations/.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from stanch.api.meta import Duration, Model, TargetKind

_ROLLED = frozenset({TargetKind.DEPLOYMENT, TargetKind.STATEFUL_SET, TargetKind.DAEMON_SET})
_Key = Annotated[str, Field(min_length=1, max_length=253, pattern="^[-._a-zA-Z0-9]+$")]
_LabelValue = Annotated[str, Field(max_length=63)]


class Loss(StrEnum):
    """What is done about something that would be lost for good."""

    REFUSE = "Refuse"
    DELETE = "Delete"


class Way(StrEnum):
    """The one way in which a size may be changed."""

    UP = "Up"
    DOWN = "Down"


class RolloutUndo(Model):
    """Go back to the last good pod template (Deployment, StatefulSet, DaemonSet)."""

    KINDS: ClassVar[frozenset[TargetKind]] = _ROLLED

    to_revision: Annotated[
        int | None,
        Field(
            ge=1,
            description="Revision number as `kubectl rollout history` prints it. Left out: the one that has available "
            "pods now, else the one that served longest, else the one before; the choice and its reason are recorded.",
        ),
    ] = None


class RolloutPause(Model):
    """Stop a rollout where it is (Deployment)."""

    KINDS: ClassVar[frozenset[TargetKind]] = frozenset({TargetKind.DEPLOYMENT})


class RolloutResume(Model):
    """Let a paused rollout go on (Deployment)."""

    KINDS: ClassVar[frozenset[TargetKind]] = frozenset({TargetKind.DEPLOYMENT})


class RolloutRestart(Model):
    """Start all pods anew, in the workload's own steps (Deployment, StatefulSet, DaemonSet)."""

    KINDS: ClassVar[frozenset[TargetKind]] = _ROLLED


class Scale(Model):
    """Set the number of replicas (Deployment, StatefulSet, ReplicaSet)."""

    KINDS: ClassVar[frozenset[TargetKind]] = frozenset(
        {TargetKind.DEPLOYMENT, TargetKind.STATEFUL_SET, TargetKind.REPLICA_SET}
    )

    replicas: Annotated[int, Field(ge=0, le=10000, description="Wanted number of replicas, absolute; from 0 to 10000.")]
    volumes: Annotated[
        Loss | None,
        Field(
            description="Volumes that a StatefulSet deletes when it is scaled down "
            "(persistentVolumeClaimRetentionPolicy.whenScaled: Delete), with their data: Refuse (default) or Delete."
        ),
    ] = None
    only: Annotated[
        Way | None,
        Field(description="Up: refused where it has more already. Down: where it has fewer. Left out: either way."),
    ] = None


class Autoscaler(Model):
    """Set the bounds of a HorizontalPodAutoscaler; a bound left out stays."""

    KINDS: ClassVar[frozenset[TargetKind]] = frozenset({TargetKind.AUTOSCALER})

    min_replicas: Annotated[int | None, Field(ge=1, le=10000, description="Least number of replicas.")] = None
    max_replicas: Annotated[int | None, Field(ge=1, le=10000, description="Most replicas.")] = None
    only: Annotated[
        Way | None,
        Field(
            description="Up: refused where a bound is higher already. Down: where one is lower. Left out: either way."
        ),
    ] = None


class ConfigFlag(Model):
    """Set one key of a ConfigMap."""

    KINDS: ClassVar[frozenset[TargetKind]] = frozenset({TargetKind.CONFIG_MAP})

    key: Annotated[_Key, Field(description="Key in the ConfigMap's data.")]
    value: Annotated[str, Field(max_length=4096, description='Wanted value, as text: "off", "false", "0".')]


class ServiceShift(Model):
    """Point a Service at other pods."""

    KINDS: ClassVar[frozenset[TargetKind]] = frozenset({TargetKind.SERVICE})

    selector: Annotated[
        dict[str, _LabelValue],
        Field(min_length=1, max_length=16, description="The whole new selector; keys that are not in it are gone."),
    ]


class BackendWeight(Model):
    """The share of one backend of a route."""

    backend: Annotated[str, Field(min_length=1, max_length=253, description="Name of the Service in backendRefs.")]
    weight: Annotated[int, Field(ge=0, le=1_000_000, description="Share, relative to the sum of the rule's weights.")]


class RouteShift(Model):
    """Set weights of an HTTPRoute's backends; backends that are not named keep theirs."""

    KINDS: ClassVar[frozenset[TargetKind]] = frozenset({TargetKind.HTTP_ROUTE})

    rule: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=253,
            description="Name of the rule, or its index from 0. Left out: the only rule that has all these backends.",
        ),
    ] = None
    weights: Annotated[
        tuple[BackendWeight, ...], Field(min_length=1, max_length=16, description="Wanted weights, one a backend.")
    ]


class SuspendCronJob(Model):
    """Let a CronJob start no more Jobs; Jobs that run go on."""

    KINDS: ClassVar[frozenset[TargetKind]] = frozenset({TargetKind.CRON_JOB})


class DeletePod(Model):
    """Take one pod away: evicted when it is ready, deleted when it is not."""

    KINDS: ClassVar[frozenset[TargetKind]] = frozenset({TargetKind.POD})

    unmanaged: Annotated[
        Loss | None, Field(description="A pod without a controller does not come back: Refuse (default) or Delete.")
    ] = None


class Drain(Model):
    """Cordon a node and evict its pods; those of DaemonSets and static ones stay."""

    KINDS: ClassVar[frozenset[TargetKind]] = frozenset({TargetKind.NODE})

    empty_dir: Annotated[
        Loss | None, Field(description="Pods with emptyDir volumes, whose content is lost: Refuse (default) or Delete.")
    ] = None
    unmanaged: Annotated[
        Loss | None, Field(description="Pods without a controller do not come back: Refuse (default) or Delete.")
    ] = None
    timeout: Annotated[Duration | None, Field(description="When it gives up on what is left; 10m by default.")] = None


class GitOpsHold(Model):
    """Have Flux leave one object alone, by the label it knows; or suspend a Kustomization, HelmRelease or Application."""

    KINDS: ClassVar[frozenset[TargetKind]] = frozenset(set(TargetKind) - {TargetKind.NODE, TargetKind.POD})


class Cordon(Model):
    """Keep new pods away from a node."""

    KINDS: ClassVar[frozenset[TargetKind]] = frozenset({TargetKind.NODE})


class Uncordon(Model):
    """Let new pods onto a node again."""

    KINDS: ClassVar[frozenset[TargetKind]] = frozenset({TargetKind.NODE})


Action = (
    RolloutUndo
    | RolloutPause
    | RolloutResume
    | RolloutRestart
    | Scale
    | Autoscaler
    | ConfigFlag
    | ServiceShift
    | RouteShift
    | SuspendCronJob
    | DeletePod
    | Drain
    | GitOpsHold
    | Cordon
    | Uncordon
)


class Actions(Model):
    """The one-of members; exactly one is set."""

    rollout_undo: Annotated[
        RolloutUndo | None,
        Field(description="Go back to the last good pod template of a Deployment, StatefulSet or DaemonSet."),
    ] = None
    rollout_pause: Annotated[RolloutPause | None, Field(description="Stop a Deployment's rollout where it is.")] = None
    rollout_resume: Annotated[RolloutResume | None, Field(description="Let a paused Deployment's rollout go on.")] = (
        None
    )
    rollout_restart: Annotated[
        RolloutRestart | None,
        Field(description="Start all pods of a Deployment, StatefulSet or DaemonSet anew, in its own steps."),
    ] = None
    scale: Annotated[
        Scale | None, Field(description="Set the replicas of a Deployment, StatefulSet or ReplicaSet.")
    ] = None
    autoscaler: Annotated[Autoscaler | None, Field(description="Set bounds of a HorizontalPodAutoscaler.")] = None
    config_flag: Annotated[ConfigFlag | None, Field(description="Set one key of a ConfigMap.")] = None
    service_shift: Annotated[ServiceShift | None, Field(description="Point a Service at other pods.")] = None
    route_shift: Annotated[RouteShift | None, Field(description="Set weights of an HTTPRoute's backends.")] = None
    suspend_cron_job: Annotated[SuspendCronJob | None, Field(description="Let a CronJob start no more Jobs.")] = None
    delete_pod: Annotated[DeletePod | None, Field(description="Take one Pod away, so that a new one starts.")] = None
    drain: Annotated[Drain | None, Field(description="Cordon a Node and evict its pods.")] = None
    git_ops_hold: Annotated[
        GitOpsHold | None,
        Field(
            description="Have Flux leave the target alone; a Kustomization, HelmRelease or Argo CD Application: suspend it."
        ),
    ] = None
    cordon: Annotated[Cordon | None, Field(description="Keep new pods away from a Node.")] = None
    uncordon: Annotated[Uncordon | None, Field(description="Let new pods onto a Node again.")] = None

    MEMBERS: ClassVar[Mapping[str, type[Action]]] = {
        "rollout_undo": RolloutUndo,
        "rollout_pause": RolloutPause,
        "rollout_resume": RolloutResume,
        "rollout_restart": RolloutRestart,
        "scale": Scale,
        "autoscaler": Autoscaler,
        "config_flag": ConfigFlag,
        "service_shift": ServiceShift,
        "route_shift": RouteShift,
        "suspend_cron_job": SuspendCronJob,
        "delete_pod": DeletePod,
        "drain": Drain,
        "git_ops_hold": GitOpsHold,
        "cordon": Cordon,
        "uncordon": Uncordon,
    }

    @property
    def action(self) -> tuple[str, Action]:
        """Name (camelCase, as written in YAML) and parameters of the action. Raises ValueError unless exactly one."""
        chosen = [(name, getattr(self, name)) for name in self.MEMBERS if getattr(self, name) is not None]
        if len(chosen) != 1:
            raise ValueError(f"exactly one action of {', '.join(ACTION_NAMES)} must be set (got {len(chosen)})")
        member, value = chosen[0]
        return Actions.model_fields[member].alias or member, value


KINDS_OF_ACTION: Mapping[str, frozenset[TargetKind]] = {
    Actions.model_fields[name].alias or name: action.KINDS for name, action in Actions.MEMBERS.items()
}
ACTION_NAMES: tuple[str, ...] = tuple(KINDS_OF_ACTION)
