"""
Toil: the same mitigation on the same target by hand again and again, which a machine could do (seed 0; decisions, part 3).

Told on the incident that makes it so, once, when its postmortem is drafted; `stanch review` prints a Runbook to begin with. What
was done before is read from Postmortems, which outlive their incidents.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from stanch.api.incident_status import IncidentStatus
from stanch.api.names import EventKind
from stanch.core.draft import Draft
from stanch.core.lesson import Lesson
from stanch.core.review_deeds import TOIL, TOIL_WITHIN, applied, is_by_hand

_NAMED: Final = 4


def deeds_by_hand(status: IncidentStatus) -> list[str]:
    """`rolloutUndo of Deployment checkout`, each time that a person had it done."""
    records = (r for r in status.mitigations or () if r.target is not None)
    return [f"{r.action} of {r.target}" for r in records if is_by_hand(r) and applied(r)]


def tell_of_toil(draft: Draft) -> None:
    """What people did here, and in other incidents of the namespace of the last thirty days, often enough to be toil."""
    meta, declared = draft.incident.metadata, draft.incident.declared
    known = {each.uid: each for each in draft.seen.lessons if each.uid != meta.uid and each.by_hand}
    lately = [each for each in known.values() if timedelta(0) <= declared - each.declared <= TOIL_WITHIN]
    for deed, times in Counter(deeds_by_hand(draft.status)).items():
        before = sorted((each for each in lately if deed in each.by_hand), key=lambda each: each.declared)
        often = times + sum(each.by_hand.count(deed) for each in before)
        if often >= TOIL:
            draft.say(EventKind.TOIL_SEEN, _words(deed, often, before), event=True)


def _words(deed: str, often: int, before: Sequence[Lesson]) -> str:
    names = [each.incident for each in before]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    also = f", also in {', '.join(names[-_NAMED:])}{more}" if names else ""
    return f"{deed} by hand {often} times in thirty days{also}; `stanch review` prints a Runbook to begin with"
