"""
How often the lint is right, counted on a corpus of our own sentences, good and bad; the numbers are part of what we promise.

A miss is a bad sentence that its rule lets pass; a false alarm a good one that any rule holds up. What is known to be missed or
held up wrongly is in the counts, and goes down only.
"""

from collections import Counter
from pathlib import Path

import pytest

from stanch.core.lint.rule import SENTENCE_MAX, sentences
from stanch.core.lint.run import SENTENCE_RULES, lint_sentence

HERE = Path(__file__).parent / "lint_corpus"
NAMES = ["alice", "bob", "carol", "dave@example.com", "system:serviceaccount:ci:deployer", "stanch"]


def lines(name: str) -> list[str]:
    """Sentences of a file, without comments."""
    text = (HERE / name).read_text(encoding="utf-8")
    return [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]


def bad(name: str = "bad.txt") -> list[tuple[str, str]]:
    """(rule, sentence)."""
    pairs = [line.partition(" | ") for line in lines(name)]
    return [(rule.strip(), sentence.strip()) for rule, _, sentence in pairs]


def missed(name: str) -> list[tuple[str, str]]:
    """Bad sentences that their rule lets pass."""
    return [(rule, sentence) for rule, sentence in bad(name) if rule not in lint_sentence(sentence, NAMES)]


def alarms(name: str) -> list[tuple[tuple[str, ...], str]]:
    """Good sentences that a rule holds up."""
    return [(found, sentence) for sentence in lines(name) if (found := lint_sentence(sentence, NAMES))]


def told(name: str, wrong: str) -> str:
    """Precision and recall in words, and what was wrong."""
    caught, false = len(bad(name)) - len(missed(name)), len(alarms(wrong))
    recall, precision = caught / len(bad(name)), caught / max(1, caught + false)
    found = f"recall {recall:.3f} ({caught} of {len(bad(name))})"
    return f"{name}: {found}, precision {precision:.3f} ({false} false alarms of {len(lines(wrong))})"


def test_the_corpus_is_large_and_has_both_kinds():
    """Every rule has bad sentences; and there are about as many good ones, many of them near misses."""
    count = Counter(rule for rule, _ in bad())
    assert {rule.name for rule in SENTENCE_RULES} == set(count)
    assert min(count.values()) >= 6
    assert len(bad()) >= 100
    assert len(lines("good.txt")) >= 100


# Name, most misses, most false alarms; all were looked at by now. Before any rule was changed for it, the third had 9 misses
# of 22, the fourth 19 of 30 (by its own rule) and 3 false alarms of 30, the fifth 13 of 20. Once the rules were broader by what
# the fourth showed, the fifth had 1 of 20; one author wrote both, so what strangers write is missed more often (ADR 46).
MEASURED = [("", 0, 0), ("held_out_", 0, 0), ("second_", 1, 0), ("third_", 0, 0), ("fourth_", 0, 0), ("fifth_", 0, 0)]


@pytest.mark.parametrize(
    ("name", "misses", "false"), MEASURED, ids=["corpus", "held-out", "second", "third", "fourth", "fifth"]
)
def test_it_is_as_often_right_as_it_was(name, misses, false):
    """Recall and precision, counted; who changes a rule sees at once what it costs."""
    print(told(f"{name}bad.txt", f"{name}good.txt"))
    assert len(missed(f"{name}bad.txt")) <= misses, missed(f"{name}bad.txt")
    assert len(alarms(f"{name}good.txt")) <= false, alarms(f"{name}good.txt")


def test_the_numbers_that_we_publish_are_those_of_the_corpus():
    """ADR 46 says how many sentences there are, and of how many the lint is wrong: whoever adds one says so there."""
    text = (Path(__file__).resolve().parents[2] / "docs/adr/0046-blame-is-found-by-rules-of-our-own.md").read_text(
        "utf-8"
    )
    words = " ".join(text.split())
    wrong = [
        sum(len(f(f"{name}{kind}.txt")) for name, _, _ in MEASURED) for f, kind in ((missed, "bad"), (alarms, "good"))
    ]
    number = [sum(len(lines(f"{name}{kind}.txt")) for name, _, _ in MEASURED) for kind in ("bad", "good")]
    said = {0: "none", 1: "one", 2: "two", 3: "three"}
    assert f"has {sum(number)} sentences" in words
    assert f"{said[wrong[0]]} of {number[0]} bad ones is missed, and {said[wrong[1]]} of {number[1]} good ones" in words


def test_what_nobody_says_in_one_breath_is_looked_at_in_pieces():
    """Patterns try all ways, on the loop of the operator: thousands of characters without a full stop are never one text."""
    hostile = (
        "if had " * 1170,
        "would have " * 700,
        "had run " * 1000,
        "x" * 8000,
        " " * 8000 + "who",
        "if" + " " * 4000 + "had",
    )
    for text in hostile:
        assert all(len(said.text) <= SENTENCE_MAX for said in sentences("spec.summary", text))
        assert "".join("".join(said.text.split()) for said in sentences("spec.summary", text)) == "".join(text.split())
        lint_sentence(text)
