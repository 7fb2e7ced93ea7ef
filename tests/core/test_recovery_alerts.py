"""Alerts that made an incident are a criterion of their own: it is not over while one fires, nor by their end alone."""

from typing import Any

from alerts import alert, minutes, told
from build import T0, incident
from stanch.api.alerts import AlertGroup
from stanch.api.names import Label
from stanch.core.alert_states import merged
from world import World, healthy

OPERATOR = "system:serviceaccount:stanch-system:stanch"
KEY = told(alert()).key


def group(*alerts: Any, received=T0) -> AlertGroup:
    """What the receiver keeps."""
    return merged(AlertGroup(key=KEY, received_time=T0), told(*alerts), received)


def alarmed(*alerts: Any, labelled: bool = True) -> World:
    """An incident that these alerts made, about a service that is well by every probe."""
    made = incident(by=OPERATOR, severity=None, alertGroup=group(*alerts).wire(), recovery={"hold": "2m"})
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
