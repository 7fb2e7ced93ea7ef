"""
From facts to conditions (decisions 2.3); core/live_record.py makes the word for the eye of them.

Pure reading of the record: what a condition says, no other part of the plan decides anew.
"""

from datetime import datetime, timedelta

from stanch.api.incident_status import Durations, Effect, MitigationRecord, Times, WishState
from stanch.api.meta import ConditionStatus, instant
from stanch.api.names import ConditionType, EventKind, Reason
from stanch.api.recovery_status import CriterionState, RecoveryRecord
from stanch.api.stamps import Stamped
from stanch.core.attempts import standing
from stanch.core.closing import learned, not_learned, unmarked
from stanch.core.conditions import drop, find, is_true, put
from stanch.core.draft import MACHINE, Draft
from stanch.core.forced_undo import is_waiting
from stanch.core.hold import is_seen_to_the_end, why_not_held, why_so_long
from stanch.core.judge import worse_words
from stanch.core.later_evidence import LATER
from stanch.core.pace import counts_until
from stanch.core.promises import waits_to_hear
from stanch.core.recovery import attempt_is_open, contained, harm_is_over
from stanch.core.runbook_held import held_by_runbook
from stanch.core.spec_fold import declarer
from stanch.core.stamps import OVERRIDE, RECOVERY, WORD, stamp
from stanch.core.still_missing import still_missing
from stanch.core.word import who_says_so


def follow_lifecycle(draft: Draft) -> None:
    """Conditions from what is so, then times and durations."""
    if draft.status.times is None:
        return
    if draft.status.times.cancelled:
        _cancelled(draft)
    elif draft.status.times.closed:
        # Said again until the label is on: it may have got lost in a crash.
        draft.close = not _still_counts(draft)
    else:
        _acknowledged(draft)
        _evidence(draft)
        _mitigated(draft)
        _resolved(draft)
        _held(draft)
        _reviewed(draft)
    _durations(draft)


def _times(draft: Draft) -> Times:
    assert draft.status.times is not None
    return draft.status.times


def _stamp(draft: Draft, **changes: datetime | None) -> None:
    draft.set(times=_times(draft).model_copy(update=changes))


def _says_so(draft: Draft, override: bool = False) -> tuple[str, str]:
    """Who or what says that it is over, and where that comes from."""
    if override:
        return draft.status.resolve_said_by or MACHINE, OVERRIDE
    return (MACHINE, RECOVERY) if _passing(draft) else (who_says_so(draft) or MACHINE, WORD)


def _passing(draft: Draft) -> str:
    """Names of the criteria that pass."""
    criteria = draft.status.recovery.criteria if draft.status.recovery else ()
    return ", ".join(c.name for c in criteria if c.state is CriterionState.PASSING)


def _still_counts(draft: Draft) -> bool:
    """What it did is counted by guards 9 and 12 for a time, and only what carries no closed label is."""
    until = counts_until(draft)
    if until is None or draft.now >= until:
        return False
    draft.wake(until)
    return True


def _cancelled(draft: Draft) -> None:
    put(draft, ConditionType.RESOLVED, "True", Reason.CANCELLED, "It was no incident")
    put(draft, ConditionType.REVIEWED, "True", Reason.NOT_NEEDED, "Cancelled")
    for kind in (ConditionType.MITIGATION_HELD, ConditionType.APPROVAL_NEEDED, ConditionType.CONTAINED):
        drop(draft, kind)
    if _times(draft).closed is None and not draft.status.debt and not _waits_to_hear(draft) and unmarked(draft):
        _stamp(draft, closed=draft.now)
        draft.say(EventKind.CLOSED, "Closed: cancelled")
    draft.close = _times(draft).closed is not None and not _still_counts(draft)


def _waits_to_hear(draft: Draft) -> bool:
    """Who was told of a problem is told that it was none; for some minutes it can still be said here."""
    over = _times(draft).cancelled
    until = over + draft.catalog.policy.final_update_within if over else draft.now
    if draft.now >= until or not waits_to_hear(draft.status):
        return False
    draft.wake(until)
    return True


