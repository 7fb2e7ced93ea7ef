"""Reasons not to act: each names what is so, and acting waits or ends."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from build import GOOD, deployment, entry, incident, node, replicaset, roll_back, scale_to
from stanch.api.incident import Incident
from stanch.core.observations import Busy, Policies
from world import World, bad_deploy, healthy


def _with(**spec) -> Callable[[Incident], World]:
    return lambda inc: bad_deploy(inc, **spec)


def _unproven(inc: Incident) -> World:
    world = bad_deploy(inc)
    world.policies = Policies(proven=False, problem="ValidatingAdmissionPolicy x is missing")
    return world


def _without_right(inc: Incident) -> World:
    world = bad_deploy(inc)
    world.may = lambda _: False
    return world


def _without_history(inc: Incident) -> World:
    world = bad_deploy(inc)
    del world.objects[("replicasets", "checkout-h1")]
    return world


def _unobserved(inc: Incident) -> World:
    world = bad_deploy(inc)
    world.target["metadata"]["generation"] = 9
    return world


def _no_target(inc: Incident) -> World:
    return World(inc)


def _deleting(inc: Incident) -> World:
    world = bad_deploy(inc)
    world.target["metadata"]["deletionTimestamp"] = "2026-11-21T14:00:00Z"
    return world


def _owned(inc: Incident) -> World:
    world = bad_deploy(inc)
    world.target["metadata"]["ownerReferences"] = [{"kind": "Shop", "name": "main", "controller": True}]
    return world


def _forbidden_past(inc: Incident) -> World:
    world = bad_deploy(inc)
    bad = replicaset("shop/checkout:1.8.3", 2, **{"stanch.dev/no-rollback-past": "migration 7"})
    world.objects[("replicasets", "checkout-h2")] = bad
    world.target["spec"]["template"]["metadata"]["annotations"] = {"stanch.dev/no-rollback-past": "migration 7"}
    return world


def _autoscaled(inc: Incident) -> World:
    world = bad_deploy(inc)
    hpa = {"metadata": {"name": "auto"}, "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "checkout"}}}
    world.objects[("horizontalpodautoscalers", "auto")] = hpa
    return world


def _seen_before(inc: Incident) -> World:
    world = bad_deploy(inc)
    world.stored["checkout-5xx-roll-back-1-a-abc123"] = "another-uid"
    return world


def _on_nodes(inc: Incident) -> World:
    world = World(inc)
    world.objects[("nodes", "node-1")] = node("node-1")
    return world


NODES = {"targets": [{"kind": "Node", "name": "node-1"}]}
CASES = {
    "PoliciesMissing": (roll_back(), {}, _unproven),
    "AuthorityUnproven": (roll_back(), {"by": None}, _with()),
    "NoAuthority": (roll_back(), {}, _without_right),
    "Paused": (roll_back(), {"paused": True}, _with()),
    "TargetNotFound": (roll_back(), {}, _no_target),
    "TargetDeleting": (roll_back(), {}, _deleting),
    "OwnedByAnother": (roll_back(), {}, _owned),
    "NotObservedYet": (roll_back(), {}, _unobserved),
    "Preflight/paused": (roll_back(), {}, _with(paused=True)),
    "Preflight/history": (roll_back(), {}, _without_history),
    "Preflight/revision": ({"name": "x", "rolloutUndo": {"toRevision": 9}}, {}, _with()),
    "Preflight/no-past": (roll_back(), {}, _forbidden_past),
    "Preflight/crashing": (scale_to(5), {}, _with()),
    "OwnedByAnother/hpa": (scale_to(2), {}, _autoscaled),
    "ApprovalMissing/to-zero": (scale_to(0), {}, _with()),
    "SeenBefore": (roll_back(), {}, _seen_before),
    "Protected/node": ({"name": "x", "cordon": {}}, NODES, _on_nodes),
    "Preflight/kind": ({"name": "x", "cordon": {}}, {}, _with()),
}


@pytest.mark.parametrize("name", CASES)
def test_it_is_refused_with_its_reason(name):
    """Nothing is written to the target, and the record says why in one word."""
    wish, spec, make = CASES[name]
    spec = dict(spec)
    world = make(incident(wish, by=spec.pop("by", "alice"), **spec)).run(seconds=20)
    record = world.incident.status.mitigations[0]
    assert name.split("/")[0] == record.reason, record.message
    assert ([], []) == (world.effects, world.broken)
    assert record.message


def test_a_held_wish_goes_on_when_what_holds_it_is_gone():
    """Resuming the Deployment frees the rollback without anybody asking again."""
    world = bad_deploy(incident(roll_back()), paused=True).run(seconds=20)
    del world.target["spec"]["paused"]
    assert GOOD == world.run(seconds=15).image


def test_a_deployment_that_runs_the_template_already_is_left_alone():
    """Nothing to do is not an effect."""
    world = bad_deploy(incident({"name": "x", "rolloutUndo": {"toRevision": 2}})).run(seconds=5)
    assert ("Skipped", []) == (world.record("x").state.value, world.effects)


@pytest.mark.parametrize(
    ("fields", "waits"),
    [
        (None, True),
        (("/spec/template",), True),
        (("/spec/template/spec",), True),
        (("/spec",), True),
        (("/spec/replicas",), False),
        (("/spec/templates",), False),
        (("/spec/paused",), True),
    ],
)
def test_a_target_that_another_incident_acts_on_is_busy(fields, waits):
    """The second incident waits and names the first: while its write is on its way, and then for the fields it wrote."""
    world = bad_deploy(incident(roll_back()))
    world.busy = {world.target["metadata"]["uid"]: Busy("shop/other", fields)}
    world.look()
    assert waits is not bool(world.effects)
    if waits:
        assert "TargetBusy" == world.record("roll-back").reason
        assert "shop/other" in world.record("roll-back").message


@pytest.mark.parametrize("fields", [None, ("/spec/template",)], ids=["on its way", "still looked at"])
def test_nobody_is_asked_to_agree_to_a_plan_of_a_target_that_is_being_written(fields):
    """What is read then is half of what it will be; an approval of it would be void."""
    world = bad_deploy(incident(roll_back(approvals=1)))
    world.busy = {world.target["metadata"]["uid"]: Busy("shop/other", fields)}
    assert "TargetBusy" == world.run(seconds=5).record("roll-back").reason
    assert (fields is None) == (world.record("roll-back").digest is None)
    world.busy = {}
    assert "ApprovalMissing" == world.run(minutes=1).record("roll-back").reason


def test_an_undo_waits_for_another_incident_that_acts_on_the_target():
    """Its label would be gone when it reads back, and its change nobody's."""
    world = bad_deploy(incident(roll_back(), recovery={"hold": "10m"})).run(seconds=10)
    world.busy = {world.target["metadata"]["uid"]: Busy("shop/other")}
    world.say(entry("alice", after=timedelta(seconds=12), undo={"mitigation": "roll-back"})).run(minutes=1)
    assert (1, "TargetBusy") == (len(world.effects), world.record("roll-back").reason)
    world.busy = {}
    world.run(minutes=1)
    assert ("Undone", 2) == (world.record("roll-back").state.value, len(world.effects))


