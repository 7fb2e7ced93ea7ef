"""How the load is shared: pages, near misses apart, what alerts are worth, who commands; and windows as policies say."""

from datetime import timedelta
from typing import Any

import pytest

from build import T0, stamp
from chores import chore
from month import DAY, START, done, past
from stanch.api.names import EventKind
from stanch.cli.review.look import past_of
from stanch.core.review import AGAIN_WITHIN, Review, Rules, review
from stanch.core.review_items import items
from stanch.core.review_load import TELLING

HOUR = timedelta(hours=1)
NOBODY_HURT = {"value": {"scope": "None"}, "source": "Spec", "sinceTime": stamp(T0)}


def look(*incidents: dict[str, Any], rules: Rules | None = None) -> Review:
    """Over the month."""
    known, unread = past_of(list(incidents), {}, START - 3 * AGAIN_WITHIN)
    assert 0 == unread
    return review(known, START, T0, timedelta(hours=12), rules)


def with_status(one: dict[str, Any], **status: Any) -> dict[str, Any]:
    """The same incident, with more in its status."""
    return {**one, "status": {**one["status"], **status}}


# --- near misses -----------------------------------------------------------------------------------------------------


def test_near_misses_are_counted_apart():
    """In no duration and no recurrence, by name; what was done in them was done, and they paged like any other."""
    near = with_status(past("near", 3 * DAY, done=[done()], mitigated=400), impact=NOBODY_HURT)
    found = look(past("real", 2 * DAY), near, past("drill", 3 * DAY, drill=True, spec={"impact": {"scope": "None"}}))
    assert [("shop/near", "SEV2", "near")] == [(n.incident, n.severity, n.title) for n in found.near_misses]
    assert (1, 1, 2, 0) == (found.incidents, found.durations["mitigate"].n, found.pages.pages, len(found.repeats))
    assert ["rolloutRestart"] == [h.name for h in found.deeds.mitigations]


@pytest.mark.parametrize(
    "impact", [{"scope": "SomeUsers"}, {"scope": "None", "dataAtRisk": True}, {"userVisible": False}, None]
)
def test_what_hurt_somebody_or_nobody_spoke_of_is_no_near_miss(impact):
    """Data at risk is harm; and what nobody said is not known to be none."""
    found = look(past("a", DAY, spec={"impact": impact} if impact else {}))
    assert (1, ()) == (found.incidents, found.near_misses)


def test_what_was_said_last_counts():
    """Declared as hurting nobody, it turned out to hurt many."""
    worse = {**NOBODY_HURT, "value": {"scope": "ManyUsers"}}
    found = look(with_status(past("a", DAY, spec={"impact": {"scope": "None"}}), impact=worse))
    assert (1, ()) == (found.incidents, found.near_misses)


# --- pages -----------------------------------------------------------------------------------------------------------


def test_pages_by_hour_and_by_day_and_by_what_a_shift_bears():
    """In UTC; how many are too many is asked for."""
    loud = [past(f"l-{n}", 5 * DAY + n * HOUR, declared=0, detected=0, started=None) for n in range(3)]
    found = look(*loud, past("next", 6 * DAY, declared=0, detected=0)).pages
    first = START + 5 * DAY
    assert {(first + n * HOUR).hour: 2 if n == 0 else 1 for n in range(3)} == found.by_hour
    assert {"Mon": 3, "Tue": 1} == dict(found.by_day) or sum(found.by_day.values()) == 4
    assert [3, 1] == sorted(found.by_day.values(), reverse=True)
    bearable = [look(*loud, rules=Rules(pages_max=n)).pages.too_many for n in (0, 2, 3)]
    assert [1, 1, 0] == bearable


# --- alerts ----------------------------------------------------------------------------------------------------------


def alerted(name: str, days: float, *names: str, **said: Any) -> dict[str, Any]:
    """An incident that these alerts made."""
    told = [{"fingerprint": f"{n:016x}", "startsTime": stamp(T0), "name": each} for n, each in enumerate(names)]
    group = {"alertGroup": {"key": "0" * 16, "receivedTime": stamp(T0), "alerts": told}}
    return past(name, days * DAY, spec=group, **said)


