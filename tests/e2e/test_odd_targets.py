"""Deployments and Incidents as people have them: the right act, or a refusal that names the object and the remedy."""

import json
from collections.abc import Iterator

import pytest

from cluster.given import Kubectl
from e2e.support.api import Api, Json, until
from e2e.support.operators import Operator
from e2e.support.scenes import Scenes
from e2e.support.world import (
    BAD,
    GOOD,
    ROLL_BACK,
    WORSE,
    World,
    crashing,
    deployment,
    good,
    incident,
    stuck,
    wish,
)


def two_bad_in_a_row(world: World) -> None:
    """The previous revision is as bad as the current one."""
    world.deploy(deployment())
    world.serving()
    for image in (BAD, WORSE):
        world.release(stuck(image))
        world.observed()
    world.declare(incident(ROLL_BACK))


def recreate(world: World) -> None:
    """Nothing of the good release is left running."""
    world.deploy(deployment(strategy={"type": "Recreate"}))
    world.serving()
    world.release(crashing())
    world.crashed()
    world.declare(incident(ROLL_BACK))


def paused(world: World) -> None:
    """Somebody paused it with the bad release half out."""
    world.deploy(deployment())
    world.serving()
    world.release(stuck())
    world.observed()
    world.set(paused=True)
    world.declare(incident(ROLL_BACK))


def no_history(world: World) -> None:
    """Its first release is the bad one."""
    world.deploy(deployment(pod=stuck()))
    world.observed()
    world.declare(incident(ROLL_BACK))


def not_there(world: World) -> None:
    """The target does not exist, yet."""
    world.declare(incident(wish("grow", "scale", args={"replicas": 2})))


def odd_words(world: World) -> None:
    """A template with what JSON and shells make much of."""
    world.deploy(deployment(pod=good()))
    world.serving()
    odd = 'a<b && c>d "e" \\f \u2028 ünï 😀 $(X) {{y}}'
    pod = stuck()
    pod["containers"][0]["env"] = [{"name": "ODD", "value": odd}]
    world.release(pod)
    world.observed()
    world.declare(incident(ROLL_BACK, title=odd))


@pytest.fixture(scope="module")
def scenes(admin: Api, operator: Operator) -> Iterator[Scenes]:
    """All scenes, set at once."""
    made = Scenes(admin, two_bad_in_a_row, recreate, paused, no_history, not_there, odd_words)
    yield made
    made.close()


def images(world: World) -> list[str]:
    """What the Deployment's template runs."""
    return [c["image"] for c in world.target()["spec"]["template"]["spec"]["containers"]]


# --- the right act ---------------------------------------------------------------------------------------------------


def test_two_bad_releases_in_a_row(scenes: Scenes) -> None:
    """It goes back to the one that serves, not to the one before; and says why."""
    world = scenes[two_bad_in_a_row]
    world.state("Done")
    assert images(world) == [GOOD]
    assert "revision 1" in world.mitigation()["plan"]


def test_recreate(scenes: Scenes) -> None:
    """With strategy Recreate no pod of the good release is there to prove it; it is found all the same."""
    world = scenes[recreate]
    world.state("Done", seconds=90)
    assert images(world) == [GOOD]
    world.condition("Resolved")


def test_odd_words_in_the_template(scenes: Scenes) -> None:
    """What the API server escapes in JSON compares equal, and the undo record holds it exactly."""
    world = scenes[odd_words]
    world.state("Done")
    assert images(world) == [GOOD]
    world.say("undo", {"mitigation": "roll-back"})
    until(lambda: images(world) == [BAD], 30, "it is taken back")
    assert world.target()["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"].startswith("a<b && c>d")


# --- held, and freed by what is named ----------------------------------------------------------------------------------


def test_story_3_a_paused_deployment_waits_for_its_resume(scenes: Scenes) -> None:
    """Nothing is patched while it is paused; the reason names the line that frees it, and then it goes on by itself."""
    world = scenes[paused]
    record = world.state("Held")
    assert f"kubectl -n {world.ns} rollout resume deployment/checkout" in record["message"]
    assert images(world) == [BAD]
    world.set(paused=None)
    world.state("Done")
    assert images(world) == [GOOD]


