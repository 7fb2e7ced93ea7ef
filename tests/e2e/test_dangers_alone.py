"""Dangers that need an operator of their own, behind a proxy: F2 between plan and effect, F5, F11 with nobody there."""

import subprocess
from pathlib import Path
from typing import Any

from e2e.support.api import Api, Json, together, until
from e2e.support.operators import ForkServer, Operator
from e2e.support.proxy import Fault, FaultProxy, Loop
from e2e.support.world import ROLL_BACK, WORSE, World, deployment, good, incident, lines, new_world, stuck, wish

PAUSE = wish("pause", "rolloutPause")


def broken(world: World) -> None:
    """A good release that serves, and a bad one that does not."""
    world.deploy(deployment())
    world.serving()
    world.release(stuck())
    world.observed()


def test_a_namesake_is_never_touched(
    admin: Api, token: Json, fork_server: ForkServer, loop: Loop, tmp_path: Path
) -> None:
    """F2: the target is deleted and made again between plan and effect; the patch knows the one that was meant."""
    world = new_world(admin, "namesake")
    broken(world)

    def swap() -> None:
        admin.delete("deployments", world.ns, "checkout", propagationPolicy="Foreground").must()
        until(lambda: admin.find("deployments", world.ns, "checkout") is None, 30, "it is gone")
        world.deploy(deployment(pod=stuck()))

    with FaultProxy(loop, admin.server, admin.ca, world.ns) as proxy:
        proxy.faults = [Fault("PATCH deployments#1", "before", "call", swap)]
        with Operator(proxy.kubeconfig(token), tmp_path, "op", fork_server):
            world.declare(incident(ROLL_BACK))
            world.state("Failed")
            assert proxy.committed("PATCH deployments") == []
    assert "namesake" in world.mitigation()["message"] or "replaced" in world.mitigation()["message"]
    assert world.target()["metadata"]["generation"] == 1
    admin.delete("namespaces", None, world.ns)


def test_two_replicas_and_a_restart_make_one_effect(
    admin: Api, token: Json, fork_server: ForkServer, loop: Loop, tmp_path: Path
) -> None:
    """F5: both see the intention; one is killed right before its patch and started again."""
    world = new_world(admin, "replicas")
    broken(world)
    before = world.target()
    with FaultProxy(loop, admin.server, admin.ca, world.ns) as proxy:
        one, two = (Operator(proxy.kubeconfig(token), tmp_path, name, fork_server) for name in ("one", "two"))
        proxy.faults = [Fault("PATCH deployments#1", "before", "call", one.kill)]
        together(one.start, two.start)
        try:
            world.declare(incident(ROLL_BACK))
            until(lambda: proxy.faults[0].fired and not one.alive(), 30, "one is killed")
            one.start()
            world.condition("Resolved")
        finally:
            together(one.stop, two.stop)
        assert len(proxy.committed("PATCH deployments")) == 1
    assert world.target()["metadata"]["generation"] == before["metadata"]["generation"] + 1
    assert one.complaints() + two.complaints() == []
    admin.delete("namespaces", None, world.ns)


def test_a_namespace_goes_while_no_operator_runs(
    admin: Api, kubectl: Any, token: Json, fork_server: ForkServer, loop: Loop, tmp_path: Path
) -> None:
    """F11: no finalizer and no policy of ours holds up `kubectl delete ns`, with an open incident in it."""
    world = new_world(admin, "leaving")
    world.deploy(deployment(pod=good()))
    world.serving()
    with (
        FaultProxy(loop, admin.server, admin.ca, world.ns) as proxy,
        Operator(proxy.kubeconfig(token), tmp_path, "op", fork_server),
    ):
        world.declare(incident(PAUSE))
        world.state("Done", "pause")
    words = [*kubectl.start, "delete", "namespace", world.ns, "--timeout=60s"]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 0, done.stderr
    assert admin.find("namespaces", None, world.ns) is None


def test_story_8_a_release_in_between_is_not_overwritten(
    admin: Api, token: Json, fork_server: ForkServer, loop: Loop, tmp_path: Path
) -> None:
    """A fix is pushed between the plan and the effect: the write is refused, the fix stays, and it is told who."""
    world = new_world(admin, "between")
    broken(world)
    with FaultProxy(loop, admin.server, admin.ca, world.ns) as proxy:
        fix = Fault("PATCH deployments#1", "before", "call", lambda: world.release(good(WORSE)))
        proxy.faults = [fix]
        with Operator(proxy.kubeconfig(token), tmp_path, "op", fork_server):
            world.declare(incident(ROLL_BACK))
            world.wait(lambda s: lines(s, "MitigationDiverged"), "it is seen that somebody was quicker")
        assert proxy.committed("PATCH deployments") == []
    assert world.target()["spec"]["template"]["spec"]["containers"][0]["image"] == WORSE
    assert "pipeline" in world.mitigation()["message"]
    admin.delete("namespaces", None, world.ns)
