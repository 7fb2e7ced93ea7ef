"""When it is over: what each kind of criterion sees, what fools none of them, and how long it must hold."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from build import BAD, T0, incident, node, pod, roll_back, scale_to, stamp
from stanch.api.incident import Criterion
from stanch.core.observations import Failed, Found
from stanch.core.promql import read
from world import CATALOG, World, bad_deploy, healthy

ROOT = Path(__file__).resolve().parents[2]
READY = {"name": "it", "condition": {"type": "Ready"}, "gates": "Mitigated"}


def judged(obj: dict[str, Any] | None, criterion: dict[str, Any], plural: str, kind: str, **more: Any) -> Any:
    """What a criterion says of one object."""
    target = {"kind": kind, "name": "it"}
    world = World(incident(targets=[target], recovery={"hold": "1m", "criteria": [criterion]}))
    if obj is not None:
        obj["metadata"] = {"name": "it", "namespace": "shop", "uid": "u", **obj.get("metadata", {})}
        world.objects[(plural, "it")] = obj
    for key, other in more.items():
        world.objects[(key, "other")] = other
    world.look()
    return world.incident.status.recovery.criteria[0]


def ready(status: str = "True", **more: Any) -> dict[str, Any]:
    """An object with a condition Ready."""
    said = {"type": "Ready", "status": status, "lastTransitionTime": stamp(T0), **more}
    return {"status": {"conditions": [said]}, "spec": {}}


CONDITIONS = {
    "so it is": (ready(), "Passing", "Ready of Kustomization shop/it is True"),
    "not so": (
        ready("False", reason="BuildFailed"),
        "Failing",
        "Ready of Kustomization shop/it is False (BuildFailed)",
    ),
    "nobody knows": (ready("Unknown"), "Inconclusive", "is Unknown, which says nothing"),
    "no such condition": ({"status": {}, "spec": {}}, "Inconclusive", "has no condition Ready"),
    "of an older spec": (
        {**ready(observedGeneration=1), "metadata": {"generation": 2}},
        "Inconclusive",
        "its newest spec is not yet observed",
    ),
    "suspended": ({**ready(), "spec": {"suspend": True}}, "Failing", "is suspended, which is no recovery"),
    "being deleted": ({**ready(), "metadata": {"deletionTimestamp": stamp(T0)}}, "Failing", "is being deleted"),
    "gone": (None, "Failing", "does not exist"),
}


@pytest.mark.parametrize("case", CONDITIONS)
def test_a_condition(case):
    """About the newest generation, and not of what is switched off or on its way out."""
    obj, state, words = CONDITIONS[case]
    c = judged(obj, READY, "kustomizations", "Kustomization")
    assert state == c.state.value
    assert words in c.message


def test_a_condition_that_must_be_false():
    """`MemoryPressure: False`, say."""
    pressed = {"name": "it", "condition": {"type": "Ready", "status": "False"}}
    assert "Passing" == judged(ready("False"), pressed, "kustomizations", "Kustomization").state.value
    assert "Failing" == judged(ready("True"), pressed, "kustomizations", "Kustomization").state.value


def test_what_is_switched_off_or_leaving_never_serves():
    """Scaled to zero, being deleted, gone: hard facts, at the first look."""
    for change in ({"replicas": 0}, {"deletionTimestamp": stamp(T0)}, None):
        world = healthy(incident(recovery={"hold": "10m"})).run(seconds=40)
        assert "True" == world.condition("Mitigated").split()[0]
        if change is None:
            del world.objects[("deployments", "checkout")]
        else:
            part = "spec" if "replicas" in change else "metadata"
            world.target[part] |= change
        world.run(seconds=20)
        assert "False HarmContinues" == world.condition("Mitigated").replace("NotTried", "HarmContinues"), change
        assert "Relapsed" in world.kinds()


def test_a_target_that_is_gone_is_told_once():
    """However many criteria look at it: people read the condition on a narrow screen."""
    world = healthy(incident(recovery={"hold": "10m"}))
    del world.objects[("deployments", "checkout")]
    world.run(seconds=40)
    (said,) = [c for c in world.incident.status.conditions if c.type == "Mitigated"]
    assert "Deployment shop/checkout does not exist" == said.message
    assert 2 == len(world.incident.status.recovery.criteria)


def http(answer: Any) -> Any:
    """A criterion that probes an endpoint, and an incident with it, after half a minute."""
    probe = {"name": "probe", "http": {"endpoint": "shop"}, "gates": "Mitigated"}
    world = healthy(incident(recovery={"hold": "1m", "criteria": [probe]}))
    policy = replace(CATALOG.policy, endpoints={"shop": "https://shop.example.com/healthz"})
    world.catalog, world.outside = replace(CATALOG, policy=policy), lambda _: answer
    world.run(seconds=40)
    return world, world.incident.status.recovery.criteria[0]


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (Found({"status": 200}), "Passing", "shop answers 200"),
        (Found({"status": 301}), "Failing", "shop answers 301, not 200"),
        (Failed(0, "ConnectionRefused"), "Failing", "shop does not answer: ConnectionRefused"),
        (Failed(0, "no such name", "NotAsked"), "Inconclusive", "shop can't be asked: no such name"),
    ],
)
def test_an_endpoint(answer, state, words):
    """That nobody answers is what users see; that it can't be asked is not."""
    _world, c = http(answer)
    assert (state, words) == (c.state.value, c.message)


