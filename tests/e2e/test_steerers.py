"""Who else steers, with the real CRDs of Gateway API, Argo Rollouts, KEDA and Flagger: left theirs, or refused untouched."""

from collections.abc import Iterator

import pytest

from e2e.support import crds as real
from e2e.support.api import Api, Json, until
from e2e.support.crds import RealCrds, addons, taken
from e2e.support.operators import Operator
from e2e.support.scenes import Scenes
from e2e.support.world import World, bind, deployment, good, incident, wait_for_right, wish

CRDS = (addons.GATEWAY_API, addons.ARGO_ROLLOUTS, addons.KEDA, addons.FLAGGER)
ALICE = {"kind": "User", "name": "alice"}
ROUTE = {"kind": "HTTPRoute", "name": "web"}
ASLEEP = good() | {"nodeSelector": {"stanch.test/no-such-node": "x"}}


def backend(name: str) -> tuple[Json, Json]:
    """A Service that would be answered: pods are not needed for it."""
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": [{"port": 80}]}}
    labels = {"kubernetes.io/service-name": name}
    ready = [{"addresses": ["10.255.0.1"], "conditions": {"ready": True}}]
    return service, {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "labels": labels},
        "addressType": "IPv4",
        "ports": [{"port": 80}],
        "endpoints": ready,
    }


def routed(world: World) -> None:
    """90 to 10 behind a gateway that has taken it; alice may shift."""
    bind(world.admin, world.ns, real.ROLE, ALICE)
    wait_for_right(world.admin, world.ns, "alice", "patch", "httproutes", "gateway.networking.k8s.io")
    for each in (*backend("v1"), *backend("v2")):
        world.deploy(each)
    refs = [{"name": name, "port": 80, "weight": weight} for name, weight in (("v1", 90), ("v2", 10))]
    api = "gateway.networking.k8s.io/v1"
    spec = {"parentRefs": [{"name": "gate"}], "rules": [{"backendRefs": refs}]}
    world.deploy({"apiVersion": api, "kind": "HTTPRoute", "metadata": {"name": "web"}, "spec": spec})
    taken(world)


def weights(world: World) -> list[int]:
    """Of its two backends."""
    return [ref["weight"] for ref in world.target("web", "httproutes")["spec"]["rules"][0]["backendRefs"]]


def shift(v1: int, v2: int) -> Json:
    """Ask for weights."""
    wanted = [{"backend": "v1", "weight": v1}, {"backend": "v2", "weight": v2}]
    return incident(wish("shift", "routeShift", args={"weights": wanted}), target=ROUTE, recovery={"hold": "10m"})


def contested(world: World) -> None:
    """All of it goes to the first, the gateway has taken it, and then a person writes other weights."""
    routed(world)
    world.declare(shift(100, 0))
    until(lambda: weights(world) == [100, 0], 60, "the weights are shifted")
    taken(world)
    world.state("Done", "shift")
    path = world.admin.path("httproutes", world.ns, "web", fieldManager="kubectl-edit")
    change = [{"op": "replace", "path": "/spec/rules/0/backendRefs/1/weight", "value": 50}]
    world.admin.request("PATCH", path, change, "application/json-patch+json").must()


