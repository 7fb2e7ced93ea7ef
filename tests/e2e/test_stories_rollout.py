"""Acceptance stories of rollbacks and restarts (mitigations.md, section 6), on real controllers."""

from collections.abc import Iterator
from typing import Any

import pytest

from e2e.support.api import Api, Json, until
from e2e.support.operators import Operator
from e2e.support.scenes import Scenes
from e2e.support.stories import (
    HELD,
    agree,
    image,
    kept,
    obj,
    pods,
    revisions,
    said_no,
    take_back,
    template,
    told,
    undo_record,
    warned,
    written,
)
from e2e.support.world import BAD, GOOD, ROLL_BACK, World, deployment, good, incident, statefulset, stuck, wish

STORE = {"kind": "StatefulSet", "name": "store"}
SECRET = "postgres://shop:hunter2-and-more@db/$(SHARD)?a<b&c>d"
FLAGS = {"envFrom": [{"configMapRef": {"name": "flags"}}]}


def with_fields(pod: Json, **fields: Any) -> Json:
    """A pod whose first container has these fields, too."""
    pod["containers"][0] |= fields
    return pod


def bad_release(world: World, bad: Json | None = None, **spec: Any) -> None:
    """A good release that serves, and one that never starts."""
    world.deploy(deployment(**spec))
    world.serving()
    world.release(bad or stuck())
    world.observed()


def nothing_kept(world: World) -> None:
    """Story 4: no old ReplicaSet is kept."""
    world.deploy(deployment(revisionHistoryLimit=0))
    world.serving()
    world.release(good(BAD))
    world.serving()
    until(lambda: len(world.admin.list("replicasets", world.ns)) == 1, 30, "one ReplicaSet is kept")
    world.declare(incident(ROLL_BACK, recovery=HELD))


def runs_it_already(world: World) -> None:
    """Story 5: the revision that is asked for is the one that runs."""
    bad_release(world)
    world.declare(incident(wish(args={"toRevision": 2}), recovery=HELD))


def secret_in_env(world: World) -> None:
    """Story 10: the bad release has a password, with a reference in it, as a literal."""
    bad_release(world, with_fields(stuck(), env=[{"name": "DATABASE_URL", "value": SECRET}]))
    world.declare(incident(ROLL_BACK, recovery=HELD))


def config_changed(world: World) -> None:
    """Story 12: what the good release reads is not what it read when it was made."""
    world.deploy(obj("ConfigMap", "flags", data={"SEARCH": "on"}))
    world.deploy(deployment(pod=with_fields(good(), **FLAGS)))
    world.serving()
    world.admin.merge("configmaps", world.ns, "flags", {"data": {"SEARCH": "off"}}).must()
    world.release(with_fields(stuck(), **FLAGS))
    world.observed()
    world.declare(incident(ROLL_BACK, recovery=HELD))


def on_delete(world: World) -> None:
    """Story 14: pods are replaced only when somebody deletes them; its pod runs the bad version."""
    world.deploy(statefulset() | {"spec": statefulset()["spec"] | {"updateStrategy": {"type": "OnDelete"}}})
    until(lambda: pods(world, "store"), 30, "its pod")
    template(world, "statefulsets", "store", good(BAD))
    revisions(world, 2)
    world.admin.delete("pods", world.ns, "store-0").must()
    world.serving("store", "statefulsets")
    world.declare(incident(ROLL_BACK, target=STORE, recovery=HELD))


def partitioned(world: World) -> None:
    """Story 15: a StatefulSet of three, of which only the last has the new version."""
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}
    made = statefulset(replicas=3)
    world.deploy(made | {"spec": made["spec"] | {"updateStrategy": strategy, "podManagementPolicy": "Parallel"}})
    ready = lambda: world.target("store", "statefulsets").get("status", {}).get("readyReplicas") == 3  # noqa: E731
    until(ready, 60, "three are ready")
    template(world, "statefulsets", "store", good(BAD))
    updated = lambda: world.target("store", "statefulsets")["status"].get("updatedReplicas") == 1 and ready()  # noqa: E731
    until(updated, 60, "the last one is new")
    world.declare(incident(ROLL_BACK, target=STORE, recovery=HELD))


