"""A local cluster from start to end: the order of the parts, and what to do when one fails."""

import os
import shutil
from pathlib import Path

from testcluster import binaries, cgroups, controlplane, images, kubeconfig, network, nodes, packages, pki, slots
from testcluster.interrupts import held
from testcluster.paths import Layout
from testcluster.proc import kill
from testcluster.slots import Slot
from testcluster.state import State, load, save
from testcluster.ui import ClusterError, say, wait_until

CONTROL_PLANE_SIZE = 4
PATIENCE_BEFORE_REFUSING = 20


def prepare() -> None:
    """What must be on the machine: root, packages, programs."""
    packages.ensure_path()
    absent = packages.missing()
    if os.geteuid() != 0:
        more = f"; also missing, and only root can install it: {', '.join(absent)}" if absent else ""
        raise ClusterError("local cluster", f"it needs root (namespaces, bridges, mounts), and you are not root{more}",
                           "run it with sudo, or give a cluster with KUBECONFIG=FILE, or install kind and Docker")  # fmt: skip
    packages.install(absent)
    binaries.ensure()


def healthy(layout: Layout, state: State, patience: float = 20) -> tuple[bool, list[int]]:
    """Whether the control plane runs, and which nodes do not."""
    if len(state.control_plane) != CONTROL_PLANE_SIZE or not all(proc.alive() for proc in state.control_plane):
        return False, []
    try:
        api = controlplane.api(layout, Slot(state.slot))
    except OSError:
        return False, []  # its keys were deleted
    if not wait_until(api.ready, patience, every=0.2):
        if patience < PATIENCE_BEFORE_REFUSING:
            return False, []
        raise ClusterError("kube-apiserver", "its process runs, but it does not answer",
                           "wait, or give the cluster up with `down`", layout.logs / "kube-apiserver.log")  # fmt: skip
    alive = {proc.name for proc in state.node_procs if proc.alive()}
    return True, [index for index in range(1, state.nodes + 1) if nodes.name_of(index) not in alive]


def up(layout: Layout, count: int) -> None:
    """Start a cluster from nothing; on any failure or interrupt leave nothing behind."""
    prepare()
    archives = images.archives()
    _sweep_orphans()
    state = State(kind="local", nodes=count)
    save(layout, state)  # before the slot is taken: a slot whose directory has no record counts as abandoned
    try:
        with held():
            slot = slots.allot(layout.root)
            state.slot = slot.number
            save(layout, state)
        _start(layout, slot, state, archives)
    except BaseException as error:
        say("cleaning up what was started")
        with held(drop=True):
            _clean_up(layout, keep_logs=isinstance(error, ClusterError))
        raise


def _clean_up(layout: Layout, *, keep_logs: bool) -> None:
    """`down` after a failure, whose own failure must not hide the first one."""
    try:
        down(layout, keep_logs=keep_logs)
    except ClusterError as second:
        say(second.show())


def _start(layout: Layout, slot: Slot, state: State, archives: list[Path]) -> None:
    programs = binaries.directory()
    say(f"bridge {slot.name} ({slot.host_ip}), certificates")
    network.create_bridge(slot)
    pki.create(layout.pki, slot, [nodes.name_of(index) for index in range(1, state.nodes + 1)])
    plane = controlplane.ControlPlane(layout, slot, state, programs)
    say("etcd, kube-apiserver")
    plane.start_etcd()
    plane.start_api_server()
    say(f"{state.nodes} nodes: namespaces, containerd, images")
    nodes.configure(layout, slot, state.nodes, archives)
    for index in range(1, state.nodes + 1):
        nodes.start(layout, slot, state, index, programs)
    plane.wait_api_server()
    say("kube-apiserver is ready; kube-controller-manager, kube-scheduler, kubelets, kube-proxies")
    nodes.release(layout, state.nodes)
    plane.start_controllers()
    nodes.wait_ready(layout, state, plane.api)
    plane.wait_usable()
    kubeconfig.write(layout.kubeconfig, server=controlplane.server(slot), authority=layout.pki / "ca.crt",
                     user="admin", token=pki.token(layout.pki, "admin"))  # fmt: skip


