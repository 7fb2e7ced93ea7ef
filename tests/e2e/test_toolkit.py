"""Pause, scale, cordon: the right act, its exact undo, a refusal where it would do harm, and lines that work by hand."""

import subprocess
from collections.abc import Iterator

import pytest

from cluster.given import Kubectl
from e2e.support.api import Api, Json
from e2e.support.operators import Operator
from e2e.support.scenes import Scenes
from e2e.support.stories import agree, take_back
from e2e.support.world import (
    BAD,
    GOOD,
    ROLL_BACK,
    World,
    crashing,
    deployment,
    forget,
    incident,
    lines,
    statefulset,
    stuck,
    wish,
)

NODE = {"kind": "Node", "name": "node-2"}


def scale(replicas: int, **more: object) -> Json:
    """A wish for so many."""
    return wish("size", "scale", args={"replicas": replicas}, **more)


def paused(world: World) -> None:
    """A bad rollout, stopped where it is."""
    world.deploy(deployment())
    world.serving()
    world.release(stuck())
    world.observed()
    world.declare(incident(wish("pause", "rolloutPause")))
    world.state("Done", "pause")


def resumed(world: World) -> None:
    """A Deployment that somebody paused, let go on."""
    world.deploy(deployment(paused=True))
    world.declare(incident(wish("resume", "rolloutResume")))
    world.state("Done", "resume")


def scaled_up(world: World) -> None:
    """One more pod."""
    world.deploy(deployment())
    world.serving()
    world.declare(incident(scale(2)))
    world.state("Done", "size")


def changed_since(world: World) -> None:
    """Scaled to two by stanch, and to four by somebody else."""
    scaled_up(world)
    world.set(replicas=4)


def scaled_down(world: World) -> None:
    """One pod less."""
    world.deploy(deployment(replicas=2))
    world.serving()
    world.declare(incident(scale(1)))
    world.state("Done", "size")


def stateful(world: World) -> None:
    """A StatefulSet, up by one."""
    world.deploy(statefulset())
    world.serving("store", "statefulsets")
    world.declare(incident(scale(2), target={"kind": "StatefulSet", "name": "store"}))


def to_zero(world: World) -> None:
    """Off: a wide act, that needs a second person."""
    world.deploy(deployment())
    world.serving()
    # It is well by all criteria; only the hold keeps it from being over before anybody has agreed.
    world.declare(incident(scale(0), recovery={"hold": "10m"}))


def autoscaled(world: World) -> None:
    """An HPA steers the number."""
    world.deploy(deployment())
    kind = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "checkout"}}
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"}
    world.deploy(kind | {"spec": {"scaleTargetRef": reference, "maxReplicas": 5}})
    world.declare(incident(scale(2)))


def feeding_a_crash(world: World) -> None:
    """More of what crashes."""
    world.deploy(deployment(pod=crashing()))
    world.crashed()
    world.declare(incident(scale(3)))


def by_hand(world: World) -> None:
    """Rolled back, with the lines to take it back when stanch is not there."""
    world.deploy(deployment())
    world.serving()
    world.release(stuck())
    world.observed()
    world.declare(incident(ROLL_BACK))
    world.state("Done")


SETTINGS = (
    paused,
    resumed,
    scaled_up,
    changed_since,
    scaled_down,
    stateful,
    to_zero,
    autoscaled,
    feeding_a_crash,
    by_hand,
)


@pytest.fixture(scope="module")
def scenes(admin: Api, operator: Operator) -> Iterator[Scenes]:
    """All scenes, set at once."""
    made = Scenes(admin, *SETTINGS)
    yield made
    made.close()


# --- done, and taken back exactly ------------------------------------------------------------------------------------


def test_pause_and_back(scenes: Scenes) -> None:
    """Paused is owed; its undo takes the field away, as if it never had been there, and the debt with it."""
    world = scenes[paused]
    assert world.target()["spec"]["paused"] is True
    assert [d["owner"] for d in world.status()["debt"]] == ["alice"]
    take_back(world, "pause")
    assert "paused" not in world.target()["spec"]
    assert "debt" not in world.status()


def test_resume_and_back(scenes: Scenes) -> None:
    """Resumed rolls on; its undo pauses it again."""
    world = scenes[resumed]
    assert "paused" not in world.target()["spec"]
    take_back(world, "resume")
    assert world.target()["spec"]["paused"] is True


