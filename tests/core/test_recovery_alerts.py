"""Alerts that made an incident are a criterion of their own: it is not over while one fires, nor by their end alone."""

from typing import Any

import pytest

from alerts import alert, minutes, told
from build import T0, entry, incident
from stanch.api.alerts import AlertGroup
from stanch.api.names import Label
from stanch.core.alert_states import merged
from world import World, healthy

OPERATOR = "system:serviceaccount:stanch-system:stanch"
KEY = told(alert()).key


def group(*alerts: Any, received=T0) -> AlertGroup:
    """What the receiver keeps."""
    return merged(AlertGroup(key=KEY, received_time=T0), told(*alerts), received)


def alarmed(*alerts: Any, labelled: bool = True, **spec: Any) -> World:
    """An incident that these alerts made, about a service that is well by every probe."""
    spec = {"recovery": {"hold": "2m"}, **spec}
    made = incident(by=OPERATOR, severity=None, alertGroup=group(*alerts).wire(), **spec)
    labels = {Label.ALERT_GROUP: KEY} if labelled else {}
    return healthy(made.model_copy(update={"metadata": made.metadata.model_copy(update={"labels": labels})}))


def tell(world: World, *alerts: Any) -> None:
    """The receiver writes this."""
    spec = world.incident.spec.model_copy(update={"alert_group": group(*alerts, received=world.now)})
    world.incident = world.incident.model_copy(update={"spec": spec})


def criteria(world: World) -> dict[str, Any]:
    """By name."""
    return {c.name: c for c in world.incident.status.recovery.criteria}


def test_while_an_alert_fires_harm_is_not_over():
    """Its pods are well; what somebody measures is not."""
    world = alarmed(alert()).run(minutes=10)
    alerts = criteria(world)["alerts"]
    assert ("Failing", "an alert of its group fires", "Mitigated") == (alerts.state.value, alerts.message, alerts.gates)
    assert "False" == world.condition("Mitigated").split()[0]


def test_its_end_counts_from_when_it_ended_and_holds():
    """By Alertmanager's time; nothing is resolved by an alert alone."""
    world = alarmed(alert()).run(minutes=3)
    ended = world.now
    world.run(seconds=30)
    tell(world, alert(end=ended))
    world.run(seconds=20)
    assert ("Passing", ended) == (criteria(world)["alerts"].state.value, criteria(world)["alerts"].since_time)
    assert "False Holding" == world.condition("Resolved")
    world.run(minutes=2)
    assert ("True Held", []) == (world.condition("Resolved"), world.broken)


def test_one_of_two_is_not_all():
    """Every one of the group."""
    world = alarmed(alert(), alert(2)).run(minutes=1)
    tell(world, alert(end=T0 + minutes(1)), alert(2))
    world.run(minutes=5)
    assert "Failing" == criteria(world)["alerts"].state.value


def test_who_writes_an_alert_group_by_hand_gets_no_criterion_that_passes():
    """Without the label, which only the operator sets, no alert made it: nothing is believed of that."""
    world = alarmed(alert(end=T0), labelled=False).run(minutes=1)
    assert "alerts" not in criteria(world)


ALONE: list[Any] = [
    {"targets": None},
    {"targets": [{"kind": "ConfigMap", "name": "flags"}]},
    {"recovery": {"hold": "2m", "criteria": [{"name": "ended", "alertsResolved": {}, "gates": "Mitigated"}]}},
]


@pytest.mark.parametrize("spec", ALONE, ids=["no target", "a target that serves nobody", "so it was written"])
def test_an_alert_that_ends_alone_resolves_nothing(spec):
    """Its Prometheus may be gone; where nothing else can be looked at, a person says so (decisions 2.14)."""
    world = alarmed(alert(), **spec).run(minutes=2)
    tell(world, alert(end=world.now))
    world.run(minutes=5)
    assert ("True", "False Holding") == (world.condition("Mitigated").split()[0], world.condition("Resolved"))
    word = criteria(world)["a-person-says-so"]
    assert ("manual", "Failing", "Resolved") == (word.check, word.state.value, word.gates)
    world.say(entry("alice", after=world.now - T0, text="users are served", resolve={})).run(minutes=1)
    assert "False Holding" == world.condition("Resolved")
    world.run(minutes=2)
    assert ("True Held", []) == (world.condition("Resolved"), world.broken)


def test_a_word_is_asked_for_only_where_nothing_is_measured():
    """Pods that serve are more than anybody's word."""
    assert {"pods", "restarts", "alerts"} == criteria(alarmed(alert()).run(seconds=5)).keys()


def test_more_targets_than_there_is_room_for_leave_the_alerts_their_place():
    """Sixteen criteria are kept, and eight workloads have as many of their own."""
    many = [{"kind": "Deployment", "name": f"checkout-{n}"} for n in range(1, 9)]
    assert (16, True) == (len(known := criteria(alarmed(alert(), targets=many).run(seconds=5))), "alerts" in known)


PODS = {"name": "pods", "available": {}, "gates": "Mitigated"}
WRITTEN: list[Any] = [
    ([PODS, {"name": "restarts", "noRestarts": {}}], "alerts"),
    # A Runbook's author may call anything so.
    ([PODS, {"name": "alerts", "promQL": {"query": "queue < 100"}}], "alerts-of-its-group"),
    ([PODS, *({"name": f"word-{n}", "manual": {}} for n in range(11))], "alerts"),
]


@pytest.mark.parametrize(("written", "name"), WRITTEN, ids=["a Runbook's", "the name is taken", "as many as may be"])
def test_criteria_that_say_nothing_of_the_alerts_don_t_leave_them_out(written, name):
    """Pods may serve errors: while its own alert fires nothing is resolved, and Mitigated is for what was written to say."""
    world = alarmed(alert(), recovery={"hold": "2m", "criteria": written}).run(minutes=10)
    its = criteria(world)[name]
    assert ("alertsResolved", "Failing", "Resolved") == (its.check, its.state.value, its.gates)
    assert len(written) + 1 == len(criteria(world))
    assert ("True", "False") == tuple(world.condition(kind).split()[0] for kind in ("Mitigated", "Resolved"))


def test_the_runbook_of_an_alert_waits_for_its_end():
    """Then it holds, as everything that was written does."""
    world = alarmed(alert(), recovery={"hold": "2m", "criteria": [PODS]}).run(minutes=10)
    tell(world, alert(end=world.now))
    world.run(minutes=1)
    assert "False Holding" == world.condition("Resolved")
    world.run(minutes=2)
    assert ("True Held", []) == (world.condition("Resolved"), world.broken)


def test_where_the_end_of_the_alerts_was_written_it_is_not_added():
    """Once is enough."""
    ended = {"name": "ended", "alertsResolved": {}, "gates": "Mitigated"}
    world = alarmed(alert(), recovery={"criteria": [PODS, ended]}).run(seconds=5)
    assert {"pods", "ended"} == criteria(world).keys()
