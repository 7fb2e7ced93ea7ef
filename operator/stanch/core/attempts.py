"""
One attempt: written down, done, read back, verified. Its states only move on.

After an unknown outcome or a restart the touched fields are compared with what stood before and what was wanted
(mitigations.md 0.2); nothing is ever sent again on hope.
"""

from collections.abc import Mapping
from typing import Any, Final

from stanch.api.incident_status import Attempt, AttemptState, MitigationRecord, UndoAsked, WishState
from stanch.api.names import FIELD_MANAGER, EventKind, Label, Reason
from stanch.core.asking import target_of
from stanch.core.commands import Swap
from stanch.core.draft import Draft
from stanch.core.guards import asker_may
from stanch.core.observations import Failed, Found, NotFound, Outcome, OutcomeKind
from stanch.core.ports import Aim, VerdictState
from stanch.core.questions import EVIDENCES, REF_OF_KIND, List, UndoSecret
from stanch.core.swap import digest, fields

OPEN: Final = frozenset({AttemptState.INTENDED, AttemptState.STARTED, AttemptState.APPLIED})
IN_FORCE: Final = frozenset({AttemptState.APPLIED, AttemptState.VERIFIED})


def in_force(record: MitigationRecord) -> bool:
    """Does an effect of this mitigation stand: applied, and not taken back?"""
    return standing(record) is not None


def standing(record: MitigationRecord) -> Attempt | None:
    """The attempt whose effect stands."""
    attempts = record.attempts or ()
    undone = {a.undoes for a in attempts if a.undoes and _took_effect(a)}
    return next((a for a in reversed(attempts) if not a.undoes and a.id not in undone and _took_effect(a)), None)


def _took_effect(attempt: Attempt) -> bool:
    # Failed after it was applied: the write stands although the rollout did not come up.
    return attempt.state in IN_FORCE or (attempt.state is AttemptState.FAILED and attempt.applied_time is not None)


def open_attempt(record: MitigationRecord) -> Attempt | None:
    """The attempt that is under way; there is never more than one."""
    return next((a for a in record.attempts or () if a.state in OPEN), None)


def put_attempt(draft: Draft, record: MitigationRecord, attempt: Attempt, **changes: Any) -> MitigationRecord:
    """Replace the attempt of that id in the record, and change fields of the record."""
    attempts = tuple(attempt if a.id == attempt.id else a for a in record.attempts or ())
    changed = record.model_copy(update={"attempts": attempts, **changes})
    draft.put(changed)
    return changed


def follow(draft: Draft, record: MitigationRecord) -> None:
    """Move the open attempt of a record on as far as what was seen allows."""
    attempt, aim = open_attempt(record), draft.aim(record)
    if attempt is None or aim is None:
        return
    if attempt.state is AttemptState.APPLIED:
        _verify(draft, record, attempt, aim)
    elif attempt.id in {a.id for r in draft.incident.status.mitigations or () for a in r.attempts or ()}:
        _intended(draft, record, attempt, aim)
    else:
        draft.wake(draft.now)


def _intended(draft: Draft, record: MitigationRecord, attempt: Attempt, aim: Aim) -> None:
    """Written down in the status we were handed: do it, or find out whether it was done."""
    outcome = draft.seen.outcomes.get(attempt.id)
    if outcome is not None and outcome.kind is OutcomeKind.ACCEPTED:
        _applied(draft, record, attempt)
        return
    failed = draft.seen.not_stored
    if why := failed.get(attempt.undo_ref) or failed.get(attempt.evidence or ""):
        record = record.model_copy(update={"reason": Reason.NOT_STORED, "message": f"Not started: not stored: {why}"})
        draft.put(record)
    undo = draft.answer(UndoSecret(attempt.undo_ref))
    if not _receipts(draft, record, attempt, aim) or undo is None:
        return
    if isinstance(undo, Failed):
        # A read that failed says nothing about what was stored.
        draft.wake(draft.now + draft.catalog.policy.verify_every)
        return
    if isinstance(undo, NotFound):
        _lost(draft, record, attempt, aim, "its undo record was never stored")
        return
    if outcome is None and attempt.id in draft.seen.fresh_intent:
        _command(draft, attempt, aim, undo.value)
        return
    _read_back(draft, record, attempt, aim, undo.value, outcome)


