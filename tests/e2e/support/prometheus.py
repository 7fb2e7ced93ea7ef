"""Real Prometheus beside the cluster, as Debian has it: finds the pods of a namespace by itself and scrapes them each second."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Self

import yaml

from e2e.support.api import Json, until
from e2e.support.flux import free_port

sys.path.append(str(Path(__file__).resolve().parents[3] / "tools"))
from testcluster import packages

PORT = "8080"


def config(kubeconfig: Path) -> Json:
    """Every pod with our label; its namespace and app become labels of what it says."""
    meta = "__meta_kubernetes_pod"
    relabel = [
        {"source_labels": [f"{meta}_label_app"], "regex": ".+", "action": "keep"},
        {"source_labels": ["__meta_kubernetes_namespace"], "regex": "e2e-.*", "action": "keep"},
        {"source_labels": [f"{meta}_ip"], "regex": ".+", "action": "keep"},
        {"source_labels": [f"{meta}_ip"], "target_label": "__address__", "replacement": f"$1:{PORT}"},
        {"source_labels": ["__meta_kubernetes_namespace"], "target_label": "namespace"},
        {"source_labels": [f"{meta}_label_app"], "target_label": "app"},
        {"source_labels": [f"{meta}_name"], "target_label": "pod"},
    ]
    pods = {"role": "pod", "kubeconfig_file": str(kubeconfig)}
    scrape = {"job_name": "pods", "kubernetes_sd_configs": [pods], "relabel_configs": relabel}
    return {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": [scrape]}


class Prometheus:
    """One process, stopped by its own pid."""

    def __init__(self, folder: Path, kubeconfig: Path) -> None:
        """Installs the package when it is missing."""
        packages.ensure_path()
        packages.install(packages.missing(packages.MONITORING), packages.MONITORING)
        self.url = f"http://127.0.0.1:{free_port()}"
        self.log = folder / "prometheus.log"
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config(kubeconfig)))
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

    def stand_still(self) -> None:
        """It is there, and does not answer."""
        os.kill(self._process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """After it stood still."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._process.pid, signal.SIGCONT)
