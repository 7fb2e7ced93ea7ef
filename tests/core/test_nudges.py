"""Who is missing, what nobody said, who is tired: told at its times and so often, gone when its reason is gone."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from build import T0, entry, incident, roll_back
from stanch.api.meta import Severity
from stanch.api.people_rules import RolesRule
from stanch.api.said import Role
from stanch.core.people_laws import NUDGES
from world import CATALOG, World, bad_deploy, healthy

H = timedelta(hours=1)
ROBOT = "system:serviceaccount:stanch-system:alerts"
TEAM = {"commander": "alice", "operations": "bob", "communications": "dora", "scribe": "erin"}
TOLD = {"impact": "One in five fails", "tried": "Nothing", "next": "Look"}


def hurting(roles: dict[str, str] | None = None, **spec: Any) -> World:
    """An incident that nobody does anything about."""
    return bad_deploy(incident(roles=roles, **spec)).run(seconds=3)


def at(moment: str) -> datetime:
    """An instant of that day."""
    hours, minutes = moment.split(":")
    return T0.replace(hour=int(hours), minute=int(minutes))


def say(world: World, by: str, when: str | None = None, **said: Any) -> World:
    """Somebody says something then."""
    if when is not None:
        world.wait(at(when))
    after = world.now - world.incident.declared
    return world.say(entry(by, after=after, name=f"said-{len(world.entries)}", **said)).run(seconds=1)


def nudges(world: World, kind: str) -> list[str]:
    """When it was told, in minutes and words."""
    assert [] == world.broken
    return [f"{line.time:%H:%M} {line.text}" for line in world.incident.status.timeline if line.kind == kind]


def times(world: World, kind: str) -> list[str]:
    """When it was told."""
    return [line[:5] for line in nudges(world, kind)]


# --- who is missing --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("severity", "told"),
    [
        ("SEV1", ["14:02", "14:05", "14:15", "14:25", "14:35"]),
        ("SEV2", ["14:05", "14:10", "14:20"]),
        ("SEV3", ["22:00"]),
        ("SEV4", []),
    ],
)
def test_a_missing_role_is_told_by_severity_and_not_for_ever(severity: str, told: list[str]) -> None:
    """The table of decisions 2.5: five times, three times, once, never."""
    world = hurting(severity=severity)
    world.repeat = False
    assert told == times(world.run(hours=9), "RoleMissing")


def test_it_names_who_is_missing_and_that_nobody_leads() -> None:
    """Roles that somebody wears are not named; of a machine's incident it says that nobody has acknowledged it."""
    world = hurting({"operations": "bob"}, by=ROBOT)
    assert [
        "14:02 nobody has acknowledged it; nobody leads; commander, communications, scribe are missing since "
        "2026-11-21T14:00:00Z, and needed in 5m: whoever is there writes a take entry"
    ] == nudges(world.run(minutes=4), "RoleMissing")
    say(world, "alice", "14:04", take={"role": "commander"})
    say(world, "carol", "14:04", take={"role": "communications"})
    assert nudges(world.run(minutes=2), "RoleMissing")[-1].startswith("14:05 scribe is missing")


def test_who_is_there_is_not_asked_for() -> None:
    """With everybody in their place nothing is said; nor once it is mitigated."""
    assert [] == times(hurting(TEAM).run(minutes=40), "RoleMissing")
    calm = healthy(incident(recovery={"hold": "8h"})).run(minutes=40)
    assert calm.incident.status.times.mitigated is not None
    assert [] == times(calm, "RoleMissing")


def test_a_user_visible_sev2_needs_somebody_who_speaks() -> None:
    """Commander and operations are there."""
    world = hurting({"commander": "alice", "operations": "bob"}, severity="SEV2", impact={"userVisible": True})
    assert nudges(world.run(minutes=6), "RoleMissing")[0].startswith("14:05 communications is missing")


def test_raised_it_begins_anew() -> None:
    """Another severity, another clock: two minutes after somebody said SEV1."""
    world = say(hurting(severity="SEV3"), "alice", "14:20", severity={"level": "SEV1"})
    assert ["14:22", "14:25"] == times(world.run(minutes=10), "RoleMissing")
    # What was said of a smaller one counts for nothing.
    told = hurting(severity="SEV2").run(minutes=29)
    again = say(told, "alice", "14:30", severity={"level": "SEV1"}).run(minutes=6)
    assert ["14:05", "14:10", "14:20", "14:32", "14:35"] == times(again, "RoleMissing")


