"""How large the next bundle of an incident may be: the budgets of decisions 2.6 and 2.16."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from stanch.api.evidence import PART_BYTES_MAX
from stanch.api.incident_status import EvidenceRecord
from stanch.api.policy import Policy

# However much an incident has stored: objects, tables and describe pages of a usual target, without the logs. An effect is
# never done without evidence for want of room.
LEAST: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Used:
    """Stored bytes by now: of the incident, those that its record does not list any more too, and of the whole cluster."""

    incident: int
    cluster: int = 0


def used(kept: Iterable[EvidenceRecord], unlisted: int | None, cluster: int) -> Used:
    """``unlisted`` is what the record says of bundles that it had no line for any more."""
    return Used((unlisted or 0) + sum(each.bytes for each in kept), cluster)


def room(policy: Policy, used: Used) -> int:
    """
    Stored bytes that the next bundle of an effect or a declaration may have; what does not fit is in its list of what is missing.

    Where whole evidence is required the budgets do not count: they would stop every effect for ever.
    """
    most = min(PART_BYTES_MAX, policy.evidence_stored_bytes)
    if policy.evidence_required:
        return most
    return max(min(LEAST, most), min(most, _left(policy, used)))


def room_afterwards(policy: Policy, used: Used) -> int:
    """The same for what came after, on which no effect rests: nothing once the cluster's budget is used up."""
    return room(policy, used) if used.cluster < policy.evidence_cluster_bytes else 0


def room_for_rest(policy: Policy, used: Used, first: EvidenceRecord) -> int:
    """
    The same for part b: what part a has left of one capture's budget and the others, and 0 when that is nothing.

    Then it is a list of what there was no room for.
    """
    return max(0, min(PART_BYTES_MAX, policy.evidence_stored_bytes - first.bytes, _left(policy, used)))


def _left(policy: Policy, used: Used) -> int:
    """etcd is for all: beyond the cluster's budget an incident has no more room of its own either (decisions 2.6)."""
    return min(policy.evidence_incident_bytes - used.incident, policy.evidence_cluster_bytes - used.cluster)
