"""The order in which stanch is put on a cluster: at no moment may people ask for something that nobody vouches for."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tools import install as installer
from tools.install import ROOT, Kubectl, install, uninstall
from tools.policies import policies

from build import T0, Json, stamp
from stanch.shell.policies import BITES_AFTER


class Paper(Kubectl):
    """A cluster that takes everything, refuses what is forged once its policies are there, and notes the order."""

    def __init__(self, *, installed: bool) -> None:
        super().__init__("kubectl", None)
        self.order: list[str] = []
        self.policies = installed

    def __call__(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """What kubectl would say."""
        if "-f" in words and words[words.index("-f") + 1] != "-":
            self.order.append(f"{words[0]} {Path(words[words.index('-f') + 1]).relative_to(ROOT)}")
            self.policies = self.policies or self.order[-1] == "apply manifests/policies"
        if words[0] == "get" and "-o" in words and words[words.index("-o") + 1] == "json":
            return self._said({"items": self._live() if self.policies and "admission" in words[1] else []})
        if words[0] == "create":
            return self._stamped(json.loads(stdin))
        return self._said({})

    def _said(self, body: Json) -> subprocess.CompletedProcess[str]:
        return subprocess.CompletedProcess([], 0, json.dumps(body), "")

    def _live(self) -> list[Json]:
        meta = {"creationTimestamp": stamp(T0), "generation": 1}
        return [o | {"metadata": o["metadata"] | meta} for each in policies() for o in each.objects()]

    def _stamped(self, item: Json) -> subprocess.CompletedProcess[str]:
        assert self.policies, "it is tried only once they are applied"
        if item["metadata"].get("labels"):
            return subprocess.CompletedProcess([], 1, "", "denied by stanch-own-labels")
        me: dict[str, Any] = {"username": "me"}
        stamped = {"declaredBy": me, "requesters": [me], "author": me}
        return self._said(item | {"spec": item["spec"] | stamped})


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long it waited; nobody really does."""
    waited: list[float] = []
    monkeypatch.setattr(installer.time, "sleep", waited.append)
    return waited


def test_the_policies_hold_before_anybody_has_a_right(slept: list[float]) -> None:
    """Else what is written in the first seconds names whomever its writer likes."""
    cluster = Paper(installed=False)
    install(cluster, everywhere=True)
    assert cluster.order == [
        "apply crds",
        "apply manifests/rbac/namespace.yaml",
        "apply manifests/policies",
        "apply manifests/rbac",
        "apply manifests/overlays/cluster/act-everywhere.yaml",
    ]


def test_it_is_done_only_when_what_is_said_next_counts(slept: list[float]) -> None:
    """Five seconds after new policies; what was there already is not waited for."""
    install(Paper(installed=False), everywhere=False)
    assert sum(slept) >= BITES_AFTER.total_seconds() - 1
    slept.clear()
    install(Paper(installed=True), everywhere=False)
    assert slept == []


def test_on_the_way_out_the_operator_loses_its_rights_first(slept: list[float]) -> None:
    """It may run for a minute more, and must not believe what is forged then."""
    cluster = Paper(installed=True)
    uninstall(cluster, sure=True)
    assert cluster.order[:2] == ["delete manifests/overlays/cluster/act-everywhere.yaml", "delete manifests/policies"]
