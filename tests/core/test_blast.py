"""Guards 5 and 13: what is protected, and what must be left, each tried at its edge."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tools.rbac import seeing

from build import GOOD, T0, Json, entry, incident, node, roll_back
from core.test_removals import DELETE, LATER, drain, owned, world
from stanch.api.meta import TargetKind
from stanch.core.asking import ALL_NODES, pdbs, pods_in, target_of
from stanch.core.blast import enough_pods_are_left, nodes_are_left
from stanch.core.census import Census, Deed, deeds_of
from stanch.core.commands import Removal, Remove
from stanch.core.draft import Draft
from stanch.core.observations import Answer, Failed, Found, Observations
from stanch.core.ports import Aim, Change, PodToRemove
from stanch.core.protected import CONTROLLERS, owners_are_not_protected
from stanch.core.questions import REPLICASETS, Get, Question
from stanch.core.selecting import selects
from world import CATALOG, World, bad_deploy

CORDON = {"name": "act", "target": {"kind": "Node", "name": "node-1"}, "cordon": {}}
NODE = Aim(TargetKind.NODE, "node-1", None)
DRAIN = {"name": "act", "target": {"kind": "Node", "name": "node-1"}, "drain": {}}


def nodes(asked: Json, count: int, cordoned: int = 0, sick: int = 0) -> World:
    """A cluster of so many nodes; the last ones are cordoned or not Ready."""
    there = world(asked, namespace="stanch-system")
    for n in range(1, count + 1):
        one = node(f"node-{n}", ready=n <= count - sick)
        if n > count - cordoned:
            one["spec"]["unschedulable"] = True
        there.objects[("nodes", f"node-{n}")] = one
    return there


@pytest.mark.parametrize(
    ("count", "cordoned", "goes"),
    [(2, 0, True), (9, 1, False), (10, 0, True), (10, 1, False), (20, 1, True), (20, 2, False), (30, 2, True)],
)
def test_a_tenth_of_the_nodes_may_be_out_and_always_one(count: int, cordoned: int, goes: bool) -> None:
    """Whoever cordoned the others: what counts is how many take pods."""
    there = nodes(CORDON, count, cordoned).run(seconds=20)
    assert goes == (len(there.effects) == 1)
    if not goes:
        assert "WouldBreakBudget" == there.record("act").reason
        assert f"{cordoned + 1} of {count} nodes would take no pods" in there.record("act").message


def test_a_node_that_is_not_there_is_named_before_anything_is_counted() -> None:
    """A typing error is no full budget."""
    asked = CORDON | {"target": {"kind": "Node", "name": "node-99"}}
    assert "TargetNotFound" == nodes(asked, 10, cordoned=1).run(seconds=20).record("act").reason


def test_a_node_that_can_not_be_read_is_named_before_anything_is_counted() -> None:
    """What nobody saw is no full budget either."""
    there = nodes(CORDON, 10, cordoned=1)
    otherwise = there.answer
    there.answer = lambda q: Failed(500, "no answer") if q == target_of(NODE) else otherwise(q)  # type: ignore[method-assign]
    assert "NotReadable" == there.run(minutes=2).record("act").reason


def test_it_goes_on_when_another_node_takes_pods_again() -> None:
    """What the message says would make room does."""
    there = nodes(CORDON, 10, cordoned=1).run(seconds=20)
    del there.objects[("nodes", "node-10")]["spec"]["unschedulable"]
    assert 1 == len(there.run(seconds=30).effects)


@pytest.mark.parametrize("asked", [CORDON, DRAIN], ids=["cordon", "drain"])
@pytest.mark.parametrize(("sick", "goes"), [(12, False), (11, False), (10, True)])
def test_while_most_nodes_are_sick_none_is_taken_out(asked: Json, sick: int, goes: bool) -> None:
    """Then it is rather the network: 55 of 100, and at least three."""
    record = nodes(asked, 20, sick=sick).run(seconds=20).record("act")
    assert goes == (record.reason != "WouldBreakBudget")
    if not goes:
        assert f"{sick} of 20 nodes are not Ready" in record.message


def test_a_few_sick_nodes_of_a_small_cluster_are_no_sick_network() -> None:
    """Two of three are more than half, and still two nodes."""
    there = nodes(CORDON, 3, sick=2)
    answer = Found({"items": [o for (plural, _), o in there.objects.items() if plural == "nodes"]})
    assert nodes_are_left(_draft(there, {ALL_NODES: answer}), there.run(seconds=1).record("act"), NODE) is None


def test_a_policy_may_allow_more_nodes() -> None:
    """A percentage of the ResponsePolicy."""
    there = nodes(CORDON, 10, cordoned=1)
    there.catalog = replace(CATALOG, policy=replace(CATALOG.policy, nodes_percent=20))
    assert 1 == len(there.run(seconds=20).effects)


def _cut(kept: int) -> Found:
    """The first part of a longer list of nodes."""
    return Found({"metadata": {"continue": "x"}, "items": [node(f"node-{n}") for n in range(1, kept + 1)]})


@pytest.mark.parametrize("answer", [Failed(500, "no answer"), _cut(500)], ids=["not answered", "cut"])
def test_nodes_that_were_not_counted_to_the_end_are_not_taken_for_enough(answer: Answer) -> None:
    """Of what nobody saw, all might be cordoned."""
    there = nodes(CORDON, 3)
    refusal = nodes_are_left(_draft(there, {ALL_NODES: answer}), there.run(seconds=1).record("act"), NODE)
    assert refusal is not None
    assert ("NotReadable", True) == (refusal.reason, "can't be counted" in refusal.message)


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("other", "goes"),
    [
        ({"under_way": True}, False),
        ({"under_way": True, "action": "drain"}, False),
        ({"applied": T0 + SECOND}, False),
        ({"applied": T0}, True),
        ({"applied": T0 + SECOND, "undone": True}, True),
        ({}, True),
        ({"under_way": True, "action": "uncordon"}, True),
    ],
    ids=["about to", "about to drain", "since the look began", "before", "taken back", "never done", "the reverse"],
)
def test_a_node_that_another_incident_is_taking_out_counts_as_out(other: Json, goes: bool) -> None:
    """Two incidents at the same moment would each see a cluster with all of its nodes."""
    there = nodes(CORDON, 10)
    deed = Deed("shop/other", "c", "Spec", "uid-node-2", T0, other.pop("under_way", False), "", action="cordon")
    there.census = Census((replace(deed, **other),))
    there.look()
    assert goes == bool(there.effects)


def _draft(there: World, answers: dict[Question, Answer]) -> Draft:
    """With these answers."""
    return Draft(there.incident, Observations(answers=answers), CATALOG, there.now, there.incident.status)


# --- pods ------------------------------------------------------------------------------------------------------------


def budget(**labels: str) -> Json:
    """A PodDisruptionBudget for these labels."""
    return {"metadata": {"name": "b"}, "spec": {"selector": {"matchLabels": labels}}}


@pytest.mark.parametrize(
    ("ready", "pods", "goes"), [(1, 1, True), (2, 2, True), (1, 2, False), (3, 4, True), (2, 4, False), (2, 3, False)]
)
def test_half_of_a_workloads_pods_stay_ready(ready: int, pods: int, goes: bool) -> None:
    """A single pod can't be spared by halves."""
    there = world(DELETE, *(owned(f"web-{n}", ready=n <= ready) for n in range(1, pods + 1))).run(seconds=20)
    assert goes == any(isinstance(c, Remove) for c in there.effects)
    if not goes:
        assert "WouldBreakBudget" == there.record("act").reason
        assert f"{ready - 1} of {pods} pods" in there.record("act").message


