"""Runs `tools/testcluster` and kubectl the way a person does: as programs."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
TOOL = REPOSITORY / "tools" / "testcluster"


def environment(**more: str) -> dict[str, str]:
    """The environment without a cluster somebody exported, and with the local kind of cluster forced."""
    kept = {name: value for name, value in os.environ.items() if name != "KUBECONFIG"}
    return {**kept, "STANCH_CLUSTER": "local", **more}


def tool(*args: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run one command of the tool to its end."""
    command = [sys.executable, str(TOOL), *args]
    return subprocess.run(
        command, text=True, capture_output=True, check=False, timeout=900, cwd=REPOSITORY, env=environment(**more)
    )


def succeed(*args: str) -> str:
    """Run one command of the tool, which must succeed; returns what it told the person."""
    done = tool(*args)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def snapshot() -> dict[str, list[str]]:
    """What is on the machine that a cluster could have left."""
    return dict(json.loads(tool("snapshot").stdout))


def eventually(check: Callable[[], bool], what: str, seconds: float = 30) -> None:
    """Wait until `check` is true, or fail naming what did not come."""
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.1)


class Cluster:
    """A running cluster in one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.kubectl_path = Path(tool("bin").stdout.strip()) / "kubectl"

    def state(self) -> dict[str, object]:
        """The record of what was started."""
        return dict(json.loads((self.root / "state.json").read_text()))

    def kubectl(self, *args: str, data: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run kubectl as the administrator."""
        command = [str(self.kubectl_path), f"--kubeconfig={self.root / 'kubeconfig'}", *args]
        return subprocess.run(command, input=data, text=True, capture_output=True, check=False, timeout=60)

    def must(self, *args: str, data: str | None = None) -> str:
        """Run kubectl, which must succeed."""
        done = self.kubectl(*args, data=data)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def deploy(self, name: str, image: str, *command: str, replicas: int = 1) -> None:
        """Make a Deployment and wait until it is rolled out."""
        more = ["--", *command] if command else []
        self.must("create", "deployment", name, f"--image={image}", f"--replicas={replicas}", *more)
        self.must("rollout", "status", f"deployment/{name}", "--timeout=40s")

    def pod_field(self, selector: str, path: str) -> str:
        """One field of the pods a label selects."""
        return self.must("get", "pods", "-l", selector, "-o", "jsonpath={.items[*]" + path + "}")

    def ready_nodes(self) -> list[str]:
        """Names of the Ready nodes."""
        lines = self.must("get", "nodes", "--no-headers").splitlines()
        return [line.split()[0] for line in lines if line.split()[1] == "Ready"]
