"""
One look at a criterion, and what it makes of what is known: passing, failing or inconclusive, and since when.

A look never proves more than it saw: a bad one ends what held so far, one that proves nothing is not counted, and of what
nothing dates since when it is so, only what was looked at counts.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.recovery_status import CriterionRecord, CriterionState

# Two bad samples make Failing; two good ones, a sample interval apart, end the harm.
SAMPLES: Final = 2
# Looks that prove nothing are left out of the hold for so long; after that nobody knows what happened meanwhile.
PAUSE_MAX: Final = timedelta(minutes=2)
# Nobody looked for so long: what was good before is good anew. Longer than it takes another replica to take over.
GAP_MAX: Final = timedelta(minutes=3)
# So often it is written down that somebody looked, where nothing else dates it.
NOTED_EVERY: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Sample:
    """
    What one look saw. ``passes`` is None when it proves nothing. ``since`` is when an API object says that it began to be
    so, ``taken`` when the newest data in it was measured; None where nothing says it. ``hard`` facts need no second look;
    ``off`` is what somebody switched off or removed. ``crashed`` names the template whose pods are in CrashLoopBackOff,
    ``ran`` how long a container ran before it failed.
    """

    passes: bool | None
    message: str
    since: datetime | None = None
    hard: bool = False
    off: bool = False
    taken: datetime | None = None
    value: str | None = None
    crashed: str | None = None
    ran: timedelta | None = None


def is_due(c: CriterionRecord, now: datetime, every: timedelta) -> bool:
    """Does a look count as another sample, or only as the same once more?"""
    return c.sample_time is None or now - c.sample_time >= every


def take_in(c: CriterionRecord, s: Sample, now: datetime, every: timedelta) -> CriterionRecord:
    """The criterion after this look; the very same when it says nothing new."""
    if s.passes is None:
        changes = _unclear(c, s, now, every)
    elif s.passes:
        changes = _good(c, s, now, every)
    else:
        changes = _bad(c, s, now, every)
    if s.crashed is not None:
        changes["crashed"] = s.crashed
    if _is_asked_for(c):
        # Asking costs somebody else something: that it was done is written down each time, and so not done again too soon.
        changes |= {"sample_time": now, "value": s.value, "data_time": s.taken or c.data_time}
    return c.model_copy(update=changes)


def _is_asked_for(c: CriterionRecord) -> bool:
    return c.check in ("promQL", "http")


def _unclear(c: CriterionRecord, s: Sample, now: datetime, every: timedelta) -> dict[str, Any]:
    if c.state is CriterionState.INCONCLUSIVE:
        return {"message": s.message}
    held = (
        c.state is CriterionState.PASSING and not c.bad_samples and not (_is_asked_for(c) and _was_away(c, now, every))
    )
    return {
        "state": CriterionState.INCONCLUSIVE,
        "since_time": c.since_time if held else None,
        "unclear_time": now,
        "message": s.message,
        "good_samples": 0,
        "bad_samples": 0,
    }


def _good(c: CriterionRecord, s: Sample, now: datetime, every: timedelta) -> dict[str, Any]:
    due, back = is_due(c, now, every), c.state is not CriterionState.PASSING
    if c.bad_samples and not back and not due:
        return {}  # The second sample decides.
    samples = min(SAMPLES, c.good_samples + 1) if due or back else c.good_samples
    noted = samples != c.good_samples or (s.since is None and c.sample_time and now - c.sample_time >= NOTED_EVERY)
    return {
        "state": CriterionState.PASSING,
        "since_time": _since(c, s, now, every),
        "message": s.message,
        "bad_samples": 0,
        "good_samples": samples,
        "sample_time": now if noted else c.sample_time,
        "unclear_time": None,
        "unclear_said": None,
    }


def _since(c: CriterionRecord, s: Sample, now: datetime, every: timedelta) -> datetime | None:
    """Never before the last bad sample, nor over a time in which nobody looked and nothing tells."""
    from_now = s.taken or now
    if c.state is CriterionState.PASSING and not c.bad_samples:
        if s.since is None and _was_away(c, now, every):
            return from_now
        return max((t for t in (s.since, c.since_time) if t is not None), default=from_now)
    if c.state is CriterionState.INCONCLUSIVE and c.since_time is not None and c.unclear_time is not None:
        if s.since is not None:
            return max(s.since, c.since_time)
        unclear = now - c.unclear_time
        if _was_away(c, c.unclear_time, every):
            return from_now
        # What lies between the last good look and the first that proved nothing is not known either.
        return min(c.since_time + unclear + every, from_now) if unclear <= PAUSE_MAX else from_now
    last_not_good = {
        CriterionState.UNKNOWN: None,
        CriterionState.PASSING: c.sample_time,
        CriterionState.FAILING: c.since_time,
        CriterionState.INCONCLUSIVE: c.unclear_time,
    }[c.state]
    known = s.since is not None and (last_not_good is None or s.since >= last_not_good)
    return s.since if known else from_now


def _was_away(c: CriterionRecord, now: datetime, every: timedelta) -> bool:
    """Did nobody look for so long that nobody knows?"""
    return c.sample_time is not None and now - c.sample_time > max(GAP_MAX, 3 * every)


def _bad(c: CriterionRecord, s: Sample, now: datetime, every: timedelta) -> dict[str, Any]:
    counts = is_due(c, now, every) or c.bad_samples == 0
    bad = min(SAMPLES, c.bad_samples + 1) if counts else c.bad_samples
    if c.state is CriterionState.PASSING and not s.hard and bad < SAMPLES:
        # One bad look may be chance; it stops the count but does not flip the state.
        return {"bad_samples": bad, "good_samples": 0, "sample_time": now if counts else c.sample_time}
    if c.state is CriterionState.FAILING:
        return {"message": s.message}
    return {
        "state": CriterionState.FAILING,
        "since_time": now,
        "message": s.message,
        "bad_samples": SAMPLES,
        "good_samples": 0,
        "sample_time": now,
        "unclear_time": None,
        "unclear_said": None,
    }
