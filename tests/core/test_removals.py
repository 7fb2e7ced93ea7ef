"""Pods go by uid, once, a few at a time, and a PodDisruptionBudget is never beaten."""

import copy
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from build import T0, Json, entry, incident, node, pod, stamp
from stanch.api.incident_status import AttemptState, WishState
from stanch.api.names import Label
from stanch.core.census import Census, Deed
from stanch.core.commands import Command, Removal, Remove, Swap
from stanch.core.observations import Failed, Outcome, OutcomeKind
from stanch.core.questions import MayGo, UndoSecret
from world import World

OWNER = [{"kind": "ReplicaSet", "name": "web-h1", "uid": "rs", "controller": True}]
DAEMON = [{"kind": "DaemonSet", "name": "agent", "uid": "ds", "controller": True}]
LATER = timedelta(minutes=20)


def owned(name: str, ready: bool = True, owner: list[Json] | None = None, **spec: Any) -> Json:
    """A pod of a ReplicaSet on node-1."""
    one = pod("h1")
    one["metadata"] |= {"name": name, "uid": f"uid-{name}", "ownerReferences": OWNER if owner is None else owner}
    one["spec"] |= spec
    one["status"]["conditions"] = [{"type": "Ready", "status": str(ready), "lastTransitionTime": stamp(T0)}]
    return one


def static(name: str) -> Json:
    """A pod that the kubelet makes from a file."""
    one = owned(name)
    one["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    return one


def world(asked: Json, *pods: Json, namespace: str = "shop") -> World:
    """Two nodes, these pods, and alice who asks."""
    inc = incident(asked, targets=None)
    inc = inc.model_copy(update={"metadata": inc.metadata.model_copy(update={"namespace": namespace})})
    objects: dict[tuple[str, str], Json] = {("pods", p["metadata"]["name"]): copy.deepcopy(p) for p in pods}
    for name in ("node-1", "node-2"):
        one = node(name)
        objects[("nodes", name)] = one
    return World(inc, objects=objects)


def spared(there: World) -> World:
    """Its team says by a PodDisruptionBudget how many may go."""
    spec = {"selector": {"matchLabels": {"app": "checkout"}}, "maxUnavailable": "100%"}
    there.objects[("poddisruptionbudgets", "spare")] = {"metadata": {"name": "spare"}, "spec": spec}
    return there


def drain(*pods: Json, **args: Any) -> World:
    """A drain of node-1 that bob agreed to."""
    asked = {"name": "act", "target": {"kind": "Node", "name": "node-1"}, "drain": args}
    there = spared(world(asked, *pods, namespace="stanch-system")).run(seconds=10)
    record = there.record("act")
    if record.digest:
        agreed = {"mitigation": "act", "action": "drain", "digest": record.digest}
        there.say(entry("bob", after=timedelta(seconds=11), approve=agreed))
    return there


DELETE = {"name": "act", "target": {"kind": "Pod", "name": "web-1"}, "deletePod": {}}


@pytest.mark.parametrize(("ready", "how"), [(True, Removal.EVICT), (False, Removal.DELETE)])
def test_a_ready_pod_is_evicted_and_a_sick_one_deleted(ready: bool, how: Removal) -> None:
    """
    Deleting a healthy pod would go round its PodDisruptionBudget.
    """
    there = world(DELETE, owned("web-1", ready), owned("web-2")).run(seconds=30)
    assert [(c.name, c.uid, c.how) for c in there.effects if isinstance(c, Remove)] == [("web-1", "uid-web-1", how)]
    assert there.record("act").state is WishState.RUNNING
    there.objects[("pods", "web-3")] = owned("web-3")
    assert there.run(minutes=1).record("act").state is WishState.DONE


def test_a_lost_answer_takes_no_second_pod() -> None:
    """
    Another pod of the same name, as a StatefulSet makes, is not the one that was meant.
    """
    there = world(DELETE, owned("web-1", ready=False))
    there.lose_next_reply = True
    there.look(die_after=6)
    assert len(there.effects) == 1
    there.objects[("pods", "web-1")] = owned("web-1") | {"metadata": owned("web-1")["metadata"] | {"uid": "another"}}
    there.run(minutes=1)
    assert len(there.effects) == 1
    assert ("pods", "web-1") in there.objects
    assert there.record("act").state is WishState.DONE
    assert there.broken == []


def test_a_budget_that_says_no_is_heard() -> None:
    """
    A pod that may not go is held, and named; when it may, it goes.
    """
    there = world(DELETE, owned("web-1"))
    there.guarded = {"web-1"}
    there.run(seconds=30)
    assert there.effects == []
    record = there.record("act")
    assert ("WouldBreakBudget", True) == (record.reason, "may not be evicted now" in record.message)
    there.guarded = set()
    assert len(there.run(minutes=1).effects) == 1


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (owned("web-1", owner=[]), "deletePod: {unmanaged: Delete}"),
        (static("web-1"), "is a static pod"),
    ],
)
def test_what_would_not_come_back_is_not_deleted(one: Json, words: str) -> None:
    """
    Refused, with what to write if it is meant.
    """
    there = world(DELETE, one).run(seconds=30)
    assert there.effects == []
    assert words in there.record("act").message


