"""Where the incident of a group is: whatever joins or leaves the group, what is told of it goes there."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest

from alert_api import AlertApi
from alert_place import Place, placed, runbook
from alerts import alert, payload
from build import T0, stamp
from stanch.api.policy import DEFAULT
from stanch.shell.bells import Key


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """Everything together."""
    async with placed(AlertApi()) as made:
        yield made


@pytest.fixture
async def replica(place: Place) -> AsyncIterator[Place]:
    """Beside the first; it remembers nothing."""
    async with placed(place.api) as made:
        yield made


def watched(place: Place) -> None:
    """A watch has told of all that is stored."""
    for (namespace, name), body in place.api.incidents.items():
        place.cache.put(Key("incidents", namespace, name), body)


@pytest.mark.parametrize("how", ["remembered", "watched", "cold"])
async def test_an_end_finds_the_incident_where_it_was_made(place: Place, replica: Place, how: str) -> None:
    """An end says nothing of how severe it was, so the Runbook that brought it there is no longer for it by that."""
    place.api.runbooks = [runbook("for-it", "shop", severities=["SEV1"])]
    place.api.may.add("shop")
    _, said = await place.post(payload(alert(severity="critical")))
    assert "shop" == said["namespace"]
    place.api.runbooks = []
    teller = place if how == "remembered" else replica
    if how == "watched":
        watched(replica)
    code, end = await teller.post(payload(alert(end=T0 + timedelta(minutes=1), severity="critical")))
    assert (202, "shop", said["incident"]) == (code, end["namespace"], end["incident"])
    assert [0] == place.groups()


@pytest.mark.parametrize("how", ["remembered", "watched", "cold"])
async def test_another_namespace_that_joins_makes_no_second_one(place: Place, replica: Place, how: str) -> None:
    """One open incident a groupKey, whatever labels its alerts have in common by then."""
    place.policy = replica.policy = replace(DEFAULT, alerts_namespaces=frozenset({"shop"}))
    place.api.may.add("shop")
    _, said = await place.post(payload(alert()))
    teller = place if how == "remembered" else replica
    if how == "watched":
        watched(replica)
    code, more = await teller.post(payload(alert(), alert(2, namespace="payments")))
    assert (202, "shop", said["incident"]) == (code, more["namespace"], more["incident"])
    assert [2] == place.groups()


async def test_it_is_looked_for_only_where_the_sender_may_create(place: Place, replica: Place) -> None:
    """And what is over by now draws nothing to it."""
    place.policy = replace(DEFAULT, alerts_namespaces=frozenset({"shop"}))
    place.api.may.add("shop")
    _, said = await place.post(payload(alert()))
    place.api.may.remove("shop")
    _, other = await replica.post(payload(alert(), alert(2, namespace="payments")))
    assert "stanch-system" == other["namespace"]
    place.api.incidents.pop(("stanch-system", other["incident"]))
    place.api.incidents[("shop", said["incident"])]["status"] = {"times": {"resolved": stamp(T0)}}
    _, new = await place.post(payload(alert(), alert(3, namespace="payments")))
    assert "stanch-system" == new["namespace"]


async def test_how_severe_it_is_does_not_say_where(place: Place) -> None:
    """A Runbook for these alerts does, even if it is for severer ones."""
    place.api.runbooks = [runbook("for-it", "shop", severities=["SEV1"])]
    place.api.may.add("shop")
    _, said = await place.post(payload(alert(severity="info")))
    assert "shop" == said["namespace"]
    assert "runbook" not in place.api.incidents[("shop", said["incident"])]["spec"]
