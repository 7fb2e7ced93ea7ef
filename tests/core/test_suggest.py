"""What could be tried is ranked from the shape of the symptom, with its reason, and never run by itself."""

from typing import Any

import pytest

from build import GOOD, Json, deployment, entry, incident, node, pod, replicaset, roll_back
from world import World, bad_deploy


def suggested(there: World) -> list[tuple[str, int]]:
    """Actions and scores, best first."""
    return [(s.action, s.score) for s in there.incident.status.suggestions or ()]


def test_a_bad_release_suggests_the_rollback_and_does_nothing() -> None:
    """
    With the reason, what it would do, and what to write to have it done.
    """
    there = bad_deploy(incident()).run(seconds=40)
    scores = dict(suggested(there))
    assert scores.keys() == {"rolloutUndo", "rolloutPause"}
    best = next(s for s in there.incident.status.suggestions if s.action == "rolloutUndo")
    assert "pods of its newest template fail" in best.text
    assert "back to revision 1" in best.text
    assert best.ask == "{name: try-1, target: {kind: Deployment, name: checkout}, rolloutUndo: {}}"
    assert there.effects == []
    assert [line.kind for line in there.incident.status.timeline].count("MitigationSuggested") == 1


def test_they_go_when_somebody_asks_for_something() -> None:
    """
    A person has decided; advice would be in the way.
    """
    there = bad_deploy(incident()).run(seconds=5)
    asked = roll_back(target={"kind": "Deployment", "name": "checkout"})
    there.say(entry("alice", mitigate=asked)).run(minutes=2)
    assert suggested(there) == []


def world(**objects: list[Json] | Json) -> World:
    """A Deployment with one revision, and these."""
    found: dict[tuple[str, str], Json] = {}
    for plural, given in objects.items():
        for each in given if isinstance(given, list) else [given]:
            found[(plural, each["metadata"]["name"])] = each
    target = deployment(GOOD, revision=1)
    found[("deployments", "checkout")] = target
    found[("replicasets", "checkout-h1")] = replicaset(GOOD, 1)
    return World(incident(), objects=found)


def on(name: str, number: int, **more: Any) -> Json:
    """A pod on a node."""
    one = pod("h1", number, **more)
    one["spec"]["nodeName"] = name
    return one


def test_one_sick_node_suggests_its_cordon() -> None:
    """
    The same template is well elsewhere; so it is not the template.
    """
    pods = [on("node-1", 1, crashing=True), on("node-1", 2, crashing=True), on("node-2", 3)]
    there = world(pods=pods, nodes=[node("node-1"), node("node-2")]).run(seconds=5)
    assert suggested(there) == [("cordon", 89)]
    assert "declare it in stanch-system" in there.incident.status.suggestions[0].text


def test_an_autoscaler_at_its_limit_suggests_a_higher_one() -> None:
    """
    Nothing fails, and it would like more.
    """
    hpa = {
        "metadata": {"name": "checkout", "namespace": "shop", "uid": "hpa"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "checkout"}, "minReplicas": 1, "maxReplicas": 3},
        "status": {"currentReplicas": 3, "conditions": [{"type": "ScalingLimited", "status": "True"}]},
    }
    there = world(pods=[on("node-1", 1)], horizontalpodautoscalers=hpa).run(seconds=5)
    assert [action for action, _ in suggested(there)] == ["autoscaler"]
    assert "maxReplicas: 6" in there.incident.status.suggestions[0].ask


@pytest.mark.parametrize("paused", [True, False])
def test_what_would_be_refused_is_not_suggested(paused: bool) -> None:
    """
    A paused Deployment is rolled back only after it is resumed.
    """
    there = bad_deploy(incident())
    there.target["spec"]["paused"] = paused
    there.run(seconds=5)
    assert ("rolloutUndo" in [action for action, _ in suggested(there)]) is not paused


def test_a_limit_beyond_what_can_be_asked_for_is_left_alone() -> None:
    """
    An incident that only declares is not stopped by advice.
    """
    hpa = {
        "metadata": {"name": "checkout", "namespace": "shop", "uid": "hpa"},
        "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "checkout"}, "minReplicas": 1, "maxReplicas": 20_000},
        "status": {"currentReplicas": 3, "conditions": [{"type": "ScalingLimited", "status": "True"}]},
    }
    assert suggested(world(pods=[on("node-1", 1)], horizontalpodautoscalers=hpa).run(seconds=5)) == []
