"""
Written ahead: what is not in its incident within a moment is kept in an AlertBatch, many notifications in one small object, and
answered then (ADR 53).

What is kept goes its way into its incident all the same, and its batch is deleted once all of it is there. Batches that are left,
by a kill or by another replica, are told again as of when they were told first, and so is what was refused meanwhile.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.alert_batch import Notification
from stanch.api.names import OPERATOR_NAMESPACE
from stanch.core.alert_batches import Batch, Kept, Unreadable, body_of, first_of, note_of, read_batch
from stanch.core.questions import ALERT_BATCHES
from stanch.shell.alert_lookup import AT_HAND, NOW, NotStored
from stanch.shell.client import METADATA_ONLY, Kube, Reply, Unanswered
from stanch.shell.metrics import ALERT_BATCHES as LEFT
from stanch.shell.metrics import ALERTS_AHEAD

LOG = logging.getLogger("stanch.alerts")
# A write into an incident takes less where nothing else is going on: then nothing is written ahead.
SOON_SECONDS: Final = 0.02
# Between two writes, and between two deletions: what comes meanwhile goes with the next one.
GAP_SECONDS: Final = 0.02
BUSY_SECONDS: Final = 0.1
# Where it is refused, for want of the kind or of the right, alerts are answered once they are in their incidents, as before.
SHUT_SECONDS: Final = 60.0
LOOK_SECONDS: Final = 5.0
FIRST_SECONDS: Final = 1.0
# Younger ones of another replica are still on their way through it.
GRACE: Final = timedelta(seconds=10)
FOLD_SECONDS: Final = 30.0
# Of those that are left so many are in memory at once, 4 MiB; and so many notifications of them are put into incidents at once.
TOGETHER: Final = 16
BATCHES_MAX: Final = 256
# So many that wait for one namespace, and what is for it is kept no more: of others there is room then.
OF_ONE_MAX: Final = 64
_CANNOT: Final = "alerts can't be written ahead: %s; apply crds and manifests/components/alerts"
PATH: Final = ALERT_BATCHES.path(OPERATOR_NAMESPACE)


class _CannotList(Exception):
    """Carries the server's words, and whether it is for want of the kind or of the right."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.message)
        self.for_good = reply.status in (403, 404)


@dataclass(eq=False, slots=True)
class _Item:
    """One notification that waits to be written ahead, or is; ``stored`` is done once it is, or can't be."""

    note: Notification
    stored: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    batch: "_Written | None" = None
    settled: bool = False


@dataclass(eq=False, slots=True)
class _Written:
    """A batch of ours: how many of it are not in their incidents yet."""

    name: str
    uid: str
    left: int


