"""Evidence of what came after has two seconds for its logs; that of an effect has its deadline."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from build import incident, roll_back
from stanch.api.meta import Severity
from stanch.api.policy import DEFAULT
from stanch.core.observations import Found, Observations
from stanch.core.plan_type import Plan
from stanch.core.questions import Logs
from stanch.shell.bells import Bells
from stanch.shell.cache import Cache
from stanch.shell.client import Unanswered
from stanch.shell.clock import Clock
from stanch.shell.observe import LOGS_AT_ONCE, Observer
from stanch.shell.reconcile import LATER_SECONDS, Reconciler
from stanch.shell.rewind import Rewind
from world import CATALOG, bad_deploy

LOG = Logs("shop", "checkout-1", "app", True, "n1", 10, 1024, 3.0)


class Waits:
    """Notes how long each round of questions may take."""

    def __init__(self) -> None:
        self.within: list[float] = []

    async def answer(self, questions, within):
        self.within.append(within)
        return {}


class Nobody:
    """No API server is needed to see how long one would be waited for."""

    clock = Clock()


async def test_nobody_waits_longer_than_a_moment_for_what_came_after():
    """A wish that comes meanwhile is looked at two seconds later at most, however dead the kubelets are."""
    world = bad_deploy(incident(roll_back()))
    reconciler = Reconciler(Nobody(), CATALOG, Cache(), Bells(), Rewind(Nobody()))
    reconciler.observer, reconciler.now = Waits(), lambda: world.now
    seen = Observations(evidence_started=world.now)
    asking = Plan(world.incident.status, questions=(LOG,))
    await reconciler._answers(world.incident, asking, seen)
    await reconciler._answers(world.incident, replace(asking, later=True), seen)
    late = replace(seen, evidence_started=world.now - timedelta(seconds=4))
    await reconciler._answers(world.incident, replace(asking, later=True), late)
    assert [5.0, LATER_SECONDS, LATER_SECONDS] == reconciler.observer.within


class HalfDead:
    """Kubelets of which every second one takes a connection and says nothing, ever."""

    clock = Clock()

    async def log(self, path, params, keep, seconds):
        if "/pods/odd-" in path:
            await asyncio.sleep(seconds)
            raise Unanswered(f"GET {path}: TimeoutError")
        return 200, b"FATAL: cannot open shard 7\n", 0


@pytest.mark.looptime
async def test_with_half_of_the_nodes_dead_the_logs_take_no_longer_than_sev1_waits():
    """Fourteen pods on fourteen nodes, both logs of each: by simulated time, within the deadline, and all of the living ones."""
    pods = [f"{'even' if n % 2 else 'odd'}-{n}" for n in range(14)]
    asked = [Logs("shop", pod, "app", age, pod, 2000, 262_144, 3.0) for pod in pods for age in (True, False)]
    began = asyncio.get_running_loop().time()
    answers = await Observer(HalfDead()).answer(asked, DEFAULT.evidence_deadline[Severity.SEV1].total_seconds())
    took = asyncio.get_running_loop().time() - began
    assert took <= DEFAULT.evidence_deadline[Severity.SEV1].total_seconds()
    assert {q.pod for q in asked if isinstance(answers[q], Found)} == {pod for pod in pods if pod.startswith("even")}
    assert {"NodeSilent"} == {answers[q].reason for q in asked if q.pod.startswith("odd")}


@pytest.mark.looptime
async def test_many_dead_nodes_at_once_do_not_add_up():
    """More dead nodes than are asked at once: what is not answered at the deadline is left behind, whatever it waits for."""
    asked = [Logs("shop", f"odd-{n}", "app", True, f"n{n}", 2000, 262_144, 3.0) for n in range(3 * LOGS_AT_ONCE)]
    began = asyncio.get_running_loop().time()
    answers = await Observer(HalfDead()).answer(asked, 5.0)
    assert asyncio.get_running_loop().time() - began <= 5.0 + 0.01
    assert {"NodeSilent", "DeadlineOver"} == {answer.reason for answer in answers.values()}
