"""
From records to numbers (ecosystem.md 3.12): what changed with a write is counted, what is so now is looked up when asked.

Counted by the replica that writes; told of what is so now only by the one that works, so that a sum over replicas is right.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from stanch.api.incident import Incident
from stanch.api.incident_status import Attempt, Effect, IncidentStatus, MitigationRecord, WishState
from stanch.api.meta import Severity
from stanch.api.names import SERVICE_ACCOUNT_PREFIX, ConditionType, Label
from stanch.api.outbox_status import DeliveryState
from stanch.core.census import OPEN, RUNBOOK
from stanch.core.invariants import LAWS
from stanch.core.nudges import KINDS as NUDGES
from stanch.core.questions import ACTION_ITEMS, INCIDENTS
from stanch.core.review import AGAIN_WITHIN
from stanch.shell import metrics
from stanch.shell.cache import Cache
from stanch.shell.measures_learning import Families, Lessons, is_done, learning

# A promise that is kept within this is kept (decisions 2.10).
GRACE: Final = timedelta(seconds=60)
# What wakes people (decisions 2.4).
PAGING: Final = (Severity.SEV1, Severity.SEV2)
_EVER: Final = datetime(2000, 1, 1, tzinfo=UTC)
LOG = logging.getLogger("stanch.measures")


# --- what changed ----------------------------------------------------------------------------------------------------


def count(before: Incident, after: IncidentStatus) -> None:
    """Count what a write of ``after`` over ``before`` brought. A drill is nobody's incident."""
    try:
        if not before.spec.drill:
            _count(before, after)
    except Exception:  # what can't be counted must not hold up what is done
        LOG.exception("can't be counted", extra={"incident": before.key})


def _count(before: Incident, after: IncidentStatus) -> None:
    severity = after.severity.level.value if after.severity else "unknown"
    _times(before, after, severity)
    if (worst := _worst(after)) in PAGING and _worst(before.status) not in PAGING:
        metrics.PAGES.labels(str(worst)).inc()
    known = {r.name: r for r in before.status.mitigations or ()}
    for record in after.mitigations or ():
        _mitigation(known.get(record.name), record)
    had = {e.name for e in before.status.evidence or () if e.stored}
    metrics.EVIDENCE_STORED.inc(sum(e.bytes for e in after.evidence or () if e.stored and e.name not in had))
    for channel, lost in _lost(before.status, after):
        metrics.NOTIFICATIONS.labels(channel, "lost").inc(lost)
    _people(before.status, after)


def _worst(status: IncidentStatus) -> Severity | None:
    return (status.severity.worst or status.severity.level) if status.severity else None


def _times(before: Incident, after: IncidentStatus, severity: str) -> None:
    was, now, took = before.status.times, after.times, after.durations
    if now is None:
        return
    if was is None:
        metrics.DECLARED.labels(severity, _source(before)).inc()
    if now.acknowledged and not (was and was.acknowledged):
        _observe(metrics.TIME_TO_ACKNOWLEDGE.labels(severity), took.to_acknowledge if took else None)
    if now.resolved and not (was and was.resolved):
        _observe(metrics.TIME_TO_MITIGATE.labels(severity), took.to_mitigate if took else None)
        _observe(metrics.TIME_TO_RESOLVE.labels(severity), took.to_resolve if took else None)
        if after.runbook is not None:
            metrics.RUNBOOK_RUNS.labels(after.runbook.name, _run(after)).inc()


def _observe(histogram: Any, took: timedelta | None) -> None:
    if took is not None:
        histogram.observe(took.total_seconds())


def _people(before: IncidentStatus, after: IncidentStatus) -> None:
    """What people were told, what they waited for in vain, and what they were reminded of."""
    was, now = before.communications, after.communications
    if now is not None:
        metrics.UPDATES_MISSED.inc(max(0, now.missed - (was.missed if was else 0)))
        for update in now.updates or ():
            if update.seq > before.last_seq:
                metrics.UPDATES_GIVEN.labels(update.audience.value).inc()
    for line in after.timeline:
        if line.seq > before.last_seq and line.kind in NUDGES:
            metrics.NUDGES.labels(line.kind).inc()


def _source(incident: Incident) -> str:
    if Label.ALERT_GROUP in incident.metadata.labels:
        return "alert"
    by = incident.spec.declared_by
    return "machine" if by is None or by.username.startswith(SERVICE_ACCOUNT_PREFIX) else "person"


