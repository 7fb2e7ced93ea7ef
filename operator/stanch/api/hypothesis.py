"""Hypothesis: a guess at what is going on, with a time-box. The same words in an Incident and in an entry."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from stanch.api.meta import Duration, Model, Text, WishName


class HypothesisState(StrEnum):
    """How a hypothesis stands."""

    OPEN = "Open"
    LEADING = "Leading"
    CONFIRMED = "Confirmed"
    REJECTED = "Rejected"


class Hypothesis(Model):
    """A time-boxed guess at what is going on."""

    name: Annotated[WishName, Field(description="Your name for it.")]
    statement: Annotated[Text, Field(description="What you think is so.")]
    state: Annotated[HypothesisState | None, Field(description="Open, Leading, Confirmed or Rejected.")] = None
    time_box: Annotated[Duration | None, Field(description="How long to pursue it.")] = None
    or_else: Annotated[Text | None, Field(description="What to do when the time is over.")] = None
