"""Real Prometheus beside the cluster, as Debian has it: finds the pods of a namespace by itself and scrapes them each second."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import urllib.parse
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import yaml

from e2e.support.api import Api, Json, until
from e2e.support.flux import free_port

sys.path.append(str(Path(__file__).resolve().parents[3] / "tools"))
from testcluster import packages

PORT = "8080"


def config(pods: str) -> Json:
    """All that is found at a URL. Debian builds its Prometheus without Kubernetes' own discovery."""
    found = {"url": pods, "refresh_interval": "1s"}
    scrape = {"job_name": "pods", "http_sd_configs": [found]}
    often = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    return {"global": often, "scrape_configs": [scrape], "rule_files": ["rules.yml"]}


class Pods:
    """Tells Prometheus which pods there are in the namespaces of tests, each time that it asks."""

    def __init__(self, admin: Api) -> None:
        handler = type("Handler", (_Handler,), {"admin": admin, "turn": threading.Lock()})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"

    def close(self) -> None:
        """Nobody is told any more."""
        self._server.shutdown()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    admin: Api
    turn: threading.Lock

    def do_GET(self) -> None:
        with self.turn:
            pods = self.admin.list("pods", None, labelSelector="app")
        body = json.dumps([target for pod in pods for target in _targets(pod)]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Not on the terminal."""


def _targets(pod: Json) -> list[Json]:
    """Where it is scraped, and what its series are called by; nothing for one that is not ours, or has no address."""
    meta, ip = pod["metadata"], pod.get("status", {}).get("podIP")
    if not ip or not meta["namespace"].startswith("e2e-"):
        return []
    labels = {"namespace": meta["namespace"], "app": meta["labels"]["app"], "pod": meta["name"]}
    return [{"targets": [f"{ip}:{PORT}"], "labels": labels}]


class Prometheus:
    """One process, stopped by its own pid."""

    def __init__(self, folder: Path, admin: Api) -> None:
        """Installs the package when it is missing."""
        packages.ensure_path()
        packages.install(packages.missing(packages.MONITORING), packages.MONITORING)
        self._pods = Pods(admin)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = folder / "prometheus.log"
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config(self._pods.url)))
        words = [
            "prometheus",
            f"--config.file={folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={self.url.removeprefix('http://')}",
        ]
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)

    def __enter__(self) -> Self:
        until(self._ready, 60, f"Prometheus is ready; its log is {self.log}")
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on()
        self._pods.close()
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(20)

    def _ready(self) -> bool:
        assert self._process.poll() is None, f"Prometheus ended: {self.log.read_text()[-2000:]}"
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
        return False

    def ask(self, query: str) -> list[Any]:
        """What it says to an instant query."""
        words = urllib.parse.urlencode({"query": query})
        with urllib.request.urlopen(f"{self.url}/api/v1/query?{words}", timeout=10) as answer:
            found: list[Any] = json.load(answer)["data"]["result"]
            return found

    def load(self, *rules: Json) -> None:
        """These alerting rules, and no others."""
        groups = [{"name": "test", "rules": list(rules)}] if rules else []
        (self.log.parent / "rules.yml").write_text(yaml.safe_dump({"groups": groups}))
        self._process.send_signal(signal.SIGHUP)

    def stand_still(self) -> None:
        """It is there, and does not answer."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """After it stood still."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGCONT)
