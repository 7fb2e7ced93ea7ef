"""Alerts on a real cluster: a sender with rights, a storm of notifications, and Debian's Prometheus and Alertmanager."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp
import yaml
from tools.rbac_alerts import objects

from alerts import alert, payload
from e2e.support.api import APPLY, KINDS, Api, Json, until
from e2e.support.flux import free_port
from e2e.support.world import World, bind, may, wait_for_right
from stanch.api.names import ALERTS_AUDIENCE, OPERATOR_NAMESPACE, OPERATOR_USER

sys.path.append(str(Path(__file__).resolve().parents[3] / "tools"))
from testcluster import packages

ROOT = Path(__file__).resolve().parents[3]
HOW_TO = ROOT / "docs" / "how-to" / "connect-alertmanager.md"
PACKAGES = {
    "prometheus": ("prometheus", "measures a workload, and evaluates rules about it"),
    "prometheus-alertmanager": ("prometheus-alertmanager", "groups alerts, and sends them"),
}
ROLES = [item for item in objects() if "Role" in item["kind"]]
GIVE_UP_SECONDS = 60.0


def let_it_take_alerts(admin: Api, ns: str) -> None:
    """The operator may make incidents, as manifests/components/alerts gives it."""
    for item in ROLES:
        meta = item["metadata"]
        path = admin.path(
            KINDS[item["kind"]], meta.get("namespace"), meta["name"], fieldManager="install", force="true"
        )
        admin.request("PATCH", path, item, APPLY).must()
    reviews = {"verb": "create", "group": "authentication.k8s.io", "resource": "tokenreviews"}
    until(lambda: may(admin, "", OPERATOR_USER, reviews), 20, "the operator may review tokens")
    wait_for_right(admin, ns, OPERATOR_USER, "create", "incidents")
    wait_for_right(admin, OPERATOR_NAMESPACE, OPERATOR_USER, "create", "alertbatches")


def sender(world: World, name: str = "alertmanager", *, may: bool = True) -> str:
    """A token of a ServiceAccount of the namespace, for our audience; with the right to create alerts there."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}}
    world.admin.create(account, world.ns).must()
    if may:
        bind(world.admin, world.ns, "stanch-alerts", {"kind": "ServiceAccount", "name": name, "namespace": world.ns})
        wait_for_right(world.admin, world.ns, f"system:serviceaccount:{world.ns}:{name}", "create", "alerts")
    return token_of(world, name, ALERTS_AUDIENCE)


def token_of(world: World, name: str, *audiences: str) -> str:
    """A fresh token; without an audience for the API server itself."""
    path = f"{world.admin.path('serviceaccounts', world.ns, name)}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": list(audiences)}}
    return str(world.admin.request("POST", path, body).must()["status"]["token"])


