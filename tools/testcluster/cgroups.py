"""Control groups of a cluster: one set for the control plane, one for each node, on cgroup v1, hybrid and v2."""

import os
import signal
from pathlib import Path

from testcluster.ui import ClusterError, wait_until

ROOT = Path("/sys/fs/cgroup")
REMEDY = "run on a machine (or virtual machine) whose root may create control groups below /sys/fs/cgroup"


def hierarchies() -> list[Path]:
    """Every mounted cgroup hierarchy: one for v2, many for v1 and hybrid."""
    found = []
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind in ("cgroup", "cgroup2") and Path(where).is_relative_to(ROOT):
            found.append(Path(where))
    return found


def is_v2_only() -> bool:
    """Whether the one hierarchy is cgroup v2."""
    return (ROOT / "cgroup.controllers").exists()


def tracker() -> Path:
    """The hierarchy whose membership tells which processes are ours."""
    mounted = hierarchies()
    for wanted in (ROOT, ROOT / "pids", ROOT / "systemd"):
        if wanted in mounted:
            return wanted
    if not mounted:
        raise ClusterError("control groups", "nothing is mounted below /sys/fs/cgroup", REMEDY)
    return mounted[0]


def create(name: str) -> Path:
    """Make group `name` in every hierarchy; returns the file a process writes its pid to in order to join."""
    try:
        for top in hierarchies():
            (top / name).mkdir(exist_ok=True)
            _inherit_cpuset(top, name)
        if is_v2_only():
            _delegate(ROOT)
            _delegate(ROOT / name)
        # Processes join a leaf: v2 forbids members in a group that hands controllers to its children.
        leaf = tracker() / name / "sys"
        leaf.mkdir(exist_ok=True)
    except OSError as error:
        raise ClusterError("control groups", f"cannot create {name}: {error}", REMEDY) from None
    return leaf / "cgroup.procs"


def _inherit_cpuset(top: Path, name: str) -> None:
    """A new v1 cpuset group is empty and takes no process until it has processors and memory nodes."""
    for field in ("cpuset.cpus", "cpuset.mems"):
        mine = top / name / field
        if top.name.startswith("cpuset") and mine.exists() and not mine.read_text().strip():
            mine.write_text((top / field).read_text())


def _delegate(group: Path) -> None:
    """Hand every controller of a v2 group to its children; one at a time, as some may refuse."""
    for controller in (group / "cgroup.controllers").read_text().split():
        try:
            (group / "cgroup.subtree_control").write_text(f"+{controller}")
        except OSError:
            continue  # the kubelet says which controller it misses, if it misses one


def groups(prefix: str) -> list[str]:
    """Names of the top-level groups that start with `prefix`, in whatever hierarchy."""
    return sorted({path.name for top in hierarchies() for path in top.glob(f"{prefix}*") if path.is_dir()})


def members(name: str) -> list[int]:
    """Pids of every process in the group and below."""
    pids = []
    for path in (tracker() / name).glob("**/cgroup.procs"):
        try:
            pids += [int(pid) for pid in path.read_text().split() if pid != "0"]
        except OSError:
            continue  # vanished meanwhile
    return pids


def kill_all(name: str, seconds: float = 20) -> list[int]:
    """Kill every member until none is left; returns those that would not die."""

    def sweep() -> bool:
        for pid in members(name):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return not members(name)

    wait_until(sweep, seconds)
    return members(name)


def remove(name: str) -> list[Path]:
    """Remove the group in every hierarchy, deepest first; returns what would not go."""

    def sweep() -> bool:
        for top in hierarchies():
            for path, _, _ in os.walk(top / name, topdown=False):
                try:
                    os.rmdir(path)
                except OSError:
                    continue  # busy for a moment after its last process died
        return not any((top / name).exists() for top in hierarchies())

    wait_until(sweep, 10)
    return [top / name for top in hierarchies() if (top / name).exists()]
