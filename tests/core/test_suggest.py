"""What could be tried is ranked from the shape of the symptom, with its reason, and never run by itself."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from build import GOOD, T0, TARGET_UID, Json, deployment, entry, incident, node, pod, replicaset, roll_back, scale_to
from objects import obj, route, service, slices
from stanch.api.suspect_status import Suspect
from stanch.core.census import Census, Deed
from world import World, bad_deploy, healthy


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


def killed(number: int) -> Json:
    """A pod that serves again after it was killed for its memory."""
    one = on("node-1", number)
    one["status"]["containerStatuses"][0]["lastState"] = {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}
    return one


def test_out_of_memory_without_a_change_suggests_more_of_them() -> None:
    """
    Half as many more, and what to write for it.
    """
    there = world(pods=[killed(1), on("node-1", 2), on("node-1", 3)]).run(seconds=5)
    assert [action for action, _ in suggested(there)] == ["scale"]
    best = there.incident.status.suggestions[0]
    assert "scale: {replicas: 4}" in best.ask
    assert "1 of 3 pods were killed for want of memory" in best.text


def test_out_of_memory_after_a_release_is_the_releases() -> None:
    """
    More of what eats more is no help.
    """
    there = world(pods=[killed(1), on("node-1", 2)])
    there.objects[("replicasets", "checkout-h1")] = replicaset(GOOD, 1, created=T0 - timedelta(minutes=20))
    assert suggested(there.run(seconds=5)) == []


def behind_a_route(*weights: int) -> World:
    """The failing version is v1; v2 answers."""
    chosen = service(selector={"app": "checkout"})
    chosen["metadata"]["name"] = "v1"
    pods = [on("node-1", 1, crashing=True), on("node-2", 2, crashing=True)]
    return world(pods=pods, services=chosen, httproutes=route(*weights), endpointslices=[slices("v2", "other")])


def test_one_version_of_two_behind_a_route_suggests_the_other() -> None:
    """
    Its weight becomes 0; the way back is exact.
    """
    there = behind_a_route(50, 50).run(seconds=5)
    best = there.incident.status.suggestions[0]
    assert (best.action, best.target.name) == ("routeShift", "web")
    assert "2 of 2 pods behind v1 fail" in best.text
    assert '{weights: [{"backend": "v1", "weight": 0}]}' in best.ask.replace("routeShift: ", "")


@pytest.mark.parametrize("weights", [(100,), (100, 0), (0, 100)], ids=["alone", "nobody else", "no traffic"])
def test_without_another_version_that_has_traffic_no_route_is_suggested(weights: tuple[int, ...]) -> None:
    """
    A weight of 0 is somebody's decision, and what gets no traffic hurts nobody there.
    """
    assert "routeShift" not in dict(suggested(behind_a_route(*weights).run(seconds=5)))


def test_what_undoing_took_is_what_it_takes() -> None:
    """
    The median of the last five of this action on this target, in the plan and in the rank; else an estimate that says so.
    """
    took = [timedelta(seconds=s) for s in (900, 30, 40, 50, 20, 60)]
    of_it = Deed("shop/other", "size", "Spec", TARGET_UID, T0, False, "", action="scale", undone=True)
    deeds = [replace(of_it, time=T0 - timedelta(days=6 - n), undo_took=t) for n, t in enumerate(took)]
    others = [
        replace(of_it, undo_took=timedelta(hours=1), action="rolloutUndo"),
        replace(of_it, undo_took=timedelta(hours=1), target="x"),
    ]
    there = healthy(incident(scale_to(4), recovery={"hold": "1h"}))
    there.census = Census((*deeds, *others))
    assert there.run(seconds=5).record("size").undo_takes == "40s (measured 5 times)"
    assert "(estimated)" in healthy(incident(scale_to(4))).run(seconds=5).record("size").undo_takes


def with_a_flag(value: str, *writers: Json, data: dict[str, str] | None = None) -> World:
    """A Deployment that serves badly, and a ConfigMap that is suspected."""
    there = bad_deploy(incident()).run(seconds=3)
    flags = obj("flags", data=data or {"new-search": value, "limit": "17"})
    flags["metadata"]["managedFields"] = list(writers)
    there.objects[("configmaps", "flags")] = flags
    suspect = Suspect(name="configmap-flags", time=T0, score=80, text="ConfigMap flags changed", suggests="configFlag")
    there.incident = there.incident.model_copy(
        update={"status": there.incident.status.model_copy(update={"suspects": (suspect,)})}
    )
    return there.run(seconds=40)


def wrote(time: str, *keys: str) -> Json:
    """Who wrote these keys of data, and when."""
    return {"manager": "ci", "time": time, "fieldsV1": {"f:data": {".": {}} | {f"f:{key}": {} for key in keys}}}


def test_a_switch_that_was_turned_is_suggested_to_be_turned_back() -> None:
    """
    The key that whoever wrote it last has written, and the other of its two sides.
    """
    there = with_a_flag("on", wrote("2026-11-20T10:00:00Z", "limit"), wrote("2026-11-21T13:58:00Z", "new-search"))
    best = next(s for s in there.incident.status.suggestions if s.action == "configFlag")
    assert (best.target.name, best.ask) == (
        "flags",
        '{name: try-1, target: {kind: ConfigMap, name: flags}, configFlag: {key: "new-search", value: "off"}}',
    )


@pytest.mark.parametrize(
    ("value", "keys"),
    [("17", ("new-search",)), ("on", ("limit",)), ("on", ("new-search", "other")), ("on", ())],
    ids=["no switch", "another key", "two switches", "nobody knows"],
)
def test_what_nothing_tells_is_not_guessed(value: str, keys: tuple[str, ...]) -> None:
    """
    What a value was before stands nowhere, unless it has two sides.
    """
    data = {"new-search": value, "limit": "17", "other": "true"}
    there = with_a_flag(value, *([wrote("2026-11-21T13:58:00Z", *keys)] if keys else []), data=data)
    assert "configFlag" not in dict(suggested(there))