def _run(after: IncidentStatus) -> str:
    its = [r for r in after.mitigations or () if r.source.startswith(RUNBOOK) and r.attempts]
    effects = {r.effect for r in its}
    if not its:
        return "not_run"
    return "helped" if Effect.HELPED in effects else "worse" if Effect.WORSE in effects else "no_effect"


def _mitigation(was: MitigationRecord | None, now: MitigationRecord) -> None:
    before = {a.id: a for a in (was.attempts if was else None) or ()}
    for attempt in now.attempts or ():
        old = before.get(attempt.id)
        if attempt.state not in OPEN and (old is None or old.state in OPEN):
            metrics.MITIGATIONS.labels(now.action, attempt.state.value, _mode(now, attempt)).inc()
            ended = attempt.ended_time or attempt.applied_time
            _observe(metrics.MITIGATION_SECONDS.labels(now.action), ended - attempt.intended_time if ended else None)
        asked = now.approvals.asked_time if now.approvals and now.approvals.needed else None
        if old is None and asked is not None and not attempt.undoes:
            _observe(metrics.APPROVAL_SECONDS, max(timedelta(0), attempt.intended_time - asked))
    if now.state is WishState.HELD and now.reason and (was is None or was.reason != now.reason):
        metrics.REFUSALS.labels(now.reason).inc()


def _mode(record: MitigationRecord, attempt: Attempt) -> str:
    if attempt.undoes:
        return "undo"
    return "auto" if record.automatic else "runbook" if record.source.startswith(RUNBOOK) else "person"


def _lost(before: IncidentStatus, after: IncidentStatus) -> Iterator[tuple[str, int]]:
    """Channels that will not be told something, and how much: tried in vain, or without room."""
    was = {t.name: t.lost for t in (before.communications.channels if before.communications else None) or ()}
    for told in (after.communications.channels if after.communications else None) or ():
        yield told.name, max(0, told.lost - was.get(told.name, 0))


# --- what is so now --------------------------------------------------------------------------------------------------


class Standing(Collector):
    """What is so now, from what is known of incidents and action items, worked out when Prometheus asks."""

    def __init__(self) -> None:
        """Knows nothing, and says nothing."""
        self._cache = Cache()
        self._now: Callable[[], datetime] = lambda: _EVER
        self._works: Callable[[], bool] = lambda: False
        self._within: Callable[[str], timedelta] = lambda _: AGAIN_WITHIN

    def follow(
        self,
        cache: Cache,
        now: Callable[[], datetime],
        works: Callable[[], bool],
        within: Callable[[str], timedelta] | None = None,
    ) -> None:
        """
        From now on tell of this; ``works`` says whether it is this replica that works, ``within`` how soon the same again is a
        recurrence in a namespace.
        """
        self._cache, self._now, self._works, self._within = cache, now, works, within or self._within

    def describe(self) -> Iterable[Metric]:
        """Their names, of nothing."""
        return (family for family, _ in _families([], [], [], _EVER))

    def collect(self) -> Iterable[Metric]:
        """As it stands; what can't be read must not hide the other numbers."""
        try:
            return list(self._collected())
        except Exception:
            LOG.exception("what is so can't be counted")
            return []

    def _collected(self) -> Iterator[Metric]:
        bodies = {INCIDENTS.plural: list[Mapping[str, Any]](), ACTION_ITEMS.plural: list[Mapping[str, Any]]()}
        for key in self._cache.all() if self._works() else ():
            body = self._cache.get(key)
            if body is not None and key.plural in bodies and not (body.get("spec") or {}).get("drill"):
                bodies[key.plural].append(body)
        learned = self._cache.learned().items() if self._works() else ()
        lessons = [(each, self._within(namespace)) for namespace, each in learned]
        for family, counted in _families(bodies[INCIDENTS.plural], bodies[ACTION_ITEMS.plural], lessons, self._now()):
            for labels, value in sorted(counted.items()):
                family.add_metric(labels, value)
            yield family