class Ahead:
    """Keeps no more in memory than what is on its way."""

    def __init__(
        self,
        kube: Kube,
        now: Callable[[], datetime],
        fold: Callable[[Kept], Awaitable[object]],
        soon: float = SOON_SECONDS,
    ) -> None:
        """``fold`` puts what was kept into its incident; it raises NotStored. ``soon`` is a moment, in seconds."""
        self._kube, self._now, self._fold, self._soon = kube, now, fold, soon
        self._waiting: list[_Item] = []
        self._live: dict[str, _Written | None] = {}
        self._spent: list[_Written] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._writing: asyncio.Task[None] | None = None
        self._deleting: asyncio.Task[None] | None = None
        self._looked = False
        self._folding = asyncio.Semaphore(TOGETHER)
        self._shut_until, self._left = 0.0, 0
        # How many of those that are left wait for a namespace.
        self._waits: Counter[str] = Counter()
        # Names of ours that were refused; of all that are left uids of those that can't be read, and which notifications stand in
        # their incidents.
        self._refused: set[str] = set()
        self._unreadable: set[str] = set()
        self._through: set[tuple[str, int]] = set()
        # By uid, of batches that were read and are not gone: at which place in it something of which group fires, meant for where.
        self._begun: dict[str, tuple[tuple[int, str, frozenset[str]], ...]] = {}
        # Of those that are left what the log says of them already.
        self._said: set[tuple[str, str]] = set()

    @property
    def works(self) -> bool:
        """Is what comes now written ahead? Not where that was refused a moment ago, or too much is left already."""
        return time.monotonic() >= self._shut_until and self._left + len(self._live) < BATCHES_MAX

    async def close(self) -> None:
        """Nothing is written any more; the next one who starts finds what is left."""
        tasks = [task for task in (*self._tasks, self._writing, self._deleting) if task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # --- what is told now --------------------------------------------------------------------------------------------

    async def first(self, direct: "asyncio.Task[Any]", kept: Callable[[], Awaitable[Kept]]) -> bool:
        """
        Wait for ``direct``, which puts it into its incident, or until it is ``kept``; whichever is first. True: it is kept, and
        ``direct`` goes on without us.
        """
        done, _ = await asyncio.wait({direct}, timeout=self._soon)
        if done or not self.works:
            return False
        keep = await kept()
        note = note_of(keep)
        if direct.done() or note is None or any(self._waits[place] >= OF_ONE_MAX for place in keep.places):
            return False
        item = _Item(note)
        direct.add_done_callback(lambda ended: self._settle(item, _went_well(ended)))
        self._waiting.append(item)
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write_all())
        await asyncio.wait({direct, item.stored}, return_when=asyncio.FIRST_COMPLETED)
        if direct.done() or (item.stored.done() and item.stored.exception()):
            return False
        self._tasks.add(direct)
        direct.add_done_callback(self._tasks.discard)
        ALERTS_AHEAD.inc()
        return True

    async def _write_all(self) -> None:
        while self._waiting:
            began = time.monotonic()
            items = self._waiting[: first_of([item.note for item in self._waiting])]
            del self._waiting[: len(items)]
            # What is in its incident by now, or was answered otherwise, is not kept.
            if items := [item for item in items if not item.settled]:
                await self._write(items)
            await asyncio.sleep(max(0.0, began + GAP_SECONDS - time.monotonic()))

    async def _write(self, items: list[_Item]) -> None:
        name = ""
        try:
            body = body_of([item.note for item in items], self._now())
            name = body["metadata"]["name"]
            if name in self._live:
                # The same was told twice in one second: what is kept of the first is deleted once that is in its incident.
                _succeed(items)
                return
            self._live[name] = None
            reply = await self._kube.create(PATH, body)
        except Unanswered as error:
            # Perhaps it is there: then it is found as one that is left.
            self._live.pop(name, None)
            await self._again(items, str(error))
        except Exception:  # a bug of ours: each still goes its own way
            self._live.pop(name, None)
            LOG.exception("alerts can't be written ahead")
            _fail(items, "stanch failed; its log says why")
        else:
            await self._judge(name, items, reply)

    async def _judge(self, name: str, items: list[_Item], reply: Reply) -> None:
        if reply.ok or reply.status == 409:
            self._stored(name, items, reply)
            return
        self._live.pop(name, None)
        if reply.busy:
            await self._again(items, reply.message)
            return
        self._shut_until = time.monotonic() + SHUT_SECONDS
        LOG.warning(_CANNOT, reply.message)
        _fail(items, reply.message)

    async def _again(self, items: list[_Item], why: str) -> None:
        LOG.info("alerts are not written ahead yet", extra={"why": why})
        await asyncio.sleep(BUSY_SECONDS)
        self._waiting[:0] = items

    def _stored(self, name: str, items: list[_Item], reply: Reply) -> None:
        _succeed(items)
        if reply.status == 409:
            # Another replica was told the same, or we did not hear the answer; what nobody deletes is found as one that is left.
            self._live.pop(name, None)
            return
        on_its_way = [item for item in items if not item.settled]
        written = self._live[name] = _Written(name, str(reply.body["metadata"]["uid"]), len(on_its_way))
        for item in on_its_way:
            item.batch = written
        if not on_its_way:
            self._spend(written)

    def _settle(self, item: _Item, went_well: bool) -> None:
        """Its own way has ended: it is in its incident, or it was refused."""
        item.settled = True
        written = item.batch
        if written is None or written.name not in self._live:
            return
        written.left -= 1
        if not went_well:
            # From now on it is one of those that are left.
            del self._live[written.name]
            self._refused.add(written.name)
        elif not written.left:
            self._spend(written)

    def _spend(self, written: _Written) -> None:
        self._spent.append(written)
        if self._deleting is None or self._deleting.done():
            self._deleting = asyncio.create_task(self._delete_all())

    async def _delete_all(self) -> None:
        while self._spent:
            written = self._spent.pop(0)
            with contextlib.suppress(Unanswered):
                await self._kube.delete(f"{PATH}/{written.name}", written.uid)
            # One that could not be deleted is told again, which changes nothing, and deleted then.
            self._live.pop(written.name, None)
            await asyncio.sleep(GAP_SECONDS)

    # --- what is left ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """For ever: tell again what is left, at once and then every few seconds."""
        while True:
            try:
                await self.look()
                self._looked = True
            except _CannotList as error:
                LOG.log(logging.DEBUG if self._looked else logging.WARNING, _CANNOT, error)
                self._looked = self._looked or error.for_good
            except Unanswered as error:
                LOG.info("what is left of alerts can't be looked for", extra={"why": str(error)})
            except Exception:  # it must not end the operator
                LOG.exception("what is left of alerts can't be taken in")
            await asyncio.sleep(LOOK_SECONDS if self._looked else FIRST_SECONDS)

    async def look(self) -> None:
        """Once. Raises Unanswered or _CannotList."""
        metas = await self._metas(sure=not self._looked)
        there = {meta["uid"] for meta in metas}
        self._unreadable &= there
        self._through = {each for each in self._through if each[0] in there}
        self._begun = {uid: begun for uid, begun in self._begun.items() if uid in there}
        names = {meta["name"] for meta in metas}
        self._refused &= names
        self._said = {each for each in self._said if each[0] in names}
        waiting, refused, waits = 0, set[tuple[str, str]](), Counter[str]()
        due = [meta["name"] for meta in metas if self._is_left(meta)]
        for at in range(0, len(due), TOGETHER):
            read = await asyncio.gather(*(self._try_to_read(name) for name in due[at : at + TOGETHER]))
            waiting += sum(each is not None for each in read)
            batches = [each for each in read if isinstance(each, Batch)]
            waiting -= await self._take_in(batches, refused)
            waits.update(place for batch in batches for place in self._waited_for(batch))
        self._left, self._waits = waiting + len(self._unreadable), waits
        LEFT.labels("waiting").set(waiting)
        LEFT.labels("unreadable").set(len(self._unreadable))

    def _is_left(self, meta: dict[str, Any]) -> bool:
        """Is nobody else about to put it into incidents?"""
        if meta["name"] in self._live or meta["uid"] in self._unreadable:
            return False
        age = self._now() - datetime.fromisoformat(meta["creationTimestamp"])
        return not self._looked or meta["name"] in self._refused or age > GRACE

    async def awaited(self, namespace: str, key: str) -> bool:
        """
        Is something of that group that fires left for that namespace, by us or by another replica, and not in its incident yet?
        Also what is not due here, for another replica may have been killed with it. Raises Unanswered.
        """
        try:
            metas = await self._metas(sure=True)
        except _CannotList as error:
            if error.for_good:
                return False
            raise Unanswered(str(error)) from error
        for meta in metas:
            uid = meta["uid"]
            if meta["name"] in self._live or uid in self._unreadable:
                continue
            if uid not in self._begun:
                # What is in a batch never changes: each is read for this once.
                await self._read(meta["name"])
            if any(
                key == group and namespace in places and (uid, at) not in self._through
                for at, group, places in self._begun.get(uid, ())
            ):
                return True
        return False

    async def _take_in(self, batches: list[Batch], refused: set[tuple[str, str]]) -> int:
        """
        All that is not in its incident yet, all groups at once; how many batches are through and go. ``refused`` are groups and
        namespaces of which something could not be: what only ends something of these waits, or it would be forgotten before that
        begins.
        """
        todo = [(batch, at, kept) for batch in batches for at, kept in enumerate(batch.kept)]
        todo = [(batch, at, kept) for batch, at, kept in todo if (batch.uid, at) not in self._through]
        await asyncio.gather(*(self._one(*each, refused) for each in todo if each[2].told.firing))
        await asyncio.gather(*(self._one(*each, refused) for each in todo if not each[2].told.firing))
        gone = 0
        for batch in batches:
            if all((batch.uid, at) in self._through for at in range(len(batch.kept))):
                reply = await self._kube.delete(f"{PATH}/{batch.name}", batch.uid)
                gone += reply.ok or reply.status in (404, 409)
        return gone

    def _waited_for(self, batch: Batch) -> set[str]:
        """Namespaces for which something of it is not in its incident yet."""
        return {p for at, kept in enumerate(batch.kept) if (batch.uid, at) not in self._through for p in kept.places}

    async def _one(self, batch: Batch, at: int, kept: Kept, refused: set[tuple[str, str]]) -> None:
        meant = {(kept.told.key, place) for place in kept.places}
        if not kept.told.firing and meant & refused:
            return
        try:
            async with self._folding, asyncio.timeout(FOLD_SECONDS):
                await self._fold(kept)
        except (NotStored, TimeoutError) as error:
            refused |= meant
            why = str(error) or f"not stored within {FOLD_SECONDS:.0f}s"
            self._say("alerts that were taken wait for their incident", batch.name, why, group=kept.told.key)
        else:
            self._through.add((batch.uid, at))

    async def _try_to_read(self, name: str) -> Batch | Unanswered | None:
        """As ``_read``. What only ends something waits for one that can't be read now, whatever it says (AlertStore)."""
        try:
            return await self._read(name)
        except Unanswered as error:
            self._say("alerts that were taken can't be read now", name, str(error))
            return error

    def _say(self, what: str, name: str, why: str, **more: str) -> None:
        """In the log; of one batch once for each reason, however many of it there are and however often it is tried."""
        if (name, why) not in self._said:
            self._said.add((name, why))
            LOG.warning(what, extra={"batch": name, "why": why, **more})

    async def _read(self, name: str) -> Batch | None:
        """None when it is gone, or can never be read: that is told once. Raises Unanswered when it can't be read now."""
        reply = await self._kube.get(f"{PATH}/{name}")
        if reply.status == 404:
            return None
        if not reply.ok:
            raise Unanswered(reply.message)
        try:
            batch = read_batch(reply.body)
        except Unreadable as error:
            self._unreadable.add(reply.body["metadata"]["uid"])
            LOG.error("alerts that were taken can't be read", extra={"batch": name, "why": str(error)})
            return None
        self._begun[batch.uid] = tuple(
            (at, kept.told.key, frozenset(kept.places)) for at, kept in enumerate(batch.kept) if kept.told.firing
        )
        return batch

    async def _metas(self, *, sure: bool) -> list[dict[str, Any]]:
        """The oldest first."""
        reply = await self._kube.get(PATH, dict(NOW if sure else AT_HAND), METADATA_ONLY)
        if not reply.ok:
            raise _CannotList(reply)
        metas = [item["metadata"] for item in reply.body.get("items") or ()]
        return sorted(metas, key=lambda meta: (meta["creationTimestamp"], meta["name"]))


def _succeed(items: list[_Item]) -> None:
    for item in items:
        if not item.stored.done():
            item.stored.set_result(None)


def _fail(items: list[_Item], why: str) -> None:
    """Whoever waits goes on waiting for its incident alone."""
    for item in items:
        if not item.stored.done():
            item.stored.set_exception(NotStored(why))
            # Nobody may be there to hear it.
            item.stored.exception()


def _went_well(ended: "asyncio.Task[Any]") -> bool:
    return not ended.cancelled() and ended.exception() is None
