"""A cluster the user gave with KUBECONFIG: checked, copied, never changed and never taken down."""

import os
import shutil
from pathlib import Path

from testcluster import binaries
from testcluster.kubeconfig import private_write
from testcluster.paths import Layout
from testcluster.proc import run, try_run
from testcluster.state import State, save
from testcluster.ui import ClusterError, say

REMEDY = "unset KUBECONFIG to let a cluster be made here, or point it at one that answers"


def kubectl() -> str:
    """The machine's kubectl, or ours."""
    return shutil.which("kubectl") or str(binaries.ensure() / "kubectl")


def up(layout: Layout) -> None:
    """Flatten the given kubeconfig into the directory, if its cluster answers."""
    source = os.environ.get("KUBECONFIG", "")
    if not source:
        raise ClusterError("given cluster", "KUBECONFIG is not set", REMEDY)
    for part in filter(None, source.split(os.pathsep)):
        if not Path(part).is_file():
            raise ClusterError("given cluster", f"KUBECONFIG names {part}, which is no file", REMEDY)
    view = ["config", "view", "--flatten", "--minify", "--raw"]
    flat = run([kubectl(), *view], part="given cluster", remedy=REMEDY)
    trial = ["get", "--raw", "/readyz", "--request-timeout=10s"]
    run([kubectl(), *trial], part="given cluster", remedy=REMEDY)
    say("the given cluster answers; its images must include stanch.test/busybox:1, :2 and :3 for the e2e tests")
    save(layout, State(kind="given"))
    private_write(layout.kubeconfig, flat)


def answers(kubeconfig: Path) -> bool:
    """Whether the cluster of a kubeconfig is ready."""
    args = [kubectl(), f"--kubeconfig={kubeconfig}", "get", "--raw", "/readyz", "--request-timeout=10s"]
    return kubeconfig.exists() and try_run(args) is not None


def forget(layout: Layout) -> None:
    """Remove our copy and record."""
    layout.kubeconfig.unlink(missing_ok=True)
    layout.state.unlink(missing_ok=True)
    layout.leave()
