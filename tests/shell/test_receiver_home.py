"""Where the incident of a group is: whatever joins or leaves the group, what is told of it goes there."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alert_api import AlertApi
from alert_place import Place, placed, runbook
from alerts import alert, minutes, payload
from build import T0, Json, stamp
from stanch.api.names import Label
from stanch.api.policy import DEFAULT
from stanch.core.alert_groups import read_known
from stanch.core.alert_states import firing
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


LATELY, LONG_AGO = minutes(30), timedelta(days=2)
# Before any of them, whatever the clock of the machine says.
BEGAN = datetime(2020, 1, 1, tzinfo=UTC)


def resolve(place: Place, name: str, ago: timedelta) -> None:
    """A person resolved the one in shop while its alerts fired; it is not closed yet."""
    when = datetime.now(UTC) - ago  # noqa: TID251 -- the receiver asks the API server for the time, which has this one
    place.api.incidents[("shop", name)]["status"] = {"times": {"declared": stamp(T0), "resolved": stamp(when)}}


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
    resolve(place, said["incident"], LONG_AGO)
    place.api.may.add("shop")
    _, new = await place.post(payload(alert(), alert(3, namespace="payments")))
    assert "stanch-system" == new["namespace"]


async def test_how_severe_it_is_does_not_say_where(place: Place) -> None:
    """A Runbook for these alerts does, even if it is for severer ones."""
    place.api.runbooks = [runbook("for-it", "shop", severities=["SEV1"])]
    place.api.may.add("shop")
    _, said = await place.post(payload(alert(severity="info")))
    assert "shop" == said["namespace"]
    assert "runbook" not in place.api.incidents[("shop", said["incident"])]["spec"]


def both(end: datetime | None = None) -> Json:
    """The alerts of two namespaces, in one notification."""
    return payload(alert(start=BEGAN, end=end), alert(2, BEGAN, end, namespace="payments"))


async def in_shop(place: Place, replica: Place) -> str:
    """Where its label says it is, and a second namespace has joined it there since: no label says where any more."""
    place.policy = replica.policy = replace(DEFAULT, alerts_namespaces=frozenset({"shop"}))
    place.api.may.add("shop")
    await place.post(payload(alert(start=BEGAN)))
    _, said = await place.post(both())
    assert "shop" == said["namespace"]
    return str(said["incident"])


@pytest.mark.parametrize("ago", [LATELY, LONG_AGO], ids=str)
@pytest.mark.parametrize("how", ["remembered", "watched", "cold"])
async def test_one_that_is_resolved_hears_the_end_where_it_was_made(
    place: Place, replica: Place, how: str, ago: timedelta
) -> None:
    """An end is told once: what the wrong namespace is told is heard of by nobody."""
    name = await in_shop(place, replica)
    resolve(place, name, ago)
    if how == "watched":
        watched(replica)
    teller = place if how == "remembered" else replica
    code, heard = await teller.post(both(BEGAN + minutes(1)))
    assert (202, "shop", name) == (code, heard["namespace"], heard["incident"])
    (body,) = place.api.incidents.values()
    known = read_known(body)
    assert known is not None
    assert 0 == firing(known.group)
    assert "reopenTime" not in body["spec"]["alertGroup"]


async def test_one_that_was_resolved_lately_is_reopened_where_it_was_made(place: Place, replica: Place) -> None:
    """And not made a second time where the labels point by now."""
    name = await in_shop(place, replica)
    resolve(place, name, LATELY)
    _, more = await replica.post(payload(alert(start=BEGAN), alert(3, namespace="payments")))
    assert ("shop", name) == (more["namespace"], more["incident"])
    assert "reopenTime" in place.api.incidents[("shop", name)]["spec"]["alertGroup"]


async def test_what_fired_all_along_makes_no_second_one_elsewhere(place: Place, replica: Place) -> None:
    """However long ago a person resolved it; and one that is closed draws nothing to it."""
    name = await in_shop(place, replica)
    resolve(place, name, LONG_AGO)
    _, again = await replica.post(both())
    assert ("shop", None) == (again["namespace"], again["incident"])
    assert 1 == len(place.api.incidents)
    place.api.incidents[("shop", name)]["metadata"]["labels"][Label.CLOSED] = "x"
    _, again = await replica.post(both())
    assert "stanch-system" == again["namespace"]
