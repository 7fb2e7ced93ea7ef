"""A stranger's Flux repository, with real Flux: a rollback is held first, and stays; what is not held is put back and said."""

import re
from collections.abc import Callable, Iterator

import pytest

from e2e.support.api import Api, Json, until
from e2e.support.budgets import try_to_release
from e2e.support.crds import ROLE, give_role
from e2e.support.flux import INTERVAL, NAMESPACE, Flux
from e2e.support.operators import Operator
from e2e.support.world import (
    BAD,
    GOOD,
    WORSE,
    World,
    bind,
    crashing,
    deployment,
    good,
    incident,
    lines,
    wait_for_right,
    wish,
)
from stanch.api.names import Label

# The first test of a cold machine builds both controllers.
pytestmark = pytest.mark.timeout(2400)
HELD = "kustomize.toolkit.fluxcd.io/reconcile"


def release(image: str) -> Json:
    """The Deployment as Git says it."""
    return deployment(pod=good() if image == GOOD else crashing())


def image(world: World) -> str:
    """What it runs."""
    return str(world.target()["spec"]["template"]["spec"]["containers"][0]["image"])


def bad_release(world: World, flux: Flux) -> None:
    """A good release from Git, and then a bad one."""
    flux.deploy(world.ns, release(GOOD))
    world.serving()
    flux.deploy(world.ns, release(BAD), message="1.8.3")
    world.crashed()


def test_story_49_a_hold_outlives_the_rollback_until_git_says_so_too(
    world: World, flux: Flux, operator: Operator
) -> None:
    """The hold comes first; the rollback outlives Flux's runs; lifted, Flux goes on with what Git says."""
    bad_release(world, flux)
    world.declare(incident(wish(), recovery={"hold": "10m"}))
    world.state("Done")
    assert world.target()["metadata"]["labels"][HELD] == "disabled"
    flux.runs(world.ns, 3)
    assert image(world) == GOOD
    assert lines(world.status(), "MitigationReverted") == []
    names = [m["name"] for m in world.status()["mitigations"]]
    assert names == ["hold-roll-back", "roll-back"]
    assert [d["name"] for d in world.status()["debt"]] == ["hold-roll-back"]
    # People put it into Git, and let Flux go on.
    flux.deploy(world.ns, release(GOOD), message="back to 1.8.2")
    world.say("undo", {"mitigation": "hold-roll-back"})
    world.state("Undone", "hold-roll-back")
    assert HELD not in world.target()["metadata"]["labels"]
    flux.runs(world.ns, 2)
    assert image(world) == GOOD
    replicasets = world.admin.list("replicasets", world.ns)
    assert [r["metadata"]["name"] for r in replicasets if HELD in (r["metadata"].get("labels") or {})] == []


def test_story_47_the_plan_says_when_flux_puts_it_back_and_who_did_is_named(
    world: World, flux: Flux, operator: Operator
) -> None:
    """With gitOps: Ignore, and replicas in Git: Flux does as the plan says, is named, and nothing is written again."""
    flux.deploy(world.ns, release(GOOD))
    world.serving()
    world.declare(incident(wish("size", "scale", args={"replicas": 2}, gitOps="Ignore"), recovery={"hold": "10m"}))
    world.wait(lambda s: s["mitigations"][0].get("attempts"), "it is done")
    warned = " ".join(world.mitigation("size")["warnings"])
    assert re.search(r"will put it back at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \(its interval is 5s\)", warned), warned
    until(lambda: world.target()["spec"]["replicas"] == 1, 60, "Flux puts it back")
    status = world.wait(lambda s: lines(s, "MitigationReverted"), "it is told")
    assert "kustomize-controller" in lines(status, "MitigationReverted")[0]["text"]
    flux.runs(world.ns, 1)
    assert world.target()["spec"]["replicas"] == 1
    assert len(world.mitigation("size")["attempts"]) == 1


def test_what_git_does_not_set_stays_without_a_hold(world: World, flux: Flux, operator: Operator) -> None:
    """A pause by our field manager outlives Flux's runs: nothing has to be held."""
    flux.deploy(world.ns, release(GOOD))
    world.serving()
    world.declare(incident(wish("pause", "rolloutPause"), recovery={"hold": "10m"}))
    world.state("Done", "pause")
    flux.runs(world.ns, 2)
    assert world.target()["spec"]["paused"] is True
    assert HELD not in world.target()["metadata"]["labels"]


def test_a_change_freeze_holds_up_a_release_of_flux_and_nothing_else(
    world: World, flux: Flux, operator: Operator, freeze: None
) -> None:
    """
    Its Kustomization says why, though its account may do everything, as Flux has it; replicas pass; only warned of, it goes out.
    """
    flux.deploy(world.ns, release(GOOD))
    world.serving()
    applies_as_account(world)
    set_freeze(world, "true")
    until(lambda: not try_to_release(world).ok, 30, "it is in force")
    flux.deploy(world.ns, deployment(replicas=2), message="two of them")
    world.serving()
    flux.git.push({f"{world.ns}/deployment-checkout.yaml": deployment(pod=good(WORSE), replicas=2)}, "1.8.4")

    def said() -> str:
        return " ".join(c["message"] for c in flux.status(world.ns)["conditions"] if c["type"] == "Ready")

    until(lambda: f"change freeze in namespace {world.ns}" in said(), 60, "Flux says why")
    assert flux.git.head() not in flux.status(world.ns)["lastAppliedRevision"]
    assert (image(world), world.serving()["status"]["readyReplicas"]) == (GOOD, 2)
    set_freeze(world, "warn")
    until(lambda: image(world) == WORSE, 60, "the release goes out")
    until(lambda: flux.git.head() in flux.status(world.ns)["lastAppliedRevision"], 30, "Flux is through")
    world.admin.delete("clusterrolebindings", None, world.ns)


