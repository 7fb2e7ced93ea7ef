"""
Secrets out of evidence, before anything is stored: by structure in objects, by pattern in text.

Equal values give equal tokens under one key, so that what belongs together can still be seen. The key is per incident (decisions
1.3 no. 40); without it (``key=b""``) tokens carry no digest, for an unkeyed one could be guessed.
"""

import hmac
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from stanch.evidence import cards, encoded, patterns, steps, structure
from stanch.evidence.last_words import with_whole_words

LINE_MAX = 16 * 1024
_TAIL_MAX = 8 * 1024
_FLAG_MAX = 160
# Longer than most secrets: the word that a cut goes through is left away, for half a secret has no pattern.
_WORD_MAX = 4 * 1024
_MASKED = b"***"
Span = tuple[int, int, str]


def incident_key(key: bytes, incident_uid: str) -> bytes:
    """
    The key of one incident, made of the operator's: the same after a restart and in each replica, and of two incidents never the
    same. None where the operator has none.
    """
    return hmac.digest(key, b"incident " + incident_uid.encode("utf-8", "replace"), "sha256") if key else b""


def token(family: str, value: bytes, key: bytes) -> bytes:
    """What stands in place of a secret."""
    if not key:
        return f"***{family}***".encode()
    return f"***{family}:{hmac.digest(key, value, 'sha256').hex()[:8]}***".encode()


