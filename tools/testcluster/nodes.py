"""Nodes: each lives in its own namespaces and control group on this machine, the way a container would."""

import shutil
import time
from pathlib import Path

from testcluster import cgroups, network, nodeconfig
from testcluster.api import Api
from testcluster.paths import HERE, Layout
from testcluster.proc import Proc, children, identify, spawn
from testcluster.slots import Slot
from testcluster.state import State, save
from testcluster.ui import ClusterError, wait_until

NAMESPACES = ["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--net", "--ipc", "--uts"]
REMEDY = (
    "the machine must let root unshare namespaces and mount overlayfs, and its firewall, if any, must accept what "
    "comes in on the bridges stanchk*; read the log above, then run `up` again"
)
READY_SECONDS = 60
ENDED_OFTEN = 3


def name_of(index: int) -> str:
    """node-1, node-2, …"""
    return f"node-{index}"


def start(layout: Layout, slot: Slot, state: State, index: int, binaries: Path) -> None:
    """Start node `index` up to its container runtime; its kubelet waits for `release`."""
    name = name_of(index)
    base = layout.node(name)
    for flag in ("api-ready", "images-failed", "ended"):
        (base / flag).unlink(missing_ok=True)
    procs_file = cgroups.create(slot.group(name))
    peers = [f"{slot.node_pods(other)}={slot.node_ip(other)}" for other in range(1, state.nodes + 1) if other != index]
    init = ["sh", str(HERE / "node-init.sh"), str(base), str(binaries), name, f"{slot.node_ip(index)}/24",
            slot.host_ip, *peers]  # fmt: skip
    proc = spawn(name, ["unshare", *NAMESPACES, *init], base / "logs" / "init.log", procs_file,
                 nodeconfig.environment(base))  # fmt: skip
    state.node_procs = [*(old for old in state.node_procs if old.name != name), proc]
    save(layout, state)
    pid = _init_pid(layout, name, proc)
    state.node_procs[-1] = identify(name, pid)  # pid 1 of the node is what makes and ends it
    save(layout, state)
    network.connect(slot, index, pid)


def _init_pid(layout: Layout, name: str, proc: Proc) -> int:
    """The pid, seen from here, of the process that is pid 1 in the node."""
    if not wait_until(lambda: bool(children(proc.pid)) or not proc.alive(), 5, every=0.01) or not proc.alive():
        raise ClusterError(name, "its namespaces could not be made", REMEDY, layout.node(name) / "logs" / "init.log")
    return children(proc.pid)[0]


def configure(layout: Layout, slot: Slot, count: int, archives: list[Path]) -> None:
    """Write the files of all nodes."""
    for index in range(1, count + 1):
        nodeconfig.write(layout, slot, index, archives)


def release(layout: Layout, count: int) -> None:
    """Let the kubelets start: the API server is ready."""
    for index in range(1, count + 1):
        (layout.node(name_of(index)) / "api-ready").touch()


def wait_ready(layout: Layout, state: State, api: Api) -> None:
    """Wait until every node is Ready; notice at once when one died."""
    wanted = {name_of(index) for index in range(1, state.nodes + 1)}
    end = time.monotonic() + READY_SECONDS
    while not wanted <= (ready := api.ready_nodes()):
        for proc in state.node_procs:
            logs = layout.node(proc.name) / "logs"
            if not proc.alive():
                raise ClusterError(proc.name, "it ended by itself", REMEDY, logs / "init.log")
            if (layout.node(proc.name) / "images-failed").exists():
                raise ClusterError(proc.name, "the test images could not be imported", REMEDY, logs / "images.log")
            for program, log in _ended_often(layout, proc.name):
                raise ClusterError(proc.name, f"its {program} ends again and again", REMEDY, log)
        if time.monotonic() > end:
            late = sorted(wanted - ready)[0]
            raise ClusterError(late, f"not Ready after {READY_SECONDS} s", REMEDY, _telling_log(layout, late))
        time.sleep(0.1)


def _ended_often(layout: Layout, name: str) -> list[tuple[str, Path]]:
    """Programs of a node that were started several times (see node-init.sh), and their logs."""
    path = layout.node(name) / "ended"
    ended = path.read_text().split() if path.exists() else []
    logs = layout.node(name) / "logs"
    return [(program, logs / f"{program}.log") for program in sorted(set(ended)) if ended.count(program) >= ENDED_OFTEN]


def _telling_log(layout: Layout, name: str) -> Path:
    """The log of the part that got stuck: the furthest one that was reached."""
    logs = layout.node(name) / "logs"
    for candidate in ("kubelet.log", "containerd.log"):
        if (logs / candidate).exists():
            return logs / candidate
    return logs / "init.log"


def stop(layout: Layout, slot: Slot, names: list[str]) -> None:
    """Kill everything in the nodes' control groups, then remove groups, and files."""
    for name in names:
        left = cgroups.kill_all(slot.group(name))
        if left:
            remedy = "see `ps -o pid,stat,wchan,cmd`; reboot if they hang"
            raise ClusterError(name, f"processes {left[:5]} cannot be killed", remedy)
        cgroups.remove(slot.group(name))
        shutil.rmtree(layout.node(name) / "var-lib", ignore_errors=True)
