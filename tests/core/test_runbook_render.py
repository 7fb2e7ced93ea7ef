"""What a Runbook comes to: values are filled in literally and once; a missing or wrong one is named."""

import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from books import DEPLOYMENT, book
from stanch.core.runbook_render import Problem, Rendered, refused, render, used, values_of

ANY = {"name": "deployment", "pattern": "(.|\n)+"}
CHECK = {"name": "look", "do": "Look at $(deployment)"}


def test_values_stand_wherever_they_are_written():
    """In targets, mitigations, their values and keys, checklist and criteria."""
    target = {"kind": "ConfigMap", "name": "$(deployment)-flags"}
    wish = {"name": "flag", "target": target, "configFlag": {"key": "k", "value": "off for $(deployment)"}}
    shift = {
        "name": "shift",
        "target": {"kind": "Service", "name": "x"},
        "serviceShift": {"selector": {"$(deployment)": "y"}},
    }
    criteria = [{"name": "c", "available": {}, "target": {"kind": "Deployment", "name": "$(deployment)"}}]
    one = book(mitigations=[wish, shift], checklist=[CHECK], recovery={"criteria": criteria})
    found = render(one, {"deployment": "cart"})
    assert isinstance(found, Rendered)
    assert ["cart"] == [t.name for t in found.targets]
    assert "cart-flags" == found.mitigations[0].target.name
    assert "off for cart" == found.mitigations[0].config_flag.value
    assert {"cart": "y"} == found.mitigations[1].service_shift.selector
    assert "Look at cart" == found.checklist[0].do
    assert "cart" == found.recovery.criteria[0].target.name


def test_a_mitigation_without_target_acts_on_the_first_of_the_runbook():
    """Written out, so that no other list of targets changes it."""
    assert "cart" == render(book(), {"deployment": "cart"}).mitigations[0].target.name
    open_ended = book(targets=None, parameters=None, mitigations=[{"name": "m", "rolloutPause": {}}])
    assert render(open_ended, {}).mitigations[0].target is None


def test_a_value_is_looked_at_once():
    """What looks like a parameter in a value stays as it is."""
    one = book(
        parameters=[ANY, {"name": "other", "oneOf": ["secret"]}], targets=None, mitigations=None, checklist=[CHECK]
    )
    assert "Look at $(other)" == render(one, {"deployment": "$(other)", "other": "secret"}).checklist[0].do


TEXT = st.text(
    alphabet=st.characters(exclude_categories=["C"], exclude_characters="\u2028\u2029"), min_size=1, max_size=60
)


@given(value=TEXT, around=st.text(alphabet="ab $()-{}x", max_size=20))
def test_filling_in_brings_nothing_that_was_not_written(value, around):
    """A hostile label becomes text in its place, and not one field or object more."""
    assume("$(" not in around)
    one = book(
        parameters=[ANY], targets=None, mitigations=None, checklist=[{"name": "look", "do": f"{around}|$(deployment)|"}]
    )
    found = render(one, {"deployment": value})
    assert isinstance(found, Rendered)
    assert [f"{around}|{value}|"] == [c.do for c in found.checklist]
    assert found.checklist[0].wire().keys() == {"name", "do"}


@given(value=st.text(max_size=60))
def test_a_target_is_a_name_or_nothing(value):
    """No value makes another path of it."""
    found = render(book(parameters=[ANY]), {"deployment": value})
    if isinstance(found, Rendered):
        name = found.targets[0].name
        assert name == value
        assert not set(name) - set("abcdefghijklmnopqrstuvwxyz0123456789-.")


@pytest.mark.parametrize("value", ["Checkout", "../x", "a b", "-a", "a/b", "a..b"])
def test_what_is_no_name_of_an_object_is_told_with_its_parameter(value):
    """The pattern let it through; the target does not."""
    found = render(book(parameters=[ANY]), {"deployment": value})
    assert isinstance(found, Problem)
    assert ("deployment", True) == (
        found.parameter,
        "targets.$(deployment)" in found.message or "targets." in found.message,
    )


