"""
Notifications as they are kept until they stand in their incidents: as text and back, in batches of bounded size (ADR 53).

What is read back is told again as of when it was told first, so it makes no difference how often that is done, nor how late.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from stanch.api.alert_batch import (
    BATCH_BYTES_MAX,
    NOTIFICATIONS_MAX,
    PLACES_MAX,
    TOLD_MAX,
    AlertBatchSpec,
    Notification,
)
from stanch.api.alerts import LABEL_MAX, LABELS_MAX, Alert
from stanch.api.names import API_VERSION, OPERATOR_NAMESPACE
from stanch.core.alertmanager import ALERTS_TOLD_MAX, TITLE_MAX, Told
from stanch.core.reading import first_problem

KIND: Final = "AlertBatch"


class Unreadable(ValueError):
    """It is no batch that this version can read. The message names the field."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One notification, and the namespaces in which its sender may have an incident made, the best first."""

    places: tuple[str, ...]
    told: Told


@dataclass(frozen=True, slots=True)
class Batch:
    """As it is stored; ``kept`` say when they were told."""

    name: str
    uid: str
    created: datetime
    kept: tuple[Kept, ...]


class _Told(BaseModel):
    """The text of one notification; bounded as what the receiver reads is."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    key: str = Field(pattern="^[0-9a-f]{16}$")
    alerts: tuple[Alert, ...] = Field(min_length=1, max_length=ALERTS_TOLD_MAX)
    more: int = Field(ge=0, le=1_000_000)
    over: bool
    labels: dict[str, str] = Field(max_length=LABELS_MAX)
    title: str = Field(min_length=1, max_length=TITLE_MAX)


def text_of(told: Told) -> str:
    """JSON without blanks, the same for the same."""
    found = {
        "key": told.key,
        "alerts": [alert.wire() for alert in told.alerts],
        "more": told.more,
        "over": told.over,
        "labels": dict(told.labels),
        "title": told.title,
    }
    return json.dumps(found, separators=(",", ":"), sort_keys=True)


def read_text(text: str, received: datetime) -> Told:
    """What ``text_of`` wrote, as of then. Raises Unreadable."""
    try:
        found = _Told.model_validate_json(text)
    except ValidationError as error:
        raise Unreadable(f"told: {first_problem(error).removeprefix(': ')}"[:300]) from None
    if any(len(value) > LABEL_MAX for value in found.labels.values()):
        raise Unreadable(f"told: a label has more than {LABEL_MAX} characters")
    return Told(found.key, found.alerts, found.more, found.over, found.labels, found.title, received)


def note_of(kept: Kept) -> Notification | None:
    """As it stands in a batch; None when there is no room for it: that is answered once its incident has it."""
    told = text_of(kept.told)
    if not 0 < len(kept.places) <= PLACES_MAX or len(told) > TOLD_MAX:
        return None
    return Notification(namespaces=kept.places, told=told)


def first_of(waiting: Sequence[Notification]) -> int:
    """How many of those that wait, from the first one on, go into one batch: one at least."""
    size = 0
    for count, note in enumerate(waiting[:NOTIFICATIONS_MAX]):
        size += len(note.told)
        if size > BATCH_BYTES_MAX and count:
            return count
    return min(len(waiting), NOTIFICATIONS_MAX)


def body_of(notes: Sequence[Notification], received: datetime) -> dict[str, Any]:
    """The object to be created. It is named after what is in it: created twice it is one."""
    spec = AlertBatchSpec(received_time=received, notifications=tuple(notes)).wire()
    digest = hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:32]
    metadata = {"name": f"alerts-{digest}", "namespace": OPERATOR_NAMESPACE}
    return {"apiVersion": API_VERSION, "kind": KIND, "metadata": metadata, "spec": spec}


def read_batch(body: Mapping[str, Any]) -> Batch:
    """From an AlertBatch as the API server has it. Raises Unreadable."""
    meta = body["metadata"]
    try:
        spec = AlertBatchSpec.model_validate(body.get("spec"))
    except ValidationError as error:
        raise Unreadable(f"spec.{first_problem(error)}"[:300]) from None
    kept = tuple(Kept(each.namespaces, read_text(each.told, spec.received_time)) for each in spec.notifications)
    return Batch(meta["name"], meta["uid"], datetime.fromisoformat(meta["creationTimestamp"]), kept)