def applies_as_account(world: World) -> None:
    """As Flux' own controller is installed: by an account that is bound to cluster-admin."""
    subject = {"kind": "ServiceAccount", "name": world.ns, "namespace": NAMESPACE}
    world.admin.create({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": world.ns}}, NAMESPACE).must()
    api = "rbac.authorization.k8s.io"
    binding = {"apiVersion": f"{api}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": world.ns}}
    ref = {"apiGroup": api, "kind": "ClusterRole", "name": "cluster-admin"}
    world.admin.create(binding | {"roleRef": ref, "subjects": [subject]}).must()
    world.admin.merge("kustomizations", NAMESPACE, world.ns, {"spec": {"serviceAccountName": world.ns}}).must()


def set_freeze(world: World, value: str) -> None:
    """As a person sets it."""
    world.admin.merge("namespaces", None, world.ns, {"metadata": {"labels": {Label.CHANGE_FREEZE: value}}}).must()


# --- a whole Kustomization -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def home(admin: Api, flux: Flux) -> Iterator[World]:
    """Where the Kustomizations are, and alice may hold them: an incident about one is declared there."""
    give_role(admin)
    for role in ("edit", ROLE):
        bind(admin, NAMESPACE, role, {"kind": "User", "name": "alice"})
    wait_for_right(admin, NAMESPACE, "alice", "create", "incidents")
    wait_for_right(admin, NAMESPACE, "alice", "patch", "kustomizations", "kustomize.toolkit.fluxcd.io")
    yield World(admin, NAMESPACE)
    admin.delete("clusterroles", None, ROLE)


def flags(value: str) -> Json:
    """A flag as Git says it."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "flags"}, "data": {"a": value}}


def flag(world: World) -> str:
    """The flag as it is."""
    return str(world.target("flags", "configmaps")["data"]["a"])


def ask_to_hold(home: World, name: str) -> None:
    """Hold a Kustomization, in an incident of the same name."""
    target = {"kind": "Kustomization", "name": name}
    home.declare(incident(wish("freeze", "gitOpsHold"), name=name, target=target, recovery={"hold": "10m"}))


def spec(home: World, name: str) -> Json:
    """What is wanted of a Kustomization."""
    found: Json = home.target(name, "kustomizations")["spec"]
    return found


def test_a_whole_kustomization_is_held_and_goes_on(
    worlds: Callable[..., World], flux: Flux, operator: Operator, home: World
) -> None:
    """Suspended, it applies nothing although its neighbour does; taken back exactly, it applies what Git says by then."""
    held, neighbour = worlds("held"), worlds("neighbour")
    flux.deploy(held.ns, flags("on"))
    before = spec(home, held.ns)
    ask_to_hold(home, held.ns)
    assert "applies nothing by itself" in home.state("Done", "freeze", held.ns)["message"]
    assert spec(home, held.ns) == before | {"suspend": True}
    flux.git.push({f"{held.ns}/configmap-flags.yaml": flags("off")}, "off")
    # The neighbour's commit is younger, so Flux has seen both.
    flux.deploy(neighbour.ns, flags("off"))
    flux.runs(neighbour.ns, 1)
    assert (flag(held), flag(neighbour)) == ("on", "off")
    home.say("undo", {"mitigation": "freeze"}, about=held.ns)
    home.state("Undone", "freeze", held.ns)
    assert spec(home, held.ns) == before
    until(lambda: flag(held) == "off", 30, "Flux goes on")


def test_a_parent_matters_only_where_it_sets_suspend(
    worlds: Callable[..., World], flux: Flux, operator: Operator, home: World
) -> None:
    """Ours outlives the runs of a parent whose Git does not say it; one whose Git does is held first, by name."""
    silent, telling = worlds("silent"), worlds("telling")
    children = []
    for world, more in ((silent, {}), (telling, {"suspend": False})):
        flux.git.push({f"{world.ns}/configmap-flags.yaml": flags("on")}, "on")
        source = {"kind": "GitRepository", "name": "repo"}
        wanted = {"interval": INTERVAL, "path": f"./{world.ns}", "prune": True, "targetNamespace": world.ns}
        api, meta = "kustomize.toolkit.fluxcd.io/v1", {"name": world.ns, "namespace": NAMESPACE}
        children.append(
            {
                "apiVersion": api,
                "kind": "Kustomization",
                "metadata": meta,
                "spec": wanted | {"sourceRef": source} | more,
            }
        )
    # Named as `flux bootstrap` names it: it applies the other Kustomizations.
    flux.deploy(NAMESPACE, *children)
    for world in (silent, telling):
        until(lambda world=world: home.admin.find("configmaps", world.ns, "flags"), 60, "a child has run")  # type: ignore[misc]
        ask_to_hold(home, world.ns)
    home.state("Done", "freeze", silent.ns)
    message = home.state("Held", "freeze", telling.ns)["message"]
    assert (
        f"Flux Kustomization {NAMESPACE}/{NAMESPACE} sets spec.suspend of Kustomization {NAMESPACE}/{telling.ns}"
        in message
    )
    flux.runs(NAMESPACE, 2)
    assert (spec(home, silent.ns)["suspend"], spec(home, telling.ns)["suspend"]) == (True, False)
    ask_to_hold(home, NAMESPACE)
    home.state("Done", "freeze", NAMESPACE)
    home.state("Done", "freeze", telling.ns)
    assert spec(home, telling.ns)["suspend"] is True
    for name in (telling.ns, NAMESPACE):
        home.say("undo", {"mitigation": "freeze"}, about=name)
        home.state("Undone", "freeze", name)
    assert "suspend" not in spec(home, NAMESPACE)
