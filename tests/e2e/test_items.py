"""Action items that prove themselves, a change freeze, a game day: on a real cluster, with the operator's own rights."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.given import Kubectl
from e2e.support.api import Api, Json, until
from e2e.support.budgets import Budgets, sweep, try_to_release
from e2e.support.operators import ForkServer, Operator, environment
from e2e.support.scenes import Scenes
from e2e.support.world import BAD, GOOD, OURS, ROLL_BACK, WORSE, World, bind, deployment, incident, stuck
from stanch.api.names import OPERATOR_NAMESPACE, Annotation, Label

PDB = {"apiVersion": "policy/v1", "resource": "poddisruptionbudgets", "name": "checkout"}


@pytest.fixture(scope="module")
def operator(
    token: dict[str, Any], fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operator]:
    """An operator to whom an hour is a second or two."""
    waits = {"items_hold": 2, "items_look_every": 1, "resync_resolved_every": 1}
    with Operator(token, tmp_path_factory.mktemp("operator"), "items", fork_server, policy=waits) as running:
        yield running


def item(name: str, check: Json, **more: Any) -> Json:
    """An ActionItem as people write it."""
    spec = {"title": "Add a budget to checkout", "owner": "orders-team", "dueTime": "2027-12-05T17:00:00Z", **more}
    return {"apiVersion": OURS, "kind": "ActionItem", "metadata": {"name": name}, "spec": {**spec, "doneWhen": check}}


def budget() -> Json:
    """A PodDisruptionBudget of checkout."""
    spec = {"minAvailable": 0, "selector": {"matchLabels": {"app": "checkout"}}}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "checkout"}, "spec": spec}


def proves(world: World) -> None:
    """Two items about a budget that is not there yet."""
    expression = {**PDB, "expression": "object.spec.minAvailable == 0"}
    world.alice.create(item("exists", {"objectExists": PDB}), world.ns).must()
    world.alice.create(item("says", {"cel": expression}), world.ns).must()


def frozen(world: World) -> None:
    """Checkout serves; its budget is about to be spent."""
    world.deploy()
    world.serving()


def plays(world: World) -> None:
    """Checkout serves, in a namespace where it may be broken."""
    world.deploy(deployment(progressDeadlineSeconds=5))
    world.serving()


@pytest.fixture(scope="module")
def scenes(admin: Api, operator: Operator) -> Iterator[Scenes]:
    """All at once."""
    made = Scenes(admin, proves, frozen, plays)
    yield made
    made.close()


def state(world: World, name: str) -> Json:
    """Status of an item."""
    found: Json = world.admin.get("actionitems", world.ns, name).get("status", {})
    return found


def reaches(world: World, name: str, wanted: str) -> Json:
    """The status, once it is that."""
    return until(lambda: s if (s := state(world, name)).get("state") == wanted else None, 60, f"{name} is {wanted}")


def test_an_item_closes_by_proof_and_opens_when_it_fails(scenes: Scenes) -> None:
    """By the object, and by what it says; what was seen is on the record; gone again, it is open again."""
    world = scenes[proves]
    for name in ("exists", "says"):
        until(lambda name=name: state(world, name).get("proof", {}).get("reason") == "NotThere", 30, "looked at")
    world.admin.create(budget(), world.ns).must()
    live = world.admin.get("poddisruptionbudgets", world.ns, "checkout")
    for name in ("exists", "says"):
        proof = reaches(world, name, "Done")["proof"]
        assert proof["uid"] == live["metadata"]["uid"]
    world.admin.merge("poddisruptionbudgets", world.ns, "checkout", {"spec": {"minAvailable": 1}}).must()
    status = reaches(world, "says", "Reopened")
    assert "is false of" in status["reopened"][0]["why"]
    assert state(world, "exists")["state"] == "Done"
    assert world.admin.delete("poddisruptionbudgets", world.ns, "checkout").ok
    reaches(world, "exists", "Reopened")
    reasons = {e["reason"] for e in world.admin.list("events", world.ns)}
    assert {"ActionItemDone", "ActionItemReopened"} <= reasons


def test_who_may_not_read_it_may_not_have_it_looked_at(scenes: Scenes) -> None:
    """Nodes are not for an editor of a namespace; Secrets are for no item; a wrong expression names its field."""
    world = scenes[proves]
    node = {"apiVersion": "v1", "resource": "nodes", "name": "x", "clusterScoped": True}
    refused = world.alice.create(item("node", {"objectExists": node}), world.ns)
    assert "alice may not get nodes x, which spec.doneWhen looks at" in refused.message
    secret = {"apiVersion": "v1", "resource": "secrets", "name": "x"}
    assert (
        "secrets and evidences are read for no action item"
        in world.admin.create(item("secret", {"objectExists": secret}), world.ns).message
    )
    both = world.alice.create(item("both", {"objectExists": PDB, "alertRule": {"name": "X"}}), world.ns)
    assert "exactly one check of objectExists, cel, promQL, alertRule must be set" in both.message
    world.admin.create(budget() | {"metadata": {"name": "other"}}, world.ns).must()
    wrong = {**PDB, "name": "other", "expression": "object.spec.("}
    world.alice.create(item("wrong", {"cel": wrong}), world.ns).must()
    status = until(lambda: s if (s := state(world, "wrong")).get("proof") else None, 30, "looked at")
    assert "spec.doneWhen.cel.expression: " in status["proof"]["seen"]
    unread = {"apiVersion": "rbac.authorization.k8s.io/v1", "resource": "roles", "name": "x"}
    world.admin.create(item("unread", {"objectExists": unread}), world.ns).must()
    status = until(lambda: s if (s := state(world, "unread")).get("proof") else None, 30, "looked at")
    assert f"bind it a role with get on roles.rbac.authorization.k8s.io in {world.ns}" in status["proof"]["seen"]


# --- the change freeze -----------------------------------------------------------------------------------------------


def shell_of(kubectl: Kubectl, world: World, name: str = "alice") -> Kubectl:
    """kubectl as an editor of the namespace has it."""
    return kubectl.as_user(name, ("system:authenticated", "team-checkout")).having("-n", world.ns)


def image(world: World) -> str:
    """What is to run."""
    return str(world.target()["spec"]["template"]["spec"]["containers"][0]["image"])


def test_a_spent_budget_freezes_templates_and_nothing_else(
    scenes: Scenes, operator: Operator, kubectl: Kubectl, freeze: None
) -> None:
    """Refused at kubectl; free are scaling, labels, the verb bypass, controllers, stanch's rollback and its undo; then lifted."""
    world = scenes[frozen]
    alice, bob = (shell_of(kubectl, world, name) for name in ("alice", "bob"))
    world.release(stuck())
    world.observed()
    with Budgets(world.ns) as budgets:
        changed = until(lambda: sweep(operator, budgets.url, "Deny"), 30, "the right is there")
        assert {world.ns: "changes of pod templates are refused: the error budget of checkout is spent"} == changed
        assert {} == sweep(operator, budgets.url, "Deny")
        until(lambda: not try_to_release(world).ok, 30, "it is in force")
        refused = alice("set", "image", "deployment/checkout", f"web={GOOD}")
        assert f"change freeze in namespace {world.ns} (the error budget of checkout is spent)" in refused.err
        assert "change freeze" in alice("rollout", "undo", "deployment/checkout").err
        assert BAD == image(world)
        assert alice("label", "deployment/checkout", "x=y").ok
        assert alice("scale", "deployment/checkout", "--replicas=2").ok
        # stanch rolls it back, and the deployment controller follows; and so with its undo.
        world.declare(incident(ROLL_BACK, recovery={"hold": "1s"}))
        world.state("Done", "roll-back")
        world.serving()
        assert GOOD == image(world)
        world.say("undo", {"mitigation": "roll-back"})
        world.state("Undone", "roll-back")
        world.observed()
        assert BAD == image(world)
        # In need: one person, by a verb.
        bind(world.admin, world.ns, "stanch-change-freeze-bypass", {"kind": "User", "name": "bob"})
        until(lambda: bob("set", "image", "deployment/checkout", f"web={GOOD}").ok, 30, "bob may")
        assert "change freeze" in alice("rollout", "restart", "deployment/checkout").err
        budgets.left = "0.2"
        assert {world.ns: "changes are free again"} == sweep(operator, budgets.url, "Deny")
        until(lambda: try_to_release(world).ok, 30, "it is lifted")
    meta = world.admin.get("namespaces", None, world.ns)["metadata"]
    assert Label.CHANGE_FREEZE not in meta["labels"]
    assert not [key for key in meta.get("annotations", {}) if key.startswith(Label.CHANGE_FREEZE)]


