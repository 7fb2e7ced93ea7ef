"""Create records under deterministic names: being there already is as good as having been written by us."""

import json

from stanch.api.names import Label
from stanch.core.observations import Failed
from stanch.core.questions import ENTRIES
from stanch.core.records import MarkFolded, Store
from stanch.shell.client import MERGE_PATCH, Kube, Unanswered


async def store(kube: Kube, record: Store) -> Failed | None:
    """None once it is known to be stored, else what was said. The name says the content, so AlreadyExists is success."""
    path = record.ref.path(record.namespace)
    try:
        reply = await kube.create(path, record.body)
    except Unanswered as error:
        return Failed(0, str(error))
    if reply.ok or (reply.status == 409 and reply.body.get("reason") == "AlreadyExists"):
        return None
    return Failed(reply.status, reply.message)


async def mark_folded(kube: Kube, mark: MarkFolded) -> bool:
    """Label the entry as taken in; false means that it must be made again when the entry is listed once more."""
    body = json.dumps({"metadata": {"labels": {Label.FOLDED: str(mark.seq)}}})
    try:
        return (await kube.patch(ENTRIES.path(mark.namespace, mark.name), body, MERGE_PATCH)).ok
    except Unanswered:
        return False
