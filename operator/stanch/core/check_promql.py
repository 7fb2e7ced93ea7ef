"""
What Prometheus measures (decisions 1.3 no. 35, ADR 30): every series must pass, by fresh samples, or nothing is proved.

Beside the query as it was written its measured side is asked, for a comparison that leaves nothing looks the same whether all
is bad or there is no data; and the time of the newest sample of the series it names, for the result carries only the time
at which it was asked.
"""

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from stanch.api.meta import instant
from stanch.api.recovery_status import CriterionRecord
from stanch.core.draft import Draft, shorten
from stanch.core.observations import Answer, Failed, Found
from stanch.core.outside import ask_outside
from stanch.core.promql import Query, read
from stanch.core.questions import Metric
from stanch.core.sample import Sample

# Prometheus itself shows a sample for five minutes after the last one came.
STALE_AFTER: Final = timedelta(minutes=3)
# Its clock dates the samples, and the API server's the effects.
SKEW_MAX: Final = timedelta(minutes=1)
QUOTED_MAX: Final = 120


class Unusable(Exception):
    """An answer that proves nothing, in words."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer: when it was asked, by Prometheus' clock, and its value."""

    time: float
    value: float


def look(draft: Draft, c: CriterionRecord) -> Sample | None:
    """What was measured; None when it is not the time to ask."""
    url = draft.catalog.policy.prometheus_url
    if not url:
        return Sample(
            None, "there is no Prometheus to ask: prometheus.url of the ResponsePolicy of stanch-system names none"
        )
    query = read(c.asks or "")
    if query.problem:
        return Sample(None, f"`{_quoted(query)}` can't be judged: {query.problem}")
    secret = draft.catalog.policy.prometheus_secret
    texts = (query.text, query.measured, query.newest)
    answers = ask_outside(draft, c, *(Metric(url, text, 0, secret) for text in texts))
    if answers is None:
        return None
    try:
        return judge(query, answers, draft.now)
    except Unusable as unusable:
        return Sample(None, f"`{_quoted(query)}`: {unusable}")


def judge(query: Query, answers: tuple[Answer, ...], now: datetime) -> Sample:
    """From the three answers to one sample. Raises Unusable when they prove nothing."""
    result, measured, newest = (_series(a) for a in answers)
    if not measured:
        raise Unusable("no data: no series is there that it measures")
    if bad := sum(not math.isfinite(s.value) for s in measured):
        raise Unusable(f"no number: {bad} of {len(measured)} values are NaN or infinite (nothing happened at all?)")
    taken = _taken(newest, now)
    good = len(result) if query.filters else _good(result)
    left = {s.value for s in result} if query.filters else set()
    shown = next((s.value for s in measured if query.filters and s.value not in left), measured[0].value)
    value = f"{shown:.6g}" + (f" and {len(measured) - 1} more" if len(measured) > 1 else "")
    if good == len(measured):
        return Sample(True, f"`{_quoted(query)}` holds", taken=taken, value=value)
    if good > len(measured):
        raise Unusable("its answers do not belong together; asked again")
    which = "does not hold" if not good else "does not hold for every series"
    return Sample(False, f"`{_quoted(query)}` {which}", taken=taken, value=value)


def _good(result: list[Series]) -> int:
    """How many say 1, where the values say it."""
    if any(s.value not in (0.0, 1.0) for s in result):
        raise Unusable("it has no comparison at its top, and values other than 0 and 1; write what they must be")
    return sum(s.value == 1.0 for s in result)


def _taken(newest: list[Series], now: datetime) -> datetime:
    """When the newest sample was taken. By Prometheus' clock, which has to be about the API server's."""
    if not newest:
        raise Unusable("no fresh data: the series it names have ended, and what it shows is what is left of them")
    asked, taken = _moment(newest[0].time), _moment(newest[0].value)
    if abs(asked - now) > SKEW_MAX:
        raise Unusable(f"the clock of Prometheus is more than {int(SKEW_MAX.total_seconds())} s off the API server's")
    if asked - taken > STALE_AFTER:
        raise Unusable(f"too old: its newest sample is of {instant(taken)}")
    return taken


def _moment(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC).replace(microsecond=0)
    except (ValueError, OverflowError, OSError) as error:
        raise Unusable("its answer names a time that is none") from error


def _series(answer: Answer) -> list[Series]:
    if isinstance(answer, Failed):
        raise Unusable(f"Prometheus did not say: {shorten(answer.message, 300)}")
    if not isinstance(answer, Found):
        raise Unusable("there is no Prometheus at this address")
    kind, result = answer.value.get("resultType"), answer.value.get("result")
    if kind == "scalar":
        return [_one(result)]
    if kind != "vector" or not isinstance(result, list):
        raise Unusable(f"it answers with a {kind if isinstance(kind, str) else 'riddle'}, not with an instant vector")
    return [_one(each.get("value") if isinstance(each, dict) else None) for each in result]


def _one(pair: Any) -> Series:
    try:
        time, value = pair
        return Series(float(time), float(value))
    except (TypeError, ValueError) as error:
        # Native histograms have no value; nothing else of Prometheus lacks one.
        raise Unusable("a series has no value that is a number") from error


def _quoted(query: Query) -> str:
    return shorten(query.text, QUOTED_MAX)
