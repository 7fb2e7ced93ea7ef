"""
How long things take, with those that are not over yet: an open incident has lasted at least so long, and leaving it out would lie.

Kaplan and Meier (J. Am. Stat. Assoc. 53, 1958): at each time at which some ended, the share that goes on is multiplied by
1 - ended / still there. What is not over leaves at its time without an end. The quantile is the earliest time at which the
share that goes on is at most 1 - q; where that is never reached, nobody knows it, and None says so.

How far a median may be off by chance: Brookmeyer and Crowley (Biometrics 38, 1982), Greenwood's variance on a log-log scale: the
times at which the band around that share holds a half. Where the band never leaves it, an end of it is not known.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

HALF: Final = 0.5
# Of the normal distribution, two sides, 95 %.
_Z: Final = 1.959964
# Below this many ends a median is an anecdote, and below the other it is not shown.
FEW: Final = 20
TOO_FEW: Final = 5


@dataclass(frozen=True, slots=True, order=True)
class Lasted:
    """How long one took; ``over`` is False for one that goes on and has lasted so long by now."""

    time: timedelta
    over: bool = True


def _curve(lasted: Iterable[Lasted]) -> Iterator[tuple[timedelta, float, float]]:
    """At each time at which some ended: the share that goes on, and Greenwood's sum (infinite once nothing goes on)."""
    left, going_on, greenwood = sorted(lasted), 1.0, 0.0
    at = 0
    while at < len(left):
        now, there = left[at].time, len(left) - at
        same = 1
        while at + same < len(left) and left[at + same].time == now:
            same += 1
        if ended := sum(each.over for each in left[at : at + same]):
            going_on *= 1 - ended / there
            greenwood += ended / (there * (there - ended)) if there > ended else math.inf
            yield now, going_on, greenwood
        at += same


def quantile(lasted: Iterable[Lasted], share: float = HALF) -> timedelta | None:
    """By when this share of them is over; None where that is not known yet, or there are none."""
    # What is multiplied is not exact: a hair above a half is a half.
    return next((time for time, going_on, _ in _curve(lasted) if going_on <= 1 - share + 1e-9), None)


def median_between(lasted: Iterable[Lasted]) -> tuple[timedelta | None, timedelta | None]:
    """Between which times the true median is, in nineteen of twenty such months; None for an end that is not known."""
    low = high = None
    # Six that all ended before the median would be one month in sixty-four.
    known = list(lasted)
    many = sum(each.over for each in known) >= 6
    for time, going_on, greenwood in _curve(known):
        if not math.isfinite(greenwood):
            return (time if low is None else low), (time if high is None and many else high)
        off = _Z * math.sqrt(greenwood) / abs(math.log(going_on))
        if low is None and going_on ** math.exp(off) <= HALF:
            low = time
        if high is None and going_on ** math.exp(-off) <= HALF:
            high = time
    return low, high


@dataclass(frozen=True, slots=True)
class Spread:
    """
    Median and ninth decile of some durations; None where they are not known. ``open`` are not over yet, of ``n`` in all.

    The true median is between ``low`` and ``high`` with 95 % confidence, as far as these are known.
    """

    n: int
    open: int
    median: timedelta | None
    p90: timedelta | None
    shortest: timedelta | None
    longest: timedelta | None
    low: timedelta | None = None
    high: timedelta | None = None

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
    low, high = median_between(known) if enough else (None, None)
    return Spread(
        n=len(known),
        open=len(known) - len(ended),
        median=quantile(known) if enough else None,
        p90=quantile(known, 0.9) if enough else None,
        shortest=ended[0] if ended else None,
        longest=ended[-1] if ended else None,
        low=low,
        high=high,
    )
