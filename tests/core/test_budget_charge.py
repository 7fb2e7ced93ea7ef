"""What an incident cost the error budgets of its service: from the series of Sloth and Pyrra, and never a guess."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from build import T0, entry, incident, stamp
from prometheus_series import Recorded, always, during
from stanch.api.policy import DEFAULT
from stanch.core.budget_charge import LOOKS_AFTER
from stanch.core.budget_series import POINTS, sampled
from stanch.core.observations import Failed, Found
from stanch.core.questions import POSTMORTEMS, Get
from world import CATALOG, World, healthy

URL = "http://prometheus.monitoring:9090"
M = timedelta(minutes=1)
SLOTH, SERVICE = "checkout-availability", "checkout"
# Half an hour of harm before it was declared.
BEGAN = T0 - 30 * M
# Of 30 days at 99.9 % there are 43.2 minutes: half of all for 4.32 minutes is five percent of that.
HARM = during(BEGAN, BEGAN + 4 * M + timedelta(seconds=19), 0.5)


def a_world(recorded: Any, *, url: str = URL, query: str = DEFAULT.budget_query, **spec: Any) -> World:
    """SEV4 with a service, well, and a Prometheus: Resolved within a minute, and nothing else asks for a full postmortem."""
    made = incident(**{"severity": "SEV4", "service": SERVICE, "impact": {"startedTime": stamp(BEGAN)}, **spec})
    policy = replace(DEFAULT, prometheus_url=url, budget_query=query, postmortem_detect=timedelta(hours=9))
    world = healthy(made)
    world.outside, world.catalog = recorded, replace(CATALOG, policy=policy)
    return world


def resolved(recorded: Any, **more: Any) -> World:
    """The same, two minutes later."""
    world = a_world(recorded, **more).run(minutes=2)
    assert "True Held" == world.condition("Resolved")
    assert [] == world.broken
    return world


def charges(world: World) -> list[tuple[str, str, str | None]]:
    """Objective, how far it is known, and how much; the state of the whole first."""
    record = world.incident.status.error_budget
    if record is None:
        return []
    return [("", record.state.value, record.message), *((c.slo, c.state.value, c.used) for c in record.charges or ())]


def sloth(ratio: Any = HARM, **more: Any) -> Recorded:
    """One objective of the service."""
    recorded = Recorded()
    recorded.sloth(SLOTH, SERVICE, ratio, **more)
    return recorded


# --- arithmetic ------------------------------------------------------------------------------------------------------


def test_what_went_is_the_error_ratio_over_the_time_it_lasted():
    """
    Four of 31 minutes at a half, of 43.2 minutes that may fail: 4 x 0.5 / 43.2. The time is that of the record.
    """
    world = resolved(sloth(), service=SERVICE)
    record = world.incident.status.error_budget
    assert [("", "Known", None), (SLOTH, "Known", "4.6")] == charges(world)
    assert (BEGAN, world.incident.status.times.resolved) == (record.from_time, record.to_time)
    assert timedelta(days=30) == record.charges[0].period


@pytest.mark.parametrize(
    ("ratio", "budget", "days", "used"),
    [(1.0, 0.001, 30, 71.8), (1.0, 0.001, 7, 307.5), (0.01, 0.01, 30, 0.07), (0.0, 0.001, 30, 0.0)],
    ids=["all fails", "of a week", "as much as may", "nothing fails"],
)
def test_it_is_of_the_budget_of_one_period(ratio, budget, days, used):
    """
    31 minutes of harm until it is resolved; more than all of it is possible.
    """
    world = resolved(sloth(always(ratio), budget=budget, days=days))
    lasted = (world.incident.status.times.resolved - BEGAN) / timedelta(days=days)
    (_, _, found) = charges(world)[1]
    assert float(found) == pytest.approx(lasted * ratio / budget * 100, rel=0.05, abs=0.01)
    assert float(found) == pytest.approx(used, rel=0.05, abs=0.01)


def test_pyrra_counts_by_its_objective_and_window():
    """
    Its burnrate series are error ratios; found by the objective that an alert names, and by a label of the service.
    """
    recorded = Recorded()
    recorded.pyrra("checkout-errors", always(0.05), service=SERVICE)
    world = resolved(recorded)
    (name, state, used) = charges(world)[1]
    lasted = (world.incident.status.times.resolved - BEGAN) / timedelta(weeks=4)
    assert ("checkout-errors", "Known") == (name, state)
    assert float(used) == pytest.approx(lasted * 5 * 100, rel=0.05)


def test_the_dearest_stands_first_and_each_is_told():
    """
    Availability and latency are two budgets.
    """
    recorded = sloth(always(0.01))
    recorded.sloth("checkout-latency", SERVICE, always(0.2), budget=0.05)
    recorded.sloth("payments-availability", "payments", always(1.0))
    world = resolved(recorded)
    assert [SLOTH, "checkout-latency"] == [name for name, _, _ in charges(world)[1:]]


def test_of_replicas_the_worse_counts_and_not_both():
    """
    Two servers behind one address record the same objective.
    """
    once, twice = sloth(always(0.01), replica="a"), sloth(always(0.01), replica="a")
    twice.sloth(SLOTH, SERVICE, always(0.008), replica="b")
    assert charges(resolved(once)) == charges(resolved(twice))


@pytest.mark.parametrize("hours", [0.5, 6, 30, 200, 2000])
def test_each_sample_stands_for_its_step(hours):
    """
    However long it went on there are few samples, whole seconds apart, and together they are as long as it was.
    """
    span = sampled(T0 - timedelta(hours=hours), T0)
    assert POINTS >= span.points
    assert 0 == span.step.total_seconds() % 60 % 1
    assert abs(span.points * span.step - timedelta(hours=hours)) <= span.step
    assert T0 == span.first + (span.points - 1) * span.step


def test_a_long_one_is_read_from_a_window_as_long_as_the_step():
    """
    A day and a half at one sample every nine minutes: the 5m ratio would look away in between, and the 30m one does not.
    """
    recorded = Recorded()
    recorded.sloth(SLOTH, SERVICE, always(0.0))
    half_hour = next(n for n, (name, _, _) in enumerate(recorded.series) if name.endswith("rate30m"))
    name, labels, _ = recorded.series[half_hour]
    recorded.series[half_hour] = (name, labels, always(0.001))
    world = resolved(recorded, impact={"startedTime": stamp(T0 - timedelta(hours=36))})
    assert float(charges(world)[1][2]) == pytest.approx(5.0, rel=0.05)


# --- what is not known -----------------------------------------------------------------------------------------------


def of_name(recorded: Recorded, *without: str) -> Recorded:
    """The same without series of these names."""
    recorded.series = [each for each in recorded.series if each[0] not in without]
    return recorded


def two_objectives() -> Recorded:
    """It was changed meanwhile, and which ratio belongs to which nobody knows."""
    recorded = sloth(always(0.5))
    recorded.series.append(("slo:error_budget:ratio", {"sloth_id": SLOTH, "sloth_service": SERVICE}, always(0.01)))
    return recorded


UNKNOWN: list[Any] = [
    (lambda: of_name(sloth(always(0.5)), "slo:error_budget:ratio"), "its objective is not recorded"),
    (lambda: of_name(sloth(always(0.5)), "slo:time_period:days"), "the period of its budget is not recorded"),
    (lambda: sloth(lambda _: None), "no error ratio of it was recorded in that time"),
    (lambda: sloth(always(float("nan"))), "no error ratio of it was recorded in that time"),
    (lambda: sloth(always(0.5), budget=0.0), "one of 100 %"),
    (lambda: sloth(always(0.5), days=0), "the period of its budget is not recorded"),
    (two_objectives, "more than one objective is recorded"),
]


@pytest.mark.parametrize(("made", "why"), UNKNOWN, ids=[why for _, why in UNKNOWN])
def test_what_can_not_be_told_is_unknown_and_says_why(made, why):
    """
    Never nought, and it asks for nothing.
    """
    world = resolved(made())
    assert [("", "Unknown", None), (SLOTH, "Unknown", None)] == charges(world)
    assert why in world.incident.status.error_budget.charges[0].message
    assert "Short" == world.incident.status.postmortem.decision


def test_where_only_part_was_recorded_it_is_at_least_so_much():
    """
    Prometheus was down for the last half of it: what failed then is not known.
    """
    world = resolved(sloth(lambda t: 1.0 if t <= BEGAN + 15 * M else None))
    (_, state, used) = charges(world)[1]
    assert ("AtLeast", 34.7) == (state, pytest.approx(float(used), rel=0.05))
    assert "of the time was recorded" in world.incident.status.error_budget.charges[0].message


@pytest.mark.parametrize("service", [SERVICE, "a service nobody records"])
def test_a_prometheus_that_knows_nothing_of_it_is_said(service):
    """
    By name; and a name that would break out of a query is not asked for at all.
    """
    world = resolved(Recorded(), service=service)
    record = world.incident.status.error_budget
    if service == SERVICE:
        assert "Prometheus has no series of Sloth or Pyrra of service checkout" == record.message
    else:
        assert None is record


ODD: list[Any] = [
    {"resultType": "vector", "result": []},
    {"resultType": "matrix", "result": [7, {"metric": 3}, {"metric": {"sloth_id": SLOTH}, "values": ["x", [1], None]}]},
    {"resultType": "matrix", "result": "no"},
    {},
]


@pytest.mark.parametrize("value", ODD, ids=["vector", "riddles", "a word", "nothing"])
def test_an_answer_of_another_shape_proves_nothing(value):
    """
    Unknown, and nobody falls over it.
    """
    assert "Unknown" == charges(resolved(lambda _: Found(value)))[0][1]


def test_times_that_contradict_each_other_charge_nothing():
    """
    Harm that begins after it is over: not taken from people any more, but an older record may say so.
    """
    world = a_world(sloth(always(1.0))).run(seconds=5)
    times = world.incident.status.times.model_copy(update={"started": T0 + timedelta(days=1)})
    status = world.incident.status.model_copy(update={"times": times})
    world.incident = world.incident.model_copy(update={"status": status})
    world.run(minutes=2)
    assert "Unknown" == charges(world)[0][1]
    assert "it has no length" in charges(world)[0][2]


# --- when ------------------------------------------------------------------------------------------------------------


def test_a_prometheus_that_is_away_is_said_and_asked_again():
    """
    A few times, not at each look; once it answers that is on the record, and a full postmortem is asked for by then.
    """
    recorded = sloth(always(1.0))
    recorded.away = "no answer within 3 s"
    world = resolved(recorded)
    assert [("", "Unknown", "Prometheus did not say: no answer within 3 s")] == charges(world)
    assert 2 == len(recorded.asked)
    assert "Short" == world.incident.status.postmortem.decision
    recorded.away = ""
    world.run(minutes=12)
    assert "Known" == charges(world)[0][1]
    assert "Required" == world.incident.status.postmortem.decision
    assert 2 == world.kinds().count("BudgetCharged")
    assert [] == world.broken


def test_it_is_not_asked_for_ever():
    """
    As often as there are looks, however long nobody answers.
    """
    recorded = sloth()
    recorded.away = "nobody is there"
    world = resolved(recorded)
    for hours in (0.1, 0.2, 0.5, 1, 5, 1, 24):
        world.now += timedelta(hours=hours)
        world.run(seconds=20)
    assert 2 * len(LOOKS_AFTER) == len(recorded.asked)
    assert 1 == world.kinds().count("BudgetCharged")
    assert [] == world.broken


def test_what_is_known_is_not_asked_again():
    """
    One look.
    """
    recorded = sloth()
    world = resolved(recorded)
    for hours in (0.2, 1, 5):
        world.now += timedelta(hours=hours)
        world.run(seconds=20)
    assert 2 == len(recorded.asked)


@pytest.mark.parametrize(
    "spec",
    [{"drill": True}, {"service": None}, {"service": '"} or vector(1) or {x="'}],
    ids=["a drill", "no service", "no name"],
)
def test_what_is_charged_to_nobody_is_not_asked_for(spec):
    """
    A drill costs nothing; what names no service and no objective has none.
    """
    recorded = sloth(always(1.0))
    world = a_world(recorded, **spec).run(minutes=2)
    assert "True" == world.condition("Resolved").split()[0]
    assert ([], []) == (charges(world), recorded.asked)


def test_without_a_prometheus_nothing_is_said():
    """
    Nobody was asked.
    """
    assert [] == charges(resolved(sloth(), url=""))


def test_the_draft_has_it_and_does_not_wait_for_long():
    """
    Resolved is written first; then one question, and the draft with its answer, all in the same moment.
    """
    world = resolved(sloth(always(1.0)))
    lines = {line.kind: line for line in world.incident.status.timeline}
    assert lines["Resolved"].seq < lines["BudgetCharged"].seq < lines["PostmortemDrafted"].seq
    assert lines["PostmortemDrafted"].time - lines["Resolved"].time <= timedelta(seconds=5)
    used = charges(world)[1][2]
    spec = world.objects[("postmortems", "checkout-5xx")]["spec"]
    assert f"{used} % of the 30-day budget of {SLOTH}" == spec["impact"]["errorBudget"]


def test_a_draft_says_nothing_of_what_is_not_known():
    """
    A number in a reason is no number of what it cost: it stands among the gaps, numbered.
    """
    recorded = sloth()
    recorded.away = "no answer within 3 s"
    world = resolved(recorded)
    assert "errorBudget" not in world.objects[("postmortems", "checkout-5xx")]["spec"].get("impact", {})
    body = world.answer(Get(POSTMORTEMS, "shop", "checkout-5xx")).value
    gap = next(g for g in body["status"]["gaps"] if g["kind"] == "BudgetUnknown")
    assert "What it cost the error budget is not known: Prometheus did not say: no answer within 3 s" == gap["text"]
    assert "Unknown" == body["status"]["facts"]["errorBudget"]["state"]


def test_resolved_again_it_is_charged_for_the_whole_time():
    """
    From the first harm to the last end.
    """
    recorded = sloth(always(0.5))
    world = resolved(recorded)
    before = world.incident.status.error_budget
    after = world.now - T0
    world.say(entry("bob", after=after, name="again", reopen={}, text="It is back")).run(minutes=40)
    record = world.incident.status.error_budget
    assert record.to_time > before.to_time
    assert float(record.charges[0].used) > float(before.charges[0].used)
    assert [] == world.broken


# --- what it asks for ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ratio", "most", "decision"),
    [(1.0, 20, "Required"), (0.2, 20, "Short"), (0.2, 10, "Required"), (1.0, 100, "Short")],
    ids=["72 of 20", "14 of 20", "14 of 10", "72 of 100"],
)
def test_a_budget_that_went_asks_for_a_full_postmortem(ratio, most, decision):
    """
    From the percent of the policy on, and with its number.
    """
    world = a_world(sloth(always(ratio)))
    world.catalog = replace(world.catalog, policy=replace(world.catalog.policy, postmortem_budget=most))
    record = world.run(minutes=2).incident.status.postmortem
    assert decision == record.decision
    assert (decision == "Required") == any(f"from {most} % on" in r for r in record.reasons or ())


# --- whose -----------------------------------------------------------------------------------------------------------


def test_the_objectives_that_its_signals_name_are_charged():
    """
    Without a service, by what they are called; and once where the service is told, too.
    """
    signals = [{"name": "burn", "slo": SLOTH}]
    for service in (None, SERVICE):
        world = resolved(sloth(always(0.5)), signals=signals, service=service)
        assert [SLOTH] == [name for name, _, _ in charges(world)[1:]]


def test_a_service_of_that_name_in_another_namespace_is_another_one():
    """
    Where series say whose they are; where they do not, the name counts.
    """
    recorded = Recorded()
    recorded.sloth("theirs", SERVICE, always(1.0), namespace="payments")
    recorded.sloth("ours", SERVICE, always(0.5), namespace="shop")
    recorded.sloth("anybodys", SERVICE, always(0.4))
    assert ["ours", "anybodys"] == [name for name, _, _ in charges(resolved(recorded))[1:]]


def test_a_query_of_the_platforms_own_is_asked_for_what_was_left():
    """
    Where neither Sloth nor Pyrra records anything: at least so much, for what came back meanwhile hides some.
    """
    recorded = Recorded()
    labels = {"namespace": "shop", "service": SERVICE}
    recorded.series.append(("budget_left", labels, during(BEGAN, T0 + timedelta(days=1), 0.35, otherwise=0.6)))
    recorded.series.append(("budget_left", {**labels, "namespace": "other"}, during(BEGAN, T0, 0.0, otherwise=1.0)))
    world = resolved(recorded, query="budget_left")
    assert [("", "AtLeast", None), (SERVICE, "AtLeast", "25.0")] == charges(world)
    assert "Required" == world.incident.status.postmortem.decision


def test_nothing_is_asked_while_something_is_under_way():
    """
    A dead Prometheus holds up no undo: the question comes after it.
    """
    failed = Failed(0, "no answer within 3 s")
    world = resolved(lambda _: failed)
    rounds = [r for r in world.rounds if any("sloth" in getattr(q, "query", "") for q in r)]
    assert rounds
    assert all(hasattr(q, "query") for r in rounds for q in r)
