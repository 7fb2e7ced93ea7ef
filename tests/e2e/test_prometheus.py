"""Recovery proved by real Prometheus: pods that are Ready all the time, and only what they measure says that it is over."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from e2e.support.api import Api, Json, until
from e2e.support.operators import ForkServer, Operator
from e2e.support.prometheus import Prometheus
from e2e.support.promtool import judged
from e2e.support.stories import kept
from e2e.support.world import BAD, GOOD, OURS, READY, ROLL_BACK, World, container, deployment, incident, is_so, lines

DEPTH = "payments_queue_depth"
LOOKS_BACK = timedelta(seconds=6)


def says(depth: int, image: str) -> Json:
    """A pod that is well by every probe, and says how long its queue is."""
    words = f"# TYPE {DEPTH} gauge\\n{DEPTH} {depth}\\n"
    serve = f"mkdir -p /tmp/w; echo ok >/tmp/w/index.html; printf '{words}' >/tmp/w/metrics; exec httpd -f -p 8080 -h /tmp/w"
    return {"containers": [container(image, serve, readinessProbe=READY)], "terminationGracePeriodSeconds": 1}


def depth_of(world: World) -> str:
    """The series of this namespace."""
    return f'{DEPTH}{{namespace="{world.ns}"}}'


def watched(world: World, hold: str = "4s") -> Json:
    """Over when no queue is long, now and for six seconds back."""
    now = {"name": "queue", "promQL": {"query": f"{depth_of(world)} < 100"}, "gates": "Mitigated"}
    back = {"name": "lately", "promQL": {"query": f"max_over_time({depth_of(world)}[6s]) < 100"}, "downstream": True}
    pods = {"name": "pods", "available": {}}
    return incident(recovery={"hold": hold, "criteria": [now, back, pods]})


@pytest.fixture(scope="module")
def prometheus(admin: Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """Prometheus, and the cluster's ResponsePolicy that names it."""
    with Prometheus(tmp_path_factory.mktemp("prometheus"), admin) as running:
        spec = {"prometheus": {"url": running.url}}
        policy = {"apiVersion": OURS, "kind": "ResponsePolicy", "metadata": {"name": "default"}, "spec": spec}
        admin.create(policy, "stanch-system").must()
        yield running
        admin.delete("responsepolicies", "stanch-system", "default")


