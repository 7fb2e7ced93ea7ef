"""Each action is done once, taken back byte for byte, and refused with words where it would do harm."""

import copy

import pytest

from build import BAD, GOOD, T0, deployment, entry, incident, replicaset, stamp, template
from objects import (
    autoscaler,
    controller_revision,
    cron_job,
    flags,
    obj,
    reader,
    route,
    service,
    slices,
    stateful,
    tracked,
    wish,
    world,
)
from stanch.api.incident_status import AttemptState, WishState
from stanch.api.meta import TargetKind
from stanch.core.observations import Acted, Found
from stanch.core.ports import Aim, VerdictState
from stanch.core.questions import List
from stanch.mitigations.rollouts import rollout_verdict
from world import Json, World, bad_deploy

SHIFT = wish("Service", "web", serviceShift={"selector": {"app": "checkout2"}})
BLUE, GREEN = tracked("blue", app="checkout", track="stable"), tracked("green", app="checkout2")
ROUTE = wish("HTTPRoute", "web", routeShift={"weights": [{"backend": "v1", "weight": 0}]})
FLAG = wish("ConfigMap", "flags", configFlag={"key": "recommendations", "value": "off"})
RESTART = wish("Deployment", "checkout", rolloutRestart={})
BOTH = [slices("v1", "a"), slices("v2", "b")]

DONE = {
    "autoscaler": (
        wish("HorizontalPodAutoscaler", "web", autoscaler={"minReplicas": 4}),
        {"horizontalpodautoscalers": autoscaler()},
    ),
    "autoscaler, up only": (
        wish("HorizontalPodAutoscaler", "web", autoscaler={"maxReplicas": 20, "only": "Up"}),
        {"horizontalpodautoscalers": autoscaler()},
    ),
    "configFlag": (FLAG, {"configmaps": flags(), "pods": reader("volume")}),
    "configFlag, a key that was not there": (
        wish("ConfigMap", "flags", configFlag={"key": "a/b".replace("/", "."), "value": "1"}),
        {"configmaps": flags()},
    ),
    "configFlag, no data at all": (FLAG, {"configmaps": obj("flags")}),
    "serviceShift": (SHIFT, {"services": service(), "pods": [BLUE, GREEN], "endpointslices": slices("web", "green")}),
    "routeShift": (ROUTE, {"httproutes": route(90, 10), "endpointslices": BOTH}),
    "suspendCronJob": (wish("CronJob", "report", suspendCronJob={}), {"cronjobs": cron_job()}),
}


@pytest.mark.parametrize("case", DONE)
def test_it_is_done_once_and_taken_back_byte_for_byte(case: str) -> None:
    """
    After the undo the object differs from what it was in our label only.
    """
    asked, objects = DONE[case]
    there = world(asked, **objects)
    key = next(k for k in there.objects if k[1] == asked["target"]["name"])
    before = copy.deepcopy(there.objects[key])
    there.run(minutes=2)
    assert there.record("act").state is WishState.DONE, there.record("act").message
    assert len(there.effects) == 1
    assert there.objects[key] != before
    there.say(entry("alice", undo={"mitigation": "act"})).run(minutes=2)
    assert there.record("act").state is WishState.UNDONE
    assert len(there.effects) == 2
    there.objects[key]["metadata"]["labels"].pop("stanch.dev/action")
    assert there.objects[key] == before
    assert there.broken == []


@pytest.mark.parametrize("case", DONE)
def test_a_lost_answer_is_read_back_and_not_sent_again(case: str) -> None:
    """
    The effect was made, its answer never came: it is found by our label.
    """
    asked, objects = DONE[case]
    there = world(asked, **objects)
    there.lose_next_reply = True
    there.run(minutes=2)
    assert len(there.effects) == 1
    assert there.record("act").state is WishState.DONE


# --- refusals --------------------------------------------------------------------------------------------------------

