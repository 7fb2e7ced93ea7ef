"""
What alerts mean for the incident they made: when it was detected, what fires, that it is not over, that it is one too many.

Nothing is resolved by an alert alone, and nothing is acted on for one (decisions 2.14).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from stanch.api.alerts import STORM_KEY, AlertGroup
from stanch.api.incident_status import AlertsRecord
from stanch.api.names import EventKind, Label
from stanch.api.stamps import Stamped
from stanch.core.alert_groups import Known, read_known
from stanch.core.alert_states import firing, total
from stanch.core.alertmanager import earliest
from stanch.core.census import RUNBOOK
from stanch.core.draft import HOLD_FOR, Draft, shorten
from stanch.core.observations import items
from stanch.core.questions import INCIDENTS, List
from stanch.core.recovery import count_anew
from stanch.core.stamps import ALERTS, open_again, stamp

ALERTMANAGER: Final = "Alertmanager"
# Two that were made in one race are there within seconds of each other, for a create takes no longer; later nobody makes a
# second one.
RACE: Final = timedelta(seconds=20)


def alert_group(draft: Draft) -> AlertGroup | None:
    """The group of alerts that made it; None when people did. The label says so, which only the operator sets."""
    made = Label.ALERT_GROUP in draft.incident.metadata.labels
    return draft.incident.spec.alert_group if made else None


def alert_labels(draft: Draft) -> Mapping[str, str]:
    """What the parameters of a Runbook are read from: labels that all alerts of the group had."""
    group = alert_group(draft)
    return (group.labels or {}) if group else {}


def fold_alerts(draft: Draft) -> None:
    """Take in what alerts say, once it is declared."""
    group, times = alert_group(draft), draft.status.times
    if group is None or times is None or times.closed or times.cancelled:
        return
    if draft.status.alerts is None:
        _detected(draft, group)
    _say_what_fires(draft, group)
    again = group.reopen_time
    # Heard once: a time that was put right since is no reason to hear it anew.
    if times.resolved and again and again > times.resolved and (times.reopened is None or again > times.reopened):
        _reopen(draft, again)
    elif not times.resolved:
        _one_too_many(draft, group)


def _detected(draft: Draft, group: AlertGroup) -> None:
    if not group.alerts:
        return
    # A clock that is ahead does not make it detected after it was declared.
    began = min(earliest(group.alerts), draft.incident.declared)
    stamp(draft, Stamped.DETECTED, began, ALERTMANAGER, ALERTS, draft.incident.declared)
    named = ", ".join(dict.fromkeys(alert.name for alert in group.alerts if alert.name)) or "an alert"
    draft.say(EventKind.DETECTED, f"{shorten(named, 120)} fired", by=ALERTMANAGER, time=began)
    if group.recurrence_of:
        draft.say(EventKind.RECURRED, f"The same alerts made {group.recurrence_of} before", event=True)
    if group.tied:
        listed = ", ".join(group.tied)
        text = (
            f"{len(group.tied)} Runbooks are for these alerts with the same rank: {listed}; choose one by spec.runbook"
        )
        draft.say(EventKind.RUNBOOKS_TIED, text, event=True, warning=True)


def _say_what_fires(draft: Draft, group: AlertGroup) -> None:
    """On the record when the last one is over, or the first one fires again; in numbers all the time."""
    known = draft.status.alerts
    named = known.targets if known is not None else None
    now = AlertsRecord(firing=firing(group), total=total(group), targets=named)
    if known == now:
        return
    if known is not None and known.firing and not now.firing:
        draft.say(EventKind.ALERTS_RESOLVED, f"No alert of {now.total} fires any more", by=ALERTMANAGER)
    elif known is not None and now.firing and not known.firing:
        draft.say(EventKind.ALERTS_FIRING, f"{now.firing} of {now.total} alerts fire again", by=ALERTMANAGER)
    draft.set(alerts=now)


def _reopen(draft: Draft, when: datetime) -> None:
    """As a person's word would: it fires anew."""
    open_again(draft, when, ALERTMANAGER, ALERTS)
    draft.set(resolve_said=None, override=None, recovery=count_anew(draft))
    draft.say(EventKind.REOPENED, "Reopened: an alert of its group fires anew", by=ALERTMANAGER, event=True)


# --- two of one group ------------------------------------------------------------------------------------------------


def _one_too_many(draft: Draft, group: AlertGroup) -> None:
    """Two replicas may make one each in the same moment. The younger goes, before anybody does anything in it."""
    meta = draft.incident.metadata
    over = draft.incident.declared + RACE
    if group.key == STORM_KEY or draft.now > over or _something_is_done(draft) or _somebody_is_there(draft):
        return
    answer = draft.answer(
        List(INCIDENTS, meta.namespace, labels=f"{Label.ALERT_GROUP}={group.key},!{Label.CLOSED}", limit=20)
    )
    known = [read_known(body) for body in items(answer)]
    mine = (draft.incident.declared, meta.name)
    older = [k for k in known if k is not None and k.over is None and (k.created, k.name) < mine]
    if older:
        _cancel(draft, min(older, key=lambda each: (each.created, each.name)))


def _something_is_done(draft: Draft) -> bool:
    """Or a person asked for it. A Runbook's plan alone keeps nothing: the older one has the same."""
    return any(r.attempts or not r.source.startswith((RUNBOOK, HOLD_FOR)) for r in draft.records)


def _somebody_is_there(draft: Draft) -> bool:
    return draft.status.times is not None and draft.status.times.acknowledged is not None


def _cancel(draft: Draft, older: Known) -> None:
    times = draft.status.times
    assert times is not None
    draft.set(times=times.model_copy(update={"cancelled": draft.now}))
    draft.say(EventKind.CANCELLED, f"Cancelled: Duplicate of {older.name}, made for the same alerts", event=True)
