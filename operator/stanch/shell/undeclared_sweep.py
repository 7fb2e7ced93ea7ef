"""Once a minute: does a budget burn that nobody has declared an incident for? Said by an Event on the Runbook of its service."""

import logging
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from stanch.api.names import OPERATOR_NAMESPACE, EventKind
from stanch.core.questions import INCIDENTS, RUNBOOKS, Metric
from stanch.core.undeclared_now import QUERY, TOLD_MAX, NotSaid, burning, on_runbooks, undeclared
from stanch.shell.cache import Cache
from stanch.shell.client import Kube, Unanswered
from stanch.shell.metrics import NUDGES
from stanch.shell.outside import Asker
from stanch.shell.policy_book import PolicyBook
from stanch.shell.secret_refs import SecretRefs
from stanch.shell.sweeping import look_for_ever
from stanch.shell.tell import tell_first

LOG = logging.getLogger("stanch.undeclared")
EVERY_SECONDS: Final = 60.0
FIRST_SECONDS: Final = 40.0
ASK_SECONDS: Final = 10.0


class UndeclaredSweep:
    """Declares nothing and writes nothing but Events; what was told is remembered so that it is not posted each minute."""

    def __init__(
        self,
        kube: Kube,
        book: Callable[[], PolicyBook],
        cache: Cache,
        clock: Callable[[], datetime],
        is_known: Callable[[], bool] = lambda: True,
    ) -> None:
        """``is_known``: have all incidents been read? Before that, nobody has declared anything."""
        self._kube, self._book, self._cache, self._now, self._is_known = kube, book, cache, clock, is_known
        self._asker = Asker(SecretRefs(kube))
        self._told: deque[tuple[str, str]] = deque(maxlen=256)

    async def run(self) -> None:
        """For ever; whatever goes wrong is tried again in a minute."""
        words = ("what burns can't be told", "the look for what burns undeclared failed")
        await look_for_ever(self.look, FIRST_SECONDS, EVERY_SECONDS, LOG, (Unanswered, NotSaid), words)

    async def look(self) -> int:
        """How many Events were posted now. Without a Prometheus in the cluster's ResponsePolicy nothing is asked."""
        book = self._book()
        policy = book.policy(OPERATOR_NAMESPACE)
        if book.problem or not policy.prometheus_url or not self._is_known():
            return 0
        query = Metric(policy.prometheus_url, QUERY, ASK_SECONDS, policy.prometheus_secret)
        found = burning(await self._asker.ask(query))
        wanting = undeclared(found, self._all(INCIDENTS.plural)) if found else []
        posted = 0
        for body, told in list(on_runbooks(wanting, self._all(RUNBOOKS.plural), self._now()))[:TOLD_MAX]:
            mark = (body["metadata"]["uid"], told.once)
            if mark in self._told or not await tell_first(self._kube, {"kind": "Runbook", **body}, told, self._now()):
                continue
            self._told.append(mark)
            NUDGES.labels(EventKind.BURNS_UNDECLARED).inc()
            posted += 1
        return posted

    def _all(self, plural: str) -> list[dict[str, Any]]:
        bodies = (self._cache.get(key) for key in self._cache.all() if key.plural == plural)
        return [body for body in bodies if body is not None]
