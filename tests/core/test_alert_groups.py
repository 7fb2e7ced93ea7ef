"""Each group has one incident, however often, in whatever order, and by however many it is told."""

import json
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts import GROUP, alert, minutes, states, stored, told
from build import T0, Json
from stanch.api.alerts import ALERTS_MAX, OTHERS_MAX, AlertGroup
from stanch.core.alert_groups import (
    Attach,
    Create,
    Known,
    Nothing,
    Rules,
    body_of,
    decide,
    names_of,
    patch_of,
    read_known,
    storm,
)
from stanch.core.alert_states import LATE, firing, merged, total
from stanch.core.alertmanager import Told, joined, key_of

NOW = T0 + minutes(5)
RULES = Rules(alerts=1, within=minutes(2), reopen_within=minutes(240))
EMPTY = AlertGroup(key=key_of(GROUP), received_time=T0)


def incident(first: Told, created: datetime = T0, **times: datetime) -> Known:
    """The incident that this notification made."""
    decision = decide(first, (), RULES, created)
    assert isinstance(decision, Create)
    known = read_known(stored(body_of(decision, decision.names[0], "shop", first), created, **times))
    assert known is not None
    return known


# --- what is known of a group ----------------------------------------------------------------------------------------

MOMENTS = st.integers(0, 6).map(lambda n: T0 + minutes(n / 2))
STATEMENTS = st.tuples(st.integers(1, 4), MOMENTS, st.none() | st.integers(0, 4)).map(
    lambda said: alert(said[0], said[1], None if said[2] is None else said[1] + minutes(said[2] / 2))
)
SHUFFLED = st.lists(STATEMENTS, min_size=1, max_size=6).flatmap(
    lambda items: st.tuples(st.just(items), st.permutations(items))
)


def after(*said: Json, now: datetime = NOW, group: AlertGroup = EMPTY) -> AlertGroup:
    """What is known after these were told one by one."""
    for each in said:
        group = merged(group, told(each), now)
    return group


@given(SHUFFLED)
def test_the_order_in_which_it_is_told_makes_no_difference(both: tuple[list[Json], list[Json]]) -> None:
    """Retries, pairs and replicas tell the same in any order; together or one by one."""
    one, other = both
    assert states(after(*one)) == states(after(*other))
    assert states(after(*one)) == states(merged(EMPTY, told(*other), NOW))
    assert firing(after(*one)) == firing(after(*other))


@given(st.lists(STATEMENTS, min_size=1, max_size=6))
def test_told_again_it_changes_nothing(said: list[Json]) -> None:
    """Not even the time: what does not change is not written."""
    group = after(*said)
    for each in said:
        assert group == merged(group, told(each), NOW)


@given(st.integers(0, 300), st.randoms())
@settings(max_examples=25)
def test_none_is_lost_however_many_there_are(count: int, chance: Any) -> None:
    """Sixteen with their words, 256 by fingerprint, the rest in number; and the size is bounded."""
    alerts = [alert(n, pod=f"checkout-{n}") for n in range(1, count + 2)]
    chance.shuffle(alerts)
    group = merged(EMPTY, told(*alerts), T0)
    assert (count + 1, count + 1) == (firing(group), total(group))
    assert (min(count + 1, ALERTS_MAX), OTHERS_MAX) >= (len(group.alerts), len(group.others or ()))
    assert len(json.dumps(group.wire())) < 24_000
    ended = merged(group, told(*(alert(n, end=T0) for n in range(1, count + 2))), T0 + minutes(1))
    assert 0 == firing(ended)


def test_two_servers_may_tell_starts_that_differ() -> None:
    """One end ends both; a new start after it is a new firing, and the old end does not reach it."""
    first, second = alert(start=T0), alert(start=T0 + minutes(0.5))
    ended = alert(start=T0, end=T0 + minutes(2))
    again = alert(start=T0 + minutes(3))
    assert 0 == firing(after(second, first, ended))
    assert {1} == {firing(after(*order)) for order in permutations((first, ended, again))}


def test_what_fires_long_after_its_end_fires() -> None:
    """A Prometheus that was away takes an alert up with its old start; a notification that came late does not."""
    over = after(alert(), alert(end=T0 + minutes(1)))
    soon, later = T0 + minutes(1) + LATE, T0 + minutes(1.1) + LATE
    assert (0, 1) == (firing(merged(over, told(alert()), soon)), firing(merged(over, told(alert()), later)))


def test_a_severity_that_none_has_finds_room() -> None:
    """What makes it worse is not lost among the rest."""
    full = merged(EMPTY, told(*(alert(n, severity="warning") for n in range(1, 30))), T0)
    worse = merged(full, told(alert(99, severity="critical")), T0)
    assert {"warning", "critical"} == {a.severity for a in worse.alerts}
    assert (30, 30) == (firing(worse), total(worse))


