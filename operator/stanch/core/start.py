"""Which mitigation is next, whether it may start, and its plan on the record before anybody is asked to approve it."""

from dataclasses import replace
from datetime import datetime

from stanch.api import duration
from stanch.api.incident_status import Effect, MitigationRecord, ResolvedTarget, WishState
from stanch.api.meta import TargetKind
from stanch.api.names import ConditionType, EventKind, Reason
from stanch.api.wish import When
from stanch.core.approvals import enough, is_machine, valid, wait_for
from stanch.core.approvers import ask_again
from stanch.core.asking import controller_uid, target_of
from stanch.core.attempts import open_attempt, standing
from stanch.core.census import RUNBOOK
from stanch.core.conditions import find, is_true
from stanch.core.draft import HOLD_FOR, Draft
from stanch.core.flapping import flaps_since
from stanch.core.git_ops import HOLD, hold_first, warnings_of
from stanch.core.guard_order import first_no
from stanch.core.guards import commander_asks
from stanch.core.intend import dry_run, fresh_evidence, intend, lacks_evidence, lost_with
from stanch.core.judge import has_had_its_time, worse_words
from stanch.core.observations import Found
from stanch.core.ports import Aim, ApprovalClass, Change, Clock, NothingToDo, Refusal
from stanch.core.runbook_authority import is_only_shown
from stanch.core.runbook_pace import takes_too_many
from stanch.core.swap import digest
from stanch.core.undo_takes import undo_takes

DELETE_POD = "deletePod"
REPLICAS = "/spec/replicas"
WARNINGS_MAX = 8
PENDING = frozenset({WishState.WAITING, WishState.HELD})


def start_next(draft: Draft) -> None:
    """At most one mitigation of an incident is under way; the others wait their turn in order."""
    times = draft.status.times
    if times is None or times.cancelled or times.closed:
        return
    if times.resolved:
        _skip_rest(draft)
        return
    if any(open_attempt(r) for r in draft.records):
        return
    held, waits = "", False
    for index, record in enumerate(draft.records):
        if record.state not in PENDING or standing(record):
            continue
        if _stopped_by_worse(draft, record) or _stopped_by_flapping(draft, record):
            continue  # Who asked after that has looked, and does not wait for these.
        if waits and record.asked.when is not When.ALWAYS:
            continue
        if held and record.asked.when is not When.ALWAYS:
            hold(draft, record, Refusal(Reason.STILL_HURTING_ONLY, f"Waits for {held}, which is held"))
            continue
        if not _turn(draft, record, draft.records[:index]):
            # The rungs above it wait as well; what is asked for in any case does not.
            waits = True
            continue
        _start(draft, record)
        changed = draft.record(record.name)
        if changed is None or open_attempt(changed) or changed.state is WishState.WAITING:
            return
        if changed.state is WishState.HELD and is_only_shown(draft, changed) is None:
            # What is asked for in any case does not wait for what is held: it may even be what frees it.
            held = held or record.name


def _skip_rest(draft: Draft) -> None:
    for record in draft.records:
        if record.state in PENDING:
            draft.put(
                record.model_copy(update={"state": WishState.SKIPPED, "reason": None, "message": "NoLongerNeeded"})
            )
            draft.say(EventKind.MITIGATION_SKIPPED, f"{record.name}: no longer needed, the incident is resolved")


def _turn(draft: Draft, record: MitigationRecord, before: tuple[MitigationRecord, ...]) -> bool:
    """The ladder: the next rung only while it still hurts and the one before has had its time. A hold is no rung."""
    before = tuple(r for r in before if r.action != HOLD)
    if record.asked.when is When.ALWAYS:
        return True
    if (before or record.source.startswith(RUNBOOK)) and is_true(draft.status, "Mitigated"):
        hold(draft, record, Refusal(Reason.STILL_HURTING_ONLY, "Only if harm goes on; skipped when resolved"))
        return False
    if (judging := _unjudged(before)) is not None:
        # Also when its rollout failed: that may be what made it worse, and nobody goes on before that is known.
        hold(draft, record, Refusal(Reason.STILL_HURTING_ONLY, f"Waits until {judging.name} has had its time"))
        return False
    return True


