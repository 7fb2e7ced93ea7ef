"""
Does what we wrote still stand? Whoever changes it again is named; two who change it by turns stop our automation.

Never written again on our own: that would be the tug of war (mitigations.md 5.5).
"""

from datetime import timedelta
from typing import Final

from stanch.api.incident_status import Attempt, Contest, MitigationRecord
from stanch.api.names import ConditionType, EventKind, Reason
from stanch.core.asking import target_of
from stanch.core.attempts import only_removes, open_attempt, standing, writer
from stanch.core.conditions import drop, put
from stanch.core.draft import Draft
from stanch.core.observations import Found, NotFound
from stanch.core.ports import Aim
from stanch.core.steering import who_set
from stanch.core.swap import digest, fields, label_of, overlap

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
        _say_so(draft)
        return
    for record in draft.records:
        attempt, aim = standing(record), draft.aim(record)
        if attempt is None or aim is None or only_removes(attempt) or not attempt.fields:
            continue
        if not open_attempt(record) and record.undo_asked is None and wrote_over(draft, record, attempt) is None:
            _look(draft, record, attempt, aim)
    _say_so(draft)


def _is_it_still_owed(draft: Draft) -> None:
    """Somebody may take it back by hand, days later, or bring it back; what else they write is their business now."""
    owing = {d.attempt for d in draft.status.debt or ()}
    for record in draft.records:
        aim, attempt = draft.aim(record), standing(record)
        if aim is None or attempt is None or open_attempt(record):
            continue
        gone = record.contest is not None and bool(record.contest.gone)
        owed_once = gone and record.contest is not None and record.contest.owed is not None
        if attempt.id not in owing and not owed_once:
            continue
        target = draft.answer(target_of(aim))
        if isinstance(target, NotFound) or (isinstance(target, Found) and _another(record, target)):
            if not gone:
                _nothing_left(draft, record, f"{aim} is gone or was replaced; nothing of it is owed any more")
        elif isinstance(target, Found):
            live = _live(attempt, target)
            if gone and live == attempt.post != attempt.pre:
                _owed_again(draft, record, aim, target)
            elif not gone and live == attempt.pre != attempt.post:
                who = _who(attempt, target)
                _nothing_left(draft, record, f"{who} put {aim} back as it was before", who)


def _another(record: MitigationRecord, target: Found) -> bool:
    return record.target is None or target.value["metadata"]["uid"] != record.target.uid


def _nothing_left(draft: Draft, record: MitigationRecord, why: str, who: str | None = None) -> None:
    known = record.contest or Contest(stands=False)
    changed = known.model_copy(update={"stands": False, "gone": True, "by": who or "somebody"})
    draft.put(record.model_copy(update={"contest": changed}))
    draft.say(EventKind.MITIGATION_REVERTED, f"{record.name}: {why}", event=True)


def _owed_again(draft: Draft, record: MitigationRecord, aim: Aim, target: Found) -> None:
    """What stanch had written is there again, so somebody owes it: the one who asked for it first."""
    acted = draft.seen.acted.get(label_of(target.value))
    by = acted.by if acted is not None else writer(target.value)
    changed = (record.contest or Contest(stands=True)).model_copy(update={"stands": True, "gone": None, "by": by})
    draft.put(record.model_copy(update={"contest": changed}))
    text = f"{record.name}: {by} brought back on {aim} what stanch had written; it is owed again"
    draft.say(EventKind.MITIGATION_REVERTED, text, event=True, warning=True)


def _look(draft: Draft, record: MitigationRecord, attempt: Attempt, aim: Aim) -> None:
    target = draft.answer(target_of(aim))
    if not isinstance(target, Found) or _another(record, target):
        return
    seen = seen_now(draft, record, attempt, target)
    if seen.contest == record.contest:
        return
    draft.put(seen)
    who = _who(attempt, target)
    if seen.contest is None or seen.contest.stands:
        draft.say(EventKind.MITIGATION_REVERTED, f"{record.name}: {who} wrote again what stanch had written on {aim}")
        return
    how = "put it back as it was before" if seen.contest.gone else "wrote something else"
    draft.say(
        EventKind.MITIGATION_REVERTED,
        f"{record.name}: {who} changed {aim} after stanch did and {how}; it is not written again",
        event=True,
        warning=True,
    )


def seen_now(draft: Draft, record: MitigationRecord, attempt: Attempt, target: Found) -> MitigationRecord:
    """The record with what is so now: does the effect stand, and who changed it; the same record when nothing is new."""
    live, known = _live(attempt, target), record.contest or Contest(stands=True)
    stands = live == attempt.post
    gone = True if live == attempt.pre and not stands else None
    if (stands, gone) == (known.stands, known.gone):
        return record
    # Only leaving what was written is a flip; coming back to it is not.
    flips = known.flips if stands else (*(known.flips or ()), draft.now)[-FLIPS_MAX:]
    contest = Contest(stands=stands, gone=gone, by=_who(attempt, target), flips=flips, owed=known.owed)
    return record.model_copy(update={"contest": contest})


def wrote_over(draft: Draft, record: MitigationRecord, attempt: Attempt) -> MitigationRecord | None:
    """The mitigation of this incident that wrote one of these fields later: that is no third party."""
    at = {r.name: i for i, r in enumerate(draft.records)}
    for other in draft.records:
        newest = open_attempt(other) or standing(other)
        if other.name == record.name or newest is None or draft.aim(other) != draft.aim(record):
            continue
        later = (newest.intended_time, at[other.name]) > (attempt.intended_time, at[record.name])
        if later and any(overlap(one, two) for one in newest.fields or () for two in attempt.fields or ()):
            return other
    return None


def _live(attempt: Attempt, target: Found) -> str:
    return digest(fields(target.value, dict.fromkeys(attempt.fields or ())))


def _who(attempt: Attempt, target: Found) -> str:
    return who_set(target.value, attempt.fields or ()) or writer(target.value)


def _say_so(draft: Draft) -> None:
    ours = [r for r in draft.records if standing(r) is not None]
    lost = [r for r in ours if r.contest is not None and not r.contest.stands]
    if draft.status.times is not None and draft.status.times.resolved:
        # From then on that it was taken back by hand is as good as an undo.
        lost = [r for r in lost if r.contest is not None and not r.contest.gone]
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