def test_by_default_it_warns_and_who_says_nothing_again_freezes_nobody(
    scenes: Scenes, operator: Operator, kubectl: Kubectl, freeze: None
) -> None:
    """kubectl shows the warning, and it is done; and refused is nothing once stanch was silent for an hour."""
    world = scenes[frozen]
    alice, change = shell_of(kubectl, world), ("set", "image", "deployment/checkout", "--dry-run=server")
    with Budgets(world.ns) as budgets:
        until(lambda: sweep(operator, budgets.url, "Warn"), 30, "the right is there")
        until(lambda: "change freeze in namespace" in alice(*change, f"web={WORSE}").err, 30, "it warns")
        assert alice(*change, f"web={WORSE}").ok
        assert "Warning" not in alice("scale", "deployment/checkout", "--replicas=1").err
        sweep(operator, budgets.url, "Deny")
        until(lambda: not try_to_release(world).ok, 30, "it refuses")
        # As if stanch had been away since.
        kubectl("annotate", "--overwrite", "namespace", world.ns, f"{Annotation.FREEZE_UNTIL}=2026-01-01T00:00:00Z")
        until(lambda: try_to_release(world).ok, 30, "it lapsed")
        assert Label.CHANGE_FREEZE in world.admin.get("namespaces", None, world.ns)["metadata"]["labels"]
        # Back again, it says so again; and what an admin takes off stays off.
        assert {} == sweep(operator, budgets.url, "Deny")
        until(lambda: not try_to_release(world).ok, 30, "it holds again")
        assert kubectl("label", "namespace", world.ns, f"{Label.CHANGE_FREEZE}-").ok
        assert {} == sweep(operator, budgets.url, "Deny")
        until(lambda: try_to_release(world).ok, 30, "it is off")


