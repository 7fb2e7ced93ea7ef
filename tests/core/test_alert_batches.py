"""What is kept of alerts until they stand in their incidents: read back it says the same, as of when it was told, however late."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts import alert, minutes, states, stored, told
from build import T0
from stanch.api.alert_batch import BATCH_BYTES_MAX, NOTIFICATIONS_MAX, TOLD_MAX
from stanch.api.alerts import STORM_KEY, AlertGroup
from stanch.core.alert_batches import (
    Kept,
    Unreadable,
    body_of,
    first_of,
    note_of,
    read_batch,
    read_text,
    text_of,
)
from stanch.core.alert_groups import Create, Nothing, Rules, decide, read_known, storm
from stanch.core.alert_groups import body_of as incident_of
from stanch.core.alert_states import LATE, firing, merged
from stanch.core.alertmanager import Told, key_of

RULES = Rules(alerts=1, within=minutes(5), reopen_within=minutes(240))
EMPTY = AlertGroup(key="0" * 16, received_time=T0 - minutes(60))


def kept(notification: Told, *places: str) -> Kept:
    """In the operator's namespace, unless."""
    return Kept(places or ("stanch-system",), notification)


def note(notification: Told) -> Any:
    """As it stands in a batch."""
    found = note_of(kept(notification))
    assert found is not None
    return found


def in_cluster(body: dict[str, Any]) -> dict[str, Any]:
    """As the API server has it."""
    return {**body, "metadata": {**body["metadata"], "uid": "u", "creationTimestamp": "2026-11-21T14:00:00Z"}}


# --- as text and back ------------------------------------------------------------------------------------------------


def test_what_is_read_back_says_the_same_as_of_then() -> None:
    """Alerts with their words, what was left out, labels, title and places, in their order."""
    first = told(alert(1, pod="checkout-1"), alert(2, end=T0 + minutes(1)), truncatedAlerts=7)
    second = told(alert(3), group="another")
    body = body_of([note(first), note_of(kept(second, "shop", "stanch-system"))], T0 + minutes(2))
    batch = read_batch(in_cluster(body))
    assert [("stanch-system",), ("shop", "stanch-system")] == [each.places for each in batch.kept]
    assert [T0 + minutes(2)] * 2 == [each.told.received for each in batch.kept]
    for before, after in zip((first, second), batch.kept, strict=True):
        assert text_of(before) == text_of(after.told)
        assert (before.key, before.over, before.more) == (after.told.key, after.told.over, after.told.more)


def test_it_is_named_after_what_is_in_it() -> None:
    """The same told twice in one second is one object; at another time, or of another, it is another."""
    one = body_of([note(told(alert()))], T0)
    assert one == body_of([note(told(alert()))], T0)
    others = body_of([note(told(alert(2)))], T0), body_of([note(told(alert()))], T0 + minutes(1))
    assert 3 == len({each["metadata"]["name"] for each in (one, *others)})


def test_a_batch_is_bounded_and_holds_one_at_least() -> None:
    """By count and by bytes; what is too large for any waits for its incident alone."""
    small, large = note(told(alert())), note(told(*(alert(n, summary="x" * 150) for n in range(150))))
    assert NOTIFICATIONS_MAX == first_of([small] * 300)
    fitting = first_of([large] * 50)
    assert 1 <= fitting < 50
    assert fitting * len(large.told) <= BATCH_BYTES_MAX < (fitting + 1) * len(large.told)
    assert 1 == first_of([small])
    huge = told(*(alert(n) for n in range(800)))
    assert len(text_of(huge)) > TOLD_MAX
    assert note_of(kept(huge)) is None
    assert note_of(Kept((), told(alert()))) is None, "who may send nowhere has nothing kept"


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "told"),
        ("{}", "told: key"),
        (text_of(told(alert())).replace('"more":0', '"more":-1'), "told: more"),
        (text_of(told(alert())).replace("0000000000000001", "rm -rf"), "told: alerts.0.fingerprint"),
        (text_of(told(alert())).replace('"checkout', '"\ud800', 1), "told"),
        ("[" * 50_000, "told"),
    ],
    ids=["nothing", "empty", "less than none", "no fingerprint", "half a character", "deep"],
)
def test_what_can_not_be_read_is_named(text: str, named: str) -> None:
    """A newer version wrote it, or somebody else; never another error than this one."""
    with pytest.raises(Unreadable, match=named):
        read_text(text, T0)


def test_a_batch_that_can_not_be_read_is_named() -> None:
    """By its field."""
    body = in_cluster(body_of([note(told(alert()))], T0))
    with pytest.raises(Unreadable, match=r"spec\.notifications\.0\.told"):
        read_batch({**body, "spec": {**body["spec"], "notifications": [{"namespaces": ["shop"]}]}})
    with pytest.raises(Unreadable, match=r"spec\.notifications\.0\.namespaces\.0"):
        read_batch({**body, "spec": {**body["spec"], "notifications": [{"namespaces": ["../x"], "told": "{}"}]}})


# --- told late, and again --------------------------------------------------------------------------------------------


def as_of(notification: Told, at: Any) -> Told:
    """As it is read back."""
    return read_text(text_of(notification), at)


