"""
Which effects go back by themselves: only those whose undo a machine can do whole, for no person would ask for the rest.

A rollback's undo deploys the bad release again, and what a drain evicted does not come back (mitigations.md 0.5, decisions 2.2).
"""

from stanch.api.incident_status import Effect, MitigationRecord, UndoClass
from stanch.api.names import Reason
from stanch.api.wish import ONLY_WHEN_ASKED, Revert
from stanch.core.attempts import standing
from stanch.core.draft import Draft
from stanch.core.ports import Aim, LooksBack, Refusal, Written


def unfit(action: str, revert: Revert | None) -> str | None:
    """Why such a `revert` is not taken; None when it is. Admission says the same; an older schema may not."""
    if revert in (None, Revert.ASK) or action not in ONLY_WHEN_ASKED:
        return None
    return f"revert must be Ask, or left out, for {action} (got {revert.value}): it never goes back by itself"


def revert_fits(draft: Draft, record: MitigationRecord, aim: Aim) -> Refusal | None:
    """What nobody could keep is not promised."""
    why = unfit(record.action, record.asked.revert)
    return Refusal(Reason.PREFLIGHT, f"{why}; ask under a new name", final=True) if why else None


def chosen(record: MitigationRecord) -> Revert:
    """What was chosen, as far as it is done: records from before it was refused may say more."""
    return Revert.ASK if unfit(record.action, record.asked.revert) else record.asked.revert or Revert.ASK


def can_go_back(draft: Draft, record: MitigationRecord) -> bool:
    """Does an effect of it stand that can be taken back at all?"""
    if standing(record) is None or record.reason == Reason.UNDO_NOT_EXACT:
        return False
    return draft.catalog.mitigations[record.action].undo_class is not UndoClass.NONE


def made_worse(draft: Draft, record: MitigationRecord) -> bool:
    """The policy's word counts like the asker's own: what made it worse goes back, also while it is on its way."""
    return record.effect is Effect.WORSE and draft.catalog.policy.when_worse == "Undo"


def would_hurt(draft: Draft, record: MitigationRecord, aim: Aim, undo: Written) -> Refusal | None:
    """Exact is not harmless: what it would go back to may be gone or sick by now (mitigations.md 1.7, 1.11, 1.13)."""
    mitigation = draft.catalog.mitigations[record.action]
    if not isinstance(mitigation, LooksBack):
        return None
    refusal = mitigation.undo_refusal(undo, aim, draft.seen)
    if isinstance(refusal, tuple):
        draft.ask(*refusal)
        return None
    return refusal


def will_go_back(draft: Draft, record: MitigationRecord) -> bool:
    """Is an effect of it on its way back, or to be? What nothing and nobody takes back holds up no hold."""
    word = record.undo_asked is not None or chosen(record) is not Revert.ASK or made_worse(draft, record)
    return word and can_go_back(draft, record)
