"""
A mitigation or a hypothesis that has had its time is a point to decide at, not silence (issue 6, point 7).

Said once, as a line and an Event, and shown as a condition for as long as it is so; each with what could be next: the next
rung, else a suggestion, else the `orElse` that somebody wrote down beforehand. Nothing is decided here.
"""

from typing import Final

from stanch.api.duration import write
from stanch.api.hypothesis import HypothesisState
from stanch.api.incident_status import Effect, MitigationRecord, WishState
from stanch.api.names import ConditionType, EventKind, Reason
from stanch.api.people_status import HypothesisRecord
from stanch.core.attempts import open_attempt, standing
from stanch.core.conditions import drop, put
from stanch.core.draft import Draft, shorten
from stanch.core.git_ops import HOLD
from stanch.core.judge import has_had_its_time
from stanch.core.recovery import harm_is_over

PURSUED: Final = (HypothesisState.OPEN, HypothesisState.LEADING)
PENDING: Final = (WishState.WAITING, WishState.HELD)
_SUGGESTED_MAX: Final = 400


def watch_time_boxes(draft: Draft) -> None:
    """Tell whose time is over, and keep showing it until something else was begun, said or decided."""
    times = draft.status.times
    if times is None or times.resolved or times.cancelled or times.closed:
        drop(draft, ConditionType.TIME_BOX_OVER)
        return
    texts = [*_mitigation(draft), *(text for h in draft.status.hypotheses or () for text in _hypothesis(draft, h))]
    if texts:
        put(draft, ConditionType.TIME_BOX_OVER, "True", Reason.DECIDE, " · ".join(texts))
    else:
        drop(draft, ConditionType.TIME_BOX_OVER)


def _mitigation(draft: Draft) -> list[str]:
    """The last that did something; what was begun after it has its own time."""
    tried = [r for r in draft.records if r.action != HOLD and any(not a.undoes for a in r.attempts or ())]
    last = max(tried, key=lambda r: max(a.intended_time for a in r.attempts or () if not a.undoes), default=None)
    attempt = standing(last) if last is not None else None
    over = harm_is_over(draft)
    if last is None or attempt is None or over or last.effect in (Effect.HELPED, Effect.WORSE):
        return []
    ends = has_had_its_time(draft, last, attempt)
    if draft.now < ends:
        draft.wake(ends)
        return []
    box = write(last.asked.time_box or draft.catalog.policy.time_box)
    moving = ", and it is still on its way" if open_attempt(last) else ""
    hurts = "it still hurts" if over is False else "nobody can say whether it still hurts"
    said = f"{last.name} has had its {box}, and {hurts}{moving}"
    if last.box_over_time is None:
        draft.put(last.model_copy(update={"box_over_time": draft.now}))
        draft.say(EventKind.TIME_BOX_OVER, f"{said}. {_next(draft)}", event=True, warning=True)
    return [f"{said}. {_next(draft)}"]


def _next(draft: Draft) -> str:
    waiting = next((r for r in draft.records if r.state in PENDING and r.action != HOLD), None)
    if waiting is not None:
        return _rung(waiting)
    if draft.status.suggestions:
        best = draft.status.suggestions[0]
        return (
            f"Could be next: {shorten(f'{best.action} on {best.target}: {best.text}', _SUGGESTED_MAX)}; ask: {best.ask}"
        )
    return "Nothing else is asked for: ask for a mitigation in a mitigate entry, take this one back, or escalate"


def _rung(record: MitigationRecord) -> str:
    why = f", which waits: {shorten(record.message, 200)}" if record.state is WishState.HELD and record.message else ""
    return f"Next is {record.name} ({record.action} on {record.target}){why}"


def _hypothesis(draft: Draft, known: HypothesisRecord) -> list[str]:
    """It stays what it is until somebody says so (decisions 1.3 no. 47)."""
    if known.time_box is None or known.state not in PURSUED:
        return []
    ends = known.since_time + known.time_box
    if draft.now < ends:
        draft.wake(ends)
        return []
    otherwise = (
        f"Or else: {known.or_else}"
        if known.or_else
        else "Confirm it, reject it, or give it more time in a hypothesis entry"
    )
    said = (
        f"{known.name} has had its {write(known.time_box)} and is {known.state.value}: {known.statement}. {otherwise}"
    )
    if not known.box_over:
        mine = known.model_copy(update={"box_over": True})
        all_of = draft.status.hypotheses or ()
        draft.set(hypotheses=tuple(mine if h.name == known.name else h for h in all_of))
        draft.say(EventKind.TIME_BOX_OVER, said, event=True, warning=True)
    return [said]
