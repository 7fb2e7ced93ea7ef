"""What a rule is, what it looks at, and what it finds."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from stanch.api.runbook import Runbook
from stanch.cli.runbook.files import STDIN, Document, Field
from stanch.core.runbook_match import Matcher

# Where, in the Runbook; and what is so, in a sentence.
Found = tuple[Field, str]


@dataclass(frozen=True, slots=True)
class Prose:
    """The Markdown beside a Runbook, by its second-level headings."""

    path: Path
    sections: dict[str, str]


@dataclass(frozen=True, slots=True)
class Subject:
    """One Runbook as it is looked at. ``matchers`` are those that can be read."""

    document: Document
    runbook: Runbook
    matchers: tuple[Matcher, ...]
    prose: Prose | None
    # Labels of alerts that its unit tests speak of.
    samples: tuple[dict[str, str], ...]
    # All Runbooks that are looked at with it, itself too.
    together: tuple[Runbook, ...]

    @property
    def is_file(self) -> bool:
        """Can something stand beside it?"""
        return self.document.source != STDIN


Check = Callable[[Subject], Iterator[Found]]


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is looked for. ``why`` is what goes wrong at night; ``fix`` is what to do now."""

    id: str
    name: str
    why: str
    fix: str
    check: Check


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found."""

    rule: str
    name: str
    source: str
    line: int
    field: str
    runbook: str
    message: str

    @property
    def uri(self) -> str:
        """The file as a relative URI, which code scanning and annotations want."""
        return "stdin" if self.source == STDIN else Path(self.source).as_posix()


def written(field: Field) -> str:
    """`spec.mitigations[0].target`, as people write it."""
    text = ""
    for part in field:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text
