"""Drills of the Runbooks that live in a namespace of their own: nodes in stanch-system, Kustomizations where Flux keeps them."""

import time
from dataclasses import dataclass

from e2e.support.api import Api, Json, until
from e2e.support.crds import ROLE, give_role
from e2e.support.drills import INCIDENT, confirm, done, over, start
from e2e.support.flux import NAMESPACE, Flux
from e2e.support.node_courses import HOME, TOLERATED, add_node
from e2e.support.world import World, bind, deployment, forget, good, wait_for_right

SICK = "drill-sick"


@dataclass(frozen=True)
class Platform(World):
    """stanch-system, where alice and bob are of the platform team: nodes are theirs."""

    @property
    def alice(self) -> Api:
        """May do everything."""
        return self.admin.as_user("alice", "system:masters", "system:authenticated")

    @property
    def bob(self) -> Api:
        """Agrees."""
        return self.admin.as_user("bob", "system:masters", "system:authenticated")


def says(admin: Api, name: str, status: str, reason: str) -> None:
    """What its kubelet would say of the node, and when: without a time the node controller soon takes it for silent."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    said = {"type": "Ready", "status": status, "reason": reason, "message": "", "lastHeartbeatTime": now}
    change = {"status": {"conditions": [said]}}
    admin.request("PATCH", f"/api/v1/nodes/{name}/status", change, "application/strategic-merge-patch+json").must()


def movable() -> Json:
    """Pods that would rather be on the sick node, stay there while it is, and may be anywhere."""
    there = {"key": "kubernetes.io/hostname", "operator": "In", "values": [SICK]}
    prefers = {"weight": 100, "preference": {"matchExpressions": [there]}}
    tolerations = [{"key": key, "operator": "Exists"} for key in TOLERATED]
    wishes = {"preferredDuringSchedulingIgnoredDuringExecution": [prefers]}
    more = {"affinity": {"nodeAffinity": wishes}, "tolerations": tolerations, "terminationGracePeriodSeconds": 0}
    return good() | more


def sick_node(world: World) -> World:
    """A node whose kubelet says nothing good: its pods do not serve, until they are somewhere else."""
    home = Platform(world.admin, HOME)
    add_node(world.admin, SICK)
    world.deploy(deployment(pod=movable(), replicas=2))
    on_it = lambda: len(pods_on(world)) == 2  # noqa: E731
    until(on_it, 60, "its pods are on the node")
    says(world.admin, SICK, "False", "KubeletNotReady")
    start(home, "sick-node", node=SICK)
    assert "cordon" in str(done(home, "no-new-pods")["breakGlass"])
    assert world.admin.get("nodes", None, SICK)["spec"]["unschedulable"] is True
    record = done(home, "move-pods", 120)
    assert record["approvals"]["needed"] == 1, record
    world.serving()
    assert pods_on(world) == []
    confirm(home, "moved")
    home.condition("Mitigated", INCIDENT)
    # Repaired, and given back.
    says(world.admin, SICK, "True", "KubeletReady")
    over(home)
    home.say("undo", {"mitigation": "no-new-pods"}, about=INCIDENT)
    home.state("Undone", "no-new-pods", INCIDENT)
    assert not world.admin.get("nodes", None, SICK)["spec"].get("unschedulable")
    return home


def pods_on(world: World) -> list[Json]:
    """Those of this namespace on the sick node."""
    return world.admin.list("pods", world.ns, fieldSelector=f"spec.nodeName={SICK}")


def clean(admin: Api) -> None:
    """Nothing of it stays in stanch-system; node and namespace are the cluster's."""
    home = World(admin, HOME)
    admin.delete("nodes", None, SICK)
    admin.delete("runbooks", HOME, "sick-node")
    forget(home, INCIDENT)
    admin.delete("rolebindings", HOME, "stanch-runbook-user-alice")


# --- with real Flux --------------------------------------------------------------------------------------------------


def flags(value: str) -> Json:
    """The field that both write."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "sessions"}, "data": {"maxmemory": value}}


def gitops_fight(world: World, flux: Flux) -> World:
    """Git says 1gb, an operator says 2gb, each takes the other's back; held, the operator's stays, until Git says so, too."""
    home = World(world.admin, NAMESPACE)
    platform_team(world.admin)
    wait_for_right(world.admin, NAMESPACE, "alice", "patch", "kustomizations", "kustomize.toolkit.fluxcd.io")
    wait_for_right(world.admin, NAMESPACE, "alice", "create", "incidents")
    wait_for_right(world.admin, NAMESPACE, "bob", "approve", "mitigations")
    flux.deploy(world.ns, flags("1gb"))
    for _ in range(2):
        ours(world)
        until(lambda: value(world) == "1gb", 60, "Flux takes it back")
    start(home, "gitops-fight", kustomization=world.ns)
    assert "applies nothing by itself" in done(home, "hold")["message"]
    ours(world)
    flux.git.push({f"{world.ns}/configmap-sessions.yaml": flags("3gb")}, "somebody pushes meanwhile")
    until(lambda: fetched(world, flux), 60, "Flux has fetched it")
    confirm(home, "calm")
    over(home)
    assert value(world) == "2gb"
    # One owner: Git says what the operator says. Only then it goes on.
    flux.git.push({f"{world.ns}/configmap-sessions.yaml": flags("2gb")}, "as the operator says")
    until(lambda: fetched(world, flux), 60, "Flux has fetched it")
    home.say("undo", {"mitigation": "hold"}, about=INCIDENT)
    home.state("Undone", "hold", INCIDENT)
    flux.runs(world.ns, 1)
    assert value(world) == "2gb"
    return home


def platform_team(admin: Api) -> None:
    """alice and bob look after Flux; another test may have given them a part of that already."""
    give_role(admin)
    for person, roles in {"alice": ("edit", ROLE), "bob": ("edit", ROLE, "stanch-approver")}.items():
        for role in roles:
            if admin.find("rolebindings", NAMESPACE, f"{role}-{person}") is None:
                bind(admin, NAMESPACE, role, {"kind": "User", "name": person})


def fetched(world: World, flux: Flux) -> bool:
    """Has source-controller what was pushed last?"""
    status = world.admin.get("gitrepositories", NAMESPACE, "repo").get("status") or {}
    return flux.git.head() in str((status.get("artifact") or {}).get("revision"))


def ours(world: World) -> None:
    """The operator of the workload writes what it has worked out."""
    world.admin.merge("configmaps", world.ns, "sessions", {"data": {"maxmemory": "2gb"}}).must()


def value(world: World) -> str:
    """The field as it is."""
    return str(world.target("sessions", "configmaps")["data"]["maxmemory"])
