"""From the cluster to what the public was told: incidents, and of their updates for the public the words in the entries."""

import hashlib
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import datetime
from typing import Final

from pydantic import ValidationError

from stanch.api.communications_status import CommunicationsRecord
from stanch.api.incident import Incident
from stanch.api.outbox_status import UpdateRecord
from stanch.api.said import Audience, UpdateState
from stanch.api.timeline_entry import TimelineEntry
from stanch.cli.cluster import NOT_READABLE, Trouble, read, unreadable
from stanch.cli.status_page.model import TEXT_MAX, Outage, Told, key_of, long_ago
from stanch.cli.terminal import complain
from stanch.core.notices import clean
from stanch.core.questions import ENTRIES, INCIDENTS
from stanch.shell.client import JSON, Kube

_AT_ONCE: Final = "200"


async def outages(
    kube: Kube, namespace: str | None, services: Mapping[str, str] | None, known: set[str]
) -> tuple[list[Outage], frozenset[str]]:
    """
    What the cluster says, and the keys of all incidents that are there, whatever the public was told of them. ``services`` gives
    components by service, None: each service is one. Updates in ``known`` are not read again, nor those of what was over too
    long ago for the page. Raises Trouble, and then nothing should be written.
    """
    found, there, since = [], set(), long_ago(kube.clock.now())
    async for uid, incident in _incidents(kube, namespace):
        there.add(uid)
        if incident is None or incident.spec.drill or _over_before(incident, since):
            continue
        told = [await _told(kube, incident, u) for u in _public(incident) if update_key(incident, u) not in known]
        times = incident.status.times
        service = incident.spec.service or ""
        found.append(
            Outage(
                key=key_of(incident.metadata.uid),
                component=service if services is None else services.get(service, ""),
                updates=tuple(t for t in told if t is not None),
                ended=(times.closed or times.cancelled) if times else None,
            )
        )
    return found, frozenset(there)


def _over_before(incident: Incident, since: datetime) -> bool:
    """By the status alone, as the page would find it by what was said."""
    newest, times = max(_public(incident), key=lambda u: u.seq, default=None), incident.status.times
    ended = (times.closed or times.cancelled) if times else None
    over = newest.time if newest is not None and newest.state is UpdateState.RESOLVED else ended
    return over is not None and over <= since


async def _incidents(kube: Kube, namespace: str | None) -> AsyncIterator[tuple[str, Incident | None]]:
    """With its uid; None for one that this version can't read."""
    params = {"limit": _AT_ONCE}
    while True:
        reply = await kube.get(INCIDENTS.path(namespace), params, JSON)
        if not reply.ok:
            raise unreadable("incidents", reply.status, reply.message)
        for body in reply.body.get("items") or ():
            try:
                yield body["metadata"]["uid"], Incident.model_validate(body)
            except ValidationError:
                complain(
                    f"incident {body['metadata']['name']} can't be read by this version, and is left as it was published"
                )
                yield body["metadata"]["uid"], None
        token = (reply.body.get("metadata") or {}).get("continue")
        if not token:
            return
        params["continue"] = token


def _public(incident: Incident) -> Iterable[UpdateRecord]:
    """Those that count: the operator took them in, and asked whether their author may publish."""
    known = incident.status.communications or CommunicationsRecord()
    return (u for u in known.updates or () if u.audience is Audience.PUBLIC)


def update_key(incident: Incident, update: UpdateRecord) -> str:
    """Known again by it; it tells nobody the entry's name."""
    return hashlib.sha256(f"{incident.metadata.uid}/{update.entry}".encode()).hexdigest()[:16]


async def _told(kube: Kube, incident: Incident, update: UpdateRecord) -> Told | None:
    namespace, where = incident.metadata.namespace, f"{incident.metadata.namespace}/{update.entry}"
    body = await read(kube, ENTRIES, namespace, update.entry)
    if body is None:
        complain(f"timelineentry {where} is gone, and was never on this page: it is left out")
        return None
    try:
        entry = TimelineEntry.model_validate(body)
    except ValidationError as error:
        raise Trouble(f"timelineentry {where} can't be read by this version", NOT_READABLE) from error
    said = entry.spec.update
    if said is None or said.audience is not Audience.PUBLIC or entry.spec.incident != incident.metadata.name:
        complain(f"timelineentry {where} is not the update for the public that was given: it is left out")
        return None
    following: datetime | None = entry.said + said.next_update_in if said.next_update_in else None
    text = clean((entry.spec.text or "").strip(), TEXT_MAX)
    return Told(update_key(incident, update), update.time, said.state, text, following)
