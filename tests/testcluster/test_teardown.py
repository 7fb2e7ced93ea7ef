"""A cluster leaves nothing behind, however it ends."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .helpers_testcluster import REPOSITORY, TOOL, Cluster, environment, eventually, snapshot, succeed, tool


def test_down_leaves_the_machine_as_it_was(cluster: Cluster, tmp_path: Path) -> None:
    """Mounts, namespaces, links, routes, groups, rules, sysctls, files: equal before `up` and after `down`."""
    before, root = snapshot(), tmp_path / "c"
    succeed("up", "--dir", str(root))
    second = Cluster(root)
    second.deploy("some", "stanch.test/busybox:1", replicas=3)
    assert second.ready_nodes() == cluster.ready_nodes()  # two stand side by side
    assert second.state()["slot"] != cluster.state()["slot"]
    succeed("down", "--dir", str(root))
    assert snapshot() == before
    assert not root.exists()
    assert "nothing to do" in succeed("down", "--dir", str(root))


def test_killed_parts_are_started_again_by_up(tmp_path: Path) -> None:
    """A node killed with -9 comes back with its pods; a killed control plane gives a fresh cluster; one lost record is no harm."""
    before, root = snapshot(), tmp_path / "c"
    succeed("up", "--dir", str(root))
    one = Cluster(root)
    one.deploy("some", "stanch.test/busybox:1", replicas=2)
    os.kill(_pid(one, "node_procs", "node-2"), signal.SIGKILL)
    assert "node-2 is dead: starting it again" in succeed("up", "--dir", str(root))
    eventually(lambda: one.ready_nodes() == ["node-1", "node-2"], "both nodes Ready")
    eventually(lambda: one.pod_field("app=some", ".status.containerStatuses[0].ready") == "true true", "pods ready")
    os.kill(_pid(one, "control_plane", "kube-apiserver"), signal.SIGKILL)
    assert "removing its remains" in succeed("up", "--dir", str(root))
    assert one.must("get", "deployments", "-o", "name") == ""
    (root / "state.json").unlink()
    assert "removed the remains" in succeed("down", "--dir", str(root))
    assert snapshot() == before


def test_deleted_directory_is_cleaned_up_by_the_next_up(tmp_path: Path) -> None:
    """What is left of a cluster whose directory was deleted is stopped by the next start anywhere."""
    before, lost, root = snapshot(), tmp_path / "lost", tmp_path / "c"
    succeed("up", "--dir", str(lost), "--nodes", "1")
    shutil.rmtree(lost)
    assert "deleted without `down`" in succeed("up", "--dir", str(root), "--nodes", "1")
    succeed("down", "--dir", str(root))
    assert snapshot() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_up_cleans_up(tmp_path: Path, number: signal.Signals) -> None:
    """An `up` that is interrupted half-way says so, exits 130 and leaves nothing."""
    before, root = snapshot(), tmp_path / "c"
    command = [sys.executable, str(TOOL), "up", "--dir", str(root)]
    with subprocess.Popen(command, cwd=REPOSITORY, env=environment(), stderr=subprocess.PIPE, text=True) as run:
        eventually((root / "nodes" / "node-2" / "logs" / "init.log").exists, "the second node's start")
        time.sleep(0.2)
        run.send_signal(number)
        _, said = run.communicate(timeout=60)
    assert run.returncode == 130, said
    assert "interrupted" in said
    assert "Traceback" not in said
    assert not root.exists()
    assert snapshot() == before


def test_failed_start_names_part_log_and_remedy(tmp_path: Path) -> None:
    """A program that will not run is named with its log and a remedy, and what was started is removed."""
    before, root, cache = snapshot(), tmp_path / "c", tmp_path / "cache"
    real = Path(succeed("bin").strip())
    programs = cache / "bin" / real.name
    programs.mkdir(parents=True)
    for program in real.iterdir():
        (programs / program.name).symlink_to(program)
    (programs / "etcd").unlink()
    (programs / "etcd").write_text("#!/bin/sh\necho the disk is on fire; exit 1\n")
    (programs / "etcd").chmod(0o755)
    done = tool("up", "--dir", str(root), STANCH_CACHE=str(cache))
    assert done.returncode == 1
    for wanted in ("etcd failed", f"log: {root}/logs/etcd.log", "the disk is on fire", "remedy:"):
        assert wanted in done.stderr
    assert "Traceback" not in done.stderr
    assert (root / "logs" / "etcd.log").exists()
    assert tool("down", "--dir", str(root), STANCH_CACHE=str(cache)).returncode == 0
    assert not root.exists()
    assert snapshot() == before


def test_strangers_files_are_safe(tmp_path: Path) -> None:
    """`up` refuses a directory with somebody's files, and `down` there removes none of them."""
    (tmp_path / "logs").mkdir()
    done = tool("up", "--dir", str(tmp_path))
    assert done.returncode == 1
    assert "not empty" in done.stderr
    succeed("down", "--dir", str(tmp_path))
    assert (tmp_path / "logs").is_dir()


def test_without_root_it_says_so(tmp_path: Path) -> None:
    """Without root `up` says that root is what is missing, and leaves nothing."""
    # In a user namespace without mappings nobody is root, yet the files of this repository stay readable.
    command = ["unshare", "--user", sys.executable, str(TOOL), "up", "--dir", str(tmp_path / "c")]
    done = subprocess.run(command, text=True, capture_output=True, check=False, cwd=REPOSITORY, env=environment())
    assert done.returncode == 1
    assert "needs root" in done.stderr
    assert "remedy:" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "c").exists()


def test_given_cluster_is_used_and_left_alone(cluster: Cluster, tmp_path: Path) -> None:
    """A cluster named by KUBECONFIG is checked and copied, and `down` only forgets it."""
    root = str(tmp_path / "c")
    done = tool("up", "--dir", root, STANCH_CLUSTER="", KUBECONFIG=str(cluster.root / "kubeconfig"))
    assert done.returncode == 0, done.stderr
    assert Cluster(tmp_path / "c").ready_nodes() == ["node-1", "node-2"]
    assert "stays" in succeed("down", "--dir", root)
    assert cluster.ready_nodes() == ["node-1", "node-2"]
    missing = tool("up", "--dir", root, STANCH_CLUSTER="", KUBECONFIG="/nonexistent")
    assert missing.returncode == 1
    assert "KUBECONFIG names /nonexistent" in missing.stderr


def _pid(cluster: Cluster, kind: str, name: str) -> int:
    procs = cluster.state()[kind]
    assert isinstance(procs, list)
    return next(int(proc["pid"]) for proc in procs if proc["name"] == name)