def run_by_others(world: World) -> None:
    """Deployments that look like any other, and what runs them; an autoscaler and a ReplicaSet that say whose they are."""
    argo, keda, flagger = "argoproj.io/v1alpha1", "keda.sh/v1alpha1", "flagger.app/v1beta1"

    def made(api: str, kind: str, name: str, spec: Json) -> list[Json]:
        obj = {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec}
        uid = world.deploy(obj)["metadata"]["uid"]
        return [{"apiVersion": api, "kind": kind, "name": name, "uid": uid, "controller": True}]

    for name in ("referred", "scaled", "analysed", "steered"):
        world.deploy(deployment(name, pod=ASLEEP))
    reference = {"apiVersion": "apps/v1", "kind": "Deployment"}
    owner = made(argo, "Rollout", "canary", {"workloadRef": reference | {"name": "referred"}})
    made(
        flagger,
        "Canary",
        "slow",
        {
            "targetRef": reference | {"name": "analysed"},
            "analysis": {"interval": "1m", "threshold": 1, "iterations": 1},
        },
    )
    for name in ("scaled", "steered"):
        spec = {"scaleTargetRef": {"name": name}, "triggers": [{"type": "cron", "metadata": {}}]}
        of_keda = made(keda, "ScaledObject", f"so-{name}", spec)
    api = "autoscaling/v2"
    hpa = {"scaleTargetRef": reference | {"name": "steered"}, "maxReplicas": 5}
    meta = {"name": "keda-hpa", "ownerReferences": of_keda}
    world.deploy({"apiVersion": api, "kind": "HorizontalPodAutoscaler", "metadata": meta, "spec": hpa})
    replicaset = deployment("canary-1", pod=ASLEEP) | {"kind": "ReplicaSet"}
    replicaset["metadata"]["ownerReferences"] = owner
    world.deploy(replicaset)
    for name, (target, action, args, _, _) in RUN_BY.items():
        asked = wish("act", action, args=args)
        kind, _, which = target.partition("/")
        target_of = {"kind": kind, "name": which}
        world.declare(incident(asked, name=name, target=target_of, recovery={"hold": "10m"}))


# Incident → target, action, its parameters, what the refusal says, and the plural.
RUN_BY: dict[str, tuple[str, str, Json, str, str]] = {
    "rollout-undo": ("Deployment/referred", "rolloutUndo", {}, "argo rollouts abort canary", "deployments"),
    "rollout-scale": (
        "Deployment/referred",
        "scale",
        {"replicas": 2},
        "scale rollouts.argoproj.io canary --replicas=2",
        "deployments",
    ),
    "rollout-owner": (
        "ReplicaSet/canary-1",
        "scale",
        {"replicas": 2},
        "argo rollouts abort canary, and then undo canary",
        "replicasets",
    ),
    "keda-object": (
        "Deployment/scaled",
        "scale",
        {"replicas": 2},
        'annotate scaledobject so-scaled autoscaling.keda.sh/paused-replicas="2"',
        "deployments",
    ),
    "keda-hpa": (
        "HorizontalPodAutoscaler/keda-hpa",
        "autoscaler",
        {"minReplicas": 2},
        "patch scaledobject so-steered",
        "horizontalpodautoscalers",
    ),
    "flagger": (
        "Deployment/analysed",
        "rolloutRestart",
        {},
        "patch canaries.flagger.app slow --type=merge",
        "deployments",
    ),
}


@pytest.fixture(scope="module")
def scenes(crds: RealCrds, operator: Operator, admin: Api) -> Iterator[Scenes]:
    """All settings at once, on a cluster that has these kinds."""
    made = Scenes(admin, contested, run_by_others)
    yield made
    made.close()


def test_weights_that_a_person_wrote_afterwards_are_theirs(scenes: Scenes) -> None:
    """Contested, and named; the undo is refused with the difference, and their value stays."""
    world = scenes[contested]
    said = world.condition("Contested", reason="ChangedAgain")
    assert "Contested" in {c["type"] for c in said["conditions"]}
    world.wait(lambda s: "kubectl-edit changed HTTPRoute" in str(s["timeline"]), "who did it is named")
    world.say("undo", {"mitigation": "shift"})
    world.wait(lambda s: "is not what stanch left" in str(s["mitigations"]), "the undo is refused")
    assert weights(world) == [100, 50]


@pytest.mark.parametrize("name", RUN_BY)
def test_story_22_what_another_runs_is_refused_untouched_with_the_line_that_does_it_there(
    scenes: Scenes, name: str
) -> None:
    """Recognised though nothing on the object may say so; no label, no field, no undo Secret of ours."""
    world = scenes[run_by_others]
    target, _, _, words, plural = RUN_BY[name]
    assert words in world.state("Refused", "act", name)["message"]
    obj = world.target(target.rpartition("/")[2], plural)
    assert "stanch" not in {m["manager"] for m in obj["metadata"]["managedFields"]}
    selector = f"stanch.dev/incident-uid={world.inc(name)['metadata']['uid']}"
    assert world.admin.list("secrets", "stanch-system", labelSelector=selector) == []
