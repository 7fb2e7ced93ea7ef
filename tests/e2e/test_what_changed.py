"""What changed, on a real cluster: real managedFields, real Events, real times; and the bundles of before, after and relapse."""

from collections.abc import Iterator

import pytest

from e2e.support.api import Api, Json, until
from e2e.support.operators import Operator
from e2e.support.scenes import Scenes
from e2e.support.stories import HELD, kept
from e2e.support.world import ROLL_BACK, World, container, crashing, deployment, good, incident

SERVE_FLAGS = "grep -q calm /flags/mode || { echo 'FATAL: unknown mode'; exit 1; }; exec sleep 3600"
TOLD = "changes.txt"


def flags(mode: str) -> Json:
    """The ConfigMap that the pods read."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "flags"}, "data": {"mode": mode}}


def reading_flags() -> Json:
    """A pod that dies of a wrong flag; it reads it at its start."""
    mount = [{"name": "flags", "mountPath": "/flags"}]
    return {
        "containers": [container("stanch.test/busybox:1", SERVE_FLAGS, volumeMounts=mount)],
        "volumes": [{"name": "flags", "configMap": {"name": "flags"}}],
        "terminationGracePeriodSeconds": 0,
    }


def a_bad_release(world: World) -> None:
    """Two minutes of a good one would be too long to wait: it is new, and the bad one newer."""
    world.deploy(deployment())
    world.serving()
    world.release(crashing())
    world.crashed()
    world.declare(incident(recovery=HELD))


def a_wrong_flag(world: World) -> None:
    """Nobody rolled anything out; a ConfigMap was written, and the pods were started anew."""
    world.admin.create(flags("calm"), world.ns).must()
    world.deploy(deployment(pod=reading_flags()))
    world.serving()
    path = world.admin.path("configmaps", world.ns, "flags", fieldManager="night-shift")
    world.admin.request("PATCH", path, {"data": {"mode": "wild"}}, "application/merge-patch+json").must()
    for pod in world.admin.list("pods", world.ns, labelSelector="app=checkout"):
        world.admin.delete("pods", world.ns, pod["metadata"]["name"], gracePeriodSeconds=0)
    world.crashed()
    world.declare(incident(recovery=HELD))


def scaled_by_hand(world: World) -> None:
    """Through /scale, as `kubectl scale` does: that leaves no time in managedFields."""
    world.deploy(deployment(replicas=3))
    world.serving()
    path = f"{world.admin.path('deployments', world.ns, 'checkout')}/scale?fieldManager=somebody"
    scale = {"spec": {"replicas": 1}}
    world.admin.request("PATCH", path, scale, "application/merge-patch+json").must()
    world.serving()
    world.declare(incident(recovery=HELD))


def rolled_back_and_broken_again(world: World) -> None:
    """stanch rolls back; later somebody pushes the same bad release once more."""
    world.deploy(deployment(pod=good()))
    world.serving()
    world.release(crashing())
    world.crashed()
    world.declare(incident(ROLL_BACK, recovery=HELD))


@pytest.fixture(scope="module")
def scenes(admin: Api, operator: Operator) -> Iterator[Scenes]:
    """All scenes, set at once."""
    made = Scenes(admin, a_bad_release, a_wrong_flag, scaled_by_hand, rolled_back_and_broken_again)
    yield made
    made.close()


def looked(world: World) -> Json:
    """The status once every source was asked."""
    return world.wait(lambda s: s.get("changes", {}).get("wide"), "what changed", seconds=60)


def declared(world: World) -> str:
    """changes.txt of the evidence of the declaration."""
    there = lambda s: s.get("evidence") and s["evidence"][0].get("stored")  # noqa: E731
    return kept(world, world.wait(there, "evidence")["evidence"][0]["name"])[1][TOLD]


def last_words(file: tuple[str, str]) -> bool:
    """Is it a log of a run that crashed? Between two crashes it is the current one's."""
    return file[0].endswith(".log") and "FATAL" in file[1]


