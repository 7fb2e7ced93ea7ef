"""Did the effect arrive, and is it still there? Pods that are to go besides go here, a few at a time."""

from datetime import timedelta

from stanch.api import duration
from stanch.api.incident_status import Attempt, AttemptState, Effect, MitigationRecord, UndoAsked
from stanch.api.names import Reason
from stanch.core.asking import target_of
from stanch.core.attempts import end, only_removes, writer
from stanch.core.commands import Removal, Remove
from stanch.core.contest import seen_now
from stanch.core.draft import Draft
from stanch.core.freeze import frozen
from stanch.core.guards import asker_may
from stanch.core.observations import Failed, Found, NotFound
from stanch.core.ports import Aim, Verdict, VerdictState, Written
from stanch.core.questions import UndoSecret
from stanch.core.restored import is_past, past_words
from stanch.core.swap import digest, fields


def verify(draft: Draft, record: MitigationRecord, attempt: Attempt, aim: Aim) -> None:
    """Did the effect arrive? Asked every two seconds until it did, or its time is over."""
    if draft.incident.spec.drill:
        end(draft, record, attempt, AttemptState.VERIFIED, "drill: the dry run was accepted")
        return
    if only_removes(attempt):
        undo = draft.answer(UndoSecret(attempt.undo_ref))
        if isinstance(undo, Found):
            _judge(draft, record, attempt, aim, undo.value)
        elif undo is not None:
            draft.wake(draft.now + draft.catalog.policy.verify_every)
        return
    target = draft.answer(target_of(aim))
    if target is None:
        return
    if isinstance(target, NotFound) or (isinstance(target, Found) and _replaced(target, record)):
        end(draft, record, attempt, AttemptState.FAILED, f"{aim} is gone or was replaced after the effect")
        return
    undo = draft.answer(UndoSecret(attempt.undo_ref))
    if undo is None:
        return
    if isinstance(undo, Failed):
        draft.wake(draft.now + draft.catalog.policy.verify_every)
        return
    if isinstance(undo, Found) and isinstance(target, Found) and _changed_again(attempt, undo, target):
        message = f"{writer(target.value)} changed it again after stanch did; nothing was overwritten"
        lost = record if attempt.undoes else seen_now(draft, record, attempt, target)
        end(draft, lost, attempt, AttemptState.DIVERGED, message)
    elif attempt.undoes and isinstance(undo, Found) and isinstance(target, Found):
        # Exact is all that an undo is: whether what stood before works is for the criteria to say, not for it to wait on.
        end(draft, record, attempt, AttemptState.VERIFIED, f"{aim} is as it was before")
    elif attempt.undoes:
        draft.wake(draft.now + draft.catalog.policy.verify_every)
    else:
        _judge(draft, record, attempt, aim, undo.value if isinstance(undo, Found) else {})


def _changed_again(attempt: Attempt, undo: Found, target: Found) -> bool:
    return digest(fields(target.value, undo.value["before"])) != attempt.post


def _judge(draft: Draft, record: MitigationRecord, attempt: Attempt, aim: Aim, written: Written) -> None:
    """What the action itself says of its effect."""
    policy = draft.catalog.policy
    within = timedelta(seconds=written.get("within") or policy.verify_within.total_seconds())
    verdict = draft.catalog.mitigations[record.action].verify(record.asked.action[1], aim, draft.seen, written)
    if isinstance(verdict, tuple):
        draft.ask(*verdict)
    elif verdict.state is VerdictState.VERIFIED:
        end(draft, record, attempt, AttemptState.VERIFIED, verdict.message)
    elif verdict.state is VerdictState.FAILED:
        end(draft, record, attempt, AttemptState.FAILED, verdict.message)
    elif attempt.applied_time and draft.now - attempt.applied_time > within:
        partly = "Partial" if attempt.removes and not only_removes(attempt) else "Not there"
        said = f"{partly} after {duration.write(within)}. {_last_heard(record, verdict)}"
        end(draft, record, attempt, AttemptState.FAILED, said[:900])
    elif record.undo_asked is not None and not verdict.remove:
        # Waiting for what nobody wants any more would keep it from being taken back.
        said = f"Not waited for, for {_who_wants_it_back(record, record.undo_asked)}. {verdict.message}"
        end(draft, record, attempt, AttemptState.FAILED, said[:900])
    elif not (verdict.remove and _stopped(draft, record, attempt, aim, verdict.message)):
        _go_on(draft, record, attempt, written, verdict)