def paused_by_another(world: World) -> None:
    """Story 18: one incident pauses it, another wants to restart it."""
    world.deploy(deployment())
    world.serving()
    world.declare(incident(wish("pause", "rolloutPause"), name="first", recovery=HELD))
    world.state("Done", "pause", "first")
    world.declare(incident(wish("restart", "rolloutRestart"), name="second", recovery=HELD))


def long_history(world: World) -> None:
    """Two hundred releases, none of which ever served long, and a bad one on top."""
    made = world.deploy(deployment(revisionHistoryLimit=300))
    world.serving()
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout", "uid": made["metadata"]["uid"]}
    for number in range(2, 202):
        labels = {"app": "checkout", "pod-template-hash": f"h{number}"}
        old = obj("ReplicaSet", f"checkout-h{number}", "apps/v1")
        old["metadata"] |= {
            "labels": labels,
            "annotations": {"deployment.kubernetes.io/revision": str(number)},
            "ownerReferences": [owner | {"controller": True, "blockOwnerDeletion": True}],
        }
        spec = {"template": {"metadata": {"labels": labels}, "spec": good(f"stanch.test/busybox:h{number}")}}
        world.deploy(old | {"spec": {"replicas": 0, "selector": {"matchLabels": labels}} | spec})
    world.release(stuck())
    until(lambda: len(world.admin.list("replicasets", world.ns)) == 202, 60, "the newest ReplicaSet")
    world.observed()
    world.declare(incident(ROLL_BACK, recovery=HELD))


def past_its_deadline(world: World) -> None:
    """The bad release has been called stuck by its controller, and its pods take their time to go."""
    world.deploy(deployment(progressDeadlineSeconds=15, strategy={"type": "Recreate"}))
    world.serving()
    # The shell is the first process and ignores SIGTERM.
    slow = with_fields(good(BAD), command=["sh", "-c", "sleep 1000; true"]) | {"terminationGracePeriodSeconds": 5}
    world.release(slow)
    stuck_now = lambda: "ProgressDeadlineExceeded" in str(world.target()["status"].get("conditions"))  # noqa: E731
    until(stuck_now, 60, "it is past its deadline")
    world.declare(incident(ROLL_BACK, recovery=HELD))


SETTINGS = (
    past_its_deadline,
    partitioned,
    on_delete,
    long_history,
    nothing_kept,
    runs_it_already,
    secret_in_env,
    config_changed,
    paused_by_another,
)


@pytest.fixture(scope="module")
def scenes(admin: Api, operator: Operator) -> Iterator[Scenes]:
    """All scenes, set at once."""
    made = Scenes(admin, *SETTINGS)
    yield made
    made.close()


def test_story_4_without_history_there_is_nothing_to_go_back_to(scenes: Scenes) -> None:
    """revisionHistoryLimit 0 keeps no way back: refused for good, with the field, and nothing is written."""
    world = scenes[nothing_kept]
    record = world.state("Refused")
    assert "No earlier revision" in record["message"]
    assert "revisionHistoryLimit 0" in record["message"]
    assert "attempts" not in record
    assert image(world) == BAD


def test_story_5_a_template_that_runs_already_is_skipped_and_so_is_its_undo(scenes: Scenes) -> None:
    """No patch is sent, and the undo of what was not done does nothing."""
    world = scenes[runs_it_already]
    before = world.target()["metadata"]["generation"]
    assert "already runs the template of revision 2" in world.state("Skipped")["message"]
    world.folded(world.say("undo", {"mitigation": "roll-back"}))
    assert any("nothing of ours to take back" in text for text in told(world, "EntryRefused"))
    assert (world.target()["metadata"]["generation"], image(world)) == (before, BAD)


