"""Acceptance stories of scaling (mitigations.md, section 6): a real autoscaler, real volume claims."""

from collections.abc import Iterator

import pytest

from e2e.support.api import Api, Json, until
from e2e.support.operators import Operator
from e2e.support.scenes import Scenes
from e2e.support.stories import HELD, agree, obj, take_back, told, undo_record, untouched, warned
from e2e.support.world import World, deployment, incident, statefulset, stuck, wish

STORE = {"kind": "StatefulSet", "name": "store"}


def size(replicas: int, **more: object) -> Json:
    """A wish for so many."""
    return wish("size", "scale", args={"replicas": replicas, **more})


def autoscaled(world: World) -> None:
    """Story 20: two replicas that an autoscaler steers, to be stopped."""
    world.deploy(deployment(replicas=2))
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"}
    steers = {"scaleTargetRef": reference, "minReplicas": 2, "maxReplicas": 5}
    world.deploy(obj("HorizontalPodAutoscaler", "checkout", "autoscaling/v2", spec=steers))
    world.serving()
    world.declare(incident(size(0), recovery=HELD))


def from_zero(world: World) -> None:
    """Story 21: nothing runs, and two should."""
    world.deploy(deployment(replicas=0))
    world.observed()
    world.declare(incident(size(2), recovery=HELD))


def with_volumes(world: World) -> None:
    """Story 24: volumes that go with their pods."""
    made = statefulset(replicas=2)
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}, "storageClassName": ""}
    made["spec"] |= {
        "template": made["spec"]["template"] | {"spec": stuck()},
        "podManagementPolicy": "Parallel",
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
        "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete", "whenDeleted": "Retain"},
    }
    world.deploy(made)
    until(lambda: len(claims(world)) == 2, 30, "two claims")
    world.declare(incident(size(1), target=STORE, recovery=HELD))


def two_at_once(world: World) -> None:
    """Two incidents about one Deployment: one has too few pods, the other a bad release."""
    world.deploy(deployment())
    world.serving()
    world.release(stuck())
    world.observed()
    world.declare(incident(size(2), name="few", recovery=HELD))
    # Its second pod is of the bad release, too: it looks at its number until the release is a good one.
    applied = lambda s: [a["state"] for m in s.get("mitigations", []) for a in m.get("attempts", [])] == ["Applied"]  # noqa: E731
    world.wait(applied, "it is scaled, and waits for its pods", "few")
    world.declare(incident(wish(), name="bad", recovery=HELD))


SETTINGS = (autoscaled, from_zero, with_volumes, two_at_once)


@pytest.fixture(scope="module")
def scenes(admin: Api, operator: Operator) -> Iterator[Scenes]:
    """All scenes, set at once."""
    made = Scenes(admin, *SETTINGS)
    yield made
    made.close()


def claims(world: World) -> list[str]:
    """Volume claims that are not on their way out."""
    found = world.admin.list("persistentvolumeclaims", world.ns)
    return sorted(c["metadata"]["name"] for c in found if not c["metadata"].get("deletionTimestamp"))


def replicas(world: World, name: str = "checkout", plural: str = "deployments") -> int:
    """How many are wanted."""
    return int(world.target(name, plural)["spec"]["replicas"])


def test_story_24_volumes_are_not_deleted_without_a_word_for_it(scenes: Scenes) -> None:
    """Refused, with the field and what to write; written so, and agreed to by another person, it is done."""
    world = scenes[with_volumes]
    record = world.state("Refused", "size")
    assert "whenScaled: Delete" in record["message"]
    assert "scale: {replicas: 1, volumes: Delete}" in record["message"]
    assert untouched(world.target("store", "statefulsets"))
    world.say("mitigate", wish("meant", "scale", args={"replicas": 1, "volumes": "Delete"}, target=STORE))
    assert "deleted with their data" in warned(agree(world, "meant", "scale"))
    until(lambda: claims(world) == ["data-store-0"], 60, "the claim goes with its pod")
    assert replicas(world, "store", "statefulsets") == 1


def test_story_21_from_zero_to_two_and_back(scenes: Scenes) -> None:
    """The number is on the object itself, where zero can be compared with; its undo is exact."""
    world = scenes[from_zero]
    record = world.state("Done", "size", seconds=90)
    assert replicas(world) == 2
    assert '{"op":"test","path":"/spec/replicas","value":0}' in undo_record(world, record["attempts"][0])
    take_back(world, "size")
    assert replicas(world) == 0


def test_two_incidents_act_on_one_target_each_on_its_own_field(scenes: Scenes) -> None:
    """Neither undoes nor hinders the other, also while one still waits for its pods; each takes back its own."""
    world = scenes[two_at_once]
    world.state("Done", "roll-back", "bad", seconds=90)
    world.state("Done", "size", "few", seconds=90)
    spec = world.target()["spec"]
    assert (spec["replicas"], "nodeSelector" in spec["template"]["spec"]) == (2, False)
    take_back(world, "size", "few")
    spec = world.target()["spec"]
    assert (spec["replicas"], "nodeSelector" in spec["template"]["spec"]) == (1, False)
    world.folded(world.say("undo", {"mitigation": "size"}, about="few"))
    assert any("nothing of ours to take back" in text for text in told(world, "EntryRefused", "few"))
    take_back(world, "roll-back", "bad")
    assert "nodeSelector" in world.target()["spec"]["template"]["spec"]


def test_story_20_zero_stays_zero_though_an_autoscaler_steers_it(scenes: Scenes) -> None:
    """A second person agrees to a plan that says the autoscaler is off; the undo brings back the number and it."""
    world = scenes[autoscaled]
    assert "HorizontalPodAutoscaler checkout switches itself off" in warned(agree(world, "size", "scale"))
    world.state("Done", "size", seconds=90)
    until(lambda: scaling(world) == ("False", "ScalingDisabled"), 60, "the autoscaler has looked at zero")
    assert replicas(world) == 0
    take_back(world, "size")
    assert replicas(world) == 2


def scaling(world: World) -> tuple[str, str]:
    """What the autoscaler says of itself."""
    status = world.target("checkout", "horizontalpodautoscalers").get("status", {})
    found = (c for c in status.get("conditions") or () if c["type"] == "ScalingActive")
    return next(((c["status"], c["reason"]) for c in found), ("", ""))


def test_a_name_that_is_taken_is_no_second_act(scenes: Scenes) -> None:
    """The same name asked for again is refused by name, and nothing is scaled."""
    world = scenes[from_zero]
    before = replicas(world)
    world.folded(world.say("mitigate", size(5) | {"target": {"kind": "Deployment", "name": "checkout"}}))
    assert any("size" in text for text in told(world, "EntryRefused"))
    assert replicas(world) == before