def receipt_of(draft: Draft, evidence: str) -> List:
    """Asks whether an Evidence object of that name is stored."""
    return List(EVIDENCES, draft.incident.metadata.namespace, fields=f"metadata.name={evidence}", metadata_only=True)


def _receipts(draft: Draft, record: MitigationRecord, attempt: Attempt, aim: Aim) -> bool:
    """Is the evidence there that the record names? Asks for it; gives the attempt up when it never came."""
    if attempt.evidence is None or draft.seen.stored.get(attempt.evidence) == attempt.evidence_sha256:
        return True
    answer = draft.answer(receipt_of(draft, attempt.evidence))
    if answer is None:
        return False
    if isinstance(answer, Found) and answer.value.get("items"):
        # Its name ends in its content's digest, so being there under that name is the receipt.
        return True
    if isinstance(answer, Found):
        _lost(draft, record, attempt, aim, "its evidence was never stored")
    else:
        draft.wake(draft.now + draft.catalog.policy.verify_every)
    return False


def _lost(draft: Draft, record: MitigationRecord, attempt: Attempt, aim: Aim, why: str) -> None:
    """A crash between the parallel writes: nothing was done, for a command needs both receipts. Start anew."""
    due = attempt.intended_time + draft.catalog.policy.lost_after
    if draft.now < due:
        draft.wake(due)
        return
    target = draft.answer(target_of(aim))
    if target is None or isinstance(target, Failed):
        draft.wake(draft.now + draft.catalog.policy.verify_every)
        return
    if isinstance(target, Found) and (target.value["metadata"].get("labels") or {}).get(Label.ACTION) == attempt.id:
        # Our label is proof that it was done, whatever is missing beside it.
        _applied(draft, record, attempt)
        return
    word = "LostInRestart"
    if record.reason == Reason.NOT_STORED:
        word, why = Reason.NOT_STORED, f"{why} ({record.message})"
    gone = attempt.model_copy(
        update={"state": AttemptState.SKIPPED, "ended_time": draft.now, "message": f"{word}: {why}"[:900]}
    )
    tried = sum(a.state is AttemptState.SKIPPED for a in record.attempts or ()) + 1
    if tried >= draft.catalog.policy.lost_attempts_max:
        message = f"Given up after {tried} intentions: {why}. Free what keeps stanch from storing it, then ask under a new name"
        state = record.state if attempt.undoes else WishState.FAILED
        put_attempt(draft, record, gone, state=state, reason=None, message=message)
        draft.say(EventKind.MITIGATION_FAILED, f"{record.name}: {message}", event=True, warning=True)
        return
    if attempt.undoes:
        asked = UndoAsked(by=attempt.asked_by or "", entry=attempt.asked_entry, time=attempt.intended_time)
        put_attempt(draft, record, gone, undo_asked=asked)
    else:
        put_attempt(draft, record, gone, state=WishState.WAITING)
    draft.say(EventKind.MITIGATION_SKIPPED, f"{record.name}: attempt {attempt.id} was not made, {why}; started anew")


def _command(draft: Draft, attempt: Attempt, aim: Aim, undo: Mapping[str, Any]) -> None:
    draft.commands.append(
        Swap(
            attempt=attempt.id,
            ref=REF_OF_KIND[aim.kind.value],
            namespace=aim.namespace,
            name=aim.name,
            uid=undo["uid"],
            patch=undo["apply"],
            dry=bool(draft.incident.spec.drill),
        )
    )


