"""More pods are asked for only where the namespace's quotas have room for all of them."""

from datetime import timedelta

import pytest

from build import Json, incident, scale_to
from stanch.core.quantity import parse
from world import World, bad_deploy, healthy

SMALL = {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"cpu": "1"}}


def quota(hard: Json, used: Json | None, **spec: object) -> Json:
    """A ResourceQuota as its controller keeps it."""
    meta = {"name": "shop-quota", "namespace": "shop", "uid": "quota"}
    return {
        "metadata": meta,
        "spec": {"hard": hard, **spec},
        "status": {"hard": hard} | ({"used": used} if used else {}),
    }


def scaled(found: Json | None, wanted: int = 5, resources: Json | None = None) -> World:
    """Three pods, none of which crash, become so many."""
    there = healthy(incident(scale_to(wanted)))
    there.target["status"] |= {"availableReplicas": 2, "unavailableReplicas": 1}
    there.controller_works = False
    if resources is not None:
        there.target["spec"]["template"]["spec"]["containers"][0]["resources"] = resources
    if found is not None:
        there.objects[("resourcequotas", "shop-quota")] = found
    return there.run(seconds=10)


@pytest.mark.parametrize(
    ("hard", "used", "room"),
    [
        ({"pods": "5"}, {"pods": "3"}, None),
        ({"pods": "4"}, {"pods": "3"}, 1),
        ({"count/pods": "3"}, {"count/pods": "3"}, 0),
        ({"pods": "2"}, {"pods": "3"}, 0),
        ({"requests.cpu": "1250m"}, {"requests.cpu": "750m"}, None),
        ({"requests.cpu": "1"}, {"requests.cpu": "750m"}, 1),
        ({"cpu": "1"}, {"cpu": "750m"}, 1),
        ({"memory": "4Gi"}, {"memory": "3Gi"}, 1),
        ({"limits.cpu": "4"}, {"limits.cpu": "3"}, 1),
        ({"limits.memory": "1"}, {"limits.memory": "0"}, None),
        ({"persistentvolumeclaims": "0"}, {"persistentvolumeclaims": "0"}, None),
        ({"requests.cpu": "1e0"}, {"requests.cpu": "1"}, None),
        ({"pods": "1"}, None, 1),
        ({"pods": "10", "cpu": "1"}, {"pods": "3", "cpu": "1"}, 0),
    ],
    ids=str,
)
def test_it_is_refused_where_not_all_of_them_would_be_made(hard: Json, used: Json | None, room: int | None) -> None:
    """Half of what was asked for is no answer; how many there is room for is."""
    there = scaled(quota(hard, used), resources=SMALL)
    assert (room is None) == (1 == len(there.effects))
    if room is not None:
        said = there.record("size").message or ""
        assert ("Preflight", True) == (there.record("size").reason, f"leaves room for {room} more pods" in said)
        assert said.endswith(f"ask for {3 + room} replicas at most")


@pytest.mark.parametrize(
    ("wanted", "spec"),
    [(2, {}), (5, {"scopes": ["BestEffort"]}), (5, {"scopeSelector": {"matchExpressions": []}})],
)
def test_it_is_not_refused_for_what_is_not_known_or_not_in_the_way(wanted: int, spec: Json) -> None:
    """Fewer pods need no room, and a quota with scopes may be about other pods."""
    assert 1 == len(scaled(quota({"pods": "3"}, {"pods": "3"}, **spec), wanted).effects)


def test_what_is_only_limited_is_asked_for_as_well() -> None:
    """The API server takes the limit where no request is written."""
    there = scaled(quota({"requests.cpu": "4"}, {"requests.cpu": "3"}), resources={"limits": {"cpu": "1"}})
    assert "leaves room for 1 more pods" in (there.record("size").message or "")


def test_it_goes_on_when_there_is_room() -> None:
    """A refusal is looked at again."""
    there = scaled(quota({"pods": "3"}, {"pods": "3"}))
    assert [] == there.effects
    there.objects[("resourcequotas", "shop-quota")] = quota({"pods": "9"}, {"pods": "3"})
    there.wait(there.now + timedelta(minutes=1))
    assert 1 == len(there.effects)


def test_a_quota_that_nobody_counted_yet_is_no_hindrance() -> None:
    """Without status nothing is known."""
    there = scaled({"metadata": {"name": "shop-quota"}, "spec": {"hard": {"pods": "1"}}})
    assert 1 == len(there.effects)


@pytest.mark.parametrize(
    ("said", "value"), [("1500m", 1.5), ("2Ki", 2048.0), ("100n", 1e-7), ("1e3", None), ("x", None), ("0", 0.0)]
)
def test_quantities_are_read_or_not(said: str, value: float | None) -> None:
    """What can't be read is nothing that could be refused for."""
    assert value == (None if (found := parse(said)) is None else pytest.approx(found))


def test_a_rollback_needs_no_room() -> None:
    """Its pods come one for one; what is in its way, the controller says."""
    there = bad_deploy(incident({"name": "roll-back", "rolloutUndo": {}}))
    there.objects[("resourcequotas", "shop-quota")] = quota({"pods": "3"}, {"pods": "3"})
    assert 1 == len(there.run(seconds=5).effects)
