"""One look after the other: what passes, since when, and that a hold has only good looks in it."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from build import T0
from stanch.api.recovery_status import CriterionRecord, CriterionState
from stanch.core.sample import GAP_MAX, PAUSE_MAX, Sample, is_due, take_in

EVERY = timedelta(seconds=15)
GOOD, BAD, HARD, UNCLEAR = (
    Sample(True, "good"),
    Sample(False, "bad"),
    Sample(False, "gone", hard=True),
    Sample(None, "no data"),
)


def fresh(check: str = "http") -> CriterionRecord:
    """A criterion that nobody has looked at."""
    return CriterionRecord(name="c", check=check, gates="Mitigated", state=CriterionState.UNKNOWN)


def at(seconds: float) -> datetime:
    """So long after the start."""
    return T0 + timedelta(seconds=seconds)


def looks(*samples: Sample, check: str = "http", every: float = 15) -> CriterionRecord:
    """One look after the other, a sampling interval apart."""
    c = fresh(check)
    for n, sample in enumerate(samples):
        c = take_in(c, sample, at(n * every), EVERY)
    return c


@pytest.mark.parametrize(
    ("samples", "state", "since"),
    [
        ((GOOD,), "Passing", 0),
        ((GOOD, GOOD, GOOD), "Passing", 0),
        ((BAD,), "Failing", 0),
        ((GOOD, BAD), "Passing", 0),
        ((GOOD, BAD, GOOD), "Passing", 30),
        ((GOOD, BAD, BAD), "Failing", 30),
        ((GOOD, HARD), "Failing", 15),
        ((BAD, BAD, GOOD), "Passing", 30),
        ((UNCLEAR,), "Inconclusive", None),
        ((BAD, UNCLEAR), "Inconclusive", None),
        ((BAD, UNCLEAR, GOOD), "Passing", 30),
        ((GOOD, BAD, UNCLEAR, GOOD), "Passing", 45),
        # Paused by the look that proved nothing, and by what lies before it.
        ((GOOD, GOOD, GOOD, UNCLEAR, GOOD), "Passing", 30),
    ],
    ids=str,
)
def test_what_looks_come_to(samples, state, since):
    """Two bad ones make Failing, a hard fact alone; a bad one ends what held, one that proves nothing pauses it."""
    c = looks(*samples)
    assert (state, at(since) if since is not None else None) == (c.state.value, c.since_time)


def test_the_second_of_two_bad_looks_is_an_interval_later():
    """Two looks in the same moment are one."""
    c = looks(GOOD, GOOD, check="available")
    c = take_in(c, BAD, at(30), EVERY)
    c = take_in(c, BAD, at(32), EVERY)
    assert ("Passing", 1) == (c.state.value, c.bad_samples)
    c = take_in(c, GOOD, at(34), EVERY)
    assert 1 == c.bad_samples, "the second sample decides, not the next look"
    assert "Failing" == take_in(c, BAD, at(45), EVERY).state.value


def test_one_lucky_look_does_not_end_the_harm():
    """Two good ones are asked for, an interval apart."""
    assert [1, 1, 2] == [
        looks(BAD, GOOD).good_samples,
        take_in(looks(BAD, GOOD), GOOD, at(17), EVERY).good_samples,
        looks(BAD, GOOD, GOOD).good_samples,
    ]


def test_a_time_of_the_api_counts_and_never_goes_back():
    """Since when it is so the object says; not further back than the last bad look."""
    said = Sample(True, "good", since=at(-3600))
    assert at(-3600) == looks(said, said, check="available").since_time
    assert at(30) == looks(said, BAD, said, said, check="available").since_time
    restarted = Sample(True, "good", since=at(40))
    assert at(40) == looks(said, said, said, restarted, said, check="noRestarts").since_time
    assert at(40) == looks(said, said, said, restarted, UNCLEAR, said, check="noRestarts").since_time


def test_long_unclear_is_counted_anew():
    """What happened meanwhile nobody knows."""
    few = int(PAUSE_MAX / EVERY)
    paused = looks(GOOD, GOOD, *[UNCLEAR] * few, GOOD)
    anew = looks(GOOD, GOOD, *[UNCLEAR] * (few + 1), GOOD)
    assert at(15 * few + 15) == paused.since_time
    assert at(15 * (few + 3)) == anew.since_time


def test_a_time_in_which_nobody_looked_is_not_counted():
    """The operator was away: what was good before and is good after may have been bad between."""
    c = looks(GOOD, GOOD)
    short = take_in(c, GOOD, at(15) + GAP_MAX, EVERY)
    long = take_in(c, GOOD, at(16) + GAP_MAX, EVERY)
    assert (at(0), at(16) + GAP_MAX) == (short.since_time, long.since_time)


def test_samples_date_the_hold():
    """The time that the data was taken counts, not when we asked."""
    c = take_in(fresh("promQL"), Sample(True, "good", taken=at(-20)), at(0), EVERY)
    assert (at(-20), at(-20), at(0)) == (c.since_time, c.data_time, c.sample_time)
    assert not is_due(c, at(14), EVERY)
    assert is_due(c, at(15), EVERY)


def test_what_stands_still_is_not_written_again():
    """An object that says the same at each look changes nothing in the record, so nothing is stored."""
    said = Sample(True, "good", since=at(-60))
    c = looks(said, said, check="available")
    assert c == take_in(c, said, at(300), EVERY)
    failing = looks(BAD, BAD, check="available")
    assert failing == take_in(failing, BAD, at(300), EVERY)


STEPS = st.lists(st.tuples(st.sampled_from([GOOD, GOOD, GOOD, BAD, UNCLEAR]), st.integers(1, 400)), max_size=40)


def earliest(told: list[tuple[datetime, Sample]]) -> datetime | None:
    """A dumb oracle: since when it may be said to hold at most, from all looks in turn."""
    start, unclear, before = None, None, T0
    for time, sample in told:
        if sample.passes is False or (start and time - before > GAP_MAX):
            start = None
        if sample.passes is None:
            unclear = unclear or time
        elif sample.passes:
            pause = time - unclear if unclear else timedelta(0)
            start = start + pause if start and pause <= PAUSE_MAX else time
        unclear, before = unclear if sample.passes is None else None, time
    return start


@settings(max_examples=600, deadline=None)
@given(STEPS, st.sampled_from(["http", "available"]))
def test_a_hold_has_only_good_looks_in_it(steps, check):
    """
    Since it counts as passing no look was bad, none was missing for long, and what proved nothing is not counted: for any
    order of looks, however far apart.
    """
    c, now, told = fresh(check), T0, []
    for sample, seconds in steps:
        now += timedelta(seconds=seconds)
        if is_due(c, now, EVERY):
            c = take_in(c, sample, now, EVERY)
            told.append((now, sample))
    if c.state is CriterionState.PASSING and not c.bad_samples:
        assert earliest(told) <= c.since_time <= now
