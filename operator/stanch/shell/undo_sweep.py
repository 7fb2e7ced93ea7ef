"""
Remove undo records that nobody needs any more: hourly, by the names in the records of closed incidents.

Secrets are never listed, for who takes the operator over would read all of them at once (docs/adr/0013). Each is removed exactly
as it was seen, by uid and version, and only one that says it is this incident's.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from stanch.api.incident import Incident
from stanch.api.names import FIELD_MANAGER, OPERATOR_NAMESPACE, Label
from stanch.core.intend import SECRETS
from stanch.core.questions import ACTION_ITEMS, INCIDENTS
from stanch.core.undo_kept import all_of, items_of, may_go_from, spent
from stanch.shell.client import METADATA_ONLY, Kube, Unanswered
from stanch.shell.orphan_sweep import ONE_METADATA, CannotLook, objects
from stanch.shell.sweeping import look_for_ever

LOG = logging.getLogger("stanch.undo")
EVERY_SECONDS: Final = 3600.0
# Open incidents come first when the operator starts; nothing waits for this.
FIRST_SECONDS: Final = 150.0
# A sweep has all day; an incident that is being worked on has not.
PAUSE_SECONDS: Final = 0.05


class NotNow(Exception):
    """It can't be read now, so nothing of it goes. Carries the server's words."""


class UndoSweep:
    """Reads each closed incident until nothing of it is left, then never again; after a restart once more."""

    def __init__(self, kube: Kube, clock: Callable[[], datetime]) -> None:
        """``clock`` is the API server's time."""
        self._kube, self._now = kube, clock
        self._through: set[str] = set()
        # By the incident's uid: one that is deleted within the day leaves what it had, and nobody else knows the names.
        self._left: dict[str, Incident] = {}

    async def run(self) -> None:
        """For ever; whatever goes wrong is tried again in an hour."""
        words = ("undo records can't be looked through", "the sweep of undo records failed")
        await look_for_ever(self.look, FIRST_SECONDS, EVERY_SECONDS, LOG, (Unanswered, CannotLook), words)

    async def look(self) -> frozenset[str]:
        """One sweep; names of what was to go and is not there any more."""
        closed = [each["metadata"] async for each in objects(self._kube, INCIDENTS, None, Label.CLOSED, METADATA_ONLY)]
        there = {meta["uid"]: (meta["namespace"], meta["name"]) for meta in closed}
        self._through &= there.keys()
        deleted = {
            uid: (left.metadata.namespace, left.metadata.name) for uid, left in self._left.items() if uid not in there
        }
        gone: set[str] = set()
        for uid, where in {**there, **deleted}.items():
            if uid in self._through:
                continue
            try:
                gone |= await self._one(uid, *where)
            except NotNow as error:
                told = {"incident": "/".join(where), "why": str(error)}
                LOG.info("undo records of an incident are not looked at", extra=told)
            await asyncio.sleep(PAUSE_SECONDS)
        return frozenset(gone)

    async def _one(self, uid: str, namespace: str, name: str) -> set[str]:
        """Remove what may go of one incident."""
        incident = await self._incident(uid, namespace, name)
        since = may_go_from(incident)
        if since is None:
            self._left.pop(uid, None)
            return set()
        self._left[uid] = incident
        if self._now() < since:
            return set()
        # Asked each time: an item that was done may be open again.
        done = {item for item in items_of(incident.status) if await self._is_done(namespace, item)}
        names = spent(incident.status, done.__contains__)
        removed = {each for each in sorted(names) if await self._remove(each, uid, f"{namespace}/{name}")}
        if removed == all_of(incident.status):
            del self._left[uid]
            self._through.add(uid)
        return removed

    async def _incident(self, uid: str, namespace: str, name: str) -> Incident:
        """As it is; when it is gone, as it was last seen closed. Raises NotNow."""
        reply = await self._kube.get(INCIDENTS.path(namespace, name))
        gone = reply.status == 404 or (reply.ok and reply.body["metadata"]["uid"] != uid)
        if gone and uid in self._left:
            return self._left[uid]
        if gone or not reply.ok:
            raise NotNow(reply.message if not reply.ok else "it is another incident by now")
        try:
            return Incident.model_validate(reply.body)
        except ValidationError as error:
            raise NotNow(f"its record can't be read: {error.error_count()} fields") from error

    async def _is_done(self, namespace: str, item: str) -> bool:
        """Is the ActionItem that took a debt over done? One that is gone is not: nobody said that it was taken back."""
        reply = await self._kube.get(ACTION_ITEMS.path(namespace, item))
        return reply.ok and bool((reply.body.get("status") or {}).get("doneTime"))

    async def _remove(self, name: str, uid: str, incident: str) -> bool:
        """Is it gone?"""
        path = SECRETS.path(OPERATOR_NAMESPACE, name)
        found = await self._kube.get(path, accept=ONE_METADATA)
        if found.status == 404:
            return True
        told = {"record": name, "incident": incident}
        if not found.ok or not _is_its(found.body["metadata"], uid):
            why = found.message if not found.ok else "its labels say that it is another's"
            LOG.warning("an undo record is left alone", extra={**told, "why": why})
            return False
        meta = found.body["metadata"]
        reply = await self._kube.delete(path, meta["uid"], version=meta["resourceVersion"])
        if reply.ok or reply.status == 404:
            LOG.info("an undo record was removed", extra=told)
            return True
        LOG.warning("an undo record can't be removed", extra={**told, "why": reply.message})
        return False


def _is_its(meta: dict[str, Any], uid: str) -> bool:
    labels = meta.get("labels") or {}
    return (labels.get(Label.MANAGED_BY), labels.get(Label.INCIDENT_UID)) == (FIELD_MANAGER, uid)
