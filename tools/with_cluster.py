"""
Run a command with a cluster of its own, stanch installed on it, and nothing left afterwards.

`python -m tools.with_cluster COMMAND…` starts a cluster in a temporary directory, installs, sets STANCH_TEST_KUBECONFIG,
runs the command, and takes the cluster down whatever happens (kill -9 of this process excepted). Its exit code is the
command's; when the cluster can't start, it is 1: never a skip. A developer's .cluster and KUBECONFIG are not touched.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
LOGS = ROOT / ".cluster-test-logs"
TESTCLUSTER = [sys.executable, str(ROOT / "tools" / "testcluster")]


class Stopped(BaseException):
    """Somebody asked us to stop."""


def own_environment() -> dict[str, str]:
    """The environment without somebody's cluster: tests break things, and must never do so on a given one unasked."""
    kept = dict(os.environ)
    if kept.get("STANCH_CLUSTER") != "given" and kept.pop("KUBECONFIG", None):
        print(
            "with_cluster: KUBECONFIG is left alone; a cluster of its own is used (STANCH_CLUSTER=given to change that)"
        )
    return kept


def run(words: Sequence[str], environment: dict[str, str]) -> int:
    """Run one program to its end. When told to stop, let it clean up: pytest then stops the clusters of its tests."""
    process = subprocess.Popen(words, env=environment, cwd=ROOT, stdin=subprocess.DEVNULL)
    try:
        return process.wait()
    except Stopped as stopped:
        # Ctrl-C has reached it from the terminal already, and a second one would cut its cleaning up short.
        if stopped.args[0] != signal.SIGINT:
            process.send_signal(signal.SIGINT)
        for patience in (90, 10):
            try:
                process.wait(timeout=patience)
                break
            except subprocess.TimeoutExpired:
                process.terminate()
        process.kill()
        raise


def stop(number: int, frame: FrameType | None) -> None:
    """SIGINT, SIGTERM and SIGHUP end the command, and then the cluster."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    raise Stopped(number)


def with_cluster(command: Sequence[str], where: Path) -> int:
    """Cluster up, install, command; the first that fails decides."""
    environment = own_environment()
    kubeconfig = where / "kubeconfig"
    if run([*TESTCLUSTER, "up", "--dir", str(where)], environment):
        print("with_cluster: there is no cluster, so nothing was run", file=sys.stderr)
        return 1
    if run([sys.executable, "-m", "tools.install", "--kubeconfig", str(kubeconfig)], environment):
        print("with_cluster: stanch could not be installed, so nothing was run", file=sys.stderr)
        return 1
    return run(command, environment | {"STANCH_TEST_KUBECONFIG": str(kubeconfig)})


def main(arguments: Sequence[str]) -> int:
    """Entry point."""
    if not arguments:
        print(__doc__, file=sys.stderr)
        return 2
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, stop)
    place = Path(tempfile.mkdtemp(prefix="stanch-test-"))
    code = left = 1
    try:
        code = with_cluster(arguments, place / "cluster")
    except Stopped as stopped:
        code = 128 + int(stopped.args[0])
    finally:
        if code:
            keep_logs(place / "cluster" / "logs")
        left = take_down(place)
    return code or left


def keep_logs(logs: Path) -> None:
    """The cluster's logs, for whoever looks into a failure."""
    if logs.exists():
        kept = LOGS / logs.parent.parent.name
        shutil.copytree(logs, kept)
        print(f"with_cluster: logs of the cluster are kept in {kept}", file=sys.stderr)


def take_down(place: Path) -> int:
    """Remove the cluster; quiet unless that fails, so that the command's closing line stays the last."""
    down = [*TESTCLUSTER, "down", "--dir", str(place / "cluster")]
    gone = subprocess.run(down, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if gone.returncode:
        print(f"with_cluster: {place} could not be taken down: {gone.stdout}{gone.stderr}", file=sys.stderr)
    else:
        shutil.rmtree(place, ignore_errors=True)
    return gone.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
