"""Restart, autoscaler, flag, Service, CronJob, and rollbacks of StatefulSets and DaemonSets: real controllers, real traffic."""

from collections.abc import Iterator

import pytest
import yaml

from e2e.support.api import Api, Json, until
from e2e.support.operators import Operator
from e2e.support.scenes import Scenes
from e2e.support.stories import agree, image, revisions, take_back, template
from e2e.support.world import (
    BAD,
    GOOD,
    ROLL_BACK,
    World,
    container,
    crashing,
    deployment,
    good,
    incident,
    statefulset,
    stuck,
    wish,
)

FLAG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "flags"}, "data": {"recommendations": "on"}}
# `timeout`, for the -T of this busybox ends in a segmentation fault.
CLIENT = "while true; do timeout 1 wget -qO- http://$WEB_SERVICE_HOST || echo nobody; sleep 0.1; done"
STATEFUL, DAEMON = {"kind": "StatefulSet", "name": "store"}, {"kind": "DaemonSet", "name": "agent"}


def says(word: str) -> Json:
    """A pod that answers with a word."""
    command = f"mkdir -p /tmp/w; echo {word} >/tmp/w/index.html; exec httpd -f -p 8080 -h /tmp/w"
    probe = {"httpGet": {"path": "/index.html", "port": 8080}, "periodSeconds": 1}
    port = [{"name": "http", "containerPort": 8080}]
    return {
        "containers": [container(GOOD, command, readinessProbe=probe, ports=port)],
        "terminationGracePeriodSeconds": 1,
    }


def daemonset() -> Json:
    """A DaemonSet of the same pods."""
    obj = deployment("agent")
    obj["spec"].pop("replicas")
    return obj | {"kind": "DaemonSet"}


def restarted(world: World) -> None:
    """A Deployment, all pods of which are started anew."""
    world.deploy(deployment())
    world.serving()
    world.declare(incident(wish("restart", "rolloutRestart")))
    world.state("Done", "restart")


def bounded(world: World) -> None:
    """An autoscaler without metrics; its bounds hold all the same."""
    world.deploy(deployment())
    world.serving()
    kind = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "checkout"}}
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"}
    world.deploy(kind | {"spec": {"scaleTargetRef": reference, "maxReplicas": 5}})
    target = {"kind": "HorizontalPodAutoscaler", "name": "checkout"}
    until(lambda: "status" in world.target("checkout", "horizontalpodautoscalers"), 60, "the autoscaler has looked")
    world.declare(incident(wish("more", "autoscaler", target=target, args={"minReplicas": 2})))


def flagged(world: World) -> None:
    """A flag that a pod reads from a volume."""
    world.deploy(FLAG)
    pod = good()
    pod["volumes"] = [{"name": "f", "configMap": {"name": "flags"}}]
    pod["containers"][0]["volumeMounts"] = [{"name": "f", "mountPath": "/flags"}]
    world.deploy(deployment(pod=pod))
    world.serving()
    target = {"kind": "ConfigMap", "name": "flags"}
    world.declare(incident(wish("off", "configFlag", target=target, args={"key": "recommendations", "value": "off"})))
    world.state("Done", "off")


def shifted(world: World) -> None:
    """Two versions behind a Service, a client that asks all the time, and the traffic sent to the other."""
    for name in ("blue", "green"):
        world.deploy(deployment(name, pod=says(name)))
    spec = {"selector": {"app": "blue"}, "ports": [{"port": 80, "targetPort": "http"}]}
    world.deploy({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec})
    for name in ("blue", "green"):
        world.serving(name)
    client = {"containers": [container(GOOD, CLIENT, "client")], "terminationGracePeriodSeconds": 0}
    world.deploy({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "client"}, "spec": client})
    until(lambda: heard(world) == "blue", 60, "the client hears blue")
    target = {"kind": "Service", "name": "web"}
    args = {"selector": {"app": "green"}}
    world.declare(incident(wish("shift", "serviceShift", args=args), target=target))
    world.state("Done", "shift")


def heard(world: World) -> str:
    """What the client heard last."""
    path = f"/api/v1/namespaces/{world.ns}/pods/client/log?tailLines=1"
    return str(world.admin.request("GET", path).body.get("message", "")).strip()


def suspended(world: World) -> None:
    """A CronJob that starts no more."""
    pod = {"restartPolicy": "Never", "containers": [container(GOOD, "true")]}
    job = {"spec": {"template": {"spec": pod}}}
    spec = {"schedule": "* * * * *", "jobTemplate": job}
    world.deploy({"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": "report"}, "spec": spec})
    target = {"kind": "CronJob", "name": "report"}
    world.declare(incident(wish("stop", "suspendCronJob"), target=target))
    world.state("Done", "stop")


