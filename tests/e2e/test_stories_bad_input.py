"""What a tired person types at 2 AM: refused where it is typed, or in the plan, with the field and the remedy."""

from collections.abc import Iterator

import pytest

from e2e.support.api import Api, Json, until
from e2e.support.operators import Operator
from e2e.support.scenes import Scenes
from e2e.support.stories import HELD, obj, said_no, untouched
from e2e.support.world import GOOD, SERVE, World, container, deployment, incident, wish

DEPLOYMENT = {"kind": "Deployment", "name": "checkout"}
HPA, MAP = {"kind": "HorizontalPodAutoscaler", "name": "checkout"}, {"kind": "ConfigMap", "name": "flags"}
SERVICE, ROUTE = {"kind": "Service", "name": "web"}, {"kind": "HTTPRoute", "name": "web"}
NODE = {"kind": "Node", "name": "node-2"}


def asked(action: str, target: Json, args: object) -> Json:
    """One wish, whatever its arguments are."""
    return {"name": "act", action: args, "target": target}


TYPED: dict[str, tuple[Json, tuple[str, ...]]] = {
    "negative replicas": (asked("scale", DEPLOYMENT, {"replicas": -1}), ("scale.replicas", "0")),
    "a hundred thousand": (asked("scale", DEPLOYMENT, {"replicas": 100000}), ("scale.replicas", "10000")),
    "replicas as text": (asked("scale", DEPLOYMENT, {"replicas": "3"}), ("scale.replicas", "integer")),
    "no replicas": (asked("scale", DEPLOYMENT, {}), ("scale.replicas", "Required")),
    "a word that is none": (asked("scale", DEPLOYMENT, {"replicas": 1, "volumes": "Yes"}), ("scale.volumes", "Refuse")),
    "revision zero": (asked("rolloutUndo", DEPLOYMENT, {"toRevision": 0}), ("rolloutUndo.toRevision", "1")),
    "a minimum of zero": (asked("autoscaler", HPA, {"minReplicas": 0}), ("autoscaler.minReplicas", "1")),
    "no bounds": (asked("autoscaler", HPA, {}), ("minReplicas, maxReplicas or both",)),
    "an empty selector": (asked("serviceShift", SERVICE, {"selector": {}}), ("serviceShift.selector", "at least 1")),
    "no selector": (asked("serviceShift", SERVICE, {}), ("serviceShift.selector", "Required")),
    "a long label": (asked("serviceShift", SERVICE, {"selector": {"app": "x" * 64}}), ("serviceShift.selector", "63")),
    "no weights": (asked("routeShift", ROUTE, {"weights": []}), ("routeShift.weights", "at least 1")),
    "a weight below zero": (
        asked("routeShift", ROUTE, {"weights": [{"backend": "v1", "weight": -1}]}),
        ("routeShift.weights", "weight", "0"),
    ),
    "a key with a slash": (asked("configFlag", MAP, {"key": "a/b", "value": "x"}), ("configFlag.key",)),
    "a value that YAML made a bool": (
        asked("configFlag", MAP, {"key": "a", "value": False}),
        ("configFlag.value", "string"),
    ),
    "a book as a value": (asked("configFlag", MAP, {"key": "a", "value": "x" * 5000}), ("configFlag.value", "4096")),
    "ten minutes in words": (asked("drain", NODE, {"timeout": "10 minutes"}), ("drain.timeout",)),
    "an action of nothing": ({"name": "act", "rolloutUndo": None, "target": DEPLOYMENT}, ("exactly one",)),
    "a name with spaces": (asked("rolloutUndo", DEPLOYMENT, {}) | {"name": "roll back"}, ("name",)),
    "a time box of a year": (asked("rolloutUndo", DEPLOYMENT, {}) | {"timeBox": "1y"}, ("timeBox",)),
}


def nothing(world: World) -> None:
    """An empty namespace."""


