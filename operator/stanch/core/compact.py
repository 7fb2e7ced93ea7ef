"""
A closed incident is kept for a year, and there may be ten thousand of them: it keeps what a review counts, and no more
(decisions 2.13). Lines of its timeline are on its pages by then; what stood in its status is what nobody looks at again.
"""

from stanch.api.incident_status import MitigationRecord
from stanch.core.attempts import standing
from stanch.core.draft import Draft

# What was for who had to decide; what was done, by whom, when and to what effect stays.
_FOR_DECIDING = ("diff", "warnings", "break_glass", "dry_run")


def compact(draft: Draft) -> None:
    """Of what is closed: no criteria, no suspects, mitigations in short. The outbox sees to itself (core/outbox.py)."""
    status = draft.status
    if status.times is None or status.times.closed is None:
        return
    recovery = status.recovery
    draft.set(
        suspects=None,
        suggestions=None,
        relations=None,
        recovery=recovery.model_copy(update={"criteria": ()}) if recovery else None,
        mitigations=tuple(map(_in_short, status.mitigations)) if status.mitigations else None,
    )


def _in_short(record: MitigationRecord) -> MitigationRecord:
    """What is in force still keeps the lines that take it back by hand: stanch does it no more."""
    keeps = ("break_glass",) if standing(record) is not None else ()
    return record.model_copy(update=dict.fromkeys(name for name in _FOR_DECIDING if name not in keeps))
