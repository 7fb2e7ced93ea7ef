"""Recovery that Prometheus has to prove: by every series, by fresh samples, and never by nothing."""

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pytest

from build import entry, incident, roll_back
from stanch.core.observations import Failed, Found, NotFound
from stanch.core.questions import Metric, MetricRange
from world import CATALOG, World, bad_deploy, healthy

QUERY = "payments_queue_depth < 100"
URL = "http://prometheus.monitoring:9090"
MEASURED, NEWEST = "payments_queue_depth", "max(timestamp(payments_queue_depth))"


@dataclass
class Prometheus:
    """Knows one metric; what it says can be bent."""

    world: World
    values: list[Any] = field(default_factory=lambda: [7.0])
    age: float = 5
    skew: float = 0
    dead: str = ""
    warns: bool = False
    asked: list[Metric] = field(default_factory=list)
    says: dict[str, Any] = field(default_factory=dict)

    def __call__(self, question: Metric) -> Any:
        """An instant query."""
        self.asked.append(question)
        if self.dead:
            return Failed(0, self.dead)
        if question.query in self.says:
            return self.says[question.query]
        now = self.world.now.timestamp() + self.skew
        if question.query.startswith("max("):
            fresh = [now - self.age] if self.values else []
        elif "<" in question.query:
            fresh = [v for v in self.values if float(v) < 100]
        else:
            fresh = self.values
        result = [{"metric": {"n": str(n)}, "value": [now, str(v)]} for n, v in enumerate(fresh)]
        return Found({"resultType": "vector", "result": result})


def watched(
    *wishes: Any, hold: str | None = "5m", query: str = QUERY, make=healthy, by: str = "alice", **more: Any
) -> tuple[World, Prometheus]:
    """An incident that is over when a queue is short."""
    criterion = {"name": "queue", "promQL": {"query": query}, "gates": "Mitigated", **more}
    recovery = {"criteria": [criterion]} | ({"hold": hold} if hold else {})
    world = make(incident(*wishes, by=by, recovery=recovery))
    world.catalog = replace(CATALOG, policy=replace(CATALOG.policy, prometheus_url=URL))
    world.outside = Prometheus(world)
    return world, world.outside


def queue(world: World) -> Any:
    """The criterion."""
    return world.incident.status.recovery.criteria[0]


def test_it_holds_for_as_long_as_its_samples_say():
    """Resolved when a sample from after the end of the hold says so, not when our clock does."""
    world, prometheus = watched()
    world.run(seconds=30)
    assert "True CriteriaPassing" == world.condition("Mitigated").replace("WithoutUs", "CriteriaPassing")
    assert world.now - timedelta(seconds=40) < queue(world).since_time < world.now
    prometheus.age = 100
    world.run(minutes=6)
    assert "False Holding" == world.condition("Resolved"), "its samples are of before the end of the hold"
    prometheus.age = 5
    world.run(seconds=40)
    assert "True Held" == world.condition("Resolved")
    assert [] == world.broken


def test_it_asks_once_an_interval_and_bounds_what_it_waits():
    """Four questions a minute, each three queries with a time limit; to the policy's address alone."""
    world, prometheus = watched()
    world.run(minutes=2)
    assert 3 * 8 <= len(prometheus.asked) <= 3 * 10
    assert {(URL, 3.0)} == {(q.url, q.seconds) for q in prometheus.asked}
    assert {QUERY, MEASURED, NEWEST} == {q.query for q in prometheus.asked}


UNUSABLE = {
    "no data": ({"values": []}, "no data"),
    "NaN": ({"values": ["NaN"]}, "no number: 1 of 1"),
    "one NaN of two": ({"values": [3.0, "NaN"]}, "no number: 1 of 2"),
    "infinite": ({"values": ["-Inf"]}, "no number"),
    "stale": ({"age": 200}, "too old: its newest sample is of"),
    "a clock that is off": ({"skew": 90}, "the clock of Prometheus"),
    "no answer": ({"dead": "no answer within 3 s"}, "Prometheus did not say: no answer within 3 s"),
    "ended": ({"says": {NEWEST: Found({"resultType": "vector", "result": []})}}, "no fresh data"),
    "a matrix": ({"says": {QUERY: Found({"resultType": "matrix", "result": []})}}, "with a matrix"),
    "nonsense": ({"says": {QUERY: Found({"resultType": "vector", "result": [7]})}}, "no value"),
    "a time that is none": (
        {"says": {NEWEST: Found({"resultType": "vector", "result": [{"value": [1e300, "1"]}]})}},
        "names a time that is none",
    ),
    "no such thing": ({"says": {QUERY: NotFound()}}, "no Prometheus at this address"),
    "more than there is": (
        {"says": {QUERY: Found({"resultType": "vector", "result": [{"value": [0, "1"]}, {"value": [0, "1"]}]})}},
        "do not belong together",
    ),
}


@pytest.mark.parametrize("case", UNUSABLE)
def test_what_proves_nothing_is_inconclusive_and_never_over(case):
    """Visible, in words, on the criterion and on both conditions; and it stays so however long nobody looks."""
    bent, words = UNUSABLE[case]
    world, prometheus = watched()
    for name, value in bent.items():
        setattr(prometheus, name, value)
    world.run(minutes=9)
    assert "Inconclusive" == queue(world).state.value
    assert words in queue(world).message
    assert ("Unknown NoData", "Unknown Inconclusive") == (world.condition("Mitigated"), world.condition("Resolved"))
    resolved = next(c for c in world.incident.status.conditions if c.type == "Resolved")
    assert words in resolved.message
    world.run(hours=1)
    assert "Unknown Inconclusive" == world.condition("Resolved")


