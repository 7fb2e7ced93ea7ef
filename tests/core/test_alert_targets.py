"""What the labels of an alert name is looked at from the declaration on, and nothing is ever done to it by that."""

from typing import Any

import pytest

from alerts import alert, told
from build import BAD, GOOD, T0, Json, deployment, entry, incident, node, pod, replicaset, roll_back
from objects import autoscaler, obj
from stanch.api.alerts import AlertGroup
from stanch.api.incident import Incident
from stanch.api.names import OPERATOR_NAMESPACE, ConditionType, Label
from stanch.core.alert_states import merged
from stanch.core.conditions import is_true
from stanch.core.questions import Get, List
from world import World

OPERATOR = "system:serviceaccount:stanch-system:stanch"
DEPLOYMENTS, PODS = "deployments", "pods"


def alarmed(home: str = "shop", /, *, wishes: tuple[Json, ...] = (), alerts: int = 1, **labels: str) -> Incident:
    """An incident that alerts with these labels made; it names no target."""
    said = told(*(alert(number, **labels) for number in range(1, alerts + 1)))
    group = merged(AlertGroup(key=said.key, labels=dict(said.labels), received_time=T0), said, T0)
    made = incident(*wishes, by=OPERATOR, severity=None, targets=None, alertGroup=group.wire())
    meta = made.metadata.model_copy(update={"labels": {Label.ALERT_GROUP: said.key}, "namespace": home})
    return made.model_copy(update={"metadata": meta})


def controlled(one: Json, api: str, kind: str, name: str) -> Json:
    """The same, controlled by this."""
    one["metadata"]["ownerReferences"] = [
        {"apiVersion": api, "kind": kind, "name": name, "uid": f"uid-{name}", "controller": True}
    ]
    return one


def named(what: Json, name: str) -> Json:
    """The same with another name."""
    what["metadata"] |= {"name": name, "uid": f"uid-{name}"}
    return what


def there(made: Incident, **objects: Json | list[Json]) -> World:
    """A shop in which checkout crashes since its newest release, and these besides; looked at for some seconds."""
    sets = [controlled(replicaset(image, n), "apps/v1", "Deployment", "checkout") for n, image in ((1, GOOD), (2, BAD))]
    for each in sets:
        each["metadata"]["ownerReferences"][0]["uid"] = deployment()["metadata"]["uid"]
    crashing = [controlled(pod("h2", n, crashing=True), "apps/v1", "ReplicaSet", "checkout-h2") for n in (1, 2)]
    found = {(DEPLOYMENTS, "checkout"): deployment()}
    found |= {("replicasets", each["metadata"]["name"]): each for each in sets}
    found |= {(PODS, each["metadata"]["name"]): each for each in crashing}
    for plural, given in objects.items():
        found |= {(plural, g["metadata"]["name"]): g for g in (given if isinstance(given, list) else [given])}
    return World(made, objects=found).run(seconds=5)


def looked_at(world: World) -> list[str]:
    """What the record says that its alerts name, each with its label."""
    alerts = world.incident.status.alerts
    return [f"{t} ({t.label})" for t in (alerts.targets if alerts else None) or ()]


def words(world: World) -> list[str]:
    """What was said of it."""
    return [line.text for line in world.incident.status.timeline if line.kind == "TargetNamed"]


JOB = controlled(named(obj("nightly-1"), "nightly-1"), "batch/v1", "CronJob", "nightly")
CLAIM = {"volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data-store-0"}}]}


def mounting(owner: str, number: int = 1) -> Json:
    """A pod with the claim, of this StatefulSet."""
    one = named(controlled(pod("h1"), "apps/v1", "StatefulSet", owner), f"{owner}-{number}")
    one["spec"] |= CLAIM
    return one


