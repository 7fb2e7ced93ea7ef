"""
What is true of every plan: read this first.

One-line predicates over (incident as handed in, plan), each with the harm it forbids. Hypothesis, the stories, the tests
on a real cluster and the running operator all check them; a plan that breaks one is refused and the incident says so.
"""

import json
from collections.abc import Callable
from datetime import datetime
from itertools import pairwise
from typing import Final

from pydantic import ValidationError

from stanch.api.incident import Incident
from stanch.api.incident_status import (
    Attempt,
    AttemptState,
    Debt,
    Effect,
    IncidentStatus,
    MitigationRecord,
    WishState,
)
from stanch.api.meta import RECONCILERS
from stanch.api.names import EventKind
from stanch.api.recovery_status import CriterionState
from stanch.api.runbook_record import Mode, RunbookRecord
from stanch.api.suspect_status import SUSPECTS_MAX
from stanch.api.wish import When
from stanch.core.approvals import is_machine
from stanch.core.attempts import IN_FORCE, standing
from stanch.core.census import OPEN, RUNBOOK
from stanch.core.commands import Remove, Swap, Unmark
from stanch.core.debts import spoken_of_at
from stanch.core.draft import HOLD_FOR
from stanch.core.hold import is_seen_to_the_end
from stanch.core.later_evidence import LATER
from stanch.core.learning_laws import (
    law_35_what_is_to_be_learned_never_becomes_less,
    law_36_a_postmortem_is_spoken_of_once_a_period_and_not_for_ever,
    law_37_a_debt_moves_to_an_item_by_a_word,
)
from stanch.core.people_laws import (
    law_32_a_promise_is_kept_or_missed_and_never_dropped,
    law_33_a_reminder_is_said_when_its_time_has_come_and_once,
    law_34_nothing_is_sent_that_was_not_written_down_first,
    law_39_a_time_is_set_by_somebody_and_what_it_was_stays,
)
from stanch.core.plan_type import Plan
from stanch.core.undo_kept import spent

Law = Callable[[Incident, Plan], bool]
STATUS_BYTES_MAX: Final = 128 * 1024
_REMINDERS: Final = (EventKind.DEBT_DUE, EventKind.DEBT_REMINDED, EventKind.DEBT_ESCALATED)
_HATS: Final = (EventKind.ROLE_CHANGED, EventKind.ROLE_JOINED)
_ORDER: Final = {AttemptState.INTENDED: 0, AttemptState.STARTED: 1, AttemptState.APPLIED: 2}
_NOT_KNOWN_TO_BE_DONE: Final = (AttemptState.INTENDED, AttemptState.STARTED)


def attempts(status: IncidentStatus) -> dict[str, Attempt]:
    """All attempts by id."""
    return {a.id: a for r in status.mitigations or () for a in r.attempts or ()}


def law_1_no_command_without_a_written_intention(incident: Incident, plan: Plan) -> bool:
    """A crash can't make us forget something we did."""
    intended = {i for i, a in attempts(incident.status).items() if a.state is AttemptState.INTENDED}
    # Pods go one after the other, also when the fields are written already.
    removing = {i for i, a in attempts(incident.status).items() if a.removes and a.state in OPEN}
    # Our mark comes off only when the attempt is over.
    over = {i for i, a in attempts(incident.status).items() if a.state not in OPEN}
    known = {Swap: intended, Remove: removing, Unmark: over}
    return all(c.attempt in known[type(c)] for c in plan.commands)


def law_2_nothing_is_done_again_once_its_outcome_is_seen(incident: Incident, plan: Plan) -> bool:
    """A plan that learns that an attempt landed does not send it again."""
    landed = {i for i, a in attempts(plan.status).items() if a.state is not AttemptState.INTENDED}
    ended = {i for i, a in attempts(plan.status).items() if a.state not in OPEN}
    effects = (c for c in plan.commands if not isinstance(c, Unmark))
    return all(c.attempt not in (ended if isinstance(c, Remove) else landed) for c in effects)


def law_3_attempts_only_move_on(incident: Incident, plan: Plan) -> bool:
    """An outcome once known is never unknown again."""
    after = attempts(plan.status)
    return all(
        i in after and _ORDER.get(after[i].state, 3) >= _ORDER.get(before.state, 3)
        for i, before in attempts(incident.status).items()
    )