def _acknowledged(draft: Draft) -> None:
    from stanch.core.approvals import is_machine  # noqa: PLC0415

    by = declarer(draft)
    times = _times(draft)
    if times.acknowledged is None and draft.incident.spec.declared_by and not is_machine(by, draft.catalog.policy):
        stamp(draft, Stamped.ACKNOWLEDGED, draft.incident.declared, by, "Spec", draft.incident.declared)
        put(draft, ConditionType.ACKNOWLEDGED, "True", Reason.DECLARED, f"{by} declared it")
    elif times.acknowledged is not None and not is_true(draft.status, ConditionType.ACKNOWLEDGED):
        put(draft, ConditionType.ACKNOWLEDGED, "True", *_how_acknowledged(draft))
    elif times.acknowledged is None:
        put(
            draft,
            ConditionType.ACKNOWLEDGED,
            "False",
            Reason.NOBODY_YET,
            "No person has taken it; write an acknowledge entry",
        )


def _how_acknowledged(draft: Draft) -> tuple[str, str]:
    """By a role that was taken, where that was the first thing anybody did; by what somebody wrote otherwise."""
    source = next((s.source for s in draft.status.stamps or () if s.what is Stamped.ACKNOWLEDGED), None)
    taken = next((r for r in draft.status.roles or () if r.source == source), None)
    return (Reason.ROLE_TAKEN, f"{taken.user} is {taken.role}") if taken else (Reason.ENTRY, "A person is on it")


def _evidence(draft: Draft) -> None:
    everything = draft.status.evidence or ()
    # What was captured afterwards says nothing about what was there before.
    kept = [e for e in everything if e.purpose not in LATER and e.rest_of is None]
    if kept:
        lacking = [still_missing(e, everything) for e in kept]
        missing, total = sum(count for count, _ in lacking), sum(e.items for e in kept)
        # What the newest bundle that lacks something lacks.
        named = next((f" ({words})" for _, words in reversed(lacking) if words), "")
        reason = Reason.PARTIAL if missing else Reason.COMPLETE
        put(
            draft,
            ConditionType.EVIDENCE_CAPTURED,
            "True",
            reason,
            f"{total} items, {missing} missing{named}; in {kept[-1].name}",
        )
    elif any(r.asked.harm_first and r.attempts for r in draft.records):
        put(
            draft,
            ConditionType.EVIDENCE_CAPTURED,
            "True",
            Reason.HARM_FIRST,
            "Acted before evidence, for a recorded reason",
        )
    elif not draft.looked_at and not draft.records:
        put(draft, ConditionType.EVIDENCE_CAPTURED, "False", Reason.NOTHING_TO_CAPTURE, "It names no targets")
    else:
        put(draft, ConditionType.EVIDENCE_CAPTURED, "False", Reason.CAPTURING, "Not stored yet")


def _mitigated(draft: Draft) -> None:
    if _times(draft).resolved:
        return  # History: an undo afterwards does not begin the harm again; a reopen entry does.
    over = harm_is_over(draft)
    off = contained(draft)
    if off:
        put(draft, ConditionType.CONTAINED, "True", Reason.ONLY_CONTAINED, off)
    else:
        drop(draft, ConditionType.CONTAINED)
    if attempt_is_open(draft):
        put(draft, ConditionType.MITIGATED, "False", Reason.VERIFYING, "An effect is on its way")
    elif off or over is False:
        _not_mitigated(draft, off)
    elif over is None:
        put(draft, ConditionType.MITIGATED, "Unknown", Reason.NO_DATA, _unknown(draft))
    else:
        _is_mitigated(draft)


def _unknown(draft: Draft) -> str:
    if draft.status.recovery is None or not draft.status.recovery.criteria:
        return "There is nothing to look at; a person says so with an update in state Monitoring, or a resolve entry"
    return why_not_held(draft, draft.status.recovery)


