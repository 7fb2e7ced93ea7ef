"""
What becomes of a notification, given the incidents of its group: one open incident a group, and nothing is dropped.

Retries, pairs of Alertmanagers and two replicas of ours say the same thing several times, in any order. So what is known of
an alert is joined, not counted, names are worked out from what is told, and a group that is known finds its incident
(decisions 2.14).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pydantic import ValidationError

from stanch.api.alerts import STORM_KEY, Alert, AlertGroup
from stanch.api.names import Label
from stanch.core.alert_states import joined, marks_of, merged, read_mark, state_of
from stanch.core.alertmanager import Told, earliest
from stanch.core.runbook_match import Choice

# More open incidents of alerts than this in a namespace, and further groups join one that stands for the storm.
OPEN_MAX: Final = 20
# Times of a status that say that it is over; a write of alerts tests them.
OVER: Final = ("resolved", "cancelled", "closed")
# Incidents of one group that began in one minute.
NAMES_MAX: Final = 50
TIED_MAX: Final = 8
NO_RUNBOOK: Final = Choice(None, (), "")


# --- the incidents of a group ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Known:
    """
    An incident that alerts made, as it is stored. ``ended``: closed or cancelled, and nothing opens it again.

    ``still`` are tests of a JSON Patch, path and value, that pass as long as it is no more and no less over than it was.
    """

    namespace: str
    name: str
    uid: str
    generation: int
    created: datetime
    group: AlertGroup
    resolved: datetime | None = None
    ended: datetime | None = None
    still: tuple[tuple[str, str | None], ...] = ()

    @property
    def over(self) -> datetime | None:
        """When it was over; None while it is open."""
        return self.ended or self.resolved


def read_known(body: Mapping[str, Any]) -> Known | None:
    """From an Incident as the API server has it; None when alerts did not make it, or it can't be read."""
    meta, spec = body["metadata"], body.get("spec") or {}
    times = (body.get("status") or {}).get("times") or {}
    closed = times.get("closed") or times.get("cancelled")
    if closed is None and (Label.CLOSED in (meta.get("labels") or {}) or meta.get("deletionTimestamp")):
        closed = meta.get("deletionTimestamp") or meta["creationTimestamp"]
    try:
        return Known(
            namespace=meta["namespace"],
            name=meta["name"],
            uid=meta["uid"],
            generation=meta.get("generation", 1),
            created=datetime.fromisoformat(meta["creationTimestamp"]),
            group=AlertGroup.model_validate(spec.get("alertGroup")),
            resolved=_time(times.get("resolved")),
            ended=_time(closed),
            still=_still(body.get("status")),
        )
    except ValidationError:
        return None


def _still(status: Mapping[str, Any] | None) -> tuple[tuple[str, str | None], ...]:
    """A test of null passes while the field is absent, if its parent is there (facts/mitigations.md 1)."""
    if status is None:
        return (("/status", None),)
    times = status.get("times")
    if times is None:
        return (("/status/times", None),)
    return tuple((f"/status/times/{name}", times.get(name)) for name in OVER)


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


# --- what to do ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attach:
    """Write what was told into this incident; ``group`` is how it is to stand there then."""

    known: Known
    group: AlertGroup
    why: str

    @property
    def changes(self) -> bool:
        """Is there anything to write?"""
        return self.group != self.known.group


@dataclass(frozen=True, slots=True)
class Create:
    """Make an incident. Of ``names`` the first that is free, or whose incident takes it in."""

    names: tuple[str, ...]
    group: AlertGroup


@dataclass(frozen=True, slots=True)
class Nothing:
    """There is nothing to store, because."""

    why: str


Decision = Attach | Create | Nothing


@dataclass(frozen=True, slots=True)
class Rules:
    """Of the namespace: what makes an incident, how long one is reopened, and for how long the same again is a recurrence."""

    alerts: int
    within: timedelta
    reopen_within: timedelta
    recurrence_within: timedelta = timedelta(days=30)


def decide(told: Told, known: Sequence[Known], rules: Rules, now: datetime) -> Decision:
    """
    ``known`` are the incidents of this group, and those that stand for a storm. The oldest open one takes it; else one that
    was resolved lately; else, when something fires that none of them has seen, a new one.
    """
    mine = [each for each in known if each.group.key == told.key]
    storms = [each for each in known if each.group.key == STORM_KEY and _has_some(each.group, told)]
    for each in sorted((*mine, *storms), key=lambda one: (one.group.key == STORM_KEY, one.created, one.name)):
        if each.over is None:
            return Attach(each, merged(each.group, told, now), "open")
    fresh = [alert for alert in told.firing if all(_is_new(alert, each, told.as_of(now)) for each in (*mine, *storms))]
    last = resolved_last((*mine, *storms))
    if last and last.resolved and now - last.resolved <= rules.reopen_within:
        return _reopen(last, told, fresh, now)
    if not told.firing:
        nothing = Nothing("nothing fires, and no open incident is about it")
        return Attach(last, merged(last.group, told, now), "resolved") if last else nothing
    if not fresh:
        return Nothing("what fires was there before its incident was closed")
    if not _enough(told, fresh, rules):
        return Nothing(f"fewer than {rules.alerts} alerts began within {int(rules.within.total_seconds())}s")
    told = replace(told, alerts=tuple(fresh))
    new = _empty(told.key, told.labels, told.as_of(now)).model_copy(update={"recurrence_of": _before(mine, rules, now)})
    return Create(names_of(told), merged(new, told, now))


def resolved_last(known: Iterable[Known]) -> Known | None:
    """The one that was resolved last and is neither closed nor cancelled: it hears the end of its alerts, however late."""
    found = [(k.resolved, k.name, k) for k in known if k.ended is None and k.resolved]
    return max(found, key=lambda each: each[:2])[2] if found else None


