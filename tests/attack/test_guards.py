"""Guards on a real cluster, with the numbers as shipped: each is met, and each lets go when what it asks for is so."""

import time
import uuid
from collections.abc import Callable, Iterator

import pytest

from attack.test_taken_over import binding
from e2e.conftest import worlds  # noqa: F401 - fixtures
from e2e.support.api import MERGE, Api, Json, until
from e2e.support.node_courses import HOME, TOLERATED, add_node
from e2e.support.operators import ForkServer, Operator
from e2e.support.world import GOOD, World, container, deployment, forget, incident, wish
from stanch.api.names import Label

SHIPPED = {"per_namespace_hourly": 5, "cluster_hourly": 20, "nodes_percent": 10, "sick_nodes_percent": 55}
# Where it says that it runs.
OWN = f"paper-{uuid.uuid4().hex[:6]}"
# So many that somebody is there in time to stop it.
MANY = 60
PAUSE, RESUME = wish("pause", "rolloutPause"), wish("resume", "rolloutResume")


@pytest.fixture(scope="module", autouse=True)
def operator(token: Json, fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """With short waits, and the numbers of the product."""
    folder = tmp_path_factory.mktemp("guards")
    with Operator(token, folder, "shipped", fork_server, counts=SHIPPED, node=OWN) as running:
        yield running


@pytest.fixture
def world(worlds: Callable[..., World]) -> World:  # noqa: F811
    """A Deployment that runs nothing."""
    there = worlds()
    there.deploy(deployment(replicas=0))
    there.observed()
    return there


def held(world: World, mitigation: str, reason: str, name: str = "checkout-5xx") -> str:
    """What it is told once it is held for that reason."""

    def so(status: Json) -> bool:
        return any(m["name"] == mitigation and m.get("reason") == reason for m in status.get("mitigations", []))

    status = world.wait(so, f"{mitigation} is held: {reason}", name)
    return str(next(m["message"] for m in status["mitigations"] if m["name"] == mitigation))


def test_a_second_incident_on_one_target_waits(world: World) -> None:
    """Ten minutes; in the first incident one can go on at once, and undoing is free."""
    world.declare(incident(PAUSE, recovery={"hold": "10m"}))
    world.state("Done", "pause")
    world.declare(incident(RESUME, name="second", recovery={"hold": "10m"}))
    assert "pause of incident" in held(world, "resume", "CoolingDown", "second")
    world.say("undo", {"mitigation": "pause"})
    world.state("Undone", "pause")


def test_the_sixth_effect_in_an_hour_waits(world: World, admin: Api) -> None:
    """In one namespace; the message names the field that a platform team may change."""
    flags = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "flags"},
        "data": {f"f{n}": "on" for n in range(6)},
    }
    admin.request("POST", admin.path("configmaps", world.ns), flags).must()
    target = {"kind": "ConfigMap", "name": "flags"}
    many = [
        wish(f"f{n}", "configFlag", target=target, when="Always", args={"key": f"f{n}", "value": "off"})
        for n in range(6)
    ]
    world.declare(incident(*many, recovery={"hold": "10m"}))
    assert "guardrails.perNamespaceHourly" in held(world, "f5", "CoolingDown")
    data = admin.get("configmaps", world.ns, "flags")["data"]
    assert sorted(data.values()) == ["off"] * 5 + ["on"]


def test_a_protected_target_is_left_alone(world: World, admin: Api) -> None:
    """Until the label is off."""
    label = {"metadata": {"labels": {"stanch.dev/protected": "alert-path"}}}
    admin.merge("deployments", world.ns, "checkout", label).must()
    world.declare(incident(PAUSE, recovery={"hold": "10m"}))
    assert "stanch.dev/protected" in held(world, "pause", "Protected")
    admin.merge("deployments", world.ns, "checkout", {"metadata": {"labels": {"stanch.dev/protected": None}}}).must()
    world.state("Done", "pause")


def test_a_drill_takes_no_pod_away(world: World, admin: Api) -> None:
    """One that is not ready is deleted, and not evicted: tried, and still there."""
    pod = deployment()["spec"]["template"]["spec"] | {"nodeSelector": {"no-such": "node"}}
    bare: Json = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "prey"}, "spec": pod}
    made = admin.request("POST", admin.path("pods", world.ns), bare).must()
    away = wish("away", "deletePod", target={"kind": "Pod", "name": "prey"}, args={"unmanaged": "Delete"})
    world.declare(incident(away, drill=True, recovery={"hold": "10m"}))
    world.state("Done", "away")
    still = admin.get("pods", world.ns, "prey")["metadata"]
    assert (still["uid"], still.get("deletionTimestamp")) == (made["metadata"]["uid"], None)


