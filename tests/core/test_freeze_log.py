"""What is left of change freezes: each with since when and how it ended, also when a person ended it; and nothing made up."""

import json
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from build import T0, stamp
from stanch.api.names import Annotation, Label
from stanch.api.policy import DEFAULT
from stanch.core.change_freeze import Change, wanted
from stanch.core.freeze_log import PAST_MAX, Ended, held, read, with_log

WARN, DENY = replace(DEFAULT, budget_mode="Warn"), replace(DEFAULT, budget_mode="Deny")
SPENT, AGAIN = ("the error budget of checkout is spent",), ("it came again",)
MINUTE = timedelta(minutes=1)
Json = dict[str, Any]


class Place:
    """A namespace that is looked at as the sweep does."""

    def __init__(self, **notes: str) -> None:
        self.meta: Json = {"name": "shop", "labels": {}, "annotations": dict(notes)}

    def look(self, minutes: int, why: tuple[str, ...] = (), policy: Any = DENY, sure: bool = True) -> Change | None:
        """So many minutes after T0."""
        now = T0 + minutes * MINUTE
        body = {"metadata": self.meta}
        change = with_log(body, wanted(body, why, policy, now, sure), now)
        for key in ("labels", "annotations") if change else ():
            merged = {**self.meta[key], **change[0][key]}
            self.meta[key] = {k: v for k, v in merged.items() if v is not None}
        return change

    def off(self) -> None:
        """A person takes the label off."""
        self.meta["labels"].pop(Label.CHANGE_FREEZE, None)

    def past(self) -> list[tuple[int, int | None, str | None]]:
        """Minutes from, minutes to, how."""
        return [
            ((p.start - T0) // MINUTE, (p.end - T0) // MINUTE if p.end else None, p.ended)
            for p in read({"metadata": self.meta})
        ]


def test_begun_and_lifted_by_itself():
    """Noted in the very writes that begin and lift it; nothing is written in between for it."""
    place = Place()
    place.look(0, SPENT)
    assert [(0, None, None)] == place.past()
    assert place.look(1, SPENT) is None
    change = place.look(45, SPENT)
    assert (Annotation.FREEZES_PAST not in change[0]["annotations"], "") == (True, change[1])
    assert "changes are free again" == place.look(50)[1]
    assert [(0, 50, Ended.LIFTED)] == place.past()
    assert place.look(60) is None


def test_a_person_took_it_off():
    """Noted when it is seen, once, and told nobody: it is theirs."""
    place = Place()
    place.look(0, SPENT)
    place.off()
    assert "" == place.look(5, SPENT)[1]
    assert [(0, 5, Ended.TAKEN_OFF)] == place.past()
    assert place.look(6, SPENT) is None
    place.look(7, (*SPENT, *AGAIN))
    assert [(0, 5, Ended.TAKEN_OFF), (7, None, None)] == place.past()


def test_taken_off_and_begun_for_another_reason_are_two():
    """Also when both are seen in one look."""
    place = Place()
    place.look(0, SPENT)
    place.off()
    place.look(5, AGAIN)
    assert [(0, 5, Ended.TAKEN_OFF), (5, None, None)] == place.past()


def test_another_reason_is_the_same_freeze():
    """It held all the time; what stands is the newest reason, and whether it warned or refused."""
    place = Place()
    place.look(0, SPENT, WARN)
    place.look(5, AGAIN)
    (past,) = read({"metadata": place.meta})
    assert (T0, "true", AGAIN[0], None) == (past.start, past.value, past.why, past.end)


def test_what_nobody_said_again_had_ended():
    """stanch was away: it held until it lapsed, and what is said again later is another one."""
    place = Place()
    place.look(0, SPENT)
    place.look(180, SPENT)
    assert [(0, 60, Ended.LAPSED), (180, None, None)] == place.past()
    place.look(300)
    assert [(0, 60, Ended.LAPSED), (180, 240, Ended.LAPSED)] == place.past()


def test_only_the_newest_are_kept():
    """An annotation stays small."""
    place = Place()
    for n in range(40):
        place.look(10 * n, SPENT)
        place.look(10 * n + 5)
    assert [(10 * n, 10 * n + 5, Ended.LIFTED) for n in range(40 - PAST_MAX, 40)] == place.past()
    assert len(place.meta["annotations"][Annotation.FREEZES_PAST]) < 4000


@pytest.mark.parametrize(
    "text",
    [
        "x",
        "{}",
        "[1]",
        '[{"from": 3}]',
        '[{"from": "0001-01-01T00:00:00+14:00", "value": "true", "why": "x"}]',
        "[" * 100_000,
        "null",
    ],
    ids=["text", "object", "number", "no-time", "before-time", "deep", "null"],
)
def test_what_people_wrote_there_stops_nobody(text):
    """It is read as nothing, and written anew by the next freeze."""
    place = Place(**{Annotation.FREEZES_PAST: text})
    assert place.look(0) is None
    place.look(1, SPENT)
    assert [(1, None, None)] == place.past()


def test_their_words_are_one_line():
    """A line of the review is a line, whatever stands there."""
    rows = [{"from": stamp(T0), "value": "true", "why": "a\nb\x1b[31m" + "c" * 999}]
    (past,) = read({"metadata": {"annotations": {Annotation.FREEZES_PAST: json.dumps(rows)}}})
    assert past.why.isprintable()
    assert len(past.why) <= 160


STEP = st.tuples(st.integers(1, 90), st.sampled_from([(), SPENT, AGAIN]), st.booleans(), st.sampled_from(["", "off"]))


@given(st.lists(STEP, max_size=25))
def test_whatever_happens_they_follow_each_other(steps):
    """Never two at once, only the last one open, an end to each other; and one goes on exactly where the label is ours."""
    place, minute = Place(), 0
    for took, why, sure, person in steps:
        minute += took
        if person:
            place.off()
        place.look(minute, why, sure=sure)
        past = read({"metadata": place.meta})
        assert [p.end is None for p in past[:-1]] == [False] * len(past[:-1])
        assert all(a.end <= b.start for a, b in pairwise(past))
        assert all(p.end is None or (p.start <= p.end and p.ended) for p in past)
        goes_on = bool(past) and past[-1].end is None
        assert goes_on == (Label.CHANGE_FREEZE in place.meta["labels"])


# --- looking back ----------------------------------------------------------------------------------------------------


def test_what_held_in_that_time_is_found():
    """By overlap; what is over before it, or begins after it, is not; what goes on is."""
    place = Place()
    for start, end in ((0, 50), (100, 150), (200, None)):
        place.look(start, SPENT)
        if end:
            place.look(end)
    body = {"metadata": place.meta}

    def found(since: int, until: int) -> list[int]:
        return [(h.start - T0) // MINUTE for h in held([body], T0 + since * MINUTE, T0 + until * MINUTE)]

    assert [[0, 100, 200], [100], [100, 200], []] == [found(0, 300), found(60, 160), found(149, 210), found(160, 190)]
    assert [False, False, True] == [h.holds for h in held([body], T0, T0 + 300 * MINUTE)]


def test_a_label_that_a_person_set_is_told_as_theirs():
    """Since when, nobody knows; what they took off and stanch has not seen is over all the same."""
    theirs = {"metadata": {"name": "cart", "labels": {Label.CHANGE_FREEZE: "true"}}}
    place = Place()
    place.look(0, SPENT)
    place.off()
    found = held([{"metadata": place.meta}, theirs], T0, T0 + 9 * MINUTE)
    assert [("cart", False, True, None), ("shop", True, False, Ended.TAKEN_OFF)] == [
        (h.namespace, h.by_stanch, h.holds, h.ended) for h in found
    ]
