"""Evidence of what came after has two seconds for its logs; that of an effect has its deadline."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from build import incident, roll_back
from evidence.sample import KEY
from stanch.api.meta import Severity
from stanch.api.names import MissingReason
from stanch.api.policy import DEFAULT
from stanch.core.draft import Draft
from stanch.core.observations import Failed, Found, Observations
from stanch.core.plan import plan
from stanch.core.plan_type import Plan
from stanch.core.ports import Refusal
from stanch.core.questions import AROUND, DEPLOYMENTS, EVENTS, HPAS, PODS, Get, List, Logs, MayGo
from stanch.evidence.collector import EvidenceCollector
from stanch.mitigations.workload import unanswered
from stanch.shell.bells import Bells
from stanch.shell.cache import Cache
from stanch.shell.client import Reply, Unanswered
from stanch.shell.clock import Clock
from stanch.shell.observe import DRIES_AT_ONCE, LOGS_AT_ONCE, Observer
from stanch.shell.reconcile import LATER_SECONDS, Reconciler
from stanch.shell.rewind import Rewind
from world import CATALOG, bad_deploy

LOG = Logs("shop", "checkout-1", "app", True, "n1", 10, 1024, 3.0)


class Waits:
    """Notes how long each round of questions may take."""

    def __init__(self) -> None:
        self.within: list[float] = []

    async def answer(self, questions, within, spare):
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


class SlowLists(Nobody):
    """An API server with so many Events that it says nothing of them for a minute; kubelets answer."""

    async def get(self, path, params=None, accept=""):
        if path.endswith("/events"):
            await asyncio.sleep(60)
        return Reply(200, {"items": []})

    async def log(self, path, params, keep, seconds):
        await asyncio.sleep(0.5)
        return 200, b"FATAL: cannot open shard 7\n", 0


@pytest.mark.looptime
async def test_one_slow_list_does_not_take_the_time_of_the_logs():
    """It has half of the deadline; what must be known is waited for."""
    events, pods = List(EVENTS, "shop"), List(PODS, "shop")
    observer, loop = Observer(SlowLists()), asyncio.get_running_loop()
    began = loop.time()
    answers = await observer.answer([events, pods], 5.0, frozenset({events}))
    assert 2.5 == pytest.approx(loop.time() - began, abs=0.1)
    assert ("DeadlineOver", True) == (answers[events].reason, isinstance(answers[pods], Found))
    assert isinstance((await observer.answer([LOG], 2.5))[LOG], Found)
    began = loop.time()
    assert isinstance((await observer.answer([events], 5.0))[events], Found)
    assert 60 == pytest.approx(loop.time() - began, abs=0.1)


def test_only_what_evidence_alone_asks_for_can_be_spared():
    """An effect that must know who scales its target waits for that list, also where evidence was told that it took too long."""
    world, rounds = bad_deploy(incident(roll_back())), []
    world.catalog = replace(CATALOG, collector=EvidenceCollector(KEY))

    def decide(seen):
        while True:
            decided = plan(world.incident, seen, world.catalog, world.now)
            if not decided.questions:
                return decided, seen
            rounds.append(decided)
            cut = Failed(0, "the evidence deadline was over", MissingReason.DEADLINE_OVER)
            seen = seen.with_answers({q: cut if q in decided.spare else world.answer(q) for q in decided.questions})

    world.decide = decide
    world.look()
    assert 1 == len(world.effects)
    spared = {q for r in rounds for q in r.spare}
    assert {EVENTS} < {q.ref for q in spared} <= AROUND
    waited = {q for r in rounds for q in r.questions if q in spared and q not in r.spare}
    assert HPAS in {q.ref for q in waited}


def test_what_an_action_must_know_and_evidence_was_not_given_is_asked_again():
    """Else it would be a list that can't be read, look after look, until nobody wants the effect any more."""
    target, hpas = Get(DEPLOYMENTS, "shop", "checkout"), List(HPAS, "shop")
    cut = Failed(0, "the evidence deadline was over", MissingReason.DEADLINE_OVER)
    seen = Observations().with_answers({target: Found({}), hpas: cut})
    assert (hpas,) == unanswered(seen, (target, hpas), 2, "Who steers it")
    silent = seen.with_answers({hpas: Failed(0, "no answer", MissingReason.NOT_ANSWERED)})
    assert isinstance(unanswered(silent, (target, hpas), 2, "Who steers it"), Refusal)


@pytest.mark.parametrize("wants", ["whole evidence", "what came after"])
def test_nothing_is_spared_where_nothing_is_done_without_or_nobody_waits(wants):
    """The whole deadline, or the whole of two seconds, for all lists."""
    world = bad_deploy(incident(roll_back()))
    policy = replace(DEFAULT, evidence_required=wants == "whole evidence")
    draft = Draft(world.incident, world.seen(), replace(CATALOG, policy=policy), world.now, world.incident.status)
    draft.later = wants == "what came after"
    draft.ask_for_evidence(List(EVENTS, "shop"))
    assert frozenset() == draft.spare
    draft.catalog, draft.later = CATALOG, False
    assert {List(EVENTS, "shop")} == draft.spare


class Hanging(Nobody):
    """A webhook that says nothing; counts how many wait for it at once."""

    def __init__(self):
        self.now, self.most = 0, 0

    async def evict(self, namespace, name, uid, dry):
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(12)
        self.now -= 1
        raise Unanswered("POST eviction: TimeoutError")


@pytest.mark.looptime
async def test_dry_runs_leave_connections_for_others():
    """A drain tries each eviction: with all connections gone the lease could not be renewed, again and again."""
    kube = Hanging()
    answers = await Observer(kube).answer([MayGo("shop", f"p{n}", f"u{n}") for n in range(100)], None)
    assert (100, DRIES_AT_ONCE) == (len(answers), kube.most)


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
