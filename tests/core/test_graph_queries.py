"""Graphs in evidence: the criteria's queries over the last half hour, asked when nobody waits, stored as numbers and drawn."""

import base64
import io
import json
import tarfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from build import incident, roll_back
from evidence.sample import KEY
from stanch.api.policy import DEFAULT
from stanch.core.observations import Failed, Found
from stanch.core.questions import MetricRange
from stanch.evidence.collector import EvidenceCollector
from world import CATALOG, World, bad_deploy

URL = "http://prometheus.test:9090"
QUERY = 'job:errors:ratio{job="checkout"} < 0.01'
CRITERIA = {"hold": "1m", "criteria": [{"name": "errors", "promQL": {"query": QUERY}, "gates": "Mitigated"}]}


def answered(question):
    """A queue that grew a quarter of an hour ago."""
    if not isinstance(question, MetricRange):
        return Failed(0, "no instant answers here")
    start = question.start.timestamp()
    values = [[start + 15 * n, "0.002" if n < 60 else "0.4"] for n in range(121)]
    return Found({"resultType": "matrix", "result": [{"metric": {"job": "checkout"}, "values": values}]})


def asking(outside=answered, url: str = URL) -> World:
    """A bad deploy that Prometheus can tell something about."""
    world = bad_deploy(incident(roll_back(), recovery=CRITERIA, impact={"startedTime": "2026-11-21T13:50:00Z"}))
    policy = replace(DEFAULT, prometheus_url=url, prometheus_secret="prometheus-login")
    world.catalog = replace(CATALOG, collector=EvidenceCollector(KEY), policy=policy)
    world.outside = outside
    return world


def bundles(world: World) -> dict[str, dict[str, bytes]]:
    """Files of every bundle that was stored, by the bundle's name."""
    found = {}
    for (plural, name), body in world.objects.items():
        if plural == "evidences":
            with tarfile.open(fileobj=io.BytesIO(base64.b64decode(body["spec"]["data"]))) as archive:
                found[name] = {m.name: archive.extractfile(m).read() for m in archive.getmembers()}
    return found


def named(world: World, part: str) -> dict[str, bytes]:
    """The bundle whose name has this in it."""
    return next(files for name, files in bundles(world).items() if part in name)


def test_the_numbers_of_half_an_hour_before_are_in_part_b_as_json_and_as_a_picture():
    """What it measures, not what the comparison leaves of it; with the onset marked."""
    world = asking().run(seconds=20)
    files = named(world, "-1-b-")
    said = json.loads(files["graphs/errors.json"])
    assert 'job:errors:ratio{job="checkout"}' == said["query"].strip()
    assert 121 == len(said["series"][0]["points"])
    start, end = (datetime.fromisoformat(said[key]) for key in ("start", "end"))
    assert timedelta(minutes=30) == end - start
    assert start < datetime(2026, 11, 21, 14, 0, tzinfo=UTC) <= end
    picture = files["graphs/errors.svg"].decode()
    assert picture.startswith("<svg ")
    assert "onset" in picture
    assert [] == world.broken


def test_it_is_captured_again_afterwards_so_that_it_can_be_compared():
    """The same file in the bundle of what came after."""
    world = asking().run(seconds=20)
    assert "graphs/errors.svg" in named(world, "-after-")


def test_what_was_measured_in_the_second_of_the_look_is_in_it():
    """A new pod has often no other sample: the span ends with the look or after it, never before."""
    world, asked = asking(), []

    def outside(question):
        if isinstance(question, MetricRange):
            asked.append((question.end, world.now))
        return answered(question)

    world.outside, world.now = outside, world.now + timedelta(milliseconds=700)
    world.run(seconds=20)
    assert asked
    assert all(now <= end < now + timedelta(seconds=1) and 0 == end.microsecond for end, now in asked)


def test_part_a_names_it_and_no_effect_waits_for_it():
    """It is asked when the effect is done, whatever Prometheus does just now."""
    world, effects_then = asking(), []

    def outside(question):
        if isinstance(question, MetricRange):
            effects_then.append(len(world.effects))
            assert "prometheus-login" == question.secret
        return answered(question)

    world.outside = outside
    world.run(seconds=20)
    assert {1} == set(effects_then)
    first = next(b for (plural, n), b in world.objects.items() if plural == "evidences" and "-1-a-" in n)
    left = {m["name"]: m["reason"] for m in first["spec"]["missing"]}
    assert "InPartB" == left["graphs/errors.json"]


@pytest.mark.parametrize(
    ("outside", "words"),
    [
        (lambda _: Failed(0, "no answer within 2 s"), "no answer within 2 s"),
        (lambda _: Found({"resultType": "matrix", "result": []}), "the query gave no series"),
        (lambda _: Found({"resultType": "vector", "result": []}), "not the answer of a range query"),
    ],
    ids=["dead", "no series", "a riddle"],
)
def test_what_prometheus_does_not_say_is_missing_in_its_words(outside, words):
    """And nothing else is held up by it."""
    world = asking(outside).run(seconds=20)
    rest = next(b for (plural, n), b in world.objects.items() if plural == "evidences" and "-1-b-" in n)
    told = {m["name"]: m["message"] for m in rest["spec"]["missing"]}
    assert words in told["graphs/errors.json"]
    assert 1 == len(world.effects)


def test_without_a_prometheus_there_is_nothing_to_draw():
    """It is the criterion that says that there is none to ask."""
    world = asking(url="").run(seconds=20)
    assert not [name for files in bundles(world).values() for name in files if name.startswith("graphs/")]
    assert not [q for r in world.rounds for q in r if isinstance(q, MetricRange)]
