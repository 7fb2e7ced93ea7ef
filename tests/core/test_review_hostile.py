"""A month as it is: gaps, corrected clocks, duplicates, drills, open ones; what is true of it is told, and no more."""

import math
import random
from datetime import timedelta
from typing import Any

import pytest

from build import T0, stamp
from chores import chore
from month import DAY, MINUTE, START, exponential, past, postmortem
from stanch.cli.review.look import factors_of, past_of
from stanch.cli.review.text import Beside, lines
from stanch.core.review import AGAIN_WITHIN, Review, review
from stanch.core.review_items import items
from stanch.core.review_waiting import Learning
from stanch.core.survival import Lasted, median_between, spread
from stanch.core.undeclared import burns, undeclared

SHIFT = timedelta(hours=12)
Json = dict[str, Any]


def look(*incidents: Json, postmortems: tuple[Json, ...] = (), now=T0, since=START) -> Review:
    """From the first day of the month to its last."""
    known, unread = past_of(list(incidents), factors_of(list(postmortems)), since - AGAIN_WITHIN)
    assert 0 == unread
    return review(known, since, now, SHIFT)


def cancelled(name: str, started: timedelta, because: str, **said: Any) -> Json:
    """One that was none, as the record says it."""
    body = past(name, started, cancelled=6, mitigated=None, resolved=None, **said)
    line = {
        "seq": 9,
        "time": stamp(T0),
        "kind": "Cancelled",
        "by": "alice",
        "text": f"Cancelled: {because}: of checkout-9",
    }
    body["status"]["timeline"] = [{**line, "text": f"Cancelled: {because}"} if because != "FalseAlarm" else line]
    return body


# --- a whole month ---------------------------------------------------------------------------------------------------


def a_hostile_month(seed: int = 7) -> tuple[list[Json], dict[str, Any]]:
    """Two hundred incidents of known distributions, and everything that spoils a careless count; with what is true of it."""
    source = random.Random(seed)
    bodies, truth = [], {"SEV1": 45.0, "SEV2": 120.0, "SEV3": 600.0}
    open_ones = backwards = 0
    for n in range(200):
        level = ("SEV1", "SEV2", "SEV2", "SEV3")[n % 4]
        begin = 30 * DAY * source.random()
        left = (30 * DAY - begin) / MINUTE
        took = source.expovariate(math.log(2) / truth[level])
        over = took if took < left - 1 else None
        said: Json = {
            "severity": level,
            "service": f"s-{n}",
            "detected": 0,
            "declared": min(1.0, left),
            "acknowledged": None,
        }
        if n % 50 == 49:
            # Somebody corrected a clock: it is over before it began.
            backwards += over is not None
            over = over if over is None else -5
        open_ones += over is None
        bodies.append(past(f"i-{n}", begin, mitigated=over, resolved=over, **said))
    bodies += [past(f"d-{n}", n * DAY, drill=True, mitigated=1, resolved=1) for n in range(20)]
    bodies += [cancelled(f"f-{n}", n * DAY, "FalseAlarm") for n in range(7)]
    bodies += [cancelled(f"dup-{n}", n * DAY, "Duplicate", severity="SEV3") for n in range(5)]
    bodies += [past(f"old-{n}", -3 * DAY - n * DAY, mitigated=None, resolved=None, service=f"o-{n}") for n in range(3)]
    source.shuffle(bodies)
    return bodies, {"medians": truth, "open": open_ones, "backwards": backwards}


def test_the_true_statistics_of_a_hostile_month_are_found():
    """
    Each severity's true median lies within what is said to be likely; what is no incident is in no count.
    """
    bodies, truth = a_hostile_month()
    found = look(*bodies)
    assert (200, 20, 7, {"FalseAlarm": 7, "Duplicate": 5}, 3) == (
        *(found.incidents, found.drills, found.false_alarms, dict(found.cancelled), found.open_before),
    )
    assert truth["open"] == found.open
    for level, median in truth["medians"].items():
        resolve = found.by_severity[level]["resolve"]
        assert resolve.low <= median * MINUTE <= resolve.high, level
        assert abs(resolve.median - median * MINUTE) < 0.5 * median * MINUTE
    assert any(f"of {truth['backwards']} of 200 the times contradict each other" in text for text in found.cautions)
    assert {"detect", "declare", "acknowledge", "mitigate", "resolve"} == set(found.by_severity["SEV1"])


