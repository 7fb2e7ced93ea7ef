"""Take in what people say: each TimelineEntry once, in the order the API server stored them; an invalid one stays, refused."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from stanch.api.incident_status import MitigationRecord, RoleRecord, WishState
from stanch.api.names import EventKind
from stanch.api.timeline_entry import TimelineEntry, TimelineEntrySpec
from stanch.core.approvals import approve, deny
from stanch.core.attempts import in_force, open_attempt
from stanch.core.debt_entries import defer, extend
from stanch.core.draft import Draft, shorten
from stanch.core.records import MarkFolded
from stanch.core.recovery import count_anew
from stanch.core.spec_fold import declarer, put_role
from stanch.core.statements import LATER, Refused, commands, may_command, say_entry
from stanch.core.undo import ask_undo
from stanch.core.wish_fold import add_wish

# status.foldedEntries holds 64 names.
UNMARKED_MAX: Final = 60


def fold_entries(draft: Draft) -> None:
    """Fold each unfolded entry; those older than this Incident belong to another of the same name."""
    known = set(draft.status.folded_entries or ())
    present = {e.metadata.name for e in draft.seen.entries}
    for entry in sorted(draft.seen.entries, key=lambda e: int(e.metadata.resource_version or 0)):
        if entry.said < draft.incident.declared:
            continue
        if entry.metadata.name in known:
            # Taken in, but the mark got lost in a crash: only the mark is made again.
            draft.folded.append(MarkFolded(entry.metadata.namespace, entry.metadata.name, draft.status.last_seq))
            continue
        if len(known & present) >= UNMARKED_MAX:
            # Their marks must be seen first; the rest comes with the next look.
            draft.wake(draft.now + draft.catalog.policy.verify_every)
            break
        if not _fold_one(draft, entry):
            draft.wake(draft.now + draft.catalog.policy.verify_every)
            break
        known.add(entry.metadata.name)
    # An entry that is no longer listed as unfolded carries our mark, so its name need not be kept.
    kept = tuple(sorted(known & present))
    if kept != (draft.status.folded_entries or ()):
        draft.set(folded_entries=kept or None)


def _fold_one(draft: Draft, entry: TimelineEntry) -> bool:
    """Fold one entry; false when a question must be answered before it can be judged."""
    member = next((m for m in TimelineEntrySpec.MEMBERS if getattr(entry.spec, m) is not None), None)
    handler = _HANDLERS.get(member or "")
    refused = handler(draft, entry) if handler else "it says nothing that is known here"
    if refused == LATER:
        return False
    if refused:
        seq = draft.say(
            EventKind.ENTRY_REFUSED,
            f"Refused: {refused}",
            by=entry.author,
            time=entry.said,
            entry=entry.metadata.name,
            event=True,
            warning=True,
        )
    else:
        seq = draft.status.last_seq
        _acknowledge(draft, entry.said)
    draft.folded.append(MarkFolded(entry.metadata.namespace, entry.metadata.name, seq))
    return True


def _acknowledge(draft: Draft, when: datetime) -> None:
    times = draft.status.times
    if times is not None and times.acknowledged is None:
        draft.set(times=times.model_copy(update={"acknowledged": when}))


def _note(draft: Draft, entry: TimelineEntry) -> Refused:
    kind = entry.spec.note.kind.value if entry.spec.note and entry.spec.note.kind else "Note"
    say_entry(draft, entry, EventKind.NOTE, kind)
    return None


def _acknowledged(draft: Draft, entry: TimelineEntry) -> Refused:
    say_entry(draft, entry, EventKind.ACKNOWLEDGED, "Acknowledged", event=True)
    return None


def _take(draft: Draft, entry: TimelineEntry) -> Refused:
    assert entry.spec.take is not None
    role = entry.spec.take.role.value
    known = next((r for r in draft.status.roles or () if r.role == role), None)
    put_role(
        draft,
        RoleRecord(
            role=role,
            user=entry.author,
            since_time=entry.said,
            source=f"Entry/{entry.metadata.name}",
            spec_seen=known.spec_seen if known else None,
        ),
    )
    before = f", from {known.user}" if known and known.user != entry.author else ""
    say_entry(draft, entry, EventKind.ROLE_CHANGED, f"{entry.author} is {role}{before}", event=True)
    return None


def _mitigate(draft: Draft, entry: TimelineEntry) -> Refused:
    if refused := _is_over(draft):
        return refused
    return add_wish(draft, entry)


def _is_over(draft: Draft) -> Refused:
    times = draft.status.times
    if times and (times.cancelled or times.closed):
        return "the incident is closed; declare a new one under a new name"
    if times and times.resolved:
        return "the incident is resolved; write a reopen entry first"
    return None


def _resolve(draft: Draft, entry: TimelineEntry) -> Refused:
    assert entry.spec.resolve is not None
    assert draft.status.times is not None
    if draft.status.times.resolved:
        return "it is resolved already"
    if not entry.spec.resolve.override:
        draft.set(resolve_said=entry.said)
        say_entry(draft, entry, EventKind.NOTE, "Says it is over; resolved once the criteria have held")
        return None
    if not commands(draft, entry):
        verdict = may_command(draft, entry)
        if verdict is not True:
            return LATER if verdict is None else "overriding needs the commander, or the verb command on incidents"
    draft.set(override=f"{entry.author}: {shorten(entry.spec.text or '', 200)}", resolve_said=entry.said)
    say_entry(draft, entry, EventKind.NOTE, "Resolved by override", event=True)
    return None


def _reopen(draft: Draft, entry: TimelineEntry) -> Refused:
    times = draft.status.times
    assert times is not None
    if times.closed or times.cancelled:
        return "it is closed; declare a new one under a new name"
    if times.resolved is None:
        return "it is not resolved"
    if entry.said - times.resolved > draft.catalog.policy.reopen_within:
        return "it was resolved too long ago; declare a new one"
    reopened = times.model_copy(update={"resolved": None, "mitigated": None, "reopened": entry.said})
    draft.set(times=reopened, resolve_said=None, override=None, recovery=count_anew(draft))
    say_entry(draft, entry, EventKind.REOPENED, "Reopened", event=True)
    return None


def _cancel(draft: Draft, entry: TimelineEntry) -> Refused:
    times = draft.status.times
    assert times is not None
    assert entry.spec.cancel is not None
    if times.closed or times.cancelled:
        return "it is closed already"
    if times.resolved:
        return "it is resolved: its record stands; reopen it if that was wrong"
    if entry.spec.cancel.duplicate_of == draft.incident.metadata.name:
        return "cancel.duplicateOf names this very incident"
    if entry.author != declarer(draft) and not commands(draft, entry):
        verdict = may_command(draft, entry)
        if verdict is not True:
            return LATER if verdict is None else "only who declared it, or the verb command on incidents, may cancel it"
    if held := [r.name for r in draft.records if open_attempt(r) or (in_force(r) and not _is_let_go(draft, r))]:
        return f"mitigation {', '.join(held)} is in force; undo or defer it first, or resolve instead"
    because = entry.spec.cancel.because.value if entry.spec.cancel.because else "FalseAlarm"
    draft.set(times=times.model_copy(update={"cancelled": entry.said}))
    for record in draft.records:
        if record.state in (WishState.WAITING, WishState.HELD):
            draft.put(record.model_copy(update={"state": WishState.WITHDRAWN, "message": "The incident was cancelled"}))
    say_entry(draft, entry, EventKind.CANCELLED, f"Cancelled: {because}", event=True)
    return None


def _is_let_go(draft: Draft, record: MitigationRecord) -> bool:
    """Is nothing of it left here: taken back by hand, an ActionItem's, or overwritten and never to be taken back?"""
    debt = draft.debt(record.name)
    if debt is not None and debt.action_item is not None:
        return True
    contest = record.contest
    return contest is not None and (bool(contest.gone) or (debt is None and not contest.stands))


def _waive(draft: Draft, entry: TimelineEntry) -> Refused:
    record = draft.status.postmortem
    if record is None:
        return "what to learn is decided when it is resolved"
    if record.waived:
        return "it is waived already"
    if not commands(draft, entry):
        verdict = may_command(draft, entry)
        if verdict is not True:
            return LATER if verdict is None else "waiving needs the commander, or the verb command on incidents"
    why = f"{entry.author}: {shorten(entry.spec.text or '', 200)}"
    draft.set(postmortem=record.model_copy(update={"waived": why}))
    say_entry(draft, entry, EventKind.NOTE, "Waives the postmortem", event=True)
    return None


_HANDLERS: Final[Mapping[str, Callable[[Draft, TimelineEntry], Refused]]] = {
    "note": _note,
    "acknowledge": _acknowledged,
    "take": _take,
    "mitigate": _mitigate,
    "approve": approve,
    "deny": deny,
    "undo": ask_undo,
    "extend": extend,
    "defer": defer,
    "waive": _waive,
    "resolve": _resolve,
    "reopen": _reopen,
    "cancel": _cancel,
}
