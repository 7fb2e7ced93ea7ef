"""
Alertmanager's webhook, version 4: what is said in it, checked and cut to size (facts/ecosystem.md 3.1).

All of it is other people's text. Nothing is named after a label, formatted with one, or looked up by one; what is kept is
cut, and characters that would act on a terminal are replaced.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from stanch.api.alerts import LABEL_MAX, LABEL_NAME_MAX, LABELS_MAX, TEXT_MAX, Alert
from stanch.core.draft import shorten
from stanch.core.reading import first_problem
from stanch.core.severity import burn_of, severity_of, slo_of

# What is asked of Alertmanager's `max_alerts`; a body of 1 MiB holds about as many.
ALERTS_TOLD_MAX: Final = 5000
_TEXT_TOLD_MAX: Final = 65_536
TITLE_MAX: Final = 200
SERVICE_MAX: Final = 63
# What a namespace may be called; a label that is none names none.
NAMESPACE_LABEL: Final = "namespace"
_Text = Annotated[str, Field(max_length=_TEXT_TOLD_MAX)]
# Labels that tell alerts of one group apart, most telling first.
_TELLING: Final = ("pod", "deployment", "statefulset", "daemonset", "job_name", "node", "instance", "service", "job")
_TITLES: Final = ("summary", "title", "message", "description")


# Kept notifications that were told within this time go into their incident together.
SAME_TIME: Final = timedelta(seconds=10)


class Garbage(ValueError):
    """It is no such payload. The message names the field, and what was expected there."""


class _Told(BaseModel):
    """As it is on the wire; fields that are not known are passed over, for every version adds some."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, extra="ignore")


class AlertTold(_Told):
    """One alert of the payload."""

    status: Literal["firing", "resolved"]
    labels: dict[_Text, _Text]
    annotations: dict[_Text, _Text] = Field(default_factory=dict)
    starts_at: AwareDatetime
    ends_at: AwareDatetime | None = None
    fingerprint: str = Field(pattern="^[0-9a-f]{1,32}$")


class Payload(_Told):
    """The whole of it."""

    version: Literal["4"]
    group_key: str = Field(min_length=1, max_length=_TEXT_TOLD_MAX)
    truncated_alerts: int = Field(default=0, ge=0, le=1_000_000)
    status: Literal["firing", "resolved"]
    group_labels: dict[_Text, _Text] = Field(default_factory=dict)
    common_annotations: dict[_Text, _Text] = Field(default_factory=dict)
    alerts: tuple[AlertTold, ...] = Field(min_length=1, max_length=ALERTS_TOLD_MAX)


@dataclass(frozen=True, slots=True)
class Told:
    """
    What one notification says of one group. ``key`` is a digest of Alertmanager's groupKey; ``more`` are alerts that it left
    out; ``over`` when it says that all of the group are resolved, and it left none out: it cuts first, and says then how those
    stand that are left (Alertmanager's notify/webhook). ``labels`` are those that all its alerts have.
    ``received`` is when it was told, of one that was kept since (core/alert_batches.py); None is now.
    """

    key: str
    alerts: tuple[Alert, ...]
    more: int
    over: bool
    labels: Mapping[str, str]
    title: str
    received: datetime | None = None

    def as_of(self, now: datetime) -> datetime:
        """Which time it speaks of."""
        return self.received or now

    @property
    def firing(self) -> tuple[Alert, ...]:
        """Those that fire."""
        return tuple(alert for alert in self.alerts if alert.ends_time is None)

    @property
    def service(self) -> str | None:
        """The service that all of them name, if they do."""
        said = self.labels.get("service") or self.labels.get("sloth_service")
        return shorten(said, SERVICE_MAX) if said else None


def key_of(group_key: str) -> str:
    """16 hex digits for a groupKey: a label value has room for 63 characters, and a groupKey is people's text."""
    return hashlib.sha256(group_key.encode("utf-8", errors="replace")).hexdigest()[:16]