def test_story_10_a_secret_in_env_is_in_the_undo_record_alone_and_comes_back_exactly(scenes: Scenes) -> None:
    """The status has a digest and a name, evidence is masked, and the undo restores the exact bytes."""
    world = scenes[secret_in_env]
    bad = {"name": "DATABASE_URL", "value": SECRET}
    record = world.state("Done", seconds=90)
    assert image(world) == GOOD
    assert "hunter2" not in written(world)
    (attempt,) = record["attempts"]
    for name in [e["name"] for e in world.status()["evidence"]]:
        evidence, files = kept(world, name)
        assert "hunter2" not in "\n".join(files.values()) + str(evidence["spec"]["items"])
    assert "hunter2-and-more@db/$(SHARD)" in undo_record(world, attempt)
    take_back(world, "roll-back")
    assert world.target()["spec"]["template"]["spec"]["containers"][0]["env"] == [bad]
    assert "hunter2" not in written(world)


def test_story_12_a_config_map_changed_since_is_named_with_its_time(scenes: Scenes) -> None:
    """Going back to the template does not bring back what it read."""
    world = scenes[config_changed]
    record = world.state("Done", seconds=90)
    times = [m["time"] for m in world.target("flags", "configmaps")["metadata"]["managedFields"]]
    assert f"ConfigMap flags, which revision 1 reads, was changed at {max(times)}" in warned(record)


def test_story_14_on_delete_keeps_the_bad_version_until_each_pod_is_deleted(scenes: Scenes) -> None:
    """The plan says so, the end says so, and the step for each pod that it offers brings the good version."""
    world = scenes[on_delete]
    running = set(pods(world, "store"))
    assert "keep the bad version until each is deleted" in warned(agree(world, "roll-back", "rolloutUndo"))
    record = world.state("Done", seconds=90)
    assert "delete pod POD" in record["message"]
    assert (image(world, "store", "statefulsets"), set(pods(world, "store"))) == (GOOD, running)
    (pod,) = pods(world, "store").values()
    assert pod["spec"]["containers"][0]["image"] == BAD
    step = wish("step", "deletePod", target={"kind": "Pod", "name": "store-0"}, when="Always")
    world.say("mitigate", step)
    world.state("Done", "step")
    (pod,) = pods(world, "store").values()
    assert pod["spec"]["containers"][0]["image"] == GOOD


def test_story_15_statefulset_partition_names_the_ordinals_it_leaves_alone(scenes: Scenes) -> None:
    """Pods 0 and 1 are neither touched nor waited for."""
    world = scenes[partitioned]
    before = {p["metadata"]["name"]: uid for uid, p in pods(world, "store").items()}
    assert "Partition 2: pods 0 to 1 are not touched" in warned(agree(world, "roll-back", "rolloutUndo"))
    record = world.state("Done", seconds=90)
    assert "pods 0 to 1 keep theirs (partition 2)" in record["message"]
    after = {p["metadata"]["name"]: uid for uid, p in pods(world, "store").items()}
    assert {n for n in before if after[n] != before[n]} == {"store-2"}


def test_story_18_a_restart_of_what_another_incident_paused_is_refused_naming_it(scenes: Scenes) -> None:
    """And when that pause is taken back, the restart goes on by itself."""
    world = scenes[paused_by_another]
    record = said_no(world, "restart", "second")
    assert f"mitigation pause of incident {world.ns}/first" in record["message"]
    assert len(world.admin.list("replicasets", world.ns)) == 1
    take_back(world, "pause", "first")
    world.state("Done", "restart", "second", seconds=90)
    assert len(world.admin.list("replicasets", world.ns)) == 2


def test_two_hundred_old_revisions_do_not_hide_the_one_that_serves(scenes: Scenes) -> None:
    """What counts is pods that serve now, not which came last."""
    world = scenes[long_history]
    record = world.state("Done", seconds=120)
    assert image(world) == GOOD
    assert "pods of it that serve now: 1" in record["plan"]


def test_a_deadline_that_the_bad_release_missed_is_not_held_against_the_rollback(scenes: Scenes) -> None:
    """The controller keeps saying so until the first good pod is there; that is not about what was written since."""
    world = scenes[past_its_deadline]
    record = world.state("Done", seconds=90)
    assert image(world) == GOOD
    assert "1 of 1 pods of the wanted template are available" in record["message"]
