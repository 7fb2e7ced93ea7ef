"""The operator as a process: started, waited for, stopped by its process group."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path
from socket import socket

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60


class Operator:
    """One operator against one cluster."""

    def __init__(self, kubeconfig: Path, log: Path) -> None:
        self.kubeconfig, self.log = kubeconfig, log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it is ready."""
        with socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        words = [sys.executable, "-m", "tools.operator_run", "--kubeconfig", str(self.kubeconfig)]
        words += ["--listen", f"127.0.0.1:{port}"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, start_new_session=True
            )
        end = time.monotonic() + PATIENCE
        while not self._ready(port):
            assert self.process.poll() is None, f"the operator ended:\n{self.tail()}"
            assert time.monotonic() < end, f"the operator is not ready:\n{self.tail()}"
            time.sleep(0.2)

    def _ready(self, port: int) -> bool:
        with suppress(OSError):
            return bool(urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).status == 200)
        return False

    def tail(self) -> str:
        """The end of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-25:])

    def stop(self) -> None:
        """Stop its whole process group."""
        assert self.process is not None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(timeout=10)
                break
        with suppress(ProcessLookupError):  # its child, if it outlived it
            os.killpg(self.process.pid, signal.SIGKILL)
