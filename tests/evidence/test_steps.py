"""Searching in steps finds what searching in one go finds, and no step is long."""

import re
from dataclasses import dataclass, field

import pytest

from evidence.corpus import encoded, samples
from evidence.sample import KEY
from stanch.evidence import encoded as in_base64
from stanch.evidence import patterns, steps
from stanch.evidence.redact import Redactor

TEXTS = [f"{sample.text}\n" for sample in (*samples(), *encoded())]
TEXT = "".join(TEXTS).encode()
HARMLESS = b"the pod ran for 12 minutes and did 340 of them without harm\n"


@dataclass
class Recorded:
    """A pattern that notes how many bytes each of its searches may have gone through."""

    pattern: re.Pattern[bytes]
    through: list[int] = field(default_factory=list)

    def search(self, text: bytes, begin: int, end: int) -> re.Match[bytes] | None:
        found = self.pattern.search(text, begin, end)
        self.through.append((found.end() if found else min(end, len(text))) - begin)
        return found


@pytest.mark.parametrize("step", [1, 7, 64, 1000])
def test_wherever_a_step_ends_the_same_is_masked(monkeypatch, step):
    """In the middle of a literal, of what stands before one, of a run of base64."""
    whole = Redactor(KEY).log(TEXT)
    monkeypatch.setattr(steps, "STEP", step)
    assert whole == Redactor(KEY).log(TEXT)


@pytest.mark.parametrize("step", [1, 5, 24, 100])
def test_the_same_literals_are_found(monkeypatch, step):
    """As `finditer` finds them, one after the other."""
    monkeypatch.setattr(steps, "STEP", step)
    lower = TEXT.lower()
    expected = [match.span() for match in patterns.TRIGGER.finditer(lower)]
    assert expected == [match.span() for match in steps.found(lower, patterns.TRIGGER, patterns.LONGEST)]


@pytest.mark.parametrize("step", [1, 5, 24, 100])
def test_the_same_runs_are_found(monkeypatch, step):
    """Each as long as it is, and the next one behind it."""
    run = in_base64._RUN
    expected = [match.span() for match in run.finditer(TEXT)]
    monkeypatch.setattr(steps, "STEP", step)
    assert expected == [match.span() for match in steps.found(TEXT, in_base64._BEGIN, in_base64._BEGIN_BYTES, run)]


def test_no_search_goes_through_more_than_a_step(monkeypatch):
    """A file of megabytes in which there is nothing: Python lets nobody else run while one search lasts."""
    literals, runs = Recorded(patterns.TRIGGER), Recorded(in_base64._BEGIN)
    monkeypatch.setattr(patterns, "TRIGGER", literals)
    monkeypatch.setattr(in_base64, "_BEGIN", runs)
    text = HARMLESS * (6 * steps.STEP // len(HARMLESS))
    assert text == Redactor(KEY).doc(text)
    for each in (literals, runs):
        assert sum(each.through) >= len(text)
        assert max(each.through) <= steps.STEP + patterns.LONGEST + in_base64._BEGIN_BYTES