def test_the_policy_says_who_is_needed_and_how_soon() -> None:
    """A team of two that wants a commander in twenty minutes."""
    world = bad_deploy(incident())
    rule = {Severity.SEV1: RolesRule((Role.COMMANDER,), timedelta(minutes=20))}
    world.catalog = replace(CATALOG, policy=replace(CATALOG.policy, roles_required=rule))
    assert ["14:08", "14:20", "14:30"] == times(world.run(minutes=35), "RoleMissing")


def test_what_passed_while_nobody_looked_is_told_once() -> None:
    """The operator was away for half an hour."""
    world = hurting()
    world.now = at("14:30")
    world.look()
    assert (["14:30"], 4) == (times(world, "RoleMissing"), world.incident.status.nudges[0].said)
    assert ["14:30", "14:35"] == times(world.run(minutes=30), "RoleMissing")


def test_a_crash_before_it_was_written_down_doubles_nothing() -> None:
    """Cut off before the status was written, three times."""
    world = hurting()
    world.now = at("14:02")
    for steps in range(3):
        world.look(die_after=steps)
    world.look()
    assert ["14:02"] == times(world, "RoleMissing")


# --- what nobody said ------------------------------------------------------------------------------------------------


def test_that_nobody_said_how_bad_it_is_is_told_twice() -> None:
    """SEV2 is assumed until then; a severity entry, or an impact that says it, ends that."""
    world = hurting(TEAM, severity=None)
    told = times(world.run(hours=1), "SeverityUnsaid")
    assert ["14:05", "14:15"] == told
    said = say(hurting(TEAM, severity=None), "alice", "14:03", impact={"journey": "Down", "scope": "AllUsers"})
    assert [] == times(said.run(hours=1), "SeverityUnsaid")
    assert [] == times(hurting(TEAM, severity="SEV2").run(hours=1), "SeverityUnsaid")


def test_a_sev4_that_users_see_is_asked_about_at_once() -> None:
    """And one that goes on, after an hour; each once."""
    assert ["14:00"] == times(hurting(severity="SEV4", impact={"userVisible": True}).run(hours=3), "SeverityDoubted")
    assert ["15:00"] == times(hurting(severity="SEV4").run(hours=3), "SeverityDoubted")
    world = say(hurting(severity="SEV4"), "bob", "14:20", escalate={"to": "database-team"}, text="The pool is full")
    told = "14:20 database-team is needed: The pool is full, and it is SEV4: say what it is in a severity entry"
    assert [told] == nudges(world.run(hours=3), "SeverityDoubted")


def test_led_and_sized_and_nothing_tried_it_says_to_mitigate_first() -> None:
    """Ten minutes after somebody leads; with what could be done; not once something was tried."""
    world = say(hurting(), "alice", "14:03", take={"role": "commander"})
    told = nudges(world.run(minutes=25), "MitigateFirst")
    assert ["14:13", "14:23"] == [line[:5] for line in told]
    assert (
        "mitigate before you diagnose: nothing was tried yet. Could be: rolloutPause on Deployment checkout" in told[0]
    )
    noted = say(hurting(TEAM), "bob", "14:05", note={"kind": "Action"}, text="Restarted the proxy by hand")
    assert [] == times(noted.run(minutes=30), "MitigateFirst")
    asked = bad_deploy(incident(roll_back(), by="alice", roles=TEAM, paused=True))
    assert [] == times(asked.run(minutes=30), "MitigateFirst")


def test_a_sev1_in_which_nobody_writes_is_told() -> None:
    """A quarter of an hour after the last word; the next word begins it anew."""
    world = say(hurting(TEAM), "bob", "14:10", note={}, text="Looking at the database")
    told = nudges(world.run(minutes=16), "NothingWritten")
    assert [
        "14:25 nobody has written a word since 2026-11-21T14:10:00Z; erin, you are scribe: note entries make the timeline"
    ] == told
    say(world, "bob", "14:30", note={}, text="Still looking")
    assert ["14:25", "14:45"] == times(world.run(minutes=16), "NothingWritten")


# --- hats ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("roles", "told"),
    [({"commander": "alice"}, "14:30 alice has every role"), (None, "14:30 nobody has a role"), (TEAM, "")],
    ids=["one-person", "nobody", "a-team"],
)
def test_after_half_an_hour_one_person_with_every_role_is_too_few(roles: dict[str, str] | None, told: str) -> None:
    """Said once."""
    found = nudges(hurting(roles).run(hours=1), "SplitRoles")
    assert ([] if not told else [True]) == [told in line for line in found]


