"""
What belongs to a closed incident is labelled closed, and may then be deleted by whoever has the right (decisions F11; policy
stanch-keep-records). The incident itself comes last: once it carries the label, nobody looks at it any more.
"""

import contextlib
import json
import logging
from collections.abc import Iterable, Mapping
from typing import Any, Final

from stanch.api.names import Label
from stanch.core.questions import ENTRIES, EVIDENCES, INCIDENTS, POSTMORTEMS, Ref
from stanch.shell.client import MERGE_PATCH, METADATA_ONLY, Kube, Unanswered
from stanch.shell.status import StatusConflict

LOG = logging.getLogger("stanch.close")
BELONGS: Final = (EVIDENCES, POSTMORTEMS, ENTRIES)
PAGE: Final = 250
FORBIDDEN: Final = 403


async def let_go(kube: Kube, namespace: str, name: str, uid: str) -> None:
    """Label all that belongs to this incident, and then it. Raises StatusConflict or Unanswered when it has to be done again."""
    for ref in BELONGS:
        await _children(kube, ref, namespace, name, uid)
    await label(kube, INCIDENTS, {"namespace": namespace, "name": name, "uid": uid})


async def label(kube: Kube, ref: Ref, meta: Mapping[str, Any]) -> None:
    """Label exactly this one; what is gone meanwhile needs none. Raises StatusConflict or Unanswered."""
    body = json.dumps({"metadata": {"uid": meta["uid"], "labels": {Label.CLOSED: ""}}})
    reply = await kube.patch(ref.path(meta["namespace"], meta["name"]), body, MERGE_PATCH)
    if reply.status in (409, 429) or reply.status >= 500:
        raise StatusConflict(reply.message)
    if not reply.ok and reply.status != 404:
        LOG.warning("can't be labelled closed", extra={"object": f"{ref.plural} {meta['name']}", "why": reply.message})


async def came_late(kube: Kube, meta: Mapping[str, Any]) -> None:
    """What is said to an incident that is closed already goes with it."""
    if Label.CLOSED in (meta.get("labels") or {}):
        return
    with contextlib.suppress(StatusConflict, Unanswered):  # It is looked at again after a restart.
        await label(kube, ENTRIES, meta)


async def _children(kube: Kube, ref: Ref, namespace: str, name: str, uid: str) -> None:
    params = {"labelSelector": f"!{Label.CLOSED}", "fieldSelector": f"spec.incident={name}", "limit": str(PAGE)}
    while True:
        reply = await kube.get(ref.path(namespace), params, METADATA_ONLY)
        if reply.status == FORBIDDEN:
            LOG.warning("what belongs to a closed incident can't be listed", extra={"why": reply.message})
            return
        if not reply.ok:
            raise StatusConflict(reply.message)
        for meta in _its(reply.body.get("items") or (), uid):
            await label(kube, ref, meta)
        token = (reply.body.get("metadata") or {}).get("continue")
        if not token:
            return
        params["continue"] = token


def _its(items: Iterable[Mapping[str, Any]], uid: str) -> Iterable[Mapping[str, Any]]:
    """Not what another incident of this name left; what people write carries no uid."""
    for item in items:
        meta = item["metadata"]
        if (meta.get("labels") or {}).get(Label.INCIDENT_UID, uid) == uid:
            yield meta