def test_a_wish_that_could_not_start_for_an_hour_expires():
    """It is not run on a world nobody looked at (F1)."""
    world = bad_deploy(incident(roll_back()), paused=True).run(minutes=61)
    del world.target["spec"]["paused"]
    world.run(minutes=5)
    assert ("Expired", []) == (world.record("roll-back").state.value, world.effects)


@pytest.mark.parametrize(("others", "expected"), [((), "Preflight"), (("node-2",), None)])
def test_the_last_node_that_takes_pods_is_not_cordoned(others, expected):
    """Somebody must be left to run pods."""
    inc = incident({"name": "x", "cordon": {}}, targets=[{"kind": "Node", "name": "node-1"}])
    inc = inc.model_copy(update={"metadata": inc.metadata.model_copy(update={"namespace": "stanch-system"})})
    world = World(inc)
    for name in ("node-1", *others):
        world.objects[("nodes", name)] = node(name)
    world.run(seconds=5)
    assert expected == world.record("x").reason
    assert bool(others) == bool(world.effects)


def test_the_next_rung_waits_until_the_one_before_had_its_time():
    """The ladder: the second wish starts only while it still hurts, and is skipped when it is over."""
    world = healthy(incident(scale_to(4, name="first"), scale_to(6, name="second"))).run(seconds=20)
    assert (4, "OnlyIfHarmGoesOn") == (world.target["spec"]["replicas"], world.record("second").reason)
    world.run(minutes=1)
    assert (4, "Skipped") == (world.target["spec"]["replicas"], world.record("second").state.value)


def test_a_deployment_helper_is_what_it_says():
    """The builder's Deployment is seen by its controller."""
    body = deployment()
    assert body["status"]["observedGeneration"] == body["metadata"]["generation"]


def test_an_uncordon_needs_a_second_person_for_it_may_be_anothers_cordon():
    """Whoever cordoned it had a reason that we do not know."""
    inc = incident({"name": "x", "uncordon": {}}, targets=[{"kind": "Node", "name": "node-1"}])
    inc = inc.model_copy(update={"metadata": inc.metadata.model_copy(update={"namespace": "stanch-system"})})
    world = World(inc)
    world.objects[("nodes", "node-1")] = node("node-1", unschedulable=True)
    world.run(seconds=5)
    assert ("ApprovalMissing", []) == (world.record("x").reason, world.effects)


def _edited(time: str, **metadata: object) -> Incident:
    """The spec was written again, at the time that its writer says."""
    body = incident(roll_back()).wire()
    body["metadata"] |= {"generation": 2, "managedFields": [{"manager": "kubectl", "time": time}], **metadata}
    return Incident.model_validate(body)


@pytest.mark.parametrize(
    "time", ["2031-01-01T00:00:00Z", "2026-11-21T14:05:00Z", None], ids=["years", "minutes", "none"]
)
def test_nobody_chooses_when_a_wish_was_asked(time):
    """managedFields are their writer's to send: a time to come neither keeps a wish alive, nor makes it young."""
    world = bad_deploy(_edited(time) if time else incident(roll_back()), paused=True)
    world.repeat = False
    world.run(minutes=70)
    assert world.record("roll-back").asked_time == world.incident.declared
    assert ("Expired", []) == (world.record("roll-back").state.value, world.effects)


def test_a_clock_that_is_a_second_ahead_makes_no_wish_old():
    """Several API servers: a wish from this very second is from now, and not from when the incident was declared."""
    world = bad_deploy(_edited("2026-11-21T16:00:02Z"))
    world.now += timedelta(hours=2)
    written = world.now
    world.run(seconds=5)
    assert (written, GOOD) == (world.record("roll-back").asked_time, world.image)
