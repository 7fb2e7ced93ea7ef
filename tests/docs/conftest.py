"""A cluster with stanch and a running operator, for the commands in our pages. Fails, and never skips, without one."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tools.install import find_kubectl

from .operator_process import Operator

ROOT = Path(__file__).resolve().parents[2]
TESTCLUSTER = [sys.executable, str(ROOT / "tools" / "testcluster")]
Shell = Callable[[str], subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def kubeconfig() -> Path:
    """The cluster that STANCH_TEST_KUBECONFIG names."""
    path = os.environ.get("STANCH_TEST_KUBECONFIG")
    if not path:
        pytest.fail("STANCH_TEST_KUBECONFIG is not set; `make test` sets it", pytrace=False)
    return Path(path)


@pytest.fixture(scope="module")
def operator(kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """The operator of this checkout, as its ServiceAccount, stopped afterwards."""
    running = Operator(kubeconfig, tmp_path_factory.mktemp("operator") / "operator.log")
    running.start()
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="module")
def own_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cluster for a page that takes stanch away."""
    where = tmp_path_factory.mktemp("own") / "cluster"
    environment = {k: v for k, v in os.environ.items() if k != "KUBECONFIG"}
    up = [*TESTCLUSTER, "up", "--dir", str(where), "--nodes", "1"]
    done = subprocess.run(up, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    try:
        install = [sys.executable, "-m", "tools.install", "--kubeconfig", str(where / "kubeconfig")]
        done = subprocess.run(install, capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 0, done.stderr
        yield where / "kubeconfig"
    finally:
        subprocess.run([*TESTCLUSTER, "down", "--dir", str(where)], capture_output=True, check=True, env=environment)


def shell_for(kubeconfig: Path) -> Shell:
    """bash, as a reader has it: kubectl on PATH, KUBECONFIG set, at the root of the repository."""
    environment = {
        **os.environ,
        "KUBECONFIG": str(kubeconfig),
        "PATH": f"{Path(find_kubectl()).parent}:{os.environ['PATH']}",
    }

    def run(script: str) -> subprocess.CompletedProcess[str]:
        words = ["bash", "-eu", "-c", script]  # no pipefail: `| head` is how people look
        return subprocess.run(
            words,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            env=environment,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
        )

    return run
