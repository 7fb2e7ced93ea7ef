"""How much is read for a capture, as a ResponsePolicy says (decisions 2.6, 5.7)."""

from dataclasses import dataclass
from typing import Final

from stanch.api.policy import DEFAULT, Policy


@dataclass(frozen=True, slots=True)
class Reach:
    """Failing pods and healthy ones that are looked at closely; bytes kept of a log, and of all files before compression."""

    pods: int = DEFAULT.evidence_pods
    controls: int = DEFAULT.evidence_controls
    previous_bytes: int = DEFAULT.evidence_previous_bytes
    current_bytes: int = DEFAULT.evidence_current_bytes
    raw_bytes: int = DEFAULT.evidence_raw_bytes


USUAL: Final = Reach()


def reach_of(policy: Policy) -> Reach:
    """What this policy says."""
    return Reach(
        policy.evidence_pods,
        policy.evidence_controls,
        policy.evidence_previous_bytes,
        policy.evidence_current_bytes,
        policy.evidence_raw_bytes,
    )
