"""What taking an effect back would let in by now: on its debt while it stands, and in the timeline before it is undone."""

from typing import Final

from stanch.api.incident_status import Debt, MitigationRecord
from stanch.core.attempts import open_attempt, standing
from stanch.core.draft import Draft, shorten
from stanch.core.lifted_last import waits_in_vain
from stanch.core.ports import Aim, LetsIn

# With sixteen debts the status must still be small.
BRINGS_MAX: Final = 400


def with_what_it_brings(draft: Draft, debt: Debt) -> Debt:
    """
    The debt with what is found, anew as long as it stands; as it was while nothing is known. Never beside something that is under
    way: no effect waits for it.
    """
    record = draft.record(debt.name)
    looks = debt.action_item is None and not any(open_attempt(r) for r in draft.records)
    aim = draft.aim(record) if record is not None and looks else None
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
