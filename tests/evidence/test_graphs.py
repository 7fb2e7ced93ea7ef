"""Graphs of what was measured: the numbers as they were answered, and a picture that can do nothing but be looked at."""

import json
from datetime import timedelta
from xml.etree import ElementTree

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evidence.sample import KEY, NOW, capture, crash, files, world
from stanch.core.graphs import LOOK_BACK, POINTS_MAX, SERIES_MAX, Graph, Series, from_prometheus, span
from stanch.evidence.bundle import bundle
from stanch.evidence.svg import DRAWN_MAX, draw

START, END, STEP = span(NOW)
SVG = "{http://www.w3.org/2000/svg}"
ALLOWED = {SVG + tag for tag in ("svg", "title", "desc", "rect", "text", "path")}


def answer(*series, kind="matrix"):
    """What `/api/v1/query_range` answers."""
    result = [{"metric": metric, "values": values} for metric, values in series]
    return {"status": "success", "data": {"resultType": kind, "result": result}}


def every(value, minutes=30):
    """One value a minute, as Prometheus writes it."""
    return [[START.timestamp() + 60 * n, str(value(n))] for n in range(minutes + 1)]


def graph(*series, name="errors", query='rate(errors{job="shop"}[5m]) > 0.01'):
    """A graph of such series."""
    return from_prometheus(name, query, START, END, answer(*series))


def parsed(picture):
    """The picture as XML; only what is looked at may be in it."""
    root = ElementTree.fromstring(picture.encode())
    assert {each.tag for each in root.iter()} <= ALLOWED
    return root


def words(root):
    """All texts."""
    return [each.text for each in root.iter(SVG + "text")]


def test_half_an_hour_before_is_asked_for():
    """So that the time before the onset is in the picture."""
    assert (timedelta(minutes=30), END) == (LOOK_BACK, START + LOOK_BACK)


def test_the_numbers_are_kept_as_they_were_answered():
    """By series, in order; a gap stays a gap."""
    found = graph(
        ({"__name__": "errors", "pod": "b"}, [[START.timestamp(), "NaN"]]), ({"pod": "a"}, every(lambda n: n / 10))
    )
    assert ['errors{pod="b"}', '{pod="a"}'] == sorted((each.labels for each in found.series), key=len, reverse=True)
    by_labels = {each.labels: each.points for each in found.series}
    assert ((START.timestamp(), None),) == by_labels['errors{pod="b"}']
    assert (START.timestamp() + 60, 0.1) == by_labels['{pod="a"}'][1]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"status": "error", "error": "parse error: unexpected end"}, "parse error"),
        ({"message": "timeout"}, "timeout"),
        ({}, "not the answer of a range query"),
        (answer(kind="vector"), "not the answer of a range query"),
        (answer(), "no series"),
        ({"status": "success", "data": {"resultType": "matrix", "result": [1, {"values": 3}]}}, "no series"),
    ],
)
def test_what_is_no_answer_is_a_problem_in_words(raw, said):
    """Unknown is never a flat line."""
    found = from_prometheus("errors", "up", START, END, raw)
    assert said in found.problem
    assert () == found.series


def test_a_flood_of_series_and_points_is_bounded_and_counted():
    """The newest points, the first series by name."""
    many = [({"pod": f"p{n:03}"}, every(lambda n: n, minutes=POINTS_MAX + 9)) for n in range(SERIES_MAX + 5)]
    found = graph(*many)
    assert (SERIES_MAX, 5) == (len(found.series), found.left_out)
    assert POINTS_MAX == len(found.series[0].points)
    assert POINTS_MAX + 9 == found.series[0].points[-1][1]
    root = parsed(draw(found))
    assert f"{SERIES_MAX - DRAWN_MAX + 5} more series are in the JSON or were left out" in words(root)