@pytest.fixture(scope="module")
def operator(token: Json, fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """An operator to whom the hour of an item is two seconds."""
    waits = {"items_hold": 2, "items_look_every": 1}
    with Operator(token, tmp_path_factory.mktemp("operator"), "measured", fork_server, policy=waits) as running:
        yield running


@pytest.fixture
def world(worlds: Callable[..., World], prometheus: Prometheus, operator: Operator) -> World:
    """Two pods that serve, and that Prometheus has seen."""
    made = worlds("prom")
    made.deploy(deployment(pod=says(7, GOOD), replicas=2))
    made.serving()
    measured(prometheus, made, "7", 2)
    return made


def measured(prometheus: Prometheus, world: World, value: str, pods: int) -> None:
    """Wait until Prometheus has this value of so many pods, and of no other."""

    def look() -> bool:
        return [value] * pods == [each["value"][1] for each in prometheus.ask(depth_of(world))]

    until(look, 60, f"{pods} pods of {world.ns} say {value}")


def criterion(world: World, name: str = "queue") -> Json:
    """How one stands."""
    found = world.status().get("recovery", {}).get("criteria", [])
    return next((c for c in found if c["name"] == name), {})


def stands(world: World, state: str, words: str = "", name: str = "queue") -> Json:
    """Wait until it stands so; its record."""

    def look() -> Json | None:
        found = criterion(world, name)
        return found if found.get("state") == state and words in found.get("message", "") else None

    try:
        return until(look, 60, f"{name} {state} {words}")
    except AssertionError as error:
        raise AssertionError(f"{error}; it stands so: {criterion(world, name)}") from None


def when(text: str) -> datetime:
    """An instant of the API."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_only_what_is_measured_tells_that_it_is_over(world: World, prometheus: Prometheus) -> None:
    """
    A release that is Ready and wrong: harm is seen, the rollback is judged by it, and the hold has no sample in it of before.
    """
    world.release(says(340, BAD))
    world.serving()
    measured(prometheus, world, "340", 2)
    world.declare(watched(world))
    stands(world, "Failing", "does not hold")
    world.say("mitigate", ROLL_BACK | {"target": {"kind": "Deployment", "name": "checkout"}})
    world.condition("Resolved", seconds=120)
    status = world.status()
    record = world.mitigation()
    assert record["effect"] == "Helped"
    assert record["attempts"][0]["before"]["hurting"] is True
    applied = when(record["attempts"][0]["appliedTime"])
    recovery = status["recovery"]
    assert when(recovery["holdSinceTime"]) >= applied + LOOKS_BACK
    ends = when(recovery["holdSinceTime"]) + timedelta(seconds=4)
    assert all(when(c["dataTime"]) >= ends for c in recovery["criteria"] if c["check"] == "promQL")
    assert when(status["times"]["resolved"]) >= ends
    assert {c["value"] for c in recovery["criteria"] if c["name"] == "queue"} == {"7 and 1 more"}
    assert "Relapsed" not in [line["kind"] for line in status["timeline"]]
    it_is_drawn(world)


def it_is_drawn(world: World) -> None:
    """What Prometheus measured around the effect is in part b, as numbers and as a picture."""

    def parts() -> list[tuple[Json, dict[str, str]]]:
        return [kept(world, e["name"]) for e in world.status()["evidence"] if e.get("restOf") and e.get("stored")]

    def drawn() -> dict[str, str] | None:
        # Of a query that was not answered in time a bundle says so instead: that of the declaration asks, and that of the effect.
        return next((files for _, files in parts() if {"graphs/queue.json", "graphs/lately.svg"} <= files.keys()), None)

    try:
        files = until(drawn, 60, "a graph in part b")
    except AssertionError as error:
        lacks = [(e["metadata"]["name"], m) for e, _ in parts() for m in e["spec"].get("missing") or ()]
        raise AssertionError(f"{error}; {world.status()['evidence']}; missing: {lacks}") from None
    said = json.loads(files["graphs/queue.json"])
    assert {float(value) for each in said["series"] for _, value in each["points"] if value} >= {340.0}
    assert all(DEPTH in each["labels"] for each in said["series"])
    assert files["graphs/queue.svg"].startswith("<svg ")
    assert "graphs/lately.svg" in files


def test_one_bad_pod_of_two_is_no_recovery(world: World, prometheus: Prometheus) -> None:
    """The comparison alone leaves the good one, and that would look like success."""
    other = deployment("checkout-b", pod=says(340, BAD), replicas=1)
    world.deploy(other)
    world.serving("checkout-b")
    until(lambda: len(prometheus.ask(depth_of(world))) == 3, 60, "three pods are scraped")
    world.declare(watched(world))
    stands(world, "Failing", "does not hold for every series")
    assert not is_so(world.status(), "Mitigated")


def test_a_prometheus_that_stands_still_proves_nothing(world: World, prometheus: Prometheus) -> None:
    """Inconclusive with words, on the criterion and on Resolved; when it answers again it goes on to its end."""
    world.declare(watched(world, hold="20s"))
    world.condition("Mitigated")
    prometheus.stand_still()
    try:
        stands(world, "Inconclusive", "no answer within 3 s")
        resolved = next(c for c in world.status()["conditions"] if c["type"] == "Resolved")
        assert (resolved["status"], resolved["reason"]) == ("Unknown", "Inconclusive")
        assert "queue" in resolved["message"]
    finally:
        prometheus.go_on()
    stands(world, "Passing", "holds")
    world.condition("Resolved", seconds=120)


def test_pods_that_are_gone_have_not_recovered(world: World, prometheus: Prometheus) -> None:
    """Scaled to zero the queue has no length at all; that is no short queue."""
    world.declare(watched(world, hold="15s"))
    world.condition("Mitigated")
    world.set(replicas=0)
    stands(world, "Inconclusive", "no data")
    stands(world, "Failing", "scaled to zero, which is no recovery", "pods")
    assert prometheus.ask(depth_of(world)) == []
    assert not is_so(world.status(), "Resolved")
    world.set(replicas=2)
    world.condition("Resolved", seconds=120)
    assert [line["kind"] for line in lines(world.status(), "HoldStarted")].count("HoldStarted") >= 2


def test_a_query_that_is_none_says_what_prometheus_said(world: World) -> None:
    """Its own words, where people look; and it never ends by itself."""
    bad = {"name": "typo", "promQL": {"query": f"rate({DEPTH}) < 1"}, "gates": "Mitigated"}
    world.declare(incident(recovery={"hold": "2s", "criteria": [bad]}))
    told = stands(world, "Inconclusive", "Prometheus did not say", "typo")
    assert "range vector" in told["message"]
    assert not is_so(world.status(), "Mitigated")


def test_our_alert_rules_fire_when_they_should(prometheus: Prometheus, tmp_path: Path) -> None:
    """Prometheus' own tool reads them, and plays series to them: quiet when all is well, and not when it is not."""
    code, words = judged(tmp_path)
    assert 0 == code, words


# --- action items that are proved by it ------------------------------------------------------------------------------


def item(name: str, check: Json) -> Json:
    """An ActionItem that is done when this is so."""
    spec = {"title": "Alert when the queue of payments is long", "owner": "payments", "doneWhen": check}
    meta = {"apiVersion": OURS, "kind": "ActionItem", "metadata": {"name": name}}
    return meta | {"spec": spec | {"dueTime": "2027-12-05T17:00:00Z"}}


def reaches(world: World, name: str, state: str) -> Json:
    """Its status, once it stands so."""

    def look() -> Json | None:
        found = world.admin.get("actionitems", world.ns, name).get("status", {})
        return found if found.get("state") == state else None

    return until(look, 60, f"{name} is {state}")


def test_an_item_is_done_by_what_is_measured_and_by_a_rule_that_is_loaded(world: World, prometheus: Prometheus) -> None:
    """Both close by proof and open again when it is not so any more."""
    world.alice.create(item("short", {"promQL": {"query": f"{depth_of(world)} < 100"}}), world.ns).must()
    world.alice.create(item("rule", {"alertRule": {"name": "QueueLong"}}), world.ns).must()
    prometheus.load({"alert": "QueueLong", "expr": f"{DEPTH} > 100"})
    assert "holds" in reaches(world, "short", "Done")["proof"]["seen"]
    assert f"Prometheus has loaded alert QueueLong: `{DEPTH} > 100`" in reaches(world, "rule", "Done")["proof"]["seen"]
    prometheus.load()
    world.release(says(340, BAD))
    assert "Prometheus has loaded no alert QueueLong" in reaches(world, "rule", "Reopened")["reopened"][0]["why"]
    assert "does not hold" in reaches(world, "short", "Reopened")["reopened"][0]["why"]
