"""What a terminal is given: nothing that moves its cursor, times as the reader's clock has them, columns."""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import click

from stanch.evidence.describe.page import columns
from stanch.evidence.times import parse

# All control characters but line ends and tabs; marks that turn the direction of text or can't be seen; halves of characters.
_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
    "|[\U000e0000-\U000e007f]"
)


def harmless(text: str) -> str:
    """The same text with everything that a terminal would obey, or an eye would miss, written out."""
    return _UNSEEN.sub(lambda match: _written(ord(match[0])), text) if _UNSEEN.search(text) else text


def _written(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def one_line(text: str) -> str:
    """The same on one line."""
    return harmless(text.replace("\r\n", "\\n").replace("\n", "\\n").replace("\t", " "))


def say(text: str) -> None:
    """Print lines of ours that may have other people's words in them."""
    click.echo(harmless(text))


def complain(text: str) -> None:
    """To stderr."""
    click.echo(f"stanch: {harmless(text)}", err=True)


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Aligned columns; every cell on one line."""
    return "\n".join(columns([header, *([one_line(cell) for cell in row] for row in rows)]))


def local_time(value: str) -> str:
    """`2026-11-21 15:09:12 CET (14:09:12Z)`: the reader's time, and the one in logs. What is no time is left as it is."""
    found = parse(value)
    if found is None:
        return value or "-"
    here, utc = found.astimezone(), found.astimezone(UTC)
    if not here.utcoffset():
        return utc.strftime("%Y-%m-%d %H:%M:%SZ")
    other_day = "%Y-%m-%d " if here.date() != utc.date() else ""
    return f"{here.strftime('%Y-%m-%d %H:%M:%S')} {_zone(here)} ({utc.strftime(f'{other_day}%H:%M:%SZ')})"


def _zone(when: datetime) -> str:
    name = when.tzname() or ""
    return name if name.isalnum() else when.strftime("UTC%z")


def size(value: int | str) -> str:
    """`212 KiB`."""
    if not str(value).isdecimal():
        return str(value) or "-"
    number = int(value)
    if number < 10_000:
        return f"{number} B"
    return f"{number / 1024:.0f} KiB" if number < 10 * 1024 * 1024 else f"{number / 1024 / 1024:.0f} MiB"