def test_the_operator_writes_nothing_else_of_a_namespace(scenes: Scenes, admin: Api, freeze: None) -> None:
    """Not with the right to patch it."""
    who = admin.as_user(f"system:serviceaccount:{OPERATOR_NAMESPACE}:stanch", "system:authenticated")
    name = scenes[frozen].ns
    labels = {"pod-security.kubernetes.io/enforce": "privileged"}
    reply = who.merge("namespaces", None, name, {"metadata": {"labels": labels}})
    assert "stanch writes label stanch.dev/change-freeze and its reason" in reply.message


# --- a game day ------------------------------------------------------------------------------------------------------


def gameday(admin_file: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """As an admin at a shell."""
    command = [sys.executable, "-m", "stanch.cli.main", "gameday", *words, "--kubeconfig", str(admin_file)]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=False, timeout=120)


def test_a_game_day_breaks_one_thing_scores_it_and_leaves_nothing(
    scenes: Scenes, operator: Operator, admin: Api, admin_file: Path
) -> None:
    """Refused without the label; then detected, captured, mitigated, recovered; and everything is as before."""
    world = scenes[plays]
    before = world.target()["spec"]["template"]
    done = gameday(admin_file, "start", "deployment/checkout", "-n", world.ns, "--declare")
    assert (2, True) == (done.returncode, "stanch.dev/gameday=allowed" in done.stderr), done.stderr
    assert world.target()["spec"]["template"] == before
    admin.merge("namespaces", None, world.ns, {"metadata": {"labels": {"stanch.dev/gameday": "allowed"}}}).must()
    done = gameday(admin_file, "start", "deployment/checkout", "-n", world.ns, "--declare", "--within", "60")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 of 4" in done.stdout
    assert "roll-back helped" in done.stdout or "without a mitigation" in done.stdout
    assert world.target()["spec"]["template"]["spec"] == before["spec"]
    assert [] == admin.list("configmaps", world.ns, labelSelector="app.kubernetes.io/managed-by=stanch-gameday")
    (kept,) = admin.list("incidents", world.ns)
    assert "stanch.dev/gameday" in kept["metadata"]["annotations"]


def test_a_fault_that_nobody_mends_is_taken_back_when_time_is_over(
    scenes: Scenes, admin: Api, admin_file: Path
) -> None:
    """Nobody declared anything: the score says so, and the fault is gone."""
    world = scenes[plays]
    admin.merge("namespaces", None, world.ns, {"metadata": {"labels": {"stanch.dev/gameday": "allowed"}}}).must()
    world.serving()
    done = gameday(admin_file, "start", "checkout", "-n", world.ns, "--fault", "scale-to-zero", "--within", "10")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "no incident was declared" in done.stdout
    assert "Taken back" in done.stdout
    assert world.serving()["spec"]["replicas"] == 1
