"""Which Runbook is for an alert: Alertmanager's matchers, one choice by rank, and never a guess."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from books import book
from stanch.api.meta import Severity
from stanch.core.runbook_match import Matcher, NotAMatcherError, choose, fits, parse

LABELS = {"alertname": "Burn", "deployment": "checkout", "severity": "page"}


@pytest.mark.parametrize(
    ("text", "matcher"),
    [
        ('alertname="Burn"', Matcher("alertname", "=", "Burn")),
        ("alertname=Burn", Matcher("alertname", "=", "Burn")),
        ("  severity =~ page|critical ", Matcher("severity", "=~", "page|critical")),
        ('deployment!=""', Matcher("deployment", "!=", "")),
        ('a!~"x.*"', Matcher("a", "!~", "x.*")),
        (r'a="say \"hi\" \\ \n"', Matcher("a", "=", 'say "hi" \\ \n')),
        (r'a=~"x\.y"', Matcher("a", "=~", r"x\.y")),
        ('"größe"="x"', Matcher("größe", "=", "x")),
        ('a=""', Matcher("a", "=", "")),
    ],
)
def test_it_is_read_as_alertmanager_reads_it(text, matcher):
    """With or without quotes, with its four operators."""
    assert matcher == parse(text)
    assert matcher == parse(str(matcher))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no matcher"),
        ("alertname", "no matcher"),
        ("1a=x", "no matcher"),
        ("a==b", "quotes"),
        ('a="b', "end with the quote"),
        ('a="b"c"', "end with the quote"),
        ("a=b c", "quotes"),
        ("a={b}", "quotes"),
        ('a=~"("', "nothing closes"),
        ('""="x"', "must have a name"),
    ],
)
def test_what_is_no_matcher_is_told_with_its_text(text, why):
    """And how one is written."""
    with pytest.raises(NotAMatcherError, match=why):
        parse(text)


@given(st.text(max_size=30), st.sampled_from(["=", "!=", "=~", "!~"]), st.text(max_size=12))
def test_any_text_is_a_matcher_or_a_clear_error(label, operator, value):
    """Nothing else comes out, whatever goes in."""
    try:
        found = parse(f"{label}{operator}{value}")
    except NotAMatcherError:
        return
    assert isinstance(found.fits({"a": value}), bool)


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=40), max_size=4), st.text(max_size=40))
def test_a_negated_matcher_is_the_opposite(labels, value):
    """For whatever text the labels hold."""
    text = value.replace("\\", "\\\\").replace('"', '\\"')
    assert parse(f'a="{text}"').fits(labels) != parse(f'a!="{text}"').fits(labels)
    assert parse('a=~"x.*|y"').fits(labels) != parse('a!~"x.*|y"').fits(labels)


def test_a_label_that_is_not_there_is_empty():
    """As in Prometheus."""
    assert parse('team=""').fits(LABELS)
    assert parse('team=~".*"').fits(LABELS)
    assert not parse('team!=""').fits(LABELS)


def test_all_matchers_must_fit():
    """One that does not is enough."""
    assert fits(book(), LABELS)
    assert not fits(book(), {**LABELS, "deployment": ""})
    assert not fits(book(), {**LABELS, "alertname": "Burning"})


def test_without_matchers_it_is_for_no_alert():
    """Only a person chooses it then."""
    assert not fits(book(match=None), LABELS)
    assert not fits(book(match={"priority": 9}), LABELS)


def test_one_that_cant_be_read_fits_nothing():
    """Its Ready condition says so; the others go on."""
    assert not fits(book(match={"alerts": ["alertname=~("]}), LABELS)


def test_severities_keep_out_what_is_known_to_be_another():
    """And nothing while nobody knows the severity yet."""
    one = book(match={"alerts": ["alertname=Burn"], "severities": ["SEV1"]})
    assert (True, False, True) == (
        fits(one, LABELS, Severity.SEV1),
        fits(one, LABELS, Severity.SEV3),
        fits(one, LABELS),
    )


def named(name, *alerts, namespace="shop", **match):
    """A Runbook with these matchers."""
    return book(name, namespace=namespace, match={"alerts": list(alerts), **match})


def test_the_highest_priority_is_taken_then_the_most_matchers():
    """In this order."""
    wide, narrow = named("wide", "alertname=Burn"), named("narrow", "alertname=Burn", "severity=page")
    assert narrow == choose(LABELS, [wide, narrow]).chosen
    first = named("first", "alertname=Burn", priority=1)
    assert first == choose(LABELS, [wide, narrow, first]).chosen


def test_the_label_runbook_wins_where_that_runbook_fits():
    """Whatever the others' priority; but it opens no door to one that does not fit."""
    plain, best = named("plain", "alertname=Burn"), named("best", "alertname=Burn", priority=9)
    assert plain == choose({**LABELS, "runbook": "plain"}, [plain, best]).chosen
    other = named("other", "alertname=Other")
    assert best == choose({**LABELS, "runbook": "other"}, [plain, best, other]).chosen


def test_of_equal_rank_none_is_taken_and_all_are_listed():
    """Also where the label names one in two namespaces."""
    one, two = named("one", "alertname=Burn"), named("two", "alertname=Burn", namespace="other")
    found = choose(LABELS, [two, one])
    assert (None, (two, one)) == (found.chosen, found.tied)
    assert "other/two, shop/one" in found.why
    twin = named("one", "alertname=Burn", namespace="other")
    assert (None, 2) == (
        choose({**LABELS, "runbook": "one"}, [one, twin]).chosen,
        len(choose(LABELS, [one, twin]).tied),
    )


@given(st.permutations([named(n, "alertname=Burn", priority=p) for n, p in (("a", 1), ("b", 3), ("c", 3), ("d", 2))]))
def test_the_order_they_come_in_changes_nothing(runbooks):
    """A choice by chance would be a guess."""
    found = choose(LABELS, runbooks)
    assert (None, ["b", "c"]) == (found.chosen, [r.metadata.name for r in found.tied])


def test_nothing_fits_and_it_says_so():
    """No Runbook is no error."""
    assert ("no Runbook is for these labels", None) == (choose({}, [book()]).why, choose({}, [book()]).chosen)
