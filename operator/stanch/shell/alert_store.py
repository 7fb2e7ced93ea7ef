"""
From notifications to incidents in the API: one write at a time for a group, and what comes meanwhile goes with the next.

What is decided is decided on what is stored now, and written only if that is still so; what was answered to somebody stands.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from stanch.api.alerts import STORM_KEY
from stanch.api.names import Label
from stanch.api.policy import Policy
from stanch.api.runbook import Runbook
from stanch.core.alert_groups import (
    NO_RUNBOOK,
    OPEN_MAX,
    Attach,
    Create,
    Known,
    Nothing,
    Rules,
    body_of,
    decide,
    patch_of,
    read_known,
    storm,
)
from stanch.core.alertmanager import Told, joined
from stanch.core.questions import INCIDENTS, RUNBOOKS, Ref
from stanch.core.runbook_match import Choice, choose
from stanch.core.severity import judge
from stanch.shell.client import JSON_PATCH, METADATA_ONLY, Kube, Reply, Unanswered
from stanch.shell.metrics import ALERT_GROUPS

LOG = logging.getLogger("stanch.alerts")
# Somebody else writes the same object; each time it is read and decided anew.
TRIES_MAX: Final = 12
# Incidents of the group that are closed: the newest tell what was seen already.
CLOSED_LOOKED_AT: Final = 3
LIST_MAX: Final = 500


class NotStored(Exception):
    """It is not in the API, or nobody can say: whoever told it must tell it again. Carries why."""


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


class AlertStore:
    """Keeps nothing that the API does not have."""

    def __init__(self, kube: Kube, policy: Callable[[str], Policy], now: Callable[[], datetime]) -> None:
        """``policy`` says what is in force in a namespace."""
        self._kube, self._policy, self._now = kube, policy, now
        self._boxes: dict[tuple[str, str], _Box] = {}
        # Whether there is room is counted and used in turn.
        self._making: dict[str, asyncio.Lock] = {}

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
                now, box.waiting = box.waiting, []
                await self._together(key[0], now)
        finally:
            self._boxes.pop(key, None)
            for _, future in box.waiting:
                future.cancel()

    async def _together(self, namespace: str, batch: "list[tuple[Told, asyncio.Future[Stored]]]") -> None:
        try:
            stored = await self._store(namespace, joined(told for told, _ in batch))
        except (NotStored, NoSuchNamespace) as error:
            for _, future in batch:
                if not future.done():
                    future.set_exception(type(error)(*error.args))
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
            for _ in range(TRIES_MAX):
                stored = await self._try(namespace, told)
                if isinstance(stored, Stored):
                    return stored
        except Unanswered as error:
            raise NotStored(str(error)) from error
        raise NotStored(f"tried {TRIES_MAX} times: {stored}")

    async def _try(self, namespace: str, told: Told) -> Stored | str:
        """Decide on what is stored, and write; or words for why that was overtaken."""
        known = await self._known(namespace, told)
        policy = self._policy(namespace)
        rules = Rules(policy.declare_alerts, policy.declare_within, policy.reopen_within, policy.recurrence_within)
        decision = decide(told, known, rules, self._now())
        match decision:
            case Nothing(why=why):
                ALERT_GROUPS.labels("nothing").inc()
                return Stored(namespace, None, why)
            case Attach():
                return await self._attach(decision)
            case Create():
                async with self._making.setdefault(namespace, asyncio.Lock()):
                    return await self._make(namespace, told, decision)

    async def _known(self, namespace: str, told: Told) -> list[Known]:
        """Incidents of the group that are not closed, and of a storm; only without one those that are closed, too."""
        found = await self._list(namespace, f"{Label.ALERT_GROUP} in ({told.key},{STORM_KEY}),!{Label.CLOSED}")
        known = [each for each in map(read_known, found) if each is not None]
        if any(each.over is None and each.group.key == told.key for each in known):
            return known
        return [*known, *await self._closed(namespace, told.key)]

    async def _closed(self, namespace: str, key: str) -> list[Known]:
        labels = f"{Label.ALERT_GROUP}={key},{Label.CLOSED}"
        listed = await self._list(namespace, labels, METADATA_ONLY)
        # Their names begin with the same digits and go on with the time.
        newest = sorted(((m["metadata"]["creationTimestamp"], m["metadata"]["name"]) for m in listed), reverse=True)
        replies = [await self._kube.get(INCIDENTS.path(namespace, name)) for _, name in newest[:CLOSED_LOOKED_AT]]
        return [k for reply in replies if self._is_there(reply) and (k := read_known(reply.body)) is not None]

    def _is_there(self, reply: Reply) -> bool:
        if not reply.ok and reply.status != 404:
            raise NotStored(reply.message)
        return reply.ok

    async def _list(
        self, namespace: str, labels: str, accept: str = "application/json", ref: Ref = INCIDENTS
    ) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        params = {"labelSelector": labels, "limit": str(LIST_MAX)}
        while True:
            reply = await self._kube.get(ref.path(namespace), params, accept)
            if not reply.ok:
                raise NotStored(reply.message)
            items += reply.body.get("items") or ()
            more = (reply.body.get("metadata") or {}).get("continue")
            if not more:
                return items
            params["continue"] = more

    async def _attach(self, decision: Attach) -> Stored | str:
        known = decision.known
        if not decision.changes:
            ALERT_GROUPS.labels("known").inc()
            return Stored(known.namespace, known.name, "nothing new")
        path = INCIDENTS.path(known.namespace, known.name)
        reply = await self._kube.patch(path, json.dumps(patch_of(decision), separators=(",", ":")), JSON_PATCH)
        if reply.ok:
            after = read_known(reply.body)
            if after is None or (after.ended and not known.ended):
                return f"{known.name} was closed meanwhile"
            ALERT_GROUPS.labels("attached" if decision.why == "open" else decision.why).inc()
            return Stored(known.namespace, known.name, decision.why)
        if reply.status in (404, 409, 422):
            # Another wrote its spec, or it is gone. A refusal for what we wrote comes again, and is told in the end.
            return reply.message
        raise NotStored(reply.message)

    async def _make(self, namespace: str, told: Told, decision: Create) -> Stored | str:
        if not await self._room(namespace):
            found = await self._list(namespace, f"{Label.ALERT_GROUP}={STORM_KEY},!{Label.CLOSED}")
            instead = storm(told, [k for k in map(read_known, found) if k is not None], self._now())
            if isinstance(instead, Attach):
                return await self._attach(instead)
            decision = instead
        choice = NO_RUNBOOK if decision.group.key == STORM_KEY else await self._choose(namespace, told)
        for name in decision.names:
            body = body_of(decision, name, namespace, told, choice)
            reply = await self._kube.create(INCIDENTS.path(namespace), body)
            if reply.ok:
                ALERT_GROUPS.labels("created").inc()
                LOG.info("an alert made an incident", extra={"incident": f"{namespace}/{name}"})
                return await self._unless_older(namespace, name, told, decision)
            if reply.status != 409:
                raise _why_not(reply, namespace)
            taken = await self._kube.get(INCIDENTS.path(namespace, name))
            known = read_known(taken.body) if self._is_there(taken) else None
            if known is not None and known.group.key == decision.group.key and known.over is None:
                # Another replica made it; what was told to us goes into it on the next try.
                return f"{name} was made meanwhile"
        raise NotStored(f"all {len(decision.names)} names for it are taken, the first is {decision.names[0]}")

    async def has_runbook(self, namespace: str, told: Told) -> bool:
        """Is a Runbook of that namespace for these alerts? Raises NotStored."""
        choice = await self._choose(namespace, told)
        return choice.chosen is not None or bool(choice.tied)

    async def _choose(self, namespace: str, told: Told) -> Choice:
        """Among the Runbooks of the very namespace, for nobody's Runbook takes another's alerts."""
        try:
            found = await self._list(namespace, "", ref=RUNBOOKS)
        except Unanswered as error:
            raise NotStored(str(error)) from error
        policy = self._policy(namespace)
        severity = judge(None, told.firing, policy).level or policy.when_unknown
        return choose(told.labels, [r for r in map(_runbook, found) if r is not None], severity)

    async def _unless_older(self, namespace: str, name: str, told: Told, decision: Create) -> Stored | str:
        """Two that were made at once: the older one is to know all of it, for ours will go (core/alert_fold.py)."""
        if decision.group.key == STORM_KEY:
            return Stored(namespace, name, "created")
        known = [k for k in await self._known(namespace, told) if k.over is None and k.group.key == told.key]
        first = min(known, key=lambda each: (each.created, each.name), default=None)
        return Stored(namespace, name, "created") if first is None or first.name == name else f"{first.name} is older"

    async def _room(self, namespace: str) -> bool:
        found = await self._list(namespace, f"{Label.ALERT_GROUP},!{Label.CLOSED}")
        known = [k for k in map(read_known, found) if k is not None]
        return sum(k.over is None and k.group.key != STORM_KEY for k in known) < OPEN_MAX


def _runbook(body: dict[str, Any]) -> Runbook | None:
    """One that can't be read is for nothing; its own condition says so."""
    try:
        return Runbook.model_validate(body)
    except ValidationError:
        return None


def _why_not(reply: Reply, namespace: str) -> Exception:
    if reply.status == 404:
        return NoSuchNamespace(f"there is no namespace {namespace}")
    if reply.status == 403 and "is being terminated" in reply.message:
        return NoSuchNamespace(f"namespace {namespace} is being deleted")
    if reply.status == 403:
        LOG.error("alerts can't be stored: %s; apply manifests/components/alerts", reply.message)
    return NotStored(reply.message)