def law_4_no_effect_without_evidence_or_a_reason(incident: Incident, plan: Plan) -> bool:
    """What an effect destroys was captured before it, or a person said why not, or it could not be stored the time before."""
    return all(
        a.evidence is not None
        or r.asked.harm_first is not None
        or (before is not None and before.evidence_refused is not None)
        for r in plan.status.mitigations or ()
        for before, a in pairwise((None, *(r.attempts or ())))
        if a is not None
    )


def law_5_no_effect_for_nobody(incident: Incident, plan: Plan) -> bool:
    """Every new attempt has somebody who asked for it."""
    known = attempts(incident.status)
    return all(
        bool(r.requested_by) for r in plan.status.mitigations or () for a in r.attempts or () if a.id not in known
    )


def law_6_a_machine_waits_for_a_person(incident: Incident, plan: Plan) -> bool:
    """What Git, CI or a restore asks for is done only after a person agreed to this very plan (F1); Auto has law 27."""
    # What the policy in force asks for the least act, and one at least: no policy lets machines act.
    least = max(1, min(plan.policy.approvals_machine.values()))
    known = attempts(incident.status)
    return all(
        len({a.by for a in (r.approvals.by if r.approvals else None) or () if a.digest == r.digest}) >= least
        for r in plan.status.mitigations or ()
        if is_machine(r.requested_by or "", plan.policy)
        and not r.automatic
        and any(a.id not in known and not a.undoes for a in r.attempts or ())
    )


def law_7_undo_only_what_we_did(incident: Incident, plan: Plan) -> bool:
    """An undo takes back an attempt of the same mitigation that had taken effect."""
    return all(
        any(o.id == a.undoes and o.applied_time is not None and not o.undoes for o in r.attempts or ())
        for r in plan.status.mitigations or ()
        for a in r.attempts or ()
        if a.undoes
    )


def law_8_no_undo_that_nobody_asked_for(incident: Incident, plan: Plan) -> bool:
    """Undone silently is the second incident (F9)."""
    return all(bool(a.asked_by) for r in plan.status.mitigations or () for a in r.attempts or () if a.undoes)


def law_9_the_timeline_only_grows(incident: Incident, plan: Plan) -> bool:
    """A line leaves only onto a page, and never changes; seq only rises."""
    after = {line.seq: line for line in plan.status.timeline}
    paged = [(p.first, p.last) for p in plan.status.pages or ()]
    kept = all(
        after.get(line.seq) == line or (line.seq not in after and any(f <= line.seq <= t for f, t in paged))
        for line in incident.status.timeline
    )
    return kept and plan.status.last_seq >= incident.status.last_seq


def law_10_milestones_never_leave(incident: Incident, plan: Plan) -> bool:
    """What a person must see is in the status as long as it is open; of very many, the newest forty."""
    after = {line.seq for line in plan.status.timeline}
    newest = [line.seq for line in incident.status.timeline if line.milestone][-40:]
    return all(seq in after for seq in newest)


def law_11_one_effect_at_a_time(incident: Incident, plan: Plan) -> bool:
    """Two effects at once on one incident can't be told apart."""
    return sum(a.state in OPEN for a in attempts(plan.status).values()) <= 1


def law_12_a_target_never_becomes_another(incident: Incident, plan: Plan) -> bool:
    """What was planned for one object is not done to its namesake (F2)."""
    after = {r.name: r for r in plan.status.mitigations or ()}
    return all(
        after[r.name].target == r.target
        for r in incident.status.mitigations or ()
        if r.name in after and r.attempts and any(a.state in OPEN | IN_FORCE for a in r.attempts)
    )


def law_13_a_drill_changes_nothing(incident: Incident, plan: Plan) -> bool:
    """All its commands are dry runs."""
    return not incident.spec.drill or all(not isinstance(c, Unmark) and c.dry for c in plan.commands)


def law_14_questions_come_before_deeds(incident: Incident, plan: Plan) -> bool:
    """A plan that still asks decides nothing."""
    return not plan.questions or not (plan.commands or plan.stores)


def law_15_status_stays_small(incident: Incident, plan: Plan) -> bool:
    """Every watcher gets the whole of it each time."""
    # What stands already is not written again.
    if plan.status == incident.status:
        return True
    return len(json.dumps(plan.wire, separators=(",", ":"), ensure_ascii=False).encode()) <= STATUS_BYTES_MAX


