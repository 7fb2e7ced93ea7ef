"""
Part b of a capture: the rest of the logs and all that no effect destroys, right after the effect (decisions 2.6, ADR 40).

Part a is what an effect waits for. What it leaves is named in it as `InPartB`, is kept in memory by the shell, and is stored as a
bundle of its own once nobody waits for an effect any more. If the memory is lost, part b still comes, and says of what it
lacks that it was `LostInRestart`, or `BudgetFull` where the memory was needed for others. Logs that part a was not given in time
are asked once more (ADR 54).
"""

from dataclasses import replace
from datetime import timedelta
from typing import Final

from stanch.api.evidence import Purpose
from stanch.api.incident_status import Attempt, AttemptState, EvidenceRecord, IncidentStatus, MitigationRecord
from stanch.api.meta import TargetKind
from stanch.api.names import MissingReason
from stanch.core.attempts import begun
from stanch.core.captures import Rest, Wanted, capture
from stanch.core.draft import Draft, aim_at
from stanch.core.graph_queries import ask_graphs
from stanch.core.observations import Found, Held
from stanch.core.questions import EVIDENCES, Get

# Later than this the world around shows another time than part a: then part b only says what was lost.
WITHIN: Final = timedelta(minutes=30)
# Written down and perhaps not done: somebody waits for it.
_WAITED_FOR: Final = (AttemptState.INTENDED, AttemptState.STARTED)


def capture_rest(draft: Draft) -> bool:
    """The first of which something is wanted, one a plan; true while this plan is about one."""
    if draft.questions or draft.seen.not_stored or not _nobody_waits(draft):
        return False
    for first in draft.status.evidence or ():
        wanted = _wanted(draft, first) if is_wanted(draft.status, first) else None
        if wanted is None:
            continue
        held = draft.seen.held.get(first.name)
        if held is None or held.given_up:
            held = _read_again(draft, first, given_up=held is not None)
        if held is not None:
            _capture(draft, first, wanted, held)
        if held is not None or draft.questions:
            draft.later = True
            return True
    return False


def _capture(draft: Draft, first: EvidenceRecord, wanted: Wanted, held: Held) -> None:
    """Ask what is still to be asked; when nothing is, bundle it."""
    seen = replace(draft.seen, answers={**draft.seen.answers, **held.answers})
    collector = draft.catalog.collector
    if draft.now - first.captured_time <= WITHIN:
        late = collector.rest_questions(wanted.aims, seen, draft.severity, held.manifest, wanted.loses)
        draft.ask(*late)
        draft.ask_for_evidence(*collector.changes_questions(wanted.aims, seen))
        ask_graphs(draft)
    if not draft.questions:
        capture(draft, wanted, Rest(first, seen, held.manifest, _lost(draft, first, held)))


def is_wanted(status: IncidentStatus, evidence: EvidenceRecord) -> bool:
    """Is it a part a that is stored, left something, and has no part b?"""
    done = {e.rest_of for e in status.evidence or ()}
    return bool(evidence.rest and evidence.stored and evidence.name not in done)


def _nobody_waits(draft: Draft) -> bool:
    """Nothing begins, is about to be done, or was perhaps not done yet: as the status that was handed in says it, too."""
    times, before = draft.status.times, draft.incident.status
    if times is None or times.closed or draft.commands or begun(before, draft.status):
        return False
    return not any(a.state in _WAITED_FOR for s in (before, draft.status) for _, a in _attempts(s))


def _attempts(status: IncidentStatus) -> list[tuple[MitigationRecord, Attempt]]:
    return [(r, a) for r in status.mitigations or () for a in r.attempts or ()]


def _wanted(draft: Draft, first: EvidenceRecord) -> Wanted | None:
    """The same targets, for the same attempt; None when the record does not say any more what they were."""
    # Its name ends in its digest; before that it says which part it is.
    name = f"{first.name.rpartition('-')[0].removesuffix('-a')}-b"
    if first.purpose == Purpose.DECLARED:
        aims = tuple(aim_at(draft.incident, t.kind.value, t.name) for t in draft.looked_at)
        return Wanted(aims, Purpose.DECLARED, name) if aims else None
    made_for = ((r, a) for r, a in _attempts(draft.status) if a.evidence == first.name)
    record, attempt = next(made_for, (None, None))
    aim = draft.aim(record) if record is not None else None
    if record is None or attempt is None or aim is None:
        return None
    loses = frozenset(attempt.removes or ()) if aim.kind is TargetKind.NODE else frozenset()
    return Wanted((aim,), Purpose.BEFORE, name, record.name, attempt.id, loses)


def _read_again(draft: Draft, first: EvidenceRecord, given_up: bool) -> Held | None:
    """Nobody remembers: what was left stands in part a. None while that is being read, and when it is not there."""
    answer = draft.answer(Get(EVIDENCES, draft.incident.metadata.namespace, first.name))
    if isinstance(answer, Found):
        return Held({}, answer.value.get("spec") or {}, given_up)
    if answer is not None:
        draft.wake(draft.now + draft.catalog.policy.verify_every * 5)
    return None


def _lost(draft: Draft, first: EvidenceRecord, held: Held) -> dict[str, str]:
    """What was to be in part b and can't be asked again, and why: the logs; of a time long past everything."""
    if held.answers:
        return {}
    left = [m for m in held.manifest.get("missing") or () if m.get("reason") == MissingReason.IN_PART_B]
    late = draft.now - first.captured_time > WITHIN
    why, other = MissingReason.LOST_IN_RESTART, MissingReason.LOST_IN_RESTART
    if held.given_up:
        why, other = MissingReason.BUDGET_FULL, MissingReason.DEADLINE_OVER
    names = [str(m.get("name")) for m in left]
    return {n: why if n.endswith(".log") else other for n in names if late or n.endswith(".log")}
