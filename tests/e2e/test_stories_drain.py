"""
Pods that go: one by name, all of a node; with real kubelets, a real eviction API and a PodDisruptionBudget.

Holds the acceptance stories 25, 27 and 28 of mitigations.md, section 6; 31 and 32 are in test_stories_alone.py.
"""

from collections.abc import Iterator

import pytest

from e2e.support.api import Api, Json, until
from e2e.support.operators import Operator
from e2e.support.stories import kept, pods, settled, spared
from e2e.support.world import GOOD, SERVE, World, container, deployment, forget, good, incident, wish
from e2e.test_toolkit import NODE

ON_NODE_2 = {"nodeSelector": {"kubernetes.io/hostname": "node-2"}}


def delete(name: str, **more: object) -> Json:
    """An incident that takes a pod away."""
    return incident(wish("away", "deletePod", target={"kind": "Pod", "name": name}, **more), recovery={"hold": "10m"})


def test_a_pod_goes_and_another_comes(world: World, operator: Operator) -> None:
    """Evicted, for it is ready; its log is in the evidence; Done when its place is taken."""
    world.deploy(deployment(replicas=2))
    world.serving()
    before = pods(world)
    gone = next(iter(before))
    world.declare(delete(before[gone]["metadata"]["name"]))
    record = world.state("Done", "away")
    assert gone not in pods(world)
    assert len(pods(world)) == 2
    assert len(before.keys() & pods(world).keys()) == 1
    kept = world.admin.get("evidences", world.ns, record["attempts"][0]["evidence"])
    assert any(i["kind"] == "Logs" for i in kept["spec"]["items"]), [i["name"] for i in kept["spec"]["items"]]


def test_a_pod_of_nobody_stays(world: World, operator: Operator) -> None:
    """It would not come back; with the word for it, it goes."""
    pod = {"containers": [container(GOOD, SERVE)], "terminationGracePeriodSeconds": 0}
    world.deploy({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "alone"}, "spec": pod})
    world.declare(delete("alone"))
    assert "unmanaged: Delete" in world.state("Refused", "away")["message"]
    assert world.admin.find("pods", world.ns, "alone")
    asked = wish("really", "deletePod", target={"kind": "Pod", "name": "alone"}, args={"unmanaged": "Delete"})
    world.say("mitigate", asked)
    world.state("Done", "really")
    assert world.admin.find("pods", world.ns, "alone") is None


# --- drain -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def control(admin: Api, operator: Operator) -> Iterator[World]:
    """stanch-system, where nodes are acted on; node-2 is given back afterwards."""
    world = World(admin, "stanch-system")
    forget(world, "drain-")
    settled(admin, "node-2")
    yield world
    admin.merge("nodes", None, "node-2", {"spec": {"unschedulable": None}})
    forget(world, "drain-")


def drain(control: World, name: str, **args: object) -> None:
    """Declare it, and have somebody else agree."""
    spared(control.admin, "node-2")
    asked = incident(wish("drain", "drain", args=args), name=name, target=NODE, recovery={"hold": "10m"})
    control.declare(asked, by=control.admin)
    seen = control.wait(lambda s: s["mitigations"][0]["state"] in ("Held", "Refused"), "it is looked at", name)
    record = seen["mitigations"][0]
    if record.get("reason") == "ApprovalMissing":
        carol = control.admin.as_user("carol", "system:masters", "system:authenticated")
        agreed = {"mitigation": "drain", "action": "drain", "digest": record["digest"]}
        control.say("approve", agreed, by=carol, about=name)


def cordoned(admin: Api) -> bool:
    """Does node-2 take no pods?"""
    return bool(admin.get("nodes", None, "node-2")["spec"].get("unschedulable"))


def test_a_node_is_emptied_and_given_back(control: World, world: World, admin: Api) -> None:
    """Everything on node-2 moves, its logs are kept; the undo takes the cordon away, and brings no pod back."""
    world.deploy(deployment(replicas=3, pod=good() | {"terminationGracePeriodSeconds": 0}))
    world.serving()
    here = lambda: [p for p in pods(world).values() if p["spec"].get("nodeName") == "node-2"]  # noqa: E731
    assert here()
    going = here()
    drain(control, "drain-all")
    record = control.state("Done", "drain", "drain-all", seconds=90)
    assert "pods have left Node node-2" in record["message"]
    assert here() == []
    _, files = kept(control, record["attempts"][0]["evidence"])
    logs = {f"pod/{world.ns}/{p['metadata']['name']}/web.log" for p in going}
    assert [name for name in logs if "serving" not in files.get(name, "")] == [], sorted(files)
    assert cordoned(admin)
    world.serving()
    control.say("undo", {"mitigation": "drain"}, by=admin, about="drain-all")
    control.state("Undone", "drain", "drain-all")
    assert not cordoned(admin)


