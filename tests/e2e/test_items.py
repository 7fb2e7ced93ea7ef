"""Action items that prove themselves, a change freeze, a game day: on a real cluster, with the operator's own rights."""

import asyncio
import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cluster.given import Kubectl
from e2e.support.api import Api, Json, until
from e2e.support.operators import ROOT, ForkServer, Operator, environment
from e2e.support.scenes import Scenes
from e2e.support.world import OURS, ROLL_BACK, World, deployment, incident, stuck
from stanch.api.names import OPERATOR_NAMESPACE, Label
from stanch.api.policy import Policy
from stanch.shell.budget_sweep import BudgetSweep
from stanch.shell.client import Kube, configuration
from stanch.shell.policy_book import PolicyBook

FREEZE = ROOT / "manifests" / "components" / "change-freeze" / "change-freeze.yaml"
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


class Prometheus:
    """Says how much is left of one budget."""

    def __init__(self, namespace: str) -> None:
        self.left, outer = "-0.1", self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                series = {"metric": {"namespace": namespace, "service": "checkout"}, "value": [1, outer.left]}
                data = {"resultType": "vector", "result": [series]}
                raw = json.dumps({"status": "success", "data": data}).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_: object) -> None:
                """Silence."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """No more."""
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def freeze(kubectl: Kubectl) -> Iterator[None]:
    """The component is applied."""
    subprocess.run([*kubectl.start, "apply", "-f", str(FREEZE)], check=True, capture_output=True)
    yield
    subprocess.run([*kubectl.start, "delete", "-f", str(FREEZE)], check=True, capture_output=True)


def sweep(operator: Operator, url: str, mode: Any) -> dict[str, str]:
    """One look at the budgets, with the token of the operator's ServiceAccount; what was changed."""

    async def look() -> dict[str, str]:
        async with Kube(await configuration(str(operator.kubeconfig))) as kube:
            book = PolicyBook(Policy(budget_mode=mode, prometheus_url=url))
            return await BudgetSweep(kube, lambda: book, kube.clock.now).look()

    return asyncio.run(look())


def release(world: World, image: str) -> Any:
    """Alice pushes an image."""
    change = {"spec": {"template": {"spec": {"containers": [{"name": "web", "image": image}]}}}}
    path = world.alice.path("deployments", world.ns, "checkout")
    return world.alice.request("PATCH", path, change, "application/strategic-merge-patch+json")


def test_a_spent_budget_freezes_templates_and_nothing_else(scenes: Scenes, operator: Operator, freeze: None) -> None:
    """Refused for people; free for scaling, controllers, stanch's rollback, and the verb bypass; lifted by itself."""
    world = scenes[frozen]
    world.release(stuck())
    world.observed()
    prometheus = Prometheus(world.ns)
    try:
        changed = until(lambda: sweep(operator, prometheus.url, "Deny"), 30, "the right is there")
        assert {world.ns: "changes of pod templates are refused: the error budget of checkout is spent"} == changed
        assert {} == sweep(operator, prometheus.url, "Deny")
        # Another image each time: what got through before it was in force is no change the next time.
        images = (f"stanch.test/busybox:{n}" for n in itertools.count(3))
        refused = until(lambda: r if not (r := release(world, next(images))).ok else None, 30, "it is in force")
        assert f"change freeze in namespace {world.ns} (the error budget of checkout is spent)" in refused.message
        assert world.alice.merge("deployments", world.ns, "checkout", {"metadata": {"labels": {"x": "y"}}}).ok
        assert world.alice.merge("deployments", world.ns, "checkout", {"spec": {"replicas": 2}}).ok
        # stanch rolls it back, and the deployment controller follows.
        world.declare(incident(ROLL_BACK, recovery={"hold": "1s"}))
        world.state("Done", "roll-back")
        world.serving()
        prometheus.left = "0.2"
        assert {world.ns: "changes are free again"} == sweep(operator, prometheus.url, "Deny")
        until(lambda: release(world, "stanch.test/busybox:1").ok, 30, "it is lifted")
        assert Label.CHANGE_FREEZE not in world.admin.get("namespaces", None, world.ns)["metadata"]["labels"]
    finally:
        prometheus.close()


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
