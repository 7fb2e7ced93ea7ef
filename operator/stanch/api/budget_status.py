"""Incident.status.errorBudget: what an incident cost the error budgets of its service, as Prometheus recorded it."""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from stanch.api.meta import Counter, Duration, Model, Time

# The dearest; a service has an objective or two.
CHARGES_MAX: Final = 4
_USED_PATTERN: Final = "^[0-9]{1,7}(\\.[0-9]{1,2})?$"


class BudgetState(StrEnum):
    """How far it is known."""

    KNOWN = "Known"
    AT_LEAST = "AtLeast"
    UNKNOWN = "Unknown"


class BudgetCharge(Model):
    """What went of one budget while the incident lasted."""

    slo: Annotated[str, Field(max_length=128, description="The objective.")]
    state: Annotated[BudgetState, Field(description="Known, AtLeast (part of the time was not recorded) or Unknown.")]
    used: Annotated[
        str | None,
        Field(
            max_length=16,
            pattern=_USED_PATTERN,
            description='In percent of what one period has, in quotes: "31.4". Left out while it is not known.',
        ),
    ] = None
    period: Annotated[Duration | None, Field(description="The period of the budget, for example 720h.")] = None
    message: Annotated[str | None, Field(max_length=320, description="What is not known, and why.")] = None


class BudgetRecord(Model):
    """Asked for when it is resolved, and again for some hours while it is not known."""

    state: Annotated[BudgetState, Field(description="Known, AtLeast or Unknown: of the dearest.")]
    asked_time: Annotated[Time, Field(description="When Prometheus was asked last.")]
    from_time: Annotated[Time, Field(description="Since when it is charged: when harm began, else was noticed.")]
    to_time: Annotated[Time, Field(description="Until when: when it was resolved.")]
    charges: Annotated[
        tuple[BudgetCharge, ...] | None, Field(max_length=CHARGES_MAX, description="By objective, the dearest first.")
    ] = None
    message: Annotated[str | None, Field(max_length=320, description="Why nothing is known.")] = None
    looks: Annotated[Counter, Field(description="How often Prometheus was asked since it was resolved.")] = 1