def _stopped_by_worse(draft: Draft, record: MitigationRecord) -> bool:
    """Was it asked for before one was seen to have made it worse? A person looks first, and then asks."""
    # A hold is as much asked for as what it is for.
    subject = draft.held_for(record) or record
    if subject.asked.when is When.ALWAYS:
        return False
    made = (r for r in draft.records if r.effect is Effect.WORSE and r.effect_time)
    worse = next((r for r in made if r.effect_time and r.effect_time >= subject.asked_time), None)
    if worse is not None:
        hold(draft, record, Refusal(Reason.MADE_IT_WORSE, worse_words(worse)))
    return worse is not None


def _stopped_by_flapping(draft: Draft, record: MitigationRecord) -> bool:
    """While it is good and bad by turns nothing that was asked for before goes on by itself: which of them would it be for?"""
    subject = draft.held_for(record) or record
    since = flaps_since(draft)
    if since is None or subject.asked.when is When.ALWAYS or subject.asked_time > since:
        return False
    words = "Good and bad by turns, so nothing goes on by itself until it is calm. What helps now, ask for in a mitigate entry"
    hold(draft, record, Refusal(Reason.FLAPPING, words))
    return True


def _unjudged(before: tuple[MitigationRecord, ...]) -> MitigationRecord | None:
    """The last one whose effect stands and was not judged yet; judging wakes us when its time box is over."""
    return next((r for r in reversed(before) if r.effect is None and standing(r) is not None), None)


def hold(draft: Draft, record: MitigationRecord, refusal: Refusal) -> None:
    """Say once what holds it and what would free it; a final refusal ends the wish."""
    state = WishState.REFUSED if refusal.final else WishState.HELD
    if (record.state, record.reason, record.message) == (state, refusal.reason, refusal.message):
        return
    draft.put(record.model_copy(update={"state": state, "reason": refusal.reason, "message": refusal.message}))
    if record.reason != refusal.reason or refusal.final:
        kind = EventKind.MITIGATION_FAILED if refusal.final else EventKind.MITIGATION_HELD
        draft.say(kind, f"{record.name}: {refusal.message}", event=True, warning=True)


def _start(draft: Draft, record: MitigationRecord) -> None:
    """Plan, guards in their order, dry run, approvals, evidence, intention; stops at the first that is not ready."""
    if record.reason == Reason.STILL_HURTING_ONLY:
        # Its turn has come only now: its hour begins.
        since = _turn_since(draft, record)
        record = record.model_copy(update={"asked_time": since, "reason": None, "message": None})
        draft.put(record)
    if _expired(draft, record) or _for_nobody(draft, record):
        return
    aim = draft.aim(record)
    if aim is None:
        hold(
            draft, record, Refusal(Reason.TARGET_NOT_FOUND, "It names no target, and spec.targets is empty", final=True)
        )
        return
    draft.ask(target_of(aim))
    if enough(record, draft):
        ask_again(draft, record.action, valid(record, draft))
    clock = Clock(now=draft.now, asked=record.asked_time)
    size = draft.catalog.mitigations[record.action].size_up(record.asked.action[1], aim, draft.seen, clock)
    if isinstance(size, tuple):
        draft.ask(*size)
    no = first_no(draft, record, aim, size)
    if no is None and not record.asked.harm_first:
        _evidence_first(draft, aim, _may_be_next(draft, record))
    if no is not None:
        if no.of_plan and isinstance(size, Change):
            _, record = _planned(draft, record, aim, size)
        _stop(draft, record, no.refusal)
    elif isinstance(size, NothingToDo):
        if not draft.questions:
            _skip(draft, record, size)
    elif isinstance(size, Change):
        _go(draft, record, aim, size)


def _turn_since(draft: Draft, record: MitigationRecord) -> datetime:
    """When its turn came: that may be long ago, if nobody looked meanwhile (an outage, a restore)."""
    before = draft.records[: [r.name for r in draft.records].index(record.name)]
    # What ended without an attempt was given up an hour after it was asked, at the latest.
    ends = [r.asked_time + draft.catalog.policy.approval_ask_for for r in before if not r.attempts]
    ends += [a.ended_time for r in before for a in r.attempts or () if a.ended_time]
    ends += [has_had_its_time(draft, r, a) for r in before if (a := standing(r)) is not None]
    if harm := find(draft.status, ConditionType.MITIGATED):
        ends.append(harm.last_transition_time)
    return min(draft.now, max([record.asked_time, *ends]))


