"""Medians with what is not over yet: against examples from the literature, and against what must hold of any of them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.core.survival import FEW, TOO_FEW, Lasted, quantile, spread

# Remission of leukaemia in weeks, 6-MP group (Freireich 1963), the textbook example: + is not over. The median is 23.
SIX_MP = "6 6 6 6+ 7 9+ 10 10+ 11+ 13 16 17+ 19+ 20+ 22 23 25+ 32+ 32+ 34+ 35+"
# The placebo group: all over; the median is 8.
PLACEBO = "1 1 2 2 3 4 4 5 5 8 8 8 8 11 11 12 12 15 17 22 23"


def weeks(text: str) -> list[Lasted]:
    """As they are printed."""
    return [Lasted(timedelta(weeks=int(w.rstrip("+"))), not w.endswith("+")) for w in text.split()]


@pytest.mark.parametrize(("text", "median"), [(SIX_MP, 23), (PLACEBO, 8)], ids=["6-MP", "placebo"])
def test_the_textbook_says_the_same(text, median):
    """Kalbfleisch and Prentice, and every course since."""
    assert timedelta(weeks=median) == quantile(weeks(text))


def test_leaving_out_what_is_open_would_lie():
    """Of those that ended the median is 10; half of all of them last for more than twice as long."""
    known = weeks(SIX_MP)
    assert timedelta(weeks=10) == quantile(each for each in known if each.over)
    assert timedelta(weeks=23) == quantile(known)


def test_nobody_knows_a_median_that_was_not_reached():
    """Most go on."""
    assert quantile(weeks("1 2 9+ 9+ 9+ 9+ 9+")) is None
    assert quantile([]) is None


TIMES = st.integers(0, 10**6).map(lambda s: timedelta(seconds=s))
DURATIONS = st.lists(st.builds(Lasted, TIMES, st.booleans()), max_size=60)


@given(DURATIONS)
def test_open_ones_never_make_it_shorter(known):
    """To know that some go on can't make the rest quicker; and what is said is a time at which something ended."""
    all_over = quantile(Lasted(each.time) for each in known)
    found = quantile(known)
    assert found is None or found >= all_over
    assert found is None or Lasted(found, True) in known


@given(st.lists(st.builds(Lasted, TIMES, st.just(True)), min_size=1, max_size=60))
def test_without_open_ones_it_is_the_median(known):
    """The lower one, where there are two."""
    assert sorted(each.time for each in known)[(len(known) - 1) // 2] == quantile(known)


@pytest.mark.parametrize(
    ("ended", "words"),
    [(TOO_FEW - 1, "4 ended: too few for a median"), (TOO_FEW, "5 ended: few"), (FEW - 1, "19 ended: few"), (FEW, "")],
)
def test_how_few_they_are_is_said(ended, words):
    """And no median of four."""
    found = spread([Lasted(timedelta(hours=n)) for n in range(ended)] + [Lasted(timedelta(hours=1), over=False)])
    assert (words in found.caution) if words else not found.caution
    assert (found.median is None) == (ended < TOO_FEW)
    assert (ended + 1, 1) == (found.n, found.open)
