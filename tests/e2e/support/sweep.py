"""Plans of what goes wrong during one course of events, and how one of them is run and judged."""

import re
import time
import traceback
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from e2e.support import oracles
from e2e.support.api import Api, Json, until
from e2e.support.operators import ForkServer, Operator
from e2e.support.proxy import Fault, FaultProxy, Loop, Seen
from e2e.support.world import ROLL_BACK, World, deployment, incident, lines, new_world, stuck

# At once: more would only make the two cores of a CI machine slower, and timeouts true.
AT_ONCE = 16
# How often there is more to write down, for a fault that did not come to pass.
WORDS = 3
# When a plan is about no request, but about what a person does before asking for the undo.
THE_UNDO = "the undo"


@dataclass(frozen=True)
class Plan:
    """One thing that goes wrong at one request."""

    label: str
    when: str
    do: str

    def __str__(self) -> str:
        return f"{self.do} {self.when} {self.label}"


# What was found in this run of pytest, and what else is to be said at its end.
FOUND: list["Result"] = []
CLOSING: list[str] = []
WORST = ("duplicate", "lost", "half-recorded")


@dataclass
class Result:
    """
    How it went: what was seen on the wire, whether the fault came to pass, and what was wrong at the end.

    ``over`` is how much of the log there was when the play was over.
    """

    plan: Plan | None
    course: str = ""
    log: Sequence[Seen] = field(default=(), repr=False)
    told: Sequence[str] = ()
    over: int = 0
    fired: bool = True
    problem: str = ""
    seconds: float = 0.0


def closing_lines() -> list[str]:
    """How many plans, and how many of them went how badly."""
    if not FOUND:
        return CLOSING
    counts = [f"{sum(word in r.problem for r in FOUND)} {word}" for word in WORST]
    other = sum(bool(r.problem) and not any(word in r.problem for word in WORST) for r in FOUND)
    return [", ".join([f"{len(FOUND)} plans", *counts, *([f"{other} otherwise wrong"] if other else [])]), *CLOSING]


class Course(Protocol):
    """What is done while something goes wrong: a setting, a play, and what must be so in the end."""

    name: str

    def world(self, admin: Api, name: str) -> World:
        """Where it happens."""

    def leave(self, world: World) -> None:
        """Take it away, when all went well."""

    def set_up(self, world: World) -> Any:
        """Before the operator starts; what ``judge`` compares with."""

    def targets(self, world: World) -> Sequence[str]:
        """Parts of the paths of what it may change."""

    def play(self, world: World, tick: Callable[[], None]) -> None:
        """Declare, wait until it is over; calls ``tick`` while it waits, which starts a killed operator again."""

    def judge(self, world: World, before: Any, proxy: FaultProxy) -> None:
        """Fails when anything was done twice, lost, or left half recorded."""


@dataclass
class Stage:
    """Everything a run needs."""

    admin: Api
    token: dict[str, Any]
    server: ForkServer
    loop: Loop
    folder: Path

    def run_all(self, plans: Iterable[tuple[Course, Plan | None]]) -> list[Result]:
        """Run all plans, several at once, each in a namespace of its own."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(lambda each: self.run(*each), plans))

    def run(self, course: Course, plan: Plan | None) -> Result:
        """One course with one thing that goes wrong, judged; the namespace is left only when it went badly."""
        began, result = time.monotonic(), Result(plan, course.name)
        name = re.sub("[^a-z0-9]+", "-", f"{course.name} {plan}".lower()).strip("-")[:30].strip("-")
        world = course.world(self.admin, name)
        only = getattr(world, "only", "")
        try:
            before = course.set_up(world)
            with FaultProxy(self.loop, self.admin.server, self.admin.ca, world.ns, only) as proxy:
                operator = Operator(proxy.kubeconfig(self.token), self.folder, only or world.ns, self.server)
                try:
                    fault, result.over = _play(course, world, proxy, operator, plan)
                    result.fired = fault is None or fault.fired
                    course.judge(world, before, proxy)
                    oracles.writes_only(course.targets(world), world, proxy)
                    if plan is None:
                        oracles.settles(proxy)
                    assert operator.complaints() == []
                finally:
                    operator.stop()
                    result.log, result.told = tuple(proxy.log), tuple(proxy.told)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            result.problem = (
                f"{world.ns}: {course.name}: {plan}: {type(error).__name__}: {error} ({where.name}: {where.line})"
            )
        else:
            course.leave(world)
        result.seconds = time.monotonic() - began
        with (self.folder / "plans.log").open("a") as log:
            log.write(
                f"{result.seconds:5.1f}s {course.name}: {plan} {'' if result.fired else 'MISSED'} {result.problem}\n"
            )
        return result


def _play(
    course: Course, world: World, proxy: FaultProxy, operator: Operator, plan: Plan | None
) -> tuple[Fault | None, int]:
    """Play it; when the operator is killed, start another. The fault, and how many requests there were by the end of the play."""
    operator.start()
    proxy.begin()
    meddle = getattr(course, "meddle", None)
    hook = (lambda: meddle(world)) if meddle else operator.kill
    fault = Fault(plan.label, plan.when, plan.do, hook) if plan else None
    proxy.faults = [fault] if fault else []
    started = False

    def tick() -> None:
        nonlocal started
        if fault and fault.do == "kill" and fault.fired and not started:
            started = True
            until(lambda: not operator.alive(), 15, "the operator is killed")
            operator.start()

    course.play(world, tick)
    over = len(proxy.log)
    if fault and fault.label == THE_UNDO:
        fault.fired = True
    if fault and not fault.fired:
        _linger(fault, lambda: course.nudge(world) if isinstance(course, RollBack) else None)
    # Killed in the very last moment: what is left to do needs another operator.
    tick()
    return fault, over


def _linger(fault: Fault, nudge: Callable[[], None]) -> None:
    """Some requests come after it is over; others, of which fewer were needed this time, when there is more to write down."""
    for left in range(WORDS, -1, -1):
        end = time.monotonic() + 2
        while not fault.fired and time.monotonic() < end:
            time.sleep(0.05)
        if fault.fired:
            return
        if left:
            nudge()


def wait_for(look: Callable[[], object], tick: Callable[[], None], what: str, seconds: float = 90) -> None:
    """Wait for something, starting a killed operator again meanwhile."""

    def looked() -> object:
        tick()
        return look()

    until(looked, seconds, what)


class InNamespace:
    """A course in a namespace of its own."""

    def world(self, admin: Api, name: str) -> World:
        """A fresh one."""
        return new_world(admin, name)

    def leave(self, world: World) -> None:
        """The API server does the waiting; what makes pods goes first, or they fill the nodes until their namespace's turn."""
        for plural in ("deployments", "statefulsets"):
            world.admin.delete(plural, world.ns, "", propagationPolicy="Background")
        world.admin.delete("namespaces", None, world.ns, propagationPolicy="Background")