def _may_be_next(draft: Draft, record: MitigationRecord) -> bool:
    """False while people still have to agree: evidence then is captured when they do, not every few seconds until then."""
    missing = record.reason == Reason.APPROVAL_MISSING and record.approvals is not None
    return not missing or enough(record, draft)


def _evidence_first(draft: Draft, aim: Aim, soon: bool) -> None:
    """Ask for evidence now, and not in a hop of its own before the effect; unless there is some that is fresh enough."""
    if soon and fresh_evidence(draft, aim) is None:
        draft.ask_evidence(aim)


def _stop(draft: Draft, record: MitigationRecord, refusal: Refusal) -> None:
    if draft.questions:
        return
    draft.put(record)
    if refusal.reason == Reason.NO_DATA_NOW and draft.now - record.asked_time < draft.catalog.policy.told_after:
        # A read that failed once is nothing to tell a person; one that goes on failing is.
        draft.wake(draft.now + draft.catalog.policy.verify_every)
        return
    hold(draft, record, refusal)
    # What can change by itself is looked at again; the rest wakes us when it changes.
    draft.wake(draft.now + draft.catalog.policy.verify_every * (1 if refusal.reason == Reason.NOT_OBSERVED_YET else 5))


def _skip(draft: Draft, record: MitigationRecord, nothing: NothingToDo) -> None:
    draft.put(
        record.model_copy(
            update={"state": WishState.SKIPPED, "reason": Reason.NOTHING_TO_DO, "message": nothing.message}
        )
    )
    draft.say(EventKind.MITIGATION_SKIPPED, f"{record.name}: {nothing.message}", event=True)


def _for_nobody(draft: Draft, record: MitigationRecord) -> bool:
    """A hold is not made for what will not be done any more."""
    if not record.source.startswith(HOLD_FOR):
        return False
    if (wanted := draft.held_for(record)) is not None and wanted.state in PENDING:
        return False
    _skip(draft, record, NothingToDo("What it was for is not pending any more"))
    return True


def _expired(draft: Draft, record: MitigationRecord) -> bool:
    """A wish that could not start within an hour of being asked is not run on a world nobody looked at (F1)."""
    if record.asked_time + draft.catalog.policy.approval_ask_for > draft.now:
        return False
    if record.reason == Reason.STILL_HURTING_ONLY:
        return False
    within = duration.write(draft.catalog.policy.approval_ask_for)
    asked = record.reason == Reason.APPROVAL_MISSING
    said = f"Nobody approved it within {within}" if asked else f"Not started within {within} of being asked"
    message = f"{said}; ask under a new name"
    draft.put(record.model_copy(update={"state": WishState.EXPIRED, "reason": None, "message": message}))
    draft.say(EventKind.MITIGATION_EXPIRED, f"{record.name}: {message}", event=True)
    return True


def _go(draft: Draft, record: MitigationRecord, aim: Aim, change: Change) -> None:
    """Nobody says no to the plan: it is tried (guard 15), shown, agreed to (guard 16, with 11 and 12) and begun."""
    change, planned = _planned(draft, record, aim, change)
    checked = dry_run(draft, planned, aim, change)
    if draft.questions or checked is False:
        return
    if checked is True and change.before:
        planned = planned.model_copy(update={"dry_run": "accepted by the API server"})
    draft.put(planned)
    # Nobody is woken to agree to what would then be refused.
    if refusal := checked if isinstance(checked, Refusal) else is_only_shown(draft, record):
        _not_now(draft, planned, refusal)
        return
    waiting = wait_for(draft, planned, _class_of(draft, record, aim, change))
    if waiting is not None:
        draft.put(waiting)
        return
    _begin(draft, planned, aim, change)


def _planned(draft: Draft, record: MitigationRecord, aim: Aim, change: Change) -> tuple[Change, MitigationRecord]:
    """What would be done, with all there is to warn of, and the record that shows it."""
    change = replace(
        change,
        warnings=(*change.warnings, *warnings_of(draft, record, aim, change), *_who_acts(draft, record)),
        undo_takes=undo_takes(draft, record.action, change),
    )
    return change, _with_plan(record, aim, change, _owner(draft, aim))


