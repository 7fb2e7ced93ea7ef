"""Mitigations asked for, in the spec and by entries, become records; what started keeps its plan (decisions 1.3 no. 11-17)."""

from datetime import datetime, timedelta
from typing import Final

from stanch.api.incident_status import MitigationRecord, ResolvedTarget, WishState
from stanch.api.names import EventKind, Reason
from stanch.api.timeline_entry import TimelineEntry
from stanch.api.wish import Wish
from stanch.core.draft import RECORDS_MAX, Draft, shorten
from stanch.core.statements import NOBODY_VOUCHED
from stanch.core.swap import digest
from stanch.core.vouched import nobody_can_tell, stamped, vouched

# What is further ahead than clocks of several API servers differ is a lie.
CLOCKS_DIFFER: Final = timedelta(minutes=1)
NOT_STARTED = frozenset({WishState.WAITING, WishState.HELD})


def fold_wishes(draft: Draft) -> None:
    """New ones are recorded, changed ones re-recorded while not started, missing ones withdrawn while not started."""
    if draft.status.times is not None and (draft.status.times.cancelled or draft.status.times.closed):
        return
    if nobody_can_tell(draft):
        return
    wished = draft.incident.spec.mitigations or ()
    for wish in wished:
        _fold_one(draft, wish)
    names = {w.name for w in wished}
    for record in draft.records:
        if record.source == "Spec" and record.name not in names and record.state in NOT_STARTED:
            draft.put(record.model_copy(update={"state": WishState.WITHDRAWN, "message": "Removed from the spec"}))
            draft.say(EventKind.MITIGATION_WITHDRAWN, f"{record.name}: removed from the spec before it started")


def _fold_one(draft: Draft, wish: Wish) -> None:
    known = draft.record(wish.name)
    if known is None and len(draft.records) >= RECORDS_MAX:
        _leave_out(draft, wish, f"this incident has {RECORDS_MAX} mitigations already; declare another incident")
        return
    if known is None or (known.source == "Spec" and known.state is WishState.WITHDRAWN and not known.attempts):
        draft.set(mitigations=tuple(r for r in draft.records if r.name != wish.name))
        take_in(draft, wish, "Spec", _asker(draft, wish))
    elif known.source != "Spec":
        _leave_out(
            draft, wish, f"{Reason.NAME_TAKEN}: {known.source} asked for one of that name before; use another name"
        )
    elif known.wish != _digest(draft, wish):
        _change(draft, wish, known)
    elif not vouched(draft, draft.incident.declared):
        return  # Whose it was when it was taken in.
    elif known.requested_by != _asker(draft, wish) and known.state in NOT_STARTED:
        # Somebody else vouches for the same words now (the whole list was written again under their name).
        draft.put(known.model_copy(update={"requested_by": _asker(draft, wish), "approvals": None}))


def _leave_out(draft: Draft, wish: Wish, why: str) -> None:
    """An item of the spec that is not taken in, told once: its name is not its own, or there is no room."""
    text = f"{wish.name} of the spec is left out: {why}"
    if not any(line.text == text for line in draft.status.timeline or ()):
        draft.say(EventKind.MITIGATION_HELD, text, event=True, warning=True)


def _asker(draft: Draft, wish: Wish) -> str | None:
    person = stamped(draft, wish.name)
    return person.username if person else None


def _digest(draft: Draft, wish: Wish) -> str:
    # The resolved target is part of what was asked: an item that names none changes with spec.targets[0].
    target = _target(draft, wish)
    return digest({"wish": wish.wire(), "target": target.wire() if target else None})


def _target(draft: Draft, wish: Wish) -> ResolvedTarget | None:
    chosen = wish.target or next(iter(draft.incident.spec.targets or ()), None)
    return ResolvedTarget(kind=chosen.kind, name=chosen.name) if chosen else None


def _written(draft: Draft) -> datetime:
    """When the spec was written, as far as it may be believed: its writer may send another time along."""
    written = draft.incident.spec_written or draft.now
    return min(written, draft.now) if written - draft.now < CLOCKS_DIFFER else draft.incident.declared


def _new(draft: Draft, wish: Wish, source: str, by: str | None, when: datetime | None = None) -> MitigationRecord:
    action, _ = wish.action
    return MitigationRecord(
        name=wish.name,
        source=source,
        action=action,
        asked=wish,
        wish=_digest(draft, wish),
        target=_target(draft, wish),
        requested_by=by,
        asked_time=when or _written(draft),
        state=WishState.WAITING,
    )


def take_in(draft: Draft, wish: Wish, source: str, by: str | None, when: datetime | None = None) -> None:
    """Put it on the record, as asked for by ``by``: nobody vouched for it when that is None."""
    record = _new(draft, wish, source, by, when)
    draft.set(mitigations=(*draft.records, record))
    reason = f": {shorten(wish.reason, 120)}" if wish.reason else ""
    draft.say(
        EventKind.MITIGATION_ASKED,
        f"{record.name}: {record.action} {record.target or ''}{reason}".strip(),
        by=by or "nobody vouched for it",
    )


def _change(draft: Draft, wish: Wish, known: MitigationRecord) -> None:
    if known.state in NOT_STARTED:
        fresh = _new(draft, wish, "Spec", _asker(draft, wish))
        draft.put(fresh)
        draft.say(
            EventKind.MITIGATION_ASKED, f"{known.name}: changed; approvals are void", by=fresh.requested_by or "spec"
        )
    elif known.reason != Reason.CHANGED_AFTER_START:
        was = "it had started" if known.attempts else f"it was {known.state.value.lower()}"
        message = f"Changed after {was}; the record keeps its plan. Ask for the new one under another name"
        draft.put(known.model_copy(update={"reason": Reason.CHANGED_AFTER_START, "message": message}))
        draft.say(EventKind.MITIGATION_HELD, f"{known.name}: {message}", event=True, warning=True)


def add_wish(draft: Draft, entry: TimelineEntry) -> str | None:
    """A mitigation asked for by an entry; the first of a name wins."""
    wish = entry.spec.mitigate
    assert wish is not None
    if entry.spec.author is None:
        return NOBODY_VOUCHED
    if draft.record(wish.name) is not None:
        return f"{Reason.NAME_TAKEN}: there is a mitigation {wish.name} already; use another name"
    if len(draft.records) >= 24:
        return "this incident has 24 mitigations already"
    take_in(draft, wish, f"Entry/{entry.metadata.name}", entry.author, entry.said)
    return None
