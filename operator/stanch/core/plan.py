"""
The whole of judgement, as a story: from an incident and what was seen to what to write and do.

Pure: the same input gives the same plan. Written down first, then done: a command comes only for an attempt that stands
in the status that was handed in (core/invariants.py has the laws).
"""

from dataclasses import replace
from datetime import datetime

from stanch.api.evidence import Purpose
from stanch.api.incident import Incident
from stanch.core.aftermath import learn
from stanch.core.alert_fold import fold_alerts
from stanch.core.alert_targets import name_targets
from stanch.core.budget_charge import look_at_budgets
from stanch.core.captures import Wanted, capture
from stanch.core.chase import chase
from stanch.core.closing import ask_what_closing_needs, close_when_done
from stanch.core.compact import compact
from stanch.core.contest import watch_effects
from stanch.core.debt_items import move_to_items
from stanch.core.debts import keep_debts
from stanch.core.draft import Draft, aim_at
from stanch.core.entry_fold import fold_entries
from stanch.core.follow import follow
from stanch.core.handoff_draft import draft_handoff
from stanch.core.judge import judge_effects
from stanch.core.later_evidence import capture_later
from stanch.core.lifecycle import follow_lifecycle
from stanch.core.live_record import words_for_the_eye
from stanch.core.nudges import nudge
from stanch.core.observations import Observations
from stanch.core.outbox import keep_outbox
from stanch.core.pages import overflows, turn_page
from stanch.core.plan_type import Plan
from stanch.core.ports import Catalog
from stanch.core.promises import keep_promises
from stanch.core.promises_shown import show_promises
from stanch.core.receipts import keep_receipts
from stanch.core.recovery import watch_recovery
from stanch.core.relapse import watch_relapse
from stanch.core.rest_evidence import capture_rest
from stanch.core.restored import refuse_the_past
from stanch.core.runbook_escalate import escalate
from stanch.core.runbooks import fold_runbook
from stanch.core.severity_fold import follow_severity
from stanch.core.similar import name_similar
from stanch.core.spec_fold import fold_spec
from stanch.core.start import start_next
from stanch.core.suggest import ask_what_could_help, suggest
from stanch.core.suspects import ask_what_changed, name_suspects
from stanch.core.time_boxes import watch_time_boxes
from stanch.core.undo import revert_where_chosen, start_undos
from stanch.core.wish_fold import fold_wishes


def plan(incident: Incident, seen: Observations, catalog: Catalog, now: datetime) -> Plan:
    """What to ask, or else what to write, store and do next, and when to look again."""
    now = now.replace(microsecond=0)
    draft = Draft(incident, replace(seen, now=now), catalog, now, incident.status)
    # 1. Drop what was not stored, so that the record never names evidence that is not there.
    keep_receipts(draft)
    # 2. Take in what was declared, wished and said.
    fold_spec(draft)
    fold_wishes(draft)
    fold_runbook(draft)
    fold_entries(draft)
    fold_alerts(draft)
    name_targets(draft)
    follow_severity(draft)
    # 3. Follow what is under way: do it, read it back, verify it.
    for record in draft.records:
        follow(draft, record)
    refuse_the_past(draft)
    # 4. Take back what somebody wants back.
    revert_where_chosen(draft)
    start_undos(draft)
    # 5. Start what is next.
    start_next(draft)
    # 6. Evidence of a declaration that nothing acts on yet.
    _capture_at_declaration(draft)
    # 7. Is it over? What did it do? What is owed?
    watch_recovery(draft)
    watch_relapse(draft)
    watch_effects(draft)
    ask_what_could_help(draft)
    ask_what_closing_needs(draft)
    ask_what_changed(draft)
    if not capture_rest(draft):
        capture_later(draft)
    look_at_budgets(draft)
    if draft.questions:
        return _still_asking(draft)
    suggest(draft)
    _name_what_it_may_be(draft)
    judge_effects(draft)
    watch_time_boxes(draft)
    keep_debts(draft)
    move_to_items(draft)
    # 8. Say what is so, learn from it, and end it when nothing is left to do.
    follow_lifecycle(draft)
    escalate(draft)
    learn(draft)
    chase(draft)
    close_when_done(draft)
    follow_lifecycle(draft)
    keep_promises(draft)
    show_promises(draft)
    nudge(draft)
    draft_handoff(draft)
    words_for_the_eye(draft)
    keep_outbox(draft)
    compact(draft)
    turn_page(draft)
    _look_again_sometime(draft)
    return _finish(draft)


def _name_what_it_may_be(draft: Draft) -> None:
    name_suspects(draft)
    name_similar(draft)


def _still_asking(draft: Draft) -> Plan:
    return Plan(
        status=draft.incident.status,
        questions=tuple(draft.questions),
        spare=draft.spare,
        capturing=tuple(draft.capturing),
        later=draft.later,
    )


def _finish(draft: Draft) -> Plan:
    if draft.questions:
        return _still_asking(draft)
    if overflows(draft):
        return _page_first(draft)
    return _whole(draft)


def _whole(draft: Draft) -> Plan:
    return Plan(
        status=draft.status,
        stores=tuple(draft.stores),
        commands=tuple(draft.commands),
        folded=tuple(draft.folded),
        events=tuple(draft.events),
        wake_at=min(draft.wakes, default=None),
        close=draft.close,
        policy=draft.catalog.policy,
    )


def _page_first(draft: Draft) -> Plan:
    """Nothing is written down, so nothing is done, until lines have left the record as it stands."""
    calm = Draft(draft.incident, draft.seen, draft.catalog, draft.now, draft.incident.status)
    turn_page(calm)
    calm.wake(calm.now + calm.catalog.policy.store_again)
    return _whole(calm)


def _look_again_sometime(draft: Draft) -> None:
    times, policy = draft.status.times, draft.catalog.policy
    if times is not None and not (times.closed or times.cancelled):
        draft.wake(draft.now + (policy.resync_resolved_every if times.resolved else policy.resync_every))


def _capture_at_declaration(draft: Draft) -> None:
    """Capture starts at declaration, for every target, whether or not anybody asks for a mitigation."""
    times, targets = draft.status.times, draft.looked_at
    if draft.status.evidence or not targets or times is None or times.resolved or times.cancelled:
        return
    if draft.seen.not_stored:
        return  # Tried a moment ago in vain; once more on the next look.
    if any(r.attempts for r in draft.records):
        return
    aims = tuple(aim_at(draft.incident, t.kind.value, t.name) for t in targets)
    # Where something else is being asked for, an effect may wait; what changed does not add to that.
    calm = not draft.questions
    for aim in aims:
        draft.ask_evidence(aim)
    if calm:
        draft.ask_for_evidence(*draft.catalog.collector.changes_questions(aims, draft.seen))
    if not draft.questions:
        name = f"{draft.incident.metadata.name[:200]}-declared-a"
        capture(draft, Wanted(aims, Purpose.DECLARED, name))
