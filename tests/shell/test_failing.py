"""An incident at which every look fails says so itself, once, and not any more when a look goes well."""

import json
from typing import Any

import pytest

from build import incident, roll_back
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache
from stanch.shell.client import Reply, Unanswered
from stanch.shell.clock import Clock
from stanch.shell.failing import TOLD_AFTER
from stanch.shell.reconcile import Reconciler
from stanch.shell.rewind import Rewind
from world import CATALOG, World, bad_deploy

KEY, OTHER = Key("incidents", "shop", "checkout-5xx"), Key("incidents", "shop", "other")
SECRET = "hunter2"


class Place:
    """An API server that keeps conditions, and counts what is told."""

    def __init__(self, body: dict[str, Any], status: int = 200) -> None:
        self.body, self.status, self.clock = body, status, Clock()
        self.written: list[list[dict[str, Any]]] = []
        self.events: list[dict[str, Any]] = []

    async def get(self, path: str, params: Any = None, accept: str = "") -> Reply:
        return Reply(200, self.body)

    async def patch(self, path: str, body: str, content_type: str, dry: bool = False) -> Reply:
        if self.status == 0:
            raise Unanswered("reset")
        if self.status != 200:
            return Reply(self.status, {"message": "another version"})
        said = json.loads(body)["status"]["conditions"]
        self.written.append(said)
        version = str(int(self.body["metadata"]["resourceVersion"]) + 1)
        meta = self.body["metadata"] | {"resourceVersion": version}
        self.body = {**self.body, "metadata": meta, "status": {**self.body["status"], "conditions": said}}
        return Reply(200, self.body)

    async def create(self, path: str, obj: dict[str, Any]) -> Reply:
        self.events.append(obj)
        return Reply(201, {})


class Broken:
    """Plans that raise, but for other incidents."""

    def __init__(self) -> None:
        self.looked: list[str] = []
        self.error: Exception = KeyError(SECRET)

    async def plan(self, incident: Any, seen: Any, catalog: Any, now: Any) -> Any:
        self.looked.append(incident.metadata.name)
        raise self.error


@pytest.fixture
def body() -> dict[str, Any]:
    """An incident that was looked at once."""
    there = bad_deploy(incident(roll_back())).run(seconds=2)
    wire = there.incident.wire()
    return wire | {"metadata": wire["metadata"] | {"resourceVersion": "107"}}


def reconciler(place: Place) -> Reconciler:
    """One that knows the incident, and can plan none."""
    cache = Cache()
    cache.put(KEY, place.body)
    made = Reconciler(place, CATALOG, cache, Bells(), Rewind(place, again=0.001))
    made.thinking = Broken()
    return made


async def look(at: Reconciler, times: int) -> None:
    """So many times in a row."""
    for _ in range(times):
        await at.look(KEY)


def stalled(place: Place) -> dict[str, Any]:
    """What its conditions say."""
    return next((c for c in place.body["status"]["conditions"] if c["type"] == "Stalled"), {})


@pytest.mark.parametrize("more", [0, 7])
async def test_after_some_in_a_row_it_is_said_on_the_incident_once(body: dict[str, Any], more: int) -> None:
    """Where it failed, and what to do; what the error says itself is in the log alone."""
    place = Place(body)
    at = reconciler(place)
    await look(at, TOLD_AFTER - 1)
    assert ({}, []) == (stalled(place), place.events)
    await look(at, 1 + more)
    said = stalled(place)
    assert ("True", "LookFails") == (said["status"], said["reason"])
    assert said["message"].startswith("stanch fails each time it looks at this incident: KeyError in ")
    assert "act by hand" in said["message"]
    assert (1, 1) == (len(place.written), len(place.events))
    assert SECRET not in json.dumps([place.written, place.events])
    others = {c["type"] for c in body["status"]["conditions"]}
    assert others <= {c["type"] for c in place.body["status"]["conditions"]}, "the rest is left as it was"


async def test_another_failure_is_another_word_from_the_same_time_on(body: dict[str, Any]) -> None:
    """The time is when it began to fail."""
    place = Place(body)
    at = reconciler(place)
    await look(at, TOLD_AFTER)
    since = stalled(place)["lastTransitionTime"]
    at.thinking.error = ValueError(SECRET)
    await look(at, 3)
    assert ("ValueError" in stalled(place)["message"], since) == (True, stalled(place)["lastTransitionTime"])
    assert (2, 2) == (len(place.written), len(place.events))


@pytest.mark.parametrize("status", [409, 500, 0])
async def test_what_was_not_taken_is_said_with_the_next_one(body: dict[str, Any], status: int) -> None:
    """Nothing is raised by it, and nothing told before it stands."""
    place = Place(body, status)
    at = reconciler(place)
    await look(at, TOLD_AFTER + 1)
    assert [] == place.events
    place.status = 200
    await look(at, 1)
    assert ("True", 1) == (stalled(place)["status"], len(place.events))


async def test_it_counts_anew_after_one_that_went_well(body: dict[str, Any]) -> None:
    """Now and then is no failure that stays."""
    place = Place(body)
    at = reconciler(place)
    for _ in range(3):
        await look(at, TOLD_AFTER - 1)
        at._failing.well(KEY)
    assert [] == place.written


async def test_one_that_fails_stops_no_other(body: dict[str, Any]) -> None:
    """Each key for itself."""
    place = Place(body)
    at = reconciler(place)
    await look(at, TOLD_AFTER)
    other = {**body, "metadata": body["metadata"] | {"name": "other", "uid": "u2"}}
    at.cache.put(OTHER, other)
    await at.look(OTHER)
    assert "other" == at.thinking.looked[-1]
    assert 1 == len(place.written)


def test_a_plan_that_goes_well_takes_it_off_again(body: dict[str, Any]) -> None:
    """As it does with what broke a law."""
    there: World = bad_deploy(incident(roll_back())).run(seconds=2)
    condition = {"type": "Stalled", "status": "True", "reason": "LookFails", "message": "x"}
    condition |= {"observedGeneration": 1, "lastTransitionTime": "2026-11-21T14:00:00Z"}
    wire = there.incident.wire()
    wire["status"]["conditions"] = [*wire["status"]["conditions"], condition]
    there.incident = type(there.incident).model_validate(wire)
    assert "True LookFails" == there.condition("Stalled")
    there.run(seconds=2)
    assert "-" == there.condition("Stalled")
