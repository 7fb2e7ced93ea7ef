"""A template of a stranger is only text: what it can't do, how much it can take, and what it still says."""

import time

import pytest

from stanch.api.response_policy import ResponsePolicySpec
from stanch.core.policy_check import first_wrong
from stanch.core.templates import ITEMS_MAX, OUTPUT_MAX, SOURCE_MAX, TemplateWrongError, problem, render

NAMES = frozenset({"impact", "since", "tried"})
LISTS = frozenset({"tried"})
VALUES = {"impact": "Some orders fail", "since": "", "tried": ("roll-back (Helped)", "flag (NoEffect)")}

ATTACKS = {
    "class": "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "class-of-a-value": "{{ impact.__class__ }}",
    "item": "{{ impact['__class__'] }}",
    "attr-filter": "{{ impact | attr('__class__') }}",
    "map-attribute": "{{ tried | map(attribute='__class__') | join }}",
    "globals": "{{ self.__init__.__globals__ }}",
    "lipsum": "{{ lipsum.__globals__['os'].popen('id').read() }}",
    "cycler": "{{ cycler.__init__.__globals__ }}",
    "namespace": "{% set ns = namespace(x=1) %}{{ ns.x }}",
    "config": "{{ config }}",
    "range": "{% for i in range(99999) %}x{% endfor %}",
    "repeat": "{{ 'a' * 100000000 }}",
    "power": "{{ 9 ** 9 ** 9 }}",
    "format-width": "{{ '%0999999999d' % 1 }}",
    "format-filter": "{{ '%0999999999d' | format(1) }}",
    "center": "{{ 'a' | center(100000000) }}",
    "indent": "{{ impact | indent(100000000) }}",
    "replace": "{{ impact | replace('', impact) }}",
    "call": "{{ impact.upper() }}",
    "str-format": "{{ '{0.__class__}'.format(impact) }}",
    "include": "{% include '/etc/passwd' %}",
    "import": "{% import 'os' as os %}",
    "extends": "{% extends 'base' %}",
    "macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "recursive-loop": "{% for x in tried recursive %}{{ loop(tried) }}{% endfor %}",
    "loop-over-text": "{% for c in impact %}{{ c }}{% endfor %}",
    "assign": "{% set impact = 'x' %}{{ impact }}",
    "filter-block": "{% filter upper %}x{% endfilter %}",
    "with": "{% with x = 1 %}{{ x }}{% endwith %}",
    "raw-python": "{% do impact %}",
    "unknown-name": "{{ password }}",
    "unknown-filter": "{{ impact | safe }}",
    "test": "{% if impact is sameas none %}x{% endif %}",
    "slice": "{{ impact[:3] }}",
    "deep": "{{ " + "(" * 500 + "impact" + ")" * 500 + " }}",
    "deep-not": "{{ " + "not " * 3000 + "impact }}",
    "deep-if": "{% if impact %}" * 200 + "{% endif %}" * 200,
    "loops-in-loops": "{% for a in tried %}" * 5 + "x" + "{% endfor %}" * 5,
    "huge-number": "{{ " + "9" * 6000 + " }}",
    "too-long": "x" * (SOURCE_MAX + 1),
    "half-a-character": "{{ '\\ud800' }}",
    "escape-sequence": "{{ '\\x1b[31m' }}",
    "nought": "{{ tried | join('\\x00') }}",
    "half-open": "{{ impact",
    "bad-block": "{% endfor %}",
}


@pytest.mark.parametrize("name", ATTACKS)
def test_what_is_no_blank_is_refused_before_it_runs(name: str) -> None:
    """With a reason of one line, and within the time of a look."""
    began = time.process_time()
    why = problem(ATTACKS[name], NAMES, LISTS)
    assert why
    assert "\n" not in why
    assert time.process_time() - began < 1
    with pytest.raises(TemplateWrongError):
        render(ATTACKS[name], VALUES)


def test_what_it_says_is_bounded() -> None:
    """Sixteen by sixteen lines of a long text are more than a page."""
    source = "{% for a in tried %}{% for b in tried %}" + "y" * 200 + "{% endfor %}{% endfor %}"
    assert problem(source, NAMES, LISTS) == ""
    with pytest.raises(TemplateWrongError, match=str(OUTPUT_MAX)):
        render(source, {**VALUES, "tried": ("x",) * 500})
    short = render("{% for a in tried %}.{% endfor %}", {**VALUES, "tried": ("x",) * 500})
    assert "." * ITEMS_MAX == short


def test_a_text_is_never_joined_to_itself() -> None:
    """The one filter that could multiply is for lists alone."""
    assert problem("{{ impact | join(impact) | join(impact) }}", NAMES, LISTS) == ""
    with pytest.raises(TemplateWrongError, match="join is for lists"):
        render("{{ impact | join(impact) | join(impact) }}", VALUES)


def test_values_are_text_and_no_templates() -> None:
    """A title that an alert's label wrote stays what it is."""
    assert "{{ 7 * 7 }} {% raw %}" == render("{{ impact }}", {**VALUES, "impact": "{{ 7 * 7 }} {% raw %}"})


def test_what_it_says_can_be_written_down_and_read() -> None:
    """Whatever stands in it, or in what fills its blanks, is lines of printable characters at the end; a line end stays one."""
    assert "\ufffd[31mred\ufffd\nlast" == render("\x1b[31mred{{ since }}\n{{ 'last' }}", {**VALUES, "since": "\u202e"})
    assert problem("{{ tried | join('\\n\\t') }}", NAMES, LISTS) == ""


def test_blanks_ifs_lists_and_filters_work() -> None:
    """What people need for an update."""
    source = (
        "{{ impact | upper }}{% if since %}, since {{ since }}{% elif tried %}!{% endif %} "
        "{% for t in tried %}[{{ t }}]{% else %}none{% endfor %} {{ tried | join('; ') | default('nothing') }} "
        "{{ since | default('-') }} {{ 'yes' if impact and not since else 'no' }} {{ impact ~ '.' }}"
    )
    assert problem(source, NAMES, LISTS) == ""
    told = "[roll-back (Helped)][flag (NoEffect)] roll-back (Helped); flag (NoEffect) - yes Some orders fail."
    assert f"SOME ORDERS FAIL! {told}" == render(source, VALUES)


def test_a_wrong_one_says_where() -> None:
    """The line, and what there is instead."""
    assert "line 2: there is no 'impakt': impact, since, tried" == problem("a\n{{ impakt }}", NAMES, LISTS)


def test_how_deep_it_is_is_looked_at_before_anything_walks_down() -> None:
    """Twenty ifs in each other are no text for people."""
    assert "nested too deeply" in problem("{% if impact %}" * 20 + "{% endif %}" * 20, NAMES, LISTS)


def test_a_policy_with_a_template_that_cannot_be_used_says_so() -> None:
    """With its path and line; the public's can't name what only we know; one for each audience and moment."""

    def wrong(*templates: dict[str, str]) -> str:
        return first_wrong(ResponsePolicySpec.model_validate({"communications": {"templates": templates}}))

    good = {"audience": "internal", "moment": "Update", "text": "{{ leading }} {{ tried | join(', ') }}"}
    assert "" == wrong(good)
    public = {**good, "audience": "public", "text": "{{ leading }}"}
    assert "spec.communications.templates[1].text: line 1: there is no 'leading'" in wrong(good, public)
    assert "spec.communications.templates[1]: internal Update is there twice" == wrong(good, good)
