"""An incident played by several people at once, over simulated hours: each is a task of their own, and so is the operator."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from build import T0, Json, stamp
from stanch.api.alerts import AlertGroup
from stanch.api.incident_status import TimelineLine
from stanch.core.observations import Delivered, Delivery
from stanch.core.reading import read_entry
from telling import outbox
from world import World


def clock(text: str) -> datetime:
    """An instant of that day: `14:05` or `14:05:30`."""
    hours, minutes, *seconds = (int(part) for part in text.split(":"))
    return T0.replace(hour=hours, minute=minutes, second=seconds[0] if seconds else 0)


class Night:
    """
    A world whose time is the loop's: under looptime nobody waits, and the operator looks when it is called, or asked to.

    People speak by entries as the API server keeps them; nothing else reaches the operator.
    """

    def __init__(self, world: World) -> None:
        """Begins now."""
        self.world = world
        self.world.repeat = False
        self.bell = asyncio.Event()
        self.began = asyncio.get_running_loop().time()
        self.said = 0
        # All lines there ever were, by seq: what is paged out of the status was told all the same.
        self.told: dict[int, TimelineLine] = {}
        # What channels were told, by key.
        self.heard: dict[str, str] = {}

    @property
    def now(self) -> datetime:
        """What the clock on the wall shows, in whole seconds."""
        return T0 + timedelta(seconds=int(asyncio.get_running_loop().time() - self.began + 1e-6))

    async def play(self, until: str, *people: Callable[["Night"], Awaitable[None]]) -> None:
        """Everybody at once, until then; whoever fails fails the play."""
        operator = asyncio.create_task(self._operator())
        parts = [asyncio.ensure_future(person(self)) for person in people]
        try:
            ends = asyncio.create_task(self.at(until))
            await asyncio.wait({ends, operator}, return_when=asyncio.FIRST_COMPLETED)
            assert not operator.done(), operator.exception()
            assert all(part.done() for part in parts), "somebody has not said everything"
            await asyncio.gather(*parts)
        finally:
            operator.cancel()
            with suppress(asyncio.CancelledError):
                await operator

    async def _operator(self) -> None:
        while True:
            self.bell.clear()
            self.world.now = self.now
            wake = self._look()
            self.told |= {line.seq: line for line in self.world.incident.status.timeline}
            pause = max(1.0, (wake - self.now).total_seconds()) if wake is not None else None
            with suppress(TimeoutError):
                await asyncio.wait_for(self.bell.wait(), pause)

    def _look(self) -> datetime | None:
        """One look; what it has to tell is told at once, and heard, and that is taken in by the next."""
        wake = self.world.look().wake_at
        for message in outbox(self.world, "Pending"):
            self.heard.setdefault(message.key, f"{self.now:%H:%M:%S} {message.moment}")
            self.world.deliveries[message.key] = Delivery(message.tries, Delivered.YES, self.now)
        return self.now if outbox(self.world, "Pending") else wake

    async def at(self, moment: str | datetime) -> None:
        """Until then; what was long ago is not waited for."""
        then = clock(moment) if isinstance(moment, str) else moment
        await asyncio.sleep(max(0.0, (then - self.now).total_seconds()))

    async def say(self, by: str, text: str | None = None, **said: Any) -> str:
        """One entry, as admission stamps it; its name. It has been looked at when this returns."""
        self.said += 1
        name = f"said-{self.said}"
        meta = {
            "name": name,
            "namespace": "shop",
            "uid": name,
            "resourceVersion": str(1000 + self.said),
            "creationTimestamp": stamp(self.now),
        }
        author = {"username": by, "uid": by, "groups": ["system:authenticated"]}
        spec: Json = {"incident": "checkout-5xx", "author": author, **({"text": text} if text else {}), **said}
        self.world.entries.append(read_entry({"metadata": meta, "spec": spec}))
        self.bell.set()
        await asyncio.sleep(1)
        return name

    async def alerts(self, group: Json) -> None:
        """The receiver writes how the alerts stand."""
        spec = self.world.incident.spec.model_copy(update={"alert_group": AlertGroup.model_validate(group)})
        self.world.incident = self.world.incident.model_copy(update={"spec": spec})
        self.bell.set()
        await asyncio.sleep(1)

    async def happens(self, what: Callable[[World], object]) -> None:
        """Something happens to the workload; the operator sees it when it looks next."""
        what(self.world)
        await asyncio.sleep(0)

    def lines(self, *kinds: str) -> list[str]:
        """`14:02:00 alice: …` of these kinds, in order."""
        found = (self.told[seq] for seq in sorted(self.told))
        return [f"{x.time:%H:%M:%S} {x.by}: {x.text}" for x in found if x.kind in kinds]
