"""A cluster by kind, where its program and a Docker engine are on the machine."""

import hashlib
import json
import os
import shutil
import subprocess

from testcluster import images
from testcluster.interrupts import held
from testcluster.kubeconfig import private_write
from testcluster.paths import Layout
from testcluster.proc import run, try_run
from testcluster.state import State, save
from testcluster.ui import ClusterError, slow_step

REMEDY = "see `kind version` and `docker info`; STANCH_CLUSTER=local does without both"


def usable() -> bool:
    """Whether kind is installed and a Docker engine answers."""
    return shutil.which("kind") is not None and try_run(["docker", "info"], seconds=15) is not None


def up(layout: Layout, count: int) -> None:
    """Create the cluster under a name of this directory's own, and load the test images into its nodes."""
    if not usable():
        raise ClusterError("kind", "there is no `kind` program, or no Docker engine answers", REMEDY)
    name = "stanch-" + hashlib.sha256(str(layout.root).encode()).hexdigest()[:10]
    archives = images.archives()
    state = State(kind="kind", kind_name=name, nodes=count)
    save(layout, state)
    try:
        _create(layout, name, count)
        for archive in archives:
            run(["kind", "load", "image-archive", str(archive), "--name", name], part="kind load", remedy=REMEDY)
        flat = run(["kind", "get", "kubeconfig", "--name", name], part="kind", remedy=REMEDY)
        private_write(layout.kubeconfig, flat)
    except BaseException as error:
        with held(drop=True):
            down(layout, state, keep_logs=isinstance(error, ClusterError))
        raise


def _create(layout: Layout, name: str, count: int) -> None:
    # One control plane that also runs pods, and workers for the rest: `count` schedulable nodes, as locally.
    roles = [{"role": "control-plane"}, *({"role": "worker"} for _ in range(count if count > 1 else 0))]
    config = {"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4", "nodes": roles}
    layout.logs.mkdir(parents=True, exist_ok=True)
    log = layout.logs / "kind.log"
    command = ["kind", "create", "cluster", "--name", name, "--config", "-", "--wait", "180s",
               "--kubeconfig", str(layout.root / "kind.kubeconfig")]  # fmt: skip
    with slow_step("kind create cluster", "1 to 3 minutes"), log.open("wb") as out:
        done = subprocess.run(command, input=json.dumps(config).encode(), stdout=out, stderr=out, check=False)
    if done.returncode != 0:
        raise ClusterError("kind create cluster", f"it ended with {done.returncode}", REMEDY, log)


def down(layout: Layout, state: State, *, keep_logs: bool = False) -> None:
    """Delete the kind cluster and our files."""
    if shutil.which("kind") is None:
        raise ClusterError("kind", "its program is gone, so the cluster cannot be deleted", REMEDY)
    run(["kind", "delete", "cluster", "--name", state.kind_name], part="kind", remedy=REMEDY, env={**os.environ})
    for path in (layout.kubeconfig, layout.root / "kind.kubeconfig", layout.state):
        path.unlink(missing_ok=True)
    if not keep_logs:
        shutil.rmtree(layout.logs, ignore_errors=True)
        layout.leave()
