"""Take back what we did: exactly, or not at all. Never without somebody's word (F9)."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from stanch.api.incident_status import Attempt, AttemptState, MitigationRecord, UndoAsked, WishState
from stanch.api.names import EventKind, Reason
from stanch.api.wish import Revert
from stanch.core.asking import target_of
from stanch.core.attempts import open_attempt, standing, writer
from stanch.core.contest import wrote_over
from stanch.core.draft import Draft
from stanch.core.forced_undo import agreed, ask_who_agreed, is_next, not_forced, over_what_is_there, plan_of
from stanch.core.foretold import brings
from stanch.core.freeze import frozen
from stanch.core.git_ops import HOLD
from stanch.core.guards import asker_may, fields_are_free, policies_are_proven
from stanch.core.intend import dry_run, intend
from stanch.core.lifted_last import goes_first, tried_in_vain
from stanch.core.observations import Answer, Failed, Found, NotFound
from stanch.core.ports import Aim, Change, Refusal
from stanch.core.questions import UndoSecret
from stanch.core.reverts import can_go_back, chosen, made_worse, would_hurt
from stanch.core.shared_nodes import may_be_shared, still_kept
from stanch.core.steering import who_set
from stanch.core.swap import digest, fields
from stanch.core.three_way import conflicts, in_words, with_conflict

# A longer line is in status.mitigations[].breakGlass, and would push the reason out of sight.
BY_HAND_MAX: Final = 200
# As many attempts as a record holds.
ATTEMPTS_MAX: Final = 8


def revert_where_chosen(draft: Draft) -> None:
    """`revert: OnResolved | OnExpiry` and `whenWorse: Undo` are words given beforehand; Ask, the default, is never one."""
    times = draft.status.times
    for record in draft.records:
        worse = made_worse(draft, record)
        under_way = open_attempt(record)
        if (
            record.undo_asked
            or tried_in_vain(record)
            or not can_go_back(draft, record)
            or (under_way and (under_way.undoes or not worse))
            or goes_first(draft, record) is not None
        ):
            continue
        debt = draft.debt(record.name)
        resolved = chosen(record) is Revert.ON_RESOLVED and times is not None and times.resolved is not None
        expired = chosen(record) is Revert.ON_EXPIRY and debt is not None and debt.due_time <= draft.now
        if resolved or expired or worse:
            asked = UndoAsked(by=record.requested_by or "", time=draft.now)
            draft.put(record.model_copy(update={"undo_asked": asked}))


def start_undos(draft: Draft) -> None:
    """Start the undos that are asked for, one at a time, when nothing else is under way: the last effect first."""
    for name in _last_first(draft):
        record = draft.record(name)
        if record is None or record.undo_asked is None or any(open_attempt(r) for r in draft.records):
            continue
        _start(draft, record)


def _last_first(draft: Draft) -> list[str]:
    """A hold goes after all that it held."""

    def place(index: int) -> tuple[bool, float, int]:
        record = draft.records[index]
        attempt = standing(record)
        return record.action == HOLD, -attempt.intended_time.timestamp() if attempt else 0.0, -index

    return [draft.records[i].name for i in sorted(range(len(draft.records)), key=place)]


def _start(draft: Draft, record: MitigationRecord) -> None:
    attempt, aim = standing(record), draft.aim(record)
    if attempt is None or aim is None:
        draft.put(record.model_copy(update={"undo_asked": None}))
        return
    if len(record.attempts or ()) >= ATTEMPTS_MAX:
        _refuse(draft, record, f"it was tried {ATTEMPTS_MAX} times; {_by_hand(record)}")
        return
    if refusal := policies_are_proven(draft, record, aim) or frozen(draft, aim, undoes=True):
        _wait(draft, record, refusal)
        return
    refusal = asker_may(draft, record, aim)
    ask_who_agreed(draft, record)
    secret, target = draft.answer(UndoSecret(attempt.undo_ref)), draft.answer(target_of(aim))
    _evidence_first(draft, record, aim, secret)
    if secret is None or target is None or (draft.questions and refusal is None):
        return
    if refusal is not None and refusal.reason == Reason.NO_AUTHORITY:
        _has_no_right(draft, record, refusal)
    elif refusal is not None:
        _wait(draft, record, refusal)
    elif isinstance(secret, Failed):
        _wait(draft, record, Refusal(Reason.NO_DATA_NOW, f"The undo record can't be read: {secret.message}"))
    elif not isinstance(secret, Found):
        _refuse(draft, record, f"the undo record {attempt.undo_ref} can't be read; undo it by hand")
    elif isinstance(target, NotFound) or (
        isinstance(target, Found) and target.value["metadata"]["uid"] != secret.value["uid"]
    ):
        _refuse(draft, record, f"{aim} is gone or was replaced; there is nothing of ours in it")
    elif isinstance(target, Failed):
        _wait(draft, record, Refusal(Reason.NO_DATA_NOW, f"{aim} can't be read: {target.message}"))
    elif busy := fields_are_free(draft, aim, secret.value["before"]):
        _wait(draft, record, busy)
    else:
        _compare(draft, record, aim, secret.value, target.value)


def _evidence_first(draft: Draft, record: MitigationRecord, aim: Aim, undo: Answer | None) -> None:
    attempt, asked = standing(record), record.undo_asked
    if not is_next(draft, record) or attempt is None:
        return
    # Another incident may keep a node for days: until then its pods are not looked at every few seconds.
    kept = not isinstance(undo, Found) or still_kept(draft, record, aim, attempt, undo.value) is not None
    if not (kept and may_be_shared(record) and asked is not None and not asked.force):
        draft.ask_evidence(aim)


def _compare(draft: Draft, record: MitigationRecord, aim: Aim, undo: dict[str, Any], target: dict[str, Any]) -> None:
    """Exact while live is what we wrote; already undone when it is what stood before; else somebody else's by now."""
    attempt = standing(record)
    assert attempt is not None
    live = fields(target, undo["before"])
    if digest(live) == attempt.pre and attempt.pre != attempt.post:
        draft.put(
            record.model_copy(
                update={
                    "undo_asked": None,
                    "state": WishState.UNDONE,
                    "attempts": _taken_back(record),
                    "reason": None,
                    "message": None,
                    "conflict": None,
                }
            )
        )
        draft.say(EventKind.MITIGATION_UNDONE, f"{record.name}: somebody had already taken it back", event=True)
        return
    if digest(live) != attempt.post:
        found = conflicts(undo["before"], undo["after"], live)
        if (later := wrote_over(draft, record, attempt)) is not None:
            _refuse(draft, with_conflict(draft, record, found), f"{later.name} wrote {aim} since; undo that first")
            return
        who = who_set(target, undo["before"]) or writer(target)
        if record.undo_asked is not None and record.undo_asked.force:
            change = over_what_is_there(record, aim, undo, live, target, who)
            record = with_conflict(draft, record, found)
            _force(
                draft, record, aim, attempt, change, f"It would overwrite what others wrote since. {in_words(found)}"
            )
            return
        what = f"{aim} is not what stanch left, {who} wrote it since. {in_words(found)}"
        why = f"{what}. Undo would overwrite that; {_by_hand(record)}, or undo with force"
        _refuse(draft, with_conflict(draft, record, found), why)
        return
    _take_back(draft, record.model_copy(update={"conflict": None}), aim, undo, _inverse(record, aim, undo, target))