def _begin(draft: Draft, planned: MitigationRecord, aim: Aim, change: Change) -> None:
    """Agreed to: first the hold that guard 7 asks for, and evidence; then it is written down."""
    if refusal := hold_first(draft, planned, aim, change):
        _not_now(draft, planned, refusal)
        return
    if (loses := lost_with(aim, change)) and not planned.asked.harm_first:
        draft.ask_evidence(aim, loses)
    if draft.questions:
        return
    if refusal := lacks_evidence(draft, planned, aim, change):
        _not_now(draft, planned, refusal)
        return
    intend(draft, draft.record(planned.name) or planned, aim, change)


def _not_now(draft: Draft, planned: MitigationRecord, refusal: Refusal) -> None:
    hold(draft, draft.record(planned.name) or planned, refusal)
    if refusal.reason != Reason.ONLY_SHOWN:
        draft.wake(draft.now + draft.catalog.policy.verify_every * 5)


def _who_acts(draft: Draft, record: MitigationRecord) -> tuple[str, ...]:
    commander = commander_asks(draft, record)
    if commander is None:
        return ()
    return (f"{commander} commands and acts; with another hand there, let that one do it",)


def _class_of(draft: Draft, record: MitigationRecord, aim: Aim, change: Change) -> ApprovalClass:
    """
    One pod after the other is a restart that nobody planned: from the second in ten minutes on it is a wide act. In this
    incident any pod counts; of other incidents those of the same workload, done or about to be.
    """
    if _grows_wide(change, draft.catalog.policy.scale_factor):
        return ApprovalClass.C
    lately = draft.now - draft.catalog.policy.pods_one_by_one
    before = [a.applied_time for r in draft.records if r.action == record.action for a in r.attempts or ()]
    owner = _owner(draft, aim)
    for deed in draft.seen.census.deeds:
        if owner and (deed.action, deed.owner) == (record.action, owner):
            before.append(draft.now if deed.under_way else deed.applied)
    if record.action == DELETE_POD and any(t is not None and t > lately for t in before):
        return ApprovalClass.C
    return takes_too_many(draft, record, change) or change.approval_class


def _grows_wide(change: Change, factor: int) -> bool:
    """To more than so many times the replicas (`guardrails.scaleFactor`): whoever pays for it agrees first."""
    before, after = change.before.get(REPLICAS), change.after.get(REPLICAS)
    return isinstance(before, int) and isinstance(after, int) and after > max(1, before) * factor and after > before


def _owner(draft: Draft, aim: Aim) -> str | None:
    answer = draft.seen.get(target_of(aim))
    if aim.kind is not TargetKind.POD or not isinstance(answer, Found):
        return None
    return controller_uid(answer.value) or None


def _at_most(count: int, said: tuple[str, ...]) -> tuple[str, ...]:
    return said if len(said) <= count else (*said[: count - 1], f"and {len(said) - count + 1} more like these")


def _with_plan(record: MitigationRecord, aim: Aim, change: Change, owner: str | None) -> MitigationRecord:
    """The plan on the record: what an approval agrees to is exactly this digest."""
    assert record.target is not None
    plan = digest(
        {
            "action": record.action,
            "kind": aim.kind.value,
            "name": aim.name,
            "uid": change.uid,
            "before": digest(dict(change.before)),
            "after": digest(dict(change.after)),
        }
        | ({"agreed": sorted(change.agreed)} if change.agreed else {})
    )
    return record.model_copy(
        update={
            "target": ResolvedTarget(kind=aim.kind, name=aim.name, uid=change.uid, owner=owner),
            "digest": plan,
            "plan": change.summary[:1000],
            "diff": change.diff or None,
            "blast": change.blast,
            "warnings": _at_most(WARNINGS_MAX, change.warnings) or None,
            "undo_takes": change.undo_takes,
            "dry_run": record.dry_run if record.digest == plan else None,
            "break_glass": (change.do_by_hand,),
        }
    )


__all__ = ["hold", "is_machine", "start_next"]
