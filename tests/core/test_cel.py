"""The little CEL that the policies are tried with, against what the language says."""

from typing import Any

import pytest

from cel import CelError, evaluate, read

ENV: dict[str, Any] = {"o": {"a": 1, "m": {"x": "y"}, "l": [1, 2], "n": None}, "yes": True, "text": "abc"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 + 2 == 3 && !(2 < 1)", True),
        ("o.a == 1 ? 'one' : o.missing", "one"),
        ("true || o.missing", True),
        ("o.missing || true", True),
        ("o.missing && false", False),
        ("has(o.a) && !has(o.b)", True),
        ("has(o.n)", True),
        ("o.?b.orValue('none') + o.?m.?x.orValue('')", "noney"),
        ("o.?b.?c.hasValue()", False),
        ("[1, 2][?5].orValue(7) + [1, 2][?1].orValue(0)", 9),
        ("o[?'a'] == o[?'a'] && o[?'b'] == o[?'c'] && !(o[?'a'] == o[?'b'])", True),
        ("o.l.all(i, i > 0) && o.l.exists(i, i == 2)", True),
        ("o.l.exists(i, o.missing == i || i == 2)", True),
        ("o.l.all(i, i == 1 && o.missing == i)", False),
        ("o.l.filter(i, i > 1).map(i, i + 1)", [3]),
        ("o.m.filter(k, k == 'x')", ["x"]),
        ("'x' in o.m && 2 in o.l && !(3 in o.l)", True),
        ("true == 1 || dyn('1') == 1", False),
        ("{'a': [1, {'b': true}]} == {'a': [1, {'b': true}]}", True),
        ("type(dyn(o.l)) == list && type(o.m) == map && size(o.l) == 2", True),
        ("text.startsWith('ab') ? string(text) : ''", "abc"),
        ('[JSONPatch{op: "add", path: "/a", value: o.m}]', [{"op": "add", "path": "/a", "value": {"x": "y"}}]),
        (r"'it\'s'", "it's"),
        ("null == null && o.n == null", True),
    ],
)
def test_it_says_what_the_language_says(text: str, value: Any) -> None:
    """One side that decides is enough; optional values; true is not 1."""
    assert value == evaluate(text, ENV)


@pytest.mark.parametrize(
    "text",
    [
        *("o.missing", "o['missing']", "o.l[5]", "unknown", "o.missing || false", "o.missing && true", "1 + 'a'"),
        *(
            "has(o.missing.a)",
            "text.all(c, true)",
            "string(1)",
            "o.a.startsWith('x')",
            "!text",
            "o.l.all(i, o.missing)",
        ),
    ],
)
def test_what_can_not_be_evaluated_is_an_error(text: str) -> None:
    """And never false, or true, by chance."""
    with pytest.raises(CelError):
        evaluate(text, ENV)


@pytest.mark.parametrize("text", ["1 +", "a b", "f(x", "[1, 2", "{'a' 1}", "x.matches(r'a') %", "1 ~ 2"])
def test_what_is_not_known_is_not_read(text: str) -> None:
    """A policy that is written in more of the language makes these tests fail, and not pass."""
    with pytest.raises(SyntaxError):
        read(text)