def _take_back(draft: Draft, record: MitigationRecord, aim: Aim, undo: dict[str, Any], change: Change) -> None:
    """It is as we left it. Where going back would do harm by now, it takes two people who know."""
    attempt = standing(record)
    assert attempt is not None
    hurts = would_hurt(draft, record, aim, undo) or still_kept(draft, record, aim, attempt, undo)
    change = replace(change, warnings=tuple(filter(None, [brings(draft, record, aim)])))
    if draft.questions:
        return
    forced = record.undo_asked is not None and record.undo_asked.force
    if hurts is None:
        if _would_be_accepted(draft, record, aim, change):
            intend(draft, record, aim, change, undoes=attempt.id)
    elif forced:
        _force(draft, record, aim, attempt, change, hurts.message)
    elif hurts.reason == Reason.TARGET_BUSY:
        _wait(draft, record, hurts, draft.catalog.policy.resync_resolved_every)
    elif hurts.reason == Reason.NO_DATA_NOW:
        _wait(draft, record, hurts)
    else:
        why = f"{hurts.message}. Undo it when that is no longer so, or undo with force"
        _refuse(draft, record, why, Reason.UNDO_WOULD_HURT)


def _would_be_accepted(draft: Draft, record: MitigationRecord, aim: Aim, change: Change) -> bool:
    """Tried by the API server before anything is written down; says why not."""
    checked = dry_run(draft, record, aim, change, undoes=True)
    if isinstance(checked, Refusal) and checked.reason in (Reason.NO_DATA_NOW, Reason.FROZEN):
        _wait(draft, record, checked)
    elif isinstance(checked, Refusal):
        _refuse(draft, record, checked.message)
    return checked is True


