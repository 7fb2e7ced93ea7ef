"""
Secrets inside base64, which no pattern of text can see: what decodes to text with a secret in it is masked as a whole.

Lines that a tool wrapped are one block; a run that begins in the middle is tried at all four places where a letter may begin.
Of the 64 letters, ASCII text uses a quarter in the first place of four, a half in the second and third: six fours of that
kind are looked for, so that names, digests, images and paths cost nothing.
"""

import binascii
import re
from collections.abc import Callable, Iterator
from typing import Final

from stanch.evidence import steps

FAMILY: Final = "base64"
# Base64 of base64 is what `kubectl get secret -o yaml` prints of a file that was base64 already.
DEPTH_MAX: Final = 2
_LETTERS: Final = rb"[A-Za-z0-9+/_-]"
_FOUR: Final = rb"[CDI-Za-f][AC-HQS-Xgi-nwyz0-3][ABEFIJMNQRUVYZcdghklopstwx014589]" + _LETTERS
# 24 letters are 18 characters: shorter ones hold no name and value.
_SIX: Final = rb"(?:" + _FOUR + rb"){6}"
_BEGIN: Final = re.compile(_SIX)
_BEGIN_BYTES: Final = 24
_RUN: Final = re.compile(_SIX + _LETTERS + rb"*+={0,2}")
_BACK_MAX: Final = 4096
_BEFORE: Final = re.compile(_LETTERS + rb"*+")
_WRAPPED_MIN: Final = 48
_END: Final = rb"(?:(?:\\{1,7}r)?\\{1,7}n|\r?\n)(?:\d{4}-\d\d-\d\dT[\d:.]{8,18}(?:Z|[+-]\d\d:\d\d) )?[ \t]{0,64}"
_NEXT: Final = re.compile(_END + rb"(?P<line>" + _LETTERS + rb"{1,4096}+)={0,2}(?=[\r\n\"'\\]|$)")
_HEAD: Final = 24
_TEXT: Final = bytes([9, 10, 13, *range(32, 127)])
_TO_STANDARD: Final = bytes.maketrans(b"-_", b"+/")

Span = tuple[int, int, str]


def spans(text: bytes, has_secret: Callable[[bytes], bool], depth: int) -> Iterator[Span]:
    """Where base64 with a secret in it is; ``has_secret`` is asked about what was decoded."""
    if depth >= DEPTH_MAX:
        return
    for start, end, run in _blocks(text):
        if any(has_secret(inner) for inner in _decoded(run)):
            yield start, end, FAMILY


def is_login(value: bytes) -> bool:
    """Is it `user:password` in base64?"""
    return any(b":" in inner and not inner.translate(None, _TEXT) for inner in _decoded(value, places=1))


def _blocks(text: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Runs of base64 letters, wrapped lines put together."""
    done = 0
    for match in steps.found(text, _BEGIN, _BEGIN_BYTES, _RUN):
        start, end = match.span()
        if start < done:
            continue
        begun = _BEFORE.match(text[max(done, start - _BACK_MAX) : start][::-1])
        start -= begun.end() if begun else 0
        pieces, width, done = [text[start:end]], end - start, end
        while width >= _WRAPPED_MIN and (more := _NEXT.match(text, end)) and len(more["line"]) <= width:
            pieces.append(more["line"])
            end = done = more.end()
            if len(more["line"]) < width:
                done = more.start("line")  # the last of this block, or the first of another
                break
        yield start + _escape_at(text, start), end, b"".join(pieces)


def _escape_at(text: bytes, start: int) -> int:
    """How many letters there belong to an escape of JSON (`\\n`, `\\u00e9`): without them it is no JSON any more."""
    before = text[max(0, start - _BACK_MAX) : start]
    if (len(before) - len(before.rstrip(b"\\"))) % 2 == 0:
        return 0
    return 5 if text[start : start + 1] == b"u" else 1


def _decoded(run: bytes, places: int = 4) -> Iterator[bytes]:
    """What it could say, as far as that is text."""
    letters = run.rstrip(b"=")
    for place in range(places):
        head = _from_base64(letters[place : place + _HEAD])
        if len(head.translate(None, _TEXT)) * 4 <= len(head):
            yield _from_base64(letters[place:])


def _from_base64(letters: bytes) -> bytes:
    whole = letters[: len(letters) - (len(letters) % 4 == 1)]
    return binascii.a2b_base64(whole.translate(_TO_STANDARD) + b"=" * (-len(whole) % 4))