VOLUMES = {
    "persistentVolumeClaimRetentionPolicy": {"whenScaled": "Delete"},
    "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
}
KEDA = {"ownerReferences": [{"kind": "ScaledObject", "name": "so", "controller": True}]}
ROLLOUT = {"ownerReferences": [{"kind": "Rollout", "name": "canary", "uid": "ro", "controller": True}]}
REFUSED = {
    "KEDA steers it": (
        wish("HorizontalPodAutoscaler", "web", autoscaler={"minReplicas": 4}),
        {"horizontalpodautoscalers": autoscaler(**KEDA)},
        "patch scaledobject so",
    ),
    "KEDA steers what is to be scaled": (
        wish("Deployment", "checkout", scale={"replicas": 5}),
        {"deployments": deployment(), "horizontalpodautoscalers": autoscaler(**KEDA)},
        "patch scaledobject so",
    ),
    "Argo Rollouts owns it": (
        wish("ReplicaSet", "checkout-h1", scale={"replicas": 5}),
        {"replicasets": replicaset(GOOD, 1) | {"metadata": replicaset(GOOD, 1)["metadata"] | ROLLOUT}},
        "argo rollouts abort canary",
    ),
    "bounds would cross": (
        wish("HorizontalPodAutoscaler", "web", autoscaler={"minReplicas": 40}),
        {"horizontalpodautoscalers": autoscaler()},
        "minReplicas 40 above maxReplicas 10; set maxReplicas",
    ),
    "immutable ConfigMap": (FLAG, {"configmaps": flags(immutable=True)}, "immutable: true"),
    "nobody is ready": (
        SHIFT,
        {"services": service(), "pods": [BLUE, tracked("green", ready=False, app="checkout2")]},
        "0 ready endpoints",
    ),
    "the port is missing": (
        SHIFT,
        {"services": service(), "pods": [BLUE, tracked("green", port="web", app="checkout2")]},
        "port named http, which pod green",
    ),
    "no selector": (SHIFT, {"services": service(selector=None), "pods": [GREEN]}, "has no spec.selector"),
    "Argo Rollouts steers it": (
        SHIFT,
        {"services": service(selector={"app": "checkout", "rollouts-pod-template-hash": "x"}), "pods": [GREEN]},
        "argo rollouts abort",
    ),
    "all weights 0": (ROUTE, {"httproutes": route(90, 0), "endpointslices": BOTH}, "every request would fail"),
    "the receiver is empty": (
        ROUTE,
        {"httproutes": route(90, 10), "endpointslices": [slices("v1", "a"), slices("v2")]},
        "Service v2 has no ready endpoints",
    ),
    "no such backend": (
        wish("HTTPRoute", "web", routeShift={"weights": [{"backend": "v9", "weight": 1}]}),
        {"httproutes": route(90, 10), "endpointslices": BOTH},
        "there are: v1, v2",
    ),
    "which rule": (
        ROUTE,
        {"httproutes": route(90, 10, rules=2), "endpointslices": BOTH},
        "r0, r1; set routeShift.rule",
    ),
    "paused": (RESTART, {"deployments": deployment(paused=True)}, "is paused"),
    "volumes would be deleted": (
        wish("StatefulSet", "checkout", scale={"replicas": 2}),
        {"statefulsets": stateful(**VOLUMES)},
        "scale: {replicas: 2, volumes: Delete}",
    ),
    "KEDA would scale it up from zero": (
        wish("Deployment", "checkout", scale={"replicas": 0}),
        {"deployments": deployment(), "horizontalpodautoscalers": autoscaler(**KEDA)},
        "patch scaledobject so",
    ),
    "it would be fewer, and is to be more": (
        wish("Deployment", "checkout", scale={"replicas": 2, "only": "Up"}),
        {"deployments": deployment()},
        "has replicas 3, and 2 would be lower: scale.only is Up; if more than 3 is what helps, ask for that",
    ),
    "it would be more, and is to be fewer": (
        wish("Deployment", "checkout", scale={"replicas": 4, "only": "Down"}),
        {"deployments": deployment()},
        "has replicas 3, and 4 would be higher: scale.only is Down; if less than 3 is what helps, ask for that",
    ),
    "a bound would be lowered": (
        wish("HorizontalPodAutoscaler", "web", autoscaler={"minReplicas": 4, "maxReplicas": 8, "only": "Up"}),
        {"horizontalpodautoscalers": autoscaler()},
        "has maxReplicas 10, and 8 would be lower: autoscaler.only is Up",
    ),
    "a bound would be raised": (
        wish("HorizontalPodAutoscaler", "web", autoscaler={"minReplicas": 4, "maxReplicas": 8, "only": "Down"}),
        {"horizontalpodautoscalers": autoscaler()},
        "has minReplicas 2, and 4 would be higher: autoscaler.only is Down",
    ),
    "mid-rollout": (RESTART, {"deployments": deployment()}, "A rollout of Deployment shop/checkout is under way"),
    "OnDelete": (
        wish("StatefulSet", "checkout", rolloutRestart={}),
        {"statefulsets": stateful(updateStrategy={"type": "OnDelete"})},
        "updateStrategy OnDelete",
    ),
    "no history": (
        wish("StatefulSet", "checkout", rolloutUndo={}),
        {"statefulsets": stateful(), "controllerrevisions": controller_revision(BAD, 2)},
        "No earlier revision of StatefulSet shop/checkout is kept",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_would_do_harm_is_refused_with_the_field_and_the_remedy(case: str) -> None:
    """
    Refused in the plan, before any write.
    """
    asked, objects, words = REFUSED[case]
    there = world(asked, **objects).run(minutes=1)
    assert words in there.record("act").message
    assert there.effects == []
    assert there.secrets == {}


def test_volumes_that_are_deleted_are_deleted_by_somebody_s_word() -> None:
    """
    Said beforehand that the data does not come back, and agreed to by a second person.
    """
    asked = wish("StatefulSet", "checkout", scale={"replicas": 2, "volumes": "Delete"})
    there = world(asked, statefulsets=stateful(**VOLUMES)).run(seconds=5)
    record = there.record("act")
    assert (record.approvals.needed, there.effects) == (1, [])
    assert "deleted with their data" in " ".join(record.warnings)
    there.say(entry("bob", approve={"mitigation": "act", "action": "scale", "digest": record.digest})).look()
    assert there.objects[("statefulsets", "checkout")]["spec"]["replicas"] == 2


@pytest.mark.parametrize(("replicas", "words"), [(4, "undo deletes the volumes"), (2, "deleted with their data")])
def test_the_plan_says_what_becomes_of_volumes(replicas: int, words: str) -> None:
    """
    Taking a scale-up back deletes what was written to the new volumes meanwhile.
    """
    asked = wish("StatefulSet", "checkout", scale={"replicas": replicas, "volumes": "Delete"})
    there = world(asked, statefulsets=stateful(**VOLUMES)).run(seconds=5)
    assert words in " ".join(there.record("act").warnings)


def test_zero_switches_the_autoscaler_off_and_says_so() -> None:
    """
    An HPA leaves what has no replicas alone, so the stop holds; who reads the plan knows that it is off.
    """
    asked = wish("Deployment", "checkout", scale={"replicas": 0})
    there = world(asked, deployments=deployment(), horizontalpodautoscalers=autoscaler()).run(seconds=5)
    assert "HorizontalPodAutoscaler web switches itself off" in " ".join(there.record("act").warnings)


def test_who_paused_it_is_named() -> None:
    """
    Another incident's pause is undone there, not resumed over its head.
    """
    there = world(RESTART, deployments=deployment(paused=True))
    there.target["metadata"]["labels"]["stanch.dev/action"] = "4be1"
    there.acted = {"4be1": Acted("mitigation pause of incident shop/orders-slow")}
    record = there.run(minutes=1).record("act")
    assert "last changed by mitigation pause of incident shop/orders-slow" in record.message


# --- what is said beforehand -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("volume", "1 pods see it within 90s"),
        ("env", "rolloutRestart on Deployment checkout"),
        ("subPath", "rolloutRestart on Deployment checkout"),
    ],
)
def test_a_flag_says_who_will_see_it(how: str, words: str) -> None:
    """
    A value in the environment, or behind a subPath, is the old one until the pod restarts.
    """
    record = world(FLAG, configmaps=flags(), pods=reader(how)).run(minutes=1).record("act")
    assert words in " ".join((record.blast, *(record.warnings or ())))