class RollBack(InNamespace):
    """A bad release on top of a good one, rolled back: the main job, to its Postmortem."""

    name = "rolloutUndo"

    def set_up(self, world: World) -> Json:
        """A good release that serves, and a bad one on top."""
        world.deploy(deployment())
        world.serving()
        world.release(stuck())
        return world.observed()

    def targets(self, world: World) -> Sequence[str]:
        """The Deployment."""
        return (f"/namespaces/{world.ns}/deployments/checkout",)

    def play(self, world: World, tick: Callable[[], None]) -> None:
        """Until it is over and written down."""
        world.declare(incident(ROLL_BACK))
        wait_for(lambda: lines(world.status(), "ActionItemDrafted"), tick, "it is over and written down", 120)
        papers = {"postmortems": "checkout-5xx", "actionitems": "checkout-5xx-roll-back-fix"}
        for plural, name in papers.items():
            wait_for(lambda p=plural, n=name: world.admin.find(p, world.ns, n), tick, f"{plural} {name}", 30)

    def nudge(self, world: World) -> None:
        """Somebody says something, which is written down in a status of its own."""
        world.say("note", text="Anything else?")

    def judge(self, world: World, before: Json, proxy: FaultProxy) -> None:
        """One effect, evidence older than it, everything told once, and the papers there."""
        status = world.status()
        sent = oracles.effects(proxy)
        assert len(sent) == 1, [s.label for s in sent]
        oracles.exactly_one_effect(world, before)
        oracles.evidence_is_older(world, status, oracles.effect_version(sent[0]))
        oracles.timeline_is_complete(status)
        oracles.record_is_whole(world, status)


def sure(references: Sequence[Result]) -> list[Seen]:
    """
    What comes in each of several undisturbed runs before its play is over.

    How often it looks and writes while it waits, and what comes after, is a matter of the machine: a fault planned there is missed.
    """
    first, *others = [r.log[: r.over] for r in references]
    return [s for s in first if all(any(s.label == o.label for o in other) for other in others)]


def labels(log: Iterable[Seen]) -> list[str]:
    """What can go wrong: every request but the watches and what is asked every ten seconds anyway, in order."""
    return [s.label for s in log if not s.is_watch and not s.label.startswith("LIST postmortems")]


def writes(log: Iterable[Seen]) -> list[str]:
    """Only what changes something."""
    return [s.label for s in log if s.is_write]


def is_more_of_the_same(label: str) -> bool:
    """The fifth status and the third Event go the way of those before them; only where the record stands is new."""
    sort, _, number = label.rpartition("#")
    return int(number) > {"PATCH incidents/status": 4, "POST events": 2}.get(sort, int(number))


def stale_lists(read: Iterable[str]) -> list[Plan]:
    """A list may come from a cache that lags, and is then as it was before; a GET is always of the newest state."""
    return [Plan(label, "before", "stale") for label in read if label.startswith("LIST") and not label.endswith("#1")]
