"""What an effect did for users: Helped, NoEffect, Worse or Unknown, measured against how things stood before it."""

from datetime import datetime
from typing import Final

from stanch.api.incident_status import Attempt, AttemptState, Effect, Health, MitigationRecord
from stanch.api.meta import WORKLOADS, TargetKind
from stanch.api.names import EventKind
from stanch.api.recovery_status import CriterionState
from stanch.core.asking import target_of
from stanch.core.attempts import standing
from stanch.core.conditions import is_true
from stanch.core.draft import Draft, aim_at
from stanch.core.git_ops import HOLD
from stanch.core.observations import Found
from stanch.core.recovery import contained
from stanch.core.swap import label_of

# A line that is longer than this is looked up in the record.
UNDO_LINE_MAX: Final = 300


def judge_effects(draft: Draft) -> None:
    """Measure before; judge once, when the effect has had its time."""
    for record in draft.records:
        _measure(draft, record)
    for record in draft.records:
        attempt = standing(record)
        if record.effect is not None or attempt is None or record.action == HOLD:
            continue
        effect = _effect(draft, record, attempt)
        if effect is None:
            continue
        if effect is not Effect.WORSE and another_acted(draft, record, attempt):
            effect = Effect.UNKNOWN
        draft.put(record.model_copy(update={"effect": effect, "effect_time": draft.now}))
        _say(draft, record, attempt, effect)


def _measure(draft: Draft, record: MitigationRecord) -> None:
    """In the very plan that writes an attempt down, so that it is older than the effect."""
    attempts = tuple(
        a.model_copy(update={"before": health(draft)})
        if a.state is AttemptState.INTENDED and a.before is None and not a.undoes
        else a
        for a in record.attempts or ()
    )
    if attempts != (record.attempts or ()):
        draft.put(record.model_copy(update={"attempts": attempts}))


def health(draft: Draft) -> Health:
    """What the criteria say, and the pods that controllers count as available: facts of the API, no feeling of ours."""
    # Manual is a person's word, which is not asked again for each effect.
    criteria = [c for c in (draft.status.recovery.criteria if draft.status.recovery else ()) if c.check != "manual"]
    available = wanted = 0
    for target in {(c.target.kind, c.target.name) for c in criteria if c.target and c.target.kind in WORKLOADS}:
        answer = draft.seen.get(target_of(aim_at(draft.incident, target[0].value, target[1])))
        if not isinstance(answer, Found):
            continue
        status = answer.value.get("status") or {}
        if target[0] is TargetKind.DAEMON_SET:
            counted = status.get("numberAvailable", 0), status.get("desiredNumberScheduled", 0)
        else:
            counted = status.get("availableReplicas", 0), answer.value["spec"].get("replicas", 1)
        # Surge pods of a rollout are no extra health.
        available, wanted = available + min(counted), wanted + counted[1]
    # Pods are counted, above: asked for more of them than can be had, a criterion fails and nobody is worse off.
    others = [c for c in criteria if c.check != "available" or c.target is None or c.target.kind not in WORKLOADS]
    return Health(
        hurting=any(c.state is CriterionState.FAILING and c.gates == "Mitigated" for c in criteria) or None,
        failing=sum(c.state is CriterionState.FAILING for c in others),
        unknown=sum(c.unclear for c in others),
        available=available,
        wanted=wanted,
    )


def _effect(draft: Draft, record: MitigationRecord, attempt: Attempt) -> Effect | None:
    contested = record.contest is not None and not record.contest.stands
    landed = attempt.state is not AttemptState.APPLIED
    criteria = draft.status.recovery.criteria if draft.status.recovery else ()
    gating = [c for c in criteria if c.gates == "Mitigated"]
    passing = bool(gating) and all(c.state is CriterionState.PASSING for c in gating)
    # What passed before, too, says nothing about the harm that this was for.
    helped = landed and passing and (attempt.before is None or bool(attempt.before.hurting))
    if passing and is_true(draft.status, "Mitigated") and (contested or helped):
        # What helps now may be what somebody else wrote.
        return Effect.UNKNOWN if contested else Effect.HELPED
    if draft.now < (ends := has_had_its_time(draft, record, attempt)):
        draft.wake(ends)
        return None
    if _worse(draft, attempt):
        return Effect.WORSE  # Also while it is still on its way: that may take longer than users have.
    if contested:
        return Effect.UNKNOWN
    if landed and not helped and (not gating or passing or any(c.unclear for c in gating)):
        return Effect.UNKNOWN
    return None if not landed else Effect.HELPED if helped else Effect.NO_EFFECT


