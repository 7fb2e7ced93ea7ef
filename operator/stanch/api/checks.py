"""What a recovery criterion can ask: one small model a kind. Which one is set, api/incident.py's Criterion says."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from stanch.api.meta import Model, Name

QUERY_MAX = 1024


class Available(Model):
    """The target serves: its newest state is observed and enough of its pods are available."""

    min_percent: Annotated[
        int | None,
        Field(ge=1, le=100, description="Share of the wanted replicas that must be available; 100 by default."),
    ] = None


class NoRestarts(Model):
    """No container of the target's running pods restarted."""


class AlertsResolved(Model):
    """No alert of the group that made the incident fires any more; where none made it, nobody can say."""


class PromQL(Model):
    """
    What Prometheus measures, asked at the Prometheus of the cluster's ResponsePolicy (prometheus.url).

    The comparison stands in the query: every series it measures must pass. No data is never a pass.
    """

    query: Annotated[
        str,
        Field(
            min_length=1,
            max_length=QUERY_MAX,
            description="An instant query with one comparison at its top, such as `payments_queue_depth < 100`; or one whose "
            "values are 1 for good and 0 for bad. Every series must pass; no data, NaN and stale samples prove nothing.",
        ),
    ]


class Http(Model):
    """An endpoint of the cluster's ResponsePolicy answers as it should; no redirect is followed."""

    endpoint: Annotated[Name, Field(description="Name of one of the endpoints of the cluster's ResponsePolicy.")]
    status: Annotated[
        int | None, Field(ge=100, le=599, description="Status code that it must answer with; 200 when left out.")
    ] = None


class ObjectCondition(Model):
    """A condition of the target says so, about its newest generation."""

    type: Annotated[
        str,
        Field(
            min_length=1,
            max_length=128,
            pattern="^[A-Za-z0-9]([-A-Za-z0-9_./]*[A-Za-z0-9])?$",
            description="Type of the condition, for example Ready.",
        ),
    ]
    status: Annotated[
        str | None,
        Field(
            max_length=5,
            pattern="^(True|False)$",
            description='What it must be, in quotes: "True" (when left out) or "False".',
        ),
    ] = None


class Manual(Model):
    """A person says so, with a `confirm` or a `resolve` entry."""


class Gate(StrEnum):
    """Which state a criterion is needed for."""

    MITIGATED = "Mitigated"
    RESOLVED = "Resolved"
