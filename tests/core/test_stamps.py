"""When it began, was noticed, was over: each with who or what set it, and what the record said before (issue 8, part 1)."""

from datetime import timedelta
from typing import Any

import pytest

from alerts import alert, told
from build import T0, entry, incident, roll_back
from stanch.api.alerts import AlertGroup
from stanch.api.names import Label
from stanch.api.stamps import BEFORE_MAX
from stanch.core.alert_states import merged
from world import World, bad_deploy, healthy

ROBOT = "system:serviceaccount:stanch-system:stanch"
M = timedelta(minutes=1)


def say(world: World, by: str, **said: Any) -> World:
    """Somebody says something now."""
    after = world.now - world.incident.declared
    return world.say(entry(by, after=after, name=f"said-{len(world.entries)}", **said)).run(seconds=2)


def put_right(world: World, by: str, what: str, time: str, text: str = "The graph says so") -> World:
    """A correction of that day."""
    return say(world, by, correct={"what": what, "time": f"2026-11-21T{time}Z"}, text=text)


def stamps(world: World) -> dict[str, tuple[str, str, str]]:
    """When, by whom and from where, by name; `-` for what is not so any more."""
    assert [] == world.broken
    return {
        s.what.value: (f"{s.time:%H:%M:%S}" if s.time else "-", s.by, s.source) for s in world.incident.status.stamps
    }


def before(world: World, what: str) -> list[str]:
    """What it was before, oldest first."""
    found = next(s for s in world.incident.status.stamps if s.what.value == what)
    return [f"{b.time:%H:%M:%S} {b.by}" if b.time else f"- {b.by}" for b in found.before or ()]


def last(world: World) -> str:
    """The newest line."""
    line = world.incident.status.timeline[-1]
    return f"{line.kind}: {line.text}"


# --- who or what set it ----------------------------------------------------------------------------------------------


def test_a_person_who_declares_sets_four_of_them() -> None:
    """In the spec: when it began, too; who declares has noticed it, and is on it."""
    world = bad_deploy(incident(impact={"startedTime": "2026-11-21T13:55:00Z"})).run(seconds=3)
    assert {
        "started": ("13:55:00", "alice", "Spec"),
        "detected": ("14:00:00", "alice", "Spec"),
        "declared": ("14:00:00", "alice", "Spec"),
        "acknowledged": ("14:00:00", "alice", "Spec"),
    } == stamps(world)


def test_an_alert_notices_it_and_the_first_person_who_says_a_word_is_on_it() -> None:
    """A machine declares; it is acknowledged by the entry of a person, whatever that says."""
    seen = told(alert(start=T0 - 3 * M))
    made = incident(by=ROBOT, alertGroup=merged(AlertGroup(key=seen.key, received_time=T0), seen, T0).wire())
    labels = {Label.ALERT_GROUP: seen.key}
    world = bad_deploy(made.model_copy(update={"metadata": made.metadata.model_copy(update={"labels": labels})}))
    world.run(seconds=30)
    assert ("13:57:00", "Alertmanager", "Alerts") == stamps(world)["detected"]
    assert "acknowledged" not in stamps(world)
    say(world, "bob", impact={"startedTime": "2026-11-21T13:50:00Z"})
    assert ("bob", "Entry/said-0") == stamps(world)["acknowledged"][1:]
    assert ("13:50:00", "bob", "Entry/said-0") == stamps(world)["started"]


def test_recovery_ends_it_and_a_relapse_takes_that_back() -> None:
    """Set by what was measured; what was said to be over is history, and the next time stands beside it."""
    world = healthy(incident(recovery={"hold": "10m"})).run(minutes=1)
    when, *by = stamps(world)["mitigated"]
    assert ["stanch", "Recovery"] == by
    world.target["status"] |= {"availableReplicas": 0, "readyReplicas": 0, "unavailableReplicas": 3}
    world.run(minutes=1)
    assert ("-", "stanch", "Recovery") == stamps(world)["mitigated"]
    assert [f"{when} stanch"] == before(world, "mitigated")
    world.settle()
    world.run(minutes=15)
    assert ("stanch", "Recovery") == stamps(world)["resolved"][1:]
    assert 2 == len(before(world, "mitigated"))


