"""Text in columns: `Name:   value` lines, tables, indented blocks; control characters made visible."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime

HEADER = "# rendered by stanch in the style of kubectl describe 1.36"
NONE = "<none>"

# Colours, carriage returns and text-direction marks could show a reader something else than what is there.
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def visible(text: str) -> str:
    """Terminal control characters escaped; line ends and tabs stay."""
    return _UNSEEN.sub(lambda match: f"\\x{ord(match[0]):02x}", text) if _UNSEEN.search(text) else text


def columns(rows: Iterable[Sequence[str]], indent: str = "") -> list[str]:
    """Rows in aligned columns, two blanks apart; the last one is as long as it is, on one line."""
    flat = [[cell.replace("\n", "\\n") for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*[row[:-1] for row in flat], strict=False)]
    return [
        indent + "".join(f"{cell:<{width}}  " for cell, width in zip(row, widths, strict=False)) + row[-1]
        for row in flat
        if row
    ]


class Page:
    """A text being written, for one moment ``now``."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self._lines: list[str] = [HEADER]

    def line(self, depth: int, text: str) -> None:
        """One line."""
        self._lines.append("  " * depth + text)

    def fields(self, depth: int, rows: Iterable[tuple[str, str]]) -> None:
        """``key:  value`` lines, values in one column; lines that follow in a value keep to it."""
        listed = list(rows)
        width = max((len(key) for key, _ in listed), default=0) + 3
        indent = "  " * depth
        for key, value in listed:
            block = value.rstrip("\n").replace("\n", "\n" + indent + " " * width) if "\n" in value else value
            self._lines.append(f"{indent}{key + ':':<{width}}{block}".rstrip())

    def table(self, depth: int, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """A header, a rule below it, rows."""
        rule = ["-" * len(title) for title in header]
        self._lines += columns([header, rule, *rows], "  " * depth)

    def columns(self, depth: int, rows: Iterable[Sequence[str]]) -> None:
        """Rows in columns, without a header."""
        self._lines += columns(rows, "  " * depth)

    def listed(self, depth: int, title: str, values: Iterable[str]) -> None:
        """``title:`` with one value a line."""
        found = list(values)
        self.fields(depth, [(title, "\n".join(found) if found else NONE)])

    def __str__(self) -> str:
        return visible("\n".join(self._lines)) + "\n"