def concerns(known: Known, told: Told, reopen_within: timedelta, now: datetime) -> bool:
    """Is it for this incident, wherever its labels point by now? It is open, may be opened again, or nothing of it is news."""
    if known.over is None or now - known.over <= reopen_within:
        return True
    return not any(_is_new(alert, known, told.as_of(now)) for alert in told.firing)


def _reopen(known: Known, told: Told, fresh: Sequence[Alert], now: datetime) -> Attach:
    group = merged(known.group, told, now)
    if not fresh:
        return Attach(known, group, "resolved")
    return Attach(known, group.model_copy(update={"reopen_time": now}), "reopened")


def _before(mine: Sequence[Known], rules: Rules, now: datetime) -> str | None:
    """The incident of the group that was over last, if that makes this one the same again."""
    lately = [(each.over, each.name) for each in mine if each.over and now - each.over <= rules.recurrence_within]
    return max(lately)[1] if lately else None


def _enough(told: Told, fresh: Sequence[Alert], rules: Rules) -> bool:
    starts = sorted(alert.starts_time for alert in fresh)
    needed = max(1, rules.alerts - told.more)
    return any(later - first <= rules.within for first, later in zip(starts, starts[needed - 1 :], strict=False))


def _has_some(group: AlertGroup, told: Told) -> bool:
    """Does a storm know one of these alerts?"""
    known = {alert.fingerprint for alert in group.alerts} | {mark.partition("@")[0] for mark in group.others or ()}
    return any(alert.fingerprint in known for alert in told.alerts)


def _is_new(alert: Alert, known: Known, now: datetime) -> bool:
    """Is this not what an incident that is over has seen already? A repeated notification must not bring it back."""
    if known.over is None or alert.starts_time > known.over:
        return True
    states = {each.fingerprint: state_of(each) for each in known.group.alerts}
    states |= dict(read_mark(mark) for mark in known.group.others or ())
    state = states.get(alert.fingerprint)
    if state is None:
        # Was it told and not kept? Not if it began after the last word that is kept.
        return not known.group.more or alert.starts_time > known.group.received_time
    # What fired when a person ended it is no news while it goes on.
    return not state.fires and joined(state, state_of(alert), now).fires


def _empty(key: str, labels: Mapping[str, str], now: datetime) -> AlertGroup:
    return AlertGroup(key=key, labels=dict(labels) or None, received_time=now)


def names_of(told: Told) -> tuple[str, ...]:
    """Names of its incident: the same for whoever is told the same; several, for one may be taken by one that is over."""
    first = f"inc-{told.key[:8]}-{earliest(told.alerts):%Y%m%d-%H%M}"
    return (first, *(f"{first}-{number}" for number in range(2, NAMES_MAX + 1)))


def storm(told: Told, known: Sequence[Known], now: datetime) -> Attach | Create:
    """For a group that finds no room: into the open incident that stands for the storm, or into a new one of this hour."""
    storms = sorted(
        (k for k in known if k.group.key == STORM_KEY and k.over is None), key=lambda k: (k.created, k.name)
    )
    if storms:
        return Attach(storms[0], merged(storms[0].group, told, now), "storm")
    first = f"inc-storm-{now.astimezone(UTC):%Y%m%d-%H}"
    names = (first, *(f"{first}-{number}" for number in range(2, NAMES_MAX + 1)))
    return Create(names, merged(_empty(STORM_KEY, {}, told.as_of(now)), told, now))


def told_again(known: Known) -> Told:
    """What an incident knows of its group, as if it was told now: for the other one of two, which stays."""
    marks = (
        Alert(fingerprint=f, starts_time=start, ends_time=None if fires else start)
        for f, start, fires in marks_of(known.group)
    )
    return Told(
        known.group.key, (*known.group.alerts, *marks), known.group.more or 0, False, known.group.labels or {}, ""
    )


def body_of(decision: Create, name: str, namespace: str, told: Told, choice: Choice = NO_RUNBOOK) -> dict[str, Any]:
    """The Incident to be created: no wish of its own in it, and nothing named after a label. Ties are listed, not decided."""
    is_storm = decision.group.key == STORM_KEY
    title = f"More than {OPEN_MAX} groups of alerts at once" if is_storm else told.title
    tied = tuple(each.metadata.name for each in choice.tied[:TIED_MAX]) or None
    group = decision.group.model_copy(update={"tied": tied})
    spec: dict[str, Any] = {"title": title, "detectedBy": "Monitoring", "alertGroup": group.wire()}
    if choice.chosen is not None:
        spec["runbook"] = {"name": choice.chosen.metadata.name}
        if account := choice.chosen.spec.service_account_name:
            # Alerts have no rights: those of the account that its writer may use count.
            spec["serviceAccountName"] = account
    if not is_storm and told.service:
        spec["service"] = told.service
    return {
        "apiVersion": "stanch.dev/v1alpha1",
        "kind": "Incident",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {Label.ALERT_GROUP: decision.group.key},
        },
        "spec": spec,
    }


def patch_of(decision: Attach) -> list[dict[str, Any]]:
    """
    JSON Patch that writes it, unless the spec is another by now, or the incident is over, or open again: what was decided
    rests on that. Whatever else is written into its status meanwhile is no matter.
    """
    known = decision.known
    return [
        {"op": "test", "path": "/metadata/uid", "value": known.uid},
        {"op": "test", "path": "/metadata/generation", "value": known.generation},
        *({"op": "test", "path": path, "value": value} for path, value in known.still),
        {"op": "add", "path": "/spec/alertGroup", "value": decision.group.wire()},
    ]
