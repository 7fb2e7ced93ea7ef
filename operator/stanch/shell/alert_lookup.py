"""
What of alerts is stored, asked with as little as will do: the incident that was written last is remembered, and patched as it is
remembered; lists come from the API server's cache, which waits for nobody.

So what is found may be a moment old. That is enough for what is then written, for a write tests what it rests on; it is never
enough for answering that nothing has to be written (ADR 38).
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from stanch.api.alerts import STORM_KEY
from stanch.api.names import Label
from stanch.api.runbook import Runbook
from stanch.core.alert_groups import OPEN_MAX, Known, read_known, resolved_last
from stanch.core.alertmanager import Told
from stanch.core.questions import INCIDENTS, RUNBOOKS, Ref
from stanch.shell.cache import Cache
from stanch.shell.client import JSON, METADATA_ONLY, Kube, Reply, Unanswered
from stanch.shell.kept import Kept

# Incidents of the group that are closed: the newest tell what was seen already.
CLOSED_LOOKED_AT: Final = 3
LIST_MAX: Final = 500
# Groups whose incident is remembered; one of a group that is forgotten costs a list.
NEAR_MAX: Final = 512
# Every group of a storm asks for the Runbooks of its namespace.
RUNBOOKS_SECONDS: Final = 1.0

Versions = Mapping[str, str]
# Whatever the API server has at hand; as new as what it has just answered; and, slower, what is so now.
AT_HAND: Final[Versions] = {"resourceVersion": "0"}
NOW: Final[Versions] = {}


def since(version: str) -> Versions:
    """A list that shows everything up to this resourceVersion."""
    return {"resourceVersion": version, "resourceVersionMatch": "NotOlderThan"} if version else NOW


class NotStored(Exception):
    """It is not in the API, or nobody can say: whoever told it must tell it again. Carries why."""


class Lookup:
    """Incidents and Runbooks, for one who stores alerts. What it remembers is no more than what the API server answered."""

    def __init__(self, kube: Kube, cache: Cache) -> None:
        """Remembers nothing yet. ``cache`` is what a watch has told of open incidents."""
        self._kube, self._cache = kube, cache
        self._near: OrderedDict[tuple[str, str], Known] = OrderedDict()
        self._runbooks: Kept[str, list[Runbook]] = Kept(lambda _: RUNBOOKS_SECONDS)

    def saw(self, known: Known) -> None:
        """This is how it is stored now. One that is over, or stands for a storm, is looked for each time."""
        place = (known.namespace, known.group.key)
        if known.over is not None or known.group.key == STORM_KEY:
            self.forget(*place)
            return
        self._near[place] = known
        self._near.move_to_end(place)
        while len(self._near) > NEAR_MAX:
            self._near.popitem(last=False)

    def forget(self, namespace: str, key: str) -> None:
        """It is not as it was."""
        self._near.pop((namespace, key), None)

    async def known(self, namespace: str, key: str, sure: bool) -> list[Known]:
        """
        Incidents of the group that are not closed, and of a storm; without an open one of its own those that are closed, too.

        ``sure``: as they are now. Raises NotStored.
        """
        near = self._near.get((namespace, key))
        if near is not None and not self._has_sibling(near):
            if not sure:
                return [near]
            again = await self.one(namespace, near.name)
            if again is not None and again.over is None and again.uid == near.uid:
                self.saw(again)
                return [again]
        self.forget(namespace, key)
        labels = f"{Label.ALERT_GROUP} in ({key},{STORM_KEY}),!{Label.CLOSED}"
        found, version = await self._list(INCIDENTS, namespace, labels, NOW if sure else AT_HAND)
        known = [each for each in map(read_known, found) if each is not None]
        if any(each.over is None and each.group.key == key for each in known):
            return known
        # Not from before that list, or one that was closed in between would be in neither.
        return [*known, *await self._closed(namespace, key, since(version))]

    async def made_before(self, namespace: str, key: str, version: str) -> list[Known]:
        """Open incidents of the group, the oldest first: all that were made up to this version."""
        labels = f"{Label.ALERT_GROUP}={key},!{Label.CLOSED}"
        found, _ = await self._list(INCIDENTS, namespace, labels, since(version))
        known = [k for k in map(read_known, found) if k is not None and k.over is None]
        return sorted(known, key=lambda each: (each.created, each.name))

    async def storms(self, namespace: str) -> list[Known]:
        """Incidents that stand for a storm, and are not closed."""
        labels = f"{Label.ALERT_GROUP}={STORM_KEY},!{Label.CLOSED}"
        found, _ = await self._list(INCIDENTS, namespace, labels)
        return [k for k in map(read_known, found) if k is not None]

    async def room(self, namespace: str, ahead: frozenset[str], version: str) -> bool:
        """Is there room for one more, besides those that groups ``ahead`` of it are making?"""
        labels = f"{Label.ALERT_GROUP},!{Label.CLOSED}"
        metas, _ = await self._list(INCIDENTS, namespace, labels, since(version) if version else AT_HAND, METADATA_ONLY)
        if len({each["metadata"]["labels"][Label.ALERT_GROUP] for each in metas} - {STORM_KEY} | ahead) < OPEN_MAX:
            return True
        # Perhaps some of them are over, which only their status says.
        found, _ = await self._list(INCIDENTS, namespace, labels)
        known = [k for k in map(read_known, found) if k is not None and k.over is None]
        return len({k.group.key for k in known} - {STORM_KEY} | ahead) < OPEN_MAX

    async def one(self, namespace: str, name: str) -> Known | None:
        """As it is now; None when it is gone, or alerts did not make it."""
        reply = await self._kube.get(INCIDENTS.path(namespace, name))
        if not reply.ok and reply.status != 404:
            raise NotStored(reply.message)
        return read_known(reply.body) if reply.ok else None

    async def runbooks(self, namespace: str) -> list[Runbook]:
        """Of the very namespace, as they were a second ago at most. Raises NotStored."""
        try:
            return await self._runbooks.get(namespace, lambda: self._read_runbooks(namespace))
        except Unanswered as error:
            raise NotStored(str(error)) from error

    async def _read_runbooks(self, namespace: str) -> list[Runbook]:
        found, _ = await self._list(RUNBOOKS, namespace, "", AT_HAND)
        return [runbook for runbook in map(_runbook, found) if runbook is not None]

    async def home(self, told: Told, meant: str) -> Known | None:
        """
        The oldest open incident of the group, wherever it is; else the one that was resolved last and is not closed; None when
        none is known. What was written into ``meant`` last is the one there. Raises NotStored.
        """
        watched = self._watched(told.key)
        if found := _first_open(watched) or self._near.get((meant, told.key)):
            return found
        near = [each for each in self._near.values() if each.group.key == told.key]
        found = _first_open(await asyncio.gather(*(self.one(each.namespace, each.name) for each in near)))
        for each in near:
            if found is None or each.uid != found.uid:
                self.forget(each.namespace, told.key)
        if found or (told.firing and not (watched or near) and self._cache.count(INCIDENTS.plural)):
            # What fires in an incident that nobody told us of yet finds it the next time; an end is told once.
            return found
        versions = AT_HAND if told.firing else NOW
        listed, _ = await self._list(INCIDENTS, "", f"{Label.ALERT_GROUP}={told.key},!{Label.CLOSED}", versions)
        known = [each for each in map(read_known, listed) if each is not None]
        return _first_open(known) or resolved_last(known)

    def _watched(self, key: str) -> list[Known]:
        """Incidents of the group that a watch has told of."""
        bodies = (self._cache.get(each) for each in self._cache.all() if each.plural == INCIDENTS.plural)
        mine = [b for b in bodies if b and (b["metadata"].get("labels") or {}).get(Label.ALERT_GROUP) == key]
        return [known for known in map(read_known, mine) if known is not None and known.ended is None]

    def _has_sibling(self, near: Known) -> bool:
        """Has a watch told of another open incident of the group? Two replicas may have made one each, and one of them will go."""
        for key in self._cache.all():
            if (key.plural, key.namespace) != (INCIDENTS.plural, near.namespace) or key.name == near.name:
                continue
            body = self._cache.get(key) or {"metadata": {}}
            if (body["metadata"].get("labels") or {}).get(Label.ALERT_GROUP) == near.group.key:
                known = read_known(body)
                if known is not None and known.over is None:
                    return True
        return False

    async def _closed(self, namespace: str, key: str, versions: Versions) -> list[Known]:
        labels = f"{Label.ALERT_GROUP}={key},{Label.CLOSED}"
        listed, _ = await self._list(INCIDENTS, namespace, labels, versions, METADATA_ONLY)
        # Their names begin with the same digits and go on with the time.
        newest = sorted(((m["metadata"]["creationTimestamp"], m["metadata"]["name"]) for m in listed), reverse=True)
        found = await asyncio.gather(*(self.one(namespace, name) for _, name in newest[:CLOSED_LOOKED_AT]))
        return [known for known in found if known is not None]

    async def _list(
        self, ref: Ref, namespace: str, labels: str, versions: Versions = NOW, accept: str = JSON
    ) -> tuple[list[dict[str, Any]], str]:
        """All of it, and which version that was. Raises NotStored."""
        items: list[dict[str, Any]] = []
        # The cache of the API server knows no pages, and gives all at once.
        params = {"labelSelector": labels} | (dict(versions) if versions else {"limit": str(LIST_MAX)})
        while True:
            reply: Reply = await self._kube.get(ref.path(namespace), params, accept)
            if not reply.ok:
                raise NotStored(reply.message)
            items += reply.body.get("items") or ()
            meta = reply.body.get("metadata") or {}
            if not meta.get("continue"):
                return items, str(meta.get("resourceVersion") or "")
            params["continue"] = meta["continue"]


def _open(known: Iterable[Known | None]) -> list[Known]:
    return [each for each in known if each is not None and each.over is None]


def _first_open(known: Iterable[Known | None]) -> Known | None:
    return min(_open(known), key=lambda each: (each.created, each.name), default=None)


def _runbook(body: dict[str, Any]) -> Runbook | None:
    """One that can't be read is for nothing; its own condition says so."""
    try:
        return Runbook.model_validate(body)
    except ValidationError:
        return None
