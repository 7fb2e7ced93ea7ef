"""Logs that part a was not given in time, asked once more; and what memory had no room for until part b: both truthfully told."""

from datetime import timedelta

import pytest

from build import entry, roll_back, stamp
from core.test_rest_evidence import CRASHED, LONG, capturing, files, parts, reasons, stored, unaccounted
from stanch.api.incident import Incident
from stanch.core.held import GIVEN_UP, needed
from stanch.core.observations import Failed
from stanch.core.questions import Logs
from world import World

BY_A_MACHINE = "system:serviceaccount:ci:deployer"
LATE = ("DeadlineOver", "NodeSilent")


def pods(world: World) -> list[dict]:
    """All that there are now."""
    return [body for (plural, _), body in world.objects.items() if plural == "pods"]


def slow(world: World, reason: str = "DeadlineOver", until: int = 1) -> World:
    """Kubelets that give no log the first ``until`` times each is asked; the pods have been there for a day."""
    for each in pods(world):
        each["metadata"]["creationTimestamp"] = stamp(world.now - timedelta(days=1))
    asked: dict[tuple, int] = {}
    answer = world.answer

    def late(question):
        if isinstance(question, Logs):
            which = (question.pod, question.container, question.previous)
            asked[which] = asked.get(which, 0) + 1
            if asked[which] <= until:
                return Failed(0, "the evidence deadline was over", reason)
        return answer(question)

    world.answer = late
    return world


def said(world: World) -> str:
    """What EvidenceCaptured says, with its reason."""
    (condition,) = [c for c in world.incident.status.conditions if c.type == "EvidenceCaptured"]
    return f"{condition.reason}: {condition.message}"


@pytest.mark.parametrize("reason", LATE)
def test_a_log_that_was_late_is_asked_once_more_while_its_pod_is_there(reason):
    """Part a lacks it and says why, part b has it, and nothing is missing any more."""
    world = slow(capturing(roll_back(), by=BY_A_MACHINE), reason).run(seconds=10)
    ((first, rest),) = parts(world)
    assert reason == reasons(world, first)[CRASHED]
    assert LONG == files(world, rest)[CRASHED]
    assert said(world).startswith("Complete: "), said(world)
    record = next(e for e in world.incident.status.evidence if e.name == rest)
    late = [name for name, why in reasons(world, first).items() if why == reason]
    assert len(late) == record.caught_up
    assert [] == unaccounted(world)
    assert [] == world.broken


def test_what_does_not_come_the_second_time_is_missing_still_and_named():
    """It is asked once more, not for ever."""
    world = slow(capturing(roll_back(), by=BY_A_MACHINE), "NodeSilent", until=99).run(minutes=5)
    ((first, rest),) = parts(world)
    assert "NodeSilent" == reasons(world, first)[CRASHED] == reasons(world, rest)[CRASHED]
    assert said(world).startswith("Partial: ")
    assert "NodeSilent" in said(world)
    again = [q for r in world.rounds for q in r if isinstance(q, Logs) and q.previous and q.pod == "checkout-h2-1"]
    assert 2 == len(again)


def test_only_what_came_is_taken_off_the_list_of_what_is_missing():
    """One pod answers the second time, the others do not."""
    world = slow(capturing(roll_back(), by=BY_A_MACHINE), until=1)
    answer = world.answer

    def one(question):
        found = answer(question)
        if isinstance(question, Logs) and question.pod != "checkout-h2-1":
            return Failed(0, "the evidence deadline was over", "DeadlineOver")
        return found

    world.answer = one
    world.run(seconds=10)
    ((first, rest),) = parts(world)
    missed = {name for name, why in reasons(world, first).items() if why == "DeadlineOver"}
    came = {name for name in missed if name in files(world, rest)}
    assert came
    assert came < missed
    assert f", {len(missed) - len(came)} missing (DeadlineOver: " in said(world)
    assert not any(name in said(world) for name in came)


