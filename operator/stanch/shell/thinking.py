"""Where plan() runs: on the event loop while it is little work, beside it when there is much to read and to mask."""

import asyncio
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import chain
from typing import Final

from stanch.api.incident import Incident
from stanch.api.meta import Severity
from stanch.core.observations import Found, Observations
from stanch.core.plan import plan
from stanch.core.plan_type import Plan
from stanch.core.ports import Aim, Catalog
from stanch.core.questions import List, Logs

# Measured: 500 pods take 30 ms of a plan, 1 MiB of logs 65 ms. Below these, a plan is done in less than the 50 ms for which the
# loop may be held up, and a thread would cost more than it gives.
OBJECTS_MUCH: Final = 150
LOG_BYTES_MUCH: Final = 192 * 1024
THREADS: Final = 2
# Whoever waits for a thread that works is let in after so long; Python's own 5 ms are too long for the loop, which has to be let in
# again behind each read and each write of a connection: 28 logs that come at once would hold it up for 140 ms.
LET_IN_SECONDS: Final = 0.00025


def is_much(seen: Observations) -> bool:
    """Would it take long enough to be felt by others?"""
    objects = logs = 0
    # What is held for a part b is masked and packed, too, when its turn comes.
    for question, answer in chain(seen.answers.items(), *(held.answers.items() for held in seen.held.values())):
        if not isinstance(answer, Found):
            continue
        if isinstance(question, List):
            objects += len(answer.value.get("items") or ())
        elif isinstance(question, Logs):
            logs += len(answer.value.get("text") or "")
    return objects >= OBJECTS_MUCH or logs >= LOG_BYTES_MUCH


def let_the_loop_in() -> None:
    """From now on, in this process."""
    sys.setswitchinterval(LET_IN_SECONDS)


class Thinking:
    """Plans are pure, so it does not matter where they are made; what a collector keeps between them is safe for threads."""

    def __init__(self) -> None:
        """A pool of its own: nobody else's work stands before an effect. The process is set to let the loop in soon."""
        let_the_loop_in()
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="plan")

    async def plan(self, incident: Incident, seen: Observations, catalog: Catalog, now: datetime) -> Plan:
        """As core/plan.py."""
        if not is_much(seen):
            return plan(incident, seen, catalog, now)
        return await asyncio.get_running_loop().run_in_executor(self._pool, plan, incident, seen, catalog, now)

    async def prepare(
        self,
        incident: Incident,
        catalog: Catalog,
        aims: tuple[Aim, ...],
        seen: Observations,
        severity: Severity,
        now: datetime,
    ) -> None:
        """Render what is known while logs are on their way."""
        uid, work = incident.metadata.uid, catalog.collector.prepare
        if not is_much(seen):
            work(uid, aims, seen, severity, now)
            return
        await asyncio.get_running_loop().run_in_executor(self._pool, work, uid, aims, seen, severity, now)

    def close(self) -> None:
        """Nothing more is begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)