def test_without_a_prometheus_it_says_what_is_missing():
    """Only the platform names one; an incident can't."""
    world, _ = watched()
    world.catalog = CATALOG
    world.run(minutes=1)
    assert "prometheus.url of the ResponsePolicy of stanch-system names none" in queue(world).message


def test_after_ten_minutes_people_are_told_once():
    """That it will not end by itself like this, with what could be done."""
    world, prometheus = watched()
    prometheus.values = []
    world.run(hours=2)
    told = [line for line in world.incident.status.timeline if line.kind == "CriterionInconclusive"]
    assert 1 == len(told)
    assert told[0].text.startswith("queue: inconclusive for 10m: `payments_queue_depth < 100`: no data")


@pytest.mark.parametrize(
    ("values", "state", "words"),
    [
        ([7.0, 99.0], "Passing", "holds"),
        ([7.0, 100.0], "Failing", "does not hold for every series"),
        ([340.0], "Failing", "does not hold"),
    ],
)
def test_every_series_must_pass(values, state, words):
    """One of two that passes is no recovery; the comparison alone would leave it, and look like success."""
    world, prometheus = watched()
    prometheus.values = values
    world.run(minutes=1)
    assert (state, f"`{QUERY}` {words}") == (queue(world).state.value, queue(world).message)
    assert f"{max(values):g}" in queue(world).value or state == "Passing"


@pytest.mark.parametrize(
    ("value", "state"), [("1", "Passing"), ("0", "Failing"), ("0.5", "Inconclusive"), ("2", "Inconclusive")]
)
def test_without_a_comparison_the_values_say_it(value, state):
    """1 is good and 0 is bad; anything else needs a comparison: a query that answers is not one that passes."""
    world, prometheus = watched(query="up")
    prometheus.values = [value]
    prometheus.says = {}
    world.run(minutes=1)
    assert state == queue(world).state.value


def test_a_query_that_can_not_be_judged_says_how_it_should_be():
    """At once, in the record, and nobody is asked."""
    world, prometheus = watched(query="a < 1 and b < 2")
    world.run(minutes=1)
    assert "`and` at its top: write a criterion for each side" in queue(world).message
    assert [] == prometheus.asked


def test_a_rate_counts_from_when_its_window_is_clean():
    """Five minutes back from the effect there is the time before it: the hold begins when the window has none of that."""
    world, _prometheus = watched(roll_back(), query="rate(errors_total[4m]) < 100", hold="2m", make=bad_deploy)
    world.run(seconds=30)
    applied = world.record("roll-back").attempts[0].applied_time
    assert "True CriteriaPassing" == world.condition("Mitigated")
    resolved = next(c for c in world.incident.status.conditions if c.type == "Resolved")
    begins = (applied + timedelta(minutes=4)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert f"All criteria pass; the hold begins at {begins}" in resolved.message
    world.run(minutes=4)
    assert applied + timedelta(minutes=4) == world.incident.status.recovery.hold_since_time
    assert "False Holding" == world.condition("Resolved")
    world.run(minutes=2, seconds=30)
    assert "True Held" == world.condition("Resolved")


def test_an_effect_waits_for_nobody_outside():
    """Beside what is read anyway a quick answer is taken along, once; a dead Prometheus costs a quarter of a second."""
    world, prometheus = watched(roll_back(), make=bad_deploy)
    prometheus.dead = "no answer"
    world.look()
    assert 1 == len(world.effects)
    before = list(prometheus.asked)
    # What is drawn of it is asked when the effect is done.
    assert {0.25} == {q.seconds for q in before if not isinstance(q, MetricRange)}
    with_others = [r for r in world.rounds if any(isinstance(q, Metric) for q in r)]
    assert all(not all(isinstance(q, Metric) for q in r) for r in with_others)


def test_what_helped_is_judged_by_it():
    """Known to be bad before the effect and good after it: it helped."""
    world, prometheus = watched(roll_back(), make=bad_deploy)
    prometheus.values = [340.0]
    world.look()
    assert world.record("roll-back").attempts[0].before.hurting
    prometheus.values = [3.0]
    world.run(minutes=2)
    assert "Helped" == world.record("roll-back").effect.value


def test_a_criterion_of_what_depends_on_it_holds_it_open():
    """The service is well; the queue behind it drains for an hour, and it is not over before."""
    world, prometheus = watched(downstream=True, gates="Resolved")
    prometheus.values = [340.0]
    world.run(hours=1)
    assert "False" == world.condition("Resolved").split()[0]
    prometheus.values = [3.0]
    world.run(minutes=6)
    assert "True Held" == world.condition("Resolved")


def test_what_somebody_agreed_to_does_not_wait_for_prometheus_either():
    """A sample is due in the very look in which an approval comes: it is taken when the effect is there."""
    world, prometheus = watched(roll_back(), make=bad_deploy, by="system:serviceaccount:ci:deployer")
    world.run(minutes=1)
    prometheus.asked.clear()
    world.now += timedelta(seconds=20)
    record = world.record("roll-back")
    said = {"mitigation": "roll-back", "action": record.action, "digest": record.digest}
    before: list[int] = []
    world.outside = lambda question: before.append(len(world.effects)) or prometheus(question)
    world.say(entry("bob", after=world.now - world.incident.declared, approve=said)).look()
    assert (1, {1}) == (len(world.effects), set(before))
