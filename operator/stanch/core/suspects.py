"""
What changed, and what of it is suspected: looked at before anybody asks, and never in the way of an effect (ADR 32).

What an effect waits for anyway is judged in the very plan that writes the effect down, for afterwards the failing pods are
gone. All else is asked for in a round of its own, only when nothing begins and nothing is under way.
"""

from datetime import datetime, timedelta
from typing import Final

from stanch.api.meta import instant
from stanch.api.names import EventKind
from stanch.api.suspect_status import SUSPECTS_MAX, ChangesRecord, Suspect
from stanch.core.attempts import begun
from stanch.core.draft import Draft, aim_at
from stanch.core.ports import Aim, WhatChanged
from stanch.core.recovery import attempt_is_open

# Since it was declared, reopened, or came back: a failure that was only starting to show has shown itself by then.
LOOKS_AFTER: Final = (timedelta(0), timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))
# It began at another time than was thought: then older guesses are about something else.
ANOTHER_ONSET: Final = timedelta(minutes=10)


def ask_what_changed(draft: Draft) -> None:
    """When a look is due and nothing else goes on: all that can be asked."""
    if not draft.questions and _is_calm(draft) and _due(draft):
        draft.ask(*draft.catalog.collector.changes_questions(_aims(draft), draft.seen))


def name_suspects(draft: Draft) -> None:
    """Put what changed into the record; the likeliest is told once, when it is another one."""
    aims = _aims(draft)
    if not aims or not _is_open(draft):
        return
    wide = _is_calm(draft) and _due(draft)
    if not wide and not _before_an_effect(draft):
        return
    told = draft.catalog.collector.what_changed(draft.incident.metadata.uid, aims, draft.seen, _said(draft), draft.now)
    if told is None:
        return
    known = draft.status.changes
    suspects = told.suspects if _anew(known, told) else _together(draft.status.suspects or (), told.suspects)
    before = next(iter(draft.status.suspects or ()), None)
    asked_all = wide or bool(known and known.wide)
    draft.set(suspects=suspects or None, changes=told.record.model_copy(update={"wide": asked_all or None}))
    if suspects and (before is None or before.name != suspects[0].name):
        first = suspects[0]
        draft.say(EventKind.CHANGE_SUSPECTED, f"{first.text} ({first.score} of 100, {instant(first.time)})", event=True)


def _is_open(draft: Draft) -> bool:
    times = draft.status.times
    return times is not None and not (times.resolved or times.cancelled or times.closed)


def _is_calm(draft: Draft) -> bool:
    """Nothing is written down, done or under way: nobody waits for anything but this."""
    nothing_begins = not begun(draft.incident.status, draft.status) and not draft.commands
    return nothing_begins and not attempt_is_open(draft)


def _before_an_effect(draft: Draft) -> bool:
    """The plan that writes the first effect down has just seen everything that is about to go."""
    return draft.status.changes is None and bool(begun(draft.incident.status, draft.status))


def _aims(draft: Draft) -> tuple[Aim, ...]:
    return tuple(aim_at(draft.incident, t.kind.value, t.name) for t in draft.looked_at)


def _due(draft: Draft) -> bool:
    """A few looks after it was declared, was reopened or came back, while it hurts; wakes us for the next one."""
    times, known = draft.status.times, draft.status.changes
    if not _is_open(draft) or times is None or not draft.looked_at:
        return False
    back = max((x.time for x in draft.incident.status.timeline if x.kind == EventKind.RELAPSED), default=None)
    since = max(t for t in (draft.incident.declared, times.reopened, back) if t is not None)
    dues = [since + after for after in LOOKS_AFTER]
    # The first look is due however late; the others only while it hurts.
    passed = [t for t in dues[: 1 if times.mitigated else None] if t <= draft.now]
    ahead = [t for t in dues if t > draft.now]
    if ahead and known is not None and not times.mitigated:
        draft.wake(min(ahead))
    if not passed:
        return False
    return known is None or not known.wide or known.looked_time < max(passed)


def _said(draft: Draft) -> datetime | None:
    times = draft.status.times
    return (times.started or times.detected) if times else None


def _anew(known: ChangesRecord | None, told: WhatChanged) -> bool:
    if known is None or known.onset_time is None or told.record.onset_time is None:
        return known is None
    return told.record.onset_time - known.onset_time > ANOTHER_ONSET


def _together(known: tuple[Suspect, ...], told: tuple[Suspect, ...]) -> tuple[Suspect, ...]:
    """Of two looks the surer one: pods that told much may be gone by now."""
    best: dict[str, Suspect] = {}
    for each in (*known, *told):
        if each.name not in best or best[each.name].score < each.score:
            best[each.name] = each
    return tuple(sorted(best.values(), key=lambda s: (-s.score, s.name)))[:SUSPECTS_MAX]
