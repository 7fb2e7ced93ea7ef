"""Each action and its undo, as a course of events in which something may go wrong at any request."""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from e2e.support import oracles
from e2e.support.api import Json, until
from e2e.support.crds import ROLE, taken
from e2e.support.node_courses import NODE_COURSES, NodeCourse
from e2e.support.proxy import FaultProxy
from e2e.support.sweep import InNamespace, wait_for
from e2e.support.world import (
    GOOD,
    Agreement,
    World,
    bind,
    container,
    deployment,
    good,
    incident,
    lines,
    stands,
    statefulset,
    stuck,
    wait_for_right,
    wish,
)

ACTION = "stanch.dev/action"
ENDS = ("Done", "Failed", "Refused", "Skipped", "Expired")


def asleep() -> Json:
    """A pod that no node takes: it costs nothing."""
    return {"containers": [container(GOOD, "sleep 1000")], "nodeSelector": {"stanch.test/no-such-node": "x"}}


def plain(obj: Json) -> Json:
    """What people wrote of an object: not what controllers and the API server keep."""
    kept: Json = {k: copy.deepcopy(v) for k, v in obj.items() if k in ("spec", "data")}
    return kept | {"labels": {k: v for k, v in (obj["metadata"].get("labels") or {}).items() if k != ACTION}}


def nothing(_: World) -> None:
    """There is nothing to wait for."""


@dataclass(frozen=True)
class ThereAndBack(InNamespace):
    """One action is done, and undone again; in the end the object is what it was, byte for byte."""

    name: str
    kind: str
    plural: str
    objects: tuple[Json, ...]
    asked: Json
    obj: str = "checkout"
    undone: bool = True
    live: Callable[[World], object] = nothing
    meanwhile: Callable[[World], object] = nothing
    human: Json | None = None

    def set_up(self, world: World) -> Json:
        """Its objects, seen by their controllers."""
        for each in self.objects:
            world.deploy(each)
        for name in (each["metadata"]["name"] for each in self.objects if each["kind"] == "Deployment"):
            seen = lambda name=name: world.target(name).get("status", {}).get("observedGeneration")  # noqa: E731
            until(seen, 60, f"the controller has seen {name}")
        self.live(world)
        return plain(world.target(self.obj, self.plural))

    def targets(self, world: World) -> tuple[str, ...]:
        """The one object; of a StatefulSet that is rolled back, also the pods that its controller does not replace."""
        target = f"/namespaces/{world.ns}/{self.plural}/{self.obj}"
        return (target, f"/namespaces/{world.ns}/pods/{self.obj}-") if self.kind == "StatefulSet" else (target,)

    def declare(self, world: World) -> None:
        """Ask for it."""
        target = {"kind": self.kind, "name": self.obj}
        world.declare(incident(self.asked, target=target, recovery={"hold": "10m"}))

    def play(self, world: World, tick: Callable[[], None]) -> None:
        """Done, and then undone."""
        self.declare(world)
        agreed = Agreement(world, world.bob)

        def beat() -> None:
            tick()
            self.meanwhile(world)

        wait_for(lambda: agreed("act").get("state") in ENDS, beat, f"{self.name} is done")
        assert agreed("act")["state"] == "Done", f"lost: {agreed('act')}"
        if not self.undone:
            return
        world.say("undo", {"mitigation": "act"})
        back = lambda s: stands(s, "act").get("state") == "Undone" and verified(s)  # noqa: E731
        wait_for(lambda: back(world.status()), beat, f"{self.name} is undone")

    def judge(self, world: World, before: Json, proxy: FaultProxy) -> None:
        """As often as asked for; exactly as it was; each step told once, its evidence there and older."""
        status = world.status()
        sent = oracles.effects(proxy, self.plural)
        assert len(sent) == 1 + self.undone, f"duplicate: {[s.label for s in sent]}"
        after = plain(world.target(self.obj, self.plural))
        assert not self.undone or after == before, f"lost: {after} is not {before}"
        for kind, times in (("MitigationApplied", 1), ("MitigationUndone", int(self.undone))):
            assert len(lines(status, kind)) == times, f"half-recorded: {kind} {len(lines(status, kind))} times"
        took = [a for a in stands(status, "act")["attempts"] if a["state"] != "Skipped"]
        assert [a["state"] for a in took] == ["Verified"] * (1 + self.undone), f"half-recorded: {took}"
        for attempt, effect in zip(took, sent, strict=True):
            evidence = world.admin.find("evidences", world.ns, attempt["evidence"])
            assert evidence, "half-recorded: no evidence"
            assert int(evidence["metadata"]["resourceVersion"]) < oracles.effect_version(effect)
        oracles.record_is_whole(world, status)


