"""Acceptance stories that need an operator of their own: killed, watched on the wire, or with a part of the cluster stopped."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from e2e.support.api import Api, Json, until
from e2e.support.cluster import stopped
from e2e.support.operators import ForkServer, Operator
from e2e.support.proxy import Fault, FaultProxy, Loop
from e2e.support.stories import HELD, agree, image, kept, pods, said_no, settled, spared, take_back, template, told
from e2e.support.world import (
    BAD,
    GOOD,
    READY,
    ROLL_BACK,
    WORSE,
    World,
    crashing,
    deployment,
    good,
    incident,
    lines,
    new_world,
    stands,
    statefulset,
    stuck,
    wish,
)
from e2e.test_toolkit import NODE, forget

SET = "PATCH deployments"
ON_NODE_2 = {"nodeSelector": {"kubernetes.io/hostname": "node-2"}}


@dataclass(frozen=True)
class Lone:
    """A namespace, the wire, and an operator that sees nothing else."""

    world: World
    proxy: FaultProxy
    operator: Operator


@dataclass(frozen=True)
class Maker:
    """Makes lone operators."""

    admin: Api
    token: Json
    server: ForkServer
    loop: Loop
    folder: Path

    @contextmanager
    def operator(self, world: World, name: str) -> Iterator[Lone]:
        """One for this namespace, whose log is clean in the end."""
        with (
            FaultProxy(self.loop, self.admin.server, self.admin.ca, world.ns) as proxy,
            Operator(proxy.kubeconfig(self.token), self.folder, name, self.server) as running,
        ):
            yield Lone(world, proxy, running)

    @contextmanager
    def story(self, name: str) -> Iterator[Lone]:
        """In a namespace of its own, which goes when it went well."""
        world = new_world(self.admin, name)
        with self.operator(world, name) as lone:
            yield lone
        self.admin.delete("namespaces", None, world.ns, propagationPolicy="Background")


@pytest.fixture(scope="module")
def maker(
    admin: Api, token: Json, fork_server: ForkServer, loop: Loop, tmp_path_factory: pytest.TempPathFactory
) -> Maker:
    """For this file."""
    return Maker(admin, token, fork_server, loop, tmp_path_factory.mktemp("alone"))


def broken(world: World) -> None:
    """A good release that serves, and a bad one that does not."""
    world.deploy(deployment())
    world.serving()
    world.release(stuck())
    world.observed()


def start_again(lone: Lone, fault: Fault) -> None:
    """Once it was killed, another one is started."""
    until(lambda: fault.fired and not lone.operator.alive(), 60, "the operator is killed")
    lone.operator.start()


# --- told side by side -----------------------------------------------------------------------------------------------


def killed_after_the_patch(maker: Maker) -> None:
    """7 and 9: the effect is made, the operator dies before it can write that down; and then looks again and again."""
    with maker.story("killed-after") as lone:
        world = lone.world
        broken(world)
        fault = Fault(f"{SET}#1", "after", "kill", lone.operator.kill)
        lone.proxy.faults = [fault]
        world.declare(incident(ROLL_BACK, recovery=HELD))
        start_again(lone, fault)
        world.state("Done", seconds=90)
        numbers = {r["metadata"]["annotations"]["deployment.kubernetes.io/revision"] for r in replicasets(world)}
        assert numbers == {"2", "3"}, "the good one got a new number"
        world.folded(world.say("note"))
        lone.operator.stop()
        lone.operator.start()
        world.folded(world.say("note"))
        assert [s.status for s in lone.proxy.log if s.label.startswith(f"{SET}#")] == [200]
        assert image(world) == GOOD
        assert len(lines(world.status(), "MitigationApplied")) == 1


def restarted_once(maker: Maker) -> None:
    """17: killed with the intention stored, and then the patch is sent twice."""
    with maker.story("restarted-once") as lone:
        world = lone.world
        world.deploy(deployment())
        world.serving()
        fault = Fault(f"{SET}#1", "before", "kill", lone.operator.kill)
        twice = Fault(f"{SET}#2", "before", "twice")
        lone.proxy.faults = [fault, twice]
        world.declare(incident(wish("restart", "rolloutRestart"), recovery=HELD))
        start_again(lone, fault)
        world.state("Done", "restart", seconds=90)
        assert twice.fired
        assert len(replicasets(world)) == 2
        assert len(lines(world.status(), "MitigationApplied")) == 1


def last_words(maker: Maker) -> None:
    """32: at the moment the DELETE is sent, both logs of the crashing pod are stored."""
    with maker.story("last-words") as lone:
        world, seen = lone.world, list[str]()
        # Never Ready, so that it is deleted and not evicted.
        pod = crashing()
        pod["containers"][0]["readinessProbe"] = READY
        world.deploy(deployment(pod=pod))
        name = world.crashed()["metadata"]["name"]
        uid = world.admin.get("pods", world.ns, name)["metadata"]["uid"]

        def look() -> None:
            found = [kept(world, e["metadata"]["name"]) for e in world.admin.list("evidences", world.ns)]
            seen.extend(
                f"{path} {'FATAL' in text}" for _, files in found for path, text in files.items() if "log" in path
            )

        delete = Fault("DELETE pods#1", "before", "call", look)
        lone.proxy.faults = [delete]
        world.declare(incident(wish("away", "deletePod", target={"kind": "Pod", "name": name}), recovery=HELD))
        until(lambda: delete.fired and uid not in pods(world), 60, "the pod goes")
        until(lambda: lone.proxy.committed("DELETE pods"), 10, "the answer has passed the proxy")
        assert f"pod/{name}/web.previous.log True" in seen, seen
        assert f"pod/{name}/web.log True" in seen, seen
        assert len(lone.proxy.committed("DELETE pods")) == 1


def held_across_a_restart(maker: Maker) -> None:
    """59: in the middle of the hold the operator is stopped and another one started."""
    with maker.story("held-across") as lone:
        world = lone.world
        broken(world)
        world.declare(incident(ROLL_BACK, recovery={"hold": "10s"}))
        world.wait(lambda s: s.get("recovery", {}).get("holdSinceTime"), "it holds", seconds=90)
        time.sleep(4)  # the middle of it
        since = world.status()["recovery"]
        lone.operator.kill()
        lone.operator.start()
        world.condition("Resolved", seconds=60)
        status = world.status()
        assert status["recovery"]["holdSinceTime"] == since["holdSinceTime"]
        assert len(lines(status, "HoldStarted")) == 1
        assert _instant(status["times"]["resolved"]) >= _at(since) + timedelta(seconds=10)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _at(recovery: Json) -> datetime:
    return _instant(recovery["holdSinceTime"])


def namespace_goes(maker: Maker) -> None:
    """The namespace is deleted while evidence is on its way: nothing more is done there, and nothing is asked for ever."""
    with maker.story("going-away") as lone:
        world, admin = lone.world, maker.admin
        broken(world)
        leave = Fault("POST evidences#1", "before", "call", lambda: admin.delete("namespaces", None, world.ns).must())
        lone.proxy.faults = [leave]
        world.declare(incident(ROLL_BACK))
        until(lambda: leave.fired and admin.find("namespaces", None, world.ns) is None, 90, "it is gone")
        assert lone.proxy.committed(SET) == []
        # Whatever was under way ends; what still comes a second later would come for ever.
        until(lambda: calm(lone), 30, "nothing is asked any more", every=1.0)


def calm(lone: Lone) -> bool:
    """Was nothing asked since the last time?"""
    asked = [s.label for s in lone.proxy.log if not s.is_watch and "incidents" not in s.label]
    lone.proxy.log.clear()
    return not asked


def pushed_and_gone(maker: Maker) -> None:
    """The target is deleted after the effect: its undo finds nothing of ours, says so, and makes nothing."""
    with maker.story("gone-after") as lone:
        world = lone.world
        world.deploy(deployment(pod=stuck()))
        world.declare(incident(wish("pause", "rolloutPause"), recovery=HELD))
        world.state("Done", "pause")
        world.admin.delete("deployments", world.ns, "checkout", propagationPolicy="Background").must()
        until(lambda: world.admin.find("deployments", world.ns, "checkout") is None, 30, "it is gone")
        world.deploy(deployment(pod=stuck()))
        world.say("undo", {"mitigation": "pause"})
        world.wait(lambda s: lines(s, "UndoRefused"), "a refusal")
        assert "gone or was replaced" in told(world, "UndoRefused")[0]
        assert "stanch.dev/action" not in world.target()["metadata"]["labels"]


def comes_and_goes(maker: Maker) -> None:
    """A StatefulSet whose bad pods are Ready for some seconds, and then not for some, is rolled back."""
    with maker.story("comes-and-goes") as lone:
        world = lone.world
        world.deploy(statefulset(replicas=2))
        world.serving("store", "statefulsets")
        flaps = good(BAD)
        turns = ["sh", "-c", "test $(($(date +%s) / 4 % 2)) = 0"]
        flaps["containers"][0]["readinessProbe"] = {
            "exec": {"command": turns},
            "periodSeconds": 1,
            "failureThreshold": 1,
        }
        template(world, "statefulsets", "store", flaps)
        bad = lambda: [n for n, p in by_name(world).items() if p["spec"]["containers"][0]["image"] == BAD]  # noqa: E731
        until(lambda: "store-1" in bad(), 60, "the last one runs the bad version")
        target = {"kind": "StatefulSet", "name": "store"}
        world.declare(incident(ROLL_BACK, target=target, recovery=HELD))
        agree(world, "roll-back", "rolloutUndo")
        world.state("Done", seconds=120)
        assert [s.label for s in lone.proxy.log if s.label.startswith("DELETE pods")] == []
        assert image(world, "store", "statefulsets") == GOOD


def by_name(world: World) -> dict[str, Json]:
    """Its pods."""
    return {p["metadata"]["name"]: p for p in pods(world, "store").values()}


def replicasets(world: World) -> list[Json]:
    """Its ReplicaSets."""
    return world.admin.list("replicasets", world.ns)


Story = Callable[[Maker], None]
STORIES: tuple[Story, ...] = (
    killed_after_the_patch,
    restarted_once,
    last_words,
    held_across_a_restart,
    namespace_goes,
    pushed_and_gone,
    comes_and_goes,
)


@pytest.fixture(scope="module")
def stories(maker: Maker) -> Iterator[dict[Story, Future[Any]]]:
    """All of them at once: waiting is most of it."""
    with ThreadPoolExecutor(len(STORIES)) as pool:
        yield {story: pool.submit(story, maker) for story in STORIES}


Told = dict[Story, Future[Any]]


def test_stories_7_and_9_a_patch_that_was_made_is_found_and_never_made_again(stories: Told) -> None:
    """Live equals post: Applied, verified, and no second patch, however often it is looked at."""
    stories[killed_after_the_patch].result(180)


def test_story_17_one_restart_is_one_rollout(stories: Told) -> None:
    """Crash, replay and a duplicate on the wire: one new ReplicaSet."""
    stories[restarted_once].result(180)


def test_story_32_both_logs_of_a_pod_are_stored_before_it_is_deleted(stories: Told) -> None:
    """The run before the last restart, and the last one."""
    stories[last_words].result(180)


def test_story_59_a_hold_goes_on_across_a_restart(stories: Told) -> None:
    """It counts from what the API server said, not from what an operator remembers."""
    stories[held_across_a_restart].result(180)


def test_a_namespace_that_goes_midway_is_left_alone(stories: Told) -> None:
    """No effect, no error, and no request after it is gone."""
    stories[namespace_goes].result(180)


def test_what_was_replaced_after_the_effect_is_not_undone(stories: Told) -> None:
    """Another Deployment of that name is somebody else's."""
    stories[pushed_and_gone].result(180)


