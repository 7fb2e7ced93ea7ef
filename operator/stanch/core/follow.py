"""
Move an attempt on: written down, done, read back.

After an unknown outcome or a restart the touched fields are compared with what stood before and what was wanted
(mitigations.md 0.2); nothing is ever sent again on hope.
"""

from collections.abc import Mapping
from typing import Any

from stanch.api import duration
from stanch.api.incident_status import Approvals, Attempt, AttemptState, MitigationRecord, WishState
from stanch.api.names import EventKind, Reason
from stanch.core.approvers import still_agreed
from stanch.core.asking import target_of
from stanch.core.attempts import end, only_removes, open_attempt, put_attempt, writer
from stanch.core.commands import Swap
from stanch.core.draft import Draft, shorten
from stanch.core.forced_undo import asked_again, needed
from stanch.core.freeze import frozen, met
from stanch.core.guards import asker_may, incident_is_open
from stanch.core.observations import Failed, Found, NotFound, Outcome, OutcomeKind, is_empty
from stanch.core.ports import Aim, Refusal
from stanch.core.questions import REF_OF_KIND, UndoSecret
from stanch.core.receipts import receipt_of
from stanch.core.restored import is_past, past_words
from stanch.core.swap import digest, fields, label_of, marked_before, overlap
from stanch.core.three_way import conflicts, in_words, with_conflict
from stanch.core.verify import removals, verify


def follow(draft: Draft, record: MitigationRecord) -> None:
    """Move the open attempt of a record on as far as what was seen allows."""
    attempt, aim = open_attempt(record), draft.aim(record)
    if attempt is None or aim is None:
        return
    if attempt.state is AttemptState.APPLIED:
        verify(draft, record, attempt, aim)
    elif attempt.id in {a.id for r in draft.incident.status.mitigations or () for a in r.attempts or ()}:
        _intended(draft, record, attempt, aim)
    else:
        draft.wake(draft.now)


def _intended(draft: Draft, record: MitigationRecord, attempt: Attempt, aim: Aim) -> None:
    """Written down in the status we were handed: do it, or find out whether it was done."""
    # That of a pod may be of the attempt before; nothing was done yet for one that was written down just now.
    known = {} if attempt.id in draft.seen.fresh_intent else draft.seen.outcomes
    outcome = known.get(attempt.removes[0] if attempt.removes and only_removes(attempt) else attempt.id)
    if outcome is not None and outcome.kind is OutcomeKind.ACCEPTED:
        _applied(draft, record, attempt)
        return
    failed = draft.seen.not_stored
    if why := failed.get(attempt.undo_ref) or failed.get(attempt.evidence or ""):
        message = f"Not started: not stored: {why.message}"
        record = record.model_copy(update={"reason": Reason.NOT_STORED, "message": message})
        draft.put(record)
    if (why := failed.get(attempt.evidence or "")) and _is_refused(record, attempt, why):
        attempt = attempt.model_copy(update={"evidence_refused": shorten(why.message, 500)})
        record = put_attempt(draft, record, attempt)
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


def _is_refused(record: MitigationRecord, attempt: Attempt, why: Failed) -> bool:
    """
    Will its evidence not be stored, whoever tries again? A quota or a webhook says 403; anything else that is final, twice. In a
    namespace that is going nothing is done at all.
    """
    if "is being terminated" in why.message:
        return False
    before = [a for a in record.attempts or () if a.id != attempt.id and a.state is AttemptState.SKIPPED]
    again = any((a.message or "").startswith(Reason.NOT_STORED) for a in before)
    return not why.passing and (why.status == 403 or again)


def _receipts(draft: Draft, record: MitigationRecord, attempt: Attempt, aim: Aim) -> bool:
    """Is the evidence there that the record names? Asks for it; gives the attempt up when it never came."""
    if attempt.evidence is None or draft.seen.stored.get(attempt.evidence) == attempt.evidence_sha256:
        return True
    if any(e.name == attempt.evidence and e.stored for e in draft.status.evidence or ()):
        return True
    answer = draft.answer(receipt_of(draft, attempt.evidence))
    if answer is None:
        return False
    if isinstance(answer, Found) and not is_empty(answer):
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
    if isinstance(target, Found) and label_of(target.value) == attempt.id:
        # Our label is proof that it was done, whatever is missing beside it.
        _applied(draft, record, attempt)
        return
    word = "LostInRestart"
    if record.reason == Reason.NOT_STORED:
        word, why = Reason.NOT_STORED, f"{why} ({record.message})"
    _anew(draft, record, attempt, word, why)