PLANNED: dict[str, tuple[Json, tuple[str, ...]]] = {
    "no-such-autoscaler": (
        wish("no-such-autoscaler", "autoscaler", args={"minReplicas": 2}, target=HPA | {"name": "nope"}),
        ("There is no HorizontalPodAutoscaler", "correct the name"),
    ),
    "bounds-cross": (
        wish("bounds-cross", "autoscaler", args={"minReplicas": 9}, target=HPA),
        ("minReplicas 9 above maxReplicas 5", "set maxReplicas besides"),
    ),
    "bounds-cross-below": (
        wish("bounds-cross-below", "autoscaler", args={"maxReplicas": 1}, target=HPA),
        ("minReplicas 2 above maxReplicas 1", "set minReplicas besides"),
    ),
    "same-bounds": (
        wish("same-bounds", "autoscaler", args={"maxReplicas": 5}, target=HPA),
        ("already has minReplicas 2 and maxReplicas 5",),
    ),
    "pod-is-gone": (
        wish("pod-is-gone", "deletePod", target={"kind": "Pod", "name": "nope"}),
        ("There is no Pod", "nope"),
    ),
    "static-pod": (
        wish("static-pod", "deletePod", target={"kind": "Pod", "name": "static"}),
        ("is a static pod", "the kubelet of node-nowhere"),
    ),
    "bare-pod": (
        wish("bare-pod", "deletePod", target={"kind": "Pod", "name": "alone"}),
        ("has no controller", "deletePod: {unmanaged: Delete}"),
    ),
    "no-such-revision": (
        wish("no-such-revision", args={"toRevision": 99}, target=DEPLOYMENT),
        ("has no revision 99; kept are 1",),
    ),
}


def all_wrong(world: World) -> None:
    """Eight wishes, each wrong in its own way."""
    world.deploy(deployment())
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "nobody"}
    bounds = {"scaleTargetRef": reference, "minReplicas": 2, "maxReplicas": 5}
    world.deploy(obj("HorizontalPodAutoscaler", "checkout", "autoscaling/v2", spec=bounds))
    alone = {"containers": [container(GOOD, SERVE)], "terminationGracePeriodSeconds": 0}
    # On no node, so that no kubelet takes it for an orphan.
    static = obj("Pod", "static", spec=alone | {"nodeName": "node-nowhere"})
    static["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    world.deploy(static)
    world.deploy(obj("Pod", "alone", spec=alone))
    world.serving()
    world.declare(incident(*(w | {"when": "Always"} for w, _ in PLANNED.values()), recovery=HELD))


def controlled(world: World) -> None:
    """A ReplicaSet that a Deployment owns, and a pod of a DaemonSet."""
    world.deploy(deployment())
    world.serving()
    (owned,) = world.admin.list("replicasets", world.ns)
    target = {"kind": "ReplicaSet", "name": owned["metadata"]["name"]}
    world.declare(incident(wish("more", "scale", args={"replicas": 2}), target=target, recovery=HELD))


@pytest.fixture(scope="module")
def scenes(admin: Api, operator: Operator) -> Iterator[Scenes]:
    """All scenes, set at once."""
    made = Scenes(admin, nothing, all_wrong, controlled)
    yield made
    made.close()


def test_what_no_field_may_hold_is_refused_where_it_is_typed(scenes: Scenes) -> None:
    """The API server says no at once: which field, and what it may be."""
    world = scenes[nothing]
    wrong = {}
    for case, (one, words) in TYPED.items():
        said = world.admin.create(incident(one, name="typed"), world.ns)
        if said.ok or [w for w in words if w not in said.message]:
            wrong[case] = said.message or "it was accepted"
            world.admin.delete("incidents", world.ns, "typed")
    assert wrong == {}


def test_what_does_not_fit_the_cluster_is_refused_in_the_plan(scenes: Scenes) -> None:
    """Each wish says what is so and what would free it; nothing is written, and none holds up another."""
    world = scenes[all_wrong]
    for name, (_, words) in PLANNED.items():
        record = said_no(world, name)
        assert [w for w in words if w not in record["message"]] == [], record
        assert "attempts" not in record
    assert untouched(world.target())
    assert untouched(world.target("checkout", "horizontalpodautoscalers"))
    assert world.admin.find("pods", world.ns, "alone")


def test_what_another_object_controls_is_refused_naming_it(scenes: Scenes) -> None:
    """Its Deployment would put it back: act on that."""
    world = scenes[controlled]
    assert "is controlled by Deployment checkout" in said_no(world, "more")["message"]
    (owned,) = world.admin.list("replicasets", world.ns)
    assert (owned["spec"]["replicas"], untouched(owned)) == (1, True)
    until(lambda: world.status().get("evidence"), 30, "evidence is kept all the same")
