"""Backup and restore of a local cluster's etcd, as a person does it: stopped, its data copied or put back, started again."""

import os
import shutil
import signal
from pathlib import Path

from testcluster import binaries, cgroups, nodes
from testcluster.controlplane import ControlPlane
from testcluster.interrupts import held
from testcluster.locks import locked
from testcluster.paths import Layout
from testcluster.proc import Proc, kill
from testcluster.slots import Slot
from testcluster.state import State, load
from testcluster.ui import ClusterError, say

# What lists once and watches on would go on from a future that never happened: it is started anew by its node.
WATCHERS = ("kubelet", "kube-proxy")


def save(layout: Layout, where: Path) -> None:
    """Copy etcd's data. etcd is down for a moment; everything else runs on."""
    with locked(layout.lock, f"the cluster in {layout.root}"), held():
        state = _running(layout)
        if where.exists():
            raise ClusterError("backup", f"{where} is there already", "give --to a new directory")
        _stop(state, ["etcd"])
        shutil.copytree(layout.etcd, where)
        plane = _plane(layout, state)
        plane.start_etcd()
        plane.wait_api_server()
    say(f"etcd's data is in {where}")


def restore(layout: Layout, where: Path) -> None:
    """Put etcd's data back, with the whole control plane stopped, and start all that watches it anew."""
    with locked(layout.lock, f"the cluster in {layout.root}"), held():
        state = _running(layout)
        if not (where / "member").is_dir():
            raise ClusterError("restore", f"{where} holds no data of etcd", "give --from what `backup --to` made")
        _stop(state, [proc.name for proc in reversed(state.control_plane)])
        shutil.rmtree(layout.etcd)
        shutil.copytree(where, layout.etcd)
        plane = _plane(layout, state)
        plane.start_etcd()
        plane.start_api_server()
        plane.wait_api_server()
        _restart_watchers(state)
        plane.start_controllers()
        plane.wait_usable()
    say(f"the cluster is as it was in {where}")


def _running(layout: Layout) -> State:
    state = load(layout)
    if state is None or state.kind != "local" or not all(proc.alive() for proc in state.control_plane):
        raise ClusterError("backup", f"no local cluster runs in {layout.root}", "start one with `up`")
    return state


def _plane(layout: Layout, state: State) -> ControlPlane:
    return ControlPlane(layout, Slot(state.slot), state, binaries.directory())


def _stop(state: State, names: list[str]) -> None:
    """In this order, and out of the record."""
    stopped: list[Proc] = [proc for name in names for proc in state.control_plane if proc.name == name]
    if left := kill(stopped):
        raise ClusterError(left[0].name, "it does not end", "see its log")
    state.control_plane = [proc for proc in state.control_plane if proc not in stopped]


def _restart_watchers(state: State) -> None:
    for index in range(1, state.nodes + 1):
        for pid in cgroups.members(Slot(state.slot).group(nodes.name_of(index))):
            try:
                if Path(f"/proc/{pid}/comm").read_text().strip() in WATCHERS:
                    os.kill(pid, signal.SIGKILL)
            except (FileNotFoundError, ProcessLookupError):
                continue
