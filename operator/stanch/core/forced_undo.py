"""
Undo over what others wrote since, or though it would do harm now: never on one person's word (decisions 2.8, class C).

Planned like a mitigation: the digest covers what is found there now and what comes instead. Another person agrees to that
digest; the write tests every value found. What changes meanwhile makes another plan, and needs another agreement.
"""

from typing import Any

from stanch.api import duration
from stanch.api.incident_status import Approval, Approvals, Attempt, MitigationRecord, UndoAsked
from stanch.api.names import EventKind, Reason
from stanch.api.timeline_entry import TimelineEntry
from stanch.core.approvals import APPROVALS_MAX, is_machine
from stanch.core.approvers import ask_again, lost_words
from stanch.core.draft import Draft, shorten
from stanch.core.ports import Aim, ApprovalClass, Change
from stanch.core.statements import Refused, is_no_person, say_entry
from stanch.core.swap import digest


def is_waiting(record: MitigationRecord) -> bool:
    """Does a forced undo of it wait for somebody who agrees?"""
    asked = record.undo_asked
    return asked is not None and bool(asked.force) and asked.digest is not None


def is_next(draft: Draft, record: MitigationRecord) -> bool:
    """False while people still have to agree: evidence is captured when they do, not every few seconds until then."""
    asked = record.undo_asked
    return asked is None or not is_waiting(record) or len(counted(draft, asked)) >= needed(draft, asked)


def ask_who_agreed(draft: Draft, record: MitigationRecord) -> None:
    """Beside all else that must be known, once enough people agree."""
    asked = record.undo_asked
    if asked is not None and is_waiting(record) and is_next(draft, record):
        ask_again(draft, record.action, counted(draft, asked))


def asked_again(attempt: Attempt) -> UndoAsked:
    """The wish behind an undo that was written down and not made, with who agreed to it."""
    approvals = Approvals(needed=1, asked_time=attempt.intended_time, by=attempt.agreed) if attempt.agreed else None
    return UndoAsked(
        by=attempt.asked_by or "",
        entry=attempt.asked_entry,
        time=attempt.intended_time,
        force=True if attempt.agreed else None,
        approvals=approvals,
    )


def over_what_is_there(
    record: MitigationRecord, aim: Aim, undo: dict[str, Any], live: dict[str, Any], target: dict[str, Any], who: str
) -> Change:
    """From the values found now, whoever wrote them, to those from before the mitigation."""
    return Change(
        uid=undo["uid"],
        before=live,
        after=undo["before"],
        summary=f"taking {record.action} on {aim} back, over what {who} wrote since",
        labels=target["metadata"].get("labels"),
    )


def plan_of(attempt: Attempt, aim: Aim, change: Change) -> str:
    """What an approval of a forced undo names."""
    return digest(
        {
            "undo": attempt.id,
            "kind": aim.kind.value,
            "name": aim.name,
            "uid": change.uid,
            "before": digest(dict(change.before)),
            "after": digest(dict(change.after)),
        }
    )


def counted(draft: Draft, asked: UndoAsked) -> tuple[Approval, ...]:
    """Who agrees now to this very plan: different people, not too long ago."""
    given = asked.approvals.by if asked.approvals and asked.approvals.by else ()
    fresh = draft.now - draft.catalog.policy.approval_valid_for
    return tuple({a.by: a for a in given if a.digest == asked.digest and a.time >= fresh}.values())


def needed(draft: Draft, asked: UndoAsked) -> int:
    """As many as for a wide act."""
    policy = draft.catalog.policy
    table = policy.approvals_machine if is_machine(asked.by, policy) else policy.approvals_person
    return max(1, table[ApprovalClass.C.value])


def not_forced(record: MitigationRecord) -> str:
    """Why an undo that nobody agrees to stays undone: others wrote there since, or else it would do harm."""
    return Reason.UNDO_NOT_EXACT if record.conflict else Reason.UNDO_WOULD_HURT