def test_what_is_taken_in_late_brings_nothing_back() -> None:
    """Told to fire before it ended, and put into its incident an hour after the end: it is over, for it was told before that."""
    fires, ends = told(alert()), told(alert(end=T0 + minutes(2)))
    group = merged(merged(EMPTY, fires, T0), ends, T0 + minutes(2))
    assert 0 == firing(merged(group, as_of(fires, T0), T0 + minutes(60)))
    assert 1 == firing(merged(group, fires, T0 + minutes(60))), "told now, it fires indeed"


def test_what_fired_again_long_after_its_end_fires_however_late_it_is_taken_in() -> None:
    """A Prometheus that was away takes its alerts up again with their old start."""
    again = as_of(told(alert()), T0 + minutes(3) + LATE)
    group = merged(merged(EMPTY, told(alert()), T0), told(alert(end=T0 + minutes(2))), T0 + minutes(2))
    assert 1 == firing(merged(group, again, T0 + minutes(60)))


def test_how_many_were_left_out_is_what_was_told_last() -> None:
    """A number has no time of its own: what was kept from before brings back neither more nor none."""
    cut, over = told(alert(), truncatedAlerts=5), told(alert(end=T0 + minutes(1)))
    ended = merged(merged(EMPTY, cut, T0), over, T0 + minutes(1))
    assert 0 == firing(merged(ended, as_of(cut, T0), T0 + minutes(60)))
    cut_later = merged(merged(EMPTY, over, T0), cut, T0 + minutes(1))
    assert 5 == (merged(cut_later, as_of(over, T0), T0 + minutes(2)).more)


def test_how_many_were_left_out_is_told_by_what_makes_the_incident() -> None:
    """However late: nothing was told since. What was kept before that has no say."""
    cut, now = told(alert(), truncatedAlerts=5), T0 + minutes(60)
    made = decide(as_of(cut, T0), [], RULES, now)
    in_storm = storm(as_of(cut, T0), [], now)
    assert isinstance(made, Create)
    assert isinstance(in_storm, Create)
    for group in (made.group, in_storm.group):
        assert (6, T0) == (firing(group), group.received_time)
        assert 5 == merged(group, as_of(told(alert(), truncatedAlerts=9), T0 - minutes(1)), now).more


def test_what_a_person_closed_stays_closed() -> None:
    """The incident knew the alert when it was closed: kept from before, it makes no other one."""
    made = decide(told(alert()), [], RULES, T0)
    assert isinstance(made, Create)
    body = incident_of(made, made.names[0], "stanch-system", told(alert()))
    known = read_known(stored(body, closed=T0 + minutes(10)))
    assert known is not None
    assert isinstance(decide(as_of(told(alert()), T0), [known], RULES, T0 + minutes(60)), Nothing)
    assert isinstance(decide(as_of(told(alert(2)), T0), [known], RULES, T0 + minutes(60)), Create), (
        "that one it never knew"
    )


FACTS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 4), st.booleans()).map(
        lambda f: (f[0], T0 + timedelta(seconds=20 * f[1]), f[2])
    ),
    min_size=1,
    max_size=6,
)


def notifications(facts: list[tuple[int, Any, bool]]) -> list[Told]:
    """One alert each: it began then, and is over ten seconds later or fires."""
    return [told(alert(n, start, start + timedelta(seconds=10) if ended else None)) for n, start, ended in facts]


@given(facts=FACTS, data=st.data())
def test_any_order_with_crashes_and_doubles_ends_as_told_in_order(facts: list[Any], data: Any) -> None:
    """
    Each is put into the incident when it is told, or later, or several times by batches that were left, in any order: which alerts
    fire, and since when, is what it would be had each been put there once, when it came.
    """
    tolds = notifications(facts)
    group, at = EMPTY, {}
    for number, each in enumerate(tolds):
        at[number] = T0 + timedelta(seconds=100 + number)
        group = merged(group, each, at[number])
    deeds = data.draw(st.lists(st.integers(0, len(tolds) - 1), max_size=8)) + data.draw(
        st.permutations(range(len(tolds)))
    )
    other, now = EMPTY, T0 + timedelta(seconds=200)
    for number in deeds:
        # However long the batch lay there.
        now += timedelta(seconds=data.draw(st.sampled_from([0, 1, 400, 90_000])))
        other = merged(other, as_of(tolds[number], at[number]), now)
    assert states(group) == states(other)
    assert firing(group) == firing(other)


@given(facts=FACTS)
def test_again_changes_nothing(facts: list[Any]) -> None:
    """A kill between the write and the deletion of its batch: the same object, to the last field."""
    group = EMPTY
    kept_ = [as_of(each, T0 + minutes(3)) for each in notifications(facts)]
    for each in kept_:
        group = merged(group, each, T0 + minutes(4))
    once = group
    for each in kept_:
        group = merged(group, each, T0 + minutes(90))
    assert once == group


def test_a_storm_takes_it_as_any_other() -> None:
    """The end of one group is not that of the others, also when it is told late."""
    group = AlertGroup(key=STORM_KEY, received_time=T0, more=3)
    assert 3 == merged(group, as_of(told(alert(end=T0)), T0 - minutes(1)), T0 + minutes(9)).more
    assert key_of("x") != STORM_KEY