def test_the_order_in_which_they_are_read_changes_nothing():
    """
    Pages of a list come as they come.
    """
    bodies, _ = a_hostile_month()
    assert look(*bodies) == look(*reversed(bodies))


@pytest.mark.parametrize("censored", [False, True], ids=["all over", "some open"])
@pytest.mark.parametrize("number", [8, 20, 60])
def test_the_true_median_is_where_it_is_said_to_be(number, censored):
    """
    In at least nine of ten months; it is meant to be nineteen of twenty, and few of them make it rougher.
    """
    true, hits, known = math.log(2) * 100, 0, 0
    for seed in range(300):
        times = exponential(100, number, seed)
        until = random.Random(seed).uniform(100, 400) if censored else math.inf
        month = [Lasted(min(t, until) * MINUTE, over=t <= until) for t in times]
        low, high = median_between(month)
        known += 1
        hits += (low is None or low / MINUTE <= true) and (high is None or true <= high / MINUTE)
    assert hits / known >= 0.9


def test_of_few_the_likely_range_is_wide_and_of_five_open_at_its_end():
    """
    Five that ended can all have been short ones.
    """
    few = spread(Lasted(n * MINUTE) for n in (10, 20, 30, 40, 50))
    assert (30 * MINUTE, None) == (few.median, few.high)
    six = spread(Lasted(n * MINUTE) for n in (10, 20, 30, 40, 50, 60))
    assert six.high is not None
    assert "few; a single one moves it" in few.caution


def test_of_four_no_range_is_made_up():
    """
    Nor a median.
    """
    found = spread(Lasted(n * MINUTE) for n in (10, 20, 30, 40))
    assert (None, None, None) == (found.median, found.low, found.high)


# --- what is no incident ---------------------------------------------------------------------------------------------


def test_a_duplicate_is_no_false_alarm():
    """
    Counted apart, by its own word.
    """
    found = look(past("a", DAY), cancelled("b", DAY, "Duplicate"), cancelled("c", DAY, "Maintenance"))
    assert (1, 0, {"Duplicate": 1, "Maintenance": 1}) == (found.incidents, found.false_alarms, dict(found.cancelled))
    told = "\n".join(lines(found, items([], T0), Beside(Learning((), {})), None, 0))
    assert "Left out: 0 drills, 0 false alarms, Duplicate 1, Maintenance 1." in told


def test_a_false_alarm_wakes_people_like_any_other():
    """
    Pages count it; a ticket of an alert, and a drill, woke nobody.
    """
    group = {"spec": {"alertGroup": {"key": "0123456789abcdef", "labels": {}, "alerts": [], "receivedTime": stamp(T0)}}}
    found = look(
        past("a", DAY),
        cancelled("b", DAY + MINUTE, "FalseAlarm"),
        past("ticket", DAY, severity="SEV3", **group),
        past("drill", DAY, drill=True),
    ).pages
    assert (2, 2) == (found.pages, found.most)


def test_what_is_open_from_before_is_said():
    """
    Declared forty days ago and not over: it is in no median of this month, and is not forgotten.
    """
    found = look(past("a", DAY), past("old", -40 * DAY, mitigated=None, resolved=None))
    assert (1, 0, 1) == (found.incidents, found.open, found.open_before)
    assert "Not counted: 1 incident from before, still open." in "\n".join(
        lines(found, items([], T0), Beside(Learning((), {})), None, 0)
    )


# --- clocks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [{"detected": -3}, {"detected": 9, "declared": 5}, {"acknowledged": 1}, {"mitigated": -1}, {"resolved": -2}],
    ids=["detected", "declared", "acknowledged", "mitigated", "resolved"],
)
def test_what_runs_backwards_is_left_out_and_said(said):
    """
    No duration is negative, and nobody is told that all is whole.
    """
    found = look(past("a", DAY, **said))
    assert all(s.shortest is None or s.shortest >= timedelta(0) for s in found.durations.values())
    assert any("of 1 of 1 the times contradict each other" in text for text in found.cautions)