@pytest.mark.parametrize(
    ("matches", "weight", "warned"),
    [
        ([{"headers": [{"name": "canary", "value": "yes"}]}], 1, "Rule r1 of HTTPRoute shop/web (header canary: yes)"),
        ([], 1, "Rule r1 of HTTPRoute shop/web still sends to v1"),
        ([], 0, ""),
    ],
    ids=["by-header", "another-rule", "empty-there-too"],
)
def test_story_40_what_other_rules_still_send_is_said(matches: list[Json], weight: int, warned: str) -> None:
    """A weight of 0 in one rule says nothing of the others."""
    web = route(90, 10)
    web["spec"]["rules"].append({"name": "r1", "matches": matches, "backendRefs": [{"name": "v1", "weight": weight}]})
    asked = wish("HTTPRoute", "web", routeShift={"rule": "r0", "weights": [{"backend": "v1", "weight": 0}]})
    w = world(asked, httproutes=web, endpointslices=BOTH).run(seconds=5)
    said = " ".join(w.record("act").warnings)
    assert ("still sends to v1" in said, warned in said, 1) == (bool(warned), True, len(w.effects))


def test_a_value_that_may_be_a_file_is_not_shown() -> None:
    """
    A ConfigMap may hold a whole file with a password in it.
    """
    there = world(FLAG, configmaps=obj("flags", data={"recommendations": "password: hunter2\n" * 9})).run(minutes=1)
    assert "hunter2" not in str(there.incident.status.wire())


