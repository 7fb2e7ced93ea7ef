"""What a rule of the lint is, and how text is cut into what rules look at."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

EXCERPT_MAX: Final = 160
SENTENCE_MAX: Final = 300
# Where one sentence ends and the next begins; `e.g. ` and `14:02. ` of an abbreviation go on in lower case.
_END: Final = re.compile(r"(?<=[.!?])['\")\]]*\s+(?=['\"(\[]*[A-Z0-9])|\n+")
_BLANKS: Final = re.compile(r"\s{2,}")
_CODE: Final = re.compile(r"`[^`]*`")


@dataclass(frozen=True, slots=True)
class Said:
    """One sentence: where it stands (``spec.factors[0].statement``), as it is, and with code masked at the same length."""

    field: str
    text: str
    plain: str

    def around(self, start: int, end: int) -> str:
        """The sentence, or what is around the match when it is long."""
        if len(self.text) <= EXCERPT_MAX:
            return self.text.strip()
        room = max(0, EXCERPT_MAX - 2 - (end - start)) // 2
        first, last = max(0, start - room), min(len(self.text), max(end + room, start + 20))
        cut = self.text[first:last].strip()[: EXCERPT_MAX - 2]
        return f"{'…' if first else ''}{cut}{'…' if last < len(self.text) else ''}"


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule found: where, in which words, and the rewrite that fits them (None: the rule's own)."""

    field: str
    excerpt: str
    instead: str | None = None


@dataclass(frozen=True, slots=True)
class Crowd:
    """Who is a person here: ``names`` are user names of the record, in lower case."""

    names: frozenset[str] = frozenset()


Look = Callable[[Said, Crowd], Iterator[Found]]


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One thing that is looked for in sentences. ``why`` is what it does to learning; ``instead`` how the system is put into
    the sentence. What only advises does not keep anybody from publishing.
    """

    name: str
    why: str
    instead: str
    look: Look
    blocks: bool = True


def sentences(field: str, text: str) -> Iterator[Said]:
    """
    The sentences of a text; code in backticks is nobody's words.

    What is longer than anybody says at once is looked at in pieces: patterns try all ways, and thousands of characters without a
    full stop would keep the whole operator busy.
    """
    for part in _END.split(text):
        if part and part.strip():
            for piece in _pieces(_BLANKS.sub(" ", part)):
                yield Said(field, piece, _CODE.sub(lambda match: "\u25a1" * len(match[0]), piece))


def _pieces(part: str) -> Iterator[str]:
    """Cut between words, where there are any."""
    while len(part) > SENTENCE_MAX:
        at = part.rfind(" ", SENTENCE_MAX // 2, SENTENCE_MAX)
        at = at if at > 0 else SENTENCE_MAX
        yield part[:at]
        part = part[at:]
    yield part


def by_pattern(pattern: re.Pattern[str], unless: re.Pattern[str] | None = None) -> Look:
    """Each first match in a sentence, unless another pattern says that it means something else."""

    def look(said: Said, crowd: Crowd) -> Iterator[Found]:
        match = pattern.search(said.plain)
        if match and not (unless and unless.search(said.plain)):
            yield Found(said.field, said.around(*match.span()))

    return look