def test_an_endpoint_is_the_platforms():
    """A name that the cluster's policy does not have is asked nowhere."""
    world, _ = http(Found({"status": 200}))
    world.catalog = CATALOG
    world.run(seconds=20)
    assert "there is no endpoint shop in the ResponsePolicy" in world.incident.status.recovery.criteria[0].message


def test_a_criterion_without_any_target_says_so():
    """It does not vanish, and nothing is resolved for want of it."""
    world = World(incident(targets=None, recovery={"criteria": [{"name": "pods", "available": {}}]})).run(minutes=1)
    (c,) = world.incident.status.recovery.criteria
    assert ("Inconclusive", "it names no target, and spec.targets is empty") == (c.state.value, c.message)


def test_queries_alone_leave_it_to_the_pods_when_harm_is_over():
    """Nothing that is written gates Mitigated, so it is when the targets serve."""
    queue = {"name": "queue", "promQL": {"query": "q < 1"}}
    world = bad_deploy(incident(recovery={"criteria": [queue]})).run(seconds=20)
    assert {"queue": "Resolved", "pods": "Mitigated"} == {
        c.name: c.gates for c in world.incident.status.recovery.criteria
    }
    assert "False NotTried" == world.condition("Mitigated")


def test_after_an_effect_the_bar_is_only_raised():
    """What was written before it stays, and what is added counts; nothing of it can be softened (2.1)."""
    pods = {"name": "pods", "available": {}, "gates": "Mitigated"}
    world = bad_deploy(incident(roll_back(), recovery={"hold": "30m", "criteria": [pods]})).run(seconds=30)
    soft = {"name": "pods", "available": {"minPercent": 1}, "gates": "Mitigated"}
    world.respec(recovery={"hold": "1s", "criteria": [soft, {"name": "word", "manual": {}}]}).run(seconds=30)
    recovery = world.incident.status.recovery
    assert (timedelta(minutes=30), [("pods", 100), ("word", None)]) == (
        recovery.hold,
        [(c.name, c.min_percent) for c in recovery.criteria],
    )


# --- how long --------------------------------------------------------------------------------------------------------


def recovery_of(world: World) -> Any:
    """How recovery stands."""
    return world.incident.status.recovery


def usual(*wishes: Any, severity: str = "SEV4", make=bad_deploy, **spec: Any) -> World:
    """With the policy's hold: five minutes for a SEV4."""
    return make(incident(*wishes, severity=severity, recovery=None, **spec))


def heal(world: World) -> None:
    """The dependency is back: the very template that crashed serves."""
    for name in [n for p, n in world.objects if p == "pods"]:
        del world.objects[("pods", name)]
    for n in (1, 2, 3):
        world.objects[("pods", f"checkout-h2-{n}")] = pod("h2", n, since=world.now)
    world.target["status"] |= {"updatedReplicas": 3, "availableReplicas": 3}
    world.target["status"].pop("unavailableReplicas", None)


def test_a_crash_loop_of_what_runs_now_is_waited_out():
    """Six minutes: between two starts it looks calm for five."""
    world = usual().run(seconds=20)
    heal(world)
    world.run(minutes=5, seconds=30)
    assert "False Holding" == world.condition("Resolved")
    assert "a crash loop of what runs now hides for minutes (6m)" == recovery_of(world).because
    world.run(minutes=1)
    assert "True Held" == world.condition("Resolved")


def test_a_crash_loop_that_was_rolled_back_is_not():
    """The template that runs now never crashed (decisions 0.2)."""
    world = usual(roll_back()).run(minutes=5, seconds=40)
    assert ("True Held", None) == (world.condition("Resolved"), recovery_of(world).because)


