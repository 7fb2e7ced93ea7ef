"""Other people's words in a document: nothing they write is markup, a link that runs, or a character that moves the page."""

import re
import unicodedata
from typing import Any, Final
from urllib.parse import urlsplit

# What begins something inside a line, or ends it; a backslash before it is the character itself (CommonMark 2.4).
_INLINE: Final = re.compile(r"([\\`*_\[\]|~!$^=#])")
# What begins a block at the start of a line: a list, a heading's underline, a quote, a thematic break.
_BLOCK: Final = re.compile(r"^(\s*)([-+>]|\d+(?=[.)]))")
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def plain(value: Any) -> str:
    """Text without control characters, and without those that turn its direction or can't be seen."""
    text = str(value if value is not None else "")
    return "".join(c if c in "\n\t" or _shows(c) else "\ufffd" for c in text.replace("\r\n", "\n").replace("\r", "\n"))


def _shows(c: str) -> bool:
    return unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")


def flat(value: Any) -> str:
    """The same on one line."""
    return " ".join(plain(value).split())


def markdown(value: Any) -> str:
    """One line of Markdown that shows exactly these words."""
    return _line(flat(value))


def paragraphs(value: Any) -> str:
    """Paragraphs of Markdown: blank lines stay, everything else is words."""
    parts = re.split(r"\n\s*\n", plain(value))
    return "\n\n".join(_line(" ".join(part.split())) for part in parts if part.strip())


def _line(text: str) -> str:
    escaped = "".join(_ENTITIES.get(c, c) for c in text)
    escaped = _INLINE.sub(r"\\\1", escaped)
    # `://` and `www.` become links by themselves on some pages; shown, they are the same words.
    escaped = re.sub(r"(?i)\b(https?|ftp|javascript|data|mailto|vbscript):", r"\1&#58;", escaped)
    escaped = re.sub(r"(?i)\bwww\.", "www&#46;", escaped)
    escaped = re.sub(r"(?<![\w])@(?=\w)", "&#64;", escaped)
    return _BLOCK.sub(lambda m: f"{m[1]}{m[2]}\\" if m[2][0].isdigit() else f"{m[1]}\\{m[2]}", escaped)


def cell(value: Any) -> str:
    """Of a table: never empty, for an empty one shifts the row on some pages."""
    return markdown(value) or "-"


def link(value: Any) -> str:
    """An http or https address as it may stand in `href`; empty for anything else."""
    text = flat(value)
    try:
        found = urlsplit(text)
    except ValueError:
        return ""
    good = found.scheme in ("http", "https") and found.hostname and not re.search(r"[\s<>\"'`\\()]", text)
    return text if good else ""