@pytest.mark.parametrize("ready", [True, False])
def test_a_pod_of_a_node_that_is_not_ready_is_not_deleted(ready: bool) -> None:
    """
    Nothing would stop it and nothing take its place; when the node is back, it goes.
    """
    there = world(DELETE, owned("web-1", ready), owned("web-2"))
    there.objects[("nodes", "node-1")] = node("node-1", ready=False)
    there.run(seconds=30)
    assert [] == there.effects
    record = there.record("act")
    assert ("Preflight", True) == (record.reason, "Node node-1 is not Ready" in record.message)
    assert "node.kubernetes.io/out-of-service" in record.message
    there.objects[("nodes", "node-1")] = node("node-1")
    assert 1 == len(there.run(minutes=1).effects)


def test_a_pod_of_a_node_that_is_gone_is_deleted() -> None:
    """
    No kubelet will stop it, and none needs to.
    """
    there = world(DELETE, owned("web-1", False), owned("web-2"))
    del there.objects[("nodes", "node-1")]
    assert 1 == len(there.run(seconds=30).effects)


def test_a_pod_that_its_finalizers_hold_is_not_deleted_once_more() -> None:
    """
    It is named who holds it; one that only has some, as pods of Jobs do, may go.
    """
    held, free = owned("web-1", False), owned("web-1", False)
    held["metadata"] |= {"finalizers": ["example.com/backup"], "deletionTimestamp": stamp(T0 + LATER)}
    free["metadata"] |= {"finalizers": ["batch.kubernetes.io/job-tracking"]}
    there = world(DELETE, held).run(seconds=30)
    assert [] == there.effects
    assert "example.com/backup" in there.record("act").message
    assert 1 == len(world(DELETE, free).run(seconds=30).effects)


@pytest.mark.parametrize(("others", "said"), [((), True), ((owned("web-2", nodeName="node-2"),), False)])
def test_the_only_pod_of_a_workload_is_named_before_a_drain(others: tuple[Json, ...], said: bool) -> None:
    """
    Nobody serves while it moves; that is agreed to, or it is scaled up first.
    """
    record = drain(owned("web-1"), *others).record("act")
    words = [w for w in record.warnings or () if w.startswith("The only pod of its workload")]
    assert said == bool(words)
    assert not said or words[0].endswith("shop/web-1")


def test_a_second_pod_within_ten_minutes_takes_a_second_person() -> None:
    """
    One pod after the other is a restart of the workload that nobody planned.
    """
    second = {"name": "again", "target": {"kind": "Pod", "name": "web-2"}, "deletePod": {}, "when": "Always"}
    there = world(DELETE, owned("web-1", False), owned("web-2", False), owned("web-3")).run(seconds=30)
    there.objects[("pods", "web-4")] = owned("web-4")
    there.say(entry("alice", after=timedelta(seconds=40), mitigate=second)).run(minutes=1)
    assert there.record("again").approvals.needed == 1
    assert len(there.effects) == 1