def test_a_pod_whose_readiness_comes_and_goes_is_left_to_its_controller(stories: Told) -> None:
    """Nothing is deleted by stanch: the controller replaces each when it is Ready, in its own order."""
    stories[comes_and_goes].result(240)


# --- with a part of the cluster stopped ------------------------------------------------------------------------------


def test_story_1_a_template_that_was_not_observed_yet_is_waited_for(maker: Maker, admin_file: Path) -> None:
    """With the controller stopped kubectl would go two versions back; here it goes back one, once the controller has seen."""
    with maker.story("not-observed") as lone:
        world = lone.world
        world.deploy(deployment(pod=good(WORSE)))
        world.serving()
        world.release(good(GOOD))
        world.serving()
        with stopped(admin_file, "kube-controller-manager"):
            world.release(stuck())
            world.declare(incident(ROLL_BACK, recovery=HELD))
            record = said_no(world, "roll-back")
            assert record["reason"] == "NotObservedYet"
            assert "has not yet observed generation" in record["message"]
        world.state("Done", seconds=90)
        assert image(world) == GOOD
        assert len(lone.proxy.committed(SET)) == 1
        take_back(world, "roll-back")


def test_stories_54_and_55_a_silent_node_holds_up_nobody_and_is_named(maker: Maker, admin_file: Path) -> None:
    """At the deadline it acts, with what there is; what is missing is listed, with the node."""
    with maker.story("silent-node") as lone:
        world = lone.world
        world.deploy(deployment(replicas=4, pod=good() | {"terminationGracePeriodSeconds": 0}))
        world.serving()
        bad = crashing() | {"topologySpreadConstraints": [spread()]}
        world.set(strategy={"type": "Recreate", "rollingUpdate": None})
        world.release(bad)
        until(lambda: crashed_on(world) == {"node-1", "node-2"}, 90, "pods crash on both nodes")
        with stopped(admin_file, "node-2"):
            world.declare(incident(ROLL_BACK, severity="SEV1", recovery=HELD))
            applied = lambda s: (stands(s, "roll-back").get("attempts") or [{}])[0].get("appliedTime")  # noqa: E731
            world.wait(applied, "it acts", seconds=60)
            evidence, files = kept(world, world.mitigation()["attempts"][0]["evidence"])
            # Part b asks the silent node once more, and no effect waits for that; it is silent still.
            asked_again = lambda s: [e for e in s["evidence"] if e.get("restOf") and e.get("stored")]  # noqa: E731
            part_b = asked_again(world.wait(asked_again, "part b"))[0]["name"]
            again, _ = kept(world, part_b)
            said = lambda s: next(c for c in s["conditions"] if c["type"] == "EvidenceCaptured")  # noqa: E731
            captured = said(world.status())
        missing = {m["name"]: m for m in evidence["spec"]["missing"] if m["reason"] in ("NodeSilent", "DeadlineOver")}
        assert any("node node-2 did not answer" in m.get("message", "") for m in missing.values()), missing
        assert any("another request of this capture" in m.get("message", "") for m in missing.values()), missing
        assert any("FATAL" in text for name, text in files.items() if name.endswith(".log")), sorted(files)
        assert any(m["reason"] in ("NodeSilent", "DeadlineOver") for m in again["spec"]["missing"]), again["spec"][
            "missing"
        ]
        assert captured["reason"] == "Partial"
        assert again["spec"]["capturedTime"] >= world.mitigation()["attempts"][0]["appliedTime"]
        world.state("Done", seconds=120)


