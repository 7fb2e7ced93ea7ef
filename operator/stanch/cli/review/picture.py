"""Three charts in one SVG: time to mitigate, a dot each (open ones hollow, with an arrow), items by age, and pages by hour."""

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from xml.sax.saxutils import escape

from stanch.api import duration
from stanch.core.review import Review
from stanch.core.review_items import Items

WIDTH: Final = 720
HEIGHT: Final = 620
_LEFT, _RIGHT, _TOP, _MIDDLE, _BOTTOM = 90, 20, 50, 290, 440
# A logarithmic axis: incidents last for minutes or for days.
_MARKS: Final = tuple(timedelta(seconds=s) for s in (60, 300, 900, 3600, 14_400, 86_400, 604_800))
_SANS: Final = "font-family='sans-serif' font-size='12'"


def draw(found: Review, done: Items) -> str:
    """A whole document; nothing in it but shapes and text."""
    body = [
        f"<rect width='{WIDTH}' height='{HEIGHT}' fill='white'/>",
        _text(_LEFT, 22, f"Time to mitigate ({found.incidents} incidents, {found.open} open)"),
        *_axis(),
        *_dots(found),
        _text(_LEFT, _MIDDLE + 8, "Action items done, by age"),
        *_bars(done),
        _text(_LEFT, _BOTTOM + 40, f"Pages by hour of the day, UTC ({found.pages.pages})"),
        *_hours(found),
    ]
    head = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' {_SANS} role='img'>"
    return "\n".join([head, "<title>stanch review</title>", *body, "</svg>"]) + "\n"


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    return f"<text x='{x:.1f}' y='{y:.1f}' text-anchor='{anchor}'>{escape(text)}</text>"


def _y(took: timedelta) -> float:
    low, high = (math.log(m.total_seconds()) for m in (_MARKS[0], _MARKS[-1]))
    share = (math.log(max(1.0, took.total_seconds())) - low) / (high - low)
    return _MIDDLE - 30 - (_MIDDLE - 30 - _TOP) * min(1.0, max(0.0, share))


def _axis() -> Iterator[str]:
    for mark in _MARKS:
        y = _y(mark)
        yield f"<line x1='{_LEFT}' x2='{WIDTH - _RIGHT}' y1='{y:.1f}' y2='{y:.1f}' stroke='#ddd'/>"
        yield _text(_LEFT - 8, y + 4, duration.write(mark), "end")


def _dots(found: Review) -> Iterator[str]:
    whole = (found.until - found.since).total_seconds()
    for name, declared, took in found.mitigate:
        x = _LEFT + (WIDTH - _RIGHT - _LEFT) * (declared - found.since).total_seconds() / whole
        y = _y(took.time)
        title = f"<title>{escape(name)}: {'' if took.over else 'more than '}{duration.write(took.time)}</title>"
        fill = "#c33" if took.over else "white"
        yield f"<circle cx='{x:.1f}' cy='{y:.1f}' r='4' fill='{fill}' stroke='#c33'>{title}</circle>"
        if not took.over:
            yield f"<path d='M{x:.1f},{y - 5:.1f} v-12 m-3,4 l3,-4 l3,4' fill='none' stroke='#c33'/>"
    median = found.durations["mitigate"].median if "mitigate" in found.durations else None
    if median is not None:
        y = _y(median)
        yield f"<line x1='{_LEFT}' x2='{WIDTH - _RIGHT}' y1='{y:.1f}' y2='{y:.1f}' stroke='#c33' stroke-dasharray='6 4'/>"
        yield _text(WIDTH - _RIGHT, y - 5, f"median {duration.write(median)}", "end")


def _bars(done: Items) -> Iterator[str]:
    step = (_BOTTOM - _MIDDLE - 20) / max(1, len(done.by_age))
    for place, each in enumerate(done.by_age):
        y = _MIDDLE + 24 + place * step
        wide = WIDTH - _RIGHT - 240
        share = each.done / each.total
        yield _text(160, y + 13, each.age, "end")
        yield f"<rect x='170' y='{y:.1f}' width='{wide}' height='18' fill='#eee'/>"
        yield f"<rect x='170' y='{y:.1f}' width='{wide * share:.1f}' height='18' fill='#393'/>"
        yield _text(178 + wide, y + 13, f"{each.done} of {each.total}")


def _hours(found: Review) -> Iterator[str]:
    step, floor = (WIDTH - _RIGHT - _LEFT) / 24, HEIGHT - 40
    tallest = max(found.pages.by_hour.values(), default=1)
    for hour in range(24):
        x, number = _LEFT + hour * step, found.pages.by_hour.get(hour, 0)
        high = 80 * number / tallest
        title = f"<title>{hour:02}h: {number}</title>"
        yield f"<rect x='{x + 2:.1f}' y='{floor - high:.1f}' width='{step - 4:.1f}' height='{high:.1f}' fill='#336'>{title}</rect>"
        if hour % 6 == 0:
            yield _text(x, floor + 16, f"{hour:02}h")
