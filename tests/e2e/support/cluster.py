"""Stop a part of the local cluster for a while, by the pid that the cluster recorded when it started it."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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
    pids = [found[name].pid for name in names]
    children = [child for pid in pids for child in family(pid) if child != pid]
    try:
        signal_all(pids, children, signal.SIGSTOP)
        yield
    finally:
        signal_all(pids, children, signal.SIGCONT)


def signal_all(pids: list[int], children: list[int], number: int) -> None:
    """A part that is gone is an error; what a kubelet started for a moment (a probe, a mount) may end at any time."""
    for pid in pids:
        os.kill(pid, number)
    for pid in children:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def family(pid: int) -> list[int]:
    """A process and those that it started."""
    return [pid, *(each for child in proc.children(pid) for each in family(child))]
