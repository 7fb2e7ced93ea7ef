"""
What is known of a group of alerts: statements joined, so that their order and number make no difference (ADR 27).

Retries, pairs of Alertmanagers and two replicas of ours say the same thing several times. An alert is its newest start and its
newest end; both only grow.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from stanch.api.alerts import ALERTS_MAX, OTHERS_MAX, STORM_KEY, Alert, AlertGroup
from stanch.core.alertmanager import Told

# An alert that was told to be over, and is told to fire with the same start later than this after its end, fires indeed: a
# Prometheus that was away takes it up again. Sooner it is a notification that came late.
LATE: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class State:
    """The newest start of an alert that was told, and its newest end. It fires while it began after it ended last."""

    start: datetime
    end: datetime | None

    @property
    def fires(self) -> bool:
        """Is it not over?"""
        return self.end is None or self.start > self.end

    @property
    def mark(self) -> str:
        """Start in seconds, and ! when it is over."""
        return f"{int(self.start.timestamp())}" + ("" if self.fires else "!")


def state_of(alert: Alert) -> State:
    """As it was told."""
    return State(alert.starts_time, alert.ends_time)


def read_mark(mark: str) -> tuple[str, State]:
    """Fingerprint and state of an alert that is kept without its words."""
    fingerprint, _, rest = mark.partition("@")
    start = datetime.fromtimestamp(int(rest.removesuffix("!")), UTC)
    return fingerprint, State(start, start if rest.endswith("!") else None)


def joined(known: State, told: State, now: datetime, late: timedelta | None = LATE) -> State:
    """
    Two statements about one alert. Of starts and of ends the newer counts, so that their order makes no difference: two
    Prometheus servers may tell starts that differ by seconds, and one end ends both.
    """
    if late and known.end and told.end is None and told.start <= known.end and now - known.end > late:
        return State(max(known.start, told.start), None)
    ends = [end for end in (known.end, told.end) if end is not None]
    joined = State(max(known.start, told.start), max(ends, default=None))
    return replace(joined, end=None) if joined.fires else joined


def merged(group: AlertGroup, told: Told, now: datetime) -> AlertGroup:
    """
    The group with what was told now. The same again, or in another order, gives the same states; nothing at all changes, the
    time neither, when nothing is new. ``others`` hold what has no room in ``alerts``; ``labels`` only ever get fewer. What was
    kept is judged as of when it was told: later it is no late notification that would be taken for one that fires again.
    """
    as_of = told.as_of(now)
    kept = {alert.fingerprint: alert for alert in group.alerts}
    others = dict(read_mark(mark) for mark in group.others or ())
    for alert in sorted(told.alerts, key=lambda each: (each.starts_time, each.fingerprint)):
        name = alert.fingerprint
        if name in kept:
            newer = joined(state_of(kept[name]), state_of(alert), as_of)
            base = alert if newer.start > kept[name].starts_time else kept[name]
            kept[name] = base.model_copy(update={"starts_time": newer.start, "ends_time": newer.end})
        elif name in others:
            # Of these no end is kept, so none can be long ago.
            others[name] = joined(others[name], state_of(alert), as_of, late=None)
        elif len(kept) < ALERTS_MAX:
            kept[name] = alert
        else:
            out = _less_telling(kept, alert)
            if out:
                others[out] = state_of(kept.pop(out))
                kept[name] = alert
            else:
                others[name] = state_of(alert)
    new = _with(group, told, now, tuple(kept.values()), others)
    labels = {name: value for name, value in (group.labels or {}).items() if told.labels.get(name) == value}
    # What a later alert of the group does not have is no label of the group: a filter with it would not find that alert.
    narrower = labels != (group.labels or {})
    return (
        new.model_copy(update={"labels": labels or None, "received_time": _newer(group, told, now)})
        if narrower
        else new
    )


def _less_telling(kept: Mapping[str, Alert], alert: Alert) -> str | None:
    """The one that gives way to an alert of a severity that none has, so that what makes it worse is not lost in the rest."""
    said = [each.severity for each in kept.values()]
    if alert.severity in said:
        return None
    return next((name for name, each in reversed(list(kept.items())) if said.count(each.severity) > 1), None)


def _newer(group: AlertGroup, told: Told, now: datetime) -> datetime:
    """When something was told last: what was kept is no newer than it is."""
    return max(group.received_time, told.received) if told.received else now


def _with(
    group: AlertGroup, told: Told, now: datetime, kept: tuple[Alert, ...], others: Mapping[str, State]
) -> AlertGroup:
    # Those that are over go first, for whether anything fires is what counts; then the oldest.
    ranked = sorted(others.items(), key=lambda each: (not each[1].fires, -each[1].start.timestamp(), each[0]))
    lost = max(0, sum(state.fires for _, state in ranked) - OTHERS_MAX)
    marks = tuple(sorted(f"{name}@{state.mark}" for name, state in ranked[:OTHERS_MAX]))
    # In a storm several groups are counted together, and the end of one is not that of the others.
    all_over = told.over and group.key != STORM_KEY
    more = 0 if all_over else max(group.more or 0, told.more, lost)
    if told.received and told.received < group.received_time:
        # How many there are besides was told since, and their number has no time of its own.
        more = max(group.more or 0, lost)
    new = group.model_copy(update={"alerts": kept, "others": marks or None, "more": more or None})
    return group if new == group else new.model_copy(update={"received_time": _newer(group, told, now)})


def marks_of(group: AlertGroup) -> Iterator[tuple[str, datetime, bool]]:
    """(fingerprint, start, does it fire?) of those that are kept without their words."""
    for mark in group.others or ():
        fingerprint, state = read_mark(mark)
        yield fingerprint, state.start, state.fires


def firing(group: AlertGroup) -> int:
    """How many fire, as far as is known."""
    others = sum(not mark.endswith("!") for mark in group.others or ())
    return sum(alert.ends_time is None for alert in group.alerts) + others + (group.more or 0)


def total(group: AlertGroup) -> int:
    """How many there were."""
    return len(group.alerts) + len(group.others or ()) + (group.more or 0)