def _read_back(
    draft: Draft, record: MitigationRecord, attempt: Attempt, aim: Aim, undo: Mapping[str, Any], outcome: Outcome | None
) -> None:
    """Compare the touched fields: applied, not applied, somebody else, or gone."""
    target = draft.answer(target_of(aim))
    if target is None:
        return
    if isinstance(target, Failed):
        draft.wake(draft.now + draft.catalog.policy.verify_every)
        return
    if isinstance(target, NotFound) or target.value["metadata"]["uid"] != undo["uid"]:
        _end(draft, record, attempt, AttemptState.FAILED, f"{aim} is gone or was replaced; its namesake is not touched")
        return
    live = digest(fields(target.value, undo["before"]))
    ours = (target.value["metadata"].get("labels") or {}).get(Label.ACTION) == attempt.id
    if live == attempt.post and (ours or attempt.pre == attempt.post):
        _applied(draft, record, attempt)
    elif live == attempt.post:
        _end(draft, record, attempt, AttemptState.SKIPPED, "somebody else had already done it; it is not ours to undo")
    elif live != attempt.pre:
        _diverged(draft, record, attempt, aim, target.value)
    elif ours and attempt.pre != attempt.post:
        message = (
            f"It was made, and then {writer(target.value)} took it back; look who steers {aim} before asking again"
        )
        _end(draft, record, attempt, AttemptState.DIVERGED, message)
    elif outcome is not None and outcome.kind is OutcomeKind.REFUSED and outcome.status not in (409, 422, 429):
        _end(draft, record, attempt, AttemptState.FAILED, f"The API server refused it: {outcome.message}"[:900])
    elif outcome is not None and outcome.status == 422 and not ours:
        # Its fields are as before, yet a test failed: our own label moved. Look once more with a fresh plan.
        _end(
            draft,
            record,
            attempt,
            AttemptState.FAILED,
            f"The write was refused and nothing changed: {outcome.message}"[:900],
        )
    elif outcome is not None:
        # Patience grows with the age of the attempt, so that a cluster that keeps refusing is not hammered.
        draft.wake(draft.now + max(draft.catalog.policy.verify_every, (draft.now - attempt.intended_time) / 4))
    else:
        _once_more(draft, record, attempt, aim, undo)


def _once_more(draft: Draft, record: MitigationRecord, attempt: Attempt, aim: Aim, undo: Mapping[str, Any]) -> None:
    """It was written down but not done: do it, if it is still wanted, still allowed, and not too long ago."""
    policy, times = draft.catalog.policy, draft.status.times
    if not draft.seen.policies.proven:
        draft.wake(draft.now + policy.verify_every)
        return
    late = draft.now - attempt.intended_time > policy.approval_valid_for
    if late or (times is not None and (times.cancelled or times.closed)):
        why = "Not done within 15m of being written down" if late else "Cancelled before it was done"
        _end(draft, record, attempt, AttemptState.FAILED, f"{why}; nothing was changed")
        return
    asked = record.undo_asked
    if attempt.undoes:
        asked = UndoAsked(by=attempt.asked_by or "", entry=attempt.asked_entry, time=attempt.intended_time)
    refusal = asker_may(draft, record.model_copy(update={"undo_asked": asked}), aim)
    if refusal is not None and refusal.reason == Reason.NO_AUTHORITY:
        _end(draft, record, attempt, AttemptState.FAILED, f"{refusal.message}; nothing was changed")
    elif refusal is not None:
        draft.wake(draft.now + policy.verify_every)
    elif not draft.questions:
        _command(draft, attempt, aim, undo)


def _applied(draft: Draft, record: MitigationRecord, attempt: Attempt) -> None:
    done = attempt.model_copy(update={"state": AttemptState.APPLIED, "applied_time": draft.now})
    put_attempt(draft, record, done, **({"state": WishState.UNDONE} if attempt.undoes else {}))
    if attempt.undoes:
        draft.say(EventKind.MITIGATION_UNDONE, f"{record.name}: taken back, asked by {attempt.asked_by}", event=True)
    else:
        drill = " (drill: dry run)" if draft.incident.spec.drill else ""
        draft.say(EventKind.MITIGATION_APPLIED, f"{record.name}: {record.plan or record.action}{drill}", event=True)
    draft.wake(draft.now)


def _diverged(draft: Draft, record: MitigationRecord, attempt: Attempt, aim: Aim, target: Mapping[str, Any]) -> None:
    _end(
        draft,
        record,
        attempt,
        AttemptState.DIVERGED,
        f"{writer(target)} changed {aim} while we were about to act; nothing was overwritten. "
        "Look at it, then ask again under a new name if it still hurts",
    )