def test_a_bad_release_is_suspected_before_anybody_asks(scenes: Scenes) -> None:
    """Who pushed it, from which image to which, how long before the first failure, and whose pods fail."""
    world = scenes[a_bad_release]
    first = looked(world)["suspects"][0]
    assert first["name"] == "rollout-2"
    assert first["suggests"] == "rolloutUndo"
    assert "stanch.test/busybox:1 -> stanch.test/busybox:2" in first["text"]
    assert "by pipeline" in first["text"]
    assert "1 of 1 pods with it fail" in first["text"]
    sets = {
        s["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: s
        for s in world.admin.list("replicasets", world.ns)
    }
    assert first["time"] == sets["2"]["metadata"]["creationTimestamp"]
    assert "stanch.test/busybox:1 -> stanch.test/busybox:2" in declared(world)
    # Off the path: the timeline has it, and the Event follows.
    said = lambda: [e for e in world.admin.list("events", world.ns) if e["reason"] == "ChangeSuspected"]  # noqa: E731
    assert len(until(said, 30, "an Event that says so")) == 1


def test_a_written_config_map_is_suspected_by_its_writer_and_never_shown(scenes: Scenes) -> None:
    """The writer and the time are those of managedFields; the value is in no place."""
    world = scenes[a_wrong_flag]
    found = {s["name"]: s for s in looked(world)["suspects"]}
    assert "by night-shift" in found["configmap-flags"]["text"]
    entries = world.admin.get("configmaps", world.ns, "flags")["metadata"]["managedFields"]
    assert found["configmap-flags"]["time"] in {e["time"] for e in entries if e["manager"] == "night-shift"}
    told = declared(world)
    assert "hmac " in told
    assert "wild" not in told
    assert "wild" not in str(world.status())


def test_a_write_through_scale_is_dated_though_it_has_no_time(scenes: Scenes) -> None:
    """The API server keeps none, and that is asserted here, too: when it does one day, this is simpler."""
    world = scenes[scaled_by_hand]
    entries = world.target()["metadata"]["managedFields"]
    assert [] == [e for e in entries if e.get("subresource") == "scale" and "time" in e]
    looked(world)
    told = declared(world)
    (line,) = [x for x in told.splitlines() if "ScaledDown" in x and "scaled from 3 to 1" in x]
    assert "event ScalingReplicaSet" in line
    assert "somebody" in line


def test_what_could_not_be_read_is_named(scenes: Scenes) -> None:
    """The operator of these tests may not list Secrets, and nothing here reads one: so nothing is unread."""
    status = looked(scenes[a_bad_release])
    assert [] == [x for x in status["changes"].get("unread", []) if "forbidden" in x]
    assert "Ingresses" in status["changes"]["nothingIn"]


def test_before_after_and_relapse_have_bundles_of_their_own(scenes: Scenes) -> None:
    """The same files under the same names, so that they can be laid side by side."""
    world = scenes[rolled_back_and_broken_again]
    world.state("Done")
    seen = world.wait(lambda s: {e["purpose"] for e in s.get("evidence", [])} >= {"Before", "After"}, "After")
    by = {e["purpose"]: e for e in seen["evidence"] if "restOf" not in e}
    before, after = (kept(world, by[p]["name"])[1] for p in ("Before", "After"))
    same = ["deployment/checkout.json", "deployment/checkout.describe.txt", "pods.txt", "events.txt", TOLD]
    assert [] == [name for name in same if name not in before or name not in after]
    assert any(last_words(text) for text in before.items())
    # A pod of the bad release may still be on its way out: the workload itself tells the two apart.
    assert '"stanch.test/busybox:2"' in before["deployment/checkout.json"]
    assert '"stanch.test/busybox:2"' not in after["deployment/checkout.json"]
    assert "(stanch itself)" in after[TOLD]
    world.condition("Mitigated")
    world.release(crashing())
    world.crashed()
    seen = world.wait(lambda s: "Relapse" in {e["purpose"] for e in s.get("evidence", [])}, "Relapse", seconds=120)
    relapse = next(e for e in seen["evidence"] if e["purpose"] == "Relapse")
    until(lambda: world.admin.get("evidences", world.ns, relapse["name"]), 20, "it is stored")
    # It may be noticed before the first crash: the new version is not up, and that is what the bundle shows.
    files = kept(world, relapse["name"])[1]
    assert "stanch.test/busybox:2" in files["deployment/checkout.json"]
    assert "busybox:1 -> stanch.test/busybox:2" in files[TOLD]
