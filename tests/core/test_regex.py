"""Regular expressions over hostile text: as Python's on what both know, never slow, and refused where they are not known."""

import contextlib
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stanch.core.regex import LOOKS_MAX, STEPS_MAX, NotARegexError, Regex

ATOMS = st.sampled_from(
    [
        "a",
        "b",
        ".",
        "[ab]",
        "[^a]",
        "[a-c]",
        r"\.",
        r"\d",
        r"\w",
        "(a|b)",
        "(?:ab)",
        "(a|)",
        r"\S",
        "^",
        "$",
        r"[\d-]",
        "(b)",
        "()",
        "(?:|)",
    ]
)
TIMES = st.sampled_from(["", "", "", "*", "+", "?", "{2}", "{0,2}", "{1,}", "*?"])
PARTS = st.tuples(ATOMS, TIMES).map(lambda p: p[0] + (p[1] if p[0] not in "^$" else ""))
ROWS = st.lists(PARTS, max_size=5).map("".join)
EXPRESSIONS = st.lists(ROWS, min_size=1, max_size=3).map("|".join)
TEXTS = st.text(alphabet="abc.1-\n", max_size=8)


@given(expression=EXPRESSIONS, text=TEXTS)
def test_it_fits_exactly_what_python_says(expression, text):
    """Of what both know, with $ the very end as in RE2, and with classes of ASCII."""
    python = expression.replace("$", r"\Z")
    assert bool(re.fullmatch(python, text, re.ASCII)) == Regex(expression).fits(text)


@pytest.mark.parametrize(
    ("expression", "text", "fits"),
    [
        ("page|critical", "critical", True),
        ("page|critical", "critically", False),
        ("", "", True),
        ("", "a", False),
        (".*", "a line", True),
        (".*", "two\nlines", False),
        ("(?i)Page", "pAGE", True),
        ("(?i)[a-c]+", "aBC", True),
        ("a{2,3}", "aaa", True),
        ("a{2,3}", "aaaa", False),
        ("a{2,3}", "a", False),
        ("checkout", "check", False),
        ("a{x}", "a{x}", True),
        ("[]a]+", "]a", True),
        ("[^]]", "]", False),
        ("[a-]", "-", True),
        (r"[\w.]+", "a.b_1", True),
        (r"\$\(x\)", "$(x)", True),
        ("größe", "größe", True),
        ("(a*)*", "aaaa", True),
        ("(|a)+", "", True),
        ("a^b", "ab", False),
        ("(^a|b$)+", "ab", True),
    ],
)
def test_the_whole_text_must_fit(expression, text, fits):
    """As Alertmanager anchors it."""
    assert fits == Regex(expression).fits(text)


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("(a", "nothing closes"),
        ("a)", "nothing opened"),
        ("[a", "nothing closes"),
        ("*a", "nothing before it"),
        ("a**", "repeats a repetition"),
        ("a{3,2}", "at least more often"),
        ("(?=a)", "looks around"),
        ("(?s)a", "looks around or sets flags"),
        (r"(a)\1", "not known"),
        (r"\bx", "not known"),
        (r"\pL", "not known"),
        ("a\\", r"ends with a \\"),
        ("[[:alpha:]]", "named class"),
        ("[z-a]", "goes backwards"),
        ("(" * 60 + ")" * 60, "nested deeper"),
        ("(a{100}){10}b", "too large"),
        ("(a{100}){100}", "more than 1000 times"),
        ("a{1001}", "more than 1000 times"),
        ("a{0,1001}", "more than 1000 times"),
        ("a{1001,}", "more than 1000 times"),
        ("a{99999}", "more than 1000 times"),
        ("a{" + "9" * 5000 + "}", "more than 1000 times"),
        ("(((){9999}){9999}){9999}", "more than 1000 times"),
        ("((()*){40}){40}", "more than 1000 times"),
        ("(" + "()" * 200 + "){1000}", "too large"),
    ],
)
def test_what_is_not_known_is_refused_with_the_place(expression, why):
    """Never read as something else."""
    with pytest.raises(NotARegexError, match=why):
        Regex(expression)


@pytest.mark.parametrize("expression", ["(a+)+b", "(a|a)*b", "(a*)*b", "(a|aa)+$b", "(.*)*x"])
def test_no_text_makes_it_slow(expression):
    """What takes Python's engine until the end of the world: each step is taken once a character, counted here."""
    counted = Counted(expression)
    assert not counted.fits("a" * 200)
    assert counted.steps <= 201 * STEPS_MAX


# What a tenant may write into a Runbook: 512 characters, made of what repeats, nests and means nothing.
HOSTILE = st.recursive(
    st.sampled_from(["", "()", "a", "^", "(|)", "[ab]", "(?:)", "a|", "{9999}", "{"]),
    lambda inner: (
        st.builds("({}){}".format, inner, st.sampled_from(["", "*", "{2}", "{40}", "{0,99}", "{1000}", "{9999}"]))
        | st.builds("{0}{0}{1}".format, inner, inner)
        | st.builds("{}|{}".format, inner, inner)
    ),
    max_leaves=40,
).map(lambda text: text[:512])


@given(expression=HOSTILE)
@example(expression="(((){9999}){9999}){9999}")
@example(expression="((((){10}){10}){10}){10}")
@example(expression="(" + "()" * 200 + "){1000}")
def test_no_expression_makes_compiling_slow(expression):
    """It compiles or is refused after a bounded number of looks, counted here: no other task of the operator runs meanwhile."""
    Counted.looks = 0
    with contextlib.suppress(NotARegexError):
        Counted(expression)
    assert Counted.looks <= LOOKS_MAX + 1


class StillAtIt(AssertionError):
    """It looked more often than anybody should wait for."""


class Counted(Regex):
    """Counts how many steps it looks at, and how many parts while it is compiled."""

    steps = 0
    looks = 0

    def _emit(self, node):
        Counted.looks += 1
        if Counted.looks > 2 * LOOKS_MAX:
            raise StillAtIt(self.text)
        super()._emit(node)

    def _closure(self, begin_at, *, begin, end):
        found = super()._closure(begin_at, begin=begin, end=end)
        self.steps += len(found)
        return found