def law_16_conditions_only_flip_their_time_with_their_status(incident: Incident, plan: Plan) -> bool:
    """Alert rules and `kubectl wait` count from lastTransitionTime."""
    before = {c.type: c for c in incident.status.conditions}
    return all(
        c.type not in before
        or (before[c.type].status != c.status)
        or before[c.type].last_transition_time == c.last_transition_time
        for c in plan.status.conditions
    )


def law_17_the_schema_takes_the_status(incident: Incident, plan: Plan) -> bool:
    """A status the API server refuses is a record that stands still."""
    if plan.status == incident.status:
        return True  # It was read through the same schema a moment ago.
    try:
        IncidentStatus.model_validate(plan.wire)
    except ValidationError:
        return False
    return True


def law_18_a_mitigation_in_force_is_not_started_again(incident: Incident, plan: Plan) -> bool:
    """Going back twice goes back too far."""
    known = attempts(incident.status)
    before = {r.name: r for r in incident.status.mitigations or ()}
    return not any(
        a.id not in known and not a.undoes and r.name in before and standing(before[r.name])
        for r in plan.status.mitigations or ()
        for a in r.attempts or ()
    )


def law_19_only_pods_that_are_written_down_go(incident: Incident, plan: Plan) -> bool:
    """What is lost is what was written down when it began, by uid: no namesake, and not one pod more."""
    known = attempts(incident.status)
    return all(
        c.attempt in known and c.uid in (known[c.attempt].removes or ()) for c in plan.commands if isinstance(c, Remove)
    )


def law_20_closed_means_nothing_is_owed(incident: Incident, plan: Plan) -> bool:
    """What nobody looks at any more must be undone, or be somebody's ActionItem (F11)."""
    times = plan.status.times
    return times is None or times.closed is None or all(d.action_item for d in plan.status.debt or ())


def law_21_a_debt_leaves_only_when_it_is_taken_back(incident: Incident, plan: Plan) -> bool:
    """Forgetting what is owed is how a node stays cordoned for a year."""
    kept = {d.attempt for d in plan.status.debt or ()}
    after = {r.name: r for r in plan.status.mitigations or ()}
    return all(d.attempt in kept or _taken_back(after.get(d.name), d.attempt) for d in incident.status.debt or ())


def _taken_back(record: MitigationRecord | None, attempt: str) -> bool:
    if record is None:
        return False
    stands = standing(record)
    gone = record.contest is not None and bool(record.contest.gone)
    return record.state is WishState.UNDONE or gone or stands is None or stands.id != attempt


def law_22_a_debt_is_spoken_of_once_a_period(incident: Incident, plan: Plan) -> bool:
    """Each reminder has its time, and moves on to the next: a reminder that repeats is noise, and noise is muted."""
    before = {d.attempt: d for d in incident.status.debt or ()}
    said = [x for x in plan.status.timeline if x.seq > incident.status.last_seq and x.kind in _REMINDERS]
    ahead = [d for d in plan.status.debt or () if (at := spoken_of_at(d)) is None or all(at > x.time for x in said)]
    # An extend entry in this very plan gives it another time.
    due = [d for d in ahead if all(_was_due(before.get(d.attempt), d, x.time) for x in said)]
    return all(sum(x.text.startswith(f"{d.name}: ") for d in due) == 1 for x in said) and all(
        sum(x.text.startswith(f"{d.name}: ") for x in said) <= 1 for d in due
    )


def _was_due(before: Debt | None, after: Debt, now: datetime) -> bool:
    if before is None or before.due_time != after.due_time:
        return True
    at = spoken_of_at(before)
    return at is not None and at <= now


def law_23_after_worse_the_ladder_stands_still(incident: Incident, plan: Plan) -> bool:
    """What made it worse is looked at by a person before anything that was asked for earlier goes on."""
    known = attempts(incident.status)
    asked = {r.name: r.asked_time for r in incident.status.mitigations or ()}
    worse = [r.effect_time for r in incident.status.mitigations or () if r.effect is Effect.WORSE and r.effect_time]
    starting = (
        r
        for r in plan.status.mitigations or ()
        if r.asked.when is not When.ALWAYS and any(a.id not in known and not a.undoes for a in r.attempts or ())
    )
    return all(t < asked.get(r.name, r.asked_time) for r in starting for t in worse)


