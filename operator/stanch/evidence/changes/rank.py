"""
Which change is the likeliest cause: sort x relation x time x what the pods themselves tell (mitigations.md 3.2).

What the pods tell is the strongest sign: do those that live with the change fail, and the others not? Of few pods half a
pod is added on each side, so that two against one says a little and twelve against six much.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stanch.evidence.changes.change import OLDEST, Changed, Obj, Sort
from stanch.evidence.changes.failing import Onset
from stanch.evidence.dig import uid_of
from stanch.evidence.times import human

TOP: Final = 5
WEIGHTS: Final[Mapping[Sort, float]] = {
    Sort.TEMPLATE: 1.0,
    Sort.CONFIG: 0.9,
    Sort.TRAFFIC: 0.8,
    Sort.RELEASE: 0.8,
    Sort.NODE: 0.7,
    Sort.SCALED_DOWN: 0.6,
    Sort.BOUNDS: 0.6,
    Sort.LIMITS: 0.5,
    Sort.CLUSTER: 0.5,
    Sort.SCALED_UP: 0.2,
}
# Read by pods that started before it: it waits for the next restart.
_NOT_EFFECTIVE: Final = 0.15 / 0.9
_AFTERWARDS_SECONDS: Final = 120
_AFTERWARDS: Final = 0.1
_FADES_SECONDS: Final = 1200
_LEAST: Final = 0.05
_LIFT_MAX: Final = 3.0
_MOST: Final = 1 + _LIFT_MAX


@dataclass(frozen=True, slots=True)
class Ranked:
    """A change with its score, 1 to 100, and why, in words that stand still."""

    change: Changed
    score: int
    text: str


def rank(found: Sequence[Changed], began: Onset, pods: Sequence[Obj], bad: frozenset[str]) -> tuple[Ranked, ...]:
    """The TOP likeliest, best first; equal ones by time, newest first, then by name."""
    everybody = frozenset(map(uid_of, pods))
    scored = [(each, _score(each, began, everybody, bad)) for each in found if each.time is not None and not each.ours]
    told = [Ranked(c, round(s * 100), _text(c, began, everybody, bad)) for c, s in scored if round(s * 100) >= 1]
    best: dict[str, Ranked] = {}
    for each in sorted(told, key=lambda r: (-r.score, -_stamp(r.change.time), r.change.name)):
        best.setdefault(each.change.name, each)
    return tuple(list(best.values())[:TOP])


def _stamp(time: datetime | None) -> float:
    return time.timestamp() if time else 0.0


def _score(change: Changed, began: Onset, everybody: frozenset[str], bad: frozenset[str]) -> float:
    """From 0 to 1."""
    weight = WEIGHTS[change.sort] * (1 if change.effective else _NOT_EFFECTIVE)
    explain = 1 + _lift(change, everybody, bad) if change.effective else 1
    return weight * change.relation * _timely(change.time or began.time, began) * explain / _MOST


def _timely(time: datetime, began: Onset) -> float:
    """1 right before it began, fading over an hour; what came well after it is an effect, not the cause."""
    seconds = (began.time - time).total_seconds()
    if seconds < -_AFTERWARDS_SECONDS:
        return _AFTERWARDS
    if seconds > OLDEST.total_seconds():
        return 0.0
    return max(math.exp(-max(seconds, 0.0) / _FADES_SECONDS), _LEAST)


def _lift(change: Changed, everybody: frozenset[str], bad: frozenset[str]) -> float:
    """How much more often a pod fails that lives with the change, as a power of two, from 0 to _LIFT_MAX."""
    if change.has is None or not bad:
        return 0.0
    have, rest = change.has & everybody, everybody - change.has
    if not have or not rest:
        return 0.0
    with_it = (len(have & bad) + 0.5) / (len(have) + 1)
    without = (len(rest & bad) + 0.5) / (len(rest) + 1)
    return min(math.log2(with_it / without), _LIFT_MAX) if with_it > without else 0.0


def _text(change: Changed, began: Onset, everybody: frozenset[str], bad: frozenset[str]) -> str:
    who = f" by {change.by}" if change.by else ""
    parts = [f"{change.what}: {change.text}{who} {_when(change.time or began.time, began)}"]
    if change.has is not None and everybody:
        have, rest = change.has & everybody, everybody - change.has
        parts.append(f"{len(have & bad)} of {len(have)} pods with it fail, {len(rest & bad)} of {len(rest)} without")
    if not change.effective:
        parts.append("no pod has started since, so none has it yet")
    parts += change.also
    return "; ".join(parts)


def _when(time: datetime, began: Onset) -> str:
    seconds = int((began.time - time).total_seconds())
    what = "the first failure" if began.seen else "it was said to begin" if began.by == "what was said" else "now"
    if seconds == 0:
        return f"at the time of {what}" if began.seen else f"when {what}" if what != "now" else "now"
    if not began.seen and began.by != "what was said":
        return f"at {time:%H:%M:%S}Z"
    return f"{human(abs(seconds))} {'before' if seconds > 0 else 'after'} {what}"
