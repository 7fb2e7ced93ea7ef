"""The operator under test: always a process of its own, always with the token of its ServiceAccount."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Self

from e2e.support.api import until

ROOT = Path(__file__).resolve().parents[3]
# What an operator's log must never hold.
BAD = ("Traceback", "a law is broken", "reconcile failed", "the status was refused", "never retrieved")


def environment(root: Path = ROOT) -> dict[str, str]:
    """Where the operator is imported from; a planted bug is in a copy of it."""
    return {**os.environ, "PYTHONPATH": f"{root / 'operator'}:{ROOT / 'tests'}:{ROOT}"}


class ForkServer:
    """Starts operators with short waits in milliseconds instead of seconds."""

    def __init__(self, root: Path = ROOT) -> None:
        """``root`` holds the folder ``operator``."""
        words = [sys.executable, "-m", "e2e.support.fast_operator"]
        self._process = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(root),
            start_new_session=True,
        )
        self._lock = threading.Lock()

    def start(self, kubeconfig: Path, log: Path, **more: Any) -> int:
        """Pid of a new operator; ``more`` is what fast_operator.py knows."""
        assert self._process.stdin
        assert self._process.stdout
        with self._lock:
            self._process.stdin.write(json.dumps({"kubeconfig": str(kubeconfig), "log": str(log)} | more) + "\n")
            self._process.stdin.flush()
            return int(self._process.stdout.readline())

    def close(self) -> None:
        """No more operators; those that run go on."""
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(10)


class Operator:
    """One operator, and all it ever logged; `start` may be called again after `kill` or `stop`."""

    def __init__(
        self, config: dict[str, Any], folder: Path, name: str, server: ForkServer | None = None, **more: Any
    ) -> None:
        """``server`` makes it a fast one, with ``more``; without, it is the product's own command line."""
        self.more = more
        self.kubeconfig, self.log = folder / f"{name}.kubeconfig", folder / f"{name}.log"
        self.kubeconfig.write_text(json.dumps(config))
        self.kubeconfig.chmod(0o600)
        self.log.touch()
        self.server, self.pid, self._process = server, 0, None
        self._process: subprocess.Popen[bytes] | None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: object, *_: object) -> None:
        self.stop()
        if kind is None:
            self.assert_clean()

    def start(self, ready: bool = True) -> Self:
        """Start it; ``ready`` waits until it has proved the policies and may act."""
        before = self.log.stat().st_size
        if self.server:
            self.pid = self.server.start(self.kubeconfig, self.log, **self.more)
        else:
            words = [sys.executable, "-m", "stanch.cli.main", "run", "--kubeconfig", str(self.kubeconfig)]
            words += ["--listen", self.more.get("listen", ""), "--log-format", "text"]
            with self.log.open("ab") as log:
                self._process = subprocess.Popen(
                    words, stdout=log, stderr=log, env=environment(), start_new_session=True
                )
            self.pid = self._process.pid
        if ready:
            until(lambda: "policies proven" in self.log.read_text()[before:] or not self.alive(), 90, "policies proven")
            assert self.alive(), f"the operator ended: {self.log.read_text()[-2000:]}"
        return self

    def alive(self) -> bool:
        """Is the process there?"""
        if self._process:
            return self._process.poll() is None
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, 0)
            return self.pid > 0
        return False

    def signal(self, number: int) -> None:
        """Send it a signal, if it is there."""
        with contextlib.suppress(ProcessLookupError):
            if self.pid:
                os.kill(self.pid, number)

    def kill(self) -> None:
        """kill -9, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        self.gone()

    def gone(self, seconds: float = 15) -> None:
        """Wait until the process is gone."""
        end = time.monotonic() + seconds
        while self.alive():
            assert time.monotonic() < end, f"operator {self.pid} does not end"
            time.sleep(0.01)
        self.pid = 0

    def stop(self) -> None:
        """As Kubernetes stops a pod: SIGTERM, then SIGKILL."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            self.gone()
        except AssertionError:
            self.kill()
            raise

    def complaints(self) -> list[str]:
        """Lines of its log that must not be there."""
        return [line for line in self.log.read_text().splitlines() if any(bad in line for bad in BAD)]

    def assert_clean(self) -> None:
        """No traceback, no law broken, no reconcile that failed."""
        assert self.complaints() == []