def _not_mitigated(draft: Draft, off: str) -> None:
    acted = any(r.attempts for r in draft.records)
    criteria = draft.status.recovery.criteria if draft.status.recovery else ()
    # A target that is gone is told once, however many criteria look at it.
    failing = "; ".join(dict.fromkeys(c.message or c.name for c in criteria if c.state.value != "Passing"))
    reason = Reason.ONLY_CONTAINED if off else Reason.HARM_CONTINUES if acted else Reason.NOT_TRIED
    if not criteria:
        failing = "A person says so"
    put(draft, ConditionType.MITIGATED, "False", reason, off or failing or "Seen once; looked at again")
    if _times(draft).mitigated is not None:
        draft.say(EventKind.RELAPSED, f"Harm is back: {off or failing}", event=True, warning=True)
        stamp(draft, Stamped.MITIGATED, None, MACHINE, RECOVERY)


def _is_mitigated(draft: Draft) -> None:
    acted = any(r.attempts for r in draft.records)
    if names := _passing(draft):
        reason, message = Reason.CRITERIA_PASSING if acted else Reason.WITHOUT_US, f"Passing: {names}"
    else:
        reason, message = Reason.PERSON_SAYS_SO, f"{who_says_so(draft) or 'A person'} says so"
    put(draft, ConditionType.MITIGATED, "True", reason, message)
    if _times(draft).mitigated is None:
        stamp(draft, Stamped.MITIGATED, draft.now, *_says_so(draft))
        draft.say(EventKind.MITIGATED, message, event=True)


def _resolved(draft: Draft) -> None:
    times, recovery = _times(draft), draft.status.recovery
    if times.resolved:
        return
    if draft.status.override:
        _resolve(draft, Reason.OVERRIDE, f"Overridden by {draft.status.override}")
    elif not is_true(draft.status, ConditionType.MITIGATED):
        _not_yet(draft)
    elif recovery is None or not recovery.criteria:
        _by_word(draft)
    elif recovery.hold_since_time is None:
        put(draft, ConditionType.RESOLVED, *_said_of(recovery), why_not_held(draft, recovery))
    else:
        _holds(draft, recovery, recovery.hold_since_time)


def _by_word(draft: Draft) -> None:
    """Nothing is measured: that harm is over was said, and that it is over for good is said in a resolve entry."""
    if draft.status.resolve_said:
        _resolve(draft, Reason.HELD, "A person says so")
    else:
        text = "Nothing is measured that could hold: a person says that it is over in a resolve entry"
        put(draft, ConditionType.RESOLVED, "False", Reason.HOLDING, text)


def _not_yet(draft: Draft) -> None:
    recovery = draft.status.recovery
    if attempt_is_open(draft):
        put(draft, ConditionType.RESOLVED, "False", Reason.ATTEMPT_OPEN, "An effect is on its way")
    elif recovery is not None and _said_of(recovery)[0] == "Unknown":
        put(draft, ConditionType.RESOLVED, *_said_of(recovery), why_not_held(draft, recovery))
    else:
        put(draft, ConditionType.RESOLVED, "False", Reason.NOT_MITIGATED, "Harm is not over yet")


def _said_of(recovery: RecoveryRecord) -> tuple[ConditionStatus, str]:
    """Unknown only where nothing fails: what fails is known."""
    states = {c.state for c in recovery.criteria}
    inconclusive = CriterionState.INCONCLUSIVE in states and CriterionState.FAILING not in states
    return ("Unknown", Reason.INCONCLUSIVE) if inconclusive else ("False", Reason.HOLDING)


def _holds(draft: Draft, recovery: RecoveryRecord, since: datetime) -> None:
    due = since + recovery.needed
    contested = find(draft.status, ConditionType.CONTESTED)
    if contested is not None and contested.reason == Reason.TUG_OF_WAR:
        # What holds only until the other one writes again does not hold; calm, the condition goes by itself.
        put(draft, ConditionType.RESOLVED, "False", Reason.CONTESTED, f"All criteria pass, but {contested.message}")
        return
    if draft.now >= due and is_seen_to_the_end(recovery):
        why = why_so_long(recovery)
        _resolve(draft, Reason.HELD, f"All {len(recovery.criteria)} criteria held since {instant(since)}{why}")
        return
    if due > draft.now:
        draft.wake(due)
    message = (
        f"All {len(recovery.criteria)} criteria hold since {instant(since)}; resolved at {instant(due)} if none fails"
    )
    put(draft, ConditionType.RESOLVED, "False", Reason.HOLDING, message)