def post(url: str, body: Json, token: str) -> tuple[int, Json]:
    """One notification; code and body of the answer."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read())


# --- a storm ---------------------------------------------------------------------------------------------------------


@dataclass
class Storm:
    """
    So many notifications of one alert each, in so many groups, evenly over some seconds; each is sent until it is taken, as
    Alertmanager does after 5xx and after a connection that broke.
    """

    url: str
    token: str
    alerts: int = 500
    groups: int = 10
    seconds: float = 5.0
    first_try: list[float] = field(default_factory=list)
    tries: int = 0
    refused: list[str] = field(default_factory=list)

    def run(self) -> Self:
        """Send them all, and wait until all are taken."""
        asyncio.run(self._run())
        return self

    async def _run(self) -> None:
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {self.token}"}) as client:
            began = time.monotonic()
            await asyncio.gather(*(self._one(client, number, began) for number in range(1, self.alerts + 1)))

    async def _one(self, client: aiohttp.ClientSession, number: int, began: float) -> None:
        body = payload(alert(number, pod=f"checkout-{number}"), group=f"group-{number % self.groups}")
        await asyncio.sleep(max(0.0, began + self.seconds * number / self.alerts - time.monotonic()))
        pause = 0.25
        while time.monotonic() - began < GIVE_UP_SECONDS:
            sent = time.monotonic()
            self.tries += 1
            code = await self._post(client, body)
            if code == 202:
                if pause == 0.25:
                    self.first_try.append(time.monotonic() - sent)
                return
            if code and code < 500:
                break
            await asyncio.sleep(pause)
            pause = min(2.0, 2 * pause)
        self.refused.append(f"alert {number}: {code}")

    async def _post(self, client: aiohttp.ClientSession, body: Json) -> int:
        with contextlib.suppress(aiohttp.ClientError, TimeoutError, OSError):
            async with client.post(self.url, json=body, timeout=aiohttp.ClientTimeout(total=10)) as answer:
                await answer.read()
                return answer.status
        return 0

    def words(self) -> str:
        """How long the first tries took that were taken, for who reads along."""
        took = sorted(self.first_try)
        if not took:
            return "no first try was taken"
        p50, p99 = took[len(took) // 2], took[min(len(took) - 1, len(took) * 99 // 100)]
        return f"{len(took)} of {self.alerts} taken at once, p50 {p50 * 1000:.0f} ms, p99 {p99 * 1000:.0f} ms, {self.tries} tries"


# --- the real stack --------------------------------------------------------------------------------------------------


def literal_alertmanager_yml() -> Json:
    """The file that the how-to prints."""
    blocks = re.findall(r"```yaml\n(.*?)```", HOW_TO.read_text(encoding="utf-8"), re.DOTALL)
    return next(found for block in blocks if "webhook_configs" in block and (found := yaml.safe_load(block)))


class Stack:
    """Prometheus and Alertmanager on loopback, looking at what ``targets`` says, every second."""

    def __init__(self, folder: Path, rules: Sequence[Json], targets: Callable[[], Iterable[Json]]) -> None:
        self.folder, self.rules, self.targets = folder, rules, targets
        self.prometheus, self.alertmanager = free_port(), free_port()
        self._processes: list[subprocess.Popen[bytes]] = []
        self._over = threading.Event()

    def start(self, url: str, token: str, **route: Any) -> Self:
        """Send to ``url``; ``route`` is what differs from the how-to's."""
        packages.ensure_path()
        packages.install(packages.missing(PACKAGES), PACKAGES)
        (self.folder / "token").write_text(token)
        self._write(url, route)
        self._tell_targets()
        threading.Thread(target=self._keep_telling, daemon=True).start()
        self._run(
            "prometheus",
            f"--config.file={self.folder}/prometheus.yml",
            f"--storage.tsdb.path={self.folder}/tsdb",
            f"--web.listen-address=127.0.0.1:{self.prometheus}",
        )
        self._run(
            "prometheus-alertmanager",
            f"--config.file={self.folder}/alertmanager.yml",
            f"--storage.path={self.folder}/am",
            f"--web.listen-address=127.0.0.1:{self.alertmanager}",
            "--cluster.listen-address=",
        )
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    def _write(self, url: str, route: Json) -> None:
        config = literal_alertmanager_yml()
        config["route"] |= route
        hook = config["receivers"][0]["webhook_configs"][0]
        assert hook["url"].endswith("/alerts")
        hook["url"] = url
        hook["http_config"]["authorization"]["credentials_file"] = str(self.folder / "token")
        (self.folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
        rules = {"groups": [{"name": "shop", "interval": "1s", "rules": list(self.rules)}]}
        (self.folder / "rules.yml").write_text(yaml.safe_dump(rules))
        found = {"job_name": "shop", "file_sd_configs": [{"files": [str(self.folder / "targets.json")]}]}
        prometheus = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(self.folder / "rules.yml")],
            "scrape_configs": [found],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{self.alertmanager}"]}]}]},
        }
        (self.folder / "prometheus.yml").write_text(yaml.safe_dump(prometheus))

    def _run(self, program: str, *words: str) -> None:
        path = shutil.which(program)
        assert path, f"{program} is not there"
        with (self.folder / f"{program}.log").open("wb") as log:
            self._processes.append(
                subprocess.Popen([path, *words], cwd=self.folder, stdout=log, stderr=log, start_new_session=True)
            )

    def _tell_targets(self) -> None:
        text = json.dumps(list(self.targets()))
        place = self.folder / "targets.json"
        if not place.exists() or place.read_text() != text:
            fresh = self.folder / "targets.new"
            fresh.write_text(text)
            os.replace(fresh, place)

    def _keep_telling(self) -> None:
        while not self._over.wait(0.3):
            self._tell_targets()

    def log(self) -> str:
        """The last words of both."""
        return "\n".join(path.read_text()[-1500:] for path in sorted(self.folder.glob("*.log")))


def pods_of(world: World, app: str = "checkout") -> Iterable[Json]:
    """Targets: each pod of an app that has an address."""
    for pod in world.admin.list("pods", world.ns, labelSelector=f"app={app}"):
        address = pod.get("status", {}).get("podIP")
        if address and not pod["metadata"].get("deletionTimestamp"):
            labels = {"namespace": world.ns, "deployment": app, "pod": pod["metadata"]["name"]}
            yield {"targets": [f"{address}:8080"], "labels": labels}


def made_by_alerts(world: World) -> list[Json]:
    """Incidents of the namespace that alerts made."""
    return world.admin.list("incidents", world.ns, labelSelector="stanch.dev/group")


def the_one(world: World, seconds: float = 60) -> Json:
    """The incident that an alert made, once it is there and looked at."""

    def look() -> Json | None:
        found = [i for i in made_by_alerts(world) if i.get("status", {}).get("alerts")]
        return found[0] if found else None

    return until(look, seconds, f"an alert makes an incident in {world.ns}")
