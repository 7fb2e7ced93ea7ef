"""A graph as a picture that any browser shows, from a file: no script, no font, nothing fetched. The same input, the same bytes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final
from xml.sax.saxutils import escape

from stanch.core.graphs import Graph, Series
from stanch.evidence.describe.page import visible

WIDTH, HEIGHT = 960, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 16, 48, 40
DRAWN_MAX: Final = 8
_LEGEND: Final = 18
_WORDS_MAX: Final = 140
# Okabe and Ito: told apart with any kind of colour vision.
_COLOURS: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#b8a800")

Mark = tuple[str, datetime]


def draw(graph: Graph, marks: Sequence[Mark] = ()) -> str:
    """One picture; ``marks`` are instants with a word each, such as the onset. Series beyond DRAWN_MAX are in the JSON only."""
    shown = graph.series[:DRAWN_MAX]
    low, high = _range(shown)
    height = HEIGHT + _LEGEND * (len(shown) + 1)
    frame = _Frame(graph.start.timestamp(), max(graph.end.timestamp(), graph.start.timestamp() + 1), low, high)
    left_out = len(graph.series) - len(shown) + graph.left_out
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f"<title>{_words(graph.name)}</title>",
        f"<desc>{_words(graph.query)}</desc>",
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<text x="{_LEFT}" y="20" font-size="15">{_words(graph.name)}</text>',
        f'<text x="{_LEFT}" y="38" fill="#555">{_words(graph.query)}</text>',
        *frame.axes(graph),
        *(line for mark in marks for line in frame.mark(*mark)),
        *(line for each, colour in zip(shown, _COLOURS, strict=False) for line in frame.lines(each, colour)),
        *(_legend(number, each) for number, each in enumerate(shown)),
        *([_note(len(shown), f"{left_out} more series are in the JSON or were left out")] if left_out else []),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


class _Frame:
    """From seconds and values to places on the page."""

    def __init__(self, start: float, end: float, low: float, high: float) -> None:
        self.start, self.end, self.low, self.high = start, end, low, high

    def x(self, seconds: float) -> float:
        """Inside the frame, whatever the time."""
        share = (seconds - self.start) / (self.end - self.start)
        return _LEFT + min(1.0, max(0.0, share)) * (WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        """Inside the frame, whatever the value."""
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - _BOTTOM - min(1.0, max(0.0, share)) * (HEIGHT - _TOP - _BOTTOM)

    def axes(self, graph: Graph) -> list[str]:
        """Five values, and the times at the ends and in the middle, in UTC."""
        found = []
        for step in range(5):
            value = self.low + (self.high - self.low) * step / 4
            y = self.y(value)
            found.append(f'<path d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}" stroke="#ddd"/>')
            found.append(f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:.4g}</text>')
        middle = datetime.fromtimestamp((self.start + self.end) / 2, UTC)
        for when, anchor in ((graph.start, "start"), (middle, "middle"), (graph.end, "end")):
            x, words = self.x(when.timestamp()), when.astimezone(UTC).strftime("%H:%M:%SZ")
            found.append(f'<text x="{x:.1f}" y="{HEIGHT - _BOTTOM + 18}" text-anchor="{anchor}">{words}</text>')
        return found

    def mark(self, words: str, when: datetime) -> list[str]:
        """A dashed line at an instant, with its word beside it."""
        x = self.x(when.timestamp())
        line = f'<path d="M{x:.1f} {_TOP}V{HEIGHT - _BOTTOM}" stroke="#a00" stroke-dasharray="4 3"/>'
        return [line, f'<text x="{x + 3:.1f}" y="{_TOP + 10}" fill="#a00">{_words(words)}</text>']

    def lines(self, series: Series, colour: str) -> list[str]:
        """A line for each stretch without a gap; a point that stands alone is a dot."""
        found, stretch = [], list[str]()
        for seconds, value in (*series.points, (0.0, None)):
            if value is not None:
                stretch.append(f"{self.x(seconds):.1f} {self.y(value):.1f}")
            elif stretch:
                path = "M" + "L".join(stretch if len(stretch) > 1 else stretch * 2)
                found.append(
                    f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="1.5" stroke-linecap="round"/>'
                )
                stretch = []
        return found


def _range(shown: Sequence[Series]) -> tuple[float, float]:
    """From the lowest to the highest value, never empty; from 0 where that is near, so that a small change looks small."""
    values = [value for series in shown for _, value in series.points if value is not None]
    low, high = min(values, default=0.0), max(values, default=1.0)
    if 0 < low < high / 2 or low == high > 0:
        low = 0.0
    # Numbers beyond this lose themselves in one another, and their difference may not be a number.
    low, high = max(low, -1e300), min(high, 1e300)
    room = max(1.0, abs(low) / 10)
    return (low, high) if high > low else (low - room, low + room)


def _legend(number: int, series: Series) -> str:
    y = HEIGHT + _LEGEND * number
    colour = _COLOURS[number]
    return (
        f'<path d="M{_LEFT} {y - 4}h20" stroke="{colour}" stroke-width="3"/>'
        f'<text x="{_LEFT + 28}" y="{y}">{_words(series.labels)}</text>'
    )


def _note(number: int, words: str) -> str:
    return f'<text x="{_LEFT + 28}" y="{HEIGHT + _LEGEND * number}" fill="#555">{_words(words)}</text>'


def _words(text: str) -> str:
    """Other people's words as text, and nothing but text; XML can't hold most control characters."""
    short = text if len(text) <= _WORDS_MAX else text[: _WORDS_MAX - 1] + "…"
    clean = visible(short.replace("\n", " ").replace("\t", " ")).encode("utf-8", "replace").decode()
    return escape("".join(letter if letter < "\ufffe" or letter > "\uffff" else "?" for letter in clean))
