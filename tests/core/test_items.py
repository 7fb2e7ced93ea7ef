"""An action item is asked about until it is done, and done only when it is: by proof, or by a word where there is none."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build import T0, stamp
from chores import PDB, Life, chore, nobody_knows, there
from stanch.api.policy import DEFAULT
from stanch.core.item_chase import REMINDERS_MAX
from stanch.core.observations import Answer, Failed, Found, NotFound
from stanch.core.questions import INCIDENTS, Get, Question

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
REMINDED = "ActionItemReminded"
EXISTS = {"objectExists": PDB}


def days(life: Life) -> list[tuple[str, int]]:
    """What was told, how many days after it was made."""
    return [(told.reason, (when - T0).days) for when, told in life.told]


# --- who is asked ----------------------------------------------------------------------------------------------------


def test_it_is_asked_weekly_at_due_and_after_three_weeks_and_then_of_somebody_else():
    """Until somebody answers."""
    life = Life(chore(), policy=replace(DEFAULT, items_escalate_to="head-of-shop")).run(days=29)
    assert [
        ("ActionItemReminded", 7),
        ("ActionItemDue", 14),
        ("ThreeWeekTest", 21),
        ("ActionItemEscalated", 21),
        ("ActionItemReminded", 28),
    ] == days(life)
    assert 5 == len({(told.reason, told.once) for _, told in life.told}), "none is taken for another"
    assert ("True", "OverdueForLong") == life.condition("Escalated")
    assert "To head-of-shop: " in life.message("Escalated")
    assert "Overdue" == life.item.status.state


def test_nobody_is_asked_for_ever():
    """A quarter of weeks beyond its due time; the last one says so."""
    life = Life(chore()).run(days=300)
    reminded = [(day, t.message) for (kind, day), (_, t) in zip(days(life), life.told, strict=True) if kind == REMINDED]
    assert REMINDERS_MAX == sum(day > 14 for day, _ in reminded)
    assert ["this is the last reminder" in text for _, text in reminded].index(True) == len(reminded) - 1
    assert life.wake is None


def test_what_is_due_late_is_asked_for_until_then_and_afterwards():
    """Reminders before it is due are no reason to be silent while it is overdue."""
    life = Life(chore(priority="P3", dueTime=stamp(T0 + 90 * DAY))).run(days=400)
    when = [day for kind, day in days(life) if kind == REMINDED]
    assert sum(day < 90 for day in when) >= 11
    assert REMINDERS_MAX == sum(day > 90 for day in when)


def test_what_is_opened_again_is_asked_for_anew():
    """As often as at first, a week later for the first time; and none is taken for one that was told before."""
    life = Life(chore()).run(days=200).respec(closed=True).run(days=50)
    before = life.kinds().count(REMINDED)
    life.respec(closed=None)
    assert before == life.kinds().count(REMINDED)
    assert before + REMINDERS_MAX == life.run(days=200).kinds().count(REMINDED)
    marks = [(told.reason, told.once) for _, told in life.told]
    assert len(marks) == len(set(marks))


def test_what_is_done_is_left_alone():
    """Nobody is asked for what they did; and escalation ends with it."""
    life = Life(chore()).run(days=25).respec(closed=True)
    before = life.kinds()
    assert "ActionItemDone" == before[-1]
    assert life.condition("Escalated") is None
    assert before == life.run(days=100).kinds()
    assert ("Done", ("True", "Closed")) == (life.item.status.state, life.condition("Done"))


def test_a_restart_neither_forgets_nor_says_it_twice():
    """All of it is in the status: another look at the same moment says nothing."""
    life = Life(chore()).run(days=29)
    said = life.kinds()
    assert said == life.look().look().kinds()


def test_what_nobody_could_ask_meanwhile_is_asked_once():
    """The operator was away for half a year: due, three weeks and escalation, and not twenty-six reminders."""
    life = Life(chore()).look()
    life.now += 180 * DAY
    assert ["ActionItemDue", "ThreeWeekTest", "ActionItemEscalated"] == life.look().kinds()


def test_a_new_due_time_is_a_new_promise():
    """Escalation is taken back, and due is said again at the new time."""
    life = Life(chore()).run(days=22).respec(dueTime=stamp(T0 + 30 * DAY))
    assert life.condition("Escalated") is None
    assert ("False", "InTime") == life.condition("Overdue")
    assert ("ActionItemDue", 30) in days(life.run(days=20))


def ended(after: timedelta, closed: bool = False):
    """The incident was over so long after the item was made."""

    def world(question: Question) -> Answer:
        if not (isinstance(question, Get) and question.ref == INCIDENTS):
            return NotFound()
        times = {"resolved": stamp(T0 + after)} | ({"closed": stamp(T0 + after)} if closed else {})
        return Found({"metadata": {}, "status": {"times": times}})

    return world


@pytest.mark.parametrize(("after", "day"), [(-3 * DAY, 18), (2 * DAY, 23)], ids=["written later", "written during it"])
def test_three_weeks_are_counted_from_the_end_of_the_incident(after, day):
    """Whenever the item was written down."""
    assert ("ThreeWeekTest", day) in days(Life(chore(), ended(after)).run(days=25))


def test_an_incident_that_is_over_is_not_read_again():
    """Its end does not change any more."""
    life = Life(chore(), ended(timedelta(0), closed=True)).run(days=20)
    assert 1 == len(life.asked)


def test_one_without_an_incident_reads_none():
    """Nothing to ask."""
    assert [] == Life(chore(incident=None)).run(days=30).asked


# --- proof -----------------------------------------------------------------------------------------------------------


def test_a_proof_closes_it_and_says_what_was_seen():
    """Seen for an hour; which object, which version."""
    life = Life(chore(doneWhen=EXISTS), there).look()
    assert (("False", "NotLongEnough"), "Open") == (life.condition("Proven"), life.item.status.state)
    assert f"must until {stamp(T0 + HOUR)}" in life.message("Proven")
    life.run(hours=1)
    assert ("True", "Proved") == life.condition("Done")
    assert T0 + HOUR == life.item.status.done_time
    proof = life.item.status.proof
    assert ("812", "u-812", "poddisruptionbudgets shop/checkout is there") == (
        proof.resource_version,
        proof.uid,
        proof.seen,
    )
    assert ["ActionItemDone"] == life.kinds()
    assert "doneWhen held from" in life.told[0][1].message


def test_one_look_is_no_proof_however_short_it_has_to_hold():
    """It may be chance."""
    life = Life(chore(doneWhen=EXISTS), there, replace(DEFAULT, items_hold=timedelta(0))).look()
    assert "Open" == life.item.status.state
    assert "Done" == life.run(seconds=1).item.status.state


def test_a_word_alone_does_not_close_what_can_be_proved():
    """spec.closed is a claim; without doneWhen it counts."""
    life = Life(chore(doneWhen=EXISTS, closed=True)).run(hours=3)
    assert ("False", "NotProven") == life.condition("Done")
    assert "There is no poddisruptionbudgets shop/checkout" in life.message("Done")
    assert "Done" == life.respec(doneWhen=None).item.status.state


def test_a_regression_opens_it_again():
    """Failing for a sixth of what it had to hold; then it is asked about again."""
    life = Life(chore(doneWhen=EXISTS), there).run(hours=2)
    life.world = nobody_knows
    life.run(hours=2)
    assert ("Reopened", ("False", "Regressed")) == (life.item.status.state, life.condition("Done"))
    assert "There is no poddisruptionbudgets shop/checkout" in life.item.status.reopened[0].why
    assert ["ActionItemDone", "ActionItemReopened"] == life.kinds()
    assert "ActionItemReminded" in life.run(days=10).kinds()
    life.world = there
    assert "Done" == life.run(hours=4).item.status.state


def test_one_bad_look_at_what_is_done_opens_nothing():
    """A rollout of the object, a moment without it."""
    life = Life(chore(doneWhen=EXISTS), there).run(hours=2)
    life.world = nobody_knows
    life.now = life.wake
    life.look()
    life.world = there
    life.run(hours=3)
    assert ["ActionItemDone"] == life.kinds()
    assert "Done" == life.item.status.state


def test_what_comes_and_goes_must_hold_for_longer_each_time():
    """One that flaps every three hours is not opened and closed all day."""
    life = Life(chore(doneWhen=EXISTS))
    for hour in range(0, 24 * 7, 3):
        life.world = there if (hour // 3) % 2 == 0 else nobody_knows
        life.run(hours=3)
    assert 6 >= len([k for k in life.kinds() if k in ("ActionItemDone", "ActionItemReopened")])
    assert 4 * HOUR <= life.item.status.proof.needed <= 24 * HOUR


def test_what_cant_be_looked_at_proves_nothing_in_either_direction():
    """Not done by it, and not opened by it; the missing right is named."""
    refused = Failed(403, "pdb is forbidden", "Forbidden")
    life = Life(chore(doneWhen=EXISTS), lambda q: NotFound() if q.ref == INCIDENTS else refused).run(hours=3)
    assert (("Unknown", "MayNotRead"), "Open") == (life.condition("Proven"), life.item.status.state)
    assert "bind it a role with get on poddisruptionbudgets.policy in shop" in life.message("Proven")
    proved = Life(chore(doneWhen=EXISTS), there).run(hours=2)
    proved.world = lambda _: refused
    assert "Done" == proved.run(days=3).item.status.state


def test_another_done_when_is_proved_anew():
    """What was proved was something else."""
    life = Life(chore(doneWhen=EXISTS), there).run(hours=2)
    life.respec(doneWhen={"objectExists": {**PDB, "name": "payments"}})
    assert "Open" == life.item.status.state
    assert "Done" == life.run(hours=2).item.status.state


@pytest.mark.parametrize(
    ("spec", "then", "words"),
    [
        (
            {"doneWhen": EXISTS},
            {"doneWhen": {"objectExists": {**PDB, "name": "payments"}}},
            "doneWhen was changed: it is",
        ),
        ({"doneWhen": EXISTS}, {"doneWhen": None}, "doneWhen was taken away: nothing proves it any more"),
        ({"closed": True}, {"doneWhen": {"objectExists": {**PDB, "name": "payments"}}}, "doneWhen was added: it is"),
    ],
    ids=["changed", "taken away", "added"],
)
def test_another_question_is_no_failure(spec, then, words):
    """It is open again because somebody asks something else: said so, and counted as nothing that failed."""
    life = Life(chore(**spec), there).run(hours=2)
    assert "Done" == life.item.status.state
    life.world = nobody_knows
    life.respec(**then)
    told = life.told[-1][1]
    assert ("ActionItemReopened", True) == (told.reason, words in told.message)
    assert ("Open", None) == (life.item.status.state, life.item.status.reopened)
    assert "Regressed" not in {c.reason for c in life.run(hours=1).item.status.conditions}


def test_who_takes_a_word_back_opens_it():
    """Nothing was ever to be proved there."""
    life = Life(chore(closed=True)).look().respec(closed=None)
    assert "spec.closed was taken back" in life.told[-1][1].message
    assert 1 == len(life.item.status.reopened)


def test_it_is_looked_at_when_somebody_edits_it():
    """Not only a quarter of an hour later."""
    life = Life(chore(doneWhen=EXISTS)).look()
    life.now += MINUTE
    life.world = there
    assert ("False", "NotLongEnough") == life.respec(title="Alert on it, when it is there").condition("Proven")


def test_looks_are_few():
    """Four an hour while it is open, one an hour once it is done."""
    life = Life(chore(doneWhen=EXISTS, incident=None)).run(hours=10)
    assert 41 == len(life.asked)
    done = Life(chore(doneWhen=EXISTS, incident=None), there).run(hours=2)
    before = len(done.asked)
    assert 10 == len(done.run(hours=10).asked) - before


@given(st.lists(st.tuples(st.integers(1, 2000), st.sampled_from(["there", "gone", "refused"])), max_size=25))
def test_it_is_done_only_while_the_last_thing_that_was_seen_allows_it(steps):
    """Whatever happens: done needs two good looks an hour apart and no bad ones that lasted; the past only grows."""
    worlds = {"there": there, "gone": nobody_knows, "refused": lambda _: Failed(403, "no")}
    life = Life(chore(doneWhen=EXISTS, incident=None))
    for minutes, name in steps:
        life.world = worlds[name]
        reopened = life.item.status.reopened or ()
        life.run(minutes=minutes)
        status, proof = life.item.status, life.item.status.proof
        assert (status.state == "Done") == (proof.proven_time is not None)
        if proof.proven_time is not None:
            assert proof.proven_time - proof.since_time >= timedelta(hours=1)
            assert proof.state != "Fails" or life.now - proof.fails_since < proof.needed / 6
        assert (status.reopened or ())[: len(reopened)] == reopened or len(reopened) == 8
    marks = [(told.reason, told.once) for _, told in life.told]
    assert len(set(marks)) == len(marks), "two that are told are never taken for one"


@pytest.mark.parametrize("day", [7, 14, 21, 28])
def test_what_is_told_is_known_by_what_it_is_about_and_not_by_when(day):
    """Whoever looks later, after a crash, tells the same: the record it was made of is the same."""
    policy = replace(DEFAULT, items_escalate_to="head-of-shop")
    before = Life(chore(), policy=policy).run(days=day, hours=-1).item
    first, later = (Life(before, policy=policy, now=T0 + day * DAY + late).look().told for late in (0 * HOUR, HOUR))
    assert [(t.reason, t.once) for _, t in first] == [(t.reason, t.once) for _, t in later] != []
    assert all(t.once for _, t in first)
