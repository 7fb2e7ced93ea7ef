"""A Prometheus in memory that records what Sloth and Pyrra do, and answers range queries over it as the real one does."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from stanch.core.observations import Answer, Failed, Found
from stanch.core.questions import Metric, MetricRange, Outside

Json = dict[str, Any]
# The value at an instant; None where nothing was recorded.
Value = Callable[[datetime], float | None]
_MATCHER = re.compile(r'(\w+)(=~|=)"([^"]*)"')


def during(start: datetime, end: datetime, ratio: float, otherwise: float = 0.0) -> Value:
    """A ratio in (start, end], and another at all other times."""
    return lambda t: ratio if start < t <= end else otherwise


def always(value: float) -> Value:
    """The same at all times."""
    return lambda _: value


@dataclass
class Recorded:
    """Series by (name, labels); ``asked`` are the queries in their order, ``away`` is why it does not answer."""

    series: list[tuple[str, dict[str, str], Value]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    away: str = ""

    def sloth(
        self, slo: str, service: str, ratio: Value, *, budget: float = 0.001, days: float = 30, **more: str
    ) -> None:
        """The recording rules of one objective of Sloth, with all the labels they have."""
        labels = {"sloth_id": slo, "sloth_service": service, "sloth_slo": slo.removeprefix(f"{service}-"), **more}
        for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d", "30d"):
            self.series.append((f"slo:sli_error:ratio_rate{window}", {**labels, "sloth_window": window}, ratio))
        self.series.append(("slo:objective:ratio", labels, always(1 - budget)))
        self.series.append(("slo:error_budget:ratio", labels, always(budget)))
        self.series.append(("slo:time_period:days", labels, always(days)))
        self.series.append(("slo:current_burn_rate:ratio", labels, lambda t: _over(ratio(t), budget)))

    def pyrra(
        self, slo: str, ratio: Value, *, objective: float = 0.99, seconds: float = 2_419_200, **more: str
    ) -> None:
        """The recording rules of one objective of Pyrra for four weeks, the generic ones included."""
        for window in ("5m", "30m", "1h", "2h", "6h", "1d", "4d"):
            labels = {"slo": slo, "job": "api", **more}
            self.series.append((f"http_requests:burnrate{window}", labels, ratio))
        for name, value in (("pyrra_objective", objective), ("pyrra_window", seconds), ("pyrra_availability", 0.995)):
            self.series.append((name, {"slo": slo, **more}, always(value)))

    def __call__(self, question: Outside) -> Answer:
        """What it says."""
        assert isinstance(question, Metric | MetricRange)
        if isinstance(question, Metric):
            return Found({"resultType": "vector", "result": []})
        self.asked.append(question.query)
        if self.away:
            return Failed(0, self.away)
        found = [_range(question, *each) for each in self.series if _matches(question.query, each[0], each[1])]
        return Found({"resultType": "matrix", "result": [each for each in found if each["values"]]})


def _over(ratio: float | None, budget: float) -> float | None:
    return None if ratio is None else ratio / budget


def _matches(query: str, name: str, labels: Mapping[str, str]) -> bool:
    """`name`, or `{…}` with matchers, fully anchored."""
    if "{" not in query:
        return query == name
    known = {**labels, "__name__": name}
    return all(
        bool(re.fullmatch(wanted, known.get(label, ""))) if how == "=~" else known.get(label, "") == wanted
        for label, how, wanted in _MATCHER.findall(query)
    )


def _range(question: MetricRange, name: str, labels: Mapping[str, str], value: Value) -> Json:
    at, values = question.start, []
    while at <= question.end:
        if (found := value(at)) is not None:
            values.append([at.timestamp(), repr(float(found)).replace("nan", "NaN").replace("inf", "+Inf")])
        at += question.step if question.step > timedelta(0) else question.end
    return {"metric": {"__name__": name, **labels}, "values": values}