def test_a_target_that_comes_later(scenes: Scenes) -> None:
    """Held while it does not exist, with its kind and name; acted on once it does."""
    world = scenes[not_there]
    record = world.state("Held", "grow")
    assert (record["reason"], "Deployment" in record["message"], "checkout" in record["message"]) == (
        "TargetNotFound",
        True,
        True,
    )
    world.deploy(deployment())
    world.state("Done", "grow")
    assert world.target()["spec"]["replicas"] == 2


# --- refused -----------------------------------------------------------------------------------------------------------


def test_story_4_the_first_release_has_nothing_to_go_back_to(scenes: Scenes) -> None:
    """There is nothing to go back to: refused for good, with what to do instead."""
    world = scenes[no_history]
    record = world.state("Refused")
    assert "Deployment" in record["message"]
    assert "deploy a good version" in record["message"]
    assert world.target()["metadata"]["generation"] == 1


NODE = {"kind": "Node", "name": "node-1"}
CASES: dict[str, tuple[Json, tuple[str, ...]]] = {
    "a title of 256 characters": (incident(title="x" * 256), ("spec.title", "200")),
    "severity sev1": (incident(severity="sev1"), ("spec.severity", "SEV1")),
    "mitigations but no targets": (incident(ROLL_BACK, targets=None), ("spec.targets",)),
    "a kind that the action does not fit": (
        incident(wish("grow", "scale", args={"replicas": 2}, target=NODE)),
        ("scale", "Deployment"),
    ),
    "a Deployment cordoned": (
        incident(wish("c", "cordon", target={"kind": "Deployment", "name": "checkout"})),
        ("cordon", "Node"),
    ),
    "a kind nobody knows": (incident(target={"kind": "Deploymnet", "name": "checkout"}), ("kind", "Deployment")),
    "two actions in one": (incident(ROLL_BACK | {"scale": {"replicas": 2}}), ("exactly one",)),
    "an action with a typo": (incident({"name": "roll-back", "rollbackUndo": {}}), ("rollbackUndo",)),
    "a field with a typo": (incident(ROLL_BACK, severty="SEV1"), ("severty",)),
    "a hold with a typo": (incident(ROLL_BACK, recovery={"hold": "3 minutes"}), ("spec.recovery.hold",)),
    "a node from a team's namespace": (incident(wish("c", "cordon", target=NODE)), ("nodes",)),
}


@pytest.mark.parametrize("case", CASES)
def test_refused_where_it_is_typed(kubectl: Kubectl, scenes: Scenes, case: str) -> None:
    """`kubectl apply` says no at once, with the field and what would be right."""
    obj, words = CASES[case]
    world = scenes[not_there]
    obj = json.loads(json.dumps(obj)) | {"metadata": {"name": "odd"}}
    obj["spec"] = {k: v for k, v in obj["spec"].items() if v is not None}
    said = kubectl.having("-n", world.ns).as_user("alice", ["system:authenticated"]).apply(obj)
    assert said.code != 0, said.out
    assert [w for w in words if w not in said.err] == [], said.err


def test_a_poison_object_stops_nobody_else(scenes: Scenes) -> None:
    """What can't be read is refused, or stays alone with it; the next incident is rolled back as ever."""
    world = scenes[two_bad_in_a_row]
    impact = {"startedTime": "0000-01-01T00:00:00Z"}
    made = world.alice.create(incident(ROLL_BACK, name="poison", impact=impact), world.ns)
    if made.ok:
        world.condition("Stalled", name="poison", reason="SpecInvalid")
        world.declare(incident(wish("grow", "scale", args={"replicas": 2}), name="next"))
        world.state("Done", "grow", name="next")
    else:
        assert "startedTime" in made.message


def test_nodes_belong_to_the_platform(scenes: Scenes) -> None:
    """Not even an admin acts on a Node from a team's namespace; the refusal says where it is done."""
    world = scenes[not_there]
    said = world.admin.create(incident(wish("c", "cordon", target=NODE), name="node"), world.ns)
    assert not said.ok
    assert "stanch-system" in said.message