def _who_wants_it_back(record: MitigationRecord, asked: UndoAsked) -> str:
    if record.effect is Effect.WORSE and asked.entry is None:
        return "it made it worse, and guardrails.whenWorse is Undo"
    return f"{asked.by} wants it back"


def _last_heard(record: MitigationRecord, verdict: Verdict) -> str:
    """What the API server said to the last try is in the record, and better than that one is left."""
    same = record.message is not None and record.message.split(";")[0] == verdict.message.split(";")[0]
    return record.message if same and record.message else verdict.message


def _stopped(draft: Draft, record: MitigationRecord, attempt: Attempt, aim: Aim, message: str) -> bool:
    """Between two pods somebody may want it back, or have lost the right to it: then no further one goes."""
    if record.undo_asked is not None:
        end(
            draft,
            record,
            attempt,
            AttemptState.FAILED,
            f"Stopped, for {record.undo_asked.by} wants it back. {message}"[:900],
        )
        return True
    if is_past(draft, attempt.intended_time):
        end(draft, record, attempt, AttemptState.FAILED, f"Stopped. {past_words(draft)}. {message}"[:900])
        return True
    if refusal := frozen(draft, aim):
        draft.put(record.model_copy(update={"reason": refusal.reason, "message": f"{refusal.message}. {message}"}))
        draft.wake(draft.now + draft.catalog.policy.evict_again)
        return True
    refusal = asker_may(draft, record, aim)
    if refusal is not None and refusal.reason == Reason.NO_AUTHORITY:
        end(draft, record, attempt, AttemptState.FAILED, f"Stopped: {refusal.message}. {message}"[:900])
        return True
    if refusal is not None:
        draft.wake(draft.now + draft.catalog.policy.verify_every)
    return refusal is not None or bool(draft.questions)


def _go_on(draft: Draft, record: MitigationRecord, attempt: Attempt, written: Written, verdict: Verdict) -> None:
    commands = removals(draft, attempt, written, verdict.remove)
    draft.commands += commands
    # What comes of the commands is told after them, once.
    if record.message != verdict.message and not commands:
        draft.put(record.model_copy(update={"message": verdict.message, "reason": Reason.VERIFYING}))
    policy = draft.catalog.policy
    draft.wake(draft.now + (policy.evict_again if verdict.remove else policy.verify_every))


def removals(draft: Draft, attempt: Attempt, written: Written, uids: tuple[str, ...]) -> list[Remove]:
    """Commands for pods that are written down; none while nobody may act, and none twice in one look."""
    if not draft.seen.policies.proven or draft.incident.spec.paused or draft.incident.metadata.deletion_timestamp:
        return []
    if draft.status.times is not None and draft.status.times.cancelled:
        return []
    return [
        Remove(
            attempt=attempt.id,
            namespace=pod["namespace"],
            name=pod["name"],
            uid=pod["uid"],
            how=Removal(pod["how"]),
            dry=bool(draft.incident.spec.drill),
        )
        for pod in written.get("removes") or ()
        if pod["uid"] in uids and pod["uid"] in (attempt.removes or ()) and pod["uid"] not in draft.seen.outcomes
    ]


def _replaced(target: Found, record: MitigationRecord) -> bool:
    return record.target is not None and target.value["metadata"]["uid"] != record.target.uid
