"""An ActionItem knows whether it is done and what proves it, whom it was asked of, and when to look again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from stanch.api.action_item import (
    REOPENED_MAX,
    ActionItem,
    ActionItemStatus,
    ItemState,
    Proof,
    ProofState,
    Reopening,
)
from stanch.api.meta import Condition, ConditionStatus, instant
from stanch.api.names import EventKind, ItemCondition, ItemReason
from stanch.api.policy import Policy
from stanch.core.done_when import look
from stanch.core.draft import shorten
from stanch.core.item_chase import Asked, begin, chase, escalation, incident_of
from stanch.core.item_lint import Context, Sibling, lint
from stanch.core.item_proof import asks, next_look, take_in
from stanch.core.observations import Observations
from stanch.core.plan_type import Told
from stanch.core.questions import Question


@dataclass(frozen=True, slots=True)
class ItemPlan:
    """Ask ``questions`` and plan again while there are any; then write ``status``, then tell, then look at ``wake_at``."""

    status: ActionItemStatus
    questions: tuple[Question, ...] = ()
    told: tuple[Told, ...] = ()
    wake_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Standing:
    done: bool
    reason: str
    text: str


def item_plan(
    item: ActionItem, seen: Observations, siblings: Sequence[Sibling], policy: Policy, now: datetime
) -> ItemPlan:
    """What is so now, what is to be said about it, and when that changes by itself. Pure; ``now`` is the API server's."""
    now = now.replace(microsecond=0)
    # 1. What has to be known: the proof when it is due, and when the incident was over.
    proof = _proof(item, seen, policy, now)
    if isinstance(proof, tuple):
        return ItemPlan(item.status, questions=proof)
    question = incident_of(item)
    if question is not None and not _was_done(item) and seen.get(question) is None:
        return ItemPlan(item.status, questions=(question,))
    # 2. Is it done, and was it before?
    other = _another_question(item, proof)
    standing = _standing(item, proof, other)
    reopened, changed = _turned(item, standing, other, now)
    # 3. Whoever owns it is asked.
    with_past = item.model_copy(update={"status": item.status.model_copy(update={"reopened": reopened})})
    asked = chase(with_past, begin(item, seen), standing.done, policy, now)
    status = ActionItemStatus(
        observed_generation=item.metadata.generation,
        state=_state(item, standing, reopened, now),
        conditions=_conditions(item, standing, proof, asked, policy, now),
        findings=(() if standing.done else lint(item, Context(policy, siblings))) or None,
        proof=proof,
        done_time=(item.status.done_time or now) if standing.done else None,
        reopened=reopened,
        chase=asked.chase,
    )
    wakes = [w for w in (asked.wake, next_look(proof, policy) if proof is not None else None) if w is not None]
    return ItemPlan(status, told=(*changed, *asked.told), wake_at=min(wakes, default=None))


def _proof(item: ActionItem, seen: Observations, policy: Policy, now: datetime) -> Proof | tuple[Question, ...] | None:
    """The proof as it stands, looked at anew when that is due; or the questions for it."""
    check, before = item.spec.done_when, item.status.proof
    if check is None:
        return None
    same = before is not None and before.asks == asks(check)
    fresh = item.status.observed_generation == item.metadata.generation
    if before is not None and same and fresh and now < next_look(before, policy):
        return before
    found = look(item, seen, policy, now)
    return found if isinstance(found, tuple) else take_in(before, found, check, now, policy.items_hold)


def _another_question(item: ActionItem, proof: Proof | None) -> str:
    """What somebody did to doneWhen since the last look; then it is open for that reason, and nothing has failed."""
    before = item.status.proof
    if proof is None:
        return "doneWhen was taken away: nothing proves it any more, so close it when it is done" if before else ""
    if before is None:
        return "doneWhen was added: it is to be proved"
    return "" if proof.asks == before.asks else "doneWhen was changed: it is to be proved anew"


def _standing(item: ActionItem, proof: Proof | None, other: str) -> _Standing:
    spec = item.spec
    due = f"Due {instant(spec.due_time)}, owned by {spec.owner}"
    if proof is None:
        return _Standing(True, ItemReason.CLOSED, due) if spec.closed else _Standing(False, ItemReason.OPEN, due)
    if proof.proven_time is not None:
        text = f"doneWhen held from {instant(proof.since_time or proof.proven_time)} to {instant(proof.proven_time)}"
        return _Standing(True, ItemReason.PROVED, f"{text}: {proof.seen}" if not proof.fails_since else text)
    if spec.closed:
        text = f"spec.closed says that it is done, and doneWhen does not: {_seen(proof)}"
        return _Standing(False, ItemReason.NOT_PROVEN, f"{text}; without doneWhen your word counts")
    if _was_done(item) and not other:
        return _Standing(False, ItemReason.REGRESSED, f"It was done, and is not any more: {_seen(proof)}")
    known = _condition_of(item, ItemCondition.DONE)
    if known is not None and known.reason == ItemReason.REGRESSED and not other:
        return _Standing(False, ItemReason.REGRESSED, f"It was done, and is not any more: {_seen(proof)}")
    return _Standing(False, ItemReason.OPEN, due)


