"""
When a resolved incident is over: learned, nothing owed, and nobody reopened it in time (decisions 2.3, row Closed).

Our marks come off the targets first: a mark that no open incident knows is an orphan (core/orphans.py).
"""

from typing import Any

from stanch.api.duration import write
from stanch.api.meta import instant
from stanch.api.names import ConditionType, EventKind, Reason
from stanch.api.postmortem_record import PostmortemRecord
from stanch.core.asking import target_of
from stanch.core.attempts import open_attempt
from stanch.core.census import OPEN
from stanch.core.commands import Unmark, outcome_key
from stanch.core.conditions import find
from stanch.core.debts import owed, owing
from stanch.core.draft import Draft
from stanch.core.freeze import frozen, met
from stanch.core.further_text import says_enough
from stanch.core.observations import Failed, Found, NotFound, OutcomeKind
from stanch.core.ports import Aim
from stanch.core.postmortem_text import why_not_published
from stanch.core.questions import POSTMORTEMS, REF_OF_KIND, Get
from stanch.core.swap import label_of


def learned(draft: Draft) -> tuple[str, str] | None:
    """Reason and words when what is to be learned is written, or nothing is; None while it is not."""
    times, record = draft.status.times, draft.status.postmortem
    if times is None or times.resolved is None:
        return None
    if draft.incident.spec.drill:
        return Reason.NOT_NEEDED, "A drill"
    if record is None or record.drafted_time is None:
        return None
    if record.waived:
        return Reason.WAIVED, record.waived
    return _written(draft, record)


def _written(draft: Draft, record: PostmortemRecord) -> tuple[str, str] | None:
    if record.decision == "None":
        return Reason.NOT_NEEDED, "Nothing asks for a review"
    answer, times = draft.seen.get(postmortem_of(draft)), draft.status.times
    if isinstance(answer, Failed) and answer.passing:
        # It is as it was: a busy moment of the API server takes nothing back, and reminds nobody anew.
        known = find(draft.status, ConditionType.REVIEWED)
        stands = known is not None and known.reason in (Reason.PUBLISHED, Reason.SHORT_REVIEW)
        return (known.reason, known.message) if known is not None and stands else None
    if not isinstance(answer, Found) or times is None or not says_enough(answer.value, record, times):
        return None
    short = record.decision == "Short"
    return (Reason.SHORT_REVIEW if short else Reason.PUBLISHED), f"Postmortem {record.name} is published"


def not_learned(draft: Draft) -> tuple[str, str]:
    """Reason and words why it is not, in words that stand still: what is missing, and until when."""
    record = draft.status.postmortem
    if record is None or record.name is None:
        return Reason.DUE, "To be decided"
    if record.drafted_time is None:
        return Reason.DUE, f"Postmortem {record.name} is being drafted"
    when = f"; due {instant(record.due_time)}" if record.due_time else ""
    answer = draft.seen.get(postmortem_of(draft))
    if isinstance(answer, NotFound):
        return Reason.OVERDUE if record.overdue else Reason.DUE, (
            f"There is no Postmortem {record.name} any more: apply it again, or waive it with a reason{when}"
        )
    why = why_not_published(answer.value) if isinstance(answer, Found) else None
    if why is not None and isinstance(answer, Found) and answer.value["spec"].get("published"):
        reason = why[0] if why[0] == Reason.LINT_FINDINGS else Reason.OVERDUE if record.overdue else Reason.DUE
        return reason, f"Postmortem {record.name} is to be published, and is not. {why[1]}"
    reason = Reason.OVERDUE if record.overdue else Reason.DUE
    return reason, f"Postmortem {record.name} is drafted; people complete it{when}"


def postmortem_of(draft: Draft) -> Get:
    """The question for the Postmortem as it is now."""
    meta, record = draft.incident.metadata, draft.status.postmortem
    return Get(POSTMORTEMS, meta.namespace, (record.name if record else None) or meta.name)