def test_what_is_as_it_should_be_is_not_doubted():
    """
    Also where it was noticed and declared in the same second.
    """
    assert not [c for c in look(past("a", DAY, detected=0, declared=0, acknowledged=0)).cautions if "contradict" in c]


# --- factors and repeats ---------------------------------------------------------------------------------------------


def test_a_wish_to_publish_is_no_publication():
    """
    The lint holds it: its classes are nobody's finding yet.
    """
    wished = postmortem("a", "Change")
    wished["status"] = {}
    assert 1 == look(past("a", DAY), postmortems=(wished,)).without_factors


def test_a_postmortem_of_an_earlier_incident_of_that_name_is_another_ones():
    """
    It is kept for ever, and bears the uid of its own.
    """
    theirs, ours = postmortem("a", "Capacity"), postmortem("a", "Change")
    theirs["metadata"]["labels"] = {"stanch.dev/incident-uid": "another"}
    ours["metadata"] |= {"name": "a-2", "labels": {"stanch.dev/incident-uid": "uid-a"}}
    more = postmortem("a", "Process")
    found = look(past("a", DAY), postmortems=(theirs, ours, more))
    assert {"Change", "Process"} == set(found.by_factor)


def test_a_duplicate_and_a_drill_are_no_repeat():
    """
    Nor is anything a repeat of them.
    """
    found = look(
        cancelled("dup", DAY, "Duplicate"), past("drill", 2 * DAY, drill=True), past("a", 3 * DAY), past("b", 40 * DAY)
    )
    assert () == found.repeats


def test_the_same_alerts_are_a_repeat_of_what_they_made_before():
    """
    As the receiver wrote it down, also where the service was named differently.
    """
    group = {"key": "0123456789abcdef", "labels": {}, "alerts": [], "receivedTime": stamp(T0), "recurrenceOf": "a"}
    found = look(past("a", DAY), past("b", 2 * DAY, service="other", spec={"alertGroup": group}))
    assert [("shop/b", "shop/a", "the same alerts (shop/other)")] == [(r.incident, r.of, r.why) for r in found.repeats]


# --- items -----------------------------------------------------------------------------------------------------------


def item(due_days_ago: int, done_days_ago: int | None, *, undone: bool = False) -> Any:
    """An item of forty days ago; ``undone`` was done once, and is open again."""
    made = chore(dueTime=stamp(T0 - due_days_ago * DAY))
    meta = made.metadata.model_copy(
        update={"creation_timestamp": T0 - 40 * DAY, "name": f"i-{due_days_ago}-{done_days_ago}"}
    )
    status = {}
    if done_days_ago is not None and not undone:
        said = {"type": "Done", "status": "True", "reason": "Closed", "lastTransitionTime": stamp(T0)}
        status = {"doneTime": stamp(T0 - done_days_ago * DAY), "conditions": [said]}
    return made.model_copy(update={"metadata": meta, "status": type(made.status).model_validate(status)})


def test_items_shipped_on_time():
    """
    Of those that were due by now; what was late, or is undone again, was not; what is not due yet is in neither number.
    """
    found = items(
        [item(10, 12), item(10, 9), item(10, None), item(10, 12, undone=True), item(-5, None), item(-5, 1)], T0
    )
    assert (1, 4) == found.in_time
    assert "on time: of 4 that were due by now, 1 were done by then" in "\n".join(
        lines(look(), found, Beside(Learning((), {})), None, 0)
    )


# --- what burned -----------------------------------------------------------------------------------------------------


def test_what_went_on_from_before_was_declared():
    """
    An incident of last month that still burns this month hid nothing.
    """
    values = [[(START + n * 5 * MINUTE).timestamp(), "14"] for n in range(12)]
    burned = burns([{"metric": {"sloth_service": "checkout"}, "values": values}], 5 * MINUTE)
    known, _ = past_of([past("old", -DAY, mitigated=2000, resolved=2000)], {}, START - AGAIN_WITHIN)
    assert [] == undeclared(burned, known, T0)
