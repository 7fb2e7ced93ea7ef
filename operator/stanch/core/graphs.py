"""
Graphs of what was measured around an incident: the seeds' screenshots, as numbers (decisions 1.3 no. 41).

The port for whoever asks Prometheus: `from_prometheus` takes the answer of `query_range`, and a CaptureRequest the graphs.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

# Before the capture, so that the time before the onset is in the picture.
LOOK_BACK: Final = timedelta(minutes=30)
STEP: Final = timedelta(seconds=15)
SERIES_MAX: Final = 24
POINTS_MAX: Final = 500

Point = tuple[float, float | None]


@dataclass(frozen=True, slots=True)
class Series:
    """One line: its labels in Prometheus' form, and (seconds since the epoch, value); None where there was no number."""

    labels: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Graph:
    """
    What a query gave over a time. ``name`` is the criterion's; ``problem`` is why there are no numbers, empty when there are.

    ``left_out`` series were more than are kept.
    """

    name: str
    query: str
    start: datetime
    end: datetime
    series: tuple[Series, ...] = ()
    left_out: int = 0
    problem: str = ""


def span(now: datetime) -> tuple[datetime, datetime, timedelta]:
    """Start, end and step to ask `query_range` for."""
    return now - LOOK_BACK, now, STEP


def from_prometheus(name: str, query: str, start: datetime, end: datetime, answer: Mapping[str, Any]) -> Graph:
    """
    Of the JSON that `/api/v1/query_range` answers; anything else becomes a problem in words, and nothing is raised.

    Source: prometheus.io/docs, HTTP API, range queries and range vectors.
    """
    data = answer.get("data")
    result = data.get("result") if isinstance(data, Mapping) and data.get("resultType") == "matrix" else None
    if answer.get("status") != "success" or not isinstance(result, list):
        said = answer.get("error") or answer.get("message") or "not the answer of a range query"
        return Graph(name, query, start, end, problem=str(said)[:500])
    found = [s for each in result if (s := _series(each)) is not None]
    found.sort(key=lambda each: each.labels)
    if not found:
        return Graph(name, query, start, end, problem="the query gave no series")
    return Graph(name, query, start, end, tuple(found[:SERIES_MAX]), max(0, len(found) - SERIES_MAX))


def _series(raw: Any) -> Series | None:
    if not isinstance(raw, Mapping) or not isinstance(raw.get("values"), list):
        return None
    metric = raw.get("metric")
    labels = metric if isinstance(metric, Mapping) else {}
    name = str(labels.get("__name__", ""))
    inner = ", ".join(
        f'{key}="{labels[key]}"' for key in sorted(map(str, labels)) if key != "__name__" and key in labels
    )
    points = [point for each in raw["values"] if (point := _point(each)) is not None]
    return Series(f"{name}{{{inner}}}" if inner or not name else name, tuple(points[-POINTS_MAX:]))


def _point(raw: Any) -> Point | None:
    """`[seconds, "number"]`; NaN and infinities are gaps, for JSON has no word for them."""
    try:
        seconds, value = float(raw[0]), float(raw[1])
        datetime.fromtimestamp(seconds, UTC)
    except (TypeError, ValueError, IndexError, KeyError, OverflowError, OSError):
        return None
    return seconds, value if math.isfinite(value) else None