CASES: list[Any] = [
    ({"deployment": "checkout"}, {}, "Deployment checkout (deployment)"),
    ({"statefulset": "store"}, {"statefulsets": obj("store", {})}, "StatefulSet store (statefulset)"),
    ({"daemonset": "agent"}, {"daemonsets": obj("agent", {})}, "DaemonSet agent (daemonset)"),
    ({"cronjob": "nightly"}, {"cronjobs": obj("nightly")}, "CronJob nightly (cronjob)"),
    ({"job_name": "nightly-1"}, {"jobs": JOB}, "CronJob nightly (job_name)"),
    (
        {"horizontalpodautoscaler": "web"},
        {"horizontalpodautoscalers": autoscaler()},
        "HorizontalPodAutoscaler web (horizontalpodautoscaler)",
    ),
    ({"persistentvolumeclaim": "data-store-0"}, {PODS: mounting("store")}, "StatefulSet store (persistentvolumeclaim)"),
    ({"pod": "checkout-h2-1"}, {}, "Deployment checkout (pod)"),
    ({"pod": "checkout-h2-1", "node": "node-1", "container": "app"}, {}, "Deployment checkout (pod)"),
    ({"pod": "store-1"}, {PODS: mounting("store")}, "StatefulSet store (pod)"),
    ({"pod": "lonely"}, {PODS: named(pod("h1"), "lonely")}, "Pod lonely (pod)"),
    (
        {"pod": "nightly-1-x"},
        {PODS: named(controlled(pod("h1"), "batch/v1", "Job", "nightly-1"), "nightly-1-x"), "jobs": JOB},
        "CronJob nightly (pod)",
    ),
    # Who tells the metric has a pod, too.
    ({"deployment": "checkout", "pod": "kube-state-metrics-1"}, {}, "Deployment checkout (deployment)"),
]


@pytest.mark.parametrize(("labels", "objects", "target"), CASES, ids=[c[2].replace(" ", "-") for c in CASES])
def test_what_a_label_names_is_captured_at_the_declaration(labels: Json, objects: Json, target: str) -> None:
    """
    On the record with the label that named it; evidence is there before anybody has come.
    """
    world = there(alarmed(**labels), **objects)
    assert [target] == looked_at(world)
    what, _, label = target.removesuffix(")").partition(" (")
    assert [True] == [text.startswith(f"{what}, from alert label {label}: ") for text in words(world)]
    assert is_true(world.incident.status, ConditionType.EVIDENCE_CAPTURED)
    assert ["Declared"] == [e.purpose for e in world.incident.status.evidence or ()]
    assert world.incident.spec.targets is None
    assert (world.effects, world.broken, world.incident.status.mitigations) == ([], [], None)


def test_an_autoscaler_stands_for_what_it_scales() -> None:
    """
    The workload is what hurts; the autoscaler is in the evidence of it.
    """
    hpa = autoscaler()
    hpa["spec"]["scaleTargetRef"]["apiVersion"] = "apps/v1"
    world = there(alarmed(horizontalpodautoscaler="web"), horizontalpodautoscalers=hpa)
    assert ["Deployment checkout (horizontalpodautoscaler)"] == looked_at(world)


def test_advice_is_about_it_and_a_person_names_it_to_have_it_done() -> None:
    """
    The rollback is suggested; done it is only when somebody asks for it by name.
    """
    world = there(alarmed(deployment="checkout")).run(minutes=10)
    assert ["rolloutUndo"] == [s.action for s in world.incident.status.suggestions or ()][:1]
    assert world.effects == []
    asked = roll_back(target={"kind": "Deployment", "name": "checkout"})
    world.say(entry("alice", mitigate=asked)).run(minutes=1)
    assert 1 == len(world.effects)
    assert world.broken == []


def test_a_mitigation_without_a_target_never_means_it() -> None:
    """
    Whoever writes the labels of an alert would choose what is changed.
    """
    world = there(alarmed(wishes=(roll_back(),), deployment="checkout")).run(minutes=1)
    assert ["Deployment checkout (deployment)"] == looked_at(world)
    assert "names no target" in world.record("roll-back").message
    assert world.effects == []


def over(world: World, **labels: str) -> World:
    """Alertmanager tells that its alert has ended, for whatever reason."""
    group = world.incident.spec.alert_group
    assert group is not None
    ended = merged(group, told(alert(1, end=world.now, **labels)), world.now)
    world.incident = world.incident.model_copy(
        update={"spec": world.incident.spec.model_copy(update={"alert_group": ended})}
    )
    return world


