"""What a PromQL query measures: read from its text, whatever it says."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.core.promql import SELECTORS_MAX, read

ERRORS = 'sum(rate(http_requests_total{job="a",code=~"5.."}[5m]))'
ALL = 'sum by (job) (rate(http_requests_total{job="a"}[1h30m]))'


@pytest.mark.parametrize(
    ("text", "measured", "filters", "selectors"),
    [
        ("payments_queue_depth < 100", "payments_queue_depth", True, ("payments_queue_depth",)),
        ("(payments_queue_depth < 100)", "payments_queue_depth", True, ("payments_queue_depth",)),
        ("100 > payments_queue_depth", "payments_queue_depth", True, ("payments_queue_depth",)),
        ("5 > bool x", "x", False, ("x",)),
        ("x == bool 1", "x", False, ("x",)),
        ('up{job="a"}', 'up{job="a"}', False, ('up{job="a"}',)),
        ('{__name__="up"} == 1', '{__name__="up"}', True, ('{__name__="up"}',)),
        (
            f"{ERRORS} / {ALL} < 0.001",
            f"{ERRORS} / {ALL}",
            True,
            ('http_requests_total{job="a",code=~"5.."}', 'http_requests_total{job="a"}'),
        ),
        (
            f"({ERRORS} or vector(0)) < 1",
            f"({ERRORS} or vector(0))",
            True,
            ('http_requests_total{job="a",code=~"5.."}',),
        ),
        ("x < on (a) group_left (b) y", "x", True, ("x",)),
        ("sum without (a) (x) != 0", "sum without (a) (x)", True, ("x",)),
        ("max(x offset 5m) < 1", "max(x offset 5m)", True, ("x offset 5m",)),
        ("x @ end() < 1", "x @ end()", True, ("x @ end()",)),
        ("x[5m] offset -1h < 1", "x[5m] offset -1h", True, ("x offset -1h",)),
        ('x{a="} < {"} < 5 # not: > 3', 'x{a="} < {"}', True, ('x{a="} < {"}',)),
        ("-x < 1e-3", "-x", True, ("x",)),
        ("x < Inf", "x", True, ("x",)),
        ("count(x > 5) < 3", "count(x > 5)", True, ("x",)),
    ],
)
def test_what_is_measured_and_by_which_series(text, measured, filters, selectors):
    """The comparison at the top parts what is measured from what it must be."""
    query = read(text)
    assert ("", measured, filters, selectors) == (query.problem, query.measured, query.filters, query.selectors)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "it is empty"),
        ("x < 1 and y < 2", "`and` at its top: write a criterion for each side"),
        ("x < 1 or y < 2", "`or` at its top"),
        ("x unless y", "`unless` at its top"),
        ("1 < x < 5", "more than once"),
        ("vector(1) == 1", "names no series"),
        ("1 < 2", "names no series"),
        ("x < 1)", "a bracket closes"),
        ("sum(x < 1", "not closed"),
        ("absent(x)", "holds when there is no data"),
        ("x < $threshold", "can't be read from `$threshold`"),
    ],
)
def test_what_can_not_be_judged_says_why(text, why):
    """In words for whoever wrote it."""
    assert why in read(text).problem


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("x < 1", 0),
        ("rate(x[5m]) < 1", 300),
        ("rate(x[5m]) / rate(y[1h30m]) < 1", 5400),
        ("max_over_time(rate(x[5m])[30m:1m]) < 1", 2100),
        ("rate(x[500ms]) < 1", 0.5),
    ],
)
def test_how_far_it_looks_back(text, seconds):
    """The widest range; a subquery comes on top of what stands in it."""
    assert timedelta(seconds=seconds) == read(text).looks_back


def test_the_newest_sample_of_all_series_is_one_query():
    """`or` alone would keep the first of two that have the same labels."""
    assert "max(timestamp(x))" == read("x < 1").newest
    both = 'max(max(timestamp(x)) or label_replace(max(timestamp(y{a="b"})), "n", "0", "", ""))'
    assert both == read('x / y{a="b"} < 1').newest
    many = " + ".join(f"x{n}" for n in range(40)) + " < 1"
    assert SELECTORS_MAX == read(many).newest.count("timestamp(")


@given(st.text(alphabet="abx15.(){}[]<>=!~\"'`\\#@ \nmoru,-+/:", max_size=60))
def test_any_text_is_read_or_refused(text):
    """No text raises; what is not refused measures something that stands in it."""
    query = read(text)
    assert query.problem or (query.measured in text and query.selectors)