def test_a_pod_that_serves_nobody_may_always_go() -> None:
    """Taking it away leaves as many ready as before."""
    there = world(DELETE, owned("web-1", ready=False), owned("web-2", ready=False)).run(seconds=20)
    assert any(isinstance(c, Remove) for c in there.effects)


@pytest.mark.parametrize("answer", [Failed(500, "no answer"), Found({"metadata": {"continue": "x"}, "items": []})])
def test_pods_that_were_not_counted_to_the_end_are_not_taken_for_enough(answer: Answer) -> None:
    """Whether half are left is not known then."""
    there = world(DELETE, owned("web-1"), owned("web-2")).run(seconds=1)
    aim = Aim(TargetKind.POD, "web-1", "shop")
    answers = {pods_in("shop"): answer, pdbs("shop"): Found({"items": []})}
    goes = PodToRemove("shop", "web-1", "uid-web-1", Removal.EVICT)
    refusal = enough_pods_are_left(
        _draft(there, answers), there.record("act"), aim, Change("uid-web-1", {}, {}, "", removes=(goes,))
    )
    assert refusal is not None
    assert ("NotReadable", True) == (refusal.reason, "can't be counted" in refusal.message)


def test_a_pod_that_is_on_its_way_out_does_not_count() -> None:
    """It is still ready, and gone in a moment."""
    there = world(DELETE, *(owned(f"web-{n}", ready=n < 4) for n in range(1, 5)))
    there.objects[("pods", "web-2")]["metadata"]["deletionTimestamp"] = "2026-11-21T23:00:00Z"
    assert "1 of 4 pods" in there.run(seconds=20).record("act").message