def test_a_loop_that_only_looks_calm_counts_as_one():
    """Running at each look, but it ended three times, and lately."""
    world = usual().run(seconds=3)
    heal(world)
    status = world.objects[("pods", "checkout-h2-1")]["status"]["containerStatuses"][0]
    ended = {"exitCode": 137, "reason": "OOMKilled", "finishedAt": stamp(world.now)}
    status |= {"restartCount": 4, "lastState": {"terminated": ended}}
    world.run(seconds=30)
    assert "a crash loop of what runs now" in recovery_of(world).because


@pytest.mark.parametrize(("ran", "minutes"), [(2400, 40), (20_000, 120), (1, 5)])
def test_as_long_as_the_bad_version_ran_before_it_failed(ran, minutes):
    """A leak that took forty minutes takes forty minutes to show again; two hours at most."""
    world = usual(roll_back())
    status = world.objects[("pods", "checkout-h2-1")]["status"]["containerStatuses"][0]
    status["lastState"]["terminated"] |= {"startedAt": stamp(T0 - timedelta(seconds=ran)), "finishedAt": stamp(T0)}
    world.run(minutes=1)
    assert timedelta(minutes=minutes) == recovery_of(world).needed


def steered(world: World, labels: dict[str, str], plural: str, obj: dict[str, Any]) -> World:
    """Git has it."""
    world.target["metadata"]["labels"] |= labels
    world.objects[(plural, "apps")] = {"metadata": {"name": "apps", "namespace": "flux-system"}, **obj}
    return world


FLUX = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
LISTS = {"status": {"inventory": {"entries": [{"id": "shop_checkout_apps_Deployment", "v": "v1"}]}}}


@pytest.mark.parametrize(
    ("spec", "seconds"),
    [({"interval": "10m"}, 690), ({"interval": "1h"}, 3990), ({"interval": "10m", "suspend": True}, 300), ({}, 360)],
)
def test_until_after_the_next_run_of_flux(spec, seconds):
    """What it would put back it puts back then; what is suspended puts nothing back."""
    world = steered(usual(scale_to(4, gitOps="Ignore"), make=healthy), FLUX, "kustomizations", {"spec": spec, **LISTS})
    world.run(seconds=30)
    assert timedelta(seconds=seconds) == recovery_of(world).needed
    assert [] == world.broken


def test_of_a_reconciler_elsewhere_nothing_is_told_that_does_not_have_it():
    """A label may name what its writer can't read: the usual time counts, whatever that one is."""
    world = steered(
        usual(scale_to(4, gitOps="Ignore"), make=healthy), FLUX, "kustomizations", {"spec": {"interval": "9h"}}
    )
    world.run(seconds=30)
    assert timedelta(minutes=6) == recovery_of(world).needed


def test_a_hold_that_is_asked_for_is_taken_and_said_to_be_short():
    """Somebody's word; the record, and the postmortem, say what it should have been."""
    world = bad_deploy(incident(severity="SEV4", recovery={"hold": "30s"})).run(seconds=20)
    heal(world)
    world.run(minutes=1)
    resolved = next(line.text for line in world.incident.status.timeline if line.kind == "Resolved")
    assert resolved.endswith(
        "; asked for, though a crash loop of what runs now hides for minutes (6m); the policy says 5m"
    )
    draft = world.objects.get(("postmortems", "checkout-5xx"))
    assert draft is None or "asked for, though" in draft["spec"]["recovery"]


# --- good and bad by turns -------------------------------------------------------------------------------------------


def turn(world: World, good: bool) -> None:
    """The pods come and go."""
    wanted = world.target["spec"]["replicas"]
    world.target["status"] |= {"availableReplicas": wanted if good else 0}
    if good:
        world.target["status"].pop("unavailableReplicas", None)
    else:
        world.target["status"]["unavailableReplicas"] = wanted
    world.run(seconds=50)


def flapping(*wishes: Any, **spec: Any) -> World:
    """Three changes of sides in a few minutes."""
    world = healthy(incident(*wishes, recovery={"hold": "5m"}, **spec)).run(seconds=20)
    for good in (False, True, False, True):
        turn(world, good)
    return world


def test_flapping_is_said_once_and_holds_twice_as_long():
    """The last look was good, as were others before it."""
    world = flapping()
    assert 1 == world.kinds().count("Flapping")
    assert (timedelta(minutes=10), "False Holding") == (recovery_of(world).needed, world.condition("Resolved"))
    world.run(minutes=8)
    assert "False Holding" == world.condition("Resolved")
    world.run(minutes=3)
    assert "True Held" == world.condition("Resolved")