def law_24_a_hold_that_nobody_asked_for_is_small(incident: Incident, plan: Plan) -> bool:
    """To stop everybody's deploys is a person's wish, never a step that stanch adds to somebody's rollback (ADR 10)."""
    holds = [r for r in plan.status.mitigations or () if r.source.startswith(HOLD_FOR)]
    return all(h.target is not None and h.target.kind not in RECONCILERS for h in holds)


def law_25_a_hat_moves_by_the_word_of_its_next_holder(incident: Incident, plan: Plan) -> bool:
    """Offered is not accepted: nobody commands without having said so, but whom the spec names."""
    if plan.status.pages != incident.status.pages:
        return True  # The line may have left with the page; it stood in the plan before.
    before = {(r.role, r.user) for r in incident.status.roles or ()}
    new = (x for x in plan.status.timeline if x.seq > incident.status.last_seq and x.kind in _HATS)
    said = {(f"Entry/{x.entry}", x.by) for x in new}
    named = incident.spec.roles.wire() if incident.spec.roles else {}
    return all(
        (r.source, r.user) in said
        or (r.source == "Spec" and (named.get(r.role) == r.user or r.user in named.get(f"{r.role}s", ())))
        for r in plan.status.roles or ()
        if (r.role, r.user) not in before
    )


def law_26_what_others_wrote_is_overwritten_by_two_people(incident: Incident, plan: Plan) -> bool:
    """An undo finds what stanch left, or somebody other than who asked for it agreed to what is overwritten (2.8)."""
    known = attempts(incident.status)
    all_of = attempts(plan.status)
    return all(
        a.pre == all_of[a.undoes].post or any(g.by != a.asked_by for g in a.agreed or ())
        for a in all_of.values()
        if a.id not in known and a.undoes and a.undoes in all_of
    )


def law_27_a_runbook_does_what_was_frozen(incident: Incident, plan: Plan) -> bool:
    """A push to Git changes no plan that people have read; by itself acts only what is in mode Auto; Observe never acts."""
    before, after = incident.status.runbook, plan.status.runbook
    if before and before.digest and after and after.asked == before.asked:
        said = {"escalate": None}
        if before.model_copy(update=said) != after.model_copy(update=said):
            return False
    known, asked = attempts(incident.status), {r.name: r.wish for r in incident.status.mitigations or ()}
    return all(
        _is_frozen(after, r) and asked.get(r.name, r.wish) == r.wish
        for r in plan.status.mitigations or ()
        if (r.source.startswith(RUNBOOK) or r.automatic)
        and any(a.id not in known and not a.undoes for a in r.attempts or ())
    )


def _is_frozen(frozen: RunbookRecord | None, record: MitigationRecord) -> bool:
    if frozen is None or frozen.digest is None or frozen.mode is Mode.OBSERVE:
        return False
    mine = record.source == f"{RUNBOOK}{frozen.name}" or record.source.startswith(HOLD_FOR)
    return mine and (frozen.mode is Mode.AUTO or not record.automatic)


def law_28_resolved_only_after_the_hold_was_seen_clean(incident: Incident, plan: Plan) -> bool:
    """Over is what was seen to hold, by data of after its end; or what a person says, and then the record has their name."""
    before, after, recovery = incident.status.times, plan.status.times, plan.status.recovery
    new = after is not None and after.resolved is not None and (before is None or before.resolved is None)
    if (
        not new
        or after is None
        or after.resolved is None
        or plan.status.override
        or not (recovery and recovery.criteria)
    ):
        return True
    since = recovery.hold_since_time
    if since is None or since + recovery.needed > after.resolved or not is_seen_to_the_end(recovery):
        return False
    good = (c.state is CriterionState.PASSING and not c.bad_samples for c in recovery.criteria)
    return all(good) and all(c.since_time is None or c.since_time <= since for c in recovery.criteria)


def law_29_suspects_are_few_ranked_and_told_why(incident: Incident, plan: Plan) -> bool:
    """A guess without its reason is an accusation, and a long list is none at all."""
    suspects = plan.status.suspects or ()
    ranked = all(one.score >= other.score for one, other in pairwise(suspects))
    return ranked and len({s.name for s in suspects}) == len(suspects) <= SUSPECTS_MAX and all(s.text for s in suspects)


