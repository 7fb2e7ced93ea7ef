"""
From notifications to incidents in the API: one write at a time for a group, and what comes meanwhile goes with the next.

What is decided is written only if what it rests on is still so; what was answered to somebody stands.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from stanch.api.alerts import STORM_KEY
from stanch.api.policy import Policy
from stanch.core.alert_fold import RACE
from stanch.core.alert_groups import (
    NO_RUNBOOK,
    Attach,
    Create,
    Known,
    Nothing,
    Rules,
    body_of,
    concerns,
    decide,
    patch_of,
    read_known,
    storm,
    told_again,
)
from stanch.core.alert_states import merged
from stanch.core.alertmanager import Told, joined, may_join
from stanch.core.questions import INCIDENTS
from stanch.core.runbook_match import Choice, choose
from stanch.core.severity import judge
from stanch.shell.alert_lookup import NEAR_MAX, Lookup, NotStored
from stanch.shell.cache import Cache
from stanch.shell.client import JSON_PATCH, Kube, Reply, Unanswered
from stanch.shell.metrics import ALERT_GROUPS

LOG = logging.getLogger("stanch.alerts")
# Somebody else writes the same object; each time it is read and decided anew.
TRIES_MAX: Final = 12
REST_SECONDS_MAX: Final = 1.0
# An incident that is this old has no older one to come: times of creation are whole seconds, the clock may be off by some.
SAME_SECOND: Final = timedelta(seconds=3)


class NoSuchNamespace(Exception):
    """There is none of that name."""


@dataclass(frozen=True, slots=True)
class Stored:
    """Where it is now; ``incident`` is None when there was nothing to store, and ``why`` says so."""

    namespace: str
    incident: str | None
    why: str


@dataclass(slots=True)
class _Box:
    """What waits for one group of one namespace."""

    waiting: "list[tuple[Told, asyncio.Future[Stored]]]" = field(default_factory=list)
    task: "asyncio.Task[None] | None" = None


@dataclass(slots=True)
class _Making:
    """Groups of one namespace whose incident is being made, in the order in which they began; and the newest that was made."""

    keys: list[str] = field(default_factory=list)
    version: str = ""
    storm: asyncio.Lock = field(default_factory=asyncio.Lock)


class AlertStore:
    """Keeps nothing that the API does not have."""

    def __init__(
        self, kube: Kube, policy: Callable[[str], Policy], now: Callable[[], datetime], cache: Cache | None = None
    ) -> None:
        """``policy`` says what is in force in a namespace; ``cache`` what a watch has told of open incidents."""
        self._kube, self._policy, self._now = kube, policy, now
        # Set by whoever writes ahead (shell/alert_ahead.py): does that work now, is something of a namespace's group left?
        self.is_kept: Callable[[], bool] = lambda: False
        self.awaited: Callable[[str, str], Awaitable[bool]] = _never
        self._lookup = Lookup(kube, cache or Cache())
        self._boxes: dict[tuple[str, str], _Box] = {}
        self._making: dict[str, _Making] = {}
        # Uids of incidents of which a list has shown that they are the oldest of their group.
        self._alone: OrderedDict[str, None] = OrderedDict()

    async def take(self, namespace: str, told: Told) -> Stored:
        """Store it, with whatever else is told of the group now. Raises NotStored or NoSuchNamespace."""
        key = (namespace, told.key)
        box = self._boxes.setdefault(key, _Box())
        future: asyncio.Future[Stored] = asyncio.get_running_loop().create_future()
        box.waiting.append((told, future))
        if box.task is None:
            box.task = asyncio.create_task(self._empty(key, box))
        return await future

    async def close(self) -> None:
        """Nothing is written any more."""
        tasks = [box.task for box in self._boxes.values() if box.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _empty(self, key: tuple[str, str], box: _Box) -> None:
        try:
            while box.waiting:
                began = time.monotonic()
                now, box.waiting = _next(box.waiting)
                await self._together(key[0], now)
                await self._rest(time.monotonic() - began)
        finally:
            self._boxes.pop(key, None)
            for _, future in box.waiting:
                future.cancel()

    async def _rest(self, took: float) -> None:
        """
        So that all groups together write about one incident at a time, which is what keeps the API server free to answer others.
        Nobody waits for it where what comes is kept before it is in its incident.
        """
        if self.is_kept():
            await asyncio.sleep(min(REST_SECONDS_MAX, took * (len(self._boxes) - 1)))

    async def _together(self, namespace: str, batch: "list[tuple[Told, asyncio.Future[Stored]]]") -> None:
        try:
            tolds = [told for told, _ in batch]
            stored = await self._store(namespace, joined(tolds) if len(tolds) > 1 else tolds[0])
        except (NotStored, NoSuchNamespace) as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(type(error)(*error.args))
        except Exception as error:  # a poison group is told again, and cancels nobody who waits for more than this
            LOG.exception("alerts can't be stored")
            for _, future in batch:
                if not future.done():
                    future.set_exception(NotStored(f"{type(error).__name__}: the log of stanch says more"))
        except BaseException:
            for _, future in batch:
                future.cancel()
            raise
        else:
            for _, future in batch:
                if not future.done():
                    future.set_result(stored)

    # --- one write ---------------------------------------------------------------------------------------------------

    async def _store(self, namespace: str, told: Told) -> Stored:
        stored: Stored | str = ""
        try:
            for number in range(TRIES_MAX):
                stored = await self._try(namespace, told, sure=number > 0)
                if isinstance(stored, Stored):
                    return stored
        except Unanswered as error:
            raise NotStored(str(error)) from error
        raise NotStored(f"tried {TRIES_MAX} times: {stored}")

    async def _try(self, namespace: str, told: Told, sure: bool) -> Stored | str:
        """Decide, and write; or words for why that was overtaken. Without a write it must be ``sure``: as it is now."""
        known = await self._lookup.known(namespace, told.key, sure)
        policy = self._policy(namespace)
        rules = Rules(policy.declare_alerts, policy.declare_within, policy.reopen_within, policy.recurrence_within)
        decision = decide(told, known, rules, self._now())
        if not sure and (isinstance(decision, Nothing) or (isinstance(decision, Attach) and not decision.changes)):
            return "it may be otherwise by now"
        match decision:
            case Nothing(why=why):
                if not told.firing and await self.awaited(namespace, told.key):
                    # It ends what nobody has put into an incident yet: told again, or taken in later, it finds it there.
                    raise NotStored("something older of the group is on its way into its incident")
                if not told.firing and await self._lookup.known(namespace, told.key, sure) != known:
                    return "something of the group came into its incident meanwhile"
                ALERT_GROUPS.labels("nothing").inc()
                return Stored(namespace, None, why)
            case Attach():
                return await self._attach(decision)
            case Create():
                return await self._create(namespace, told, decision)

    async def _attach(self, decision: Attach) -> Stored | str:
        known = decision.known
        if not decision.changes:
            if older := await self._older(known, ""):
                return older
            self._lookup.saw(known)
            ALERT_GROUPS.labels("known").inc()
            return Stored(known.namespace, known.name, "nothing new")
        path = INCIDENTS.path(known.namespace, known.name)
        reply = await self._kube.patch(path, json.dumps(patch_of(decision), separators=(",", ":")), JSON_PATCH)
        if reply.ok:
            after = read_known(reply.body)
            if after is None or (after.ended and not known.ended):
                return f"{known.name} was closed meanwhile"
            if older := await self._older(after, _version(reply)):
                return older
            self._lookup.saw(after)
            ALERT_GROUPS.labels("attached" if decision.why == "open" else decision.why).inc()
            return Stored(known.namespace, known.name, decision.why)
        if reply.status in (404, 409, 422):
            # Another wrote its spec, or it is over or gone. A refusal for what we wrote comes again, and is told in the end.
            return reply.message
        raise NotStored(reply.message)

    async def _older(self, known: Known, version: str) -> str:
        """
        Why what stands in this incident has to be written into another as well, "" when it has not: one that was made in the same
        second, by another replica, and took over what this one knew before, is the older by its name. This one will go.
        """
        age = self._now() - known.created
        if known.over is not None or known.group.key == STORM_KEY or age > 2 * RACE or known.uid in self._alone:
            return ""
        there = await self._lookup.made_before(known.namespace, known.group.key, version)
        if not there or there[0].name == known.name:
            if age > SAME_SECOND:
                self._alone[known.uid] = None
                while len(self._alone) > NEAR_MAX:
                    self._alone.popitem(last=False)
            return ""
        # A watch may not have told of it yet.
        self._lookup.forget(known.namespace, known.group.key)
        return f"{there[0].name} is older"

    async def _create(self, namespace: str, told: Told, decision: Create) -> Stored | str:
        making = self._making.setdefault(namespace, _Making())
        with _in_line(making.keys, told.key) as ahead:
            room, choice = await asyncio.gather(
                self._lookup.room(namespace, ahead, making.version), self._choose(namespace, told)
            )
            made = await self._make(namespace, told, decision, choice) if room else None
            if isinstance(made, Reply):
                making.version = _version(made)
        if isinstance(made, Reply):
            return await self._unless_older(namespace, told, made)
        if made is not None:
            return made
        async with making.storm:
            return await self._into_storm(namespace, told)

    async def _into_storm(self, namespace: str, told: Told) -> Stored | str:
        """One after the other, for all of them write the same object."""
        decision = storm(told, await self._lookup.storms(namespace), self._now())
        if isinstance(decision, Attach):
            return await self._attach(decision)
        made = await self._make(namespace, told, decision, NO_RUNBOOK)
        return made if isinstance(made, str) else Stored(namespace, made.body["metadata"]["name"], "created")

    async def _make(self, namespace: str, told: Told, decision: Create, choice: Choice) -> Reply | str:
        """Under the first name that is free; or words for why it goes into another's."""
        for name in decision.names:
            reply = await self._kube.create(INCIDENTS.path(namespace), body_of(decision, name, namespace, told, choice))
            if reply.ok:
                ALERT_GROUPS.labels("created").inc()
                LOG.info("an alert made an incident", extra={"incident": f"{namespace}/{name}"})
                return reply
            if reply.status != 409:
                raise _why_not(reply, namespace)
            known = await self._lookup.one(namespace, name)
            if known is not None and known.group.key == decision.group.key and known.over is None:
                # Another replica made it; what was told to us goes into it on the next try.
                return f"{name} was made meanwhile"
        raise NotStored(f"all {len(decision.names)} names for it are taken, the first is {decision.names[0]}")

    async def has_runbook(self, namespace: str, told: Told) -> bool:
        """Is a Runbook of that namespace for these alerts, however severe? What fires changes, where it goes does not."""
        choice = choose(told.labels, await self._lookup.runbooks(namespace))
        return choice.chosen is not None or bool(choice.tied)

    async def home(self, told: Told, meant: str) -> str | None:
        """
        The namespace of the incident that is to hear of it: the one that is open, or that was resolved and hears its end, or is
        opened again. ``meant`` is where a new one would be. Raises NotStored.
        """
        try:
            found = await self._lookup.home(told, meant)
        except Unanswered as error:
            raise NotStored(str(error)) from error
        if found is None or not concerns(found, told, self._policy(found.namespace).reopen_within, self._now()):
            return None
        return found.namespace

    async def _choose(self, namespace: str, told: Told) -> Choice:
        """Among the Runbooks of the very namespace, for nobody's Runbook takes another's alerts."""
        policy = self._policy(namespace)
        severity = judge(None, told.firing, policy).level or policy.when_unknown
        return choose(told.labels, await self._lookup.runbooks(namespace), severity)

    async def _unless_older(self, namespace: str, told: Told, made: Reply) -> Stored | str:
        """Two that were made at once: the older one is to know all of it, for the younger will go (core/alert_fold.py)."""
        mine = read_known(made.body)
        if mine is None:
            raise NotStored("what was made can't be read")
        # Of two that are made at once the second sees the first: its list shows all that was there when it was made.
        there = await self._lookup.made_before(namespace, told.key, _version(made))
        if there and there[0].name != mine.name:
            return f"{there[0].name} is older"
        self._lookup.saw(mine)
        # Made in the same second, and by its name ours is the older one: what was told to the other must not go with it.
        group = mine.group
        for other in there[1:]:
            group = merged(group, told_again(other), self._now())
        if group != mine.group:
            return await self._attach(Attach(mine, group, "open"))
        return Stored(namespace, mine.name, "created")


