"""Runbooks in Git, with real Flux: applied, changed and reverted."""

import pytest

from e2e.support.api import Json, until
from e2e.support.crds import ROLE
from e2e.support.drills import INCIDENT, shipped
from e2e.support.drills_elsewhere import gitops_fight
from e2e.support.flux import Flux
from e2e.support.operators import Operator
from e2e.support.world import GOOD, OURS, Agreement, World, bind, crashing, deployment, wait_for_right
from e2e.support.world import stands as mitigation

# The first test of a cold machine builds both controllers.
pytestmark = pytest.mark.timeout(2400)


def book(world: World) -> Json:
    """The Runbook as it is in the cluster."""
    return world.admin.get("runbooks", world.ns, "bad-deploy")


def stands(world: World, kind: str) -> bool:
    """Is the condition True, of the newest generation?"""
    found = book(world)
    newest = found["metadata"]["generation"]
    conditions = (found.get("status") or {}).get("conditions") or ()
    return any(
        c["type"] == kind and c["status"] == "True" and c.get("observedGeneration") == newest for c in conditions
    )


def with_spec(said: Json, **fields: object) -> Json:
    """The same with other fields."""
    return said | {"spec": said["spec"] | fields}


def test_a_runbook_goes_through_git_and_back(world: World, flux: Flux, operator: Operator) -> None:
    """Applied it is Ready; a push that breaks it makes it Stalled; reverted it is what it was, and Ready."""
    good = shipped("bad-deploy")
    flux.deploy(world.ns, good)
    until(lambda: stands(world, "Ready"), 30, "it is Ready")
    before = book(world)["spec"]
    flux.deploy(
        world.ns, with_spec(good, targets=[{"kind": "Deployment", "name": "$(deploymnet)"}]), message="typing error"
    )
    until(lambda: stands(world, "Stalled"), 30, "it is Stalled")
    flux.deploy(world.ns, good, message='Revert "typing error"')
    until(lambda: stands(world, "Ready") and not stands(world, "Stalled"), 30, "it is Ready again")
    assert book(world)["spec"] == before


def test_a_push_between_plan_and_effect_changes_nothing_that_runs(world: World, flux: Flux, operator: Operator) -> None:
    """What was agreed to is done, of the generation it was frozen from; the next incident follows the new one."""
    good = with_spec(shipped("bad-deploy"), preconditions=[])
    flux.deploy(world.ns, good)
    bind(world.admin, world.ns, "stanch-runbook-user", {"kind": "User", "name": "alice"})
    wait_for_right(world.admin, world.ns, "alice", "run", "runbooks")
    choice = {"name": "bad-deploy", "parameters": {"deployment": "checkout"}}
    spec = {"title": "Drill", "severity": "SEV2", "runbook": choice}
    world.deploy(deployment())
    world.serving()
    world.release(crashing())
    world.crashed()
    world.declare({"apiVersion": OURS, "kind": "Incident", "metadata": {"name": "first"}, "spec": spec})
    waits = lambda s: mitigation(s, "roll-back").get("reason") == "ApprovalMissing"  # noqa: E731
    frozen = world.wait(waits, "it waits for somebody who agrees", "first")["runbook"]
    flux.deploy(world.ns, with_spec(good, mitigations=[{"name": "stop", "rolloutPause": {}}]), message="another way")
    until(lambda: book(world)["metadata"]["generation"] > frozen["generation"], 30, "Flux has applied it")
    agreed = Agreement(world, world.bob, "first")
    until(lambda: agreed("roll-back").get("state") == "Done", 90, "what was agreed to is done")
    target = world.serving()
    assert GOOD == target["spec"]["template"]["spec"]["containers"][0]["image"]
    assert "paused" not in target["spec"]
    first = world.status("first")
    assert ["roll-back"] == [m["name"] for m in first["mitigations"]]
    assert (first["runbook"]["generation"], first["runbook"]["digest"]) == (frozen["generation"], frozen["digest"])
    world.declare({"apiVersion": OURS, "kind": "Incident", "metadata": {"name": "second"}, "spec": spec})
    second = world.wait(lambda s: mitigation(s, "stop"), "the new plan", "second")
    assert second["runbook"]["generation"] > frozen["generation"]
    assert mitigation(second, "roll-back") == {}


def test_the_drill_of_a_fight_with_gitops_goes_well(world: World, flux: Flux, operator: Operator) -> None:
    """The twelfth of the drills (test_drills.py): it needs somebody who puts back what Git says."""
    home = gitops_fight(world, flux)
    status = home.status(INCIDENT)
    assert {"alice"} == {m["requestedBy"] for m in status["mitigations"]}
    assert status["times"]["resolved"]
    # What was held past Git is owed to Git, by an item that nobody had to write.
    items = [i["spec"] for i in world.admin.list("actionitems", home.ns) if i["spec"].get("incident") == INCIDENT]
    assert ["alice"] == [i["owner"] for i in items if i["title"].startswith("Put into Git what was changed")]
    world.admin.delete("clusterroles", None, ROLE)