def test_labels_of_a_group_are_those_that_all_of_it_have() -> None:
    """Also of what joins it later; what is told of fewer again brings none back."""
    first, both = told(alert(1, pod="a")), told(alert(1, pod="a"), alert(2, pod="b"))
    made = merged(EMPTY.model_copy(update={"labels": dict(first.labels)}), first, T0)
    assert "a" == (made.labels or {})["pod"]
    joined_by = merged(made, both, NOW)
    assert (both.labels, NOW) == (joined_by.labels, joined_by.received_time)
    assert both.labels == merged(joined_by, first, NOW).labels
    assert joined_by.labels == merged(made, told(alert(2, pod="b")), NOW).labels


def test_what_alertmanager_leaves_out_is_counted() -> None:
    """`max_alerts` cuts; all are over when it says so of a group of which it left none out."""
    cut = merged(EMPTY, told(alert(), truncatedAlerts=40), T0)
    assert (41, 41) == (firing(cut), total(cut))
    assert 0 == firing(merged(cut, told(alert(end=T0)), T0 + minutes(1)))


def test_the_end_of_a_part_is_no_end_of_the_whole() -> None:
    """Alertmanager cuts first, and its status is about what is left then: of the others it says nothing."""
    cut = merged(EMPTY, told(alert(), truncatedAlerts=40), T0)
    part = told(alert(end=T0), truncatedAlerts=40)
    assert 40 == firing(merged(cut, part, T0 + minutes(1)))
    assert 40 == firing(merged(cut, joined([part, told(alert(end=T0))]), T0 + minutes(1)))


def test_the_end_of_one_group_leaves_those_of_others_in_a_storm() -> None:
    """What was left out of the first still fires when the second is over."""
    made = storm(told(alert(1), group="a", truncatedAlerts=40), (), T0)
    both = merged(made.group, told(alert(2), group="b"), T0)
    assert 41 == firing(merged(both, told(alert(2, end=T0), group="b"), T0 + minutes(1)))


# --- which incident --------------------------------------------------------------------------------------------------


def test_the_first_makes_one_and_the_second_goes_into_it() -> None:
    """And so does the pair's copy, which changes nothing."""
    known = incident(told(alert()))
    assert known.name == f"inc-{key_of(GROUP)[:8]}-20261121-1400"
    more = decide(told(alert(), alert(2)), [known], RULES, T0 + minutes(1))
    assert isinstance(more, Attach)
    assert (2, True) == (firing(more.group), more.changes)
    copy = decide(told(alert()), [known], RULES, T0 + minutes(1))
    assert isinstance(copy, Attach)
    assert not copy.changes


def test_a_name_is_worked_out_from_what_is_told() -> None:
    """So another replica's create is a conflict, and no second incident; and two groups never share one."""
    names = names_of(told(alert(start=T0 + minutes(3)), alert(2, start=T0)))
    assert names == names_of(told(alert(2, start=T0), alert(7, start=T0 + minutes(9))))
    assert names[0] != names_of(told(alert(), group="another"))[0]
    assert len(names) == len(set(names))
    assert all(len(name) <= 63 for name in names)


def test_an_end_alone_makes_none() -> None:
    """And neither does what nobody knows to have begun."""
    assert isinstance(decide(told(alert(end=T0)), (), RULES, T0), Nothing)


def test_what_fires_anew_soon_after_reopens() -> None:
    """Up to four hours after it was resolved; the same alert that merely is repeated does not."""
    end = T0 + minutes(10)
    known = incident(told(alert()), resolved=end)
    again = decide(told(alert(start=end + minutes(1))), [known], RULES, end + minutes(2))
    assert isinstance(again, Attach)
    assert end + minutes(2) == again.group.reopen_time
    same = decide(told(alert()), [known], RULES, end + minutes(2))
    assert isinstance(same, Attach)
    assert same.group.reopen_time is None


def test_later_it_is_a_new_one() -> None:
    """That knows the one before it."""
    known = incident(told(alert()), resolved=T0)
    late = T0 + minutes(241)
    new = decide(told(alert(start=late)), [known], RULES, late)
    assert isinstance(new, Create)
    assert (known.name, names_of(told(alert(start=late)))) == (new.group.recurrence_of, new.names)
    months = decide(told(alert(start=late)), [known], RULES, T0 + timedelta(days=31))
    assert isinstance(months, Create)
    assert months.group.recurrence_of is None


@pytest.mark.parametrize("how", ["closed", "cancelled"])
def test_what_a_person_ended_is_not_brought_back_by_a_repetition(how: str) -> None:
    """Alertmanager repeats as long as it fires; only something new makes a new one."""
    end = T0 + minutes(10)
    known = incident(told(alert()), **{how: end})
    assert isinstance(decide(told(alert()), [known], RULES, end + minutes(60)), Nothing)
    assert isinstance(decide(told(alert(), alert(2, start=T0)), [known], RULES, end + minutes(60)), Create)
    assert isinstance(decide(told(alert(start=end + minutes(1))), [known], RULES, end + minutes(60)), Create)


