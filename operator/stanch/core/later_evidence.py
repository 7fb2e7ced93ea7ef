"""
Evidence of what came after: the same capture once an effect is verified, once it is over, and when harm is back (ADR 33).

So before and after can be compared. It is nobody's proof for an effect, and nobody waits for it: it is asked for in a round
of its own, when nothing else is asked, begins or is under way, and the status already says that the effect is verified.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from stanch.api.evidence import Purpose
from stanch.api.incident_status import AttemptState
from stanch.api.names import EventKind
from stanch.core.attempts import begun
from stanch.core.captures import Wanted, capture
from stanch.core.draft import Draft, aim_at
from stanch.core.graph_queries import ask_graphs
from stanch.core.recovery import attempt_is_open

LATER: Final = frozenset({Purpose.AFTER.value, Purpose.RELAPSE.value})
# Later than this it shows another time than its name says: an operator was away.
WITHIN: Final = timedelta(minutes=30)
# A target that flaps all night must not fill the incident's room for evidence.
RELAPSES_MAX: Final = 4
AFTERS_MAX: Final = 6
_BACK: Final = (EventKind.RELAPSED, EventKind.REOPENED)


def capture_later(draft: Draft) -> None:
    """The first that is wanted, one a plan."""
    if draft.questions or draft.seen.not_stored or draft.incident.spec.drill or not _is_calm(draft):
        return
    wanted = next(_all(draft), None)
    if wanted is None:
        return
    for aim in wanted.aims:
        draft.ask_evidence(aim)
    draft.ask_for_evidence(*draft.catalog.collector.changes_questions(wanted.aims, draft.seen))
    ask_graphs(draft)
    draft.later = True
    if not draft.questions:
        capture(draft, wanted)


def _is_calm(draft: Draft) -> bool:
    nothing_begins = not begun(draft.incident.status, draft.status) and not draft.commands
    times = draft.status.times
    return nothing_begins and not attempt_is_open(draft) and times is not None and not (times.closed or times.cancelled)


def _all(draft: Draft) -> Iterator[Wanted]:
    yield from _after(draft)
    yield from _recovered(draft)
    yield from _relapse(draft)


def _after(draft: Draft) -> Iterator[Wanted]:
    """For every attempt that the status, as it was handed in, calls verified: its word is out before this is asked for."""
    kept = [e for e in draft.status.evidence or () if e.purpose == Purpose.AFTER]
    done = {e.attempt for e in kept}
    if len(kept) >= AFTERS_MAX:
        return
    for record in draft.incident.status.mitigations or ():
        for number, attempt in enumerate(record.attempts or (), 1):
            fresh = attempt.ended_time is not None and attempt.ended_time >= draft.now - WITHIN
            aim = draft.aim(record)
            if attempt.state is AttemptState.VERIFIED and fresh and attempt.id not in done and aim is not None:
                name = f"{draft.incident.metadata.name[:120]}-{record.name}-{number}-after"
                yield Wanted((aim,), Purpose.AFTER, name, record.name, attempt.id)


def _recovered(draft: Draft) -> Iterator[Wanted]:
    """Once it is resolved, where nothing was captured since it was mitigated: by hand, or long after the effect was verified."""
    times, targets = draft.incident.status.times, draft.looked_at
    if times is None or times.mitigated is None or times.resolved is None or not targets:
        return
    kept = [e for e in draft.status.evidence or () if e.purpose == Purpose.AFTER]
    # What is younger than a minute is not captured again (decisions 1.3 no. 37).
    shown = any(e.captured_time >= times.mitigated - draft.catalog.policy.evidence_fresh for e in kept)
    if not shown and len(kept) < AFTERS_MAX and times.resolved >= draft.now - WITHIN:
        aims = tuple(aim_at(draft.incident, t.kind.value, t.name) for t in targets)
        yield Wanted(aims, Purpose.AFTER, f"{draft.incident.metadata.name[:200]}-resolved-{len(kept) + 1}")


def _relapse(draft: Draft) -> Iterator[Wanted]:
    """Harm is back, and nothing was captured since that shows it."""
    back = max((x.time for x in draft.incident.status.timeline if x.kind in _BACK), default=None)
    targets = draft.looked_at
    if back is None or back < draft.now - WITHIN or not targets or _shown_since(draft, back):
        return
    number = sum(e.purpose == Purpose.RELAPSE for e in draft.status.evidence or ()) + 1
    if number <= RELAPSES_MAX:
        aims = tuple(aim_at(draft.incident, t.kind.value, t.name) for t in targets)
        yield Wanted(aims, Purpose.RELAPSE, f"{draft.incident.metadata.name[:200]}-relapse-{number}")


def _shown_since(draft: Draft, back: datetime) -> bool:
    """What was captured for another effect since then shows the relapse, too."""
    shows = (Purpose.RELAPSE, Purpose.BEFORE, Purpose.AFTER)
    return any(
        e.purpose in shows and e.rest_of is None and e.captured_time >= back for e in draft.status.evidence or ()
    )