def _anew(draft: Draft, record: MitigationRecord, attempt: Attempt, word: str, why: str) -> None:
    """Nothing was done: the wish starts over with a plan of its own, a few times at most."""
    gone = attempt.model_copy(
        update={"state": AttemptState.SKIPPED, "ended_time": draft.now, "message": f"{word}: {why}"[:900]}
    )
    tried = sum(a.state is AttemptState.SKIPPED for a in record.attempts or ()) + 1
    if tried >= draft.catalog.policy.lost_attempts_max:
        message = f"Given up after {tried} intentions: {why}. Free what stands in the way, then ask under a new name"
        state = record.state if attempt.undoes else WishState.FAILED
        if attempt.undoes:
            gone = gone.model_copy(update={"state": AttemptState.FAILED})
        put_attempt(draft, record, gone, state=state, reason=None, message=message)
        draft.say(EventKind.MITIGATION_FAILED, f"{record.name}: {message}", event=True, warning=True)
        return
    if attempt.undoes:
        asked = asked_again(attempt)
        put_attempt(draft, record, gone, undo_asked=asked)
    else:
        put_attempt(draft, record, gone, state=WishState.WAITING)
    draft.say(EventKind.MITIGATION_SKIPPED, f"{record.name}: attempt {attempt.id} was not made, {why}; started anew")


def _command(draft: Draft, attempt: Attempt, aim: Aim, undo: Mapping[str, Any]) -> None:
    if only_removes(attempt):
        draft.commands += removals(draft, attempt, undo, attempt.removes or ())
        # What was refused a moment ago is asked again with the next look.
        draft.wake(draft.now + draft.catalog.policy.verify_every)
        return
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
    if only_removes(attempt):
        _is_it_gone(draft, record, attempt, aim, undo, target, outcome)
        return
    if isinstance(target, NotFound) or target.value["metadata"]["uid"] != undo["uid"]:
        end(draft, record, attempt, AttemptState.FAILED, f"{aim} is gone or was replaced; its namesake is not touched")
        return
    live = digest(fields(target.value, undo["before"]))
    stands = live == attempt.post != attempt.pre
    label = label_of(target.value)
    if label == attempt.id or (stands and _another_wrote_over_it(draft, label, undo, outcome)):
        # Our label is proof that it landed; whether it still stands is for verify to say.
        _applied(draft, record, attempt)
    elif stands:
        end(draft, record, attempt, AttemptState.SKIPPED, "somebody else had already done it; it is not ours to undo")
    elif live != attempt.pre:
        _diverged(draft, record, attempt, aim, target.value, undo)
    elif outcome is not None and met(outcome):
        _anew(draft, record, attempt, Reason.FROZEN, outcome.message)
    elif outcome is not None and outcome.kind is OutcomeKind.REFUSED and outcome.status not in (409, 422, 429):
        end(draft, record, attempt, AttemptState.FAILED, f"The API server refused it: {outcome.message}"[:900])
    elif outcome is not None and outcome.status == 422:
        # Its fields are as before, yet a test failed: our own label moved. Another plan is made from what is there now.
        _anew(draft, record, attempt, "Refused", f"the write was refused and nothing changed: {outcome.message}")
    elif outcome is not None:
        # Patience grows with the age of the attempt, so that a cluster that keeps refusing is not hammered.
        draft.wake(draft.now + max(draft.catalog.policy.verify_every, (draft.now - attempt.intended_time) / 4))
    else:
        _once_more(draft, record, attempt, aim, undo)


def _another_wrote_over_it(draft: Draft, label: str, undo: Mapping[str, Any], outcome: Outcome | None) -> bool:
    """
    Has another of our writes, of other fields, come since this one was planned? Then these fields were written before it,
    and by us: ours tests the label, and so can't come any more.
    """
    known_not_done = outcome is not None and outcome.kind is OutcomeKind.REFUSED
    if known_not_done or label in ("", marked_before(undo["apply"])):
        return False
    other = draft.seen.acted.get(label)
    return other is None or not any(overlap(one, two) for one in other.fields for two in undo["before"])


def _is_it_gone(
    draft: Draft,
    record: MitigationRecord,
    attempt: Attempt,
    aim: Aim,
    undo: Mapping[str, Any],
    target: Found | NotFound,
    outcome: Outcome | None,
) -> None:
    """A pod that is on its way out, or another of its name: it is done. Whoever did it, once is enough."""
    meta = target.value["metadata"] if isinstance(target, Found) else {}
    if meta.get("uid") != undo["uid"] or meta.get("deletionTimestamp"):
        _applied(draft, record, attempt)
    elif outcome is None:
        _once_more(draft, record, attempt, aim, undo)
    elif met(outcome):
        _anew(draft, record, attempt, Reason.FROZEN, outcome.message)
    elif outcome.kind is OutcomeKind.REFUSED and outcome.status == 422:
        _anew(draft, record, attempt, "Refused", f"the request was refused and nothing changed: {outcome.message}")
    elif outcome.kind is OutcomeKind.REFUSED and outcome.status not in (409, 429):
        end(draft, record, attempt, AttemptState.FAILED, f"The API server refused it: {outcome.message}"[:900])
    else:
        # A PodDisruptionBudget says no for now, or nobody answered: asked again with patience, for a quarter of an hour.
        draft.put(
            record.model_copy(update={"message": f"Not yet: {outcome.message}"[:900], "reason": Reason.VERIFYING})
        )
        draft.wake(draft.now + max(draft.catalog.policy.evict_again, (draft.now - attempt.intended_time) / 8))


