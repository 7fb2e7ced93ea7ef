"""What the posture alone asks of who leads: contained is not mitigated, resolved is not done (decisions 2.3)."""

from datetime import timedelta

import pytest

from build import incident, scale_to
from core.test_nudges import nudges, say, times
from stanch.core.notices import HEARD
from stanch.core.nudges import KINDS
from stanch.core.people_laws import NUDGES
from world import World, bad_deploy, healthy

LEADS = {"commander": "alice"}
PAUSE = {"name": "pause", "rolloutPause": {}, "ttl": "48h"}


def contained(severity: str = "SEV1", roles: dict[str, str] | None = LEADS) -> World:
    """Scaled to zero: nothing fails, and nothing serves. Two people agreed to it."""
    world = bad_deploy(incident(scale_to(0), severity=severity, roles=roles)).run(seconds=3)
    size = {"mitigation": "size", "action": "scale", "digest": world.record("size").digest}
    say(world, "bob", approve=size).run(minutes=1)
    assert world.incident.status.phase == "Contained"
    # Hours of it: that planning is repeatable is seen elsewhere.
    world.repeat = False
    return world


def over(roles: dict[str, str] | None = LEADS, *wishes: dict, **spec: object) -> World:
    """Resolved, some minutes ago."""
    world = healthy(incident(*wishes, recovery={"hold": "30s"}, roles=roles, **spec)).run(minutes=3)
    assert world.incident.status.times.resolved is not None
    return world


# --- contained -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("severity", "told"),
    [("SEV1", ["14:10", "14:30", "15:00", "16:00", "18:00"]), ("SEV3", ["15:00"])],
)
def test_that_users_still_lack_it_is_told_so_often_and_no_more(severity: str, told: list[str]) -> None:
    """Not at once, for who turned it off knows; with hours in between; once where nobody is paged."""
    world = contained(severity)
    world.repeat = False
    assert told == times(world.run(hours=9), "StillContained")


def test_who_commands_is_named_with_what_is_off() -> None:
    """And where nobody commands, whoever reads it."""
    said = nudges(contained().run(minutes=11), "StillContained")
    assert [
        "alice, you command: Deployment checkout is scaled to zero by size: users still lack the service, since "
    ] == [line[6:].partition("2026")[0] for line in said]
    assert said[0].endswith("It is contained, not mitigated: what brings it back?")
    assert "nobody leads" in nudges(contained(roles=None).run(minutes=11), "StillContained")[0]


def test_once_it_serves_again_nobody_is_reminded_that_it_does_not() -> None:
    """Taken back before the first reminder; nothing is kept of it."""
    world = say(contained(), "alice", undo={"mitigation": "size"}).run(hours=2)
    assert ([], "Mitigating") == (times(world, "StillContained"), world.incident.status.phase)


# --- resolved --------------------------------------------------------------------------------------------------------


def test_what_is_left_to_decide_is_told_to_who_commands_once() -> None:
    """While those who know are there; what is to be written is chased by its own dates after that."""
    told = nudges(over().run(hours=30), "DecisionDue")
    assert [
        "alice, you command; it is resolved, and to be decided: Postmortem checkout-5xx (a full one): write it or waive it "
        "with a reason"
    ] == [line[6:] for line in told]


def test_a_short_one_may_become_a_full_one() -> None:
    """Nothing asked for more than a short review: that is a person's to judge."""
    (told,) = nudges(over(severity="SEV4"), "DecisionDue")
    assert "(a short review): write it, ask for a full one, or waive it with a reason" in told


def test_what_is_owed_is_told_again_when_it_could_have_closed() -> None:
    """At once, and four hours later; then the debt's own reminders go on."""
    world = over(LEADS, PAUSE)
    first, second = nudges(world.run(hours=12), "DecisionDue")
    assert "pause, owed by alice until 2026-11-23T" in first
    apart = [line[:5] for line in (first, second)]
    assert timedelta(hours=4) == timedelta(hours=int(apart[1][:2]) - int(apart[0][:2]))


def test_with_nobody_to_decide_and_nothing_owed_nobody_is_told() -> None:
    """An alert that came and went by itself makes no noise."""
    assert [] == times(over(None), "DecisionDue")
    assert "nobody led it; it is resolved" in nudges(over(None, PAUSE), "DecisionDue")[0]


def test_what_was_waived_is_not_to_be_decided() -> None:
    """Before anybody was told; and a drill teaches by itself."""
    assert [] == times(over(drill=True), "DecisionDue")
    world = over(LEADS, PAUSE)
    say(world, "alice", waive={}, text="A near miss")
    told = nudges(world.run(hours=5), "DecisionDue")
    assert (True, False) == ("Postmortem" in told[0], "Postmortem" in told[1])


def test_opened_again_and_over_again_it_is_told_anew() -> None:
    """Each time it is over; a crash in between doubles nothing."""
    world = say(over(), "alice", reopen={}).run(minutes=4)
    world.look(die_after=0)
    assert 2 == len(times(world.run(minutes=1), "DecisionDue"))


# --- both ------------------------------------------------------------------------------------------------------------


def test_each_kind_of_reminder_is_counted_once_and_in_one_list() -> None:
    """The law, the metric and the reminders know the same kinds; what the posture asks reaches the channels."""
    assert NUDGES == KINDS
    assert {"StillContained", "DecisionDue", "SeverityDoubted"} <= HEARD.keys()
