"""Burn rates from the recording rules of Sloth and Pyrra: measured beside what an alert's labels say, and never guessed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from alerts import alert, told
from build import T0, Json, incident
from stanch.api.alerts import AlertGroup
from stanch.api.names import Label
from stanch.api.policy import DEFAULT
from stanch.core.alert_states import merged
from stanch.core.observations import Answer, Failed, Found
from stanch.core.questions import Metric, Probe
from stanch.core.slo_series import LOOKS_AFTER, burn_rates
from world import CATALOG, World

OPERATOR = "system:serviceaccount:stanch-system:stanch"
URL = "http://prometheus.monitoring:9090"
SLOTH = "checkout-availability"
ERRORS = "slo:sli_error:ratio_rate"
Series = dict[str, float | str]


def vector(**series: float | str) -> Json:
    """An instant vector; a name says its series with `_` for `:` where Python wants it."""
    result = [{"metric": {"__name__": name}, "value": [0, str(value)]} for name, value in series.items()]
    return {"resultType": "vector", "result": result}


def sloth(budget: float | str = 0.001, **rates: float) -> Json:
    """What Sloth's rules record, by window."""
    return vector(**{"slo:error_budget:ratio": budget} | {f"{ERRORS}{w}": r for w, r in rates.items()})


FAST = {"5m": 0.022, "30m": 0.02, "1h": 0.0161, "2h": 0.009, "6h": 0.004, "1d": 0.001, "3d": 0.0005}


def measured(answers: dict[str, Json], labels: Json, *, url: str = URL, **spec: Any) -> World:
    """An incident of an alert with these labels, and a Prometheus that knows these objectives."""
    said = told(alert(**labels))
    group = merged(AlertGroup(key=said.key, labels=dict(said.labels), received_time=T0), said, T0)
    made = incident(by=OPERATOR, **{"severity": None, "alertGroup": group.wire(), **spec})
    made = made.model_copy(
        update={"metadata": made.metadata.model_copy(update={"labels": {Label.ALERT_GROUP: said.key}})}
    )
    asked: list[str] = []

    def prometheus(question: Metric | Probe) -> Answer:
        assert isinstance(question, Metric)
        assert url == question.url
        asked.append(question.query)
        found = [a for name, a in answers.items() if f'="{name}"' in question.query]
        return Found(found[0] if found else vector()) if answers else Failed(0, "nobody is there")

    world = World(made, outside=prometheus, catalog=replace(CATALOG, policy=replace(DEFAULT, prometheus_url=url)))
    world.asked = asked  # type: ignore[attr-defined]
    return world.run(seconds=5)


def reasons(world: World) -> list[str]:
    """Why it is as severe as it is."""
    severity = world.incident.status.severity
    return [severity.level.value, *(severity.reasons or ())] if severity else []


def test_the_rate_of_sloth_is_read_where_its_alert_says_only_page() -> None:
    """
    The pair of windows, the rate of each, whose it is, and from where on; and the alert's own word after it.
    """
    world = measured({SLOTH: sloth(**FAST)}, {"sloth_id": SLOTH, "sloth_severity": "page", "severity": ""})
    assert [
        "SEV1",
        f"burn 16.1 over 1h and 22.0 over 5m of {SLOTH}, measured, SEV1 from 14.4",
        "an alert says page, which is SEV2",
    ] == reasons(world)
    assert world.broken == []


def test_the_rate_of_pyrra_is_read_where_its_rules_record_the_objective() -> None:
    """
    Errors over what may fail: one less the objective.
    """
    series = {"pyrra_objective": 0.99} | {
        f"http_requests:burnrate{w}": r for w, r in (("5m", 0.07), ("30m", 0.065), ("6h", 0.061))
    }
    world = measured({"checkout": vector(**series)}, {"slo": "checkout", "severity": "warning"})
    assert ["SEV2", "burn 6.1 over 6h and 6.5 over 30m of checkout, measured, SEV2 from 6"] == reasons(world)[:2]


WEAK: list[Any] = [
    (sloth(**FAST | {"5m": 0.0001, "30m": 0.0001, "2h": 0.0001, "6h": 0.0001}), "over in the short windows"),
    (sloth(**dict.fromkeys(FAST, 0.0001)), "slow"),
    (vector(**{f"{ERRORS}{w}": r for w, r in FAST.items()}), "no budget"),
    (sloth(budget=0.0, **FAST), "no budget at all"),
    (sloth(budget="NaN", **FAST), "a budget that is no number"),
    ({"resultType": "scalar", "result": [0, "1"]}, "a scalar"),
    ({"resultType": "vector", "result": [{"metric": {}, "value": "x"}, 7]}, "a riddle"),
]


@pytest.mark.parametrize(("answer", "why"), WEAK, ids=[why for _, why in WEAK])
def test_what_does_not_prove_a_rate_raises_nothing(answer: Json, why: str) -> None:
    """
    Both windows, or it is over; a budget that is known, or it is no rate.
    """
    world = measured({SLOTH: answer}, {"sloth_id": SLOTH, "severity": "warning"})
    assert ["SEV3", "an alert says warning, which is SEV3"] == reasons(world)


def test_a_prometheus_that_is_away_holds_nothing_up() -> None:
    """
    The labels count as before, and it is asked a few times, not at every look.
    """
    world = measured({}, {"sloth_id": SLOTH, "severity": "warning"})
    assert "SEV3" == reasons(world)[0]
    world.run(hours=2)
    assert 2 * len(LOOKS_AFTER) == len(world.asked)  # type: ignore[attr-defined]
    assert world.broken == []


@pytest.mark.parametrize(
    ("labels", "more"),
    [
        ({"sloth_id": '"} or vector(1) or {x="'}, {}),
        ({"sloth_id": SLOTH}, {"url": ""}),
        ({"alertname": "PodDown"}, {}),
    ],
    ids=["no name", "no Prometheus", "no objective"],
)
def test_it_is_asked_only_of_what_has_a_name(labels: Json, more: Json) -> None:
    """
    A label is other people's text, and never becomes a part of a query that does something else.
    """
    world = measured({SLOTH: sloth(**FAST)}, {"severity": "warning"} | labels, **more)
    assert [] == world.asked  # type: ignore[attr-defined]
    assert "SEV3" == reasons(world)[0]


def test_what_a_person_said_stays_and_what_is_measured_stands_beside_it() -> None:
    """
    Their word wins; that more is known is told.
    """
    world = measured({SLOTH: sloth(**FAST)}, {"sloth_id": SLOTH, "severity": "warning"}, severity="SEV3")
    assert "SEV3" == reasons(world)[0]
    assert any("what is known says SEV1: burn 16.1" in each for each in reasons(world))


def test_what_burnt_is_not_forgotten_when_it_burns_slower() -> None:
    """
    Severity never falls by itself.
    """
    answers = {SLOTH: sloth(**FAST)}
    world = measured(answers, {"sloth_id": SLOTH, "severity": "warning"})
    answers[SLOTH] = sloth(**dict.fromkeys(FAST, 0.0))
    assert "SEV1" == reasons(world.run(minutes=40))[0]


def test_five_minutes_may_be_told_by_the_current_rate() -> None:
    """
    Sloth records it already divided by the budget.
    """
    told = [*sloth(**{"1h": 0.0161})["result"], *vector(**{"slo:current_burn_rate:ratio": 22})["result"]]
    rates = burn_rates({"resultType": "vector", "result": told})
    assert {timedelta(minutes=5): "22.0", timedelta(hours=1): "16.1"} == {w: f"{r:.1f}" for w, r in rates.items()}