def _force(draft: Draft, record: MitigationRecord, aim: Aim, attempt: Attempt, change: Change, harm: str) -> None:
    """Over what others wrote since, or though it would hurt, once another person agreed to exactly that."""
    if not _would_be_accepted(draft, record, aim, change):
        return
    going = agreed(draft, record, plan_of(attempt, aim, change), harm)
    if isinstance(going, str):
        _refuse(draft, record, going, not_forced(record))
    elif going.reason == Reason.APPROVAL_MISSING:
        draft.put(going)
        draft.wake(draft.now + draft.catalog.policy.verify_every * 5)
    else:
        intend(draft, going.model_copy(update={"conflict": None}), aim, change, undoes=attempt.id)


def _by_hand(record: MitigationRecord) -> str:
    """What would free it: the field as stanch left it, or a person's own hand."""
    line = next(iter(record.break_glass or ()), "")
    return f"if it is meant, do it by hand{f' ({line})' if 0 < len(line) <= BY_HAND_MAX else ''}"


def _taken_back(record: MitigationRecord) -> tuple[Any, ...]:
    attempt = standing(record)
    return tuple(
        a.model_copy(update={"state": AttemptState.SKIPPED, "message": "taken back by somebody else"})
        if a == attempt
        else a
        for a in record.attempts or ()
    )


def _inverse(record: MitigationRecord, aim: Aim, undo: dict[str, Any], target: dict[str, Any]) -> Change:
    return Change(
        uid=undo["uid"],
        before=undo["after"],
        after=undo["before"],
        summary=f"taking {record.action} on {aim} back",
        labels=target["metadata"].get("labels"),
    )


def _refuse(draft: Draft, record: MitigationRecord, why: str, reason: str = Reason.UNDO_NOT_EXACT) -> None:
    refused = {"undo_asked": None, "reason": reason, "message": f"Undo refused: {why}"}
    draft.put(record.model_copy(update=refused))
    draft.say(EventKind.UNDO_REFUSED, f"{record.name}: {why}", event=True, warning=True)


def _has_no_right(draft: Draft, record: MitigationRecord, refusal: Refusal) -> None:
    """A person asks again, or another does. What was chosen beforehand stays chosen, told once, until the right is back."""
    if record.undo_asked is not None and record.undo_asked.entry is not None:
        _refuse(draft, record, refusal.message, Reason.NO_AUTHORITY)
        return
    if (record.reason, record.message) != (refusal.reason, refusal.message):
        draft.put(record.model_copy(update={"reason": refusal.reason, "message": refusal.message}))
        draft.say(EventKind.UNDO_REFUSED, f"{record.name}: {refusal.message}", event=True, warning=True)
    draft.wake(draft.now + draft.catalog.policy.resync_resolved_every)


def _wait(draft: Draft, record: MitigationRecord, refusal: Refusal, again: timedelta | None = None) -> None:
    if record.message != refusal.message:
        draft.put(record.model_copy(update={"reason": refusal.reason, "message": refusal.message}))
    draft.wake(draft.now + (again or draft.catalog.policy.verify_every * 5))