@pytest.mark.parametrize(
    ("other", "needed"),
    [
        ({"applied": T0 - timedelta(minutes=9)}, 1),
        ({"under_way": True}, 1),
        ({"applied": T0 - timedelta(minutes=11)}, 0),
        ({"applied": T0, "owner": "another-workload"}, 0),
        ({"applied": T0, "action": "quarantine"}, 0),
        ({}, 0),
    ],
    ids=["a while ago", "on its way", "long ago", "of another workload", "something else", "not done"],
)
def test_pods_of_one_workload_count_over_all_incidents(other: Json, needed: int) -> None:
    """
    An incident for each pod is the same restart.
    """
    deed = Deed(
        "shop/other", "p", "Spec", "uid-web-9", T0, other.pop("under_way", False), "", action="deletePod", owner="rs"
    )
    there = world(DELETE, owned("web-1", False), owned("web-2"))
    there.census = Census((replace(deed, **other),))
    there.run(seconds=20)
    assert needed == (0 if there.record("act").approvals is None else there.record("act").approvals.needed)
    assert (not needed) == bool(there.effects)
    assert ("rs", "rs") == (there.record("act").target.owner, OWNER[0]["uid"])


def test_a_pod_of_nobody_is_like_no_other() -> None:
    """
    Two pods without a controller are two workloads.
    """
    asked = DELETE | {"deletePod": {"unmanaged": "Delete"}}
    there = world(asked, owned("web-1", False, []), owned("web-2"))
    there.census = Census((Deed("shop/other", "p", "Spec", "u", T0, True, "", action="deletePod"),))
    there.run(seconds=20)
    assert (True, None) == (bool(there.effects), there.record("act").target.owner)


# --- drain -----------------------------------------------------------------------------------------------------------


def test_a_drain_is_planned_before_it_cordons() -> None:
    """
    Cordoned first, then five at a time; what was not written down stays.
    """
    there = drain(*(owned(f"web-{i}") for i in range(7)))
    assert there.effects == []
    there.look()
    assert len(there.effects) == 1 + 5
    there.objects[("pods", "late")] = owned("late")
    there.run(minutes=2)
    assert isinstance(there.effects[0], Swap)
    assert {c.name for c in there.effects[1:]} == {f"web-{i}" for i in range(7)}
    assert there.record("act").state is WishState.DONE
    assert "7 of 7 pods have left" in there.record("act").message
    assert ("pods", "late") in there.objects
    assert there.broken == []


def test_the_logs_of_pods_that_a_drain_takes_are_captured_before_it() -> None:
    """
    Evidence of a minute ago shows the node and none of its pods, for then nobody was to lose any.
    """
    node_1 = {"kind": "Node", "name": "node-1"}
    pods = (owned("web-1"), owned("web-2"), owned("agent", owner=DAEMON))
    there = world({"name": "act", "target": node_1, "drain": {}}, *pods, namespace="stanch-system")
    spared(there).respec(targets=[node_1]).run(seconds=10)
    agreed = {"mitigation": "act", "action": "drain", "digest": there.record("act").digest}
    there.say(entry("bob", after=timedelta(seconds=11), approve=agreed)).run(seconds=20)
    kept = {s.name: s.body["of"] for p in there.plans for s in p.stores if "of" in s.body}
    (attempt,) = there.record("act").attempts
    assert kept[attempt.evidence] == ["uid-web-1", "uid-web-2"]
    assert [] in kept.values(), "there was evidence of its declaration, too"


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (owned("web-1", owner=[]), "drain: {unmanaged: Delete}"),
        (owned("web-1", volumes=[{"name": "x", "emptyDir": {}}]), "drain: {emptyDir: Delete}"),
    ],
)
def test_what_may_not_go_is_refused_before_the_cordon(one: Json, words: str) -> None:
    """
    kubectl finds out after it has cordoned, and leaves the node so.
    """
    there = drain(one, owned("web-2")).run(minutes=1)
    assert there.effects == []
    assert words in there.record("act").message
    assert "unschedulable" not in there.objects[("nodes", "node-1")]["spec"]


def test_daemon_sets_and_static_pods_stay() -> None:
    """
    They would come back, or can't go.
    """
    there = drain(owned("web-1"), owned("agent", owner=DAEMON)).run(minutes=2)
    assert [c.name for c in there.effects[1:]] == ["web-1"]
    assert there.record("act").state is WishState.DONE