def read(raw: bytes) -> Told:
    """What the body of a request says. Raises Garbage."""
    try:
        payload = Payload.model_validate_json(raw)
    except ValidationError as error:
        raise Garbage(_problem(error)) from None
    alerts = tuple(_alert(at, told) for at, told in enumerate(payload.alerts))
    labels = _common(told.labels for told in payload.alerts)
    return Told(
        key=key_of(payload.group_key),
        alerts=alerts,
        more=payload.truncated_alerts,
        over=payload.status == "resolved" and not payload.truncated_alerts,
        labels=labels,
        title=_title(labels, payload),
    )


def _problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return f"the body is not JSON: {first['msg']}"[:300]
    if first["loc"] == ("version",):
        return 'version: must be "4", the form of Alertmanager 0.7 and newer'
    return shorten(first_problem(error).removeprefix(": "), 300)


def _alert(at: int, told: AlertTold) -> Alert:
    starts = _in_this_century(told.starts_at)
    if starts is None:
        raise Garbage(f"alerts.{at}.startsAt: must be in this century (got {shorten(str(told.starts_at), 40)})")
    ends = None
    if told.status == "resolved":
        # Whatever it says, nothing is over before it began.
        ends = max(_in_this_century(told.ends_at) or starts, starts)
    labels = told.labels
    return Alert(
        fingerprint=told.fingerprint,
        starts_time=starts,
        ends_time=ends,
        name=_cut(labels.get("alertname"), TEXT_MAX),
        text=_cut(told.annotations.get("summary") or _telling(labels), TEXT_MAX),
        slo=_cut(slo_of(labels), 128),
        severity=_cut(severity_of(labels), 64),
        burn=burn_of(labels),
    )


def _in_this_century(moment: datetime | None) -> datetime | None:
    """In UTC and whole seconds; None for what no calendar can shift, or what stands for no time."""
    if moment is None or not 2000 < moment.year < 2099:
        return None
    return moment.astimezone(UTC).replace(microsecond=0)


def _cut(text: str | None, limit: int) -> str | None:
    return (shorten(text[: 4 * limit], limit) or None) if text else None


def _telling(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {labels[name]}" for name in _TELLING if labels.get(name))


def _common(told: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Labels that all have; counted here, for what a payload says of it may be anything."""
    each = iter(told)
    common = dict(next(each))
    for labels in each:
        common = {name: value for name, value in common.items() if labels.get(name) == value}
    kept = {name: value for name, value in sorted(common.items()) if _fits(name, LABEL_NAME_MAX)}
    # One that does not fit is left out: half a value is another value.
    return {name: value for name, value in list(kept.items())[:LABELS_MAX] if _fits(value, LABEL_MAX)}


def _fits(text: str, limit: int) -> bool:
    return 0 < len(text) <= limit and text.isprintable()


def _title(labels: Mapping[str, str], payload: Payload) -> str:
    name = labels.get("alertname") or f"{len(payload.alerts)} alerts"
    words = next((payload.common_annotations[key] for key in _TITLES if payload.common_annotations.get(key)), "")
    if not words:
        words = ", ".join(f"{k} {v}" for k, v in sorted(payload.group_labels.items()) if k != "alertname")
    return _cut(f"{name}: {words}" if words else name, TITLE_MAX) or "Alerts"


def joined(tolds: Iterable[Told]) -> Told:
    """
    Several notifications of one group as one; which came first makes no difference to what is so afterwards. Either all are told
    now, or all were kept, at about the same time (``may_join``).
    """
    every = list(tolds)
    last = every[-1]
    return Told(
        key=last.key,
        alerts=tuple(alert for told in every for alert in told.alerts),
        more=max(told.more for told in every),
        over=all(told.over for told in every),
        labels={k: v for k, v in last.labels.items() if all(told.labels.get(k) == v for told in every)},
        title=min(told.title for told in every),
        # Seconds make no difference to whether something fires again or is late.
        received=max((told.received for told in every if told.received), default=None),
    )


def may_join(one: Told, other: Told) -> bool:
    """Do they speak of the same time?"""
    if one.received is None or other.received is None:
        return one.received is other.received
    return abs(one.received - other.received) <= SAME_TIME


def earliest(alerts: Iterable[Alert]) -> datetime:
    """When the first of them began."""
    return min(alert.starts_time for alert in alerts)