@pytest.mark.parametrize(
    ("values", "parameter", "why"),
    [
        ({}, "deployment", "no alert has the label deployment"),
        ({"deployment": "billing"}, "deployment", r"must be one of checkout, cart \(got 'billing'\)"),
        ({"deployment": ""}, "deployment", "1 to 253 characters"),
        ({"deployment": "cart", "node": "n"}, "node", r"has no parameter node \(it has deployment\)"),
    ],
)
def test_a_value_that_is_missing_or_not_allowed_is_named(values, parameter, why):
    """With what is allowed, and where to say it."""
    found = render(book(), values)
    assert isinstance(found, Problem)
    assert found.parameter == parameter
    assert __import__("re").search(why, found.message)


def test_what_is_written_must_be_declared():
    """A typo is no empty text."""
    found = render(book(checklist=[{"name": "c", "do": "$(deploymnet)"}]), {"deployment": "cart"})
    assert ("deploymnet", True) == (found.parameter, "no parameter deploymnet is declared" in found.message)


def test_an_optional_parameter_that_is_written_is_needed():
    """Nothing is filled in with nothing."""
    optional = {"name": "zone", "oneOf": ["a"]}
    one = book(parameters=[DEPLOYMENT, optional], checklist=[{"name": "c", "do": "$(zone)"}])
    assert "zone" == render(one, {"deployment": "cart"}).parameter
    assert isinstance(render(book(parameters=[DEPLOYMENT, optional]), {"deployment": "cart"}), Rendered)


def test_a_pattern_must_fit_the_whole_value():
    """Anchored, as matchers are."""
    parameter = book(parameters=[{"name": "node", "pattern": "[a-z0-9.-]+"}], targets=None).spec.parameters[0]
    assert refused(parameter, "node-1.example") is None
    assert "must fit" in refused(parameter, "node-1;rm")
    assert "line breaks" in refused(parameter, "node\n1")


def test_without_a_limit_no_value_is_taken():
    """An older schema may have let it in."""
    assert "oneOf or pattern" in refused(book(parameters=[{"name": "x"}], targets=None).spec.parameters[0], "a")


def test_values_come_from_a_person_first_and_else_from_the_labels():
    """An empty label is none."""
    labels = {"deployment": "checkout", "pod": "x"}
    assert {"deployment": "checkout"} == values_of(book(), labels)
    assert {"deployment": "cart"} == values_of(book(), labels, {"deployment": "cart"})
    assert {} == values_of(book(), {"deployment": ""})


def test_two_targets_must_stay_two():
    """Else one would be acted on twice."""
    targets = [{"kind": "Deployment", "name": "$(deployment)"}, {"kind": "Deployment", "name": "cart"}]
    assert "same object" in render(book(targets=targets), {"deployment": "cart"}).message


def test_the_digest_is_of_everything_that_would_be_done():
    """Another value, another generation, another text: another plan."""
    plans = [
        render(book(), {"deployment": "cart"}),
        render(book(), {"deployment": "checkout"}),
        render(book(generation=2), {"deployment": "cart"}),
        render(book(mitigations=[{"name": "m", "rolloutPause": {}}]), {"deployment": "cart"}),
        render(book(recovery={"hold": "31s"}), {"deployment": "cart"}),
    ]
    assert len({p.digest for p in plans}) == len(plans)
    assert plans[0].digest == render(book(), {"deployment": "cart"}).digest


def test_used_names_everything_that_is_written():
    """Also in keys."""
    one = book(checklist=[{"name": "c", "do": "$(a) $$(b) $(c"}], parameters=[DEPLOYMENT])
    assert {"deployment", "a", "b"} == used(one)


def test_rendered_plans_are_plain_data():
    """What is frozen goes through JSON and back."""
    found = render(book(checklist=[CHECK]), {"deployment": "cart"})
    assert json.loads(json.dumps(found.mitigations[0].wire())) == found.mitigations[0].wire()
