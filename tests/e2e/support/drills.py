"""Drills: a real workload is broken as a Runbook says, somebody starts the Runbook as it ships, and it is well again."""

import urllib.request
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError

import yaml

from e2e.support.api import Api, Json, until
from e2e.support.stories import obj, template
from e2e.support.world import (
    GOOD,
    HOLD,
    OURS,
    SERVE,
    Agreement,
    World,
    bind,
    container,
    crashing,
    deployment,
    good,
    lines,
    stands,
    statefulset,
    wait_for_right,
)

RUNBOOKS = Path(__file__).resolve().parents[3] / "runbooks"
INCIDENT = "drill"
QUICK = {"terminationGracePeriodSeconds": 0}


def shipped(name: str) -> Json:
    """The Runbook as it ships, but that it need not hold for a quarter of an hour."""
    book: Json = yaml.safe_load((RUNBOOKS / name / "runbook.yaml").read_text(encoding="utf-8"))
    book["metadata"].pop("namespace", None)
    book["spec"]["recovery"]["hold"] = HOLD
    return book


def put(world: World, name: str) -> None:
    """Put it into the namespace, and let alice run it."""
    world.deploy(shipped(name))
    bind(world.admin, world.ns, "stanch-runbook-user", {"kind": "User", "name": "alice"})
    wait_for_right(world.admin, world.ns, "alice", "run", "runbooks")


def start(world: World, runbook: str, **parameters: str) -> None:
    """alice starts it; she says nothing but which, and about what."""
    put(world, runbook)
    spec = {
        "title": f"Drill of {runbook}",
        "severity": "SEV2",
        "runbook": {"name": runbook, "parameters": parameters},
    }
    world.declare({"apiVersion": OURS, "kind": "Incident", "metadata": {"name": INCIDENT}, "spec": spec})


def done(world: World, wish: str, seconds: float = 90, by: Api | None = None) -> Json:
    """Wait until a mitigation of it is done; bob, or somebody else, agrees where somebody must."""
    agreed = Agreement(world, by or world.bob, INCIDENT)

    def look() -> Json | None:
        record = agreed(wish)
        assert record.get("state") not in ("Refused", "Failed", "Skipped"), record
        return record if record.get("state") == "Done" else None

    try:
        return until(look, seconds, f"{wish} is done in {world.ns}")
    except AssertionError as error:
        raise AssertionError(f"{error}; {world.status(INCIDENT)}") from None


def held(world: World, wish: str, words: str) -> None:
    """Wait until a mitigation is held for that reason."""
    world.wait(lambda s: words in (stands(s, wish).get("message") or ""), f"{wish}: {words}", INCIDENT, 90)


def confirm(world: World, criterion: str) -> None:
    """alice has looked, and says so."""
    world.say("confirm", {"criterion": criterion}, about=INCIDENT)


def over(world: World, seconds: float = 90) -> Json:
    """Wait until it is mitigated, and resolved."""
    world.condition("Mitigated", INCIDENT, seconds)
    world.condition("Resolved", INCIDENT, seconds)
    status = world.status(INCIDENT)
    assert lines(status, "RunbookFrozen"), status
    return status


def config(world: World, name: str, **data: str) -> None:
    """A ConfigMap with these values, made or changed."""
    if world.admin.find("configmaps", world.ns, name) is None:
        world.deploy(obj("ConfigMap", name, data=data))
    else:
        world.admin.merge("configmaps", world.ns, name, {"data": data}).must()


def reading(name: str, pod: Json) -> Json:
    """The pod, with a ConfigMap as files in /cfg."""
    pod["volumes"] = [{"name": "cfg", "configMap": {"name": name}}]
    pod["containers"][0]["volumeMounts"] = [{"name": "cfg", "mountPath": "/cfg"}]
    return pod


def knowing(name: str, key: str, pod: Json) -> Json:
    """The pod, with a key of a ConfigMap in its environment: read anew at each start of the container."""
    source = {"configMapKeyRef": {"name": name, "key": key}}
    pod["containers"][0]["env"] = [{"name": key.upper(), "valueFrom": source}]
    return pod


# --- one drill a Runbook -------------------------------------------------------------------------------------------------


def bad_deploy(world: World) -> None:
    """A release that crashes at start."""
    world.deploy()
    world.serving()
    world.release(crashing())
    world.crashed()
    start(world, "bad-deploy", deployment="checkout")
    assert "rollout undo" in str(done(world, "roll-back")["breakGlass"])
    world.serving()
    over(world)


def image_pull(world: World) -> None:
    """A release whose image is nowhere."""
    world.deploy()
    world.serving()
    world.release(good("stanch.test/busybox:never-pushed"))
    until(lambda: "ErrImageNeverPull" in str(world.admin.list("pods", world.ns)), 60, "the image can't be had")
    start(world, "image-pull", deployment="checkout")
    done(world, "roll-back")
    world.serving()
    over(world)