def spread() -> Json:
    """As many on the one node as on the other."""
    labels = {"matchLabels": {"app": "checkout"}}
    key = "kubernetes.io/hostname"
    return {"maxSkew": 1, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": labels}


def crashed_on(world: World) -> set[str]:
    """Nodes on which a pod of it has crashed and was started again, at least two pods in all each."""
    found = [p for p in pods(world).values() if (p["status"].get("containerStatuses") or [{}])[0].get("restartCount")]
    return {p["spec"]["nodeName"] for p in found} if len(found) == 4 else set()


def test_story_31_pods_of_a_namespace_that_goes_are_waited_for(maker: Maker, admin: Api) -> None:
    """Evictions are refused there; the pods go all the same, and the drain ends, without a storm of requests."""
    shop, control, name = new_world(admin, "terminating"), World(admin, "stanch-system"), "drain-terminating"
    slow = good() | ON_NODE_2 | {"terminationGracePeriodSeconds": 6}
    shop.deploy(deployment(replicas=3, pod=slow))
    shop.serving()
    forget(control, name)
    settled(admin, "node-2")
    spared(admin, "node-2")
    evict = Fault("POST pods/eviction#1", "before", "call", lambda: leave(shop))
    try:
        with maker.operator(control, name) as lone:
            lone.proxy.faults = [evict]
            control.declare(incident(wish("drain", "drain"), name=name, target=NODE, recovery=HELD), by=admin)
            record = control.state("Held", "drain", name)
            agreed = {"mitigation": "drain", "action": "drain", "digest": record["digest"]}
            carol = admin.as_user("carol", "system:masters", "system:authenticated")
            control.say("approve", agreed, by=carol, about=name)
            control.state("Done", "drain", name, seconds=90)
            # Pods of other namespaces, which other tests left behind, go too.
            sent = Counter(s.path for s in lone.proxy.log if "eviction#" in s.label and f"/{shop.ns}/" in s.path)
            assert evict.fired
            assert len(sent) <= 3
            assert max(sent.values(), default=0) <= 2, sent
    finally:
        admin.merge("nodes", None, "node-2", {"spec": {"unschedulable": None}})
        forget(control, name)


def leave(world: World) -> None:
    """The namespace begins to go, and its controller has begun with the pods."""
    world.admin.delete("namespaces", None, world.ns, propagationPolicy="Background").must()
    going = lambda: all("deletionTimestamp" in p["metadata"] for p in world.admin.list("pods", world.ns))  # noqa: E731
    until(going, 30, "its pods are on their way out")