def restart_nodes(layout: Layout, state: State, dead: list[int]) -> None:
    """Boot nodes that died, on the disk they had, as a machine would after a power cut."""
    slot = Slot(state.slot)
    for index in dead:
        name = nodes.name_of(index)
        say(f"{name} is dead: starting it again")
        cgroups.kill_all(slot.group(name))
        cgroups.remove(slot.group(name))
        nodes.start(layout, slot, state, index, binaries.ensure())
    nodes.release(layout, state.nodes)
    nodes.wait_ready(layout, state, controlplane.api(layout, slot))


def down(layout: Layout, *, keep_logs: bool = False) -> bool:
    """Stop and remove everything of the cluster in this directory; whether there was anything."""
    state = load(layout)
    held_slots = slots.held_by(layout.root)
    if state is not None and state.slot >= 0 and slots.owner(state.slot) is None and _is_ours(state):
        held_slots.append(Slot(state.slot))  # the cache was deleted meanwhile
    if state is None and not held_slots and not layout.marker.exists():
        return False
    # By the record first, as it may know processes the groups lost; then by name, as the record may be lost.
    if state is not None:
        kill(state.node_procs)
    for slot in held_slots:
        clear_slot(slot, layout)
    if state is not None:
        kill(reversed(state.control_plane))
    # The slot before the record: a slot held without a record would be taken for abandoned.
    for slot in held_slots:
        slots.release(slot, layout.root)
    _remove_files(layout, keep_logs=keep_logs)
    return True


def _is_ours(state: State) -> bool:
    """Whether the links of the recorded slot are surely this cluster's: one of its processes still runs."""
    return any(proc.alive() for proc in [*state.control_plane, *state.node_procs])


def clear_slot(slot: Slot, layout: Layout) -> None:
    """Everything a slot's cluster has outside its directory: processes, control groups, links, routes."""
    groups = cgroups.groups(f"{slot.name}-")
    plane = slot.group(controlplane.GROUP)
    nodes.stop(layout, slot, [group.removeprefix(f"{slot.name}-") for group in groups if group != plane])
    if plane in groups:
        cgroups.kill_all(plane)
        cgroups.remove(plane)
    network.remove(slot)
    left = [*cgroups.groups(f"{slot.name}-"), *network.links(slot)]
    if left:
        raise ClusterError("clean-up", f"cannot remove {', '.join(left)}", "run `down` once more; reboot if it stays")


def _remove_files(layout: Layout, *, keep_logs: bool) -> None:
    """The cluster's own files only, and only in a directory that is one's: others may lie beside them."""
    if not (layout.marker.exists() or layout.state.exists()):
        return
    for path in (layout.etcd, layout.pki, layout.config):
        shutil.rmtree(path, ignore_errors=True)
    if keep_logs:
        _strip_nodes(layout)
    else:
        for path in (layout.logs, layout.root / "nodes"):
            shutil.rmtree(path, ignore_errors=True)
    for path in (*layout.root.glob("audit*.log"), layout.kubeconfig, layout.state):
        path.unlink(missing_ok=True)
    if not keep_logs:
        layout.leave()


def _strip_nodes(layout: Layout) -> None:
    """Leave only the logs of the nodes."""
    for path in (layout.root / "nodes").glob("*/*"):
        if path.name != "logs" and path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != "logs":
            path.unlink()


def _sweep_orphans() -> None:
    """Remove what is left of clusters whose directory was deleted without `down`."""
    for number in range(slots.COUNT):
        holder = slots.owner(number)
        if holder is not None and slots.orphan(number):
            say(f"cluster {holder} was deleted without `down`: stopping what is left of it")
            clear_slot(Slot(number), Layout(holder))
            slots.release(Slot(number), holder)