def agreed(draft: Draft, record: MitigationRecord, plan: str, harm: str) -> MitigationRecord | str:
    """The record as it goes on: with who agreed, or waiting for them; or why it is given up. ``harm`` is what it would do."""
    asked, policy = record.undo_asked, draft.catalog.policy
    assert asked is not None
    count, approvals = needed(draft, asked), asked.approvals or Approvals()
    since = approvals.asked_time or draft.now
    if draft.now >= since + policy.approval_ask_for:
        return f"nobody agreed within {duration.write(policy.approval_ask_for)} to force it; ask again if it is still meant"
    asked = asked.model_copy(
        update={
            "digest": plan,
            "approvals": approvals.model_copy(update={"needed": count, "asked_time": since}),
        }
    )
    by, unclear = counted(draft, asked), ""
    if len(by) >= count:
        again = ask_again(draft, record.action, by)
        if len(again.by) >= count:
            kept = Approvals(needed=count, asked_time=since, by=again.by)
            return record.model_copy(
                update={"undo_asked": asked.model_copy(update={"approvals": kept}), "reason": None}
            )
        asked, by, unclear = _without(draft, record, asked, again.lost), again.by, again.unclear
    # The digest stands first: a long value must not push it out of the line.
    message = unclear or (
        f"Undo by force needs {count - len(by)} approval(s) by others than {shorten(asked.by, 80)}: an approve entry with "
        f"action {record.action} and digest {plan}. {harm}"
    )
    if approvals.asked_time is None:
        draft.say(EventKind.APPROVAL_NEEDED, f"{record.name}: {message}", event=True)
    draft.wake(since + policy.approval_ask_for)
    return record.model_copy(update={"undo_asked": asked, "reason": Reason.APPROVAL_MISSING, "message": message})


def _without(draft: Draft, record: MitigationRecord, asked: UndoAsked, lost: tuple[Approval, ...]) -> UndoAsked:
    """The wish without the word of who may not say it any more; told once."""
    if not lost or asked.approvals is None:
        return asked
    told = f"{record.name}: {lost_words(record.action, lost)}"
    draft.say(EventKind.MITIGATION_HELD, told, event=True, warning=True)
    kept = tuple(a for a in asked.approvals.by or () if a not in lost)
    return asked.model_copy(update={"approvals": asked.approvals.model_copy(update={"by": kept or None})})


def agree(draft: Draft, entry: TimelineEntry, record: MitigationRecord) -> Refused:
    """Count an approval of a forced undo; returns why it does not count."""
    said, asked = entry.spec.approve, record.undo_asked
    assert said is not None
    assert asked is not None
    if record.action != said.action:
        return f"{record.name} is {record.action}, not {said.action}"
    if asked.digest != said.digest:
        return f"{Reason.PLAN_CHANGED}: the undo is {asked.digest} now, not {said.digest}; look at it again"
    if refused := _is_not_another(draft, entry, asked, "approves"):
        return refused
    approvals = asked.approvals or Approvals()
    mine = Approval(by=entry.author, time=entry.said, digest=said.digest, entry=entry.metadata.name)
    by = (*(a for a in approvals.by or () if a.by != mine.by), mine)[-APPROVALS_MAX:]
    asked = asked.model_copy(update={"approvals": approvals.model_copy(update={"by": by})})
    draft.put(record.model_copy(update={"undo_asked": asked}))
    say_entry(draft, entry, EventKind.MITIGATION_APPROVED, f"{record.name}: forced undo approved", event=True)
    return None


def _is_not_another(draft: Draft, entry: TimelineEntry, asked: UndoAsked, does: str) -> Refused:
    """To agree and to say no take another person (decisions 2.15)."""
    if entry.author == asked.by:
        return f"{entry.author} asked to force it and can't be the one who {does} it"
    return is_no_person(draft, entry)


def disagree(draft: Draft, entry: TimelineEntry, record: MitigationRecord) -> Refused:
    """End a forced undo that waits; the effect stays as it is."""
    said = entry.spec.deny
    assert said is not None
    assert record.undo_asked is not None
    if record.action != said.action:
        return f"{record.name} is {record.action}, not {said.action}"
    if refused := _is_not_another(draft, entry, record.undo_asked, "denies"):
        return refused
    message = f"Undo by force denied by {entry.author}"
    draft.put(record.model_copy(update={"undo_asked": None, "reason": not_forced(record), "message": message}))
    say_entry(draft, entry, EventKind.MITIGATION_DENIED, f"{record.name}: forced undo denied", event=True)
    return None
