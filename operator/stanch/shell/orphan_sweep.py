"""Look for marks whose incident is gone: at start, every ten minutes, and when an incident was deleted. Nothing is ever removed."""

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from typing import Any, Final

from stanch.api.names import OPERATOR_NAMESPACE, EventKind, Label
from stanch.core.orphans import KINDS, Mark, mark_of, orphans, words
from stanch.core.plan_type import Told
from stanch.core.questions import INCIDENTS, Ref
from stanch.shell.client import JSON, METADATA_ONLY, Kube, Unanswered
from stanch.shell.metrics import ORPHANS
from stanch.shell.tell import tell_once

LOG = logging.getLogger("stanch.orphans")
EVERY_SECONDS: Final = 600.0
# Open incidents come first when the operator starts.
FIRST_SECONDS: Final = 30.0
# After an incident was deleted: with its namespace, most of what it marked goes in the next seconds.
SOON_SECONDS: Final = 5.0
CONFIRM_SECONDS: Final = 10.0
PAGE: Final = 500
ONE_METADATA: Final = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"


class CannotLook(Exception):
    """Objects can't be listed, so nobody can say what is among them. Carries the server's words, and its status."""

    def __init__(self, words: str, status: int = 0) -> None:
        """``status`` is that of HTTP."""
        super().__init__(words)
        self.status = status


async def objects(
    kube: Kube, ref: Ref, namespace: str | None, labels: str, accept: str, page: int = PAGE
) -> AsyncIterator[dict[str, Any]]:
    """Everything of a kind, page by page. Raises CannotLook with the server's words; a kind that is not served is empty."""
    token = ""
    while True:
        params = {"limit": str(page), "labelSelector": labels} | ({"continue": token} if token else {})
        reply = await kube.get(ref.path(namespace), params, accept)
        if reply.status == 404:
            return
        if not reply.ok:
            raise CannotLook(reply.message, reply.status)
        for item in reply.body.get("items") or ():
            yield item
        token = str((reply.body.get("metadata") or {}).get("continue") or "")
        if not token:
            return


async def find_orphans(kube: Kube, confirm: Callable[[], Awaitable[None]]) -> tuple[tuple[Mark, ...], dict[str, str]]:
    """Orphans, and by kind why it could not be looked at. ``confirm`` waits until a second look is worth it."""
    marks: list[Mark] = []
    problems: dict[str, str] = {}
    for kind, ref in KINDS.items():
        try:
            async for item in objects(kube, ref, None, Label.ACTION, METADATA_ONLY):
                if (mark := mark_of(kind, item["metadata"])) is not None:
                    marks.append(mark)
        except CannotLook as error:
            problems[kind] = str(error)
    # After the marks: whatever was marked stood in a record before.
    suspects = orphans(marks, await open_incidents(kube)) if marks else ()
    if suspects:
        await confirm()
    return tuple([mark for mark in suspects if await _is_there(kube, mark)]), problems


async def open_incidents(kube: Kube, namespace: str | None = None) -> list[dict[str, Any]]:
    """Every incident that is not closed, from the API server and not from a cache. Raises CannotLook."""
    return [item async for item in objects(kube, INCIDENTS, namespace, f"!{Label.CLOSED}", JSON)]


async def _is_there(kube: Kube, mark: Mark) -> bool:
    reply = await kube.get(KINDS[mark.kind].path(mark.namespace, mark.name), accept=ONE_METADATA)
    return reply.ok and mark_of(mark.kind, reply.body["metadata"]) == mark


class OrphanSweep:
    """Tells of each orphan once, by an Event in the operator's namespace, and of all of them by a metric."""

    def __init__(self, kube: Kube, clock: Callable[[], datetime]) -> None:
        """``clock`` is the reconciler's."""
        self.kube, self.clock = kube, clock
        self._soon = asyncio.Event()
        self._told: set[Mark] = set()

    def soon(self) -> None:
        """An incident was deleted."""
        self._soon.set()

    async def run(self) -> None:
        """For ever; whatever goes wrong is tried again in ten minutes."""
        wait = FIRST_SECONDS
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._soon.wait(), wait)
                await asyncio.sleep(SOON_SECONDS)
            self._soon.clear()
            wait = EVERY_SECONDS
            try:
                await self.look()
            except (Unanswered, CannotLook) as error:
                LOG.warning("orphans can't be looked for", extra={"why": str(error)})
            except Exception:  # the sweep is a service to people; it must not end the operator
                LOG.exception("the orphan sweep failed")

    async def look(self) -> tuple[Mark, ...]:
        """One sweep; the orphans that are there now."""
        found, problems = await find_orphans(self.kube, lambda: asyncio.sleep(CONFIRM_SECONDS))
        counts = Counter(mark.kind for mark in found)
        for kind in KINDS:
            if kind in problems:
                LOG.info("not looked at for orphans", extra={"kind": kind, "why": problems[kind]})
            else:
                ORPHANS.labels(kind).set(counts[kind])
        for mark in found:
            if mark not in self._told:
                await self._tell(mark)
        # What is gone and comes again is told again.
        self._told &= set(found)
        return found

    async def _tell(self, mark: Mark) -> None:
        LOG.warning("an orphan was found", extra={"target": str(mark), "action": mark.action})
        told = Told(EventKind.ORPHAN_FOUND, words(mark), warning=True)
        name = f"stanch-orphan-{mark.action}-{mark.uid[:8]}"
        if await tell_once(self.kube, OPERATOR_NAMESPACE, name, told, self.clock()):
            self._told.add(mark)
