"""
Does what we wrote still stand? Whoever changes it again is named; two who change it by turns stop our automation.

Never written again on our own: that would be the tug of war (mitigations.md 5.5).
"""

from datetime import timedelta
from typing import Final

from stanch.api.incident_status import Attempt, AttemptState, Contest, MitigationRecord
from stanch.api.names import ConditionType, EventKind, Reason
from stanch.core.asking import target_of
from stanch.core.attempts import only_removes, open_attempt, standing, writer
from stanch.core.conditions import drop, put
from stanch.core.draft import Draft
from stanch.core.observations import Found, NotFound
from stanch.core.ports import Aim
from stanch.core.steering import who_set
from stanch.core.swap import digest, fields

FLIPS_MAX: Final = 8
SHORT, IN_SHORT = timedelta(minutes=10), 2
LONG, IN_LONG = timedelta(hours=1), 3


def watch_effects(draft: Draft) -> None:
    """Compare the fields of every effect in force with what was written; once resolved, only of what is owed."""
    times = draft.status.times
    if times is None or times.cancelled or times.closed or draft.incident.spec.drill:
        return
    if times.resolved:
        _is_it_still_owed(draft)
        return
    for record in draft.records:
        attempt, aim = standing(record), draft.aim(record)
        landed = attempt is not None and attempt.state in (AttemptState.VERIFIED, AttemptState.FAILED)
        if attempt is None or aim is None or not landed or only_removes(attempt) or not attempt.fields:
            continue
        if not open_attempt(record) and record.undo_asked is None:
            _look(draft, record, attempt, aim)
    _say_so(draft)


def _is_it_still_owed(draft: Draft) -> None:
    """Somebody may take it back by hand, days later; what else they write there is their business now."""
    for debt in draft.status.debt or ():
        record = draft.record(debt.name)
        aim, attempt = (draft.aim(record), standing(record)) if record else (None, None)
        if record is None or aim is None or attempt is None or attempt.id != debt.attempt or open_attempt(record):
            continue
        target = draft.answer(target_of(aim))
        if record.contest is not None and record.contest.gone:
            continue
        if isinstance(target, NotFound) or (isinstance(target, Found) and _another(record, target)):
            _nothing_left(draft, record, f"{aim} is gone or was replaced; nothing of it is owed any more")
        elif isinstance(target, Found):
            live = digest(fields(target.value, dict.fromkeys(attempt.fields or ())))
            if live == attempt.pre and live != attempt.post:
                who = who_set(target.value, attempt.fields or ()) or writer(target.value)
                _nothing_left(draft, record, f"{who} put {aim} back as it was before", who)


def _another(record: MitigationRecord, target: Found) -> bool:
    return record.target is None or target.value["metadata"]["uid"] != record.target.uid


def _nothing_left(draft: Draft, record: MitigationRecord, why: str, who: str | None = None) -> None:
    known = record.contest or Contest(stands=False)
    changed = known.model_copy(update={"stands": False, "gone": True, "by": who})
    draft.put(record.model_copy(update={"contest": changed}))
    draft.say(EventKind.MITIGATION_REVERTED, f"{record.name}: {why}", event=True)


def _look(draft: Draft, record: MitigationRecord, attempt: Attempt, aim: Aim) -> None:
    target = draft.answer(target_of(aim))
    if not isinstance(target, Found) or _another(record, target):
        return
    live = digest(fields(target.value, dict.fromkeys(attempt.fields or ())))
    known = record.contest or Contest(stands=True)
    gone = True if live == attempt.pre and live != attempt.post else None
    if (live == attempt.post) == known.stands and gone == known.gone:
        return
    who = who_set(target.value, attempt.fields or ()) or writer(target.value)
    stands = live == attempt.post
    # Only leaving what was written is a flip; coming back to it is not.
    flips = known.flips if stands else (*(known.flips or ()), draft.now)[-FLIPS_MAX:]
    draft.put(record.model_copy(update={"contest": Contest(stands=stands, gone=gone, by=who, flips=flips)}))
    if stands:
        draft.say(EventKind.MITIGATION_REVERTED, f"{record.name}: {who} wrote again what stanch had written on {aim}")
        return
    how = "put it back as it was before" if live == attempt.pre else "wrote something else"
    draft.say(
        EventKind.MITIGATION_REVERTED,
        f"{record.name}: {who} changed {aim} after stanch did and {how}; it is not written again",
        event=True,
        warning=True,
    )


def _say_so(draft: Draft) -> None:
    ours = [r for r in draft.records if standing(r) is not None]
    lost = [r for r in ours if r.contest is not None and not r.contest.stands]
    war = next((r for r in ours if tug_of_war(draft, r)), None)
    if war is not None and war.contest is not None:
        text = (
            f"{war.name}: {war.target} is changed back and forth, last by {war.contest.by}; stanch starts nothing there"
        )
        put(draft, ConditionType.CONTESTED, "True", Reason.TUG_OF_WAR, text)
    elif lost and lost[0].contest is not None:
        text = f"{lost[0].name}: {lost[0].contest.by} changed {lost[0].target} after stanch did"
        put(draft, ConditionType.CONTESTED, "True", Reason.CHANGED_AGAIN, text)
    else:
        drop(draft, ConditionType.CONTESTED)


def tug_of_war(draft: Draft, record: MitigationRecord) -> bool:
    """Twice in ten minutes, or three times in an hour."""
    flips = (record.contest.flips or ()) if record.contest else ()
    return (
        sum(draft.now - f <= SHORT for f in flips) >= IN_SHORT or sum(draft.now - f <= LONG for f in flips) >= IN_LONG
    )