def stuck_rollout(world: World) -> None:
    """A StatefulSet whose newest pod crashes: it must be deleted as well, or the old template never reaches it."""
    world.deploy(statefulset(replicas=2))
    world.serving("store", "statefulsets")
    # Without a readiness probe: it is Ready for the moment before each crash, and the controller goes on with the next.
    template(world, "statefulsets", "store", crashing())
    world.crashed("store")
    start(world, "stuck-rollout", statefulset="store")
    done(world, "roll-back", 150)
    world.serving("store", "statefulsets")
    over(world)


def crash_loop(world: World) -> None:
    """It can't reach its database; when that is mended, it would wait for its back-off."""
    config(world, "world", database="down")
    command = f'[ "$DATABASE" = up ] || {{ echo "FATAL: no database"; exit 1; }}; {SERVE}'
    pod = good() | {"containers": [container(GOOD, command, readinessProbe=good()["containers"][0]["readinessProbe"])]}
    world.deploy(deployment(pod=knowing("world", "database", pod)))
    crashed = world.crashed()
    config(world, "world", database="up")
    start(world, "crash-loop", pod=crashed["metadata"]["name"])
    record = done(world, "skip-the-back-off")
    assert "ready in its place" in record["message"], record
    assert any("exit 1" in str(e) or "FATAL" in str(e) for e in lines(world.status(INCIDENT), "EvidenceCollected"))
    confirm(world, "serves-again")
    over(world)


def bad_flag(world: World) -> None:
    """A feature that keeps it from serving; it reads its flag from a file."""
    config(world, "checkout-flags", recommendations="on")
    probe = {"exec": {"command": ["sh", "-c", '[ "$(cat /cfg/recommendations)" = off ]']}, "periodSeconds": 1}
    pod = good() | {"containers": [container(GOOD, SERVE, readinessProbe=probe)]}
    world.deploy(deployment(pod=reading("checkout-flags", pod)))
    until(lambda: world.target().get("status", {}).get("unavailableReplicas") == 1, 60, "it does not serve")
    start(world, "bad-flag", flags="checkout-flags", workload="checkout")
    done(world, "switch-off")
    confirm(world, "users-served")
    # The kubelet brings a changed ConfigMap into a volume in its own time.
    over(world, 150)
    world.serving()


def scaled_to_zero(world: World) -> None:
    """Somebody scaled it to nothing, by hand."""
    world.deploy()
    world.serving()
    world.set(replicas=0)
    until(lambda: not world.target().get("status", {}).get("replicas"), 60, "it has no pods")
    start(world, "scaled-to-zero", deployment="checkout")
    done(world, "give-it-pods")
    assert world.serving()["spec"]["replicas"] == 2
    over(world)


def saturated_hpa(world: World) -> None:
    """An autoscaler that is at its bound; there are no metrics here, so that users are served again a person says."""
    world.deploy()
    world.serving()
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"}
    spec = {"scaleTargetRef": reference, "minReplicas": 1, "maxReplicas": 1}
    world.deploy(obj("HorizontalPodAutoscaler", "checkout", "autoscaling/v2", spec=spec))
    until(lambda: "status" in world.target("checkout", "horizontalpodautoscalers"), 60, "the autoscaler has looked")
    start(world, "saturated-hpa", hpa="checkout")
    done(world, "raise-the-bound")
    assert world.target("checkout", "horizontalpodautoscalers")["spec"]["maxReplicas"] == 20
    confirm(world, "users-served")
    over(world)


