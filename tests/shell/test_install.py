"""The order in which stanch is put on a cluster: at no moment may people ask for something that nobody vouches for."""

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from tools import install as installer
from tools.crds_rules import KINDS
from tools.install import ROOT, InstallError, Kubectl, install, uninstall
from tools.policies import policies

from build import T0, Json, stamp
from stanch.shell.policies import BITES_AFTER, EXPECTED

SERVED = sorted({expected.resource for expected in EXPECTED.values()})
# What Kubernetes 1.30 to 1.35 serves in v1; before 1.30, nothing of it.
OLDER = [name for name in SERVED if name.startswith("validating")]


class Paper(Kubectl):
    """A cluster that takes everything, refuses what is forged once its policies are there, and notes the order."""

    def __init__(self, *, installed: bool, serves: Sequence[str] = SERVED) -> None:
        """``serves``: resources of admissionregistration.k8s.io/v1, none when even the group is unknown."""
        super().__init__("kubectl", None)
        self.order: list[str] = []
        self.waited: list[str] = []
        self.policies, self.serves = installed, serves

    def __call__(self, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """What kubectl would say."""
        if words[:2] == ("get", "--raw"):
            return self._resources()
        if words[0] == "wait":
            self.waited += [word for word in words if word.startswith("crd/")]
        if "manifests/policies" in words[-1] and set(SERVED) - set(self.serves):
            return subprocess.CompletedProcess([], 1, "", 'no matches for kind "MutatingAdmissionPolicy" in version')
        if "-f" in words and words[words.index("-f") + 1] != "-":
            self.order.append(f"{words[0]} {Path(words[words.index('-f') + 1]).relative_to(ROOT)}")
            self.policies = self.policies or self.order[-1] == "apply manifests/policies"
        if words[0] == "get" and "-o" in words and words[words.index("-o") + 1] == "json":
            return self._said({"items": self._live() if self.policies and "admission" in words[1] else []})
        if words[0] == "create":
            return self._stamped(json.loads(stdin))
        return self._said({})

    def _resources(self) -> subprocess.CompletedProcess[str]:
        if not self.serves:
            return subprocess.CompletedProcess([], 1, "", "Error from server (NotFound): the server could not find it")
        return self._said({"resources": [{"name": name} for name in self.serves]})

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
        "apply manifests/components/change-freeze/change-freeze.yaml",
    ]


def applied_by(overlay: Path) -> set[str]:
    """Files of a kustomization, of what it builds on and of its components, as paths in the repository."""
    names = [overlay / name for name in ("kustomization.yaml", "Kustomization")]
    index = yaml.safe_load(next(each for each in names if each.exists()).read_text())
    found: set[str] = set()
    for each in (*index.get("resources", ()), *index.get("components", ())):
        path = (overlay / each).resolve()
        found |= applied_by(path) if path.is_dir() else {str(path.relative_to(ROOT))}
    return found


@pytest.mark.parametrize(("everywhere", "overlay"), [(True, "cluster"), (False, "namespaced")])
def test_it_applies_what_the_overlay_of_that_name_has(slept: list[float], everywhere: bool, overlay: str) -> None:
    """All of it and nothing else, but the Deployment of the operator: from a checkout that is `make run`."""
    cluster = Paper(installed=False)
    install(cluster, everywhere=everywhere)
    done: set[str] = set()
    for each in cluster.order:
        path = ROOT / each.removeprefix("apply ")
        files = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
        done |= {str(file.relative_to(ROOT)) for file in files}
    wanted = {each for each in applied_by(ROOT / "manifests/overlays" / overlay) if "/deployment/" not in each}
    assert done == wanted


def test_it_is_done_only_when_what_is_said_next_counts(slept: list[float]) -> None:
    """Five seconds after new policies; what was there already is not waited for."""
    install(Paper(installed=False), everywhere=False)
    assert sum(slept) >= BITES_AFTER.total_seconds() - 1
    slept.clear()
    install(Paper(installed=True), everywhere=False)
    assert slept == []


@pytest.mark.parametrize("serves", [OLDER, ["validatingwebhookconfigurations"], []], ids=["1.30", "1.29", "no group"])
def test_below_1_36_it_is_put_there_to_record_only(
    slept: list[float], capsys: pytest.CaptureFixture[str], serves: Any
) -> None:
    """All but the policies, which that API server does not know; nor any right to act, for nothing would bound it. In words."""
    cluster = Paper(installed=False, serves=serves)
    install(cluster, everywhere=True)
    assert cluster.order == ["apply crds", "apply manifests/rbac/namespace.yaml", "apply manifests/rbac"]
    said = capsys.readouterr().out
    assert "serves no mutatingadmissionpolicies" in said or "and no mutatingadmissionpolicies" in said
    assert "declares and records here, and performs nothing" in said
    assert "ok  what people say from now on counts" not in said


def test_below_1_36_it_is_taken_away_as_well(slept: list[float]) -> None:
    """kubectl does not delete what is of a kind that it can't look up."""
    cluster = Paper(installed=False, serves=OLDER)
    uninstall(cluster, sure=True)
    assert cluster.order[0] == "delete manifests/overlays/cluster/act-everywhere.yaml"
    assert cluster.order[1:] == ["delete crds", "delete manifests/rbac"]


def test_what_can_not_be_asked_is_not_taken_for_a_no(slept: list[float]) -> None:
    """A server that has no time would else be left without its policies."""
    cluster = Paper(installed=False)
    cluster._resources = lambda: subprocess.CompletedProcess([], 1, "", "Unable to connect")  # type: ignore[method-assign]
    with pytest.raises(InstallError, match="Unable to connect"):
        install(cluster, everywhere=True)
    assert cluster.order == []


def test_every_kind_is_waited_for(slept: list[float]) -> None:
    """One that is not established yet fails whatever comes next, now and then."""
    cluster = Paper(installed=True)
    install(cluster, everywhere=False)
    assert cluster.waited == [f"crd/{kind.plural}.stanch.dev" for kind in KINDS]


def test_on_the_way_out_the_operator_loses_its_rights_first(slept: list[float]) -> None:
    """It may run for a minute more, and must not believe what is forged then."""
    cluster = Paper(installed=True)
    uninstall(cluster, sure=True)
    # What it may act on and label goes before the policies that are its leash.
    assert cluster.order[:3] == [
        "delete manifests/overlays/cluster/act-everywhere.yaml",
        "delete manifests/components/change-freeze/change-freeze.yaml",
        "delete manifests/policies",
    ]
