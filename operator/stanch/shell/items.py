"""Keep ActionItem.status true: ask what it takes to know, tell what its owner should hear, write what is so."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.action_item import ActionItem, ItemState
from stanch.api.names import Label
from stanch.api.policy import Policy
from stanch.core.draft import MACHINE
from stanch.core.item_lint import Sibling
from stanch.core.item_status import ItemPlan, item_plan
from stanch.core.observations import Answer, Observations
from stanch.core.questions import ACTION_ITEMS, Question
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache
from stanch.shell.client import Kube
from stanch.shell.reconcile import Reconciler
from stanch.shell.status import StatusConflict, StatusRefused, changes, patch_status
from stanch.shell.tell import tell_first
from stanch.shell.tenure import Tenure

LOG = logging.getLogger("stanch.items")
# Questions lead to questions: the incident, the object, what is true of it.
ROUNDS_MAX: Final = 6
# Prometheus may be slow, and an expression takes seconds: no worker that incidents need waits for an item.
AT_ONCE: Final = 2
SOONEST_SECONDS: Final = 1.0
LATEST_SECONDS: Final = 86_400.0
# An Event that was not taken: the API server has a bad moment.
TELL_AGAIN: Final = timedelta(seconds=30)
Ask = Callable[[Iterable[Question], float | None], Awaitable[Mapping[Question, Answer]]]


class Items:
    """Looks at items beside the workers, a few at a time."""

    def __init__(self, of: Reconciler, bells: Bells, tenure: Tenure) -> None:
        """With the connection, the cache and the policies of the reconciler; only as long as this replica may work."""
        self._of, self._bells, self._tenure = of, bells, tenure
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, key: Key) -> None:
        """Look at one that was taken from the bells; says there when it is done with."""
        task = asyncio.create_task(self._look(key))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def until_cancelled(self) -> None:
        """What is under way ends with this; what was not written will be seen again."""
        try:
            await asyncio.Event().wait()
        finally:
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _look(self, key: Key) -> None:
        wake: datetime | None = None
        try:
            async with self._tenure.term(), self._turn:
                of, policy = self._of, self._of.book.policy(key.namespace)
                wake = await look_at_item(of.kube, of.observer.answer, of.cache, key, policy, of.now())
        except Exception:  # one poison object must not stop the rest
            LOG.exception("action item can't be read", extra={"item": f"{key.namespace}/{key.name}"})
        finally:
            self._bells.done(key)
        if wake is not None:
            seconds = (wake - self._of.now()).total_seconds()
            self._bells.ring_in(key, min(LATEST_SECONDS, max(SOONEST_SECONDS, seconds)))


async def look_at_item(kube: Kube, ask: Ask, cache: Cache, key: Key, policy: Policy, now: datetime) -> datetime | None:
    """
    Tell what is new and write the status if it says something else by now; when to look again.

    Nothing but an Event tells the owner, so that comes before the record that it was told: a crash between the two makes the
    next look tell it again, under the same name.
    """
    body = cache.get(key)
    if body is None:
        return None
    item = ActionItem.model_validate(body)
    planned = await _planned(ask, item, _siblings(cache, key, item), policy, now)
    if planned.status == item.status:
        return planned.wake_at
    for told in planned.told:
        if not await tell_first(kube, {"kind": "ActionItem", **body}, told, now):
            LOG.warning("an action item can't be told of", extra={"item": str(key), "what": told.reason})
            return now + TELL_AGAIN
    version = {"resourceVersion": item.metadata.resource_version, "uid": item.metadata.uid}
    # From what is stored, so that what an older operator wrote there goes.
    change = changes(body.get("status") or {}, planned.status.wire())
    try:
        stored = await patch_status(kube, ACTION_ITEMS.path(key.namespace, key.name), version, change)
    except StatusConflict:
        return now
    except StatusRefused as error:
        LOG.error("the status of an action item was refused", extra={"item": str(key), "why": str(error)})
        return planned.wake_at
    cache.put(key, stored)
    return planned.wake_at


async def _planned(
    ask: Ask, item: ActionItem, siblings: tuple[Sibling, ...], policy: Policy, now: datetime
) -> ItemPlan:
    seen = Observations()
    for _ in range(ROUNDS_MAX):
        planned = item_plan(item, seen, siblings, policy, now)
        if not planned.questions:
            return planned
        seen = seen.with_answers(await ask(planned.questions, None))
    raise RuntimeError(f"still asking after {ROUNDS_MAX} rounds: {planned.questions[:3]}")


def _siblings(cache: Cache, key: Key, item: ActionItem) -> tuple[Sibling, ...]:
    """What else is to be done after the same incident, or the same postmortem."""
    others = (cache.get(k) for k in cache.all() if k != key and k.plural == key.plural and k.namespace == key.namespace)
    return tuple(_sibling(o) for o in others if o is not None and _same(item, o))


def _same(item: ActionItem, other: Mapping[str, Any]) -> bool:
    spec, status = other.get("spec") or {}, other.get("status") or {}
    if status.get("state") == ItemState.DONE:
        return False
    mine = {("incident", item.spec.incident), ("postmortem", item.spec.postmortem)}
    return any(name is not None and spec.get(kind) == name for kind, name in mine)


def _sibling(other: Mapping[str, Any]) -> Sibling:
    meta = other["metadata"]
    machine = (meta.get("labels") or {}).get(Label.MANAGED_BY) == MACHINE
    return Sibling(meta["name"], datetime.fromisoformat(meta["creationTimestamp"]), machine)