def _families(
    incidents: list[Mapping[str, Any]], items: list[Mapping[str, Any]], lessons: Lessons, now: datetime
) -> Families:
    states = [i.get("status") or {} for i in incidents]
    yield (
        GaugeMetricFamily("stanch_incidents", "Incidents that are not closed.", labels=["severity", "state"]),
        Counter((str((s.get("severity") or {}).get("level", "unknown")), _state(s)) for s in states),
    )
    about = "Incidents that are not over, by spec.service; empty for those that name none. Without drills."
    yield GaugeMetricFamily("stanch_incidents_of_service", about, labels=["service"]), _services(incidents)
    conditions = [c for s in states for c in s.get("conditions") or () if c.get("status") == "True"]
    for name, about, kind in (
        ("stanch_incidents_stalled", "Incidents that can't go on without somebody.", ConditionType.STALLED),
        ("stanch_incidents_held", "Incidents whose next mitigation waits.", ConditionType.MITIGATION_HELD),
    ):
        found = Counter((str(c.get("reason")),) for c in conditions if c.get("type") == kind)
        yield GaugeMetricFamily(name, about, labels=["reason"]), found
    asked = [c["lastTransitionTime"] for c in conditions if c.get("type") == ConditionType.APPROVAL_NEEDED]
    oldest = max((_since(t, now) for t in asked), default=0.0)
    about = "How long the oldest mitigation has waited for an approval; 0 when none does."
    yield GaugeMetricFamily("stanch_approval_oldest_seconds", about), {(): oldest}
    said = [s.get("communications") or {} for s in states]
    late = Counter(
        (str(u.get("audience")),)
        for each in said
        for u in each.get("nextUpdates") or ()
        # Missed, the next one is due later: who waits has been told nothing all the same.
        if u.get("missed") or _since(u["dueTime"], now) > GRACE.total_seconds()
    )
    about = "Audiences of incidents that were promised an update, and wait for it."
    yield GaugeMetricFamily("stanch_updates_overdue", about, labels=["audience"]), late
    yield from _about_people(states)
    waiting = Counter(
        (str(m.get("channel")),)
        for each in said
        for m in each.get("outbox") or ()
        if m.get("state") == DeliveryState.PENDING.value
    )
    about = "Messages that wait to be told."
    yield GaugeMetricFamily("stanch_notifications_waiting", about, labels=["channel"]), waiting
    due = Counter((str((i["spec"]).get("priority", "none")),) for i in items if _is_late(i, now))
    about = "Action items past their due time that are not done."
    yield GaugeMetricFamily("stanch_action_items_overdue", about, labels=["priority"]), due
    yield from learning(lessons, items, now)


def _about_people(states: list[Mapping[str, Any]]) -> Families:
    hats = Counter((str(r.get("role")),) for s in states for r in s.get("roles") or ())
    about = "Hats that people wear in incidents that are not closed."
    yield GaugeMetricFamily("stanch_roles_held", about, labels=["role"]), hats
    waits = Counter((str(h.get("role")),) for s in states for h in s.get("handoffs") or ())
    about = "Hats that were handed over and that nobody has accepted yet."
    yield GaugeMetricFamily("stanch_handoffs_waiting", about, labels=["role"]), waits
    wanting = Counter((str(n.get("kind")),) for s in states for n in s.get("nudges") or ())
    about = "What is wanting in incidents, and was reminded of: RoleMissing, HandoffDue …"
    yield GaugeMetricFamily("stanch_nudges_standing", about, labels=["kind"]), wanting


def _state(status: Mapping[str, Any]) -> str:
    times = status.get("times") or {}
    known = (("resolved", "Resolved"), ("mitigated", "Mitigated"), ("acknowledged", "Acknowledged"))
    return next((word for name, word in known if times.get(name)), "Detected")


def _services(incidents: list[Mapping[str, Any]]) -> Mapping[Any, float]:
    times = [((i.get("status") or {}).get("times") or {}, i.get("spec") or {}) for i in incidents]
    on = (spec for t, spec in times if not (t.get("resolved") or t.get("cancelled") or spec.get("drill")))
    return Counter((str(spec.get("service") or ""),) for spec in on)


def _since(time: str, now: datetime) -> float:
    return (now - datetime.fromisoformat(time)).total_seconds()


def _is_late(item: Mapping[str, Any], now: datetime) -> bool:
    return not is_done(item) and _since(item["spec"]["dueTime"], now) > 0


# Each at nought: the first is an increase then, which an alert rule sees.
for _law in LAWS:
    metrics.LAWS_BROKEN.labels(_law.__name__)
STANDING: Final = Standing()
metrics.REGISTRY.register(STANDING)