def _resolve(draft: Draft, reason: str, message: str) -> None:
    put(draft, ConditionType.RESOLVED, "True", reason, message)
    stamp(draft, Stamped.RESOLVED, draft.now, *_says_so(draft, override=reason == Reason.OVERRIDE))
    draft.say(EventKind.RESOLVED, message, event=True)


def _held(draft: Draft) -> None:
    pending = [r for r in draft.records if r.state is WishState.HELD]
    # Whom a person can free comes first: an approval is asked for where people look.
    first = next((r for r in pending if r.reason == Reason.APPROVAL_MISSING), pending[0] if pending else None)
    if first is None:
        _held_by_worse(draft)
    else:
        put(draft, ConditionType.MITIGATION_HELD, "True", first.reason or "Held", f"{first.name}: {first.message}")
    asks = next((r for r in draft.records if waits_for_people(r)), None)
    if asks is None:
        drop(draft, ConditionType.APPROVAL_NEEDED)
    else:
        put(draft, ConditionType.APPROVAL_NEEDED, "True", asks.reason or "Held", f"{asks.name}: {asks.message}")
    _stalled(draft, first)


def _stalled(draft: Draft, held: MitigationRecord | None) -> None:
    """Nothing inside the incident frees it: said when it begins. That the record is full is core/pages.py's."""
    known = find(draft.status, ConditionType.STALLED)
    if held is None or held.reason not in (Reason.POLICIES_MISSING, Reason.PERMISSION_MISSING):
        if known is not None and known.reason != Reason.RECORD_FULL:
            drop(draft, ConditionType.STALLED)
        return
    text = f"{held.name}: {held.message}"
    put(draft, ConditionType.STALLED, "True", held.reason, text)
    if known is None:
        draft.say(EventKind.STALLED, f"{held.reason}: {text}", event=True, warning=True)


def waits_for_people(record: MitigationRecord) -> bool:
    """For an approval: of what is held, or of an undo by force of what is done."""
    return is_waiting(record) or (record.state is WishState.HELD and record.reason == Reason.APPROVAL_MISSING)


def _held_by_worse(draft: Draft) -> None:
    """Said also when no further mitigation waits: somebody must look at the one that made it worse."""
    worse = next((r for r in draft.records if r.effect is Effect.WORSE and standing(r)), None)
    if worse is None or _times(draft).resolved is not None:
        held_by_runbook(draft)
    else:
        put(draft, ConditionType.MITIGATION_HELD, "True", Reason.MADE_IT_WORSE, worse_words(worse))


def _reviewed(draft: Draft) -> None:
    done = learned(draft)
    if done is not None:
        put(draft, ConditionType.REVIEWED, "True", *done)
    elif _times(draft).resolved is None:
        put(draft, ConditionType.REVIEWED, "False", Reason.NOT_YET, "Decided when it is resolved")
    else:
        put(draft, ConditionType.REVIEWED, "False", *not_learned(draft))


def _durations(draft: Draft) -> None:
    times = _times(draft)
    known = draft.status.durations or Durations()
    start = times.started or times.detected
    found = Durations(
        to_detect=known.to_detect or _between(times.started, times.detected),
        to_declare=known.to_declare or _between(times.detected, times.declared),
        to_acknowledge=known.to_acknowledge or _between(times.declared, times.acknowledged),
        to_mitigate=_between(start, times.mitigated),
        to_resolve=_between(start, times.resolved),
    )
    if found != draft.status.durations:
        draft.set(durations=found)


def _between(start: datetime | None, end: datetime | None) -> timedelta | None:
    # Negative is absent, not zero: it is a finding about the times people gave (decisions 1.3 no. 31).
    # Longer than the duration form can write is a typo in a year, and no duration either.
    return end - start if start and end and timedelta(0) <= end - start < timedelta(hours=99_999) else None
