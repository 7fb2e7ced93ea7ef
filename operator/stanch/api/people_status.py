"""The part of Incident.status that people say and nothing measures: impact, hypotheses, hand-offs, sign-offs."""

from typing import Annotated, Final

from pydantic import Field

from stanch.api.hypothesis import HypothesisState
from stanch.api.impact import Impact
from stanch.api.meta import Counter, Duration, Model, Time

_S = Annotated[str, Field(max_length=320)]
_TOLD = Annotated[str, Field(max_length=600)]
# Some of each kind, and of some one a person.
NUDGES_MAX: Final = 24
_USER = Annotated[str, Field(max_length=512)]


class ImpactRecord(Model):
    """The impact in force. ``specSeen`` is what the spec said when it was last taken in: saying it again changes nothing."""

    value: Annotated[Impact, Field(description="Field by field, what was said last.")]
    source: Annotated[_S, Field(description="Spec or Entry/<name>: who said some of it last.")]
    since_time: Annotated[Time, Field(description="Since when.")]
    spec_seen: Annotated[Impact | None, Field(description="The spec's impact when it was last taken in.")] = None


class HypothesisRecord(Model):
    """One guess as it stands."""

    name: Annotated[_S, Field(description="Its name.")]
    statement: Annotated[_S, Field(description="What somebody thinks is so; the full text stays where it was said.")]
    state: Annotated[HypothesisState, Field(description="Open, Leading, Confirmed or Rejected.")]
    time_box: Annotated[Duration | None, Field(description="How long to pursue it.")] = None
    or_else: Annotated[_S | None, Field(description="What to do when the time is over.")] = None
    box_over: Annotated[bool | None, Field(description="True once it was said that its time is over.")] = None
    source: Annotated[_S, Field(description="Spec or Entry/<name>: who said it last.")]
    since_time: Annotated[Time, Field(description="When it was said.")]


class HandoffRecord(Model):
    """A hat that is offered and not yet accepted; it stays where it is until then."""

    role: Annotated[_S, Field(description="Which hat.")]
    to: Annotated[_USER, Field(description="Who is to wear it; only they can accept.")]
    by: Annotated[_USER, Field(description="Who handed it over.")]
    entry: Annotated[_S, Field(description="The TimelineEntry with the summary; `accept` names it.")]
    since_time: Annotated[Time, Field(description="Since when it waits.")]


class NudgeRecord(Model):
    """Something that people were reminded of, while it is so; so that it is said so often and no more."""

    kind: Annotated[_S, Field(description="RoleMissing, SplitRoles, HandoffDue …: the kind of its lines.")]
    about: Annotated[_S | None, Field(description="Who or what it is about, where there can be several.")] = None
    since_time: Annotated[Time, Field(description="What its times are counted from.")]
    said: Annotated[Counter, Field(description="How many of its times have passed, each said once at most.")]


class HandoffDraft(Model):
    """What whoever takes over must know, from the record: change what is not so, and write it into a handoff entry."""

    impact: Annotated[_TOLD, Field(description="Who is hurt now, and how badly.")]
    tried: Annotated[_TOLD, Field(description="What was tried, and what came of it.")]
    hypotheses: Annotated[_TOLD, Field(description="What leads, what is open, what was confirmed or rejected.")]
    next: Annotated[_TOLD, Field(description="What waits for somebody, what is owed, what is due.")]
    next_update_time: Annotated[Time | None, Field(description="When the next update was promised.")] = None


class SignOffRecord(Model):
    """Somebody who stands by the postmortem."""

    by: Annotated[_USER, Field(description="Who; not an author at that time.")]
    time: Annotated[Time, Field(description="When.")]
    entry: Annotated[_S, Field(description="The TimelineEntry that says so.")]
    generation: Annotated[Counter, Field(description="Generation of the Postmortem that was read.")] = 0
    digest: Annotated[
        _S | None, Field(description="SHA-256 of the text that was read; a changed text is to be signed off anew.")
    ] = None
