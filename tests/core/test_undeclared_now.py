"""What burns and has no incident: who is told, in which words, how often."""

from datetime import timedelta
from typing import Any

import pytest

from build import T0
from stanch.core.observations import Answer, Failed, Found
from stanch.core.undeclared_now import Burning, NotSaid, burning, on_runbooks, undeclared

SHOP = Burning(("shop",), 14.0)


def vector(*series: tuple[dict[str, str], str]) -> Answer:
    """As Prometheus answers."""
    return Found({"resultType": "vector", "result": [{"metric": m, "value": [1, v]} for m, v in series]})


def an_incident(service: str | None = "shop", drill: bool = False, **times: str) -> dict[str, Any]:
    """As a watch tells of it."""
    return {"spec": {"drill": drill} | ({"service": service} if service else {}), "status": {"times": times}}


def a_runbook(name: str, service: str | None) -> dict[str, Any]:
    """The part that counts."""
    return {"metadata": {"name": name, "uid": name}, "spec": {"service": service} if service else {}}


def test_names_are_those_an_incident_would_have() -> None:
    """A label that somebody gave it first, then Sloth's, then Pyrra's objective; the fastest first."""
    found = burning(
        vector(
            ({"slo": "pay-errors"}, "7"),
            ({"service": "web", "sloth_service": "shop"}, "14.4"),
            ({"sloth_service": "web", "service": "web"}, "8"),
            ({}, "99"),
            ({"service": "odd"}, "NaN"),
        )
    )
    assert [Burning(("web", "shop"), 14.4), Burning(("web",), 8.0), Burning(("pay-errors",), 7.0)] == found


@pytest.mark.parametrize("answer", [Failed(503, "busy"), Found({"resultType": "matrix"}), None])
def test_who_does_not_say_is_not_taken_for_calm(answer: Answer | None) -> None:
    """Whoever looks says so in the log, and looks again."""
    with pytest.raises(NotSaid):
        burning(answer)


@pytest.mark.parametrize(
    ("incident", "told"),
    [
        (an_incident("pay"), True),
        (an_incident("shop"), False),
        (an_incident(None), False),
        (an_incident(resolved="2026-11-21T13:00:00Z"), True),
        (an_incident(cancelled="2026-11-21T13:00:00Z"), True),
        (an_incident(drill=True), True),
    ],
    ids=["another", "its-own", "of-no-service", "resolved", "cancelled", "a-drill"],
)
def test_only_what_nobody_declared_is_told(incident: dict[str, Any], told: bool) -> None:
    """As the alert rule has it: an incident that names no service may be about any."""
    assert ([SHOP] if told else []) == undeclared([SHOP], [incident])


def test_any_of_its_names_is_its_name() -> None:
    """An incident of an alert has the one label, one that a person declared perhaps the other."""
    both = Burning(("web", "shop"), 14.0)
    assert [] == undeclared([both], [an_incident("web")]) == undeclared([both], [an_incident("shop")])


def test_each_runbook_of_the_service_is_told_once_an_hour() -> None:
    """With what to do; another service's, and one of no service, are not."""
    runbooks = [
        a_runbook("bad-deploy", "shop"),
        a_runbook("slow", "shop"),
        a_runbook("pay", "pay"),
        a_runbook("any", None),
    ]
    told = list(on_runbooks([SHOP, Burning(("shop",), 8.0)], runbooks, T0))
    assert [("bad-deploy", "shop/2026-11-21T14"), ("slow", "shop/2026-11-21T14")] == [
        (body["metadata"]["name"], each.once) for body, each in told
    ]
    later = [each.once for _, each in on_runbooks([SHOP], runbooks, T0 + timedelta(hours=1))]
    assert ["shop/2026-11-21T15"] * 2 == later
    assert (
        "shop has burnt its error budget 14 times as fast as it lasts for ten minutes, and no incident is open for it: declare "
        "one with spec.service shop (stanch declare --service shop). One too many is cheap"
    ) == told[0][1].message
