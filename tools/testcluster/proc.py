"""Processes: run to the end, start for good, recognise again, and stop without hitting a stranger."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from testcluster.interrupts import held
from testcluster.ui import ClusterError, wait_until


@dataclass(frozen=True)
class Proc:
    """A started process. `start` (ticks since boot) and `boot` make it recognisable when its pid is used again."""

    name: str
    pid: int
    start: int
    boot: str

    def alive(self) -> bool:
        """Whether this very process still runs."""
        return self.boot == boot_id() and start_time(self.pid) == self.start


def boot_id() -> str:
    """Changes at every boot, when start times begin anew."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_time(pid: int) -> int:
    """Start of a process in ticks since boot; -1 when it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return -1
    return -1 if fields[0] in "ZX" else int(fields[19])


def identify(name: str, pid: int) -> Proc:
    """The record of a process that runs now."""
    return Proc(name, pid, start_time(pid), boot_id())


def stand_back() -> None:
    """Let this process and its children have the processors only when nothing else wants them."""
    os.nice(19)
    if (
        os.getsid(0) == os.getpid()
    ):  # Where the kernel shares by session, nice counts only inside one: the session's own.
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text("19")


def children(pid: int) -> list[int]:
    """Direct children of a process."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []


def run(
    args: Sequence[str], *, part: str, remedy: str = "", data: str | None = None, env: Mapping[str, str] | None = None
) -> str:
    """Run a command to its end and return its output; a failure becomes a ClusterError that quotes it."""
    try:
        done = subprocess.run(args, input=data, text=True, capture_output=True, check=False, env=env)
    except FileNotFoundError:
        raise ClusterError(part, f"the program `{args[0]}` is not on this machine", remedy) from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip() or "it said nothing")[-1500:]
        raise ClusterError(part, f"`{' '.join(args)[:200]}` ended with {done.returncode}: {said}", remedy)
    return done.stdout


def try_run(args: Sequence[str], seconds: float = 30) -> str | None:
    """Run a command whose failure is an answer too; None when it failed, hangs or does not exist."""
    try:
        done = subprocess.run(
            args, text=True, capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=seconds
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None


def spawn(name: str, args: Sequence[str], log: Path, cgroup_procs: Path, env: Mapping[str, str] | None = None) -> Proc:
    """Start a process that outlives us, inside a cgroup of ours from its first instruction on.

    The cgroup lists exactly what is ours even when the record is lost, so nothing can be left running.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    enter = ["sh", "-c", 'echo $$ > "$0" && exec "$@"', str(cgroup_procs), *args]
    with log.open("ab") as out, held():
        child = subprocess.Popen(
            enter, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd="/", start_new_session=True,
            env={**_environment(), **(env or {})},
        )  # fmt: skip
        # We end before it does, on purpose; without this Python warns about the child it no longer watches.
        child.returncode = 0
        return identify(name, child.pid)


def _environment() -> dict[str, str]:
    """Ours, less what would lead the cluster's own traffic elsewhere or change how Go programs behave."""
    unwanted = ("PROXY", "KUBECONFIG", "GODEBUG", "GOMEMLIMIT", "ETCD_", "CONTAINERD_")
    return {name: value for name, value in os.environ.items() if not any(word in name.upper() for word in unwanted)}


def kill(procs: Iterable[Proc], *, seconds: float = 20) -> list[Proc]:
    """Kill the given processes and wait until they are gone; returns those that are not."""
    wanted = [proc for proc in procs if proc.alive()]
    for proc in wanted:
        _signal(proc.pid)
    wait_until(lambda: _none_left(wanted), seconds, every=0.02)
    return [proc for proc in wanted if proc.alive()]


def _none_left(procs: Iterable[Proc]) -> bool:
    for proc in procs:
        _reap(proc.pid)
    return not any(proc.alive() for proc in procs)


def _signal(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _reap(pid: int) -> None:
    """Collect the process if it is a child of ours, so that it does not stay as a zombie."""
    with contextlib.suppress(OSError):
        os.waitpid(pid, os.WNOHANG)
