"""What gaps are made of: the record as they are looked for in it, and the one that took longer than it may."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Final

from stanch.api.incident import Incident
from stanch.api.incident_status import Durations, IncidentStatus, TimelineLine, Times
from stanch.api.meta import Severity
from stanch.api.names import EventKind
from stanch.api.policy import Policy
from stanch.api.postmortem_status import Gap, GapPart
from stanch.core.draft import shorten

MINUTE: Final = timedelta(minutes=1)
_MACHINES: Final = frozenset({"stanch", "Alertmanager", "spec"})


@dataclass(frozen=True)
class Record:
    """One incident as gaps are looked for in it: its status, and all lines that there are."""

    incident: Incident
    lines: tuple[TimelineLine, ...]
    policy: Policy

    @property
    def status(self) -> IncidentStatus:
        """What is so."""
        return self.incident.status

    @property
    def times(self) -> Times:
        """The instants that matter; empty ones before it is declared."""
        return self.incident.status.times or Times()

    @property
    def durations(self) -> Durations:
        """How long things took."""
        return self.incident.status.durations or Durations()

    @cached_property
    def worst(self) -> Severity:
        """The severity at its worst."""
        known = self.status.severity
        return (known.worst or known.level) if known else self.policy.when_unknown

    @cached_property
    def worst_since(self) -> datetime | None:
        """Since when it was that severe: what is asked for at a severity is not asked for before."""
        changes, declared = self.of(EventKind.SEVERITY_CHANGED), self.times.declared
        if changes and changes[0].text.startswith(self.worst.value):
            return declared  # It was that from the start, and then less for a while.
        first = next((x.time for x in changes if _raised_to(x.text) == self.worst.value), None)
        return max(first, declared) if first and declared else declared

    @cached_property
    def over(self) -> datetime | None:
        """When the harm was over."""
        return self.times.mitigated or self.times.resolved

    def of(self, *kinds: str) -> list[TimelineLine]:
        """Lines of these kinds, by when it happened."""
        return sorted((x for x in self.lines if x.kind in kinds), key=lambda x: (x.time, x.seq))

    def people(self) -> list[TimelineLine]:
        """What people wrote, by when it happened."""
        lines = (x for x in self.lines if x.by not in _MACHINES and not x.by.startswith("system:"))
        return sorted(lines, key=lambda x: (x.time, x.seq))

    def link(self, moment: datetime, otherwise: str, *kinds: str) -> str:
        """The line of that moment, one of these kinds if there is one; else what is said otherwise."""
        there = sorted((x for x in self.lines if x.time == moment), key=lambda x: (x.kind not in kinds, x.seq))
        return f"timeline {there[0].seq}" if there else otherwise


def _raised_to(text: str) -> str:
    """`SEV3 to SEV1: 40 % of users fail` says SEV1."""
    _, found, rest = text[:24].partition(" to ")
    return rest[:4] if found else ""


@dataclass(frozen=True, slots=True)
class Sort:
    """What sort of gap: its word, and the part of the incident it is about."""

    kind: str
    part: GapPart


def clock(moment: datetime) -> str:
    """`14:02:30`, or `14:02` on the full minute; UTC."""
    return f"{moment:%H:%M}" if not moment.second else f"{moment:%H:%M:%S}"


def between(since: datetime, until: datetime) -> str:
    """`14:02 to 14:42`; over midnight with the days."""
    if since.date() == until.date():
        return f"{clock(since)} to {clock(until)}"
    return f"{since:%Y-%m-%d} {clock(since)} to {until:%Y-%m-%d} {clock(until)}"


def span(took: timedelta) -> str:
    """`40 min`, `1 h 5 min`, `50 s`."""
    seconds = int(took.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    hours, minutes = divmod(seconds // 60, 60)
    return f"{hours} h {minutes} min" if hours and minutes else f"{hours} h" if hours else f"{minutes} min"


def gap_of(sort: Sort, text: str, record: str, **more: object) -> Gap:
    """One gap; its number comes when all are found."""
    return Gap.model_validate(
        {
            "number": 1,
            "kind": sort.kind,
            "part": sort.part,
            "text": shorten(text, 900),
            "record": shorten(record, 300),
            **more,
        }
    )


def too_long(
    sort: Sort, what: str, since: datetime, until: datetime, limit: timedelta, record: str, more: str = ""
) -> Iterator[Gap]:
    """One gap when it took longer than it may."""
    took = until - since
    if took > limit:
        text = f"{what}: {span(took)} ({between(since, until)}; {span(limit)} is asked for){more}"
        yield gap_of(sort, text, record, took=took, limit=limit, from_time=since, to_time=until)
