"""A list that part a was not given in time is asked for once more, and stands in part b, which says when it was so (ADR 54)."""

from collections import Counter

import pytest

from build import incident, roll_back
from core.test_rest_evidence import capturing, files, parts, reasons, stored, unaccounted
from stanch.api.names import MissingReason
from stanch.core.observations import Failed
from stanch.core.questions import Get, List
from stanch.core.still_missing import still_missing
from stanch.evidence.verify import verify
from world import World

CUT = Failed(0, "the evidence deadline was over", MissingReason.DEADLINE_OVER)
BUSY = Failed(503, "the server is overloaded", "ServiceUnavailable")
DENIED = Failed(403, "endpointslices is forbidden", "Forbidden")
LISTS = {
    "events": ("events.json", "events.txt"),
    "endpointslices": ("endpointslices.json",),
}


def slow(
    world: World, plural: str, failure: Failed, times: int = 99, until_effect: bool = True
) -> tuple[World, Counter]:
    """A world that does not give this list, ``times`` times and before the effect; how often it was asked, before and after it."""
    answer, asked = world.answer, Counter()

    def answered(question):
        if not (isinstance(question, List | Get) and question.ref.plural == plural):
            return answer(question)
        acted = bool(world.effects)
        asked[acted] += 1
        fails = asked[acted] <= times and not (until_effect and acted)
        return failure if fails else answer(question)

    world.answer = answered
    return world, asked


def record(world: World, name: str):
    """The line of a bundle in the incident's record."""
    return next(each for each in world.incident.status.evidence if each.name == name)


@pytest.mark.parametrize("failure", [CUT, BUSY], ids=["cut at its deadline", "overloaded"])
@pytest.mark.parametrize("plural", LISTS)
def test_what_part_a_was_not_given_is_in_part_b(plural, failure):
    """And nothing is missing after all: in the record, too."""
    world, _ = slow(capturing(roll_back()), plural, failure)
    world.run(seconds=20)
    ((first, rest),) = parts(world)
    names = LISTS[plural]
    assert names[0] in reasons(world, first)
    assert not set(names) & set(files(world, first))
    later = files(world, rest)
    assert set(names) <= set(later)
    assert names[0] in later["later.txt"]
    assert names[0] not in reasons(world, rest)
    assert (1, 0) == (
        record(world, rest).caught_up,
        still_missing(record(world, first), world.incident.status.evidence)[0],
    )
    assert [] == unaccounted(world)
    assert [] == world.broken


def test_no_effect_waits_for_what_comes_later():
    """It is asked for again when the effect is done."""
    world, asked = slow(capturing(roll_back()), "endpointslices", CUT)
    world.run(seconds=20)
    assert 1 == len(world.effects)
    assert (1, True) == (asked[False], asked[True] > 0)


def test_what_does_not_come_this_time_either_is_named_again():
    """Asked once more, and not for ever."""
    world, asked = slow(capturing(roll_back()), "endpointslices", BUSY, until_effect=False)
    world.run(seconds=20)
    ((first, rest),) = parts(world)
    assert "NotAnswered" == reasons(world, first)["endpointslices.json"] == reasons(world, rest)["endpointslices.json"]
    assert "later.txt" not in files(world, rest)
    count, words = still_missing(record(world, first), world.incident.status.evidence)
    assert (1, True) == (count, "endpointslices.json" in words)
    assert asked[True] <= 3


def test_what_is_refused_is_not_asked_for_again():
    """Whoever may not read it now may not read it in a moment."""
    world, _ = slow(capturing(roll_back()), "endpointslices", DENIED)
    world.run(seconds=20)
    ((first, rest),) = parts(world)
    assert "Forbidden" == reasons(world, first)["endpointslices.json"]
    assert "endpointslices.json" not in {**files(world, rest), **reasons(world, rest)}


@pytest.mark.parametrize("plural", ["events", "endpointslices"])
def test_a_declaration_that_nothing_acts_on_has_it_later_too(plural):
    """Both parts are made in one look: it is asked for again all the same."""
    world, asked = slow(capturing(roll_back(), by="system:serviceaccount:ci:deployer"), plural, BUSY, times=1)
    world.run(seconds=5)
    ((first, rest),) = parts(world)
    assert LISTS[plural][0] in reasons(world, first)
    assert set(LISTS[plural]) <= set(files(world, rest))
    assert asked[False] >= 2


@pytest.mark.parametrize(("failure", "asked_again"), [(BUSY, True), (CUT, True), (DENIED, False)])
def test_a_late_list_alone_makes_a_part_b(failure, asked_again):
    """Where nothing else is left; what was refused is none."""
    world, _ = slow(capturing(log="FATAL\n"), "endpointslices", failure, times=1)
    world.run(seconds=20)
    assert asked_again == bool(parts(world))
    ((name, *rest),) = [[*stored(world)]] if not asked_again else parts(world)
    assert "endpointslices.json" in reasons(world, name)
    assert asked_again == ("endpointslices.json" in (files(world, rest[0]) if rest else {}))


def test_after_a_restart_it_is_asked_for_as_part_a_names_it():
    """The memory is gone; the manifest says what was late."""
    world, _ = slow(capturing(roll_back()), "endpointslices", CUT)
    cut = world.about_to_act()
    cut.answer = type(cut).answer.__get__(cut)
    cut.go_on()
    cut.run(seconds=30)
    ((first, rest),) = parts(cut)
    assert "endpointslices.json" in reasons(cut, first)
    assert "endpointslices.json" in files(cut, rest)
    assert [] == cut.broken


def test_both_parts_are_what_the_record_wrote_down():
    """`stanch evidence verify` finds nothing, in either."""
    world, _ = slow(capturing(roll_back()), "events", CUT)
    world.run(seconds=20)
    written = {"metadata": world.incident.metadata.wire(), "status": world.incident.status.wire()}
    for name in parts(world)[0]:
        assert () == verify(stored(world)[name], written).differs


def test_where_all_came_there_is_no_such_file():
    """Nothing is called late that was not."""
    world = capturing(roll_back()).run(seconds=20)
    ((_, rest),) = parts(world)
    assert "later.txt" not in files(world, rest)
    assert incident().metadata.name in files(world, rest)["README.txt"]
