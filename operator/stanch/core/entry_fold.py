"""Take in what people say: each TimelineEntry once, in the order the API server stored them; an invalid one stays, refused."""

from collections.abc import Callable, Mapping
from typing import Final

from stanch.api.names import EventKind
from stanch.api.said import Seat
from stanch.api.stamps import Stamped
from stanch.api.timeline_entry import TimelineEntry, TimelineEntrySpec
from stanch.core.approvals import approve, deny, is_machine
from stanch.core.debt_entries import defer, extend
from stanch.core.draft import Draft
from stanch.core.ending_entries import cancel, confirm, reopen, resolve
from stanch.core.forced_undo import agree, disagree, is_waiting
from stanch.core.pages import is_full
from stanch.core.reading import Unreadable
from stanch.core.records import MarkFolded
from stanch.core.review_entries import ask_postmortem, sign_off, waive
from stanch.core.role_entries import accept, decline, hand_over, take
from stanch.core.stamps import stamp
from stanch.core.statements import LATER, NOBODY_VOUCHED, Refused
from stanch.core.story_entries import acknowledge, escalate, hypothesis, impact, note, severity, update
from stanch.core.time_entries import correct
from stanch.core.undo_entries import ask_undo
from stanch.core.vouched import as_it_counts, nobody_can_tell
from stanch.core.wish_fold import add_wish

# status.foldedEntries holds 64 names.
UNMARKED_MAX: Final = 60
# What changes nothing but the timeline counts also when nobody vouches for its author.
WORDS_ONLY: Final = frozenset({"note", "acknowledge"})


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
        # Words wait as well at first: taken in now they would be nobody's for ever.
        young = draft.now < entry.said + draft.catalog.policy.told_after
        if nobody_can_tell(draft) and (young or _member(entry) not in WORDS_ONLY):
            draft.wake(draft.now + draft.catalog.policy.verify_every)
            continue
        if len(known & present) >= UNMARKED_MAX or is_full(draft):
            # Their marks must be seen first, or a page be stored; the rest comes after that.
            draft.wake(draft.now + draft.catalog.policy.verify_every)
            break
        if not _fold_one(draft, as_it_counts(draft, entry)):
            draft.wake(draft.now + draft.catalog.policy.verify_every)
            break
        known.add(entry.metadata.name)
    # An entry that is no longer listed as unfolded carries our mark, so its name need not be kept.
    kept = tuple(sorted(known & present))
    if kept != (draft.status.folded_entries or ()):
        draft.set(folded_entries=kept or None)


def _fold_one(draft: Draft, entry: TimelineEntry | Unreadable) -> bool:
    """Fold one entry; false when a question must be answered before it can be judged."""
    refused = f"it can't be read: {entry.why}" if isinstance(entry, Unreadable) else _taken_in(draft, entry)
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
        _acknowledge(draft, entry)
    draft.folded.append(MarkFolded(entry.metadata.namespace, entry.metadata.name, seq))
    return True


def _member(entry: TimelineEntry | Unreadable) -> str:
    if isinstance(entry, Unreadable):
        return ""
    return next((m for m in TimelineEntrySpec.MEMBERS if getattr(entry.spec, m) is not None), "")


def _taken_in(draft: Draft, entry: TimelineEntry) -> Refused:
    member = _member(entry)
    if member not in _HANDLERS:
        return "it says nothing that is known here"
    if entry.spec.author is None and member not in WORDS_ONLY:
        return NOBODY_VOUCHED
    return _HANDLERS[member](draft, entry)


def _acknowledge(draft: Draft, entry: TimelineEntry | Unreadable) -> None:
    """A person who says anything is on it (decisions 1.3 no. 43); a pipeline that writes a note is nobody."""
    times = draft.status.times
    first = times is not None and times.acknowledged is None and not _is_learning(entry)
    if first and not is_machine(entry.author, draft.catalog.policy):
        source = f"Entry/{entry.metadata.name}"
        stamp(draft, Stamped.ACKNOWLEDGED, entry.said, entry.author, source, entry.said)


def _is_learning(entry: TimelineEntry | Unreadable) -> bool:
    """Who sits down beside others is no responder (ADR 65)."""
    take = entry.spec.take if isinstance(entry, TimelineEntry) else None
    return take is not None and take.role is Seat.SHADOW


def _mitigate(draft: Draft, entry: TimelineEntry) -> Refused:
    if refused := _is_over(draft):
        return refused
    return add_wish(draft, entry)


def _approve(draft: Draft, entry: TimelineEntry) -> Refused:
    assert entry.spec.approve is not None
    record = draft.record(entry.spec.approve.mitigation)
    return agree(draft, entry, record) if record is not None and is_waiting(record) else approve(draft, entry)


def _deny(draft: Draft, entry: TimelineEntry) -> Refused:
    assert entry.spec.deny is not None
    record = draft.record(entry.spec.deny.mitigation)
    return disagree(draft, entry, record) if record is not None and is_waiting(record) else deny(draft, entry)


def _is_over(draft: Draft) -> Refused:
    times = draft.status.times
    if times and (times.cancelled or times.closed):
        return "the incident is closed; declare a new one under a new name"
    if times and times.resolved:
        return "the incident is resolved; write a reopen entry first"
    return None


_HANDLERS: Final[Mapping[str, Callable[[Draft, TimelineEntry], Refused]]] = {
    "note": note,
    "acknowledge": acknowledge,
    "take": take,
    "handoff": hand_over,
    "accept": accept,
    "decline": decline,
    "severity": severity,
    "impact": impact,
    "correct": correct,
    "hypothesis": hypothesis,
    "update": update,
    "escalate": escalate,
    "mitigate": _mitigate,
    "approve": _approve,
    "deny": _deny,
    "undo": ask_undo,
    "extend": extend,
    "defer": defer,
    "confirm": confirm,
    "ask_postmortem": ask_postmortem,
    "sign_off": sign_off,
    "waive": waive,
    "resolve": resolve,
    "reopen": reopen,
    "cancel": cancel,
}