def test_the_picture_shows_lines_times_and_the_onset():
    """A line a series with its legend, times in UTC, the onset with its word."""
    root = parsed(
        draw(graph(({"pod": "a"}, every(lambda n: n)), ({"pod": "b"}, every(lambda n: 30 - n))), [("onset", NOW)])
    )
    assert {'{pod="a"}', '{pod="b"}', "onset", "10:58:00Z", "11:28:00Z", "30", "0"} <= set(words(root))
    lines = [p for p in root.iter(SVG + "path") if p.get("stroke-linecap")]
    assert 2 == len(lines)
    assert lines[0].get("stroke") != lines[1].get("stroke")
    heights = [float(point.split()[1]) for point in lines[0].get("d").removeprefix("M").split("L")]
    assert sorted(heights, reverse=True) == heights, "it rises, so it goes up the page"


def test_a_gap_is_not_drawn_over():
    """A line from before to after it would be a lie."""
    values = every(lambda n: 1.0)
    values[10][1] = "NaN"
    root = parsed(draw(graph(({}, values))))
    assert 2 == len([p for p in root.iter(SVG + "path") if p.get("stroke-linecap")])


HOSTILE = [
    "</title><script>alert(1)</script>",
    '" onload="x',
    "a&b<c>d",
    "\x1b[2J\x00\u202e",
    "\ud800",
    "]]>",
    "\ufffe",
    "x" * 999,
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nobody_s_words_are_more_than_words(text):
    """Names, queries and labels come from other people."""
    picture = draw(graph(({"pod": text}, every(lambda n: n)), name=text, query=text), [(text, NOW)])
    root = parsed(picture)
    assert not any(key.startswith("on") or "href" in key for each in root.iter() for key in each.attrib)
    assert "\x1b" not in picture
    assert len(picture) < 20_000


@settings(max_examples=150, deadline=None)
@example([[(0.0, 1.7e308), (60.0, -1.7e308)]])
@example([[(0.0, 5e-324), (1.0, 0.0)]])
@given(
    st.lists(
        st.lists(
            st.tuples(st.floats(-1e12, 1e12), st.none() | st.floats(allow_nan=False, allow_infinity=False)), max_size=8
        ),
        max_size=4,
    )
)
def test_whatever_the_numbers_the_picture_is_whole_and_inside_its_frame(raw):
    """No number is `nan` or `inf` on the page, and nothing is drawn beside it."""
    made = Graph("x", "y", START, END, tuple(Series("s", tuple(points)) for points in raw))
    picture = draw(made)
    root = parsed(picture)
    for path in root.iter(SVG + "path"):
        if path.get("stroke-linecap"):
            for place in path.get("d").removeprefix("M").split("L"):
                x, y = map(float, place.split())
                assert 0 <= x <= 960
                assert 0 <= y <= 360
    assert not {"nan", "inf", "-inf"} & set(words(root))


def test_a_bundle_has_numbers_and_picture_and_says_what_it_could_not_have():
    """Same input, same bytes; secrets in a query are masked like everywhere."""
    shown = graph(({"pod": "a"}, every(lambda n: n)), query='up{password="hunter2S3cr3tV4lue"}')
    silent = from_prometheus(
        "latency/p99", "x", START, END, {"message": "no route to postgres://u:hunter2S3cr3tV4lue@db"}
    )
    made = bundle(capture(world(crash("a")), graphs=(shown, silent, shown), onset=NOW - timedelta(minutes=5)))
    content = files(made)
    told = json.loads(content["graphs/errors.json"])
    assert 31 == len(told["series"][0]["points"])
    assert "onset" in words(parsed(content["graphs/errors.svg"].decode()))
    assert ("graphs/latency_p99.json", "NotAnswered") in [(each.name, each.reason) for each in made.missing]
    assert not any(b"hunter2S3cr3tV4lue" in data for data in content.values())
    assert "hunter2S3cr3tV4lue" not in json.dumps({**made.body["spec"], "data": ""})
    again = bundle(capture(world(crash("a")), graphs=(shown, silent, shown), onset=NOW - timedelta(minutes=5)))
    assert made.sha256 == again.sha256
    assert KEY
