"""What an incident has in common with earlier ones: read from records, never guessed."""

from typing import Annotated, Final

from pydantic import Field

from stanch.api.meta import Model, Severity, Time

# More is a list that nobody reads.
SIMILAR_MAX: Final = 5
TARGETS_MAX: Final = 8
ALERTS_MAX: Final = 16
HELPED_MAX: Final = 4
BY_HAND_MAX: Final = 8
FAILING_MAX: Final = 4
_S = Annotated[str, Field(max_length=320)]


class FailureSignature(Model):
    """How most of the failing pods failed, without what differs from pod to pod and from day to day."""

    container: Annotated[_S, Field(description="The container that fails; empty where it is the pod.")]
    cause: Annotated[_S, Field(description="Reason and exit code, or what it waits for: Error:1, ImagePullBackOff.")]
    said: Annotated[
        _S | None, Field(description="Its last words that name an error, masked; whatever has a digit in it is #.")
    ] = None


class About(Model):
    """What an incident was about, by which later ones are found to be similar to it."""

    service: Annotated[_S | None, Field(description="Its service.")] = None
    targets: Annotated[
        tuple[_S, ...] | None, Field(max_length=TARGETS_MAX, description="Kind and name of what it was about.")
    ] = None
    alerts: Annotated[
        tuple[_S, ...] | None, Field(max_length=ALERTS_MAX, description="Names of its alerts and signals.")
    ] = None
    runbook: Annotated[_S | None, Field(description="The Runbook that it followed.")] = None
    helped: Annotated[
        tuple[_S, ...] | None, Field(max_length=HELPED_MAX, description="Mitigations that helped, with their targets.")
    ] = None
    by_hand: Annotated[
        tuple[_S, ...] | None,
        Field(max_length=BY_HAND_MAX, description="What a person asked for and was done, with its target; each time."),
    ] = None
    failing: Annotated[
        tuple[FailureSignature, ...] | None,
        Field(max_length=FAILING_MAX, description="How its pods failed, as evidence saw it."),
    ] = None
    recurrence_of: Annotated[_S | None, Field(description="The incident that the same alerts made before.")] = None


class SimilarIncident(Model):
    """An earlier incident of this namespace, and what the two have in common."""

    incident: Annotated[_S, Field(description="The earlier incident.")]
    postmortem: Annotated[_S, Field(description="Its Postmortem, which is kept longer than the incident.")]
    declared_time: Annotated[Time, Field(description="When it was declared.")]
    severity: Annotated[Severity | None, Field(description="The worst it ever was.")] = None
    why: Annotated[tuple[_S, ...], Field(max_length=8, description="What both have in common, the strongest first.")]
    helped: Annotated[tuple[_S, ...] | None, Field(max_length=HELPED_MAX, description="What helped then.")] = None


class Relations(Model):
    """How it relates to other incidents."""

    similar: Annotated[
        tuple[SimilarIncident, ...],
        Field(
            max_length=SIMILAR_MAX, description="Earlier incidents that are similar, with why; the most alike first."
        ),
    ]