@pytest.fixture
def unbound(admin: Api) -> Iterator[Callable[..., None]]:
    """Takes roles of the operator away, everywhere, and gives them back when asked without any, or at the end."""
    gone: list[Json] = []

    def take(*names: str) -> None:
        for name in names:
            bound = admin.get("clusterrolebindings", None, name)
            gone.append(
                {k: bound[k] for k in ("apiVersion", "kind", "roleRef", "subjects")} | {"metadata": {"name": name}}
            )
            admin.delete("clusterrolebindings", None, name).must()
        while not names and gone:
            admin.create(gone.pop()).must()

    yield take
    take()


def test_what_its_own_role_does_not_hold_is_not_begun(world: World, admin: Api, unbound: Callable[..., None]) -> None:
    """The refusal names the right that it lacks; bound again, it goes on. For a patch the dry run tells."""
    flags = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "flags"}, "data": {"search": "on"}}
    admin.request("POST", admin.path("configmaps", world.ns), flags).must()
    # The role for holding objects may patch them, too.
    unbound("stanch-do-config", "stanch-do-hold")
    off = {"target": {"kind": "ConfigMap", "name": "flags"}, "args": {"key": "search", "value": "off"}}
    world.declare(incident(wish("flag", "configFlag", **off), recovery={"hold": "10m"}))
    assert 'cannot patch resource "configmaps"' in held(world, "flag", "PermissionMissing")
    assert "attempts" not in world.mitigation("flag")
    unbound()
    world.state("Done", "flag")
    assert admin.get("configmaps", world.ns, "flags")["data"] == {"search": "off"}


def test_no_pod_is_taken_away_without_a_right_of_its_own(
    world: World, admin: Api, unbound: Callable[..., None]
) -> None:
    """No dry run tells of that: it is asked for, before anything is written down."""
    pod = deployment()["spec"]["template"]["spec"] | {"nodeSelector": {"no-such": "node"}}
    bare: Json = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "prey"}, "spec": pod}
    admin.request("POST", admin.path("pods", world.ns), bare).must()
    unbound("stanch-do-pod", "stanch-do-rollout-stateful")
    away = wish("away", "deletePod", target={"kind": "Pod", "name": "prey"}, args={"unmanaged": "Delete"})
    world.declare(incident(away, recovery={"hold": "10m"}))
    assert "may not delete pods prey in namespace" in held(world, "away", "PermissionMissing")
    assert "attempts" not in world.mitigation("away")
    unbound()
    world.state("Done", "away")
    assert admin.find("pods", world.ns, "prey") is None


# --- nodes -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def nodes(admin: Api) -> Iterator[Callable[..., list[str]]]:
    """Makes nodes that are only written down; gone afterwards."""
    made: list[str] = []

    def make(count: int, ready: str, *called: str) -> list[str]:
        names = list(called) or [f"paper-{uuid.uuid4().hex[:6]}" for _ in range(count)]
        for name in names:
            add_node(admin, name)
            made.append(name)
            condition = {"type": "Ready", "status": ready, "reason": "Planted", "message": ""}
            path = f"{admin.path('nodes', None, name)}/status"
            admin.request("PATCH", path, {"status": {"conditions": [condition]}}, MERGE).must()
        return names

    yield make
    for name in made:
        admin.delete("nodes", None, name)


def at_home(admin: Api, name: str, *wishes: Json) -> World:
    """An incident about a node, where nodes are acted on."""
    home = World(admin, HOME)
    about = {"kind": "Node", "name": name}
    home.declare(incident(*wishes, name=name, target=about, recovery={"hold": "10m"}), admin)
    return home


def test_while_most_nodes_are_sick_none_is_cordoned(admin: Api, nodes: Callable[[int, str], list[str]]) -> None:
    """Four of six are not Ready: that is no node's fault."""
    name = nodes(4, "False")[0]
    home = at_home(admin, name, wish("cordon", "cordon", target={"kind": "Node", "name": name}))
    try:
        assert "nodes are not Ready" in held(home, "cordon", "WouldBreakBudget", name)
        assert "unschedulable" not in admin.get("nodes", None, name)["spec"]
    finally:
        forget(home, name)