def test_where_nothing_is_measured_a_person_ends_it() -> None:
    """An update in state Monitoring says that harm is over; a resolve entry, that it is for good; each by its author."""
    world = World(incident(targets=None, recovery=None)).run(seconds=3)
    say(world, "dora", update={"audience": "internal", "state": "Identified"}, text="The provider is down")
    assert "Unknown NoData" == world.condition("Mitigated")
    say(world, "dora", update={"audience": "internal", "state": "Monitoring"}, text="The provider is back")
    assert ("True PersonSaysSo", "False Holding") == (world.condition("Mitigated"), world.condition("Resolved"))
    assert ("dora", "Word") == stamps(world)["mitigated"][1:]
    say(world, "dora", update={"audience": "internal", "state": "Investigating"}, text="It is gone again")
    assert ("Unknown NoData", "-") == (world.condition("Mitigated"), stamps(world)["mitigated"][0])
    assert "Relapsed: Harm is back: A person says so" in [f"{x.kind}: {x.text}" for x in world.incident.status.timeline]
    say(world, "alice", resolve={})
    assert ("True Held", ("alice", "Word")) == (world.condition("Resolved"), stamps(world)["resolved"][1:])


def test_a_machines_update_ends_nothing() -> None:
    """What a pipeline posts is no person's word."""
    world = World(incident(targets=None, recovery=None)).run(seconds=3)
    robot = "system:serviceaccount:ci:deployer"
    say(world, robot, update={"audience": "internal", "state": "Monitoring"}, text="All green")
    assert "Unknown NoData" == world.condition("Mitigated")


def test_an_override_says_who() -> None:
    """Not what was measured: a person, against it."""
    world = say(bad_deploy(incident()).run(seconds=3), "carol", resolve={"override": True}, text="Seen by hand")
    assert ("carol", "Override") == stamps(world)["resolved"][1:]


# --- what was wrong stays --------------------------------------------------------------------------------------------


def test_a_correction_counts_and_the_wrong_time_stays_to_be_read() -> None:
    """In the time, in what is worked out from it, as a milestone, and in the history; as often as it is put right."""
    world = bad_deploy(incident(impact={"startedTime": "2026-11-21T13:55:00Z"})).run(minutes=30)
    assert timedelta(minutes=5) == world.incident.status.durations.to_detect
    put_right(world, "erin", "started", "13:52:00")
    put_right(world, "bob", "detected", "13:54:00", "The pager rang then")
    status = world.incident.status
    assert (T0 - 8 * M, T0 - 6 * M) == (status.times.started, status.times.detected)
    assert (timedelta(minutes=2), timedelta(minutes=6)) == (status.durations.to_detect, status.durations.to_declare)
    assert ("13:52:00", "erin", "Entry/said-0") == stamps(world)["started"]
    assert (["13:55:00 alice"], ["14:00:00 alice"]) == (before(world, "started"), before(world, "detected"))
    assert T0 - 8 * M == status.impact.value.started_time
    words = "TimeCorrected: detected at 2026-11-21T13:54:00Z, not 2026-11-21T14:00:00Z: The pager rang then"
    assert (words, True) == (last(world), status.timeline[-1].milestone)


def test_of_many_corrections_the_newest_are_kept_and_all_are_lines() -> None:
    """The record is small; the timeline drops none."""
    world = bad_deploy(incident()).run(minutes=30)
    for minute in range(BEFORE_MAX + 3):
        put_right(world, "erin", "detected", f"13:{50 - minute}:00")
    assert BEFORE_MAX == len(before(world, "detected"))
    assert BEFORE_MAX + 3 == world.kinds().count("TimeCorrected")


def test_applying_the_same_file_again_takes_no_correction_back() -> None:
    """What the spec said was taken in; another value there is a new statement."""
    started = {"impact": {"startedTime": "2026-11-21T13:55:00Z"}}
    world = put_right(bad_deploy(incident(**started)).run(minutes=1), "erin", "started", "13:52:00")
    world.respec(**started).run(seconds=5)
    assert "13:52:00" == stamps(world)["started"][0]
    world.respec(impact={"startedTime": "2026-11-21T13:40:00Z"}).run(seconds=5)
    assert ("13:40:00", "spec", "Spec") == stamps(world)["started"]
    assert ["13:55:00 alice", "13:52:00 erin"] == before(world, "started")


