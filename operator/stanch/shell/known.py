"""What is known of incidents against what is stored: read again when the two differ, and before an effect rests on it."""

from stanch.api.incident import Incident
from stanch.api.names import Label
from stanch.core.questions import INCIDENTS
from stanch.shell.bells import Key
from stanch.shell.cache import Cache, version
from stanch.shell.client import METADATA_ONLY, Kube, Reply, Unanswered
from stanch.shell.orphan_sweep import objects
from stanch.shell.rewind import Rewind
from stanch.shell.status import StatusConflict


async def all_known(kube: Kube, cache: Cache) -> bool:
    """
    Is every open incident known, as new as it is stored now? Who counts what others do must know all of them.

    Raises CannotLook, or Unanswered. The list itself is not kept: what is deleted before the watch begins would stay for ever.
    """
    async for item in objects(kube, INCIDENTS, None, f"!{Label.CLOSED}", METADATA_ONLY):
        meta = item["metadata"]
        known = cache.get(Key(INCIDENTS.plural, meta["namespace"], meta["name"]))
        if known is None or known["metadata"]["uid"] != meta["uid"] or version(known) < version(item):
            return False
    return True


async def refresh(kube: Kube, cache: Cache, rewind: Rewind, key: Key) -> None:
    """Take what is stored; when it is older than what is known, the past may have come back."""
    known, reply = cache.get(key), await _read(kube, key)
    if reply is None:
        return
    if reply.ok:
        if known and version(reply.body) < version(known) and _uid(reply) == known["metadata"]["uid"]:
            await rewind.compare(version(known), lambda: _version(kube, key))
        cache.put(key, reply.body)
    elif reply.status == 404:
        cache.drop(key)


async def must_stand(kube: Kube, incident: Incident) -> None:
    """An effect rests on the record as it is, not as we remember it. Raises StatusConflict, or Unanswered."""
    meta = incident.metadata
    reply = await kube.get(INCIDENTS.path(meta.namespace, meta.name))
    if not reply.ok or (_uid(reply), str(version(reply.body))) != (meta.uid, meta.resource_version):
        raise StatusConflict("the record is not as it was read")


async def _read(kube: Kube, key: Key) -> Reply | None:
    try:
        return await kube.get(INCIDENTS.path(key.namespace, key.name))
    except Unanswered:
        return None


async def _version(kube: Kube, key: Key) -> int | None:
    reply = await _read(kube, key)
    return version(reply.body) if reply is not None and reply.ok else None


def _uid(reply: Reply) -> str:
    return str(reply.body["metadata"]["uid"])