@pytest.mark.parametrize("how", ["resolved", "closed"])
def test_of_a_group_that_was_cut_what_began_later_is_new(how: str) -> None:
    """It began before the end and was told after it: among those that were left out before it can't have been."""
    end = T0 + minutes(10)
    known = incident(told(alert(), truncatedAlerts=40), **{how: end})
    late = decide(told(alert(), alert(2, start=end - minutes(1))), [known], RULES, end + minutes(2))
    assert isinstance(late, Create) or (isinstance(late, Attach) and late.group.reopen_time is not None)
    before = decide(told(alert(), alert(2, start=T0 - minutes(1))), [known], RULES, end + minutes(2))
    assert isinstance(before, Nothing) or (isinstance(before, Attach) and before.group.reopen_time is None)


def test_one_that_is_open_comes_before_one_that_was_resolved() -> None:
    """The oldest of several open ones, for the younger goes."""
    resolved = incident(told(alert(start=T0 - minutes(60))), created=T0 - minutes(60), resolved=T0 - minutes(30))
    older, younger = (incident(told(alert(start=T0 + minutes(n))), created=T0 + minutes(n)) for n in (0, 1))
    chosen = decide(told(alert(9)), [younger, resolved, older], RULES, NOW)
    assert isinstance(chosen, Attach)
    assert older.name == chosen.known.name


def test_a_noisy_alert_waits_for_company() -> None:
    """`declare: {alerts: 3, within: 2m}`; those that Alertmanager left out count, too."""
    rules = Rules(3, minutes(2), minutes(240))
    apart = told(alert(1), alert(2, start=T0 + minutes(3)), alert(3, start=T0 + minutes(6)))
    together = told(alert(1), alert(2, start=T0 + minutes(1)), alert(3, start=T0 + minutes(2)))
    assert isinstance(decide(apart, (), rules, T0), Nothing)
    assert isinstance(decide(together, (), rules, T0), Create)
    assert isinstance(decide(told(alert(1), truncatedAlerts=2), (), rules, T0), Create)


def test_in_a_storm_a_group_joins_one_for_all() -> None:
    """And finds it again when it is over."""
    first, other = told(alert(1), group="a"), told(alert(2), group="b")
    made = storm(first, (), T0)
    assert isinstance(made, Create)
    assert ("inc-storm-20261121-14", "storm") == (made.names[0], made.group.key)
    known = read_known(stored(body_of(made, made.names[0], "shop", first)))
    assert known is not None
    joins = storm(other, [known], T0)
    assert isinstance(joins, Attach)
    assert 2 == firing(joins.group)
    over = decide(told(alert(1, end=T0 + minutes(1)), group="a"), [known], RULES, T0 + minutes(2))
    assert isinstance(over, Attach)
    assert 0 == firing(over.group)
    assert isinstance(decide(told(alert(3), group="c"), [known], RULES, T0), Create)


def test_it_is_written_only_where_it_was_read() -> None:
    """On that very spec, and while it is as open as it was; what else is written into the status meanwhile is no matter."""
    known = incident(told(alert()))
    more = decide(told(alert(2)), [known], RULES, T0)
    assert isinstance(more, Attach)
    tests = {each["path"]: each["value"] for each in patch_of(more) if each["op"] == "test"}
    assert {"/metadata/uid": known.uid, "/metadata/generation": 1, "/status/times": None} == tests


# --- histories -------------------------------------------------------------------------------------------------------


@given(st.lists(st.lists(STATEMENTS, min_size=1, max_size=3), min_size=1, max_size=6), st.randoms())
def test_however_it_is_told_there_is_never_a_second_open_one(tolds: list[list[Json]], chance: Any) -> None:
    """Each notification once or three times, in any order: at most one incident, and what fires is in it."""
    many = [told(*alerts) for alerts in tolds for _ in range(chance.choice((1, 3)))]
    chance.shuffle(many)
    known: list[Known] = []
    for each in many:
        match decide(each, known, RULES, NOW):
            case Create() as create:
                made = read_known(stored(body_of(create, create.names[0], "shop", each)))
                assert made is not None
                known.append(made)
            case Attach() as attach:
                known = [incident_with(k, attach.group) if k is attach.known else k for k in known]
    assert len(known) <= 1
    if known:
        all_of_it = merged(EMPTY, joined(many), NOW)
        fires = {name for name, (_, on) in states(all_of_it).items() if on}
        assert fires <= set(states(known[0].group))


def incident_with(known: Known, group: AlertGroup) -> Known:
    """The same with another group, as it is stored after a patch."""
    return Known(known.namespace, known.name, known.uid, known.generation + 1, known.created, group)
