"""Guards 11 and 12: what is counted as a storm of alerts, and as a run of a Runbook. That they only ask: test_pace.py."""

from datetime import timedelta

import pytest

from build import T0, incident, roll_back
from stanch.api.incident_status import MitigationRecord
from stanch.api.names import Label
from stanch.core.census import RUNBOOK, Census, Deed
from stanch.core.draft import Draft
from stanch.core.observations import Observations
from stanch.core.pace import asks_first, counts_until
from world import CATALOG, World, bad_deploy

MINUTE = timedelta(minutes=1)
BOOK = f"{RUNBOOK}bad-deploy"


def automatic(world: World, census: Census, minutes: int = 0) -> tuple[Draft, MitigationRecord]:
    """What a Runbook in mode Auto wants in this incident, so long after it was declared."""
    record = world.record("roll-back").model_copy(update={"source": BOOK, "automatic": True})
    seen = Observations(census=census, now=T0 + minutes * MINUTE)
    return Draft(world.incident, seen, CATALOG, seen.now, world.incident.status), record


def alarmed(**spec: object) -> World:
    """A bad deploy of which an alert told."""
    world = bad_deploy(incident(roll_back(), **spec)).run(seconds=2)
    world.incident.metadata.labels[Label.ALERT_GROUP] = "abc"
    return world


def storm(world: World, others: int, minutes: int = 5) -> bool:
    """Is it one, with so many others that alerts made in the minutes before this one?"""
    census = Census(alarms=tuple(T0 - n * MINUTE for n in reversed(range(others))))
    why = asks_first(*automatic(world, census, minutes))
    return why is not None and why[0] == "Storm"


@pytest.mark.parametrize(("others", "stormy"), [(3, False), (4, True), (5, True)])
def test_the_incident_that_is_looked_at_is_one_of_the_five(others: int, stormy: bool) -> None:
    """Each of five sees four others: else all five would be done by themselves."""
    assert stormy == storm(alarmed(), others)


def test_the_first_of_a_storm_knows_of_it_as_well_as_the_last() -> None:
    """Wherever its own time stands among those of the others."""
    for minutes in (range(-4, 0), range(-2, 2), range(1, 5)):
        census = Census(alarms=tuple(T0 + n * MINUTE for n in minutes))
        assert asks_first(*automatic(alarmed(), census, 6)) is not None
    assert asks_first(*automatic(alarmed(), Census(alarms=tuple(T0 - n * MINUTE for n in range(11, 15))), 6)) is None


def test_alerts_elsewhere_are_no_storm_where_a_person_declared() -> None:
    """Four of alerts and one of a person are four."""
    world = bad_deploy(incident(roll_back())).run(seconds=2)
    assert [False, True] == [storm(world, others) for others in (4, 5)]


def test_a_drill_of_an_alert_is_no_part_of_a_storm() -> None:
    """It counts for nothing, by its own count as by that of others; and nobody has to keep it in sight."""
    world = alarmed(drill=True)
    assert not storm(world, 4)
    assert counts_until(Draft(world.incident, Observations(), CATALOG, T0, world.incident.status)) is None


@pytest.mark.parametrize(
    ("runs", "opened"),
    [
        (["one: NoEffect NoEffect"], False),
        (["one: NoEffect", "two: NoEffect"], True),
        (["one: NoEffect Worse", "two: NoEffect NoEffect"], True),
        (["one: NoEffect", "two: Helped NoEffect"], False),
        (["one: NoEffect", "two: NoEffect Helped"], False),
        (["one: Helped NoEffect", "two: NoEffect", "three: NoEffect NoEffect"], True),
        (["one: NoEffect", "two: Helped", "one: NoEffect"], False),
    ],
    ids=str,
)
def test_a_run_is_one_however_many_steps_it_took(runs: list[str], opened: bool) -> None:
    """In one incident, and it helped when one of its steps did; two of them in a row open the breaker (decisions 2.9)."""
    steps = [(run.partition(":")[0], effect) for run in runs for effect in run.partition(":")[2].split()]
    deeds = (
        Deed(f"shop/{name}", f"step-{n}", BOOK, "uid", T0 - timedelta(hours=9 - n), under_way=False, effect=effect)
        for n, (name, effect) in enumerate(steps)
    )
    why = asks_first(*automatic(bad_deploy(incident(roll_back())).run(seconds=2), Census(tuple(deeds))))
    assert opened == (why is not None and why[0] == "BreakerOpen")
