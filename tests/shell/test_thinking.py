"""Where a plan is made: what is much is made beside the loop, and comes out the same."""

import asyncio
import sys
import threading
from datetime import UTC, datetime

from build import incident
from evidence.sample import KEY, SHOP, crash, pod, world
from stanch.api.meta import Severity
from stanch.core.observations import Found, Observations
from stanch.core.plan import plan
from stanch.core.ports import Catalog
from stanch.core.questions import PODS, List, Logs
from stanch.evidence.collector import EvidenceCollector
from stanch.shell.client import CONNECTIONS
from stanch.shell.thinking import LET_IN_SECONDS, LOG_BYTES_MUCH, OBJECTS_MUCH, THREADS, Thinking, is_much
from world import CATALOG

NOW = datetime(2026, 11, 21, 14, 0, 5, tzinfo=UTC)
LOG = Logs("shop", "a", "app", True, "n1", 10, 1024, 3.0)


class Told(EvidenceCollector):
    """Tells in which threads it worked."""

    def __init__(self) -> None:
        super().__init__(KEY)
        self.threads: set[str] = set()

    def questions(self, *args, **more):
        self.threads.add(threading.current_thread().name.partition("_")[0])
        return super().questions(*args, **more)

    def prepare(self, *args):
        self.threads.add(threading.current_thread().name.partition("_")[0])
        super().prepare(*args)


def test_many_objects_or_long_logs_are_much():
    """A workload of five hundred pods, a quarter of a megabyte of logs; not the usual three pods."""
    many = {List(PODS, "shop"): Found({"items": [{}] * OBJECTS_MUCH})}
    assert is_much(Observations(many))
    assert is_much(Observations({LOG: Found({"text": "x" * LOG_BYTES_MUCH, "dropped": 0})}))
    assert not is_much(world(pod("a"), crash("b")))


async def test_what_is_much_is_planned_beside_the_loop_and_comes_out_the_same():
    """The loop goes on meanwhile; planning is pure, so it does not matter where it is done."""
    collector = Told()
    catalog = Catalog(CATALOG.mitigations, collector, CATALOG.policy)
    many = Observations({List(PODS, "shop"): Found({"items": [pod(f"p{n}") for n in range(OBJECTS_MUCH)]})})
    thinking = Thinking()
    few, much = await asyncio.gather(
        thinking.plan(incident(), Observations(), catalog, NOW), thinking.plan(incident(), many, catalog, NOW)
    )
    assert {"MainThread", "plan"} == collector.threads
    assert plan(incident(), many, catalog, NOW) == much
    assert few.questions
    thinking.close()


async def test_what_is_prepared_beside_the_loop_is_used():
    """Rendered in a thread, bundled in another: the same bytes as in one."""
    collector = Told()
    catalog = Catalog(CATALOG.mitigations, collector, CATALOG.policy)
    seen = world(*(crash(f"p{n}") for n in range(OBJECTS_MUCH)))
    thinking = Thinking()
    await thinking.prepare(incident(), catalog, (SHOP,), seen, Severity.SEV1, NOW)
    assert "plan" in collector.threads
    thinking.close()


def test_the_loop_is_let_in_between_reads_soon_enough():
    """
    The loop gives Python's lock away with each read and write, and gets it back from each thread that works only after so long:
    all connections that may have something at once stay below the 50 ms for which the loop may be held up.
    """
    before = sys.getswitchinterval()
    try:
        sys.setswitchinterval(0.005)
        Thinking().close()
        assert LET_IN_SECONDS == sys.getswitchinterval()
    finally:
        sys.setswitchinterval(before)
    assert CONNECTIONS * THREADS * LET_IN_SECONDS <= 0.050
