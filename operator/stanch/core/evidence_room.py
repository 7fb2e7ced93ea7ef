"""How large the next bundle of an incident may be: the budgets of decisions 2.6 and 2.16."""

from collections.abc import Iterable
from typing import Final

from stanch.api.evidence import PART_BYTES_MAX
from stanch.api.incident_status import EvidenceRecord
from stanch.api.policy import Policy

# However much an incident has stored: objects, tables and describe pages of a usual target, without the logs. An effect is
# never done without evidence for want of room.
LEAST: Final = 64 * 1024


def room(policy: Policy, kept: Iterable[EvidenceRecord]) -> int:
    """
    Stored bytes that the next bundle may have; what does not fit is in its list of what is missing.

    Where whole evidence is required the incident's budget does not count: it would stop every effect for ever.
    """
    most = min(PART_BYTES_MAX, policy.evidence_stored_bytes)
    if policy.evidence_required:
        return most
    return max(min(LEAST, most), min(most, _left(policy, kept)))


def room_for_rest(policy: Policy, kept: Iterable[EvidenceRecord], first: EvidenceRecord) -> int:
    """
    The same for part b: what part a has left of one capture's and the incident's budget, and 0 when that is nothing.

    No effect rests on it, so there is no least: then it is a list of what there was no room for.
    """
    return max(0, min(PART_BYTES_MAX, policy.evidence_stored_bytes - first.bytes, _left(policy, kept)))


def _left(policy: Policy, kept: Iterable[EvidenceRecord]) -> int:
    return policy.evidence_incident_bytes - sum(each.bytes for each in kept)