@dataclass(slots=True)
class Redactor:
    """Masks with one key, and counts by family."""

    key: bytes
    counts: Counter[str] = field(default_factory=Counter)
    _done: dict[int, tuple[Any, dict[str, Any]]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many secrets were masked."""
        return self.counts.total()

    def mask(self, family: str, value: str) -> str:
        """A token for a value that its place gives away."""
        self.counts[family] += 1
        return token(family, value.encode("utf-8", "replace"), self.key).decode()

    def scrub(self, text: str) -> str:
        """Words without secrets, before anything cuts them."""
        return self.log(text.encode("utf-8", "replace")).decode()

    def clean(self, obj: dict[str, Any]) -> dict[str, Any]:
        """The object without what its structure says is secret; the original is not touched. Done once for each."""
        known = self._done.get(id(obj))
        if known is None:
            known = (
                obj,
                structure.clean(with_whole_words(obj), self.mask, self.scrub),
            )  # holds the original, so that its id stays its own
            self._done[id(obj)] = known
        return known[1]

    def doc(self, text: bytes) -> bytes:
        """JSON without secrets, and still JSON."""
        return self._text(text, _spans(text, is_doc=True))

    def log(self, text: bytes) -> bytes:
        """Log lines, or text made for reading, without secrets."""
        return self._text(text, _spans(text, is_doc=False))

    def _text(self, text: bytes, spans: list[Span]) -> bytes:
        if not spans:
            return text
        pieces, position = [], 0
        for start, end, family in spans:
            pieces += [text[position:start], token(family, text[start:end], self.key)]
            position = end
            self.counts[family] += 1
        return b"".join([*pieces, text[position:]])


def cut_lines(text: bytes) -> tuple[bytes, int]:
    """No line longer than LINE_MAX, and how many bytes were left away."""
    if len(text) <= LINE_MAX:
        return text, 0
    lines = text.split(b"\n")
    if max(map(len, lines)) <= LINE_MAX:
        return text, 0
    kept = [_end(line) for line in lines]
    dropped = sum(len(line) - end for line, end in zip(lines, kept, strict=True))
    return b"\n".join(_cut(line, end) for line, end in zip(lines, kept, strict=True)), dropped


def whole_lines(text: bytes) -> tuple[bytes, int]:
    """Of a text whose beginning was cut off: without the line, or the word, that the cut went through; and how many bytes."""
    start = text.find(b"\n") + 1 or min(len(text), _WORD_MAX)
    return text[start:], start


def _end(line: bytes) -> int:
    """How much of a line is kept: whole words, unless one is longer than any secret."""
    if len(line) <= LINE_MAX:
        return len(line)
    blank = max(line.rfind(b" ", 0, LINE_MAX), line.rfind(b"\t", 0, LINE_MAX))
    return max(blank, LINE_MAX - _WORD_MAX)


def _cut(line: bytes, end: int) -> bytes:
    over = len(line) - end
    return line[:end] + f" [{over} bytes of this line left away]".encode() if over else line


def _spans(text: bytes, *, is_doc: bool, depth: int = 0) -> list[Span]:
    """Where secrets are, in order, none over another; what overlaps is one secret."""
    found: list[Span] = []
    for start, literal in _hits(text.lower()):
        if secret := _at(text, start, literal, is_doc=is_doc):
            found.append(secret)
    found += encoded.spans(text, lambda inner: bool(_spans(inner, is_doc=False, depth=depth + 1)), depth)
    found += cards.spans(text, is_doc=is_doc)
    if not found:
        return []
    found.sort()
    merged: list[Span] = []
    for start, end, family in found:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]), merged[-1][2])
        else:
            merged.append((start, end, family))
    return merged


def _hits(lower: bytes) -> Iterator[tuple[int, bytes]]:
    """Literals that may give a secret away, and where they begin."""
    for hit in steps.found(lower, patterns.TRIGGER, patterns.LONGEST):
        literal = patterns.TAILS[hit.group()]
        yield hit.end() - len(literal), literal
    for literal in patterns.COMMON:
        at = lower.find(literal)
        while at >= 0:
            yield at, literal
            at = lower.find(literal, at + len(literal))


def _at(text: bytes, start: int, literal: bytes, *, is_doc: bool) -> Span | None:
    """The secret that a literal at this place gives away, if it does."""
    family = patterns.FAMILY_OF.get(literal)
    if family is None:
        return _pem_tail(text, start) if literal.startswith(b"-") else _driver(text, start, literal)
    match = (family.doc if is_doc else family.log).match(text, start)
    if match is None and family.name == "value":
        match = _flag(text, start, is_doc=is_doc)
    if match is None:
        return None
    group = match.lastgroup if match.lastgroup in patterns.VALUES else 0
    value = match.group(group)
    if value.startswith(_MASKED) or (family.name == "value" and _harmless(match, literal, value)):
        return None
    if family.name == "basic" and not encoded.is_login(value):
        return None
    return match.start(group), match.end(group), family.name


def _flag(text: bytes, start: int, *, is_doc: bool) -> re.Match[bytes] | None:
    """``--db-password hunter2`` in a command line, ``login me password hunter2`` in a .netrc."""
    before = text[max(0, start - _FLAG_MAX) : start]
    is_flag = b"-" in before and patterns.FLAG_BEFORE.search(before[-42:])
    if not is_flag and not (b"login" in before and patterns.LOGIN_BEFORE.search(before)):
        return None
    return (patterns.DOC_FLAG if is_doc else patterns.LOG_FLAG).match(text, start)


def _harmless(match: re.Match[bytes], literal: bytes, value: bytes) -> bool:
    """A name like tokenFile, a value like null, a number of tokens."""
    groups = match.groupdict()
    suffix = groups.get("suffix") or groups.get("within") or b""
    if suffix and patterns.HARMLESS_SUFFIX.search(suffix):
        return True
    if patterns.HARMLESS_VALUE.match(value):
        return True
    return value.isdigit() and literal in (b"token", b"pass")


def _driver(text: bytes, at: int, literal: bytes) -> Span | None:
    """``user:secret@tcp(host)/db`` or ``user:secret@host:5432``: what stands between the first colon and the at sign."""
    if literal == b"@" and not patterns.PLACE.match(text, at):
        return None
    begin = max(0, at - 320)
    before = text[begin:at]
    word = max(before.rfind(stop) for stop in (b" ", b"\n", b"\t", b'"', b"'", b"`", b"=")) + 1
    colon = before.find(b":", word)
    if not word < colon < len(before) - 1 or before.startswith(_MASKED, colon + 1):
        return None
    if literal == b"@" and (before.find(b"/", word) >= 0 or not before[word : word + 1].isalpha()):
        return None  # an image, a time, or a URL, which has a pattern of its own
    return begin + colon + 1, at, "url"


def _pem_tail(text: bytes, end: int) -> Span | None:
    """The end of a key whose beginning was cut off."""
    match = patterns.PEM_END.match(text, end)
    if match is None:
        return None
    before = text[max(0, end - _TAIL_MAX) : end]
    fence = before.rfind(b"-----")
    if fence >= 0 and b"-----BEGIN " in before[max(0, fence - 64) : fence]:
        return None  # whole: found at its beginning
    before = before[fence + 5 :] if fence >= 0 else before
    body = patterns.PEM_TAIL.match(before[::-1])
    return end - (body.end() if body else 0), match.end(), "pem"
