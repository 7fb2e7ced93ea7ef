"""A stranger's Flux repository, with real Flux: a rollback is held first, and stays; what is not held is put back and said."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from tools.install import find_kubectl

from e2e.support.api import Api, Json, until
from e2e.support.flux import Flux
from e2e.support.operators import Operator
from e2e.support.world import BAD, GOOD, World, crashing, deployment, good, incident, lines, wish

# The first test of a cold machine builds both controllers.
pytestmark = pytest.mark.timeout(2400)
HELD = "kustomize.toolkit.fluxcd.io/reconcile"


@pytest.fixture(scope="module")
def flux(admin: Api, admin_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Flux]:
    """Flux and its git server."""
    with Flux(admin, admin_file, find_kubectl(), tmp_path_factory.mktemp("flux")) as running:
        yield running


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
