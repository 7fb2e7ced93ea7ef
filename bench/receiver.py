"""
R1: how long alerts take to be taken: `.venv/bin/python -m bench.receiver`. About a minute beside its cluster.

500 notifications of one alert each in 10 groups, evenly over 5 s, to the operator as shipped and with the shipped RBAC; and beside
it the floor: as many writes of the same size to the same incidents, made raw with the operator's credentials at the same pace,
while the operator is held still. It prints p50, p95 and p99 of both, and what the API server was asked for. It fails when an alert
is lost or an incident too many is made, never because something is slow.
"""

import argparse
import asyncio
import json
import os
import sys
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import aiohttp
from tools.rbac_alerts import objects

from bench.api import Api, BenchError
from bench.cluster import POLICIES, Operator, cluster, free_port, operator, operator_api, served
from bench.workload import until
from stanch.api.names import ALERTS_AUDIENCE, API_VERSION, Label
from stanch.core.alert_groups import read_known
from stanch.core.alert_states import firing

JSON_PATCH: Final = "application/json-patch+json"
RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
ALERTS, GROUPS, SECONDS = 500, 10, 5.0


@dataclass
class Ran:
    """Seconds that each request took, and what was asked of the API server for all of them."""

    took: list[float] = field(default_factory=list)
    calls: Counter[str] = field(default_factory=Counter)
    # Seconds from the last answer until all of it stood in incidents.
    later: float = 0.0

    def line(self, name: str) -> str:
        """One line for people."""
        p50, p95, p99 = (self.at(share) * 1000 for share in (0.5, 0.95, 0.99))
        asked = ", ".join(f"{count} {what}" for what, count in sorted(self.calls.items()))
        return (
            f"{name:10} p50 {p50:6.1f} ms   p95 {p95:6.1f} ms   p99 {p99:6.1f} ms   {len(self.took)} requests: {asked}"
        )

    def at(self, share: float) -> float:
        """A quantile."""
        took = sorted(self.took)
        return took[min(len(took) - 1, int(len(took) * share))]


def notification(number: int) -> dict[str, Any]:
    """What Alertmanager posts."""
    start = time.strftime("%Y-%m-%dT%H:%M:00Z", time.gmtime())
    labels = {"alertname": "ShopErrors", "pod": f"checkout-{number}", "severity": "critical"}
    alert = {"status": "firing", "labels": labels, "annotations": {"summary": "checkout errors at 37%"}}
    alert |= {"startsAt": start, "endsAt": "0001-01-01T00:00:00Z", "fingerprint": f"{number:016x}"}
    group = f'{{}}:{{alertname="ShopErrors", service="s{number % GROUPS}"}}'
    return {"version": "4", "groupKey": group, "status": "firing", "receiver": "stanch", "alerts": [alert]}


