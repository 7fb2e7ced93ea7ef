"""Evidence of what came after has two seconds for its logs; that of an effect has its deadline."""

from dataclasses import replace
from datetime import timedelta

from build import incident, roll_back
from stanch.core.observations import Observations
from stanch.core.plan_type import Plan
from stanch.core.questions import Logs
from stanch.shell.bells import Bells
from stanch.shell.cache import Cache
from stanch.shell.clock import Clock
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
    assert [5.0, LATER_SECONDS, 1.0] == reconciler.observer.within
