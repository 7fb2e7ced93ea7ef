"""
Has the API server's past come back? After a restore from a backup resourceVersions go backwards, and whoever watches from
a later one hears nothing for hours, while what it remembers never happened. Then all that is remembered must go.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from stanch.core.questions import POSTMORTEMS
from stanch.shell.client import METADATA_ONLY, Kube, Unanswered

LOG = logging.getLogger("stanch.rewind")
EVERY_SECONDS: Final = 10.0
# A read that is old once may be a stale answer; one that stays old is the past.
AGAIN_SECONDS: Final = 0.3
READS: Final = 3
Read = Callable[[], Awaitable[int | None]]


class Rewind:
    """Notices it, once."""

    def __init__(self, kube: Kube, every: float = EVERY_SECONDS, again: float = AGAIN_SECONDS) -> None:
        """What is in ``on_seen`` is called at once, and must stop all work; ``time`` then says when."""
        self.kube, self._every, self._again = kube, every, again
        self.on_seen: list[Callable[[], object]] = []
        self.time: datetime | None = None

    async def compare(self, known: int, read: Read) -> bool:
        """Version ``known`` was seen before; does the API server know less now? Read a few times before it is believed."""
        version = None
        for _ in range(READS):
            version = await read()
            if version is None or version >= known:
                return False
            await asyncio.sleep(self._again)
        if self.time is None:
            self.time = self.kube.clock.now().replace(microsecond=0)
            LOG.warning(
                "the API server's data was restored from a backup; starting anew with nothing remembered",
                extra={"known": known, "read": version},
            )
            for call in self.on_seen:
                call()
        return True

    async def watch(self) -> None:
        """Ask how far the API server's data is, for ever; a list is never older than what was read before it."""
        newest = 0
        while True:
            version = await self._how_far()
            if version is not None and version < newest:
                await self.compare(newest, self._how_far)
            newest = max(newest, version or 0)
            await asyncio.sleep(self._every)

    async def _how_far(self) -> int | None:
        """The version of a list, which is that of everything in the store. Of a kind that is otherwise not listed."""
        try:
            reply = await self.kube.get(POSTMORTEMS.path(None), {"limit": "1"}, accept=METADATA_ONLY)
        except Unanswered:
            return None
        return int(reply.body["metadata"].get("resourceVersion") or 0) if reply.ok else None