def test_a_pod_that_another_incident_is_about_to_take_does_not_count() -> None:
    """Three of four would be two of four."""
    there = world(DELETE, *(owned(f"web-{n}", ready=n < 4) for n in range(1, 5)))
    there.census = Census((Deed("shop/other", "d", "Spec", "uid-web-2", T0, True, "", action="deletePod"),))
    assert "1 of 4 pods" in there.run(seconds=20).record("act").message


@pytest.mark.parametrize(("labels", "goes"), [({"app": "checkout"}, True), ({"app": "other"}, False)])
def test_where_a_budget_says_how_many_it_decides(labels: dict[str, str], goes: bool) -> None:
    """The API server keeps to it, and the team that wrote it knows better than a half."""
    there = world(DELETE, owned("web-1"), owned("web-2", ready=False))
    there.objects[("poddisruptionbudgets", "b")] = budget(**labels)
    there.run(seconds=20)
    assert goes == any(isinstance(c, Remove) for c in there.effects)


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "web", "x": "y"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "x", "operator": "NotIn", "values": ["y"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "DoesNotExist"}]}, False),
    ],
    ids=str,
)
def test_a_selector_matches_as_the_api_server_has_it(selector: dict[str, Any] | None, matches: bool) -> None:
    """Also the forms that are seldom seen."""
    assert matches == selects(selector, {"app": "web"})


HERE, THERE = "node-1", "node-2"
BATCH = [{"kind": "Job", "name": "report-1", "uid": "job", "controller": True}]
OTHERS = [{"kind": "ReplicaSet", "name": "api-h1", "uid": "rs-2", "controller": True}]


def drained(here: int, there: int, **more: Any) -> World:
    """A drain of node-1 with so many pods of one workload on it, and so many elsewhere."""
    pods = [owned(f"web-{n}", nodeName=HERE if n <= here else THERE) for n in range(1, here + there + 1)]
    return world(DRAIN, *pods, namespace="stanch-system", **more)


@pytest.mark.parametrize(
    ("here", "there", "goes"), [(1, 0, True), (1, 1, True), (2, 0, False), (2, 1, False), (2, 2, True), (3, 2, False)]
)
def test_a_drain_leaves_half_of_each_workload_ready(here: int, there: int, goes: bool) -> None:
    """Nobody waits for the pods that come instead; one that stands alone is what a drain is for."""
    record = drained(here, there).run(seconds=20).record("act")
    assert ("ApprovalMissing" if goes else "WouldBreakBudget") == record.reason
    if not goes:
        assert (
            f"{there} of {here + there} pods of Deployment web in namespace shop would be left ready" in record.message
        )
        assert "guardrails.minReadyPercent asks for 50 %; scale it up first, or give it a PodDis" in record.message


def test_a_drain_goes_on_when_the_workload_can_spare_its_pods() -> None:
    """Both ways out that the words name: more pods elsewhere, or a budget that says how many may go."""
    held = drained(2, 1).run(seconds=20)
    held.objects[("pods", "web-9")] = owned("web-9", nodeName=THERE)
    assert "ApprovalMissing" == held.run(seconds=30).record("act").reason
    held = drained(2, 1).run(seconds=20)
    held.objects[("poddisruptionbudgets", "b")] = budget(app="other")
    assert "WouldBreakBudget" == held.run(seconds=30).record("act").reason
    held.objects[("poddisruptionbudgets", "b")] = budget(app="checkout")
    assert "ApprovalMissing" == held.run(seconds=30).record("act").reason


def test_what_serves_nobody_holds_up_no_drain() -> None:
    """Pods that are not ready are no loss, and what has done its work is not missing."""
    sick = world(DRAIN, owned("web-1", ready=False), owned("web-2", ready=False), namespace="stanch-system")
    assert "ApprovalMissing" == sick.run(seconds=20).record("act").reason
    jobs = world(DRAIN, *(owned(f"job-{n}", owner=BATCH) for n in (1, 2, 3)), namespace="stanch-system")
    for name in ("job-2", "job-3"):
        body = jobs.objects[("pods", name)]
        body["status"] = {"phase": "Succeeded"}
        body["spec"]["nodeName"] = THERE
    assert "ApprovalMissing" == jobs.run(seconds=20).record("act").reason