def test_when_it_was_over_can_be_put_right_afterwards() -> None:
    """By who commands; the durations follow."""
    world = healthy(incident(roll_back(), roles={"commander": "alice"}, recovery={"hold": "30s"})).run(minutes=5)
    put_right(world, "alice", "mitigated", "14:00:10")
    assert ("14:00:10", "alice", "Entry/said-0") == stamps(world)["mitigated"]
    assert timedelta(seconds=10) == world.incident.status.durations.to_mitigate
    assert "True CriteriaPassing" == world.condition("Mitigated") or "Mitigated" in world.kinds()


WRONG = {
    "to-come": ("bob", "detected", "23:00:00", "correct.time is to come (got 2026-11-21T23:00:00Z"),
    "the-same": ("bob", "detected", "14:00:00", "correct.time: detected is 2026-11-21T14:00:00Z already"),
    "not-yet": (
        "alice",
        "resolved",
        "13:00:00",
        "correct.what: it was not resolved yet, so there is nothing to correct",
    ),
    "declared-later": (
        "bob",
        "declared",
        "14:10:00",
        "it was declared by 2026-11-21T14:00:00Z, when the Incident was created",
    ),
    "not-the-commander": (
        "bob",
        "mitigated",
        "14:00:05",
        "alice is commander: when it was mitigated is for them to say",
    ),
    "before-it-began": ("alice", "mitigated", "13:00:00", "mitigated can't be before 2026-11-21T13:55:00Z"),
    "began-after": ("bob", "started", "14:20:00", "started can't be after"),
    "a-machine": ("system:serviceaccount:ci:x", "detected", "13:59:00", "is a machine; a person must say it"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_correction_that_can_not_be_is_refused_and_changes_nothing(name: str) -> None:
    """With what is so and the field; mitigated, and not resolved yet."""
    by, what, time, why = WRONG[name]
    spec = {
        "roles": {"commander": "alice"},
        "impact": {"startedTime": "2026-11-21T13:55:00Z"},
        "recovery": {"hold": "8h"},
    }
    world = healthy(incident(**spec)).run(minutes=30)
    world.may = lambda q: q.verb != "command"
    was = (world.incident.status.times, world.incident.status.stamps)
    put_right(world, by, what, time)
    assert "EntryRefused: Refused: " in last(world)
    assert why in last(world)
    assert was == (world.incident.status.times, world.incident.status.stamps)


def test_a_typo_in_a_year_is_refused() -> None:
    """Spans of years would stand in every report."""
    world = bad_deploy(incident()).run(minutes=1)
    say(world, "bob", correct={"what": "detected", "time": "2024-11-21T13:59:00Z"}, text="Earlier")
    assert "correct.time is more than a year ago (got 2024-11-21T13:59:00Z)" in last(world)


def test_an_earlier_declaration_makes_no_hold_shorter() -> None:
    """A hold begins with the creation of the Incident, whatever is corrected about it (ADR 15)."""
    world = healthy(incident(recovery={"hold": "30m"})).run(minutes=5)
    put_right(world, "bob", "declared", "13:30:00", "On the phone")
    world.run(minutes=1)
    assert ("False Holding", "13:30:00") == (world.condition("Resolved"), stamps(world)["declared"][0])


def test_when_it_was_over_is_not_put_off() -> None:
    """Or the time for reopening, for the postmortem and for its reminders would begin anew, again and again."""
    world = healthy(incident(severity="SEV4", recovery={"hold": "30s"})).run(minutes=90)
    was = world.incident.status.times.resolved
    put_right(world, "alice", "resolved", "15:20:00")
    assert ("EntryRefused", was) == (last(world).split(":")[0], world.incident.status.times.resolved)
    assert "resolved can't be after 14:0" in last(world).replace("2026-11-21T", "")


def test_an_impact_says_no_time_that_can_not_be() -> None:
    """A year that is to come would switch off what asks for a postmortem; whoever says it hears why it is not taken."""
    world = bad_deploy(incident(impact={"startedTime": "2100-01-01T00:00:00Z", "userVisible": True})).run(seconds=3)
    said = [line.text for line in world.incident.status.timeline if line.kind == "ImpactChanged"]
    assert [
        "Not taken from the spec: impact.startedTime is to come (got 2100-01-01T00:00:00Z, said at 2026-11-21T14:00:00Z)"
    ] == said
    assert world.incident.status.times.started is None
    say(world, "bob", impact={"startedTime": "1999-12-31T00:00:00Z"})
    assert "impact.startedTime is more than a year ago" in last(world)
    assert world.incident.status.times.started is None
    assert [] == world.broken