def test_a_second_node_is_not_taken_out_of_a_small_cluster(admin: Api, nodes: Callable[[int, str], list[str]]) -> None:
    """A tenth, and always one: whoever cordoned the first."""
    first, second = nodes(2, "True")
    admin.merge("nodes", None, first, {"spec": {"unschedulable": True}}).must()
    home = at_home(admin, second, wish("cordon", "cordon", target={"kind": "Node", "name": second}))
    try:
        assert "guardrails.nodesPercent" in held(home, "cordon", "WouldBreakBudget", second)
        admin.merge("nodes", None, first, {"spec": {"unschedulable": None}}).must()
        home.state("Done", "cordon", second)
    finally:
        forget(home, second)


def test_neither_its_own_node_nor_the_control_plane_is_taken_out(admin: Api, nodes: Callable[..., list[str]]) -> None:
    """Then nobody would be left who could put it back."""
    _, other = nodes(2, "True", OWN, f"{OWN}-plane")
    labels = {"node-role.kubernetes.io/control-plane": ""}
    admin.merge("nodes", None, other, {"metadata": {"labels": labels}}).must()
    homes = [at_home(admin, n, wish("drain", "drain", target={"kind": "Node", "name": n})) for n in (OWN, other)]
    try:
        assert "stanch itself runs on" in held(homes[0], "drain", "Protected", OWN)
        assert "control-plane node" in held(homes[1], "drain", "Protected", other)
        assert [] == [n for n in (OWN, other) if "unschedulable" in admin.get("nodes", None, n)["spec"]]
    finally:
        for home, name in zip(homes, (OWN, other), strict=True):
            forget(home, name)


def known(admin: Api, taken_over: Api, node: str) -> str:
    """Waits until the API server knows of the freeze; the version of everything in the store at that moment."""
    path = admin.path("nodes", None, node, dryRun="All")

    def refused() -> bool:
        change = {"metadata": {"labels": {Label.ACTION: uuid.uuid4().hex[:16]}}}
        return "stanch is frozen" in taken_over.request("PATCH", path, change, MERGE).message

    until(refused, 20, "the authorizer knows it", every=0.002)
    marker = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"generateName": "known-"}}
    made = admin.request("POST", admin.path("configmaps", "default"), marker).must()["metadata"]
    admin.delete("configmaps", "default", made["name"])
    return str(made["resourceVersion"])


def test_a_freeze_in_the_middle_of_a_drain_stops_it_within_one_pod(
    admin: Api,
    taken_over: Api,
    nodes: Callable[[int, str], list[str]],
    worlds: Callable[..., World],  # noqa: F811
) -> None:
    """Of all evictions that are taken after the API server knows of the freeze there is one at most; thawed, it goes on."""
    (name,) = nodes(1, "True")
    there = worlds()
    pod = {
        "containers": [container(GOOD, "sleep 1000")],
        "terminationGracePeriodSeconds": 0,
        "nodeSelector": {"kubernetes.io/hostname": name},
        "tolerations": [{"key": key, "operator": "Exists"} for key in TOLERATED],
    }
    there.deploy(deployment(pod=pod, replicas=MANY))

    def left(**when: str) -> int:
        found = admin.list("pods", there.ns, fieldSelector=f"spec.nodeName={name}", **when)
        return len([pod for pod in found if "deletionTimestamp" not in pod["metadata"]])

    until(lambda: left() == MANY, 60, "its pods are there")
    home = at_home(admin, name, wish("drain", "drain", target={"kind": "Node", "name": name}))
    try:
        held(home, "drain", "ApprovalMissing", name)
        record = home.mitigation("drain", name)
        agreed = {"mitigation": "drain", "action": "drain", "digest": record["digest"]}
        home.say("approve", agreed, by=admin.as_user("carol", "system:masters", "system:authenticated"), about=name)
        until(lambda: left() < MANY, 30, "it has begun", every=0.02)
        admin.create(binding("stanch-frozen", None)).must()
        then = left(resourceVersion=known(admin, taken_over, name), resourceVersionMatch="Exact")
        home.wait(lambda s: "stanch is frozen" in str(s["mitigations"][0].get("message")), "it says so", name)
        assert 0 < left() < MANY
        time.sleep(6)  # Longer than it waits between two batches.
        assert then - 1 <= left() <= then
        admin.delete("clusterrolebindings", None, "stanch-freeze").must()
        home.state("Done", "drain", name)
        assert left() == 0
    finally:
        admin.delete("clusterrolebindings", None, "stanch-freeze")
        forget(home, name)
