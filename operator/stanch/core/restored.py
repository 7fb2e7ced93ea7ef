"""
What was asked before the cluster's data came back from a backup is not done: it may have been done, undone, or given up in
the time that nobody remembers any more. The record says so, and a person who still means it asks anew.
"""

from datetime import datetime

from stanch.api.incident_status import MitigationRecord, WishState
from stanch.api.meta import instant
from stanch.api.names import EventKind, Reason
from stanch.core.draft import Draft

_PENDING = frozenset({WishState.WAITING, WishState.HELD})


def refuse_the_past(draft: Draft) -> None:
    """End every wish, and drop every request to undo, that is older than the restore."""
    if draft.seen.restored is None:
        return
    for record in draft.records:
        if record.state in _PENDING and is_past(draft, record.asked_time):
            _refuse(draft, record)
        elif record.undo_asked is not None and is_past(draft, record.undo_asked.time):
            draft.put(record.model_copy(update={"undo_asked": None}))
            draft.say(EventKind.UNDO_REFUSED, f"{record.name}: {past_words(draft)}", event=True, warning=True)


def _refuse(draft: Draft, record: MitigationRecord) -> None:
    message = f"{past_words(draft)}. If it is still meant, ask under a new name"
    ended = {"state": WishState.REFUSED, "reason": Reason.RESTORED, "message": message, "approvals": None}
    draft.put(record.model_copy(update=ended))
    draft.say(EventKind.MITIGATION_FAILED, f"{record.name}: {message}", event=True, warning=True)


def is_past(draft: Draft, when: datetime) -> bool:
    """Is it from before a restore?"""
    return draft.seen.restored is not None and when < draft.seen.restored


def past_words(draft: Draft) -> str:
    """The sentence for the record."""
    assert draft.seen.restored is not None
    return f"Asked before the cluster's data was restored from a backup (seen {instant(draft.seen.restored)})"
