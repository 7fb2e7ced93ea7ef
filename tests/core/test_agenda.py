"""What a review meeting talks over: what the text leaves open, what it resembles, and what is late; and which texts wait."""

from datetime import timedelta
from typing import Any

import pytest

from build import T0, stamp
from learning import publish
from stanch.core.agenda import POINTS_MAX, Topic, agenda
from stanch.core.review_waiting import learning

DAY = timedelta(days=1)
ALIKE = {
    "incident": "old",
    "postmortem": "old-text",
    "declaredTime": stamp(T0 - 9 * DAY),
    "severity": "SEV2",
    "why": ["the same alert Burn"],
}


def text(name: str = "checkout-5xx", spec: dict[str, Any] | None = None, **status: Any) -> dict[str, Any]:
    """A Postmortem as the API server has it."""
    meta = {"name": name, "namespace": "shop", "creationTimestamp": stamp(T0)}
    return {"metadata": meta, "spec": {"incident": name, **(spec or {})}, "status": status}


def item(name: str, state: str = "Open", **spec: Any) -> dict[str, Any]:
    """An ActionItem as the API server has it."""
    whole = {"title": "Add a test", "owner": "db-team", "dueTime": stamp(T0), **spec}
    return {"metadata": {"name": name, "namespace": "shop"}, "spec": whole, "status": {"state": state}}


def points(body: dict[str, Any], *items: dict[str, Any]) -> list[tuple[str, ...]]:
    """Of each topic."""
    return [each.points for each in agenda(body, body["metadata"]["name"], items)]


def test_five_topics_in_their_order_also_of_an_empty_text():
    """What is not there yet is a point of its own."""
    found = agenda(text(), "checkout-5xx", [])
    assert ["The timeline", "What contributed", "Action items", "A pattern", "Publishing"] == [
        each.topic.partition(":")[0] for each in found
    ]
    assert [(), ("No factor is named",), ("None is written",), ()] == [each.points for each in found[:4]]
    assert ("For whom it is written is not said (spec.audience)",) == found[4].points


def test_gaps_and_what_is_not_answered_are_points():
    """Numbered as everywhere; a factor that an item answers, or that is accepted, is none."""
    factors = [
        {"name": "open", "class": "Process", "statement": "To be filled: what let it reach users?"},
        {"name": "bare", "class": "Change", "statement": "The canary is short."},
        {"name": "answered", "class": "Change", "statement": "No test reads it."},
        {"name": "taken", "class": "Design", "statement": "One zone.", "accepted": "It goes away next week"},
    ]
    whys = ["Why? A column.", "Why was it not stopped there? (to be answered)"]
    gaps = [{"number": 2, "text": "Alert to declare: 40 min"}]
    found = points(
        text(spec={"factors": factors, "whys": whys, "actionItems": ["a"]}, gaps=gaps), item("a", answers=["answered"])
    )
    assert ("Gap 2: Alert to declare: 40 min",) == found[0]
    assert (
        "open is not answered yet: what let it reach users?",
        "bare is answered by no action item, and not accepted",
        "Why was it not stopped there? (to be answered)",
    ) == found[1]


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([item("a", "Overdue")], (f"a (db-team) is overdue, was due {stamp(T0)}: Add a test",)),
        ([item("a", "Reopened")], (f"a (db-team) is reopened, was due {stamp(T0)}: Add a test",)),
        ([item("a", "Open")], ()),
        ([item("a", "Done")], ()),
        ([], ("a is named, and there is no such ActionItem",)),
    ],
    ids=["late", "regressed", "in-time", "done", "not-there"],
)
def test_items_that_are_late_are_points(items, said):
    """By the state that the operator keeps of them."""
    assert said == points(text(spec={"actionItems": ["a"]}), *items)[2]