@pytest.mark.parametrize(("setting", "now", "before"), [(scaled_up, 2, 1), (scaled_down, 1, 2)])
def test_scale_and_back(scenes: Scenes, setting: object, now: int, before: int) -> None:
    """The size is what was asked for, is owed, and is what it was after the undo."""
    world = scenes[setting]  # type: ignore[index]
    assert world.target()["spec"]["replicas"] == now
    assert [d["name"] for d in world.status()["debt"]] == ["size"]
    take_back(world, "size")
    assert world.target()["spec"]["replicas"] == before
    assert "debt" not in world.status()


def test_a_statefulset_grows(scenes: Scenes) -> None:
    """The same for a StatefulSet; shrinking it again by undo is exact and needs nobody else."""
    world = scenes[stateful]
    world.state("Done", "size")
    assert world.target("store", "statefulsets")["spec"]["replicas"] == 2
    take_back(world, "size")
    assert world.target("store", "statefulsets")["spec"]["replicas"] == 1


def test_to_zero_needs_another_person(scenes: Scenes) -> None:
    """alice asks, alice can't approve, bob can; then it is off, which is contained and not mitigated."""
    world = scenes[to_zero]
    agreed = {"mitigation": "size", "action": "scale", "digest": world.state("Held", "size")["digest"]}
    assert world.try_to_say("approve", agreed).status in (403, 422)
    assert world.target()["spec"]["replicas"] == 1
    agree(world, "size", "scale")
    world.state("Done", "size")
    world.condition("Contained")
    assert world.target()["spec"]["replicas"] == 0
    take_back(world, "size")
    assert world.target()["spec"]["replicas"] == 1


# --- refused -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "words"), [(autoscaled, "HorizontalPodAutoscaler checkout"), (feeding_a_crash, "crash")]
)
def test_scale_is_refused_where_it_does_harm(scenes: Scenes, setting: object, words: str) -> None:
    """The refusal names what stands in the way, and nothing is written."""
    world = scenes[setting]  # type: ignore[index]
    record = world.wait(lambda s: s["mitigations"][0]["state"] in ("Held", "Refused"), "a refusal")["mitigations"][0]
    assert words in record["message"]
    assert world.target()["metadata"]["generation"] == 1


def test_an_undo_never_overwrites(scenes: Scenes) -> None:
    """Somebody changed it since: refused with the difference, and their number stays."""
    world = scenes[changed_since]
    world.say("undo", {"mitigation": "size"})
    world.wait(lambda s: lines(s, "UndoRefused"), "a refusal")
    assert "spec.replicas: found 1, wrote 2, now 4" in world.mitigation("size")["message"]
    assert world.target()["spec"]["replicas"] == 4
    assert [d["name"] for d in world.status()["debt"]] == ["size"]


# --- nodes -------------------------------------------------------------------------------------------------------------


def test_cordon_and_uncordon(admin: Api, operator: Operator) -> None:
    """From stanch-system, by somebody who may patch nodes; the undo gives the node back."""
    world, name = World(admin, "stanch-system"), "node-sick"
    forget(world, name)
    world.declare(incident(wish("cordon", "cordon"), name=name, target=NODE), by=admin)
    try:
        world.state("Done", "cordon", name)
        assert admin.get("nodes", None, "node-2")["spec"]["unschedulable"] is True
        world.say("undo", {"mitigation": "cordon"}, by=admin, about=name)
        world.state("Undone", "cordon", name)
        assert "unschedulable" not in admin.get("nodes", None, "node-2")["spec"]
    finally:
        admin.merge("nodes", None, "node-2", {"spec": {"unschedulable": None}})
        forget(world, name)


# --- when stanch is not there ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [0, 1])
def test_break_glass_lines_work_when_pasted(scenes: Scenes, kubectl: Kubectl, line: int) -> None:
    """Both lines of status.mitigations[].breakGlass take the effect back, from any shell with kubectl."""
    world = scenes[by_hand]
    image = lambda: world.target()["spec"]["template"]["spec"]["containers"][0]["image"]  # noqa: E731
    pasted = world.mitigation()["breakGlass"][line]
    program, _, kubeconfig = kubectl.start
    env = {"PATH": f"{program.rpartition('/')[0]}:/usr/bin:/bin", "KUBECONFIG": kubeconfig, "HOME": "/tmp"}
    done = subprocess.run(["sh", "-c", pasted], env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, f"{pasted}: {done.stderr}"
    assert image() == BAD
    world.release(world.target()["spec"]["template"]["spec"] | {"containers": _with(world, GOOD), "nodeSelector": None})
    assert image() == GOOD


def _with(world: World, image: str) -> list[Json]:
    containers: list[Json] = world.target()["spec"]["template"]["spec"]["containers"]
    return [c | {"image": image} for c in containers]