def _not_wanted(draft: Draft, record: MitigationRecord, attempt: Attempt) -> tuple[AttemptState, str] | None:
    """How it ends, and why, when it comes too late or nobody wants it any more; nothing was changed."""
    policy, times, asked = draft.catalog.policy, draft.status.times, record.undo_asked
    if draft.now - attempt.intended_time > policy.approval_valid_for:
        within = duration.write(policy.approval_valid_for)
        return AttemptState.FAILED, f"Not done within {within} of being written down; nothing was changed"
    if times is not None and (times.cancelled or times.closed):
        return AttemptState.FAILED, "Cancelled before it was done; nothing was changed"
    if attempt.undoes:
        return None
    if asked is not None:
        return AttemptState.FAILED, f"{asked.by} does not want it any more; nothing was changed"
    if times is not None and times.resolved:
        return AttemptState.SKIPPED, "No longer needed, the incident is resolved; nothing was changed"
    return None


def _once_more(draft: Draft, record: MitigationRecord, attempt: Attempt, aim: Aim, undo: Mapping[str, Any]) -> None:
    """It was written down but not done: do it, if it is still wanted, still allowed, and not too long ago."""
    policy = draft.catalog.policy
    if not draft.seen.policies.proven:
        draft.wake(draft.now + policy.verify_every)
        return
    if is_past(draft, attempt.intended_time):
        end(draft, record, attempt, AttemptState.FAILED, f"{past_words(draft)}; nothing was changed")
        return
    if why := _not_wanted(draft, record, attempt):
        end(draft, record, attempt, *why)
        return
    asked = record.undo_asked
    if attempt.undoes:
        asked = asked_again(attempt)
    elif refusal := incident_is_open(draft, record, aim):
        draft.put(record.model_copy(update={"reason": refusal.reason, "message": refusal.message}))
        draft.wake(draft.now + policy.verify_every * 5)
        return
    if refusal := frozen(draft, aim, undoes=attempt.undoes is not None):
        draft.put(record.model_copy(update={"reason": refusal.reason, "message": refusal.message}))
        draft.wake(draft.now + policy.verify_every * 5)
        return
    # Both are asked at once.
    agreed = _who_agreed_may(draft, record, attempt)
    refusal = asker_may(draft, record.model_copy(update={"undo_asked": asked}), aim) or agreed
    if refusal is not None and refusal.reason == Reason.NO_AUTHORITY:
        end(draft, record, attempt, AttemptState.FAILED, f"{refusal.message}; nothing was changed")
    elif refusal is not None:
        draft.wake(draft.now + policy.verify_every)
    elif not draft.questions:
        _command(draft, attempt, aim, undo)


def _who_agreed_may(draft: Draft, record: MitigationRecord, attempt: Attempt) -> Refusal | None:
    """As many as were needed when it was written down, of those who agreed then."""
    approvals = record.approvals or Approvals()
    count = needed(draft, asked_again(attempt)) if attempt.undoes else approvals.needed
    given = attempt.agreed if attempt.undoes else tuple(a for a in approvals.by or () if a.digest == record.digest)
    return still_agreed(draft, record.action, given or (), min(count, len(given or ())))


def _applied(draft: Draft, record: MitigationRecord, attempt: Attempt) -> None:
    done = attempt.model_copy(update={"state": AttemptState.APPLIED, "applied_time": draft.now})
    put_attempt(draft, record, done, **({"state": WishState.UNDONE} if attempt.undoes else {}))
    if attempt.undoes:
        draft.say(EventKind.MITIGATION_UNDONE, f"{record.name}: taken back, asked by {attempt.asked_by}", event=True)
    else:
        drill = " (drill: dry run)" if draft.incident.spec.drill else ""
        draft.say(EventKind.MITIGATION_APPLIED, f"{record.name}: {record.plan or record.action}{drill}", event=True)
    draft.wake(draft.now)


def _diverged(
    draft: Draft,
    record: MitigationRecord,
    attempt: Attempt,
    aim: Aim,
    target: Mapping[str, Any],
    undo: Mapping[str, Any],
) -> None:
    found = conflicts(undo["before"], undo["after"], fields(target, undo["before"]))
    end(
        draft,
        with_conflict(draft, record, found),
        attempt,
        AttemptState.DIVERGED,
        f"{writer(target)} changed {aim} while we were about to act; nothing was overwritten. {in_words(found)}. "
        "Look at it, then ask again under a new name if it still hurts",
    )