def test_a_drain_that_a_budget_blocks_ends_as_partial() -> None:
    """
    Never for ever: at its deadline it says what is left, and the cordon can be undone.
    """
    there = drain(owned("web-1"), owned("db-1"), timeout="2m")
    there.guarded = {"db-1"}
    there.run(minutes=4)
    record = there.record("act")
    assert [c.name for c in there.effects[1:]] == ["web-1"]
    assert record.state is WishState.FAILED
    assert "Partial after 2m" in record.message
    assert "db-1" in record.message
    assert [d.name for d in there.incident.status.debt or ()] == ["act"]
    there.say(entry("alice", after=LATER, undo={"mitigation": "act"})).run(minutes=1)
    assert "unschedulable" not in there.objects[("nodes", "node-1")]["spec"]
    assert ("pods", "db-1") in there.objects


def test_a_pause_stops_a_drain_at_the_next_pod() -> None:
    """
    Whoever says stop is heard between two evictions.
    """
    there = drain(*(owned(f"web-{i}") for i in range(12)))
    there.look()
    assert len(there.effects) == 1 + 5
    there.respec(paused=True).run(minutes=2)
    assert len(there.effects) == 1 + 5
    assert [a.state for a in there.record("act").attempts] == [AttemptState.APPLIED]
    there.respec(paused=False).run(minutes=2)
    assert len(there.effects) == 1 + 12


def test_a_crash_in_the_middle_evicts_nobody_twice() -> None:
    """
    After each step of the way it may die, and starts from what is written.
    """
    for steps in range(9):
        there = drain(*(owned(f"web-{i}") for i in range(3)))
        there.look(die_after=steps)
        there.run(minutes=3)
        names = [c.name for c in there.effects if isinstance(c, Remove)]
        assert sorted(names) == ["web-0", "web-1", "web-2"], steps
        assert sum(isinstance(c, Swap) for c in there.effects) == 1
        assert there.broken == []


# --- found by a hostile review ---------------------------------------------------------------------------------------


def test_an_approval_is_void_when_another_workload_would_go() -> None:
    """
    More pods of what bob saw is a busy node; somebody else's pods are another plan.
    """
    there = drain(owned("web-1"))
    other = [{"kind": "StatefulSet", "name": "db", "uid": "sts", "controller": True}]
    there.objects[("pods", "db-0")] = owned("db-0", owner=other)
    there.run(minutes=1)
    assert there.effects == []
    assert there.record("act").state is WishState.HELD


def test_a_refused_cordon_evicts_nobody() -> None:
    """
    On a node that is cordoned already, the fields look as wanted; only our label says that we may go on.
    """
    there = drain(owned("web-1"))
    there.objects[("nodes", "node-1")]["spec"]["unschedulable"] = True
    there.run(seconds=1)
    digest = there.record("act").digest
    agreed = {"mitigation": "act", "action": "drain", "digest": digest}
    there.refuses = 403
    there.say(entry("carol", after=timedelta(seconds=20), approve=agreed)).run(minutes=1)
    assert [c for c in there.effects if isinstance(c, Remove)] == []


def test_an_undo_stops_a_drain_at_the_next_pod() -> None:
    """
    Whoever wants it back does not want twenty pods gone first.
    """
    there = drain(*(owned(f"web-{i}") for i in range(12)))
    there.look()
    there.say(entry("alice", after=timedelta(seconds=15), undo={"mitigation": "act"})).run(minutes=2)
    assert sum(isinstance(c, Remove) for c in there.effects) == 5
    assert "unschedulable" not in there.objects[("nodes", "node-1")]["spec"]


def test_a_lost_right_stops_a_drain_at_the_next_pod() -> None:
    """
    Asked again before each batch: who may no longer evict, evicts no longer.
    """
    there = drain(*(owned(f"web-{i}") for i in range(12)))
    there.look()
    there.may = lambda q: q.resource != "pods"
    there.run(minutes=2)
    assert sum(isinstance(c, Remove) for c in there.effects) == 5
    assert "may not create pods/eviction" in there.record("act").message