# --- restart ---------------------------------------------------------------------------------------------------------


def settled() -> World:
    """A Deployment whose rollout is complete."""
    there = bad_deploy(incident(RESTART))
    there.objects[("deployments", "checkout")]["status"] |= {
        "updatedReplicas": 3,
        "availableReplicas": 3,
        "unavailableReplicas": 0,
    }
    return there


@pytest.mark.parametrize("lost", [False, True])
def test_a_restart_has_its_time_in_the_record(lost: bool) -> None:
    """
    However often it is looked at, the same instant is written, so one rollout follows.
    """
    there = settled()
    there.lose_next_reply = lost
    there.run(minutes=5)
    assert len(there.effects) == 1
    annotations = there.target["spec"]["template"]["metadata"]["annotations"]
    assert annotations == {"kubectl.kubernetes.io/restartedAt": stamp(T0)}


def test_a_restart_is_not_undone() -> None:
    """
    Taking the annotation away would be a second restart.
    """
    there = settled().run(minutes=1)
    there.say(entry("alice", undo={"mitigation": "act"})).run(minutes=1)
    assert len(there.effects) == 1
    assert "can't be undone" in str(there.incident.status.timeline)
    assert there.record("act").break_glass is None or "patch" not in str(there.record("act").break_glass)


def test_a_changed_config_map_and_a_floating_tag_are_named() -> None:
    """
    Going back to a template does not bring back what it reads.
    """
    there = bad_deploy(incident({"name": "act", "rolloutUndo": {}}))
    for key in (("replicasets", "checkout-h1"), ("replicasets", "checkout-h2")):
        spec = there.objects[key]["spec"]["template"]["spec"]
        spec["containers"][0]["envFrom"] = [{"configMapRef": {"name": "flags"}}]
    target = there.objects[("deployments", "checkout")]["spec"]["template"]["spec"]
    target["containers"][0]["envFrom"] = [{"configMapRef": {"name": "flags"}}]
    changed = flags()
    changed["metadata"]["managedFields"] = [{"manager": "kubectl-edit", "time": stamp(T0)}]
    there.objects[("configmaps", "flags")] = changed
    warnings = " ".join(there.run(minutes=1).record("act").warnings)
    assert "ConfigMap flags, which revision 1 reads, was changed at 2026-11-21T14:00:00Z" in warnings


