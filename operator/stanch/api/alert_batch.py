"""AlertBatch: notifications of alerts that were answered before they stood in their incidents. Only the operator writes it."""

from typing import Annotated, Final

from pydantic import Field

from stanch.api.meta import Model, ObjectName, Time

# 256 requests are taken in at once; all of one batch stay far below what etcd takes in one object.
NOTIFICATIONS_MAX: Final = 256
TOLD_MAX: Final = 65_536
BATCH_BYTES_MAX: Final = 262_144
PLACES_MAX: Final = 4


class Notification(Model):
    """What one request told of one group of alerts."""

    namespaces: Annotated[
        tuple[ObjectName, ...],
        Field(
            min_length=1,
            max_length=PLACES_MAX,
            description="Where its incident may be, the best first. The sender may create alerts in each.",
        ),
    ]
    told: Annotated[
        str, Field(max_length=TOLD_MAX, description="The group and its alerts as they were read, cut to size, as JSON.")
    ]


class AlertBatchSpec(Model):
    """Written once, never changed, and deleted when all of it stands in incidents."""

    received_time: Annotated[
        Time,
        Field(description="When they were told: an alert that began or ended since counts, whenever this is taken in."),
    ]
    notifications: Annotated[
        tuple[Notification, ...],
        Field(min_length=1, max_length=NOTIFICATIONS_MAX, description="In the order in which they came."),
    ]