def test_a_pattern_says_what_was_not_done_since():
    """What was promised after the earlier one, and is not done, stands beside it; what belongs to others does not."""
    promised = [
        item("left", "Overdue", postmortem="old-text"),
        item("by-incident", incident="old"),
        item("done", "Done", postmortem="old-text"),
        item("of-another", postmortem="another", incident="old"),
    ]
    assert ("old of 2026-11-12 (SEV2): the same alert Burn; not done since then: left, by-incident",) == points(
        text(similar=[ALIKE]), *promised
    )[3]


def test_what_is_missing_for_publishing_is_a_point():
    """As its condition says, with whom it is for; once it is published there is no agenda."""
    why = {"type": "Published", "status": "False", "reason": "SignOffMissing", "message": "Missing: one signature"}
    body = text(spec={"audience": "Company"}, conditions=[why])
    assert ("Missing: one signature", "It is written for: Company") == points(body)[4]
    publish(body, T0)
    assert () == agenda(body, "checkout-5xx", [])


def test_an_hour_is_short():
    """Of one sort a few, and how many more there are."""
    gaps = [{"number": n, "text": "late"} for n in range(1, 31)]
    found = points(text(gaps=gaps))[0]
    assert (POINTS_MAX + 1, "and 20 more") == (len(found), found[-1])
    assert isinstance(agenda(text(), "x", [])[0], Topic)


# --- which wait ------------------------------------------------------------------------------------------------------


def incidents(name: str, **record: Any) -> dict[str, Any]:
    """An incident with what was decided about learning from it."""
    return {"metadata": {"name": name, "namespace": "shop"}, "status": {"postmortem": {"name": name, **record}}}


def test_what_is_neither_published_nor_waived_waits():
    """The longest due first; late once its due time is over; of a namesake elsewhere nothing is waived."""
    published = text("published")
    publish(published, T0)
    late = text("late", facts={"dueTime": stamp(T0 - DAY)}, state="Findings", gaps=[{"kind": "Declared"}])
    soon = text("soon", {"dueTime": stamp(T0 + DAY), "review": {"time": stamp(T0 + DAY)}})
    elsewhere = text("waived")
    elsewhere["metadata"]["namespace"] = "cart"
    all_of_them = [text("undated"), soon, published, text("waived"), elsewhere, late]
    found = learning(
        all_of_them,
        [incidents("waived", waived="by alice: a copy"), incidents("soon")],
        T0 - DAY,
        T0 + timedelta(hours=1),
    )
    assert ["shop/late", "shop/soon", "cart/waived", "shop/undated"] == [each.postmortem for each in found.waiting]
    assert [True, False, False, False] == [each.late for each in found.waiting]
    assert ("Findings", 1, None) == (found.waiting[0].state, found.waiting[0].gaps, found.waiting[0].meeting)
    assert T0 + DAY == found.waiting[1].meeting


def test_kinds_of_gaps_are_counted_for_that_time():
    """Also of what is published by now, and the most frequent first; what was drafted before counts no more."""
    of_now, before = (
        text("now", gaps=[{"kind": "UpdateLate"}, {"kind": "UpdateLate"}, {"kind": "Declared"}]),
        text("before", gaps=[{"kind": "Declared"}]),
    )
    before["metadata"]["creationTimestamp"] = stamp(T0 - 40 * DAY)
    found = learning([of_now, before], [], T0 - 30 * DAY, T0 + DAY)
    assert [("UpdateLate", 2), ("Declared", 1)] == list(found.gaps.items())


def test_where_luck_helped_is_a_risk():
    """As published texts of that time say it; that there was none is no risk, and a draft is nobody's word yet."""
    told = text("told", {"gotLucky": ["Traffic was low at that hour", "Nothing."]})
    old = text("old", {"gotLucky": ["Long ago"]})
    old["metadata"]["creationTimestamp"] = stamp(T0 - 40 * DAY)
    for each in (told, old):
        publish(each, T0)
    draft = text("draft", {"gotLucky": ["To be filled: where did luck help?"]})
    found = learning([told, old, draft], [], T0 - 30 * DAY, T0 + DAY)
    assert ("shop/told: Traffic was low at that hour",) == found.lucky
