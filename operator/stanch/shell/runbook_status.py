"""Keep Runbook.status true: whether its plan can be made, and when it was last tried out."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from stanch.core.questions import INCIDENTS, RUNBOOKS
from stanch.core.runbook_status import judge, status_of
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache
from stanch.shell.client import Kube
from stanch.shell.status import StatusConflict, StatusRefused, changes, patch_status

LOG = logging.getLogger("stanch.runbooks")
CONFLICT_SECONDS: Final = 1.0
REFUSED_SECONDS: Final = 60.0


async def look_at_runbook(kube: Kube, cache: Cache, key: Key, now: datetime) -> float | None:
    """Write the status if it says something else by now; after how many seconds that has to be tried again."""
    body = cache.get(key)
    if body is None:
        return None
    incidents = (cache.get(k) for k in cache.all() if k.plural == INCIDENTS.plural and k.namespace == key.namespace)
    drills = [each for each in incidents if each is not None and (each.get("spec") or {}).get("drill")]
    status = judge(body, drills, now)
    if status == status_of(body):
        return None
    change = changes(body.get("status") or {}, status.wire())
    meta = body["metadata"]
    version = {"resourceVersion": meta["resourceVersion"], "uid": meta["uid"]}
    said = {"runbook": f"{key.namespace}/{key.name}", "generation": status.observed_generation}
    try:
        cache.put(key, await patch_status(kube, RUNBOOKS.path(key.namespace, key.name), version, change))
    except StatusConflict:
        return CONFLICT_SECONDS
    except StatusRefused as error:
        LOG.error("the status of a Runbook was refused", extra={**said, "why": str(error)})
        return REFUSED_SECONDS
    LOG.info("Runbook judged", extra={**said, "ready": status.conditions[0].status})
    return None


async def keep_runbook(kube: Kube, cache: Cache, bells: Bells, key: Key, now: datetime) -> None:
    """Look at one; whatever goes wrong stays with it."""
    try:
        again = await look_at_runbook(kube, cache, key, now)
    except Exception:  # one poison object must not stop the rest
        LOG.exception("a Runbook can't be judged", extra={"runbook": f"{key.namespace}/{key.name}"})
        return
    if again is not None:
        bells.ring_in(key, again)


def heard(cache: Cache, bells: Bells, key: Key, body: dict[str, Any], gone: bool) -> None:
    """A Runbook was written or deleted: it is judged, and incidents that wait for it are looked at."""
    if gone:
        cache.drop(key)
        bells.forget(key)
        return
    cache.put(key, body)
    bells.ring(key)
    for other in cache.all():
        if other.plural == INCIDENTS.plural and other.namespace == key.namespace and _waits(cache.get(other), key.name):
            bells.ring(other)


def _waits(incident: dict[str, Any] | None, name: str) -> bool:
    chosen = ((incident or {}).get("spec") or {}).get("runbook") or {}
    frozen = ((incident or {}).get("status") or {}).get("runbook") or {}
    return chosen.get("name") == name and "digest" not in frozen


def ring_drilled(cache: Cache, bells: Bells, incident: Mapping[str, Any]) -> None:
    """What a drill came to stands in the status of its Runbook."""
    spec = incident.get("spec") or {}
    key = Key(RUNBOOKS.plural, incident["metadata"]["namespace"], str((spec.get("runbook") or {}).get("name") or ""))
    if spec.get("drill") and cache.get(key) is not None:
        bells.ring(key)
