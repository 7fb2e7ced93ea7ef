"""Remove evidence whose time is over, or that is too much for the cluster: hourly, the oldest first, never what is needed."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Final

from stanch.api.names import OPERATOR_NAMESPACE
from stanch.core.questions import EVIDENCES, INCIDENTS
from stanch.core.retention import Kept, Removal, Standing, run_out, standing, too_much
from stanch.shell.client import Kube, Unanswered
from stanch.shell.evidence_store import CannotRead, EvidenceStore, Total
from stanch.shell.let_go import label
from stanch.shell.metrics import EVIDENCE_BYTES, EVIDENCE_REMOVED
from stanch.shell.policy_book import PolicyBook
from stanch.shell.status import StatusConflict
from stanch.shell.sweeping import look_for_ever

LOG = logging.getLogger("stanch.evidence")
EVERY_SECONDS: Final = 3600.0
# Open incidents come first when the operator starts, and the orphans after them.
FIRST_SECONDS: Final = 90.0
# A sweep has all day; an incident that is being worked on has not.
PAUSE_SECONDS: Final = 0.05


class EvidenceSweep:
    """Looks at everything that is stored, and asks of each incident how it stands; nothing is removed on a guess."""

    def __init__(
        self,
        kube: Kube,
        store: EvidenceStore,
        book: Callable[[], PolicyBook],
        clock: Callable[[], datetime],
        total: Total | None = None,
    ) -> None:
        """``book`` are the ResponsePolicies in force; ``clock`` is the API server's time; ``total`` is told what is stored."""
        self._kube, self._store, self._book, self._now = kube, store, book, clock
        self._total = total or Total()

    async def run(self) -> None:
        """For ever; whatever goes wrong is tried again in an hour."""
        words = ("evidence can't be looked through", "the evidence sweep failed")
        await look_for_ever(self.look, FIRST_SECONDS, EVERY_SECONDS, LOG, (Unanswered, CannotRead), words)

    async def look(self) -> tuple[Removal, ...]:
        """One sweep; what was removed. Nothing while a ResponsePolicy is unread: it could ask for longer."""
        book = self._book()
        if book.problem or book.unread:
            LOG.info("evidence is not looked through", extra={"why": book.problem or book.unread})
            return ()
        kept = [each async for each in self._store.rows(None)]
        EVIDENCE_BYTES.set(sum(each.bytes for each in kept))
        standings = await self._standings(kept)
        removed = await self._remove(
            [r for each in kept if (r := self._run_out(each, standings)) is not None], standings, "RunOut"
        )
        gone = {each.kept for each in removed}
        left = [each for each in kept if each not in gone]
        policy = book.policy(OPERATOR_NAMESPACE)
        most = policy.evidence_cluster_bytes
        removed += await self._remove(too_much(left, standings, most), standings, "TooMuch")
        stored = sum(each.bytes for each in kept) - sum(each.kept.bytes for each in removed)
        EVIDENCE_BYTES.set(stored)
        # What the next sweep may take away does not keep anybody from being looked at now.
        gone |= {each.kept for each in removed}
        free = too_much((each for each in left if each not in gone), standings, 0)
        self._total.bytes = stored - sum(each.kept.bytes for each in free)
        if stored > most:
            LOG.warning(
                "evidence is over its budget, and all of it is still needed", extra={"bytes": stored, "most": most}
            )
        return tuple(removed)

    def _run_out(self, kept: Kept, standings: dict[str, Standing]) -> Removal | None:
        how = standings.get(kept.incident_uid)
        return run_out(kept, how, self._book().policy(kept.namespace), self._now()) if how else None

    async def _standings(self, kept: list[Kept]) -> dict[str, Standing]:
        """By the incident's uid. One that can't be read stands nowhere: nothing of it is removed."""
        found: dict[str, Standing] = {}
        for uid, (namespace, name) in {
            e.incident_uid: (e.namespace, e.incident) for e in kept if e.incident_uid
        }.items():
            reply = await self._kube.get(INCIDENTS.path(namespace, name))
            if reply.ok or reply.status == 404:
                found[uid] = standing(reply.body if reply.ok else None, uid)
            await asyncio.sleep(PAUSE_SECONDS)
        return found

    async def _remove(
        self, wanted: list[Removal] | tuple[Removal, ...], standings: dict[str, Standing], reason: str
    ) -> list[Removal]:
        done = []
        for each in wanted:
            if not standings[each.kept.incident_uid].there:
                # Nobody is left who would have: stanch-keep-records lets only what is labelled closed be deleted.
                with contextlib.suppress(StatusConflict):
                    await label(self._kube, EVIDENCES, asdict(each.kept))
            where = {
                "evidence": f"{each.kept.namespace}/{each.kept.name}",
                "incident": each.kept.incident,
                "why": each.why,
            }
            if await self._store.remove(each.kept):
                LOG.info("evidence was removed", extra={**where, "bytes": each.kept.bytes})
                EVIDENCE_REMOVED.labels(reason).inc()
                done.append(each)
            else:
                LOG.warning("evidence can't be removed", extra=where)
            await asyncio.sleep(PAUSE_SECONDS)
        return done
