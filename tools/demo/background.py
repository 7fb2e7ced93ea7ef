"""The operator in the background: started from this checkout as its ServiceAccount, stopped by its recorded process."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from socket import socket

from tools.demo.screen import DemoError

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".cluster-demo"
RECORD = FOLDER / "operator.json"
LOG = FOLDER / "operator.log"
PATIENCE = 60


def _born(pid: int) -> str:
    """When a process was started: with it a recycled pid is never taken for ours. Empty when it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
        fields = text.rpartition(")")[2].split()
        return "" if fields[0] == "Z" else fields[19]
    except OSError:
        pass
    if Path("/proc/self").exists():
        return ""
    return subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout


def _free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(kubeconfig: Path) -> int:
    """Start it, record it, and wait until it is ready. Its pid."""
    FOLDER.mkdir(exist_ok=True)
    port = _free_port()
    words = [
        sys.executable,
        "-m",
        "tools.operator_run",
        "--kubeconfig",
        str(kubeconfig),
        "--listen",
        f"127.0.0.1:{port}",
    ]
    environment = {k: v for k, v in os.environ.items() if k != "KUBECONFIG"}
    with LOG.open("w", encoding="utf-8") as log:
        # A session of its own: Ctrl-C at the demo leaves it alone, and stopping it reaches its child.
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, env=environment, start_new_session=True
        )
    RECORD.write_text(json.dumps({"pid": process.pid, "born": _born(process.pid)}), encoding="utf-8")
    end = time.monotonic() + PATIENCE
    while not _ready(port):
        if process.poll() is not None or time.monotonic() > end:
            raise DemoError(f"the operator did not get ready; its last lines:\n{tail()}")
        time.sleep(0.2)
    return process.pid


def _ready(port: int) -> bool:
    with suppress(urllib.error.URLError, OSError):
        return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).status == 200)
    return False


def tail(lines: int = 8) -> str:
    """The end of the operator's log."""
    with suppress(OSError):
        return "\n".join(f"  | {line}" for line in LOG.read_text(errors="replace").splitlines()[-lines:])
    return "  | (no log)"


def _members(leader: int) -> list[int]:
    """Processes of the operator's session, its leader or not."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            fields = stat.read_text(encoding="utf-8").rpartition(")")[2].split()
            if int(fields[3]) == leader and fields[0] != "Z":
                found.append(int(stat.parent.name))
    return found


def stop() -> bool:
    """Stop the recorded operator, politely and then not. False when none runs."""
    try:
        record = json.loads(RECORD.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    pid = int(record["pid"])
    alive = _born(pid) == record["born"] != ""
    if alive:
        for number, patience in ((signal.SIGINT, 10), (signal.SIGTERM, 5), (signal.SIGKILL, 5)):
            if _gone(pid, number, patience):
                break
    RECORD.unlink(missing_ok=True)
    return alive


def _gone(leader: int, number: int, patience: float) -> bool:
    with suppress(ProcessLookupError):
        os.killpg(leader, number)
    end = time.monotonic() + patience
    while time.monotonic() < end:
        with suppress(ChildProcessError):
            os.waitpid(leader, os.WNOHANG)
        if not _members(leader) and not _born(leader):
            return True
        time.sleep(0.1)
    return False
