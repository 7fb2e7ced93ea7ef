"""The part of Incident.status that says how recovery stands: each criterion, and since when all of them hold."""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from stanch.api.checks import QUERY_MAX
from stanch.api.meta import Counter, Duration, Model, Target, Time

_S = Annotated[str, Field(max_length=320)]
_L = Annotated[str, Field(max_length=1024)]
_LINE = Annotated[str, Field(max_length=2048)]


class CriterionState(StrEnum):
    """Neither unknown nor inconclusive is ever success."""

    PASSING = "Passing"
    FAILING = "Failing"
    # Nobody has looked yet.
    UNKNOWN = "Unknown"
    # A look proved nothing: no answer, no data, too old, no number.
    INCONCLUSIVE = "Inconclusive"


class CriterionRecord(Model):
    """How one criterion stands."""

    name: Annotated[_S, Field(description="Name of the criterion.")]
    check: Annotated[_S, Field(description="available, noRestarts, alertsResolved, promQL, http, condition or manual.")]
    gates: Annotated[_S, Field(description="Mitigated or Resolved.")]
    target: Annotated[Target | None, Field(description="What is looked at.")] = None
    min_percent: Annotated[Counter | None, Field(description="For available: share of wanted replicas.")] = None
    asks: Annotated[
        str | None,
        Field(
            max_length=QUERY_MAX,
            description="What it asks: the query, `<endpoint> <status>`, or `<condition>=<status>`; fixed before the first effect.",
        ),
    ] = None
    downstream: Annotated[bool | None, Field(description="True when it is about what depends on the service.")] = None
    state: Annotated[CriterionState, Field(description="Passing, Failing, Inconclusive, or Unknown before a look.")]
    since_time: Annotated[
        Time | None,
        Field(
            description="Since when, by API and sample timestamps; of Inconclusive: since when it would count as passing."
        ),
    ] = None
    message: Annotated[_L | None, Field(description="What was seen.")] = None
    value: Annotated[_S | None, Field(description="The newest value that was measured; for the eye.")] = None
    bad_samples: Annotated[Counter, Field(description="Bad samples in a row; two make it Failing.")] = 0
    good_samples: Annotated[Counter, Field(description="Good samples in a row, at most 2.")] = 0
    sample_time: Annotated[Time | None, Field(description="When it was last looked at, if that counts.")] = None
    data_time: Annotated[
        Time | None, Field(description="Of promQL: when the newest sample that was looked at was taken.")
    ] = None
    unclear_time: Annotated[Time | None, Field(description="Since when it is Inconclusive.")] = None
    unclear_said: Annotated[bool | None, Field(description="True once people were told that it stays so.")] = None
    crashed: Annotated[
        _S | None, Field(description="Of noRestarts: the template whose pods were seen in CrashLoopBackOff last.")
    ] = None
    flips: Annotated[
        tuple[Time, ...] | None, Field(max_length=3, description="When it changed sides, newest last.")
    ] = None
    confirmed_by: Annotated[_LINE | None, Field(description="Who said that this manual criterion holds.")] = None
    confirmed_time: Annotated[Time | None, Field(description="When they said so.")] = None

    @property
    def unclear(self) -> bool:
        """Can nobody say whether it passes?"""
        return self.state in (CriterionState.UNKNOWN, CriterionState.INCONCLUSIVE)


class RecoveryRecord(Model):
    """How recovery stands: the effective criteria, and since when all of them hold."""

    hold: Annotated[Duration, Field(description="How long all must hold; as asked, or by severity.")]
    asked: Annotated[
        bool | None,
        Field(description="True when somebody asked for this hold: then nothing makes it longer but flapping."),
    ] = None
    at_least: Annotated[
        Duration | None,
        Field(description="How long it would have to hold for what happened, where that is longer than `hold`."),
    ] = None
    because: Annotated[_L | None, Field(description="Why it should hold for longer.")] = None
    failed_after: Annotated[
        Duration | None, Field(description="How long the bad version ran before it failed, as first seen.")
    ] = None
    hold_since_time: Annotated[Time | None, Field(description="Since when all criteria hold.")] = None
    flapping_time: Annotated[
        Time | None, Field(description="When a criterion had changed sides three times in 15 minutes, the last time.")
    ] = None
    criteria: Annotated[tuple[CriterionRecord, ...], Field(max_length=16, description="The effective criteria.")] = ()

    @property
    def needed(self) -> timedelta:
        """How long all must hold in fact: somebody's word is taken, though it is said that it is short (decisions 0.2)."""
        if self.at_least is None or (self.asked and self.flapping_time is None):
            return self.hold
        return max(self.hold, self.at_least)
