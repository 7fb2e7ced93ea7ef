"""Two operators at once, on the same incidents, one of them stopped for a while: one effect each."""

import re
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from e2e.support import oracles
from e2e.support.api import Api, Json, together, until
from e2e.support.operators import ForkServer, Operator
from e2e.support.proxy import FaultProxy, Loop
from e2e.support.world import World, deployment, incident, lines, new_world, stands, stuck, wish

NAMES = [f"shop-{i}" for i in range(6)]


@dataclass
class Seen:
    """How it ended."""

    world: World
    before: dict[str, Json]
    after: dict[str, Json]
    statuses: dict[str, Json]
    wire: FaultProxy
    operators: tuple[Operator, Operator]


def broken(world: World, name: str) -> Json:
    """A good release that serves, and a bad one on top."""
    world.deploy(deployment(name))
    world.serving(name)
    world.release(stuck(), name)
    return world.observed(name)


def about(name: str) -> Json:
    """An incident of the same name, that wants it rolled back."""
    return incident(wish(), name=name, target={"kind": "Deployment", "name": name})


@pytest.fixture(scope="module")
def seen(
    admin: Api, token: Json, fork_server: ForkServer, loop: Loop, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Seen]:
    """Six incidents; the first operator is stopped in the middle of its work and goes on half a minute later."""
    world, folder = new_world(admin, "two"), tmp_path_factory.mktemp("two")
    before = dict(zip(NAMES, together(*(lambda n=n: broken(world, n) for n in NAMES)), strict=True))
    with FaultProxy(loop, admin.server, admin.ca, world.ns) as proxy:
        one, two = (Operator(proxy.kubeconfig(token), folder, name, fork_server) for name in ("one", "two"))
        together(one.start, two.start)
        try:
            together(*(lambda n=n: world.declare(about(n)) for n in NAMES))
            until(lambda: proxy.committed("PATCH incidents/status"), 30, "somebody wrote something down")
            one.signal(signal.SIGSTOP)
            time.sleep(12)  # longer than a decision may be old before it is performed
            one.signal(signal.SIGCONT)
            together(*(lambda n=n: world.wait(lambda s: lines(s, "ActionItemDrafted"), "it is over", n) for n in NAMES))
            settled(proxy)
        finally:
            one.signal(signal.SIGCONT)
            together(one.stop, two.stop)
        after = {n: world.target(n) for n in NAMES}
        yield Seen(world, before, after, {n: world.status(n) for n in NAMES}, proxy, (one, two))
    admin.delete("namespaces", None, world.ns)


def settled(proxy: FaultProxy) -> None:
    """Wait until nothing has been written for three seconds."""
    counts = [-1]

    def quiet() -> bool:
        counts.append(sum(s.is_write for s in proxy.log))
        return counts[-1] == counts[-2]

    until(quiet, 30, "nothing is written any more", every=3)


def test_one_effect_each(seen: Seen) -> None:
    """Each Deployment's template changed exactly once."""
    for name in NAMES:
        assert seen.after[name]["metadata"]["generation"] == seen.before[name]["metadata"]["generation"] + 1, name
    accepted = [re.sub(".*/", "", s.path) for s in seen.wire.committed("PATCH deployments")]
    assert sorted(accepted) == NAMES


def test_both_were_at_work(seen: Seen) -> None:
    """Or this test would prove nothing: each of them planned something."""
    assert all("msg=planned" in o.log.read_text() for o in seen.operators)


def test_the_record_is_one(seen: Seen) -> None:
    """One attempt each, verified; no line told twice; nobody complains."""
    for name in NAMES:
        status = seen.statuses[name]
        assert [a["state"] for a in stands(status, "roll-back")["attempts"]] == ["Verified"], name
        oracles.timeline_is_complete(status)
    assert [o.complaints() for o in seen.operators] == [[], []]
