"""
Which closed incidents, and what people said to them, have been kept long enough (decisions 2.16). Pure; `stanch prune` asks.

The operator deletes no record (decisions 2.15: it has no right to): a person does, or a CronJob with a person's rights. What is
here only says what may go. Postmortems and ActionItems are kept for ever; evidence has a sweep of its own (core/retention.py).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from stanch.api.names import Label
from stanch.api.policy import Policy
from stanch.core.retention import at, closed_at, is_reviewed
from stanch.core.steering import perhaps, steerers

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """
    One object whose time is over: ``plural`` is its kind, ``since`` when its incident was closed, ``lasts`` how long it is kept.

    ``kept`` is why it stays all the same; empty for what may go.
    """

    plural: str
    namespace: str
    name: str
    uid: str
    since: datetime
    lasts: timedelta
    kept: str = ""


def incidents_run_out(incidents: Iterable[Body], policies: Mapping[str, Policy], now: datetime) -> Iterator[Record]:
    """Closed for longer than `retention.incident`, drills than `retention.drills`. ``policies`` are by namespace."""
    for body in incidents:
        meta, since = body["metadata"], _over(body)
        if since is None:
            continue
        policy = policies[meta["namespace"]]
        drill = (body.get("spec") or {}).get("drill") is True
        lasts = policy.retention_drills if drill else policy.retention_incident
        if since + lasts <= now:
            yield Record("incidents", meta["namespace"], meta["name"], meta["uid"], since, lasts, _stays(body))


def entries_run_out(
    entries: Iterable[Body], incidents: Iterable[Body], policies: Mapping[str, Policy], now: datetime
) -> Iterator[Record]:
    """
    Labelled closed, taken in, and of an incident that was closed longer ago than `retention.entries`: it is on its pages.

    Of an incident that is gone, or was followed by another of its name, the age of the entry itself is counted.
    """
    known = {(i["metadata"]["namespace"], i["metadata"]["name"]): i for i in incidents}
    for body in entries:
        meta = body["metadata"]
        made = at(meta.get("creationTimestamp"))
        if Label.CLOSED not in (meta.get("labels") or {}) or made is None:
            continue
        its = known.get((meta["namespace"], str((body.get("spec") or {}).get("incident"))))
        over = made if its is None or _is_younger(its, made) else _over(its)
        since = None if over is None else max(over, made)
        policy = policies[meta["namespace"]]
        # What came after the closing was never taken in: it stands on no page, and stays as long as an incident.
        lasts = policy.retention_entries if Label.FOLDED in meta["labels"] else policy.retention_incident
        if since is not None and since + lasts <= now:
            yield Record("timelineentries", meta["namespace"], meta["name"], meta["uid"], since, lasts)


def _over(body: Body) -> datetime | None:
    """When it was closed; None for one that is not, whatever its times say."""
    if Label.CLOSED not in (body["metadata"].get("labels") or {}):
        return None
    return closed_at(body.get("status") or {})


def _is_younger(incident: Body, said: datetime) -> bool:
    made = at(incident["metadata"].get("creationTimestamp"))
    return made is not None and made > said


def _stays(body: Body) -> str:
    """Git would bring it back, as a new incident that asks for the same again (decisions F1 e); or it is still owed."""
    if owners := steerers(body):
        return f"{owners[0]} would make it anew: take it out of Git first"
    if maybe := perhaps(body):
        return f"its label says that {maybe} made it: take it out of Git, or take the label off"
    return "" if is_reviewed(body.get("status") or {}) else "its postmortem is not published, and nobody waived it"
