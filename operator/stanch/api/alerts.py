"""Alerts in an Incident: what the receiver stores of a group of alerts, and signals that people write down themselves."""

from typing import Annotated, Final

from pydantic import Field

from stanch.api.meta import Counter, Duration, Model, Time, WishName

# Kept whole; of the others only which they are (decisions 2.14). All of it travels in every watch event: 16 alerts of at
# most 800 bytes and 256 marks of 30 stay below 24 kB.
ALERTS_MAX: Final = 16
OTHERS_MAX: Final = 256
LABELS_MAX: Final = 32
LABEL_NAME_MAX: Final = 128
LABEL_MAX: Final = 256
TEXT_MAX: Final = 160
# Objectives that are looked up in Prometheus.
MEASURED_MAX: Final = 4
# Of an incident that takes in the groups for which there was no room.
STORM_KEY: Final = "storm"


class Burn(Model):
    """How fast an error budget burns, over one window."""

    window: Annotated[Duration, Field(description="Over how long, for example 1h.")]
    factor: Annotated[
        str, Field(max_length=16, pattern="^[0-9]{1,5}(\\.[0-9]{1,3})?$", description='Burn rate, in quotes: "14.4".')
    ]


_BURNS = Annotated[
    tuple[Burn, ...] | None,
    Field(max_length=4, description="Burn rates, each over its window; a severity needs a long and a short one."),
]
_SLO = Annotated[str | None, Field(max_length=128, description="The objective it is about.")]
_SEVERITY = Annotated[
    str | None, Field(max_length=64, description="Severity as the alert's label has it, for example critical.")
]


class Signal(Model):
    """Something that was measured, written down by a person or a program: it counts for the severity."""

    name: Annotated[WishName, Field(description="Your name for it.")]
    slo: _SLO = None
    severity: _SEVERITY = None
    burn: _BURNS = None


class Measured(Model):
    """Two burn rates of one objective that pass a rule together, as Prometheus had them when they last did."""

    slo: Annotated[str, Field(max_length=128, description="The objective.")]
    burn: Annotated[tuple[Burn, ...], Field(max_length=2, description="The rates, of the long window first.")]


class Alert(Model):
    """One alert of the group. Its text is other people's: it is shown, and nothing is named after it."""

    fingerprint: Annotated[
        str, Field(max_length=32, pattern="^[0-9a-f]{1,32}$", description="Alertmanager's name for its labels.")
    ]
    starts_time: Annotated[Time, Field(description="When it began to fire.")]
    ends_time: Annotated[Time | None, Field(description="When it was over; left out while it fires.")] = None
    name: Annotated[str | None, Field(max_length=TEXT_MAX, description="Its label alertname.")] = None
    text: Annotated[str | None, Field(max_length=TEXT_MAX, description="Its summary, or what tells it apart.")] = None
    slo: _SLO = None
    severity: _SEVERITY = None
    burn: _BURNS = None


class AlertGroup(Model):
    """A group of alerts, as it was told last. Only the operator writes it, for criteria and a reopening rest on it."""

    key: Annotated[
        str,
        Field(
            max_length=16, pattern="^([0-9a-f]{16}|storm)$", description="Which group: a digest, or storm for several."
        ),
    ]
    labels: Annotated[
        dict[str, Annotated[str, Field(max_length=LABEL_MAX)]] | None,
        Field(
            max_length=LABELS_MAX,
            description="Labels that all alerts have that were told of it; never more than at first.",
        ),
    ] = None
    alerts: Annotated[
        tuple[Alert, ...],
        Field(
            max_length=ALERTS_MAX,
            description="At most 16 of them; the rest is counted.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["fingerprint"]},
        ),
    ] = ()
    others: Annotated[
        tuple[Annotated[str, Field(max_length=48, pattern="^[0-9a-f]{1,32}@[0-9]{1,11}!?$")], ...] | None,
        Field(
            max_length=OTHERS_MAX,
            description="The rest, each as fingerprint@start in seconds; with ! at the end when it is over.",
        ),
    ] = None
    more: Annotated[Counter | None, Field(description="So many were told besides, of which nothing else is kept.")] = (
        None
    )
    recurrence_of: Annotated[
        str | None, Field(max_length=253, description="Incident of the same group before it, if that was not long ago.")
    ] = None
    tied: Annotated[
        tuple[Annotated[str, Field(max_length=253)], ...] | None,
        Field(
            max_length=8, description="Runbooks that were for these alerts with the same rank: none of them was taken."
        ),
    ] = None
    received_time: Annotated[Time, Field(description="When something new was told of it.")]
    reopen_time: Annotated[
        Time | None, Field(description="When something of it fired anew after the incident was resolved.")
    ] = None