def _seen(proof: Proof) -> str:
    if proof.state is ProofState.HOLDS and proof.since_time is not None:
        return f"it holds since {instant(proof.since_time)}, and must until {instant(proof.since_time + proof.needed)}"
    return proof.seen


def _was_done(item: ActionItem) -> bool:
    known = _condition_of(item, ItemCondition.DONE)
    return known is not None and known.status == "True"


def _turned(
    item: ActionItem, standing: _Standing, other: str, now: datetime
) -> tuple[tuple[Reopening, ...] | None, tuple[Told, ...]]:
    """Reopenings with the one of this look, and what is said when it was done or is not any more."""
    before, was = item.status.reopened or (), _was_done(item)
    if was == standing.done:
        return before or None, ()
    if standing.done:
        how = "proved" if standing.reason == ItemReason.PROVED else "closed by hand"
        text = shorten(f"{item.spec.title}: {how}. {standing.text}", 900)
        return before or None, (Told(EventKind.ITEM_DONE, text, once=instant(before[-1].time) if before else "first"),)
    why = other or (standing.text if item.spec.done_when is not None else "spec.closed was taken back")
    text = shorten(f"{item.spec.owner}: {item.spec.title}: {why}", 900)
    done = instant(item.status.done_time) if item.status.done_time is not None else ""
    told = Told(EventKind.ITEM_REOPENED, text, warning=True, once=done)
    if other:
        return before or None, (told,)
    return (*before, Reopening(time=now, why=shorten(why, 900)))[-REOPENED_MAX:], (told,)


def _state(item: ActionItem, standing: _Standing, reopened: tuple[Reopening, ...] | None, now: datetime) -> ItemState:
    due = item.spec.due_time
    if standing.done:
        return ItemState.DONE
    if due <= now and not (reopened and reopened[-1].time >= due):
        return ItemState.OVERDUE
    return ItemState.REOPENED if reopened else ItemState.OPEN


# --- conditions ------------------------------------------------------------------------------------------------------


def _conditions(
    item: ActionItem, standing: _Standing, proof: Proof | None, asked: Asked, policy: Policy, now: datetime
) -> tuple[Condition, ...]:
    late = item.spec.due_time <= now and not standing.done
    due = f"Due {instant(item.spec.due_time)}, owned by {item.spec.owner}"
    found = [
        _condition(item, ItemCondition.DONE, standing.done, standing.reason, standing.text, now),
        _condition(item, ItemCondition.OVERDUE, late, ItemReason.LATE if late else ItemReason.IN_TIME, due, now),
    ]
    if proof is not None:
        found.append(_proven(item, proof, now))
    if asked.chase.escalated_time is not None:
        text = escalation(item, policy)
        found.append(_condition(item, ItemCondition.ESCALATED, True, ItemReason.OVERDUE_FOR_LONG, text, now))
    return tuple(found)


def _proven(item: ActionItem, proof: Proof, now: datetime) -> Condition:
    if proof.state is ProofState.UNKNOWN:
        return _condition(item, ItemCondition.PROVEN, None, proof.reason, proof.seen, now)
    proven = proof.proven_time is not None
    early = proof.state is ProofState.HOLDS and not proven
    reason = ItemReason.NOT_LONG_ENOUGH if early else proof.reason
    text = f"{proof.seen}; {_seen(proof)}" if early else proof.seen
    return _condition(item, ItemCondition.PROVEN, proven, reason, text, now)


def _condition_of(item: ActionItem, kind: str) -> Condition | None:
    return next((c for c in item.status.conditions if c.type == kind), None)


def _condition(item: ActionItem, kind: str, true: bool | None, reason: str, message: str, now: datetime) -> Condition:
    status: ConditionStatus = "Unknown" if true is None else "True" if true else "False"
    known = _condition_of(item, kind)
    since = known.last_transition_time if known is not None and known.status == status else now
    return Condition(
        type=kind,
        status=status,
        observed_generation=item.metadata.generation,
        last_transition_time=since,
        reason=reason,
        message=shorten(message, 1000),
    )