def test_with_three_people_it_is_said_as_soon_as_they_had_time_to_take_roles() -> None:
    """Three who say something, and alice has every role five minutes later."""
    world = hurting({"commander": "alice"})
    for who in ("bob", "carol"):
        say(world, who, note={}, text="I am here, too")
    assert ["14:05"] == times(world.run(minutes=40), "SplitRoles")


@pytest.mark.parametrize(
    ("first", "second", "told"),
    [
        ("operations", "scribe", True),
        ("commander", "operations", True),
        ("commander", "communications", False),
        ("commander", "scribe", False),
    ],
)
def test_two_hats_that_go_badly_together_are_told_and_worn(first: str, second: str, told: bool) -> None:
    """Never refused: at night one person may have to. Told once, and again for who wears them next."""
    world = say(hurting(), "alice", take={"role": first})
    say(world, "alice", take={"role": second})
    worn = {r.role: r.user for r in world.incident.status.roles}
    assert ({first: "alice", second: "alice"}, told) == (worn, bool(nudges(world, "RolesCombined")))
    assert int(told) == len(nudges(world.run(minutes=30), "RolesCombined"))


def test_where_the_commander_may_not_act_that_is_said_with_the_hat() -> None:
    """`commanderActs: Deny`, also where the pair is on no list."""
    world = bad_deploy(incident())
    policy = replace(CATALOG.policy, commander_acts="Deny", roles_avoid=frozenset())
    world.catalog = replace(CATALOG, policy=policy)
    for role in ("commander", "operations"):
        say(world.run(seconds=3), "alice", take={"role": role})
    assert "the policy has a commander ask for no mitigation" in nudges(world, "RolesCombined")[0]


def test_after_four_hours_somebody_is_tired() -> None:
    """With the roles they wear, to whom they should say it; at most three times; not after a hand-off."""
    world = hurting(TEAM, severity="SEV2")
    world.repeat = False
    told = nudges(world.run(hours=5), "HandoffDue")
    assert 4 == len(told)
    tired = "18:00 bob is operations since 2026-11-21T14:00:01Z: hand over; status.handoffDraft has the summary"
    assert f"{tired}; alice, you command" in told
    say(world, "carol", take={"role": "operations"})
    world.plans.clear()
    later = [line for line in nudges(world.run(hours=12), "HandoffDue") if "alice is" in line]
    assert ["18:00", "22:00", "02:00"] == [line[:5] for line in later]


def test_a_hand_off_that_waits_is_told_to_both() -> None:
    """Ten minutes after it was offered, three times; not once it is accepted."""
    world = say(hurting(TEAM), "alice", "14:05", handoff={"role": "commander", "to": "carol", "summary": TOLD})
    told = nudges(world.run(minutes=50), "HandoffWaiting")
    assert ["14:15", "14:25", "14:35"] == [line[:5] for line in told]
    assert "commander waits for carol since 2026-11-21T14:05:00Z, offered by alice: carol accepts said-0" in told[0]
    assert "until then it is alice's" in told[0]
    quick = say(hurting(TEAM), "alice", "14:05", handoff={"role": "commander", "to": "carol", "summary": TOLD})
    say(quick, "carol", "14:08", accept={"handoff": "said-0"})
    assert [] == times(quick.run(minutes=30), "HandoffWaiting")


# --- bounds ----------------------------------------------------------------------------------------------------------


def test_a_long_night_alone_says_little() -> None:
    """Nobody comes for twelve hours: what is said of people is some twenty lines, and none of it is said after that."""
    world = hurting()
    world.repeat = False
    world.run(hours=12)
    told = [line for line in world.incident.status.timeline if line.kind in NUDGES]
    assert (True, []) == (len(told) <= 12, world.broken)


def test_once_it_is_over_nobody_is_reminded_of_anything() -> None:
    """Resolved: what is left is the record's, and to be decided (test_posture_nudges.py)."""
    world = healthy(incident(recovery={"hold": "30s"}, roles={"commander": "alice", "operations": "alice"})).run(
        minutes=2
    )
    assert world.incident.status.times.resolved is not None
    assert ["DecisionDue"] == [each.kind for each in world.incident.status.nudges]
    assert 1 == len(nudges(world.run(hours=9), "RolesCombined"))