def test_a_human_who_flips_it_too_is_not_overwritten() -> None:
    """
    Undo is refused with the difference, and what the human wrote stays.
    """
    there = world(FLAG, configmaps=flags()).run(minutes=1)
    there.objects[("configmaps", "flags")]["data"]["recommendations"] = "half"
    there.say(entry("alice", undo={"mitigation": "act"})).run(minutes=1)
    assert there.objects[("configmaps", "flags")]["data"]["recommendations"] == "half"
    assert "data.recommendations: found on, wrote off, now half" in there.record("act").message
    assert all(a.state is not AttemptState.INTENDED for a in there.record("act").attempts)


def test_a_rollback_goes_past_a_restart_of_the_bad_release() -> None:
    """
    A restarted template is the same template: going back to it would change nothing.
    """
    there = bad_deploy(incident({"name": "act", "rolloutUndo": {}}))
    again = replicaset(BAD, 3, **{"kubectl.kubernetes.io/restartedAt": stamp(T0)})
    there.objects[("replicasets", "checkout-h3")] = again
    meta = there.target["metadata"]
    meta["annotations"]["deployment.kubernetes.io/revision"] = "3"
    there.target["spec"]["template"] = template(BAD, None, **{"kubectl.kubernetes.io/restartedAt": stamp(T0)})
    assert there.run(minutes=1).image == GOOD


def test_a_bound_that_still_stands_is_owed_though_another_was_changed() -> None:
    """
    Somebody raised the other one; ours is not taken back by that.
    """
    asked = wish("HorizontalPodAutoscaler", "web", autoscaler={"minReplicas": 4})
    there = world(asked, horizontalpodautoscalers=autoscaler()).run(minutes=1)
    there.objects[("horizontalpodautoscalers", "web")]["spec"]["maxReplicas"] = 20
    there.run(minutes=1)
    assert [d.name for d in there.incident.status.debt] == ["act"]


def test_a_half_done_rollout_is_not_complete() -> None:
    """
    Rolled back in its middle, both revisions are the same name at once.
    """
    half = stateful(GOOD)
    half["status"] |= {"updateRevision": "h1", "currentRevision": "h1", "updatedReplicas": 1, "currentReplicas": 2}
    aim = Aim(TargetKind.STATEFUL_SET, "checkout", "shop")
    assert rollout_verdict(aim, half).state is VerdictState.WAITING
    half["spec"]["updateStrategy"]["rollingUpdate"]["partition"] = 2
    assert rollout_verdict(aim, half).state is VerdictState.WAITING
    half["status"] |= {"updatedReplicas": 3, "currentReplicas": 3}
    assert rollout_verdict(aim, half).state is VerdictState.VERIFIED


def test_a_list_that_was_cut_is_not_taken_for_the_whole() -> None:
    """
    The pods that would answer may be on the second page.
    """
    there = world(SHIFT, services=service(), pods=[BLUE])
    answer = there.answer
    cut = Found({"items": [BLUE], "metadata": {"continue": "more"}})
    there.answer = lambda q: cut if isinstance(q, List) and q.ref.plural == "pods" else answer(q)
    there.run(minutes=1)
    assert "there are more than 2000 pods" in there.record("act").message
    assert there.effects == []


def test_a_cron_job_that_a_person_resumed_contains_nothing() -> None:
    """
    Contained goes, and the incident can be mitigated and resolved.
    """
    there = world(wish("CronJob", "report", suspendCronJob={}), cronjobs=cron_job()).run(minutes=2)
    assert "True OnlyContained" == there.condition("Contained")
    there.objects[("cronjobs", "report")]["spec"]["suspend"] = False
    there.run(hours=1)
    assert "-" == there.condition("Contained")
