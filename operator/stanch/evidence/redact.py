"""
Secrets out of evidence, before anything is stored: by structure in objects, by pattern in text.

Equal values give equal tokens under one key, so that what belongs together can still be seen. The key is per incident;
without it (``key=b""``) tokens carry no digest, for an unkeyed one could be guessed.
"""

import hmac
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from stanch.evidence import patterns, structure

LINE_MAX = 16 * 1024
_TAIL_MAX = 8 * 1024
_MASKED = b"***"
Span = tuple[int, int, bytes]


def token(family: str, value: bytes, key: bytes) -> bytes:
    """What stands in place of a secret."""
    if not key:
        return f"***{family}***".encode()
    return f"***{family}:{hmac.digest(key, value, 'sha256').hex()[:8]}***".encode()


@dataclass(slots=True)
class Redactor:
    """Masks with one key, and counts."""

    key: bytes
    count: int = 0
    _done: dict[int, tuple[Any, dict[str, Any]]] = field(default_factory=dict)

    def mask(self, family: str, value: str) -> str:
        """A token for a value that its place gives away."""
        self.count += 1
        return token(family, value.encode("utf-8", "replace"), self.key).decode()

    def clean(self, obj: dict[str, Any]) -> dict[str, Any]:
        """The object without what its structure says is secret; the original is not touched. Done once for each."""
        known = self._done.get(id(obj))
        if known is None:
            known = (obj, structure.clean(obj, self.mask))  # holds the original, so that its id stays its own
            self._done[id(obj)] = known
        return known[1]

    def doc(self, text: bytes) -> bytes:
        """JSON without secrets, and still JSON."""
        return self._text(text, _spans(text, self.key, is_doc=True))

    def log(self, text: bytes) -> bytes:
        """Log lines, or text made for reading, without secrets."""
        return self._text(text, _spans(text, self.key, is_doc=False))

    def _text(self, text: bytes, spans: list[Span]) -> bytes:
        if not spans:
            return text
        self.count += len(spans)
        pieces, position = [], 0
        for start, end, instead in spans:
            pieces += [text[position:start], instead]
            position = end
        return b"".join([*pieces, text[position:]])


def cut_lines(text: bytes) -> tuple[bytes, int]:
    """No line longer than LINE_MAX, and how many bytes were left away."""
    if len(text) <= LINE_MAX:
        return text, 0
    lines = text.split(b"\n")
    if max(map(len, lines)) <= LINE_MAX:
        return text, 0
    dropped = sum(max(0, len(line) - LINE_MAX) for line in lines)
    return b"\n".join(_cut(line) for line in lines), dropped


def _cut(line: bytes) -> bytes:
    over = len(line) - LINE_MAX
    return line if over <= 0 else line[:LINE_MAX] + f" [{over} bytes of this line left away]".encode()


def _spans(text: bytes, key: bytes, *, is_doc: bool) -> list[Span]:
    """Where secrets are, in order, none over another; what overlaps is one secret."""
    found: list[tuple[int, int, str]] = []
    for start, literal in _hits(text.lower()):
        if secret := _at(text, start, literal, is_doc=is_doc):
            found.append(secret)
    if not found:
        return []
    found.sort()
    merged: list[tuple[int, int, str]] = []
    for start, end, family in found:
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]), merged[-1][2])
        else:
            merged.append((start, end, family))
    return [(start, end, token(family, text[start:end], key)) for start, end, family in merged]


def _hits(lower: bytes) -> Iterator[tuple[int, bytes]]:
    """Literals that may give a secret away, and where they begin."""
    for hit in patterns.TRIGGER.finditer(lower):
        literal = patterns.TAILS[hit.group()]
        yield hit.end() - len(literal), literal
    for literal in patterns.COMMON:
        at = lower.find(literal)
        while at >= 0:
            yield at, literal
            at = lower.find(literal, at + len(literal))


def _at(text: bytes, start: int, literal: bytes, *, is_doc: bool) -> tuple[int, int, str] | None:
    """The secret that a literal at this place gives away, if it does."""
    family = patterns.FAMILY_OF.get(literal)
    if family is None:
        return _pem_tail(text, start) if literal.startswith(b"-") else _driver(text, start)
    match = (family.doc if is_doc else family.log).match(text, start)
    if match is None and family.name == "value" and text.find(b"-", max(0, start - 42), start) >= 0:
        match = _flag(text, start, is_doc=is_doc)
    if match is None:
        return None
    group = match.lastgroup if match.lastgroup in patterns.VALUES else 0
    value = match.group(group)
    if value.startswith(_MASKED) or (family.name == "value" and _harmless(match, literal, value)):
        return None
    return match.start(group), match.end(group), family.name


def _flag(text: bytes, start: int, *, is_doc: bool) -> re.Match[bytes] | None:
    """``--db-password hunter2`` in a command line."""
    if not patterns.FLAG_BEFORE.search(text[max(0, start - 42) : start]):
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


def _driver(text: bytes, at: int) -> tuple[int, int, str] | None:
    """``user:secret@tcp(host)/db``: what stands between the first colon and the at sign."""
    begin = max(0, at - 320)
    before = text[begin:at]
    word = max(before.rfind(stop) for stop in (b" ", b"\n", b"\t", b'"', b"'", b"`")) + 1
    colon = before.find(b":", word)
    if not 0 <= colon < len(before) - 1 or before.startswith(_MASKED, colon + 1):
        return None
    return begin + colon + 1, at, "url"


def _pem_tail(text: bytes, end: int) -> tuple[int, int, str] | None:
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