def writer(target: Mapping[str, Any]) -> str:
    """The field manager that wrote the object last, not counting us and status writers."""
    managers = [
        m
        for m in target["metadata"].get("managedFields") or ()
        if not m.get("subresource") and m.get("manager") != FIELD_MANAGER
    ]
    last: Mapping[str, Any] = max(managers, key=lambda m: m.get("time", ""), default={"manager": "somebody"})
    return str(last.get("manager") or "somebody")


_KIND_OF_END: Final = {
    AttemptState.FAILED: EventKind.MITIGATION_FAILED,
    AttemptState.DIVERGED: EventKind.MITIGATION_DIVERGED,
    AttemptState.SKIPPED: EventKind.MITIGATION_SKIPPED,
    AttemptState.VERIFIED: EventKind.MITIGATION_VERIFIED,
}


def _end(draft: Draft, record: MitigationRecord, attempt: Attempt, state: AttemptState, message: str) -> None:
    """The attempt is over; so is its wish, unless it was an undo of an effect that still stands."""
    ended = attempt.model_copy(update={"state": state, "ended_time": draft.now, "message": message})
    good = state in (AttemptState.VERIFIED, AttemptState.SKIPPED)
    if attempt.undoes:
        wish_state = record.state
    elif state is AttemptState.SKIPPED:
        wish_state = WishState.SKIPPED
    else:
        wish_state = WishState.DONE if good else WishState.FAILED
    put_attempt(draft, record, ended, state=wish_state, message=message, reason=None)
    draft.say(_KIND_OF_END[state], f"{record.name}: {message}", event=True, warning=not good)


def _verify(draft: Draft, record: MitigationRecord, attempt: Attempt, aim: Aim) -> None:
    """Did the effect arrive? Asked every two seconds until it did, or its time is over."""
    if draft.incident.spec.drill:
        _end(draft, record, attempt, AttemptState.VERIFIED, "drill: the dry run was accepted")
        return
    target = draft.answer(target_of(aim))
    if target is None:
        return
    if isinstance(target, NotFound) or (isinstance(target, Found) and _replaced(target, record)):
        _end(draft, record, attempt, AttemptState.FAILED, f"{aim} is gone or was replaced after the effect")
        return
    undo = draft.answer(UndoSecret(attempt.undo_ref))
    if undo is None:
        return
    if isinstance(undo, Found) and isinstance(target, Found) and _changed_again(attempt, undo, target):
        message = f"{writer(target.value)} changed it again after stanch did; nothing was overwritten"
        _end(draft, record, attempt, AttemptState.DIVERGED, message)
    elif attempt.undoes and isinstance(undo, Found) and isinstance(target, Found):
        # Exact is all that an undo is: whether what stood before works is for the criteria to say, not for it to wait on.
        _end(draft, record, attempt, AttemptState.VERIFIED, f"{aim} is as it was before")
    elif attempt.undoes:
        draft.wake(draft.now + draft.catalog.policy.verify_every)
    else:
        _judge(draft, record, attempt, aim)


def _changed_again(attempt: Attempt, undo: Found, target: Found) -> bool:
    return digest(fields(target.value, undo.value["before"])) != attempt.post


def _judge(draft: Draft, record: MitigationRecord, attempt: Attempt, aim: Aim) -> None:
    """What the action itself says of its effect."""
    policy = draft.catalog.policy
    verdict = draft.catalog.mitigations[record.action].verify(record.asked.action[1], aim, draft.seen)
    if isinstance(verdict, tuple):
        draft.ask(*verdict)
    elif verdict.state is VerdictState.VERIFIED:
        _end(draft, record, attempt, AttemptState.VERIFIED, verdict.message)
    elif verdict.state is VerdictState.FAILED:
        _end(draft, record, attempt, AttemptState.FAILED, verdict.message)
    elif attempt.applied_time and draft.now - attempt.applied_time > policy.verify_within:
        _end(draft, record, attempt, AttemptState.FAILED, f"Not there after 10m. {verdict.message}")
    else:
        if record.message != verdict.message:
            draft.put(record.model_copy(update={"message": verdict.message, "reason": Reason.VERIFYING}))
        draft.wake(draft.now + policy.verify_every)


def _replaced(target: Found, record: MitigationRecord) -> bool:
    return record.target is not None and target.value["metadata"]["uid"] != record.target.uid