def ask_what_closing_needs(draft: Draft) -> None:
    """Is the postmortem written? And then, when all else is done: do targets still carry our mark?"""
    times, record = draft.status.times, draft.status.postmortem
    if times is None or times.closed or (times.resolved is None and times.cancelled is None):
        return
    if times.cancelled:
        draft.ask(*(target_of(aim) for aim in _marked(draft)))
        return
    if record is not None and record.drafted_time is not None and not record.waived and not draft.incident.spec.drill:
        draft.ask(postmortem_of(draft))
    if not open_ends(draft):
        draft.ask(*(target_of(aim) for aim in _marked(draft)))


def open_ends(draft: Draft) -> tuple[str, ...]:
    """What is missing for Closed, in words that stand still; wakes us when time is all of it."""
    times = draft.status.times
    if times is None or times.resolved is None:
        return ("it is not resolved",)
    missing = [f"{d.name} is undone or deferred" for d in owed(draft)]
    told = {d.attempt for d in draft.status.debt or ()}
    missing += [f"{record.name} is undone" for record, attempt, _ in owing(draft) if attempt.id not in told]
    missing += [f"the undo of {r.name} has ended" for r in draft.records if r.undo_asked or open_attempt(r)]
    if learned(draft) is None:
        missing.append("the postmortem is published or waived")
    over = times.resolved + draft.catalog.policy.reopen_within
    if draft.now < over:
        draft.wake(over)
        missing.append(f"nobody has reopened it by {instant(over)} ({write(draft.catalog.policy.reopen_within)})")
    return tuple(missing)


def close_when_done(draft: Draft) -> None:
    """Take our marks off, then close; never over a debt."""
    times = draft.status.times
    if times is None or times.resolved is None or times.cancelled or times.closed or open_ends(draft):
        return
    if not unmarked(draft):
        return
    draft.set(times=times.model_copy(update={"closed": draft.now}), suggestions=None, suspects=None)
    items = [d.action_item for d in draft.status.debt or () if d.action_item]
    text = f"Closed; still owed, by ActionItem: {', '.join(items)}" if items else "Closed: nothing is owed"
    draft.say(EventKind.CLOSED, text, event=True)


def _marked(draft: Draft) -> tuple[Aim, ...]:
    """Targets that we ever wrote to; pods that were taken away carry no mark."""
    wrote = (r for r in draft.records if any(a.fields and a.applied_time for a in r.attempts or ()))
    aims = (draft.aim(r) for r in wrote)
    return tuple(dict.fromkeys(a for a in aims if a is not None)) if not draft.incident.spec.drill else ()


def unmarked(draft: Draft) -> bool:
    """Are all our marks off, or beyond our reach? Gives the commands that take them off."""
    ours = {a.id for r in draft.records for a in r.attempts or ()}
    done = True
    for aim in _marked(draft):
        answer = draft.answer(target_of(aim))
        if answer is None or (isinstance(answer, Failed) and answer.passing):
            done = False
        elif isinstance(answer, Found) and (mark := label_of(answer.value)) in ours:
            done = _take_off(draft, aim, answer.value, mark) and done
    if not done:
        draft.wake(draft.now + draft.catalog.policy.verify_every * 5)
    return done


def _take_off(draft: Draft, aim: Aim, target: dict[str, Any], mark: str) -> bool:
    """True when it was tried and refused: then it is not ours any more, or we may not; the orphan sweep tells who cares."""
    command = Unmark(mark, REF_OF_KIND[aim.kind.value], aim.namespace, aim.name, target["metadata"]["uid"])
    outcome = draft.seen.outcomes.get(outcome_key(command))
    if outcome is not None:
        return outcome.kind is OutcomeKind.REFUSED and outcome.status not in (409, 429) and not met(outcome)
    written = (a for r in draft.incident.status.mitigations or () for a in r.attempts or ())
    if any(a.id == mark and a.state in OPEN for a in written):
        # That it is over is only being written down: nothing is done for an attempt that is under way on the record.
        draft.wake(draft.now)
        return False
    if draft.seen.policies.proven and frozen(draft, aim, undoes=True) is None and command not in draft.commands:
        draft.commands.append(command)
    return False
