"""A look back that is true: against a month whose statistics are known, for it was made from them."""

import math
from datetime import timedelta

import pytest

from build import T0, stamp
from chores import chore
from month import DAY, MINUTE, START, a_month, done, exponential, past, postmortem
from stanch.api.runbook import Runbook
from stanch.cli.review.look import factors_of, past_of
from stanch.core.review import AGAIN_WITHIN, Review, review
from stanch.core.review_items import items
from stanch.core.undeclared import burns, charged, undeclared

SHIFT = timedelta(hours=12)


def look(*incidents, postmortems=(), now=T0, since=START) -> Review:
    """From the first day of the month to its last."""
    known, unread = past_of(list(incidents), factors_of(list(postmortems)), since - AGAIN_WITHIN)
    assert 0 == unread
    return review(known, since, now, SHIFT)


# --- durations -------------------------------------------------------------------------------------------------------


def test_the_true_median_is_found_although_many_are_open():
    """Three hundred of a known distribution: ten hours times ln 2. A median of those that ended is shorter than it was."""
    mean = 6000.0
    found = look(*a_month(mean=mean))
    resolve, true = found.durations["resolve"], mean * math.log(2) * MINUTE
    assert found.open > 20
    assert found.open == resolve.open
    assert abs(resolve.median - true) < true * 0.15
    ended = sorted(m for m in exponential(mean, 300))
    naive = sorted(
        m for place, m in enumerate(exponential(mean, 300)) if m * MINUTE < 30 * DAY * (1 - (place + 0.5) / 300)
    )
    assert naive[len(naive) // 2] < ended[len(ended) // 2]
    assert resolve.median > naive[len(naive) // 2] * MINUTE


def test_each_measure_is_what_it_says():
    """Seven with the same course: detect 2, declare 3, acknowledge 3, mitigate 20, resolve 50."""
    found = look(*(past(f"i-{n}", n * DAY) for n in range(7)))
    assert {"detect": 2, "declare": 3, "acknowledge": 3, "mitigate": 20, "resolve": 50} == {
        name: spread.median / MINUTE for name, spread in found.durations.items()
    }


def test_what_nobody_acknowledged_counts_as_long_as_it_went_on():
    """Resolved without a person, and one that is still waiting."""
    found = look(
        past("a", DAY, acknowledged=None),
        past("b", 30 * DAY - 10 * MINUTE, acknowledged=None, mitigated=None, resolved=None),
    )
    assert (2, 2, None) == tuple(getattr(found.durations["acknowledge"], f) for f in ("n", "open", "median"))


def test_where_nobody_knows_when_it_began_detect_is_not_made_up():
    """Mitigate then counts from detection, and the review says so."""
    found = look(*(past(f"i-{n}", n * DAY, started=None) for n in range(5)))
    assert 0 == found.durations["detect"].n
    assert 18 * MINUTE == found.durations["mitigate"].median
    assert "of 5 of 5 nobody said when harm began" in found.cautions[0]


def test_clocks_that_run_backwards_are_no_duration():
    """Declared before it was detected."""
    assert 0 == look(past("a", DAY, detected=9, declared=5)).durations["declare"].n


def test_drills_and_false_alarms_are_left_out():
    """And counted apart: a drill that took a minute makes nobody faster."""
    real = [past(f"i-{n}", n * DAY) for n in range(5)]
    drills = [past(f"d-{n}", n * DAY, drill=True, mitigated=1, resolved=1, done=[done()]) for n in range(9)]
    found = look(*real, *drills, past("false", DAY, cancelled=6, mitigated=None, resolved=None))
    assert (5, 9, 1, 0) == (found.incidents, found.drills, found.false_alarms, found.open)
    assert 20 * MINUTE == found.durations["mitigate"].median
    assert () == found.deeds.mitigations


def test_only_what_was_declared_in_that_time_counts():
    """One from the month before, one that is yet to come."""
    found = look(past("before", -DAY), past("in", DAY), past("after", 31 * DAY), now=T0)
    assert 1 == found.incidents


def test_by_severity_and_by_factor_class():
    """The worst it ever was; the classes of its published postmortem, each."""
    quick = [past(f"q-{n}", n * DAY, severity="SEV3", mitigated=6, service=f"q{n}") for n in range(5)]
    slow = [past(f"s-{n}", n * DAY, severity="SEV1", mitigated=60, resolved=90, service=f"s{n}") for n in range(5)]
    for each in slow:
        each["status"]["severity"] |= {"level": "SEV4", "worst": "SEV1"}
    found = look(
        *quick,
        *slow,
        postmortems=[
            *(postmortem(f"s-{n}", "Change", "Detection") for n in range(5)),
            postmortem("q-0", "Capacity"),
            postmortem("q-1", "Capacity", published=False),
        ],
    )
    assert {"SEV1": 60, "SEV3": 6} == {k: v["mitigate"].median / MINUTE for k, v in found.by_severity.items()}
    assert {"Capacity": 1, "Change": 5, "Detection": 5} == {k: v["mitigate"].n for k, v in found.by_factor.items()}
    assert 4 == found.without_factors


# --- again -----------------------------------------------------------------------------------------------------------


def test_what_came_again_is_named_with_why():
    """The same factor class before the same subject alone; also of one from the month before; not of a drill."""
    found = look(
        past("old", -20 * DAY),
        past("first", 2 * DAY),
        past("second", 9 * DAY),
        past("other", 9 * DAY, service="payments"),
        past("rehearsal", 8 * DAY, drill=True, service="payments"),
        postmortems=[postmortem("first", "Change"), postmortem("second", "Change", "Process")],
    )
    assert [
        ("shop/first", "shop/old", "the same subject (shop/checkout)"),
        ("shop/second", "shop/first", "the same factor class: Change (shop/checkout)"),
    ] == [(r.incident, r.of, r.why) for r in found.repeats]


def test_pages_by_shift():
    """Three in one shift are more than two; what was declared as SEV3 by a person woke nobody."""
    hour = timedelta(hours=1)
    loud = [past(f"l-{n}", 5 * DAY + n * hour) for n in range(3)]
    found = look(*loud, past("quiet", 5 * DAY, severity="SEV3"), past("next", 6 * DAY)).pages
    assert (60, 4, 3, 1) == (found.shifts, found.pages, found.most, found.too_many)


# --- deeds -----------------------------------------------------------------------------------------------------------


def test_what_helped_is_counted_by_mitigation_and_by_runbook():
    """Each effect; and how long taking it back took."""
    found = look(
        past("a", DAY, done=[done("rolloutUndo", undo=30)]),
        past("b", 2 * DAY, done=[done("rolloutUndo", effect="NoEffect")]),
        past("c", 3 * DAY, done=[done("rolloutUndo", effect="Worse", source="Runbook/bad-deploy")]),
    ).deeds
    (undo,) = found.mitigations
    assert ("rolloutUndo", 3, 1, 1, 1, 0, 1, timedelta(seconds=30)) == (
        *(undo.name, undo.tried, undo.helped, undo.no_effect, undo.worse, undo.unknown, undo.undone),
        undo.undo_took,
    )
    assert [("shop/bad-deploy", 1)] == [(h.name, h.tried) for h in found.runbooks]


@pytest.mark.parametrize(
    ("times", "how", "toil"),
    [
        (3, {}, 3),
        (2, {}, None),
        (5, {"source": "Runbook/restart"}, None),
        (5, {"by": "system:serviceaccount:ci:robot"}, None),
    ],
    ids=["by hand", "seldom", "by Runbook", "by a machine"],
)
def test_the_same_by_hand_again_and_again_is_toil(times, how, toil):
    """Three times in a month; with a Runbook to begin with that is one."""
    what = done("rolloutRestart", how.get("by", "alice"), source=how.get("source", "Spec"))
    found = look(*(past(f"i-{n}", n * DAY, done=[what]) for n in range(times))).deeds.toil
    assert ([toil] if toil else []) == [t.times for t in found]
    for each in found:
        assert ("rolloutRestart", "shop/Deployment checkout") == (each.action, each.target)
        meta = {"uid": "u", "creationTimestamp": stamp(T0)}
        body = {**each.runbook, "metadata": {**each.runbook["metadata"], **meta}}
        assert "Observe" == Runbook.model_validate(body).spec.mode


# --- action items ----------------------------------------------------------------------------------------------------


def closed(days_ago: int, after: int | None) -> object:
    """An item that was written so long ago, and done so many days later."""
    item = chore(dueTime=stamp(T0 - DAY))
    created = T0 - days_ago * DAY
    meta = item.metadata.model_copy(update={"creation_timestamp": created, "name": f"i-{days_ago}-{after}"})
    if after is None:
        return item.model_copy(update={"metadata": meta})
    known = type(item.status).model_validate(
        {
            "doneTime": stamp(created + after * DAY),
            "conditions": [
                {"type": "Done", "status": "True", "reason": "Closed", "lastTransitionTime": stamp(T0)},
            ],
        }
    )
    return item.model_copy(update={"metadata": meta, "status": known})


def test_items_by_age_and_the_three_week_test():
    """Two of three old ones are done, one of them in time; open ones count as having lasted so long."""
    found = items(
        [closed(3, None), closed(3, 1), closed(30, 10), closed(30, 25), closed(30, None), closed(60, None)], T0
    )
    assert [("up to a week", 1, 2), ("up to six weeks", 2, 3), ("older", 0, 1)] == [
        (c.age, c.done, c.total) for c in found.by_age
    ]
    assert ((1, 4), 3) == (found.after_three_weeks, len(found.overdue))
    assert (6, 3, None) == (found.to_done.n, found.to_done.open, found.to_done.median)


# --- what nobody declared --------------------------------------------------------------------------------------------


def series(service: str, *minutes: int) -> dict:
    """Prometheus' answer: a value at each of these minutes of the month."""
    return {"metric": {"sloth_service": service}, "values": [[(START + m * MINUTE).timestamp(), "14"] for m in minutes]}


def test_budget_that_burned_while_nobody_declared():
    """A stretch without an incident of that service; what is short, or was declared, is not named."""
    step = 5 * MINUTE
    matrix = [
        series("checkout", *range(1000, 1060, 5), *range(5000, 5100, 5)),
        series("payments", *range(1000, 1060, 5), 9000),
    ]
    known, _ = past_of([past("a", 1010 * MINUTE)], {}, START)
    found = undeclared(burns(matrix, step), known, T0)
    assert [("payments", 1000, 1055), ("checkout", 5000, 5095)] == [
        (b.service, (b.start - START) / MINUTE, (b.end - START) / MINUTE) for b in found
    ]


def test_what_each_incident_cost_its_service():
    """The share that was left when it began, less what was left when it was over; drills and other services cost nothing."""
    left = {"metric": {"service": "checkout"}, "values": []}
    for minute, share in ((0, 0.9), (1000, 0.8), (1040, 0.5), (5000, 0.45), (5100, 0.6)):
        left["values"].append([(START + minute * MINUTE).timestamp(), str(share)])
    known, _ = past_of(
        [
            past("dear", 1001 * MINUTE),
            past("refilled", 5060 * MINUTE),
            past("drill", 1001 * MINUTE, drill=True),
            past("other", 1001 * MINUTE, service="payments"),
        ],
        {},
        START,
    )
    assert [("shop/dear", 0.3), ("shop/refilled", 0.0)] == [
        (c.incident, round(c.share, 6)) for c in charged([left], known, T0)
    ]
