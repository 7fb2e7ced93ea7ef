"""
Faults of public suites, on what the API server shows of each: what is suggested first, what never, and that nothing is done.

The suites are ITBench, AIOpsLab, SREGym, the Litmus charts and Robusta's demos; docs/replayed.md says what of them is played,
and what is not.
"""

import copy
from dataclasses import replace

import pytest

from build import Json, incident
from replays import REPLAYS, SUITES, Replay, first_of, shown
from world import World

BY_NAME = {each.name: each for each in REPLAYS}


def shop(replay: Replay) -> World:
    """A cluster in which it has shown itself, and an incident in which nobody has asked for anything."""
    world = World(incident(severity="SEV2"), objects=copy.deepcopy(shown(replay)))
    return world.run(seconds=5)


@pytest.mark.parametrize("replay", REPLAYS, ids=str)
def test_what_fits_is_suggested_and_nothing_is_done(replay: Replay) -> None:
    """
    The narrowest act that answers it stands first; where doing nothing is right there is no advice at all.
    """
    world = shop(replay)
    said = [s.action for s in world.incident.status.suggestions or ()]
    assert replay.first == first_of(said)
    assert not set(replay.never) & set(said)
    assert (world.effects, world.broken, world.incident.status.mitigations) == ([], [], None)


def test_an_old_version_that_fails_and_a_new_one_are_told_apart() -> None:
    """
    The same pods, crashing in the same way: rolled out a minute ago it is the release, two days ago it is something else.
    """
    fresh = shop(replace(BY_NAME["dependency-down"], aged=False))
    assert fresh.incident.status.suggestions is None  # There is nothing to go back to.
    world = World(incident(severity="SEV2"), objects=shown(BY_NAME["dependency-down"]))
    (target,) = (o for (plural, _), o in world.objects.items() if plural == "deployments")
    conditions: list[Json] = target["status"]["conditions"]
    next(c for c in conditions if c["type"] == "Progressing")["reason"] = "ReplicaSetUpdated"
    assert ["rolloutUndo"] == [s.action for s in world.run(seconds=5).incident.status.suggestions or ()]


def test_every_one_says_where_it_comes_from_and_what_is_right() -> None:
    """
    Of a public suite, with a reason where nothing is right; a third at least are cases for doing nothing.
    """
    assert [] == [f"{r.name}: {s}" for r in REPLAYS for s in r.like if s.partition("/")[0] not in SUITES]
    assert [] == [r.name for r in REPLAYS if not r.like or (r.first is None) != bool(r.why)]
    assert len(REPLAYS) >= 12
    assert len([r for r in REPLAYS if r.first is None]) * 3 >= len(REPLAYS)
