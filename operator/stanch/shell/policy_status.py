"""Keep ResponsePolicy.status true: what is in force of it, and what of it does not count."""

import logging
from datetime import datetime
from typing import Final

from stanch.api.names import OPERATOR_NAMESPACE
from stanch.core.policy_judge import judge, status_of
from stanch.core.questions import RESPONSE_POLICIES
from stanch.shell.bells import Key
from stanch.shell.client import Kube
from stanch.shell.policy_book import PolicyBook
from stanch.shell.status import StatusConflict, StatusRefused, changes, patch_status

LOG = logging.getLogger("stanch.policies")
CONFLICT_SECONDS: Final = 1.0
REFUSED_SECONDS: Final = 60.0


async def look_at_policy(kube: Kube, book: PolicyBook, key: Key, now: datetime) -> float | None:
    """Write the status if it says something else by now; after how many seconds that has to be tried again."""
    body, standing = book.body(key), book.standing(key)
    if body is None or standing is None:
        return None
    cluster = None if key.namespace == OPERATOR_NAMESPACE else book.cluster()
    status = judge(body, standing, book.base, cluster, now)
    if status == status_of(body):
        return None
    # From what is stored, and not from what we could read of it: what does not belong there goes.
    change = changes(body.get("status") or {}, status.wire())
    meta = body["metadata"]
    version = {"resourceVersion": meta["resourceVersion"], "uid": meta["uid"]}
    try:
        book.take(await patch_status(kube, RESPONSE_POLICIES.path(key.namespace, key.name), version, change))
    except StatusConflict:
        return CONFLICT_SECONDS
    except StatusRefused as error:
        LOG.error(
            "the status of a policy was refused", extra={"policy": f"{key.namespace}/{key.name}", "why": str(error)}
        )
        return REFUSED_SECONDS
    said = {"policy": f"{key.namespace}/{key.name}", "generation": standing.generation, "in_force": standing.in_force}
    LOG.info("policy judged", extra={**said, "why": standing.problem})
    return None