@pytest.mark.parametrize("replicas", [3, 0], ids=["while it crash-loops", "while it is scaled to zero"])
def test_its_alert_ends_and_nothing_is_over_while_it_does_not_serve(replicas: int) -> None:
    """
    Prometheus was evicted, or nothing is left that could fire: what the label named is a criterion like any target.
    """
    world = there(alarmed(deployment="checkout")).run(minutes=1)
    world.target["spec"]["replicas"] = replicas
    over(world, deployment="checkout").run(minutes=4)
    recovery = world.incident.status.recovery
    assert recovery is not None
    stands = {c.name: (c.check, c.state.value) for c in recovery.criteria}
    assert {"pods", "restarts", "alerts"} == stands.keys()
    assert (("available", "Failing"), ("alertsResolved", "Passing")) == (stands["pods"], stands["alerts"])
    assert not is_true(world.incident.status, ConditionType.MITIGATED)
    assert not is_true(world.incident.status, ConditionType.RESOLVED)


NOTHING: list[Any] = [
    ({"deployment": "../../kube-system/x"}, "no name of an object"),
    ({"deployment": "Checkout"}, "no name of an object"),
    ({"deployment": "cart"}, "there is none in deployments"),
    ({"deployment": "checkout", "namespace": "bank"}, "of namespace bank, and the incident is in shop"),
    ({"deployment": "checkout", "namespace": ""}, "without a label namespace"),
    ({"deployment": "checkout", "statefulset": "store"}, "several are named"),
    ({"job_name": "by-hand"}, "which no CronJob made"),
    ({"node": "node-1"}, "in stanch-system only"),
    ({"persistentvolumeclaim": "data-store-0"}, "pods of 2 workloads mount"),
    ({"persistentvolumeclaim": "nobodys"}, "no pod mounts"),
]


@pytest.mark.parametrize(("labels", "why"), NOTHING, ids=[why for _, why in NOTHING])
def test_what_is_not_surely_meant_is_not_looked_at(labels: Json, why: str) -> None:
    """
    Said once, with the reason; evidence of something else would only mislead.
    """
    more = {"statefulsets": obj("store"), "jobs": obj("by-hand"), PODS: [mounting("store"), mounting("other", 2)]}
    world = there(alarmed(**labels), **more).run(minutes=2)
    assert [] == looked_at(world)
    assert [text for text in words(world) if why in text] == words(world)
    assert 1 == len(words(world))
    assert not world.incident.status.evidence


def test_a_name_that_is_none_is_never_asked_for() -> None:
    """
    It would be another path of the API server.
    """
    world = there(alarmed(pod="x/../../secrets"))
    asked = [q for each in world.rounds for q in each if isinstance(q, Get | List)]
    assert [] == [q for q in asked if "secrets" in repr(q)]


def test_a_node_is_looked_at_from_where_nodes_are() -> None:
    """
    In the operator's namespace alone (F15).
    """
    world = there(alarmed(OPERATOR_NAMESPACE, node="node-1"), nodes=node("node-1"))
    assert ["Node node-1 (node)"] == looked_at(world)


def test_alerts_that_name_different_things_name_none() -> None:
    """
    Only a label that all of them have counts.
    """
    made = alarmed(deployment="checkout")
    said = told(alert(1, deployment="checkout"), alert(2, deployment="cart"))
    group = merged(AlertGroup(key=said.key, labels=dict(said.labels), received_time=T0), said, T0)
    made = made.model_copy(update={"spec": made.spec.model_copy(update={"alert_group": group})})
    world = there(made)
    assert ([], []) == (looked_at(world), words(world))


def test_targets_that_were_declared_are_all_there_is() -> None:
    """
    People know better than labels.
    """
    made = alarmed(statefulset="store")
    declared = incident(targets=[{"kind": "Deployment", "name": "checkout"}]).spec.targets
    made = made.model_copy(update={"spec": made.spec.model_copy(update={"targets": declared})})
    world = there(made, statefulsets=obj("store"))
    assert ([], []) == (looked_at(world), words(world))
    assert is_true(world.incident.status, ConditionType.EVIDENCE_CAPTURED)
