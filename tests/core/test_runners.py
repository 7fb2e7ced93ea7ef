"""What Argo Rollouts, Flagger or KEDA runs without a word of it on the object: found, refused, with the line that does it there."""

import copy
from typing import Any

import pytest

from build import Json, deployment, incident, roll_back
from stanch.api.incident_status import WishState
from stanch.core.observations import Failed
from stanch.core.questions import List
from world import World, bad_deploy

CHECKOUT = {"kind": "Deployment", "name": "checkout"}


def rollout(**spec: Any) -> Json:
    """A Rollout of its own pods, or of a Deployment's."""
    return {"metadata": {"name": "canary", "namespace": "shop"}, "spec": spec}


BY_REFERENCE = rollout(workloadRef={"apiVersion": "apps/v1", **CHECKOUT})
CANARY = {
    "metadata": {"name": "slow", "namespace": "shop"},
    "spec": {"targetRef": {"apiVersion": "apps/v1", **CHECKOUT}},
}
SCALED = {
    "metadata": {"name": "so", "namespace": "shop"},
    "spec": {"scaleTargetRef": {"name": "checkout"}, "triggers": []},
}


def asked(**action: Any) -> World:
    """A bad release, and one wish about it."""
    return bad_deploy(incident({"name": "act", **action}))


RUN_BY = {
    "rollback": ("rollouts", BY_REFERENCE, {"rolloutUndo": {}}, "kubectl -n shop argo rollouts abort canary, and then"),
    "pause": ("rollouts", BY_REFERENCE, {"rolloutPause": {}}, "kubectl -n shop argo rollouts pause canary"),
    "resume": ("rollouts", BY_REFERENCE, {"rolloutResume": {}}, "kubectl -n shop argo rollouts promote canary"),
    "restart": ("rollouts", BY_REFERENCE, {"rolloutRestart": {}}, "kubectl -n shop argo rollouts restart canary"),
    "scale": (
        "rollouts",
        BY_REFERENCE,
        {"scale": {"replicas": 5}},
        "kubectl -n shop scale rollouts.argoproj.io canary --replicas=5",
    ),
    "Flagger": (
        "canaries",
        CANARY,
        {"rolloutUndo": {}},
        "kubectl -n shop patch canaries.flagger.app slow --type=merge",
    ),
    "KEDA": (
        "scaledobjects",
        SCALED,
        {"scale": {"replicas": 2}},
        'annotate scaledobject so autoscaling.keda.sh/paused-replicas="2"',
    ),
    "KEDA, to zero": (
        "scaledobjects",
        SCALED,
        {"scale": {"replicas": 0}},
        'annotate scaledobject so autoscaling.keda.sh/paused-replicas="0"',
    ),
}


@pytest.mark.parametrize("case", RUN_BY)
def test_who_runs_it_is_named_with_the_line_that_does_it_there(case: str) -> None:
    """
    Refused for good, before any write: the same wish on the same object will never be right.
    """
    plural, obj, action, words = RUN_BY[case]
    there = asked(**action)
    there.objects[(plural, obj["metadata"]["name"])] = obj
    there.run(minutes=1)
    assert words in there.record("act").message
    assert there.record("act").state is WishState.REFUSED
    assert there.effects == []
    assert there.secrets == {}


def pointing_elsewhere(plural: str, obj: Json, field: str, **change: str) -> tuple[str, Json]:
    """The same, about something else."""
    other = copy.deepcopy(obj)
    other["spec"][field] |= change
    return plural, other


@pytest.mark.parametrize(
    ("plural", "obj"),
    [
        ("rollouts", rollout(selector={}, template={})),
        pointing_elsewhere("rollouts", BY_REFERENCE, "workloadRef", name="cart"),
        pointing_elsewhere("rollouts", BY_REFERENCE, "workloadRef", kind="ReplicaSet"),
        pointing_elsewhere("canaries", CANARY, "targetRef", name="cart"),
        ("scaledobjects", SCALED),
    ],
)
def test_one_that_points_at_something_else_is_no_hindrance(plural: str, obj: Json) -> None:
    """
    And a ScaledObject steers replicas, not the template.
    """
    there = bad_deploy(incident(roll_back()))
    there.objects[(plural, obj["metadata"]["name"])] = obj
    assert len(there.run(minutes=1).effects) == 1


@pytest.mark.parametrize(("kind", "name"), [("StatefulSet", "checkout"), ("Deployment", "cart")])
def test_a_scaled_object_of_something_else_is_no_hindrance(kind: str, name: str) -> None:
    """
    The kind is a Deployment where none is named.
    """
    there = bad_deploy(incident({"name": "act", "scale": {"replicas": 2}}))
    other = copy.deepcopy(SCALED)
    other["spec"]["scaleTargetRef"] = {"kind": kind, "name": name}
    there.objects[("scaledobjects", "so")] = other
    assert len(there.run(minutes=1).effects) == 1


@pytest.mark.parametrize("route", [{"httpRoute": "web"}, {"httpRoutes": [{"name": "api"}, {"name": "web"}]}])
def test_weights_that_a_rollout_sets_are_not_set_besides(route: Json) -> None:
    """
    Its Gateway API plug-in writes them at each step.
    """
    shift = {"weights": [{"backend": "v1", "weight": 0}]}
    wish = {"name": "act", "target": {"kind": "HTTPRoute", "name": "web"}, "routeShift": shift}
    there = World(incident(wish, targets=None))
    backends = [{"name": "v1", "weight": 90}, {"name": "v2", "weight": 10}]
    meta = {"name": "web", "namespace": "shop", "uid": "r"}
    there.objects[("httproutes", "web")] = {"metadata": meta, "spec": {"rules": [{"backendRefs": backends}]}}
    plugins = {"plugins": {"argoproj-labs/gatewayAPI": route}}
    there.objects[("rollouts", "canary")] = rollout(strategy={"canary": {"trafficRouting": plugins}})
    assert "argo rollouts abort canary" in there.run(minutes=1).record("act").message


def test_who_can_not_be_read_may_be_there() -> None:
    """
    Not knowing is no permission: refused for now, with the role that frees it.
    """
    there = bad_deploy(incident(roll_back()))
    answer = there.answer
    forbidden = Failed(403, 'cannot list resource "rollouts"')
    there.answer = lambda q: forbidden if isinstance(q, List) and q.ref.plural == "rollouts" else answer(q)
    there.run(minutes=1)
    assert there.effects == []
    assert "bind stanch-look-gitops" in there.record("roll-back").message
    assert there.record("roll-back").state is WishState.HELD


def test_a_hold_of_what_a_rollout_runs_is_still_a_hold() -> None:
    """
    A label for Flux changes nothing that a Rollout looks at.
    """
    there = asked(gitOpsHold={})
    there.objects[("deployments", "checkout")] = deployment()
    labels = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    there.target["metadata"]["labels"] |= labels
    there.objects[("rollouts", "canary")] = BY_REFERENCE
    assert len(there.run(minutes=1).effects) == 1


def test_nothing_is_suggested_that_would_be_refused() -> None:
    """
    A suggestion is something that could start now.
    """
    free = bad_deploy(incident()).run(minutes=1)
    assert [s.action for s in free.incident.status.suggestions or ()] != []
    there = bad_deploy(incident())
    there.objects[("rollouts", "canary")] = BY_REFERENCE
    assert there.run(minutes=1).incident.status.suggestions is None
