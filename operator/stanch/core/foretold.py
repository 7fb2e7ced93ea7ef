"""What taking an effect back would let in by now: on its debt while it stands, and in the timeline before it is undone."""

from typing import Final

from stanch.api.incident_status import Debt, MitigationRecord
from stanch.core.attempts import open_attempt, standing
from stanch.core.draft import Draft, shorten
from stanch.core.lifted_last import waits_in_vain
from stanch.core.ports import Aim, LetsIn

# With sixteen debts the status must still be small.
BRINGS_MAX: Final = 400


def ask_what_undo_brings(draft: Draft) -> None:
    """For each debt, as long as it stands: who decides about it must know before it is undone."""
    for debt in draft.status.debt or ():
        record = draft.record(debt.name)
        aim = draft.aim(record) if record is not None and _looks(record, debt) else None
        if record is not None and aim is not None:
            brings(draft, record, aim)


def with_what_it_brings(draft: Draft, debt: Debt) -> Debt:
    """The debt with what was found; as it was while nothing is known."""
    record = draft.record(debt.name)
    aim = draft.aim(record) if record is not None and _looks(record, debt) else None
    words = brings(draft, record, aim) if record is not None and aim is not None else ""
    return debt.model_copy(update={"brings": words}) if words else debt


def brings(draft: Draft, record: MitigationRecord, aim: Aim) -> str:
    """What comes with its undo; empty while that is being asked, and where nothing does."""
    mitigation = draft.catalog.mitigations[record.action]
    if not isinstance(mitigation, LetsIn):
        return ""
    found = mitigation.brings(aim, draft.seen)
    if isinstance(found, tuple):
        draft.ask(*found)
        return ""
    held, first = draft.held_for(record), waits_in_vain(draft, record)
    over = f". {held.name} stands: it is put back, too, unless Git has it by now" if held and standing(held) else ""
    why = f". It waits for {first.name}, which is not taken back: {first.message}" if first is not None else ""
    return shorten(f"{found}{over}{why}", BRINGS_MAX)


def _looks(record: MitigationRecord, debt: Debt) -> bool:
    """Not in the middle of its undo: then it is half gone."""
    return debt.action_item is None and open_attempt(record) is None