def test_an_alert_that_never_led_to_an_action():
    """By its name over all it made, false alarms too; one action is enough, by stanch or written down by a person."""
    note = {"seq": 1, "time": stamp(T0), "kind": EventKind.NOTE, "by": "alice", "text": "Action: failed over by hand"}
    found = look(
        alerted("a", 1, "Noisy"),
        alerted("b", 2, "Noisy", cancelled=6, mitigated=None, resolved=None),
        alerted("c", 3, "Useful"),
        alerted("d", 4, "Useful", "Both", done=[done()]),
        with_status(alerted("e", 5, "ByHand"), timeline=[note]),
        alerted("drill", 6, "Rehearsed", drill=True),
        past("person", 7 * DAY),
    ).alerts
    assert {"Noisy": 2, "Useful": 2, "Both": 1, "ByHand": 1} == found.incidents
    assert {"Noisy": 2} == found.never_acted


def test_an_alert_that_no_runbook_is_for():
    """Of none of the incidents that it made; a duplicate tells nothing."""
    runbook = {"name": "bad-deploy", "asked": "digest"}
    duplicate = [
        {"seq": 1, "time": stamp(T0), "kind": EventKind.CANCELLED, "by": "x", "text": "Cancelled: Duplicate of a"}
    ]
    found = look(
        alerted("a", 1, "New"),
        alerted("b", 2, "Known"),
        with_status(alerted("c", 3, "Known"), runbook=runbook),
        with_status(alerted("d", 4, "Copy", cancelled=6), timeline=duplicate),
    ).alerts
    assert {"New": 1} == found.without_runbook


# --- who commands ----------------------------------------------------------------------------------------------------


def led(name: str, days: float, *users: str, **said: Any) -> dict[str, Any]:
    """One after the other; the last wears it still."""
    lines = [
        {
            "seq": n,
            "time": stamp(T0),
            "kind": EventKind.ROLE_CHANGED,
            "by": user,
            "text": f"{user} is commander",
            "entry": "e",
        }
        for n, user in enumerate(users, 1)
    ]
    held = [{"role": "commander", "user": users[-1], "sinceTime": stamp(T0), "source": "Entry/e"}] if users else None
    return with_status(past(name, days * DAY, **said), timeline=lines, **({"roles": held} if held else {}))


def test_who_commands_by_month():
    """Everybody who commanded a part of one; what needed one and had none; drills and false alarms are nobody's."""
    found = look(
        led("a", 1, "alice"),
        led("b", 2, "alice", "bob"),
        led("none", 3),
        led("quiet", 4, severity="SEV3"),
        led("drill", 5, "carol", drill=True),
        led("false", 5, "carol", cancelled=6, mitigated=None, resolved=None),
        led("later", 29, "bob"),
    ).commanders
    months = {f"{START + n * DAY:%Y-%m}" for n in (1, 2, 3, 4, 29)}
    assert sorted(months) == [m.month for m in found]
    assert {"alice": 2, "bob": 2} == {u: sum(m.by.get(u, 0) for m in found) for u in ("alice", "bob")}
    assert 1 == sum(m.nobody for m in found)
    assert not any(m.alone for m in found)


@pytest.mark.parametrize(
    ("number", "others", "alone"), [(TELLING, (), True), (TELLING - 1, (), False), (TELLING, ("bob",), False)]
)
def test_one_person_who_commands_everything_is_told_of(number, others, alone):
    """A bus factor of one; of two incidents that says nothing."""
    incidents = [led(f"i-{n}", 10 + n / 10, "alice") for n in range(number)]
    incidents += [led(f"o-{each}", 11, each) for each in others]
    (month,) = look(*incidents).commanders
    assert alone == month.alone


# --- windows ---------------------------------------------------------------------------------------------------------


def test_how_soon_is_again_is_the_policys():
    """Forty days apart it is no recurrence, unless a policy says so; each namespace by its own."""
    other = past("there", 2 * DAY)
    other["metadata"]["namespace"] = "other"
    before = past("there-before", -38 * DAY)
    before["metadata"]["namespace"] = "other"
    all_of_them = (past("old", -38 * DAY), past("new", 2 * DAY), before, other)
    assert ((), AGAIN_WITHIN) == (look(*all_of_them).repeats, look(*all_of_them).again)
    found = look(*all_of_them, rules=Rules(lambda ns: 60 * DAY if ns == "other" else AGAIN_WITHIN))
    assert (["other/there"], None) == ([r.incident for r in found.repeats], found.again)
    assert 60 * DAY == look(*all_of_them, rules=Rules(lambda _: 60 * DAY)).again


def test_the_three_week_test_is_asked_when_the_policy_says():
    """An item of two weeks is old enough where it is asked after ten days."""
    item = chore()
    meta = item.metadata.model_copy(update={"creation_timestamp": T0 - 14 * DAY})
    old = item.model_copy(update={"metadata": meta})
    assert (0, 0) == items([old], T0).after_three_weeks
    assert (0, 1) == items([old], T0, lambda _: 10 * DAY).after_three_weeks