def test_nothing_is_asked_of_a_pod_that_the_effect_took_away():
    """It would be another's log, or a 404: the pod is gone, and what is missing says so."""
    world = slow(capturing(roll_back())).run(seconds=20)
    ((first, rest),) = parts(world)
    assert "DeadlineOver" == reasons(world, first)[CRASHED] == reasons(world, rest)[CRASHED]
    assert said(world).startswith("Partial: ")
    again = [q for r in world.rounds for q in r if isinstance(q, Logs) and q.pod == "checkout-h2-1"]
    assert 2 == len(again), "its two logs, once each"


@pytest.mark.parametrize("created", [0, 60], ids=["in the same second", "a minute later"])
def test_nothing_is_asked_of_a_namesake(created):
    """A StatefulSet makes its pods anew under their old names: what those say is no evidence of what was before."""
    world = slow(capturing(roll_back(), by=BY_A_MACHINE))
    for each in pods(world):
        each["metadata"]["creationTimestamp"] = stamp(world.now + timedelta(seconds=created))
    world.run(seconds=10)
    ((_, rest),) = parts(world)
    assert "DeadlineOver" == reasons(world, rest)[CRASHED]


def test_a_restart_in_between_loses_nothing_of_it():
    """What was late stands in part a; who reads that again asks again."""
    met = 0
    for steps in range(5):
        world = slow(capturing(roll_back(), by=BY_A_MACHINE))
        world.look(die_after=steps)
        world.stopped = None
        world.run(minutes=5)
        ((first, rest),) = parts(world)
        met += "DeadlineOver" in reasons(world, first).values()
        assert not set(LATE) & set(reasons(world, rest).values()), steps
        assert said(world).startswith("Complete: "), steps
        assert [] == world.broken
    assert met, "part a was stored before the restart"


def acted(held_as=GIVEN_UP) -> World:
    """An effect is about to be done, and memory had no room for what part a was made of."""
    world = capturing(roll_back()).about_to_act()
    (first,) = [e.name for e in world.incident.status.evidence]
    world.held = {first: held_as}
    world.go_on()
    return world


def test_what_memory_had_no_room_for_is_not_called_lost_in_a_restart():
    """No restart happened. The objects are read again; the older lines of long logs are gone, and that is named."""
    world = acted().run(seconds=30)
    ((_, rest),) = parts(world)
    assert "BudgetFull" == reasons(world, rest)[CRASHED]
    assert "LostInRestart" not in reasons(world, rest).values()
    assert "resourcequotas.json" in files(world, rest)
    assert "BudgetFull" in next(e.lacks for e in world.incident.status.evidence if e.name == rest)
    told = [line.text for line in world.incident.status.timeline if "part b" in line.text]
    assert any("given up from memory for want of room" in text for text in told), told
    assert not any("restart" in text for text in told)
    message = next(m["message"] for m in stored(world)[rest]["spec"]["missing"] if m["name"] == CRASHED)
    assert "memory" in message
    assert [] == unaccounted(world)
    assert [] == world.broken


def test_after_half_an_hour_what_was_never_asked_is_not_called_lost_either():
    """The deadline of part b was over; memory had no room for the logs."""
    world = acted()
    world.now += timedelta(hours=1)
    world.run(seconds=30)
    ((_, rest),) = parts(world)
    why = reasons(world, rest)
    assert ("BudgetFull", "DeadlineOver") == (why[CRASHED], why["resourcequotas.json"])
    assert [] == unaccounted(world)


def test_an_approval_rests_on_part_a_whatever_became_of_part_b():
    """Evidence that was late does not hold an effect up a second time."""
    world = slow(capturing(roll_back(), by=BY_A_MACHINE), until=99).run(seconds=10)
    digest = world.record("roll-back").digest
    world.say(entry("bob", approve={"action": "rolloutUndo", "mitigation": "roll-back", "digest": digest})).run(
        seconds=20
    )
    assert world.record("roll-back").attempts[0].evidence
    assert [] == world.broken


def test_a_note_of_what_was_given_up_is_kept_no_longer_than_it_is_needed():
    """As everything that is held."""
    world = acted().run(seconds=30)
    first = parts(world)[0][0]
    assert {} == needed({first: GIVEN_UP}, world.incident.status)
    assert isinstance(world.incident, Incident)
