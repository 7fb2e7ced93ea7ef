"""
What was learned from incidents that are closed, read once after a start: the watch tells of the others only.

Ten thousand texts are never in memory together: they are read page by page, and of each only its lesson is kept.
"""

import asyncio
import logging
from typing import Final

from stanch.api.names import Label
from stanch.core.questions import POSTMORTEMS
from stanch.shell.bells import Key
from stanch.shell.cache import Cache
from stanch.shell.client import JSON, Kube, Unanswered
from stanch.shell.orphan_sweep import CannotLook, objects

LOG = logging.getLogger("stanch.past")
# A text has tens of kilobytes.
_PAGE: Final = 50
AGAIN_SECONDS: Final = 60.0


async def remember(kube: Kube, cache: Cache) -> None:
    """Until it was read to its end; who waits for it goes on without after the first try."""
    while not await _read(kube, cache):
        cache.past_is_known = True
        await asyncio.sleep(AGAIN_SECONDS)
    cache.past_is_known = True


async def _read(kube: Kube, cache: Cache) -> bool:
    try:
        async for body in objects(kube, POSTMORTEMS, None, Label.CLOSED, JSON, _PAGE):
            meta = body["metadata"]
            cache.recall(Key(POSTMORTEMS.plural, meta["namespace"], meta["name"]), body)
    except (CannotLook, Unanswered) as error:
        LOG.warning("what was learned before can't be read", extra={"why": str(error)})
        return False
    return True
