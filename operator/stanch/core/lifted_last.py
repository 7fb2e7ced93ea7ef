"""A hold is lifted after what it holds for is taken back, or the tool would put that back first; and told when that never comes."""

from stanch.api.incident_status import AttemptState, MitigationRecord
from stanch.api.names import Reason
from stanch.api.wish import Revert
from stanch.core.draft import Draft
from stanch.core.git_ops import HOLD
from stanch.core.reverts import can_go_back, chosen, will_go_back


def goes_first(draft: Draft, record: MitigationRecord) -> MitigationRecord | None:
    """What has to go back before this hold does: what it was made for, or what is to go back when all is resolved."""
    if (wanted := draft.held_for(record)) is not None and will_go_back(draft, wanted):
        return wanted
    if record.action != HOLD:
        return None
    return next((r for r in draft.records if _goes_back_when_resolved(draft, r)), None)


def _goes_back_when_resolved(draft: Draft, record: MitigationRecord) -> bool:
    return record.action != HOLD and chosen(record) is Revert.ON_RESOLVED and can_go_back(draft, record)


def tried_in_vain(record: MitigationRecord) -> bool:
    """It was to go back by itself, once, and did not: from then on a person must look."""
    failed = any(a.undoes and a.state is AttemptState.FAILED for a in record.attempts or ())
    return failed or record.reason == Reason.UNDO_WOULD_HURT


def waits_in_vain(draft: Draft, record: MitigationRecord) -> MitigationRecord | None:
    """What it waits for though that does not go back by itself any more; None when nothing keeps it so."""
    first = goes_first(draft, record)
    return first if first is not None and first.undo_asked is None and tried_in_vain(first) else None
