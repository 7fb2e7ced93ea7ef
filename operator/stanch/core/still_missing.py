"""What of a capture is missing after all: part b may have what part a was not given in time (ADR 54)."""

from collections.abc import Iterable

from stanch.api.incident_status import EvidenceRecord


def still_missing(first: EvidenceRecord, kept: Iterable[EvidenceRecord]) -> tuple[int, str]:
    """How much of a part a is missing, in it and in its part b once that is stored, and what, in words."""
    rest = next((e for e in kept if e.rest_of == first.name and e.stored and e.caught_up), None)
    if rest is None:
        return first.missing, first.lacks or ""
    return max(0, first.missing - (rest.caught_up or 0)), rest.still or ""