def verified(status: Json) -> bool:
    """Is the last attempt's end on the record?"""
    return bool(stands(status, "act")["attempts"][-1].get("endedTime"))


@dataclass(frozen=True)
class PodGoes(InNamespace):
    """One pod is deleted by uid: that one, and no other; that of a StatefulSet comes back under the same name."""

    name: str = "deletePod"
    owner: Json = field(default_factory=lambda: deployment(pod=asleep(), replicas=2))

    def set_up(self, world: World) -> dict[str, str]:
        """Two pods that nobody runs."""
        world.deploy(self.owner)
        until(lambda: len(self._pods(world)) == 2, 60, "two pods")
        return self._pods(world)

    def _pods(self, world: World) -> dict[str, str]:
        found = world.admin.list("pods", world.ns)
        return {
            p["metadata"]["uid"]: p["metadata"]["name"] for p in found if not p["metadata"].get("deletionTimestamp")
        }

    def targets(self, world: World) -> tuple[str, ...]:
        """A pod, and nothing about whose it is."""
        return (f"/namespaces/{world.ns}/pods/",)

    def play(self, world: World, tick: Callable[[], None]) -> None:
        """Until it is seen to be gone; nobody is ready in its place, so that is as far as it goes."""
        name = min(self._pods(world).values())
        asked = wish("act", "deletePod", target={"kind": "Pod", "name": name})
        world.declare(incident(asked, recovery={"hold": "10m"}))
        applied = lambda s: any(a["state"] == "Applied" for a in stands(s, "act").get("attempts") or ())  # noqa: E731
        wait_for(lambda: applied(world.status()), tick, "the pod is gone")

    def judge(self, world: World, before: dict[str, str], proxy: FaultProxy) -> None:
        """Exactly one pod has gone, and the record says so once."""
        until(lambda: len(self._pods(world)) == 2, 30, "another pod")
        gone = before.keys() - self._pods(world).keys()
        assert [before[uid] for uid in gone] == [min(before.values())], f"duplicate: {gone}"
        status = world.status()
        assert len(lines(status, "MitigationApplied")) == 1, "half-recorded"
        attempt = next(a for a in stands(status, "act")["attempts"] if a["state"] == "Applied")
        assert attempt["removes"] == list(gone)
        assert world.admin.find("evidences", world.ns, attempt["evidence"]), "half-recorded: no evidence"


def twins() -> Json:
    """A StatefulSet of two pods that nobody runs."""
    obj = deployment(pod=asleep(), replicas=2, serviceName="checkout", podManagementPolicy="Parallel")
    return obj | {"kind": "StatefulSet"}


def act(action: str, **args: Any) -> Json:
    """The wish."""
    return wish("act", action, args=args)


CONFIG: Json = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "checkout"},
    "data": {"a": "on", "b": "1"},
}
CRON: Json = {
    "apiVersion": "batch/v1",
    "kind": "CronJob",
    "metadata": {"name": "checkout"},
    "spec": {
        "schedule": "0 0 1 1 *",
        "jobTemplate": {
            "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container(GOOD, "true")]}}}
        },
    },
}
HPA: Json = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "checkout"},
    "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nobody"}, "maxReplicas": 5},
}
FLUX = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}


def steered() -> Json:
    """A ConfigMap with the labels of Flux."""
    obj: Json = json.loads(json.dumps(CONFIG))
    obj["metadata"]["labels"] = FLUX
    return obj


def colours() -> tuple[Json, ...]:
    """Two versions that serve, and a Service that sends all traffic to one of them."""
    spec = {"selector": {"app": "checkout"}, "ports": [{"port": 80, "targetPort": 8080}]}
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "checkout"}, "spec": spec}
    return deployment("checkout"), deployment("green"), service


