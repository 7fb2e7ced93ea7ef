"""Undo brings back every byte that people wrote: for each action with an exact undo, the whole object before and after."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from e2e.support.api import Api, Json, together, until
from e2e.support.operators import Operator
from e2e.support.stories import ACTION, HELD, obj, take_back, template
from e2e.support.world import GOOD, World, container, deployment, good, incident, stuck, wish
from e2e.test_toolkit import NODE, forget

ODD = 'a<b && c>d "e" \\f \u2028 ünï 😀 $(X) {{y}}\n  two: lines\n\ttab'
FLUX = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
# What controllers and the API server count up by themselves when a template changes.
COUNTERS = ("deployment.kubernetes.io/revision", "deprecated.daemonset.template.generation")
KINDS = {
    "Deployment": "deployments",
    "DaemonSet": "daemonsets",
    "ConfigMap": "configmaps",
    "Service": "services",
    "CronJob": "cronjobs",
    "HorizontalPodAutoscaler": "horizontalpodautoscalers",
}


def all_but_counters(found: Json) -> Json:
    """The object without what the API server and controllers keep, and without the label of our last action."""
    kept = copy.deepcopy(found)
    kept.pop("status", None)
    meta = kept["metadata"]
    for key in ("managedFields", "resourceVersion", "generation"):
        meta.pop(key, None)
    for keys, ours in (("labels", (ACTION,)), ("annotations", COUNTERS)):
        rest = {k: v for k, v in (meta.pop(keys, None) or {}).items() if k not in ours}
        meta |= {keys: rest} if rest else {}
    return kept


@dataclass(frozen=True)
class Case:
    """An object, perhaps changed after it was made, and the action that is done to it and taken back."""

    made: Json
    action: str
    args: Json
    then: Callable[[World], Any] = lambda _: None

    @property
    def target(self) -> Json:
        """What the action acts on."""
        return {"kind": self.made["kind"], "name": self.made["metadata"]["name"]}

    @property
    def name(self) -> str:
        """Of the object, and of its incident."""
        return str(self.made["metadata"]["name"])

    def look(self, world: World) -> Json:
        """The object now."""
        return world.target(self.name, KINDS[self.made["kind"]])


def odd(made: Json) -> Json:
    """The same with labels and annotations as people have them."""
    made["metadata"].setdefault("labels", {})["team"] = "shop"
    made["metadata"]["annotations"] = {"note": ODD, "kubernetes.io/change-cause": "1.8.2"}
    return made


def asleep() -> Json:
    """A pod that no node takes: it costs nothing."""
    return {"containers": [container(GOOD, "sleep 9")], "nodeSelector": {"stanch.test/no-such-node": "x"}}


def daemonset(name: str) -> Json:
    """A DaemonSet that serves on each node."""
    made = deployment(name)
    made["spec"].pop("replicas")
    return made | {"kind": "DaemonSet"}


def somebody_answers(world: World) -> None:
    """A pod of the selector that the Service goes back to: without one the undo would be refused."""
    meta = {"name": "web", "labels": dict(SERVED["selector"])}
    world.deploy({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": good()})
    ready = lambda: any(  # noqa: E731
        c["type"] == "Ready" and c["status"] == "True"
        for c in world.target("web", "pods").get("status", {}).get("conditions", ())
    )
    until(ready, 60, "the pod of the Service is ready")


def with_env(pod: Json) -> Json:
    """A bad release with what JSON and shells make much of."""
    pod["containers"][0]["env"] = [{"name": "ODD", "value": ODD}, {"name": "EMPTY", "value": ""}, {"name": "NONE"}]
    pod["tolerations"] = [{"operator": "Exists", "tolerationSeconds": 0, "effect": "NoExecute"}]
    return pod


def release_deployment(world: World) -> None:
    """A bad release on a good one."""
    world.serving("undo")
    world.release(with_env(stuck()), "undo")
    world.observed("undo")


def release_daemonset(world: World) -> None:
    """The same of a DaemonSet."""
    ready = lambda: world.target("agent", "daemonsets").get("status", {}).get("numberReady") == 2  # noqa: E731
    until(ready, 90, "the DaemonSet is ready")
    template(world, "daemonsets", "agent", with_env(stuck()))
    until(lambda: len(world.admin.list("controllerrevisions", world.ns)) == 2, 30, "two revisions")


JOB = {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [container(GOOD, "true")]}}}}
BOUNDS = {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nobody"}, "maxReplicas": 5}
SERVED = {"selector": {"app": "web", "track": "stable"}, "ports": [{"port": 80, "targetPort": 8080}]}
CASES = (
    Case(odd(deployment("undo")), "rolloutUndo", {}, release_deployment),
    Case(odd(daemonset("agent")), "rolloutUndo", {}, release_daemonset),
    Case(odd(deployment("pause", pod=asleep())), "rolloutPause", {}),
    Case(odd(deployment("resume", pod=asleep(), paused=True)), "rolloutResume", {}),
    Case(odd(deployment("size", replicas=0)), "scale", {"replicas": 1}),
    Case(
        odd(obj("HorizontalPodAutoscaler", "bounds", "autoscaling/v2", spec=BOUNDS)), "autoscaler", {"minReplicas": 3}
    ),
    Case(odd(obj("ConfigMap", "flag", data={"a": ODD, "b": "", "c": "1"})), "configFlag", {"key": "a", "value": "off"}),
    Case(odd(obj("ConfigMap", "new-flag", data={"b": ODD})), "configFlag", {"key": "a", "value": ODD}),
    Case(obj("ConfigMap", "no-flags"), "configFlag", {"key": "a", "value": "off"}),
    Case(
        odd(obj("Service", "web", spec=SERVED)), "serviceShift", {"selector": {"app": "target"}}, then=somebody_answers
    ),
    Case(
        odd(obj("CronJob", "job", "batch/v1", spec={"schedule": "0 0 1 1 *", "jobTemplate": JOB})), "suspendCronJob", {}
    ),
    Case(
        odd(obj("ConfigMap", "held", data={"a": "1"}) | {"metadata": {"name": "held", "labels": FLUX}}),
        "gitOpsHold",
        {},
    ),
)


@pytest.mark.timeout(300)
def test_every_undo_brings_back_the_whole_object(world: World, operator: Operator) -> None:
    """Done at once, taken back at once: not a byte differs, but for counters and our label."""
    world.deploy(deployment("target"))
    before: dict[str, Json] = {}

    def set_up(case: Case) -> None:
        world.deploy(case.made)
        case.then(world)
        before[case.name] = all_but_counters(case.look(world))
        if case.made["kind"] == "Deployment":
            world.observed(case.name)

    world.serving("target")
    together(*(lambda case=case: set_up(case) for case in CASES))
    for case in CASES:
        act = wish("act", case.action, args=case.args)
        world.declare(incident(act, name=case.name, target=case.target, recovery=HELD))
    together(*(lambda case=case: done_and_undone(world, case, before[case.name]) for case in CASES))


def done_and_undone(world: World, case: Case, before: Json) -> None:
    """It has an effect, and then none."""
    world.state("Done", "act", case.name, seconds=120)
    assert all_but_counters(case.look(world)) != before, f"{case.action} of {case.name} changed nothing"
    take_back(world, "act", case.name)
    until(lambda: all_but_counters(case.look(world)) == before, 10, f"{case.name} is what it was: {before}")


@pytest.mark.timeout(300)
def test_a_node_is_what_it_was(admin: Api, operator: Operator) -> None:
    """cordon and uncordon: the taint that the cluster adds goes, too; a cordon of somebody else's stays theirs."""
    world = World(admin, "stanch-system")
    look = lambda: all_but_counters(admin.get("nodes", None, "node-2"))  # noqa: E731
    forget(world, "fidelity-")
    try:
        before = look()
        world.declare(incident(wish("act", "cordon"), name="fidelity-in", target=NODE, recovery=HELD), by=admin)
        world.state("Done", "act", "fidelity-in")
        until(lambda: look()["spec"].get("taints"), 30, "the taint")
        _undo(world, "fidelity-in")
        until(lambda: look() == before, 30, f"the node is what it was: {before}")
        admin.merge("nodes", None, "node-2", {"spec": {"unschedulable": True}}).must()
        until(lambda: look()["spec"].get("taints"), 30, "the taint")
        theirs = look()
        world.declare(incident(wish("act", "uncordon"), name="fidelity-out", target=NODE, recovery=HELD), by=admin)
        record = world.state("Held", "act", "fidelity-out")
        agreed = {"mitigation": "act", "action": "uncordon", "digest": record["digest"]}
        carol = admin.as_user("carol", "system:masters", "system:authenticated")
        world.say("approve", agreed, by=carol, about="fidelity-out")
        world.state("Done", "act", "fidelity-out")
        assert "unschedulable" not in look()["spec"]
        _undo(world, "fidelity-out")
        until(lambda: untimed(look()) == untimed(theirs), 30, f"the cordon is theirs again: {theirs}")
    finally:
        admin.merge("nodes", None, "node-2", {"spec": {"unschedulable": None}})
        forget(world, "fidelity-")


def _undo(world: World, name: str) -> None:
    world.say("undo", {"mitigation": "act"}, by=world.admin, about=name)
    world.state("Undone", "act", name)


def untimed(node: Json) -> Json:
    """Without the instant at which the cluster tainted it."""
    taints = [{k: v for k, v in t.items() if k != "timeAdded"} for t in node["spec"].get("taints", ())]
    return node | {"spec": node["spec"] | {"taints": taints}}
