"""
What is for the eye: the posture in one word (decisions 2.3), the columns of the table, the live record in one line.

Made last, from everything else, and nothing reads it back. It stands still while nothing changes: no ages, no countdowns.
"""

from collections.abc import Callable
from typing import Final

from stanch.api.incident_status import MitigationRecord, WishState
from stanch.api.meta import instant
from stanch.api.names import ConditionType, Reason
from stanch.core.attempts import standing
from stanch.core.closing import learned, open_ends
from stanch.core.conditions import find, is_true
from stanch.core.debts import owed
from stanch.core.draft import Draft, shorten
from stanch.core.forced_undo import is_waiting
from stanch.core.lifecycle import waits_for_people
from stanch.core.nudges import is_led, was_tried
from stanch.core.severity import facts_of

Row = tuple[str, Callable[[Draft], bool]]
RECORD_MAX: Final = 700
_NAMED: Final = 4


def words_for_the_eye(draft: Draft) -> None:
    """Phase, table columns and the one-line record."""
    if draft.status.times is None:
        return
    targets = draft.incident.spec.targets or ()
    commander = next((r.user for r in draft.status.roles or () if r.role == "commander"), None)
    draft.set(
        observed_generation=draft.incident.metadata.generation,
        phase=next(name for name, holds in PHASES if holds(draft)),
        commander=commander,
        target=_target_word(targets[0].kind.value, targets[0].name) if targets else None,
        mitigation=_current(draft),
        record=_record_line(draft, commander),
    )


# --- the posture -----------------------------------------------------------------------------------------------------


def _is_over(draft: Draft, what: str) -> bool:
    return draft.status.times is not None and getattr(draft.status.times, what) is not None


def _learning(draft: Draft) -> bool:
    asked = draft.status.postmortem is not None and draft.status.postmortem.decision in ("Required", "Short")
    return _is_over(draft, "resolved") and asked and learned(draft) is None


def is_sized(draft: Draft) -> bool:
    """Did a person say how bad it is, or something that was measured?"""
    known, impact = draft.status.severity, draft.status.impact
    if known is None or known.source != "Derived":
        return known is not None
    return facts_of(draft.incident, impact.value if impact else None, draft.catalog.policy).level is not None


def _triaged(draft: Draft) -> bool:
    return _is_over(draft, "acknowledged") and is_sized(draft) and is_led(draft)


PHASES: Final[tuple[Row, ...]] = (
    ("Cancelled", lambda d: _is_over(d, "cancelled")),
    ("Closed", lambda d: _is_over(d, "closed")),
    ("Learning", _learning),
    ("Resolved", lambda d: _is_over(d, "resolved")),
    ("Mitigated", lambda d: is_true(d.status, ConditionType.MITIGATED)),
    ("Contained", lambda d: is_true(d.status, ConditionType.CONTAINED)),
    ("Mitigating", was_tried),
    ("Triaged", _triaged),
    ("Detected", lambda d: True),
)


# --- the table -------------------------------------------------------------------------------------------------------


def _target_word(kind: str, name: str) -> str:
    short = {"StatefulSet": "sts", "ReplicaSet": "rs", "DaemonSet": "ds", "Node": "node"}
    # A Deployment is the usual case; the board has few columns.
    return name if kind == "Deployment" else f"{short.get(kind, kind.lower())}/{name}"


def _current(draft: Draft) -> str | None:
    """The mitigation a person looks for: what runs or waits, else the last that did something."""
    done = [r for r in draft.records if r.attempts]
    chosen = next(iter(_active(draft) or done[::-1] or draft.records), None)
    return _stands_at(chosen) if chosen is not None else None


def _active(draft: Draft) -> list[MitigationRecord]:
    """What runs or waits; first what waits for people."""
    under_way = (WishState.RUNNING, WishState.HELD, WishState.WAITING)
    active = [r for r in draft.records if r.state in under_way or is_waiting(r)]
    return sorted(active, key=lambda r: not waits_for_people(r))


def _stands_at(record: MitigationRecord) -> str:
    if waits_for_people(record):
        return f"{record.name} {ConditionType.APPROVAL_NEEDED}"
    return record.name if record.state is WishState.DONE else f"{record.name} {record.state.value}"


# --- the live record -------------------------------------------------------------------------------------------------


def _record_line(draft: Draft, commander: str | None) -> str:
    """What whoever joins asks first; the parts that people write are cut, so that none pushes out another."""
    impact = draft.status.impact.value if draft.status.impact else None
    told = impact.summary if impact and impact.summary else draft.incident.spec.title
    leading = draft.status.hypothesis
    parts = [
        draft.severity.value,
        f"commander {shorten(commander, 60)}" if commander else "no commander",
        shorten(told, 150),
        *((f"leading: {shorten(leading, 120)}",) if leading else ()),
        _tried(draft),
        *_under_way(draft),
        *_owed(draft),
        *_stands(draft),
    ]
    # However long the rest is together, who reads it sees by when they hear more.
    last = "".join(f" · {part}" for part in _next_update(draft))
    return shorten(" · ".join(parts), RECORD_MAX - len(last)) + last


def _tried(draft: Draft) -> str:
    tried = [r for r in draft.records if r.attempts]
    if not tried:
        return "nothing tried"
    words = [f"{r.name} {r.effect.value if standing(r) and r.effect else r.state.value}" for r in tried]
    more = f" and {len(words) - _NAMED} before" if len(words) > _NAMED else ""
    return f"tried: {', '.join(words[-_NAMED:])}{more}"


def _under_way(draft: Draft) -> tuple[str, ...]:
    """What runs or waits beside what was tried; what has ended is not now."""
    active = _active(draft)
    if not active or (active[0].attempts and _stands_at(active[0]) == active[0].name):
        return ()
    return (f"now: {_stands_at(active[0])}",)


def _owed(draft: Draft) -> tuple[str, ...]:
    debts = owed(draft)
    if not debts:
        return ()
    first = min(debts, key=lambda d: d.due_time)
    more = f" and {len(debts) - 1} more" if len(debts) > 1 else ""
    return (f"owed: {first.name} by {shorten(first.owner, 60)} until {instant(first.due_time)}{more}",)


def _stands(draft: Draft) -> tuple[str, ...]:
    resolved = find(draft.status, ConditionType.RESOLVED)
    said = []
    if resolved and resolved.reason in (Reason.HOLDING, Reason.HELD, Reason.INCONCLUSIVE):
        said.append(shorten(resolved.message, 150))
    if _is_over(draft, "resolved") and not _is_over(draft, "closed") and (missing := open_ends(draft)):
        more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
        said.append(f"closes when {shorten(missing[0], 120)}{more}")
    return tuple(said)


def _next_update(draft: Draft) -> tuple[str, ...]:
    known = draft.status.communications
    promises = (known.next_updates if known else None) or ()
    if not promises:
        return ()
    first = min(promises, key=lambda p: p.due_time)
    late = f", {first.missed} missed" if first.missed else ""
    return (f"next update: {first.audience.value} {instant(first.due_time)}{late}",)
