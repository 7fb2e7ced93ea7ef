"""A person's word that harm is over, where nothing is measured: an update in state Monitoring, or a resolve entry (2.3)."""

from stanch.api.communications_status import ToldUpdate
from stanch.api.said import UpdateState
from stanch.core.approvals import is_machine
from stanch.core.draft import Draft

_CALM = (UpdateState.MONITORING, UpdateState.RESOLVED)


def word_for_it(draft: Draft) -> bool | None:
    """Is harm over, by what people said? False when it was and the newest update says otherwise; None when nobody has said so."""
    if who_says_so(draft):
        return True
    newest, times = _newest(draft), draft.status.times
    over = times.mitigated if times is not None else None
    return False if newest is not None and over is not None and newest.time > over else None


def who_says_so(draft: Draft) -> str:
    """Who said it, a resolve entry before an update; empty when nobody, or only a machine, did."""
    if draft.status.resolve_said:
        return draft.status.resolve_said_by or "somebody"
    newest = _newest(draft)
    if newest is None or newest.state not in _CALM:
        return ""
    by = next((line.by for line in draft.status.timeline if line.entry == newest.entry), "somebody")
    return "" if is_machine(by, draft.catalog.policy) else by


def _newest(draft: Draft) -> ToldUpdate | None:
    """The last update of any audience since it was declared, or opened again."""
    times, known = draft.status.times, draft.status.communications
    since = times.reopened if times is not None else None
    told = [t for t in (known.told if known else None) or () if since is None or t.time > since]
    return max(told, key=lambda t: t.time, default=None)