def has_had_its_time(draft: Draft, record: MitigationRecord, attempt: Attempt) -> datetime:
    """When an effect can be judged: its time box after it was there."""
    return (attempt.applied_time or attempt.intended_time) + (record.asked.time_box or draft.catalog.policy.time_box)


def _worse(draft: Draft, attempt: Attempt) -> bool:
    """More fails than before, or clearly fewer of the wanted pods serve. What can't be read proves nothing."""
    before, now = attempt.before, health(draft)
    if before is None or contained(draft):
        return False  # Switched off on purpose: users lack the service, and the record says so already.
    # What could not be read before may have failed then, too.
    if now.failing > before.failing + before.unknown:
        return True
    # Fewer, and a smaller share: neither a smaller size nor a larger one that is still coming up is worse.
    if not before.wanted or not now.wanted or now.available >= before.available:
        return False
    lost = 100 * before.available // before.wanted - 100 * now.available // now.wanted
    return lost > draft.catalog.policy.worse_points


def another_acted(draft: Draft, record: MitigationRecord, attempt: Attempt) -> str | None:
    """Who else of ours changed the target since this attempt, or is about to; None when nobody did, or nobody can know."""
    aim = draft.aim(record)
    target = draft.seen.get(target_of(aim)) if aim is not None else None
    if not isinstance(target, Found) or not attempt.fields or draft.incident.spec.drill:
        return None
    label, ours = label_of(target.value), {a.id for r in draft.records for a in r.attempts or ()}
    if label and label not in ours:
        other = draft.seen.acted.get(label)
        return other.by if other is not None else "an incident that is gone"
    busy = draft.seen.busy.get(target.value["metadata"]["uid"])
    return f"incident {busy.incident}" if busy is not None else None


def _say(draft: Draft, record: MitigationRecord, attempt: Attempt, effect: Effect) -> None:
    if effect is Effect.WORSE and attempt.before is not None:
        now = health(draft)
        text = (
            f"{record.name}: {_whose(draft, record, attempt)}: {_counts(now)}, before it {_counts(attempt.before)}. "
            f"Nothing else is started by itself. {_what_follows(draft, record)}"
        )
        draft.say(EventKind.MADE_IT_WORSE, text, event=True, warning=True)
    else:
        draft.say(EventKind.MITIGATION_JUDGED, f"{record.name}: {_WORDS[effect]}")


def _what_follows(draft: Draft, record: MitigationRecord) -> str:
    if draft.catalog.policy.when_worse == "Undo" and record.break_glass:
        return "It is taken back if that goes exactly: guardrails.whenWorse of the ResponsePolicy is Undo"
    return undo_hint(record)


def _whose(draft: Draft, record: MitigationRecord, attempt: Attempt) -> str:
    """Two acted, and it got worse: nothing goes on either way, but nobody is told that it was this one."""
    other = another_acted(draft, record, attempt)
    return f"things got worse, by this or by {other}" if other else "it made things worse"


_WORDS: Final = {
    Effect.HELPED: "it helped",
    Effect.NO_EFFECT: "no effect within its time",
    Effect.UNKNOWN: "nobody can say whether it helped",
}


def _counts(it: Health) -> str:
    pods = f"{it.available} of {it.wanted} pods available" if it.wanted else ""
    others = f"{it.failing} other criteria failing" if it.failing or not pods else ""
    return ", ".join(part for part in (pods, others) if part)


def undo_hint(record: MitigationRecord) -> str:
    """How a person takes it back: an entry, or a line."""
    line = next(iter(record.break_glass or ()), "")
    if not line:
        return "It can't be taken back; look what helps now"
    return f"Take it back with an undo entry{f', or: {line}' if len(line) <= UNDO_LINE_MAX else ''}"


def worse_words(record: MitigationRecord) -> str:
    """Why nothing goes on, and what would free it; the same for as long as it is so."""
    taken = "" if standing(record) is None else f" {undo_hint(record)}."
    return (
        f"{record.name} made it worse, so nothing goes on by itself.{taken} What helps now, ask for in a mitigate entry"
    )