async def prepare(admin: Api) -> tuple[str, str]:
    """A namespace for the incidents, and a token of one who may send alerts there."""
    namespace = f"bench-{uuid.uuid4().hex[:12]}"
    await admin.must("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
    for item in objects():
        if "Role" in item["kind"]:
            where = f"/namespaces/{item['metadata']['namespace']}" if "namespace" in item["metadata"] else ""
            await admin.send("POST", f"{RBAC}{where}/{item['kind'].lower()}s", json.dumps(item))
    policy = {
        "apiVersion": API_VERSION,
        "kind": "ResponsePolicy",
        "spec": {"receiver": {"defaultNamespace": namespace}},
    }
    await admin.must("POST", POLICIES, policy | {"metadata": {"name": "default", "labels": {"measured-by": "bench"}}})
    inside = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    await admin.must("POST", inside, {"metadata": {"name": "alertmanager"}})
    subject = {"kind": "ServiceAccount", "name": "alertmanager", "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "stanch-alerts"}
    binding = {"metadata": {"name": "alerts"}, "roleRef": role, "subjects": [subject]}
    await admin.must("POST", f"{RBAC}/namespaces/{namespace}/rolebindings", binding)
    asked = {"spec": {"audiences": [ALERTS_AUDIENCE]}}
    said = await admin.must("POST", f"{inside}/alertmanager/token", asked)
    return namespace, str(said["status"]["token"])


async def taken(url: str, token: str) -> Ran:
    """The storm, each request timed."""
    ran = Ran()

    async def one(client: aiohttp.ClientSession, number: int, began: float) -> None:
        body = notification(number)
        await asyncio.sleep(max(0.0, began + SECONDS * number / ALERTS - time.perf_counter()))
        sent = time.perf_counter()
        async with client.post(url, json=body) as answer:
            said = await answer.read()
            if answer.status != 202:
                raise BenchError(f"alert {number}: HTTP {answer.status} {said[:200]!r}")
        ran.took.append(time.perf_counter() - sent)

    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as client:
        began = time.perf_counter() + 0.1
        await asyncio.gather(*(one(client, number, began) for number in range(ALERTS)))
    return ran


async def floor(sender: Api, incidents: list[dict[str, Any]]) -> Ran:
    """As many writes as there were alerts, at the same pace, of the group as it stood in the end."""
    ran = Ran()
    # Several at once at one object would only have the API server try again and again.
    turns = [asyncio.Lock() for _ in incidents]

    async def one(number: int, began: float) -> None:
        incident = incidents[number % len(incidents)]
        meta, group = incident["metadata"], dict(incident["spec"]["alertGroup"])
        group["more"] = number + 1
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": meta["uid"]},
            {"op": "add", "path": "/spec/alertGroup", "value": group},
        ]
        await asyncio.sleep(max(0.0, began + SECONDS * number / ALERTS - time.perf_counter()))
        sent = time.perf_counter()
        url = f"/apis/{API_VERSION}/namespaces/{meta['namespace']}/incidents/{meta['name']}?fieldManager=stanch"
        async with turns[number % len(incidents)]:
            await sender.must("PATCH", url, patch, JSON_PATCH)
        ran.took.append(time.perf_counter() - sent)

    began = time.perf_counter() + 0.1
    await asyncio.gather(*(one(number, began) for number in range(ALERTS)))
    ran.calls["patch incident"] = ALERTS
    return ran


def call_of(note: dict[str, Any]) -> str:
    """Which of the receiver's requests it is; "" for one of those that the operator makes for the incidents afterwards."""
    path, query = urlsplit(note["url"]).path, parse_qs(urlsplit(note["url"]).query)
    last = path.rsplit("/", 1)[-1]
    if last in ("tokenreviews", "subjectaccessreviews") and ALERTS_AUDIENCE in (note["body"] or '"resource":"alerts"'):
        return f"create {last}" if last == "tokenreviews" or '"alerts"' in (note["body"] or "") else ""
    if "/alertbatches" in path or (last == "runbooks" and "/namespaces/" in path):
        return f"{note['method'].lower()} {'batches' if 'alertbatches' in path else 'runbooks'}"
    if "/incidents" not in path or path.endswith("/status"):
        return ""
    if last == "incidents":
        # The operator asks for the group as well, to see whether its incident is one too many.
        mine = Label.ALERT_GROUP in " ".join(query.get("labelSelector", ())) and "20" not in query.get("limit", ())
        return "create incident" if note["method"] == "POST" else "list incidents" if mine else ""
    if note["method"] == "PATCH":
        mine = "alertGroup" in (note["body"] or "")
        return f"patch incident{'' if note['status'] == 200 else ' in vain'}" if mine else ""
    return "get incident (also others)" if note["method"] == "GET" else ""


async def folded(admin: Api, where: str) -> list[dict[str, Any]]:
    """The incidents, once all alerts stand in them: what is answered may be kept elsewhere still (ADR 53)."""
    counts: list[int] = []
    for _ in range(300):
        incidents: list[dict[str, Any]] = (await admin.must("GET", where))["items"]
        known = [read_known(each) for each in incidents]
        counts = sorted(firing(each.group) for each in known if each is not None)
        if counts == [ALERTS // GROUPS] * GROUPS:
            return incidents
        await asyncio.sleep(0.1)
    raise BenchError(f"alerts were lost, or an incident is one too many: {counts}")


async def measure(kubeconfig: Path, running: Operator, url: str, namespace: str, token: str) -> tuple[Ran, Ran]:
    """Both, one after the other; what is not as it should be is a BenchError."""
    admin, sender = await Api.of(kubeconfig), await operator_api(kubeconfig)
    where = f"/apis/{API_VERSION}/namespaces/{namespace}/incidents?labelSelector={Label.ALERT_GROUP}"
    try:
        began = time.perf_counter()
        ours = await taken(url, token)
        ended = time.perf_counter()
        incidents = await folded(admin, where)
        ours.later = time.perf_counter() - ended

        async def written() -> bool | None:
            return bool(running.notes(began)) or None

        await until("what the operator sent", written)
        await asyncio.sleep(1)
        notes = [note for note in running.notes(began) if "url" in note and note["began"] <= ended]
        ours.calls = Counter(filter(None, map(call_of, notes)))
        ours.calls["others, for the incidents"] = len(notes) - ours.calls.total()
        running.stop()
        try:
            return ours, await floor(sender, incidents)
        finally:
            running.go()
    finally:
        await admin.close()
        await sender.close()


async def _get_ready(kubeconfig: Path) -> tuple[str, str]:
    admin = await Api.of(kubeconfig)
    try:
        await served(admin)
        return await prepare(admin)
    finally:
        await admin.close()


async def _clean_up(kubeconfig: Path, namespace: str) -> None:
    admin = await Api.of(kubeconfig)
    try:
        await admin.gone(f"{POLICIES}/default")
        await admin.gone(f"/api/v1/namespaces/{namespace}")
    finally:
        await admin.close()


def main(given: Sequence[str] | None = None) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.receiver", description=(__doc__ or "").strip().split("\n")[0]
    )
    parser.add_argument("--kubeconfig", type=Path, help="a cluster to use, without a ResponsePolicy; else its own")
    parser.add_argument("--keep", action="store_true", help="leave the bench's own cluster running")
    parser.add_argument("--profile", type=Path, help="cProfile of the operator into this file; makes it slower")
    options = parser.parse_args(given)
    address = f"127.0.0.1:{free_port()}"
    try:
        with cluster(options.kubeconfig, options.keep) as kubeconfig:
            namespace, token = asyncio.run(_get_ready(kubeconfig))
            try:
                with operator(kubeconfig, options.profile, address) as running:
                    ours, raw = asyncio.run(measure(kubeconfig, running, f"http://{address}/alerts", namespace, token))
            finally:
                asyncio.run(_clean_up(kubeconfig, namespace))
    except BenchError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 1
    load = " ".join(f"{each:.2f}" for each in os.getloadavg())
    print(f"R1 {ALERTS} alerts in {SECONDS:g} s in {GROUPS} groups; {os.cpu_count()} processors, load {load}")
    print(ours.line("receiver"))
    print(f"{'':10} all in their incidents {ours.later:.1f} s after the last answer")
    print(raw.line("floor"))
    print(
        f"{'ratio':10} p50 {ours.at(0.5) / raw.at(0.5):6.2f}      p95 {ours.at(0.95) / raw.at(0.95):6.2f}      ", end=""
    )
    print(f"p99 {ours.at(0.99) / raw.at(0.99):6.2f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
