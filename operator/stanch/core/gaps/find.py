"""
Gaps, found in the record by themselves: each with its number, from when to when, and what it follows from (decisions 2.11).

A gap is a question to the process and the tools, never to a person: it says how long, not whose.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

from stanch.api.incident import Incident
from stanch.api.incident_status import TimelineLine
from stanch.api.policy import Policy
from stanch.api.postmortem_status import GAPS_MAX, Gap, GapPart
from stanch.core.gaps.flow import counted, detected, recovery, response
from stanch.core.gaps.kept import budget, debts, evidence
from stanch.core.gaps.people import handoffs, public, roles, silence, updates
from stanch.core.gaps.record import Record
from stanch.core.gaps.waits import approvals, known_to_done

FINDERS: Final[tuple[Callable[[Record], Iterable[Gap]], ...]] = (
    detected,
    response,
    approvals,
    known_to_done,
    counted,
    recovery,
    updates,
    public,
    roles,
    handoffs,
    silence,
    evidence,
    budget,
    debts,
)
_ORDER: Final = list(GapPart)


def find_gaps(incident: Incident, lines: Iterable[TimelineLine], policy: Policy) -> tuple[Gap, ...]:
    """All of them, numbered: by part, then by when they began. The same record gives the same numbers."""
    if incident.status.times is None:
        return ()
    record = Record(incident, tuple(lines), policy)
    found = [gap for finder in FINDERS for gap in finder(record)]
    far = max((x.time for x in record.lines), default=incident.declared)
    found.sort(key=lambda gap: (_ORDER.index(gap.part), gap.from_time or far, gap.kind, gap.text))
    return tuple(gap.model_copy(update={"number": number}) for number, gap in enumerate(found[:GAPS_MAX], 1))


def keep_numbers(found: Iterable[Gap], known: Iterable[Gap], quoted: int = 0) -> tuple[Gap, ...]:
    """
    By number: what was known before keeps its own, and what is new gets the next, above all that were known or ``quoted``.

    People speak of them by number, and the draft has written the numbers down.
    """
    before: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for gap in known:
        before[_same(gap)].append(gap.number)
    last = max((quoted, *(n for numbers in before.values() for n in numbers)))
    kept = []
    for gap in found:
        numbers = before[_same(gap)]
        last += not numbers
        kept.append(gap.model_copy(update={"number": numbers.pop(0) if numbers else last}))
    return tuple(sorted(kept, key=lambda gap: gap.number))


def _same(gap: Gap) -> tuple[object, ...]:
    return gap.kind, gap.from_time, gap.record