def test_each_workload_of_a_node_counts_for_itself() -> None:
    """One that spreads well does not speak for its neighbour."""
    held = drained(1, 3)
    for n in (1, 2):
        held.objects[("pods", f"api-{n}")] = owned(f"api-{n}", owner=OTHERS)
    assert "0 of 2 pods of Deployment api in namespace shop" in held.run(seconds=20).record("act").message


@pytest.mark.parametrize(("under_way", "goes"), [(True, False), (False, True)])
def test_a_pod_that_another_drain_is_taking_does_not_count(under_way: bool, goes: bool) -> None:
    """Two nodes at once would each leave the other's pods (outage 4: counted over all that is under way)."""
    there = drained(1, 2)
    other = Deed("stanch-system/other", "d", "Spec", "uid-node-2", T0, under_way, "", removes=("uid-web-2",))
    there.census = Census((replace(other, applied=T0 - SECOND * 60),))
    assert ("ApprovalMissing" if goes else "WouldBreakBudget") == there.run(seconds=20).record("act").reason


def test_what_a_drain_takes_stands_in_the_census() -> None:
    """By uid, from the record, before the first of them has gone."""
    record = drain(*(owned(f"web-{n}") for n in (1, 2))).about_to_act().incident.status.wire()["mitigations"]
    (deed,) = deeds_of("stanch-system/x", record)
    assert (True, {"uid-web-1", "uid-web-2"}) == (deed.under_way, {*deed.removes})


# --- protected -------------------------------------------------------------------------------------------------------


def test_what_is_labelled_protected_is_left_alone() -> None:
    """Whatever its value; once the label is off, it goes on."""
    there = bad_deploy(incident(roll_back()))
    there.target["metadata"]["labels"]["stanch.dev/protected"] = "alert-path"
    there.run(seconds=20)
    assert ("Protected", []) == (there.record("roll-back").reason, there.effects)
    del there.target["metadata"]["labels"]["stanch.dev/protected"]
    assert GOOD == there.run(seconds=30).image


MARK = {"stanch.dev/protected": ""}
RS = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-h1", "uid": "rs", "controller": True}
WEB = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "web", "controller": True}
POD_OF_OTHERS = {"apiVersion": "example.org/v1", "kind": "Deployment", "name": "web", "uid": "x", "controller": True}


def one_of_two(labels: Json, owner: Json = RS) -> World:
    """A pod of a ReplicaSet of a Deployment that has these labels; another one serves."""
    there = world(DELETE, owned("web-1", ready=False, owner=[owner]), owned("web-2", owner=[owner]))
    meta = {"name": "web-h1", "uid": "rs", "ownerReferences": [WEB]}
    there.objects[("replicasets", "web-h1")] = {"metadata": meta, "spec": {}}
    there.objects[("deployments", "web")] = {"metadata": {"name": "web", "uid": "web", "labels": labels}, "spec": {}}
    return there


@pytest.mark.parametrize(
    ("labels", "owner", "goes"),
    [(MARK, RS, False), (MARK, WEB, False), ({}, RS, True), (MARK, POD_OF_OTHERS, True)],
    ids=["through its ReplicaSet", "directly", "not marked", "of a kind that nobody knows"],
)
def test_a_pod_of_a_protected_workload_is_left_alone(labels: Json, owner: Json, goes: bool) -> None:
    """To take its pods away is to act on it."""
    there = one_of_two(labels, owner).run(seconds=20)
    assert goes == bool(there.effects)
    if not goes:
        assert "Protected" == there.record("act").reason
        assert "Deployment shop/web, which controls Pod shop/web-1, carries label" in there.record("act").message
        there.objects[("deployments", "web")]["metadata"]["labels"] = {}
        assert there.run(seconds=30).effects


JOB = {"apiVersion": "batch/v1", "kind": "Job", "name": "report-1", "uid": "job", "controller": True}
CRON_JOB = {"apiVersion": "batch/v1", "kind": "CronJob", "name": "report", "uid": "cron", "controller": True}
JOB_OF_OTHERS = {
    "apiVersion": "batch.volcano.sh/v1alpha1",
    "kind": "Job",
    "name": "report-1",
    "uid": "x",
    "controller": True,
}


