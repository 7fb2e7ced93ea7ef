"""
How long things take, with those that are not over yet: an open incident has lasted at least so long, and leaving it out would lie.

Kaplan and Meier (J. Am. Stat. Assoc. 53, 1958): at each time at which some ended, the share that goes on is multiplied by
1 - ended / still there. What is not over leaves at its time without an end. The quantile is the earliest time at which the
share that goes on is at most 1 - q; where that is never reached, nobody knows it, and None says so.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

HALF: Final = 0.5
# Below this many ends a median is an anecdote, and below the other it is not shown.
FEW: Final = 20
TOO_FEW: Final = 5


@dataclass(frozen=True, slots=True, order=True)
class Lasted:
    """How long one took; ``over`` is False for one that goes on and has lasted so long by now."""

    time: timedelta
    over: bool = True


def quantile(lasted: Iterable[Lasted], share: float = HALF) -> timedelta | None:
    """By when this share of them is over; None where that is not known yet, or there are none."""
    left = sorted(lasted)
    going_on = 1.0
    while left:
        now = left[0].time
        ended = sum(each.over for each in left if each.time == now)
        going_on *= 1 - ended / len(left)
        # What is multiplied is not exact: a hair above a half is a half.
        if going_on <= 1 - share + 1e-9:
            return now
        left = [each for each in left if each.time > now]
    return None


@dataclass(frozen=True, slots=True)
class Spread:
    """Median and ninth decile of some durations; None where they are not known. ``open`` are not over yet, of ``n`` in all."""

    n: int
    open: int
    median: timedelta | None
    p90: timedelta | None
    shortest: timedelta | None
    longest: timedelta | None

    @property
    def caution(self) -> str:
        """What a reader has to know about how few they are; empty where they are many."""
        if self.n - self.open < TOO_FEW:
            return f"{self.n - self.open} ended: too few for a median"
        return f"{self.n - self.open} ended: few; a single one moves it" if self.n - self.open < FEW else ""


def spread(lasted: Iterable[Lasted]) -> Spread:
    """Of all of them."""
    known = sorted(lasted)
    ended = [each.time for each in known if each.over]
    enough = len(ended) >= TOO_FEW
    return Spread(
        n=len(known),
        open=len(known) - len(ended),
        median=quantile(known) if enough else None,
        p90=quantile(known, 0.9) if enough else None,
        shortest=ended[0] if ended else None,
        longest=ended[-1] if ended else None,
    )
