"""Cases: each a namespace of its own with one service, released well and then badly, its new pod crashed and broken since."""

import asyncio
import time
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from bench.api import MERGE, Api, BenchError
from stanch.api.names import API_VERSION

NAME: Final = "checkout"
INCIDENT: Final = "checkout-5xx"
IMAGE: Final = "stanch.test/busybox:1"
PATIENCE: Final = 120.0
GOOD: Final = ["sh", "-c", "echo ready; exec sleep 1000000"]
# It crashes once, so that there is a previous log, and is never ready; eight pods that go on crashing would be measured too.
BAD: Final = [
    "sh",
    "-c",
    "echo loading config; echo FATAL: no route to ledger; [ -e /state/crashed ] && exec sleep 1000000; "
    "touch /state/crashed; exit 1",
]
T = TypeVar("T")
# Names of one length everywhere, so that replayed requests are as long as the recorded ones.
# Of the API server's own controllers: stanch-keep-records lets them take away what is not closed.
COLLECTOR = "system:serviceaccount:kube-system:namespace-controller"
ALICE, MACHINE = "bench-alice", "system:serviceaccount:default:bench-ci"


@dataclass
class Case:
    """One fresh service in trouble, used once."""

    namespace: str
    deployment: dict[str, Any]
    pods: list[str]

    @property
    def deployments(self) -> str:
        """Where its Deployment lives."""
        return f"/apis/apps/v1/namespaces/{self.namespace}/deployments"

    @property
    def incidents(self) -> str:
        """Where its Incident is to be."""
        return f"/apis/{API_VERSION}/namespaces/{self.namespace}/incidents"

    @property
    def uid(self) -> str:
        """The Deployment's."""
        return str(self.deployment["metadata"]["uid"])


def pod_template(command: list[str]) -> dict[str, Any]:
    """One container, gone as soon as it is told to."""
    container = {"name": "app", "image": IMAGE, "imagePullPolicy": "Never", "command": command}
    container |= {
        "env": [{"name": "LEDGER_URL", "value": "http://ledger.bank.svc:8080"}],
        "ports": [{"containerPort": 80}],
        "volumeMounts": [{"name": "state", "mountPath": "/state"}],
    }
    if command == BAD:
        container["readinessProbe"] = {"tcpSocket": {"port": 9}, "periodSeconds": 3600}
    spec: dict[str, Any] = {
        "containers": [container],
        "terminationGracePeriodSeconds": 1,
        "automountServiceAccountToken": False,
    }
    spec["volumes"] = [{"name": "state", "emptyDir": {}}]
    return {"metadata": {"labels": {"app": NAME}}, "spec": spec}


def incident() -> dict[str, Any]:
    """What a person declares: one target, one wish."""
    spec = {
        "title": "Checkout returns 500s",
        "severity": "SEV2",
        "targets": [{"kind": "Deployment", "name": NAME}],
        "mitigations": [{"name": "roll-back", "rolloutUndo": {}}],
    }
    return {"apiVersion": API_VERSION, "kind": "Incident", "metadata": {"name": INCIDENT}, "spec": spec}


async def until(what: str, ask: Callable[[], Coroutine[Any, Any, T | None]], every: float = 0.3) -> T:
    """Ask until there is an answer; BenchError when none comes."""
    end = time.monotonic() + PATIENCE
    while (found := await ask()) is None:
        if time.monotonic() > end:
            raise BenchError(f"{what}: not within {PATIENCE:.0f}s")
        await asyncio.sleep(every)
    return found


async def prepare(api: Api) -> Case:
    """A good release that runs, then a bad one whose pod has crashed and is not ready since."""
    namespace = f"bench-{uuid.uuid4().hex[:12]}"
    await api.must("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    inside = f"/api/v1/namespaces/{namespace}"
    service = {"metadata": {"name": NAME}, "spec": {"selector": {"app": NAME}, "ports": [{"port": 80}]}}
    await api.must("POST", f"{inside}/services", service)

    async def account() -> bool | None:
        return (await api.send("GET", f"{inside}/serviceaccounts/default")).status == 200 or None

    await until(f"{namespace}: ServiceAccount default", account)
    case = Case(namespace, {}, [])
    # A pod that lives for a moment must not count as available, or the good pods would go, sometimes.
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": NAME}}, "minReadySeconds": 5}
    spec["template"] = pod_template(GOOD)
    await api.must("POST", case.deployments, {"metadata": {"name": NAME, "labels": {"app": NAME}}, "spec": spec})

    async def running() -> bool | None:
        seen = await api.must("GET", f"{case.deployments}/{NAME}")
        return seen.get("status", {}).get("availableReplicas") == 2 or None

    await until(f"{namespace}: the good release", running)
    await api.must("PATCH", f"{case.deployments}/{NAME}", {"spec": {"template": pod_template(BAD)}}, MERGE)

    async def crashed() -> list[str] | None:
        pods = (await api.must("GET", f"{inside}/pods"))["items"]
        return _in_order(pods) if any(map(has_crashed, pods)) else None

    case.pods = await until(f"{namespace}: the bad release", crashed)
    case.deployment = await api.must("GET", f"{case.deployments}/{NAME}")
    return case


def has_crashed(pod: dict[str, Any]) -> bool:
    """It crashed before, so that there is a previous log, and runs without being ready."""
    return any(
        each.get("restartCount", 0) >= 1 and "running" in each["state"] and not each["ready"]
        for each in pod.get("status", {}).get("containerStatuses") or ()
    )


def _in_order(pods: list[dict[str, Any]]) -> list[str]:
    """By release, then name: the same order in every case."""
    named = [(pod["metadata"]["labels"]["pod-template-hash"], pod["metadata"]["name"]) for pod in pods]
    return [name for _, name in sorted(named)]


async def freshen(api: Api, case: Case) -> None:
    """The Deployment and its pods as they are just before they are used."""
    case.pods = _in_order((await api.must("GET", f"/api/v1/namespaces/{case.namespace}/pods"))["items"])
    case.deployment = await api.must("GET", f"{case.deployments}/{NAME}")


async def forget(api: Api, case: Case) -> None:
    """Take the Incident away, for nobody shall work on it any more; not even the operator may, while it is open."""
    await api.impersonating(COLLECTOR, "system:masters").gone(f"{case.incidents}/{INCIDENT}")


async def remove(api: Api, cases: list[Case], *, namespaces: bool) -> None:
    """Incidents and pods away; also the namespaces, where the cluster is somebody's."""
    for case in cases:
        await forget(api, case)
        await api.gone(f"/api/v1/namespaces/{case.namespace}" if namespaces else f"{case.deployments}/{NAME}")

    async def empty() -> bool | None:
        left = await asyncio.gather(*(api.must("GET", f"/api/v1/namespaces/{c.namespace}/pods") for c in cases))
        return not any(each["items"] for each in left) or None

    await until("pods of used cases are gone", empty)
