"""Answers that are kept for a while: each is asked for once however many wait for it, so that a storm is no storm of questions."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@dataclass(slots=True)
class _Entry(Generic[V]):
    # Never in a repr: it may be a secret.
    task: "asyncio.Task[V]" = field(repr=False)
    until: float = 0.0


class Kept(Generic[K, V]):
    """At most so many answers by key. One that failed is not kept: whoever waits hears it, and the next asks again."""

    def __init__(
        self, seconds: Callable[[V], float], most: int = 1024, now: Callable[[], float] = time.monotonic
    ) -> None:
        """``seconds`` is for how long an answer counts; ``now`` is monotonic, in seconds."""
        self._seconds, self._most, self._now = seconds, most, now
        self._entries: OrderedDict[K, _Entry[V]] = OrderedDict()

    async def get(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        """The answer that still counts, or that is on its way; else ``ask``. Raises what ``ask`` raises."""
        entry = self._entries.get(key)
        if entry is None or (entry.task.done() and self._now() >= entry.until):
            entry = self._entries[key] = _Entry(asyncio.create_task(self._asked(key, ask)))
            self._entries.move_to_end(key)
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)
        # Whoever gives up waiting takes nothing away from the others.
        return await asyncio.shield(entry.task)

    def last(self, key: K) -> V | None:
        """What was answered last, if that is known still; it may not count any more."""
        entry = self._entries.get(key)
        return entry.task.result() if entry is not None and entry.task.done() and not _failed(entry.task) else None

    def forget(self, key: K) -> None:
        """The next question is asked anew. One that is on its way is new enough."""
        entry = self._entries.get(key)
        if entry is not None and entry.task.done():
            entry.until = 0.0

    async def _asked(self, key: K, ask: Callable[[], Awaitable[V]]) -> V:
        try:
            answer = await ask()
        except BaseException:
            self._entries.pop(key, None)
            raise
        if entry := self._entries.get(key):
            entry.until = self._now() + self._seconds(answer)
        return answer


def _failed(task: "asyncio.Task[V]") -> bool:
    return task.cancelled() or task.exception() is not None
