"""Rules about what stands beside a Runbook: prose that helps without stanch, and unit tests."""

import re
from collections.abc import Iterator
from typing import Final

from stanch.cli.runbook.findings import Found, Rule, Subject

SECTIONS: Final = ("Meaning", "Impact", "Diagnosis", "Mitigation", "Escalation")
# Sections in which somebody types something.
_TYPED: Final = ("Diagnosis", "Mitigation")
_FENCE: Final = re.compile(r"^ {0,3}```.*?^ {0,3}```", re.MULTILINE | re.DOTALL)


def no_prose(subject: Subject) -> Iterator[Found]:
    """Nothing to read."""
    if subject.runbook.spec.docs is None and subject.prose is None:
        beside = "there is no README.md beside it, and " if subject.is_file else ""
        yield ("spec",), f"{beside}spec.docs is missing"


def sections(subject: Subject) -> Iterator[Found]:
    """The five headings, each with something below it."""
    if subject.prose is None:
        return
    for name in SECTIONS:
        if name not in subject.prose.sections:
            yield ("spec", "docs"), f"{subject.prose.path} has no section '## {name}'"
        elif not subject.prose.sections[name].strip():
            yield ("spec", "docs"), f"{subject.prose.path}: nothing stands below '## {name}'"


def no_lines(subject: Subject) -> Iterator[Found]:
    """A section about doing without anything to type."""
    if subject.prose is None:
        return
    for name in _TYPED:
        text = subject.prose.sections.get(name, "")
        if text.strip() and "kubectl" not in "".join(_FENCE.findall(text)):
            yield ("spec", "docs"), f"{subject.prose.path}: '## {name}' has no kubectl line in a fence"


def untested(subject: Subject) -> Iterator[Found]:
    """No unit test beside it."""
    if subject.is_file and subject.document.cases is None:
        yield ("metadata", "name"), "there is no test.yaml beside it"


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "RB029",
        "no-prose",
        "Who is woken up must be able to read what it means, and what to do when stanch is not there.",
        "Write a README.md beside it, or set spec.docs.",
        no_prose,
    ),
    Rule(
        "RB030",
        "prose-sections",
        "At 2 AM people look for the heading they know.",
        f"Write the sections {', '.join(SECTIONS)}.",
        sections,
    ),
    Rule(
        "RB031",
        "prose-lines",
        "When stanch, or the control plane, is what is broken, the line to type must stand there.",
        "Put literal kubectl lines into a ```bash fence.",
        no_lines,
    ),
    Rule(
        "RB032",
        "untested",
        "A Runbook that nobody has tried is a guess: which alerts, which plan, what it refuses.",
        "Write test.yaml beside it (docs/how-to/test-runbooks-in-ci.md), at least one case.",
        untested,
    ),
)