def _next(
    waiting: "list[tuple[Told, asyncio.Future[Stored]]]",
) -> "tuple[list[tuple[Told, asyncio.Future[Stored]]], list[tuple[Told, asyncio.Future[Stored]]]]":
    """What is written together, and the rest: what was kept is told as of another time."""
    first, _ = waiting[0]
    other = next((at for at, (told, _) in enumerate(waiting) if not may_join(first, told)), len(waiting))
    return waiting[:other], waiting[other:]


async def _never(_: str, __: str) -> bool:
    return False


@contextlib.contextmanager
def _in_line(keys: list[str], key: str) -> Iterator[frozenset[str]]:
    """Gives those that are ahead: whether there is room is counted with them, so nobody has to wait for anybody."""
    ahead = frozenset(keys)
    keys.append(key)
    try:
        yield ahead
    finally:
        keys.remove(key)


def _version(reply: Reply) -> str:
    return str(reply.body["metadata"]["resourceVersion"])


def _why_not(reply: Reply, namespace: str) -> Exception:
    if reply.status == 404:
        return NoSuchNamespace(f"there is no namespace {namespace}")
    if reply.status == 403 and "is being terminated" in reply.message:
        return NoSuchNamespace(f"namespace {namespace} is being deleted")
    if reply.status == 403:
        LOG.error("alerts can't be stored: %s; apply manifests/components/alerts", reply.message)
    return NotStored(reply.message)
