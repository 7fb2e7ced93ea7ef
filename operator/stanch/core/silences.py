"""
Silences that an incident owns: short, renewed while somebody is at it, and taken off when it is over (ecosystem.md 3.2).

What is silenced tells nobody of its end, us neither: so whoever silences asks Alertmanager how the alerts stand. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.alerts import STORM_KEY, Alert, AlertGroup
from stanch.api.incident import Incident
from stanch.api.meta import instant
from stanch.api.names import Label
from stanch.core.alert_states import marks_of
from stanch.core.alertmanager import NAMESPACE_LABEL, Told

CREATED_BY: Final = "stanch"
# When stanch is away, alerts are heard again after this at the latest.
LASTS: Final = timedelta(minutes=15)
RENEW_AT: Final = timedelta(minutes=8)
# Alertmanager keeps alerts in memory: after its start it takes a while until it is told of all again.
SETTLED: Final = timedelta(minutes=5)
# Without it a silence would be about everything that a team has.
MUST_HAVE: Final = "alertname"
_MARK: Final = "stanch incident "


def mark_of(uid: str) -> str:
    """How the comment of an incident's silence begins."""
    return f"{_MARK}{uid}:"


@dataclass(frozen=True, slots=True)
class Wanted:
    """One silence that should be: whose, and for which labels, all of which must be equal."""

    namespace: str
    incident: str
    uid: str
    group: AlertGroup
    labels: Mapping[str, str]

    @property
    def mark(self) -> str:
        """How it is known again: it begins the comment."""
        return mark_of(self.uid)

    def body(self, now: datetime, known: str | None) -> dict[str, Any]:
        """What is posted; with ``known``, its id, it is renewed."""
        matchers = [
            {"name": name, "value": value, "isRegex": False, "isEqual": True}
            for name, value in sorted(self.labels.items())
        ]
        silence: dict[str, Any] = {
            "matchers": matchers,
            "startsAt": instant(now),
            "endsAt": instant(now + LASTS),
            "createdBy": CREATED_BY,
            "comment": f"{self.mark} {self.namespace}/{self.incident} is being worked on; ends with it",
        }
        return silence | ({"id": known} if known else {})

    @property
    def filters(self) -> tuple[str, ...]:
        """Matchers as Alertmanager's API takes them in a query."""
        return tuple(f"{name}={_quoted(value)}" for name, value in sorted(self.labels.items()))


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def wanted(incident: Incident, platform: str) -> Wanted | None:
    """
    The silence that an incident of alerts should have: while it is open and somebody took it on, or something was tried.

    Its labels are all that its alerts have in common, alertname among them: a wider silence would hide what nobody looks at.
    They name its own namespace, unless that is the ``platform``'s: nobody there may silence what others hear.
    """
    meta, spec, status = incident.metadata, incident.spec, incident.status
    group, times = spec.alert_group, status.times
    if Label.ALERT_GROUP not in meta.labels or group is None or group.key == STORM_KEY or spec.drill or times is None:
        return None
    if times.resolved or times.cancelled or times.closed or MUST_HAVE not in (group.labels or {}):
        return None
    if meta.namespace != platform and (group.labels or {}).get(NAMESPACE_LABEL) != meta.namespace:
        return None
    at_it = times.acknowledged is not None or any(record.attempts for record in status.mitigations or ())
    return Wanted(meta.namespace, meta.name, meta.uid, group, group.labels or {}) if at_it else None


@dataclass(frozen=True, slots=True)
class Steps:
    """What to do at Alertmanager: bodies to post, and ids to delete."""

    post: tuple[dict[str, Any], ...] = ()
    delete: tuple[str, ...] = ()


def steps(wishes: Iterable[Wanted], known: Iterable[str], there: Iterable[Mapping[str, Any]], now: datetime) -> Steps:
    """
    From what should be and what is to what to do. Only what carries the mark of an incident that is ``known`` (uids) is
    renewed or deleted: another cluster may use the same Alertmanager. Of others the end comes by itself.
    """
    marks = tuple(map(mark_of, known))
    mine = [s for s in there if _is_ours(s) and str(s["comment"]).startswith(marks)]
    kept: set[str] = set()
    post = []
    for wish in wishes:
        found = next((s for s in mine if str(s["comment"]).startswith(wish.mark)), None)
        if found is not None:
            kept.add(str(found["id"]))
        if found is None or datetime.fromisoformat(str(found["endsAt"])) - now < RENEW_AT:
            post.append(wish.body(now, str(found["id"]) if found else None))
    return Steps(tuple(post), tuple(str(s["id"]) for s in mine if str(s["id"]) not in kept))


def _is_ours(silence: Mapping[str, Any]) -> bool:
    state = (silence.get("status") or {}).get("state")
    said = str(silence.get("comment") or "")
    return silence.get("createdBy") == CREATED_BY and said.startswith(_MARK) and state in ("active", "pending")


def heard(wish: Wanted, alerts: Iterable[Mapping[str, Any]], up_since: datetime, now: datetime) -> Told | None:
    """
    How the alerts of a silenced group stand, as if Alertmanager had told it: of those it does not have any more, that they are
    over. None when nothing is new, or while it may not have been told of all yet.
    """
    if now - up_since < SETTLED:
        return None
    fires = {str(a.get("fingerprint")) for a in alerts}
    gone = [
        Alert(fingerprint=fingerprint, starts_time=start, ends_time=max(start, now))
        for fingerprint, start in _firing(wish.group)
        if fingerprint not in fires
    ]
    if not gone:
        return None
    return Told(wish.group.key, tuple(gone), 0, not fires, wish.labels, wish.incident)


def _firing(group: AlertGroup) -> Iterable[tuple[str, datetime]]:
    yield from ((a.fingerprint, a.starts_time) for a in group.alerts if a.ends_time is None)
    yield from ((name, start) for name, start, fires in marks_of(group) if fires)
