"""Who or what set each of status.times, and what it was before that."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from stanch.api.meta import Model, Time

_S = Annotated[str, Field(max_length=320)]
_USER = Annotated[str, Field(max_length=512)]
# Of each; older ones stay as lines of the timeline, of which none is dropped.
BEFORE_MAX: Final = 6


class Stamped(StrEnum):
    """The times of an incident that tell how it went; each is a field of status.times."""

    STARTED = "started"
    DETECTED = "detected"
    DECLARED = "declared"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"


class Setting(Model):
    """One value that a time had."""

    time: Annotated[Time | None, Field(description="The time; left out while it is not so any more.")] = None
    by: Annotated[_USER, Field(description="Who set it: a person, Alertmanager, or stanch.")]
    source: Annotated[
        _S, Field(description="Spec, Entry/<name>, Alerts, Recovery (the criteria say so), Word or Override.")
    ]
    set_time: Annotated[Time, Field(description="When it was set.")]


class StampRecord(Setting):
    """A time as it stands; what it was before is kept."""

    what: Annotated[Stamped, Field(description="Which field of status.times.")]
    before: Annotated[
        tuple[Setting, ...] | None,
        Field(max_length=BEFORE_MAX, description="What it was before, newest last; corrections and relapses."),
    ] = None
