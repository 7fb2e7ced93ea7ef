"""Who needs a look: each key at most once in the queue and never twice at work, namespaces in turn."""

import asyncio
from collections import deque
from typing import NamedTuple


class Key(NamedTuple):
    """One object of ours: its kind's plural, namespace and name."""

    plural: str
    namespace: str
    name: str


class Bells:
    """A keyed queue as client-go's: dirty while queued, rung again while at work means another look afterwards."""

    def __init__(self) -> None:
        """Empty, nobody at work."""
        self._turns: deque[str] = deque()
        self._queues: dict[str, deque[Key]] = {}
        self._waiting: set[Key] = set()
        self._working: set[Key] = set()
        self._again: set[Key] = set()
        self._alarms: dict[Key, asyncio.TimerHandle] = {}
        self._something = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def ring(self, key: Key) -> None:
        """Look at this soon."""
        if key in self._working:
            self._again.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            if key.namespace not in self._queues:
                self._queues[key.namespace] = deque()
                self._turns.append(key.namespace)
            self._queues[key.namespace].append(key)
            self._notify()

    def ring_in(self, key: Key, seconds: float) -> None:
        """Look at this then, at the latest: the earlier of two alarms stays."""
        loop = asyncio.get_running_loop()
        known = self._alarms.get(key)
        if known is not None:
            if not known.cancelled() and known.when() <= loop.time() + seconds:
                return
            known.cancel()
        self._alarms[key] = loop.call_later(max(0.0, seconds), self._alarm, key)

    def _alarm(self, key: Key) -> None:
        self._alarms.pop(key, None)
        self.ring(key)

    def _notify(self) -> None:
        async def wake() -> None:
            async with self._something:
                self._something.notify()

        task = asyncio.ensure_future(wake())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def take(self) -> Key:
        """The next key, of the namespace whose turn it is; it is at work until ``done``."""
        async with self._something:
            while not self._waiting:
                await self._something.wait()
            namespace = self._turns.popleft()
            queue = self._queues[namespace]
            key = queue.popleft()
            if queue:
                self._turns.append(namespace)
            else:
                del self._queues[namespace]
            self._waiting.discard(key)
            self._working.add(key)
            return key

    def done(self, key: Key) -> None:
        """Finished with it for now."""
        self._working.discard(key)
        if key in self._again:
            self._again.discard(key)
            self.ring(key)

    def forget(self, key: Key) -> None:
        """It is gone: no alarm any more."""
        if alarm := self._alarms.pop(key, None):
            alarm.cancel()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._waiting)
