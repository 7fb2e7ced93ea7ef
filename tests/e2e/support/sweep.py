"""Plans of what goes wrong during one rollback, and how one of them is run and judged."""

import re
import time
import traceback
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from e2e.support import oracles
from e2e.support.api import Api, Json, until
from e2e.support.operators import ForkServer, Operator
from e2e.support.proxy import Fault, FaultProxy, Loop, Seen
from e2e.support.world import ROLL_BACK, World, deployment, incident, lines, new_world, stuck

# At once: more would only make the two cores of a CI machine slower, and timeouts true.
AT_ONCE = 16


@dataclass(frozen=True)
class Plan:
    """One thing that goes wrong at one request."""

    label: str
    when: str
    do: str

    def __str__(self) -> str:
        return f"{self.do} {self.when} {self.label}"


@dataclass
class Result:
    """How it went: what was seen on the wire, whether the fault came to pass, and what was wrong at the end."""

    plan: Plan | None
    log: Sequence[Seen] = field(default=(), repr=False)
    fired: bool = True
    problem: str = ""
    seconds: float = 0.0


@dataclass
class Stage:
    """Everything a run needs."""

    admin: Api
    token: dict[str, Any]
    server: ForkServer
    loop: Loop
    folder: Path

    def run_all(self, plans: Iterable[Plan | None]) -> list[Result]:
        """Run all plans, several at once, each in a namespace of its own."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return list(pool.map(self.run, plans))

    def run(self, plan: Plan | None) -> Result:
        """One rollback with one thing that goes wrong, judged; the namespace is left only when it went badly."""
        began, result = time.monotonic(), Result(plan)
        world = new_world(self.admin, re.sub("[^a-z0-9]+", "-", str(plan).lower()).strip("-")[:30].strip("-"))
        try:
            before = _break(world)
            with FaultProxy(self.loop, self.admin.server, self.admin.ca, world.ns) as proxy:
                operator = Operator(proxy.kubeconfig(self.token), self.folder, world.ns, self.server)
                try:
                    fault = _play(world, proxy, operator, plan)
                    result.fired = fault is None or fault.fired
                    judge(world, before, proxy, operator)
                finally:
                    operator.stop()
                    result.log = tuple(proxy.log)
        except Exception as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            result.problem = f"{world.ns}: {plan}: {type(error).__name__}: {error} ({where.name}: {where.line})"
        else:
            self.admin.delete("namespaces", None, world.ns, propagationPolicy="Background")
        result.seconds = time.monotonic() - began
        with (self.folder / "plans.log").open("a") as log:
            log.write(f"{result.seconds:5.1f}s {plan} {'' if result.fired else 'MISSED'} {result.problem}\n")
        return result


def _break(world: World) -> Json:
    """A good release that serves, and a bad one on top."""
    world.deploy(deployment())
    world.serving()
    world.release(stuck())
    return world.observed()


def _play(world: World, proxy: FaultProxy, operator: Operator, plan: Plan | None) -> Fault | None:
    """Declare; when the operator is killed, start another; until it is over and written down."""
    operator.start()
    proxy.begin()
    fault = Fault(plan.label, plan.when, plan.do, operator.kill) if plan else None
    proxy.faults = [fault] if fault else []
    world.declare(incident(ROLL_BACK))

    def over() -> bool:
        return bool(lines(world.status(), "ActionItemDrafted"))

    until(lambda: over() or (fault and fault.fired), 60, f"{plan} fires")
    if fault and not fault.fired:
        _linger(fault)
    if fault and fault.do == "kill" and fault.fired:
        until(lambda: not operator.alive(), 15, "the operator is killed")
        operator.start()
    world.wait(lambda s: lines(s, "ActionItemDrafted"), "it is over and written down", seconds=60)
    return fault


def _linger(fault: Fault) -> None:
    """Some requests come after it is over; perhaps this one never comes."""
    end = time.monotonic() + 5
    while not fault.fired and time.monotonic() < end:
        time.sleep(0.05)


def judge(world: World, before: Json, proxy: FaultProxy, operator: Operator) -> None:
    """One effect, evidence older than it, everything told once, and the papers there."""
    until(lambda: world.admin.find("postmortems", world.ns, "checkout-5xx"), 15, "the Postmortem")
    until(lambda: world.admin.find("actionitems", world.ns, "checkout-5xx-roll-back-fix"), 15, "the ActionItem")
    status = world.status()
    sent = oracles.effects(proxy)
    assert len(sent) == 1, [s.label for s in sent]
    oracles.exactly_one_effect(world, before)
    oracles.evidence_is_older(world, status, oracles.effect_version(sent[0]))
    oracles.timeline_is_complete(status)
    assert operator.complaints() == []


def labels(log: Iterable[Seen]) -> list[str]:
    """What can go wrong: every request but the watches, in order."""
    return [s.label for s in log if not s.is_watch]


def writes(log: Iterable[Seen]) -> list[str]:
    """Only what changes something."""
    return [s.label for s in log if s.is_write]