def runaway_cronjob(world: World) -> None:
    """Jobs that never end, a new one each minute: contained while it is suspended, over when it may go on."""
    pod = {"restartPolicy": "Never", "containers": [container(GOOD, "sleep 3600")]} | QUICK
    spec = {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    world.deploy(obj("CronJob", "report", "batch/v1", spec=spec))
    active = lambda: world.target("report", "cronjobs").get("status", {}).get("active")  # noqa: E731
    until(active, 90, "a Job runs")
    start(world, "runaway-cronjob", cronjob="report")
    done(world, "start-no-more")
    confirm(world, "harm-is-over")
    world.condition("Contained", INCIDENT)
    assert world.target("report", "cronjobs")["spec"]["suspend"] is True
    # Mended in Git; then it is taken back.
    world.set("report", "cronjobs", concurrencyPolicy="Forbid")
    world.say("undo", {"mitigation": "start-no-more"}, about=INCIDENT)
    world.state("Undone", "start-no-more", INCIDENT)
    over(world)


def ingress_truncates(world: World) -> None:
    """A proxy that cuts at 64 KiB until it is told to write no temporary files."""
    config(world, "ingress-nginx-controller", **{"use-gzip": "false"})
    proxy = (
        "mkdir -p /tmp/w; head -c 200000 /dev/zero >/tmp/long; touch /tmp/w/index.html; "
        'while true; do if [ "$(cat /cfg/proxy-max-temp-file-size 2>/dev/null)" = 0 ]; then cat /tmp/long; else '
        "head -c 65536 /tmp/long; fi >/tmp/new; mv /tmp/new /tmp/w/long; sleep 1; done & exec httpd -f -p 8080 -h /tmp/w"
    )
    pod = good() | {"containers": [container(GOOD, proxy, readinessProbe=good()["containers"][0]["readinessProbe"])]}
    world.deploy(deployment("ingress-nginx-controller", reading("ingress-nginx-controller", pod)))
    world.serving("ingress-nginx-controller")
    until(lambda: answer(world) == 65536, 60, "a long answer is cut")
    name = "ingress-nginx-controller"
    start(world, "ingress-truncates", config=name, proxy=name)
    done(world, "pass-it-on")
    until(lambda: answer(world) == 200000, 150, "a long answer is whole")
    confirm(world, "whole-answers")
    over(world)


def answer(world: World) -> int:
    """How long a long answer is that comes through the proxy."""
    (pod,) = world.admin.list("pods", world.ns, labelSelector="app=ingress-nginx-controller")
    try:
        with urllib.request.urlopen(f"http://{pod['status']['podIP']}:8080/long", timeout=5) as got:
            return len(got.read())
    except (URLError, OSError):
        return 0


def webhook_out_of_memory(world: World) -> None:
    """
    A webhook that is killed for its memory, and a gate that stays shut meanwhile: no pod can be created.

    Nothing is done to it while it crashes; people stop the churn and open the gate, and then it gets its room.
    """
    config(world, "churn", load="high")
    # The limit of addresses is a second net: nothing here may ever take the machine's memory.
    command = f'ulimit -v 200000; [ "$LOAD" = high ] && exec tail /dev/zero; {SERVE}'
    probe = good()["containers"][0]["readinessProbe"]
    hook = container(GOOD, command, readinessProbe=probe, resources={"limits": {"memory": "24Mi"}})
    pod = knowing("churn", "load", good() | {"containers": [hook]})
    world.deploy(deployment("policy-webhook", pod))
    killed = world.crashed("policy-webhook")
    assert killed["status"]["containerStatuses"][0]["lastState"]["terminated"]["reason"] == "OOMKilled"
    gate = shut_gate(world)
    try:
        refused = world.admin.create(obj("Pod", "wanted", spec=good()), world.ns)
        assert "failed calling webhook" in refused.message, refused
        start(world, "webhook-out-of-memory", webhook="policy-webhook")
        held(world, "more-room", "more replicas would be more crashing pods")
        config(world, "churn", load="low")
        world.serving("policy-webhook")  # in place: its containers pass no gate
        open_gate(world, gate)
        pod["containers"][0]["resources"] = {"limits": {"memory": "64Mi"}}
        world.release(pod, "policy-webhook")
        world.serving("policy-webhook")
        done(world, "more-room")
        assert world.serving("policy-webhook")["spec"]["replicas"] == 4
        confirm(world, "pods-start")
        over(world)
    finally:
        world.admin.request("DELETE", f"{GATES}/{gate}")


GATES = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


def shut_gate(world: World) -> str:
    """All new pods of the namespace must pass the webhook, which does not answer."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    hook = {
        "name": "policy.stanch.test",
        "clientConfig": {"service": {"namespace": world.ns, "name": "policy-webhook", "port": 443}},
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": world.ns}},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 1,
    }
    made = obj("ValidatingWebhookConfiguration", world.ns, "admissionregistration.k8s.io/v1", webhooks=[hook])
    world.admin.request("POST", GATES, made).must()
    shut = lambda: not world.admin.create(obj("Pod", "try", spec=good()), world.ns).ok  # noqa: E731
    until(shut, 30, "the gate is shut")
    world.admin.delete("pods", world.ns, "try", gracePeriodSeconds="0")
    return world.ns


def open_gate(world: World, gate: str) -> None:
    """The line that stands in the prose."""
    change = [{"op": "replace", "path": "/webhooks/0/failurePolicy", "value": "Ignore"}]
    world.admin.request("PATCH", f"{GATES}/{gate}", change, "application/json-patch+json").must()


DRILLS: tuple[Callable[[World], None], ...] = (
    bad_deploy,
    image_pull,
    stuck_rollout,
    crash_loop,
    bad_flag,
    scaled_to_zero,
    saturated_hpa,
    runaway_cronjob,
    ingress_truncates,
    webhook_out_of_memory,
)