def test_five_that_may_not_go_hold_up_nobody_else() -> None:
    """
    The others are asked, too, and go.
    """
    there = drain(*(owned(f"a-{i}") for i in range(5)), *(owned(f"z-{i}") for i in range(3)), timeout="2m")
    there.guarded = {f"a-{i}" for i in range(5)}
    there.run(minutes=4)
    assert {c.name for c in there.effects if isinstance(c, Remove)} == {"z-0", "z-1", "z-2"}


def test_an_unreadable_record_is_no_success() -> None:
    """
    While the undo record can't be read, nobody knows which pod was meant.
    """
    there = world(DELETE, owned("web-1", False), owned("web-2")).run(seconds=1)
    answer = there.answer
    there.answer = lambda q: Failed(503, "not now") if isinstance(q, UndoSecret) else answer(q)
    there.run(minutes=1)
    assert there.record("act").state is WishState.RUNNING


def test_a_control_plane_node_is_not_drained() -> None:
    """
    What runs the cluster is moved by hand.
    """
    there = drain(owned("web-1"))
    there.objects[("nodes", "node-1")]["metadata"]["labels"] = {"node-role.kubernetes.io/control-plane": ""}
    assert "control-plane" in there.run(minutes=1).record("act").message
    assert there.effects == []


def test_two_budgets_on_one_pod_are_never_asked_again() -> None:
    """
    The eviction API can't decide between them, however often it is asked.
    """
    there = world(DELETE, owned("web-1"))
    answer = there.answer
    twice = Failed(
        500, "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    )
    there.answer = lambda q: twice if isinstance(q, MayGo) else answer(q)
    record = there.run(minutes=1).record("act")
    assert record.state is WishState.REFUSED
    assert "Delete or narrow one of them" in record.message


def test_a_drain_that_was_never_begun_is_not_begun_hours_later():
    """The node was cordoned already, so there is nothing to tell what was done by; another incident's mark is no proof."""
    there = world(
        {"name": "act", "target": {"kind": "Node", "name": "node-1"}, "drain": {}},
        *(owned(f"w-{n}") for n in (1, 2)),
        namespace="stanch-system",
    )
    spared(there).objects[("nodes", "node-1")]["spec"]["unschedulable"] = True
    there.run(seconds=10)
    agreed = {"mitigation": "act", "action": "drain", "digest": there.record("act").digest}
    there.say(entry("bob", after=timedelta(seconds=11), approve=agreed))
    there = there.about_to_act()
    there.stopped, there.now = None, there.now + timedelta(hours=3)
    there.objects[("nodes", "node-1")]["metadata"]["labels"] = {Label.ACTION: "f" * 16}
    there.run(seconds=30)
    assert ([], None, "Failed") == (
        there.effects,
        there.incident.status.debt,
        there.record("act").attempts[0].state.value,
    )


def test_a_deletion_that_was_refused_once_is_asked_again_once() -> None:
    """Its answer is that of one attempt, not of the next one on the same pod."""
    there = world(DELETE, owned("web-1", ready=False), owned("web-2"))
    sent: list[Command] = []
    perform = there.perform

    def refuse_first(command: Command) -> Outcome:
        sent.append(command)
        return Outcome(OutcomeKind.REFUSED, 422, "planted") if len(sent) == 1 else perform(command)

    there.perform = refuse_first  # type: ignore[method-assign]
    there.run(seconds=30)
    assert (2, 1) == (len(sent), len(there.effects))
    assert ["Skipped"] == [a.state.value for a in there.record("act").attempts[:-1]]


def test_the_plan_of_a_drain_names_workloads_that_lose_several_at_once() -> None:
    """
    Who has no budget hears of it before agreeing; a single pod is what a drain is for.
    """
    other = [{"kind": "ReplicaSet", "name": "api-h1", "uid": "rs-2", "controller": True}]
    there = drain(owned("web-1"), owned("web-2"), owned("api-1", owner=other), owned("agent-1", owner=DAEMON))
    (told,) = [w for w in there.record("act").warnings if w.startswith("Pods of one workload go together")]
    assert told.endswith("shop/Deployment web (2)")
