"""An incident on paper: times in minutes from 14:00, and lines as the operator writes them."""

from dataclasses import replace
from typing import Any

from build import T0, incident
from month import MINUTE
from stanch.api.incident_status import TimelineLine
from stanch.api.policy import DEFAULT, Policy
from stanch.core.gaps.find import find_gaps
from world import healthy


class Paper:
    """Gaps are found in it as in a real one; ``spans`` are those that its times have."""

    def __init__(self, **times: float) -> None:
        """Of a SEV1 that was resolved long ago, unless the times say otherwise."""
        self.incident = healthy(incident()).run(minutes=20).incident
        status = self.incident.status
        told = {name: T0 + minute * MINUTE for name, minute in times.items()}
        spans = {}
        if "started" in told and "detected" in told:
            spans["to_detect"] = told["detected"] - told["started"]
        known = status.times.model_copy(update=told)
        self.status = status.model_copy(
            update={"times": known, "durations": status.durations.model_copy(update=spans), "timeline": ()}
        )
        self.lines: list[TimelineLine] = []
        self.policy: Policy = DEFAULT

    def line(self, minute: float, kind: str, text: str = "x", by: str = "bob", entry: str | None = None) -> "Paper":
        """One line more."""
        seq, at = len(self.lines) + 1, T0 + minute * MINUTE
        self.lines.append(TimelineLine(seq=seq, time=at, kind=kind, by=by, text=text, entry=entry))
        return self

    def say(self, minute: float, kind: str, text: str, by: str = "bob") -> "Paper":
        """One line more, of an entry: what it means, then the person's own words."""
        return self.line(minute, kind, text, by, entry=f"entry-{len(self.lines)}")

    def where(self, **policy: Any) -> "Paper":
        """By another policy."""
        self.policy = replace(self.policy, **policy)
        return self

    def found(self, **changes: Any) -> tuple[Any, ...]:
        """All of them, in their order."""
        inc = self.incident.model_copy(update={"status": self.status.model_copy(update=changes)})
        return find_gaps(inc, self.lines, self.policy)

    def gaps(self, **changes: Any) -> dict[str, Any]:
        """By kind."""
        return {g.kind: g for g in self.found(**changes)}
