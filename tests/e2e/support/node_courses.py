"""Cordon and drain as courses: nodes that are only written down, one for each plan, acted on from stanch-system."""

import contextlib
import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from e2e.support import oracles
from e2e.support.api import Api, until
from e2e.support.proxy import FaultProxy
from e2e.support.sweep import wait_for
from e2e.support.world import (
    GOOD,
    Agreement,
    World,
    container,
    deployment,
    forget,
    incident,
    lines,
    new_world,
    stands,
    wish,
)

HOME = "stanch-system"
TAINT = {"key": "stanch.test/sweep", "effect": "NoSchedule"}
# Of a node whose heart nobody beats: some time later it counts as unreachable.
TOLERATED = (TAINT["key"], "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable")
UNDONE_TOO = 2
BEAT_SECONDS = 8


@dataclass(frozen=True)
class NodeWorld(World):
    """stanch-system, one incident and one node of this name in it, and a namespace for the pods of the node."""

    only: str
    pods: World


def add_node(admin: Api, name: str) -> None:
    """A node without a kubelet that says it is ready: it takes pods, and evicted ones are gone at once."""
    meta = {"name": name, "labels": {"kubernetes.io/hostname": name, "stanch.test/sweep": "node"}}
    admin.create({"apiVersion": "v1", "kind": "Node", "metadata": meta, "spec": {"taints": [TAINT]}}).must()
    room = {"cpu": "4", "memory": "4Gi", "pods": "110"}
    ready = {"type": "Ready", "status": "True", "reason": "Planted", "message": "", "lastHeartbeatTime": None}
    status = {"capacity": room, "allocatable": room, "conditions": [ready]}
    admin.request("PATCH", f"/api/v1/nodes/{name}/status", {"status": status}, "application/merge-patch+json").must()


def keep_alive(admin: Api, name: str) -> None:
    """What its kubelet would do until it is gone: within a minute of silence a node counts as sick, and is not given back."""

    def beat() -> None:
        while True:
            now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            ready = {"type": "Ready", "status": "True", "reason": "Planted", "message": "", "lastHeartbeatTime": now}
            change, kind = {"status": {"conditions": [ready]}}, "application/strategic-merge-patch+json"
            with contextlib.suppress(OSError, http.client.HTTPException):
                if admin.request("PATCH", f"/api/v1/nodes/{name}/status", change, kind).status == 404:
                    return
            time.sleep(BEAT_SECONDS)

    threading.Thread(target=beat, daemon=True).start()


@dataclass(frozen=True)
class NodeCourse:
    """One action on a node, agreed to where that is asked for, and undone."""

    name: str
    replicas: int

    def world(self, admin: Api, name: str) -> NodeWorld:
        """The namespace of the pods is fresh; its name is that of the incident and of the node."""
        pods = new_world(admin, name)
        return NodeWorld(admin, HOME, pods.ns, pods)

    def leave(self, world: NodeWorld) -> None:
        """Nothing of it stays."""
        world.admin.delete("namespaces", None, world.pods.ns, propagationPolicy="Background")
        world.admin.delete("nodes", None, world.only)
        forget(world, world.only)

    def set_up(self, world: NodeWorld) -> dict[str, str]:
        """The node, and pods on it that need nobody to run them: names by uid."""
        add_node(world.admin, world.only)
        keep_alive(world.admin, world.only)
        if self.replicas:
            pod = {
                "containers": [container(GOOD, "sleep 1000")],
                "terminationGracePeriodSeconds": 0,
                "nodeSelector": {"kubernetes.io/hostname": world.only},
                "tolerations": [{"key": key, "operator": "Exists"} for key in TOLERATED],
            }
            world.pods.deploy(deployment(pod=pod, replicas=self.replicas))
            until(lambda: len(self._here(world)) == self.replicas, 60, "its pods are on the node")
        return self._here(world)

    def _here(self, world: NodeWorld) -> dict[str, str]:
        found = world.admin.list("pods", world.pods.ns, fieldSelector=f"spec.nodeName={world.only}")
        return {p["metadata"]["uid"]: p["metadata"]["name"] for p in found}

    def targets(self, world: NodeWorld) -> tuple[str, ...]:
        """The node, and the pods on it."""
        return (f"/nodes/{world.only}", f"/namespaces/{world.pods.ns}/pods/")

    def play(self, world: NodeWorld, tick: Callable[[], None]) -> None:
        """Declared by the admin, agreed to by carol, done, undone."""
        name, target = world.only, {"kind": "Node", "name": world.only}
        asked = incident(wish("act", self.name), name=name, target=target, recovery={"hold": "10m"})
        world.declare(asked, by=world.admin)
        carol = world.admin.as_user("carol", "system:masters", "system:authenticated")
        agreed = Agreement(world, carol, name)
        done = lambda: agreed("act").get("state") in ("Done", "Failed")  # noqa: E731
        wait_for(done, tick, f"{self.name} is done")
        world.say("undo", {"mitigation": "act"}, by=world.admin, about=name)
        back = lambda r: r.get("state") == "Undone" and r["attempts"][-1].get("endedTime")  # noqa: E731
        wait_for(lambda: back(stands(world.status(name), "act")), tick, f"{self.name} is undone")

    def judge(self, world: NodeWorld, before: dict[str, str], proxy: FaultProxy) -> None:
        """Cordoned once and given back; every pod that was there went once, and no other."""
        status = world.status(world.only)
        sent = oracles.effects(proxy, "nodes")
        assert len(sent) == UNDONE_TOO, f"duplicate: {[s.label for s in sent]}"
        node = world.admin.get("nodes", None, world.only)
        assert "unschedulable" not in node["spec"], "lost: it is still cordoned"
        gone = before.keys() - self._here(world).keys()
        assert gone == before.keys(), f"lost: {before.keys() - gone} are still there"
        evicted = [s.path.split("/")[-2] for s in proxy.committed("POST pods/eviction")]
        assert len(evicted) == len(set(evicted)), f"duplicate: {evicted}"
        assert set(evicted) <= set(before.values()), f"duplicate: {evicted} are not of {before}"
        for kind in ("MitigationApplied", "MitigationUndone"):
            assert len(lines(status, kind)) == 1, f"half-recorded: {kind} {len(lines(status, kind))} times"
        took = [a for a in stands(status, "act")["attempts"] if a["state"] != "Skipped"]
        assert [a["state"] for a in took] == ["Verified"] * UNDONE_TOO, f"half-recorded: {took}"
        assert set(took[0].get("removes") or ()) == set(before), f"half-recorded: {took[0]}"
        evidence = world.admin.find("evidences", world.ns, took[0]["evidence"])
        assert evidence, "half-recorded: no evidence"
        assert int(evidence["metadata"]["resourceVersion"]) < oracles.effect_version(sent[0]), "half-recorded: late"


NODE_COURSES = (NodeCourse("cordon", 0), NodeCourse("drain", 3))