def stateful(world: World) -> None:
    """A StatefulSet with a bad template, whose pod never becomes ready and so pins it."""
    world.deploy(statefulset())
    world.serving("store", "statefulsets")
    template(world, "statefulsets", "store", stuck())
    revisions(world, 2)
    world.declare(incident(ROLL_BACK, target=STATEFUL))


def daemon(world: World) -> None:
    """A DaemonSet with a bad template that crashes."""
    world.deploy(daemonset())
    ready = lambda: world.target("agent", "daemonsets").get("status", {}).get("numberReady") == 2  # noqa: E731
    until(ready, 60, "the DaemonSet is ready")
    template(world, "daemonsets", "agent", crashing())
    world.crashed("agent")
    world.declare(incident(ROLL_BACK, target=DAEMON))
    world.state("Done", seconds=120)


def advised(world: World) -> None:
    """A bad release, and somebody who does not know what to do."""
    world.deploy(deployment())
    world.serving()
    world.release(crashing())
    world.crashed()
    world.declare(incident())


SETTINGS = (advised, restarted, bounded, flagged, shifted, suspended, stateful, daemon)


@pytest.fixture(scope="module")
def scenes(admin: Api, operator: Operator) -> Iterator[Scenes]:
    """All scenes, set at once."""
    made = Scenes(admin, *SETTINGS)
    yield made
    made.close()


def test_a_restart_makes_one_more_revision(scenes: Scenes) -> None:
    """One new ReplicaSet with the same image, and no way back."""
    world = scenes[restarted]
    assert len(world.admin.list("replicasets", world.ns)) == 2
    world.say("undo", {"mitigation": "restart"})
    world.wait(lambda s: "can't be undone" in str(s["timeline"]), "it says so")
    assert len(world.admin.list("replicasets", world.ns)) == 2


def test_an_autoscaler_gets_bounds_and_its_old_ones_back(scenes: Scenes) -> None:
    """The real autoscaler scales up to the new minimum without any metrics."""
    world = scenes[bounded]
    world.state("Done", "more", seconds=90)
    until(lambda: world.target()["spec"]["replicas"] == 2, 60, "it scaled up")
    take_back(world, "more")
    assert world.target("checkout", "horizontalpodautoscalers")["spec"]["minReplicas"] == 1


def test_a_flag_is_flipped_and_flipped_back(scenes: Scenes) -> None:
    """The plan says who sees it; the undo brings the old value."""
    world = scenes[flagged]
    assert world.target("flags", "configmaps")["data"] == {"recommendations": "off"}
    assert "1 pods see it within 90s" in world.mitigation("off")["blast"]
    take_back(world, "off")
    assert world.target("flags", "configmaps")["data"] == {"recommendations": "on"}


def test_traffic_goes_to_the_other_pods_and_back(scenes: Scenes) -> None:
    """A client in the cluster hears the other version, through kube-proxy, and then the first again."""
    world = scenes[shifted]
    until(lambda: heard(world) == "green", 30, "the client hears green")
    take_back(world, "shift")
    assert world.target("web", "services")["spec"]["selector"] == {"app": "blue"}
    until(lambda: heard(world) == "blue", 30, "the client hears blue again")


def test_a_cron_job_is_suspended_and_goes_on(scenes: Scenes) -> None:
    """Suspended is contained, not mitigated."""
    world = scenes[suspended]
    assert world.target("report", "cronjobs")["spec"]["suspend"] is True
    take_back(world, "stop")
    assert world.target("report", "cronjobs")["spec"]["suspend"] is False


def test_a_stateful_set_goes_back_when_another_person_agrees(scenes: Scenes) -> None:
    """Class C, so alice can't do it alone; the pod that pins it is deleted, or the controller would wait for ever."""
    world = scenes[stateful]
    agree(world, "roll-back", "rolloutUndo")
    world.state("Done", seconds=90)
    assert image(world, "store", "statefulsets") == GOOD
    world.serving("store", "statefulsets")


def test_a_daemon_set_goes_back_on_every_node(scenes: Scenes) -> None:
    """Both pods serve again."""
    world = scenes[daemon]
    assert image(world, "agent", "daemonsets") == GOOD != BAD
    assert world.target("agent", "daemonsets")["status"]["numberReady"] == 2


def test_a_bad_release_suggests_its_rollback_and_nothing_is_done(scenes: Scenes) -> None:
    """With the reason, and with what to write to have it done; which then works as printed."""
    world = scenes[advised]
    found = world.wait(lambda s: s.get("suggestions"), "suggestions")["suggestions"]
    best = next(s for s in found if s["action"] == "rolloutUndo")
    assert "1 of 1 pods of its newest template fail" in best["text"]
    assert image(world) == BAD
    world.say("mitigate", yaml.safe_load(best["ask"]))
    world.state("Done", "try-1")
    assert image(world) == GOOD
