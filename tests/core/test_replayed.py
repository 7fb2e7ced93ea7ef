"""
Faults of public suites, on what the API server shows of each: what is suggested first, what never, and that nothing is done.

The suites are ITBench, AIOpsLab, SREGym, the Litmus charts and Robusta's demos; docs/replayed.md says what of them is played,
and what is not.
"""

import copy
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from alerts import alert, minutes, told
from build import T0, UID, Json, incident, stamp
from replays import REPLAYS, SUITES, Replay, first_of, shown
from stanch.api.incident import Incident
from stanch.api.names import OPERATOR_USER, RUNBOOK_STAMP
from stanch.api.runbook import Runbook
from stanch.core.alert_groups import Create, Rules, body_of, decide
from stanch.core.runbook_match import choose
from world import World

BY_NAME = {each.name: each for each in REPLAYS}
TOLD = [each for each in REPLAYS if each.alert]
RULES = Rules(alerts=1, within=minutes(2), reopen_within=minutes(240))
ROOT = Path(__file__).resolve().parents[2]


def shipped() -> tuple[Runbook, ...]:
    """Runbooks of a team as they ship, in its namespace; the others live in namespaces of their own."""
    found = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(ROOT.glob("runbooks/*/runbook.yaml"))]
    known: Json = {"namespace": "shop", "uid": "book", "generation": 1, "creationTimestamp": stamp(T0)}
    mine = [book for book in found if "namespace" not in book["metadata"]]
    return tuple(Runbook.model_validate({**book, "metadata": book["metadata"] | known}) for book in mine)


BOOKS = shipped()


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


def alerted(replay: Replay) -> World:
    """The same cluster, the shipped Runbooks, and the incident that stanch makes of its alert."""
    world = World(incident(), objects=copy.deepcopy(shown(replay)))
    pod = next((name for plural, name in world.objects if plural == "pods"), "")
    labels = {name: value.replace("$(pod)", pod) for name, value in (replay.alert or {}).items()}
    said = told(alert(**labels))
    made = decide(said, (), RULES, T0)
    assert isinstance(made, Create)
    body = body_of(made, made.names[0], "shop", said, choose(said.labels, BOOKS))
    by: Json = {"username": OPERATOR_USER, "uid": "", "groups": []}
    body["spec"] |= {"declaredBy": by, "requesters": [{**by, "mitigations": [RUNBOOK_STAMP]}]}
    body["metadata"] |= {"uid": UID, "generation": 1, "resourceVersion": "100", "creationTimestamp": stamp(T0)}
    world.incident = Incident.model_validate(body)
    world.objects |= {("runbooks", book.metadata.name): book.wire() for book in BOOKS}
    return world


@pytest.mark.parametrize("replay", TOLD, ids=str)
def test_its_alert_finds_its_runbook_and_that_plans_what_is_right(replay: Replay) -> None:
    """
    One of those that ship is chosen; it plans the right act, which waits for a person, or a precondition keeps it from planning.
    """
    world = alerted(replay)
    chosen = world.incident.spec.runbook
    assert replay.runbook == (chosen.name if chosen else None)
    status = world.run(seconds=5).incident.status
    assert status.runbook
    unmet = [p.name for p in status.runbook.preconditions or () if not p.met]
    assert replay.unmet is None or [replay.unmet] == unmet
    planned = {r.action: (r.state, r.reason) for r in status.mitigations or ()}
    assert not (replay.unmet and planned)
    assert replay.does is None or planned[replay.does] == ("Held", "ApprovalMissing")
    assert ([], []) == (world.effects, world.broken)


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