@pytest.mark.parametrize(
    ("labels", "owner", "marked"),
    [
        ({"jobs": MARK}, JOB, "Job shop/report-1"),
        ({"cronjobs": MARK}, JOB, "CronJob shop/report"),
        ({}, JOB, ""),
        ({"jobs": MARK}, JOB_OF_OTHERS, ""),
    ],
    ids=["its Job", "the CronJob of its Job", "not marked", "a Job of another group"],
)
def test_a_pod_of_a_protected_job_is_left_alone(labels: Json, owner: Json, marked: str) -> None:
    """A Job that is killed may have been half through; who marks the CronJob means its Jobs."""
    there = world(DELETE, owned("web-1", ready=False, owner=[owner]))
    job = {"name": "report-1", "uid": "job", "ownerReferences": [CRON_JOB], "labels": labels.get("jobs", {})}
    there.objects[("jobs", "report-1")] = {"metadata": job, "spec": {}}
    cron = {"name": "report", "uid": "cron", "labels": labels.get("cronjobs", {})}
    there.objects[("cronjobs", "report")] = {"metadata": cron, "spec": {}}
    record = there.run(seconds=20).record("act")
    assert bool(marked) == (not there.effects)
    if marked:
        assert "Protected" == record.reason
        assert f"{marked}, which controls Pod shop/web-1, carries label" in record.message


@pytest.mark.parametrize("group", sorted({group for group, _ in CONTROLLERS}))
def test_what_is_followed_may_be_read(group: str) -> None:
    """By the role that everybody binds: else no pod of such a workload could be taken away."""
    (look,) = (each for each in seeing() if each["metadata"]["name"] == "stanch-look")
    readable = {
        r for rule in look["rules"] if group in rule["apiGroups"] and "get" in rule["verbs"] for r in rule["resources"]
    }
    assert {ref.plural for ref in CONTROLLERS.values() if ref.group == group} <= readable


def test_what_controls_a_pod_must_be_read() -> None:
    """What could not be read may be protected."""
    there = one_of_two({})
    pod = there.objects[("pods", "web-1")]
    there.look()
    aim, rs = Aim(TargetKind.POD, "web-1", "shop"), Get(REPLICASETS, "shop", "web-h1")
    answers = {target_of(aim): Found(pod), rs: Failed(500, "no answer")}
    refusal = owners_are_not_protected(_draft(there, answers), there.record("act"), aim)
    assert refusal is not None
    assert ("NotReadable", False) == (refusal.reason, refusal.final)


def test_a_node_with_a_protected_pod_is_not_drained() -> None:
    """Nobody asked whether that one may go."""
    there = nodes(DRAIN, 3)
    one = owned("web-1")
    one["metadata"]["labels"] |= MARK
    there.objects[("pods", "web-1")] = one
    record = there.run(seconds=20).record("act")
    assert ("Protected", True) == (record.reason, "shop/web-1 carry label" in record.message)


@pytest.mark.parametrize("asked", [CORDON, DRAIN], ids=["cordon", "drain"])
def test_control_plane_nodes_are_left_alone(asked: Json) -> None:
    """By hand only."""
    there = nodes(asked, 3)
    there.objects[("nodes", "node-1")]["metadata"]["labels"] = {"node-role.kubernetes.io/control-plane": ""}
    record = there.run(seconds=20).record("act")
    assert ("Protected", "Refused", []) == (record.reason, record.state.value, there.effects)


def test_the_node_that_stanch_runs_on_is_cordoned_but_not_drained() -> None:
    """A cordon is how it gets off it; when it runs elsewhere, the drain goes on."""
    there = nodes(CORDON, 3)
    there.own_node = "node-1"
    assert 1 == len(there.run(seconds=20).effects)
    there = nodes(DRAIN, 3)
    there.own_node = "node-1"
    record = there.run(seconds=20).record("act")
    assert ("Protected", []) == (record.reason, there.effects)
    assert "stanch itself runs on Node node-1" in record.message
    there.own_node = "node-2"
    assert "ApprovalMissing" == there.run(seconds=30).record("act").reason


# --- the commander ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("word", "goes"), [("Warn", True), ("Deny", False)])
def test_who_commands_acts_only_where_the_policy_lets_them(word: str, goes: bool) -> None:
    """At two in the morning one person may be all there is, so the default only remarks it."""
    there = bad_deploy(incident(roll_back(), roles={"commander": "alice"}))
    there.catalog = replace(CATALOG, policy=replace(CATALOG.policy, commander_acts=word))
    there.run(seconds=20)
    assert goes == (there.image == GOOD)
    if not goes:
        assert "CommanderActs" == there.record("roll-back").reason
        there.say(entry("bob", after=LATER / 20, take={"role": "commander"})).run(minutes=2)
        assert GOOD == there.image
    else:
        assert any("alice commands and acts" in w for w in there.record("roll-back").warnings)
