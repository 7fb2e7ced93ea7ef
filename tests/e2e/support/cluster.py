"""Stop a part of the local cluster for a while, by the pid that the cluster recorded when it started it."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[3] / "tools"))
from testcluster import proc, state
from testcluster.paths import Layout


@contextmanager
def stopped(admin_file: Path, *names: str) -> Iterator[None]:
    """These parts (`kube-controller-manager`, or the kubelet of `node-2`) do nothing meanwhile, and then go on."""
    record = state.load(Layout(admin_file.parent))
    assert record is not None, f"{admin_file.parent} is no cluster of tools/testcluster: its parts can't be stopped"
    found = {p.name: p for p in (*record.control_plane, *record.node_procs)}
    assert set(names) <= set(found), f"no recorded pid of {names}: there are {sorted(found)}"
    pids = [pid for name in names for pid in family(found[name].pid)]
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def family(pid: int) -> list[int]:
    """A process and those that it started."""
    return [pid, *(each for child in proc.children(pid) for each in family(child))]
