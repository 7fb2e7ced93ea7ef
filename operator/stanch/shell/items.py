"""Keep ActionItem.status true: open, overdue or done."""

import json
from datetime import datetime

from stanch.api.action_item import ActionItem
from stanch.core.item_status import item_status
from stanch.core.questions import ACTION_ITEMS
from stanch.shell.bells import Key
from stanch.shell.cache import Cache
from stanch.shell.client import MERGE_PATCH, Kube, Unanswered
from stanch.shell.status import changes


async def look_at_item(kube: Kube, cache: Cache, key: Key, now: datetime) -> datetime | None:
    """Write the status if it says something else by now; when to look again."""
    body = cache.get(key)
    if body is None:
        return None
    item = ActionItem.model_validate(body)
    status, wake = item_status(item, now)
    if status != item.status:
        patch = {
            "metadata": {"resourceVersion": item.metadata.resource_version},
            "status": changes(item.status.wire(), status.wire()),
        }
        try:
            reply = await kube.patch(
                ACTION_ITEMS.path(key.namespace, key.name) + "/status", json.dumps(patch), MERGE_PATCH
            )
        except Unanswered:
            return now
        if reply.ok:
            cache.put(key, reply.body)
    return wake
