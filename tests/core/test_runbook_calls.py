"""Whom to call when the time of a Runbook is over and it still hurts: said once, and only then."""

from dataclasses import replace
from datetime import timedelta

from books import following
from build import BAD, stamp
from core.test_runbooks import approve, frozen, start

CALLS = [{"after": "15m", "to": "database-team"}, {"after": "30m", "to": "director"}]


def test_escalations_have_their_times():
    """Counted from when the plan was made."""
    world = start(following(), escalate=[{"after": "15m", "to": "database-team"}])
    assert [("database-team", stamp(world.now + timedelta(minutes=15)))] == [
        (e.to, stamp(e.due_time)) for e in frozen(world).escalate
    ]


def called(world):
    """Whom the record says to call."""
    return [line.text.split(":")[0] for line in world.incident.status.timeline if line.kind == "Escalated"]


def test_who_is_to_be_called_is_said_once_while_it_hurts():
    """At its time, and not again; nobody once harm is over."""
    world = start(following(), escalate=CALLS)
    world.run(minutes=14)
    assert [] == called(world)
    world.run(minutes=2)
    assert ["call database-team"] == called(world)
    world.run(minutes=10)
    approve(world)
    world.run(minutes=20)
    assert (["call database-team"], []) == (called(world), world.broken)


def test_a_call_says_how_they_are_reached():
    """By the ResponsePolicy, as it is when the call is said."""
    world = start(following(), escalate=CALLS[:1])
    policy = replace(world.catalog.policy, contacts={"database-team": "#db-oncall"})
    world.catalog = replace(world.catalog, policy=policy)
    world.run(minutes=16)
    assert ["call database-team (#db-oncall)"] == called(world)


def test_who_was_not_called_while_it_was_calm_is_when_harm_is_back():
    """The time has passed meanwhile."""
    world = approve(start(following(recovery={"hold": "2h"}), escalate=CALLS))
    world.run(minutes=40)
    assert ("True CriteriaPassing", []) == (world.condition("Mitigated"), called(world))
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = BAD
    world.settle()
    world.run(minutes=2)
    assert ["call database-team", "call director"] == called(world)