def test_while_it_flaps_nothing_goes_on_by_itself():
    """The next rung waits until it is calm, or for somebody who asks anew."""
    world = flapping(scale_to(4, name="first", timeBox="3m30s"), scale_to(5, name="next"))
    turn(world, False)
    record = world.record("next")
    assert ("Held", "Flapping") == (record.state.value, record.reason)
    assert 4 == world.target["spec"]["replicas"]
    world.run(minutes=16)
    assert 5 == world.target["spec"]["replicas"]


def test_a_recovery_is_no_flapping():
    """Bad, and then good: once."""
    world = usual(roll_back(), make=bad_deploy).run(minutes=6)
    assert "Flapping" not in world.kinds()
    assert BAD != world.image


def test_a_node_that_restarts_nothing_says_so():
    """Of a Node nobody can tell whether its containers restarted."""
    world = World(
        incident(targets=[{"kind": "Node", "name": "node-1"}], recovery={"criteria": [{"name": "r", "noRestarts": {}}]})
    )
    world.objects[("nodes", "node-1")] = node()
    world.look()
    states = {c.name: c.state.value for c in world.incident.status.recovery.criteria}
    assert "Inconclusive" == states["r"]


# --- after it was over -----------------------------------------------------------------------------------------------


def over(**spec: Any) -> World:
    """Resolved, some minutes ago."""
    world = healthy(incident(recovery={"hold": "30s"}, **spec)).run(minutes=5)
    assert "True Held" == world.condition("Resolved")
    return world


def test_harm_that_is_back_reopens_it():
    """Within four hours, once it lasts for two minutes; then it holds anew from there."""
    world = over()
    world.run(hours=2)
    turn(world, False)
    world.run(minutes=12)
    assert ("False HarmContinues", "Reopened") == (
        world.condition("Mitigated").replace("NotTried", "HarmContinues"),
        next(x.kind for x in reversed(world.incident.status.timeline) if x.milestone and x.kind != "UpdateMissed"),
    )
    reopened = next(line.text for line in world.incident.status.timeline if line.kind == "Reopened")
    assert reopened.startswith("Harm is back 2h")
    turn(world, True)
    world.run(minutes=3)
    assert ("True Held", []) == (world.condition("Resolved"), world.broken)


def test_pods_that_come_and_go_reopen_nothing():
    """An autoscaler asks for more, a node is drained: for a minute fewer are available than are wanted."""
    world = over()
    world.target["status"]["availableReplicas"] = 0
    world.now += timedelta(minutes=1)
    world.look()
    assert 1 == sum(c.bad_samples for c in recovery_of(world).criteria)
    world.run(seconds=90)
    world.target["status"]["availableReplicas"] = 3
    world.run(hours=1)
    assert "Reopened" not in world.kinds()


@pytest.mark.parametrize("what", ["scaled to zero", "deleted", "on its way out", "released anew"])
def test_what_people_did_since_is_no_relapse(what):
    """It is as they want it."""
    world = over()
    if what == "deleted":
        del world.objects[("deployments", "checkout")]
    elif what == "scaled to zero":
        world.target["spec"]["replicas"] = 0
    elif what == "released anew":
        world.target["metadata"]["managedFields"] = [{"manager": "pipeline", "time": stamp(world.now)}]
        turn(world, False)
    else:
        world.target["metadata"]["deletionTimestamp"] = stamp(world.now)
    world.run(hours=3)
    assert "Reopened" not in world.kinds()


def test_after_four_hours_it_stays_closed():
    """What breaks then is another incident."""
    world = over()
    world.run(hours=4, minutes=1)
    turn(world, False)
    world.run(hours=1)
    assert "Reopened" not in world.kinds()


def test_the_example_is_what_its_words_say():
    """Each kind once, as people write it, and each question kept in the record in one line."""
    body = yaml.safe_load((ROOT / "examples" / "recovery.yaml").read_text(encoding="utf-8"))
    world = healthy(incident(**body["spec"])).run(seconds=3)
    criteria = recovery_of(world).criteria
    assert {Criterion.model_fields[c].alias or c for c in Criterion.CHECKS} == {c.check for c in criteria}
    asks = {c.name: c.asks for c in criteria if c.asks}
    assert ("checkout-probe 200", "Ready=True", "payments_queue_depth < 100") == (
        asks["probe"],
        asks["synced"],
        asks["payments"],
    )
    assert "" == read(asks["errors"]).problem
    assert [] == world.broken