def law_30_what_came_after_proves_nothing_and_holds_up_nobody(incident: Incident, plan: Plan) -> bool:
    """The state after an effect can't show what it destroyed; and nothing begins in the plan that captures it."""
    after = {e.name for e in plan.status.evidence or () if e.purpose in LATER}
    new = after - {e.name for e in incident.status.evidence or ()}
    begins = bool(attempts(plan.status).keys() - attempts(incident.status).keys())
    acts = any(not isinstance(c, Unmark) for c in plan.commands)
    return not (new and (begins or acts)) and all(a.evidence not in after for a in attempts(plan.status).values())


def law_38_what_an_undo_needs_is_kept(incident: Incident, plan: Plan) -> bool:
    """Whatever is still owed, asked for or under way is taken back with its undo record: that is the only one there is."""
    needed = {d.attempt for d in plan.status.debt or () if d.action_item is None}
    needed |= {
        a for a, each in attempts(plan.status).items() if each.state in OPEN or each.state is AttemptState.UNKNOWN
    }
    needed |= {a.id for r in plan.status.mitigations or () if r.undo_asked for a in r.attempts or ()}
    kept = {each.undo_ref for a, each in attempts(plan.status).items() if a in needed}
    return not kept & spent(plan.status, lambda _: True)


def law_40_part_b_comes_when_the_effect_is_done(incident: Incident, plan: Plan) -> bool:
    """What an effect does not wait for may not hold it up; and a part without the part before it shows nothing."""
    known = {e.name for e in incident.status.evidence or ()}
    parts = [e for e in plan.status.evidence or () if e.rest_of]
    proofs = {a.evidence for a in attempts(plan.status).values()}
    if any(e.name in proofs for e in parts):
        return False
    if not (new := [e for e in parts if e.name not in known]):
        return True
    open_ones = {i for i, a in attempts(incident.status).items() if a.state in _NOT_KNOWN_TO_BE_DONE}
    begins = attempts(plan.status).keys() - attempts(incident.status).keys()
    return not (open_ones or begins or plan.commands) and all(e.rest_of in known for e in new)


LAWS: Final[tuple[Law, ...]] = (
    law_1_no_command_without_a_written_intention,
    law_2_nothing_is_done_again_once_its_outcome_is_seen,
    law_3_attempts_only_move_on,
    law_4_no_effect_without_evidence_or_a_reason,
    law_5_no_effect_for_nobody,
    law_6_a_machine_waits_for_a_person,
    law_7_undo_only_what_we_did,
    law_8_no_undo_that_nobody_asked_for,
    law_9_the_timeline_only_grows,
    law_10_milestones_never_leave,
    law_11_one_effect_at_a_time,
    law_12_a_target_never_becomes_another,
    law_13_a_drill_changes_nothing,
    law_14_questions_come_before_deeds,
    law_15_status_stays_small,
    law_16_conditions_only_flip_their_time_with_their_status,
    law_17_the_schema_takes_the_status,
    law_18_a_mitigation_in_force_is_not_started_again,
    law_19_only_pods_that_are_written_down_go,
    law_20_closed_means_nothing_is_owed,
    law_21_a_debt_leaves_only_when_it_is_taken_back,
    law_22_a_debt_is_spoken_of_once_a_period,
    law_23_after_worse_the_ladder_stands_still,
    law_24_a_hold_that_nobody_asked_for_is_small,
    law_25_a_hat_moves_by_the_word_of_its_next_holder,
    law_26_what_others_wrote_is_overwritten_by_two_people,
    law_27_a_runbook_does_what_was_frozen,
    law_28_resolved_only_after_the_hold_was_seen_clean,
    law_29_suspects_are_few_ranked_and_told_why,
    law_30_what_came_after_proves_nothing_and_holds_up_nobody,
    law_32_a_promise_is_kept_or_missed_and_never_dropped,
    law_33_a_reminder_is_said_when_its_time_has_come_and_once,
    law_34_nothing_is_sent_that_was_not_written_down_first,
    law_35_what_is_to_be_learned_never_becomes_less,
    law_36_a_postmortem_is_spoken_of_once_a_period_and_not_for_ever,
    law_37_a_debt_moves_to_an_item_by_a_word,
    law_38_what_an_undo_needs_is_kept,
    law_40_part_b_comes_when_the_effect_is_done,
    law_39_a_time_is_set_by_somebody_and_what_it_was_stays,
)


def broken(incident: Incident, plan: Plan) -> list[str]:
    """Names of the laws this plan breaks; empty is the only good answer."""
    return [law.__name__ for law in LAWS if not law(incident, plan)]
