"""
A mitigation somebody asks for: one action, its target, and how long its effect may stay.

Actions are one-of members, as probes are in a Pod. This issue's six; a new one is a class, a member and a file in mitigations/.
"""

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from stanch.api.meta import Duration, Model, Target, TargetKind, Text, WishName


class RolloutUndo(Model):
    """Go back to the last good pod template (Deployment)."""

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


class RolloutResume(Model):
    """Let a paused rollout go on (Deployment)."""


class Scale(Model):
    """Set the number of replicas (Deployment, StatefulSet, ReplicaSet)."""

    replicas: Annotated[int, Field(ge=0, le=10000, description="Wanted number of replicas, absolute; from 0 to 10000.")]


class Cordon(Model):
    """Keep new pods away from a node."""


class Uncordon(Model):
    """Let new pods onto a node again."""


Action = RolloutUndo | RolloutPause | RolloutResume | Scale | Cordon | Uncordon


class When(StrEnum):
    """When a wish may start."""

    STILL_HURTING = "StillHurting"
    ALWAYS = "Always"


class Revert(StrEnum):
    """What happens to an effect that is meant to be temporary."""

    ASK = "Ask"
    ON_RESOLVED = "OnResolved"
    ON_EXPIRY = "OnExpiry"


class Actions(Model):
    """The one-of members; exactly one is set."""

    rollout_undo: Annotated[
        RolloutUndo | None, Field(description="Go back to the last good pod template of a Deployment.")
    ] = None
    rollout_pause: Annotated[RolloutPause | None, Field(description="Stop a Deployment's rollout where it is.")] = None
    rollout_resume: Annotated[RolloutResume | None, Field(description="Let a paused Deployment's rollout go on.")] = (
        None
    )
    scale: Annotated[
        Scale | None, Field(description="Set the replicas of a Deployment, StatefulSet or ReplicaSet.")
    ] = None
    cordon: Annotated[Cordon | None, Field(description="Keep new pods away from a Node.")] = None
    uncordon: Annotated[Uncordon | None, Field(description="Let new pods onto a Node again.")] = None

    MEMBERS: ClassVar[tuple[str, ...]] = (
        "rollout_undo",
        "rollout_pause",
        "rollout_resume",
        "scale",
        "cordon",
        "uncordon",
    )

    @property
    def action(self) -> tuple[str, Action]:
        """Name (camelCase, as written in YAML) and parameters of the action. Raises ValueError unless exactly one."""
        chosen = [(name, getattr(self, name)) for name in self.MEMBERS if getattr(self, name) is not None]
        if len(chosen) != 1:
            raise ValueError(f"exactly one action of {', '.join(ACTION_NAMES)} must be set (got {len(chosen)})")
        member, value = chosen[0]
        return Actions.model_fields[member].alias or member, value


ACTION_NAMES: tuple[str, ...] = tuple(Actions.model_fields[name].alias or name for name in Actions.MEMBERS)
NODE_ACTIONS: frozenset[str] = frozenset({"cordon", "uncordon"})
KINDS_OF_ACTION: dict[str, frozenset[TargetKind]] = {
    "rolloutUndo": frozenset({TargetKind.DEPLOYMENT}),
    "rolloutPause": frozenset({TargetKind.DEPLOYMENT}),
    "rolloutResume": frozenset({TargetKind.DEPLOYMENT}),
    "scale": frozenset({TargetKind.DEPLOYMENT, TargetKind.STATEFUL_SET, TargetKind.REPLICA_SET}),
    "cordon": frozenset({TargetKind.NODE}),
    "uncordon": frozenset({TargetKind.NODE}),
}


class Wish(Actions):
    """One mitigation: a name, exactly one action, and how to treat it."""

    name: Annotated[WishName, Field(description="Your name for it, unique in the incident; at most 40 characters.")]
    target: Annotated[Target | None, Field(description="What to act on; the first of spec.targets when left out.")] = (
        None
    )
    when: Annotated[
        When | None,
        Field(
            description="StillHurting (default): only while not mitigated, after the one before had its time. Always."
        ),
    ] = None
    time_box: Annotated[
        Duration | None, Field(description="How long to wait for it to help before the next one starts; 3m by default.")
    ] = None
    ttl: Annotated[
        Duration | None, Field(description="When the debt of a temporary effect is due; by action when left out.")
    ] = None
    revert: Annotated[
        Revert | None,
        Field(description="Ask (default): never undone silently. OnResolved or OnExpiry: undone by the operator then."),
    ] = None
    approvals: Annotated[
        int | None, Field(ge=0, le=5, description="Approvals by other people; can only raise what is needed anyway.")
    ] = None
    reason: Annotated[Text | None, Field(description="Why you ask for it, for the record.")] = None
    harm_first: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=1024,
            description="A reason not to wait for evidence; it is recorded, and evidence is captured afterwards.",
        ),
    ] = None