def both_serve(world: World) -> None:
    """Each colour has an address that is ready."""
    world.serving()
    world.serving("green")
    slices = lambda: world.admin.list("endpointslices", world.ns)  # noqa: E731
    until(lambda: any(e.get("endpoints") for e in slices()), 30, "the Service has endpoints")


def behind_a_route() -> tuple[Json, ...]:
    """Two versions that serve, each behind a Service of its own, and a route to both."""
    ports = [{"port": 80, "targetPort": 8080}]
    both = ("v1", "v2")
    services = (
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": n},
            "spec": {"selector": {"app": n}, "ports": ports},
        }
        for n in both
    )
    backends = [{"name": "v1", "port": 80, "weight": 90}, {"name": "v2", "port": 80}]
    route: Json = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "checkout"},
        "spec": {"parentRefs": [{"name": "gate"}], "rules": [{"name": "all", "backendRefs": backends}]},
    }
    return *(deployment(n) for n in both), *services, route


def routed(world: World) -> None:
    """Both have endpoints, a gateway has taken the route, and people may patch it."""
    bind(world.admin, world.ns, ROLE, {"kind": "User", "name": "alice"})
    wait_for_right(world.admin, world.ns, "alice", "patch", "httproutes", "gateway.networking.k8s.io")
    world.serving("v1")
    world.serving("v2")
    taken(world, "checkout")


def bad_release(world: World) -> None:
    """A bad release on top of a good one."""
    world.serving()
    world.release(stuck())
    world.observed()


def bad_stateful_release(world: World) -> None:
    """A bad template, whose pod never becomes ready and so pins it."""
    world.serving(plural="statefulsets")
    template = {"metadata": {"labels": {"app": "checkout"}}, "spec": stuck()}
    world.set(plural="statefulsets", template=template)
    until(lambda: len(world.admin.list("controllerrevisions", world.ns)) == 2, 30, "two revisions")


DEPLOYMENT, AUTOSCALER = ("Deployment", "deployments"), ("HorizontalPodAutoscaler", "horizontalpodautoscalers")
CONFIG_MAP, CRON_JOB = ("ConfigMap", "configmaps"), ("CronJob", "cronjobs")
STATEFUL_SET, SERVICE = ("StatefulSet", "statefulsets"), ("Service", "services")
COURSES: tuple[ThereAndBack | PodGoes | NodeCourse, ...] = (
    ThereAndBack("rolloutPause", *DEPLOYMENT, (deployment(pod=asleep()),), act("rolloutPause")),
    ThereAndBack(
        "scale", *DEPLOYMENT, (deployment(replicas=0),), act("scale", replicas=1), human={"spec": {"replicas": 3}}
    ),
    ThereAndBack(
        "configFlag", *CONFIG_MAP, (CONFIG,), act("configFlag", key="a", value="off"), human={"data": {"a": "human"}}
    ),
    ThereAndBack(
        "autoscaler", *AUTOSCALER, (HPA,), act("autoscaler", minReplicas=2), human={"spec": {"minReplicas": 4}}
    ),
    ThereAndBack("suspendCronJob", *CRON_JOB, (CRON,), act("suspendCronJob")),
    ThereAndBack("gitOpsHold", *CONFIG_MAP, (steered(),), act("gitOpsHold")),
    ThereAndBack("undoneRollback", *DEPLOYMENT, (deployment(pod=good()),), act("rolloutUndo"), live=bad_release),
    ThereAndBack(
        "rolloutRestart", *DEPLOYMENT, (deployment(),), act("rolloutRestart"), undone=False, live=World.serving
    ),
    ThereAndBack("serviceShift", *SERVICE, colours(), act("serviceShift", selector={"app": "green"}), live=both_serve),
    ThereAndBack(
        "routeShift",
        "HTTPRoute",
        "httproutes",
        behind_a_route(),
        act("routeShift", weights=[{"backend": "v1", "weight": 0}, {"backend": "v2", "weight": 1}]),
        live=routed,
        meanwhile=lambda world: taken(world, "checkout"),
    ),
    ThereAndBack(
        "statefulRollback", *STATEFUL_SET, (statefulset("checkout"),), act("rolloutUndo"), live=bad_stateful_release
    ),
    PodGoes(),
    PodGoes("deleteStatefulPod", twins()),
    *NODE_COURSES,
)
