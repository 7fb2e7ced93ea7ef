"""A real cluster: the one that STANCH_TEST_KUBECONFIG names, with stanch installed (`python -m tools.install`)."""

import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from cluster.given import OPERATOR_MORE, OPERATOR_NAMESPACE, Kubectl

ROOT = Path(__file__).resolve().parents[2]


def _program() -> str:
    if found := shutil.which("kubectl"):
        return found
    asked = [sys.executable, str(ROOT / "tools" / "testcluster"), "bin"]
    done = subprocess.run(asked, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.fail(
            f"there is no kubectl on PATH, and `python3 tools/testcluster bin` says: {done.stderr}", pytrace=False
        )
    return str(Path(done.stdout.strip().splitlines()[-1]) / "kubectl")


@pytest.fixture(scope="session")
def admin() -> Kubectl:
    """kubectl as the cluster's admin. Fails, and never skips, when there is no cluster: a skipped guard is no guard."""
    path = os.environ.get("STANCH_TEST_KUBECONFIG")
    if not path:
        pytest.fail(
            "STANCH_TEST_KUBECONFIG is not set: it must name the kubeconfig of a cluster for tests", pytrace=False
        )
    kubectl = Kubectl((_program(), "--kubeconfig", path))
    ready = kubectl("get", "--raw", "/readyz", "--request-timeout=10s")
    if not ready.ok:
        pytest.fail(f"the cluster of {path} does not answer: {ready.err.strip()}", pytrace=False)
    if not kubectl("get", "crd", "incidents.stanch.dev").ok:
        pytest.fail(f"stanch is not installed: .venv/bin/python -m tools.install --kubeconfig {path}", pytrace=False)
    return kubectl


@pytest.fixture(scope="module")
def more(admin: Kubectl) -> Iterator[None]:
    """The operator's name holds more than it does, for as long as its policies are tried."""
    name = OPERATOR_MORE["metadata"]["name"]
    assert admin.create(OPERATOR_MORE).ok
    account = f"--serviceaccount={OPERATOR_NAMESPACE}:stanch"
    assert admin("create", "clusterrolebinding", name, f"--clusterrole={name}", account).ok
    yield
    for kind in ("clusterrolebinding", "clusterrole"):
        admin("delete", kind, name)


@pytest.fixture
def namespace(admin: Kubectl) -> Iterator[str]:
    """A fresh namespace, deleted afterwards."""
    name = f"t-{uuid.uuid4().hex[:10]}"
    made = admin("create", "namespace", name)
    assert made.ok, made.err
    yield name
    admin("delete", "namespace", name, "--wait=false", "--ignore-not-found")


@pytest.fixture
def kubectl(admin: Kubectl, namespace: str) -> Kubectl:
    """kubectl as admin in the fresh namespace."""
    return admin.having("--namespace", namespace)


@pytest.fixture
def as_user(kubectl: Kubectl) -> Callable[..., Kubectl]:
    """kubectl as somebody else: ``as_user("alice")``."""

    def become(name: str, groups: Sequence[str] = ()) -> Kubectl:
        return kubectl.as_user(name, groups)

    return become