def test_a_workload_that_would_lose_most_of_its_pods_is_named(control: World, world: World, admin: Api) -> None:
    """Two of two on that node, and no budget that says how many it can spare: the node is not even cordoned."""
    world.deploy(deployment(replicas=2, pod=good() | ON_NODE_2))
    world.serving()
    spared(admin, "node-2")
    admin.delete("poddisruptionbudgets", world.ns, "spare")
    asked = incident(wish("drain", "drain"), name="drain-most", target=NODE, recovery={"hold": "10m"})
    control.declare(asked, by=admin)
    record = control.state("Held", "drain", "drain-most")
    assert "WouldBreakBudget" == record["reason"]
    assert f"0 of 2 pods of Deployment checkout in namespace {world.ns} would be left ready" in record["message"]
    assert not cordoned(admin)
    spared(admin, "node-2")
    control.wait(lambda s: s["mitigations"][0].get("reason") == "ApprovalMissing", "it may go", "drain-most")


def test_story_28_a_budget_is_never_beaten_and_the_drain_ends(control: World, world: World, admin: Api) -> None:
    """At the deadline it ends as Partial, names the pod and the budget, and the pod still serves."""
    world.deploy(deployment(pod=good() | ON_NODE_2))
    budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "keep"}}
    world.deploy(budget | {"spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "checkout"}}}})
    world.serving()
    until(
        lambda: admin.get("poddisruptionbudgets", world.ns, "keep").get("status", {}).get("currentHealthy"), 30, "pdb"
    )
    before = pods(world)
    drain(control, "drain-guarded", timeout="8s")
    record = control.state("Failed", "drain", "drain-guarded", seconds=90)
    assert "Partial after 8s" in record["message"]
    assert "disruption budget" in record["message"]
    assert pods(world).keys() == before.keys()
    assert cordoned(admin)


def test_story_27_what_may_not_go_is_found_before_the_cordon(control: World, world: World, admin: Api) -> None:
    """kubectl would have cordoned first."""
    pod = {"containers": [container(GOOD, SERVE)], "terminationGracePeriodSeconds": 0, **ON_NODE_2}
    world.deploy({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "alone"}, "spec": pod})
    until(lambda: world.admin.get("pods", world.ns, "alone")["status"]["phase"] == "Running", 30, "it runs")
    drain(control, "drain-alone")
    record = control.state("Refused", "drain", "drain-alone")
    assert f"{world.ns}/alone have no controller" in record["message"]
    assert not cordoned(admin)


# --- cordon ----------------------------------------------------------------------------------------------------------


def test_story_25_a_cordon_of_somebody_else_stays_theirs(control: World, admin: Api) -> None:
    """Nothing is done to a node that is cordoned already, and nothing is taken back when somebody asks."""
    admin.merge("nodes", None, "node-2", {"spec": {"unschedulable": True}}).must()
    name = "drain-theirs"
    control.declare(incident(wish("cordon", "cordon"), name=name, target=NODE, recovery={"hold": "1s"}), by=admin)
    record = control.state("Skipped", "cordon", name)
    assert "already cordoned, not by this incident" in record["message"]
    control.folded(control.say("undo", {"mitigation": "cordon"}, by=admin, about=name))
    control.folded(control.say("resolve", {"override": True}, by=admin, about=name))
    assert cordoned(admin)
    assert not any(f["manager"] == "stanch" for f in managers(admin, "unschedulable"))


def managers(admin: Api, field: str) -> list[Json]:
    """Who owns a field of node-2's spec."""
    managed = admin.get("nodes", None, "node-2")["metadata"]["managedFields"]
    return [m for m in managed if f"f:{field}" in (m.get("fieldsV1") or {}).get("f:spec", {})]


@pytest.mark.parametrize("action", ["cordon", "drain"])
def test_a_node_that_does_not_exist_is_named(control: World, admin: Api, action: str) -> None:
    """Held until there is one of that name; a typo is corrected by asking again."""
    name = f"drain-nowhere-{action}"
    nowhere = {"kind": "Node", "name": "node-99"}
    control.declare(incident(wish("act", action), name=name, target=nowhere, recovery={"hold": "10m"}), by=admin)
    record = control.state("Held", "act", name)
    assert record["reason"] == "TargetNotFound"
    assert "There is no Node node-99; correct the name" in record["message"]
