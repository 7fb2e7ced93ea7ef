"""
A fork server of operators whose Policy has short waits: one import for many processes, each of which can be killed.

Reads one JSON object a line ({"kubeconfig", "log", "waits"}), answers with the pid of the operator it started.
"""

import asyncio
import ctypes
import json
import os
import signal
import sys
from dataclasses import replace
from datetime import timedelta

from stanch.api.policy import Policy
from stanch.shell import log
from stanch.shell.run import Settings, run

PR_SET_PDEATHSIG = 1
# Only how often is looked; who may what, and how long a write may take, stay as shipped.
FAST = Policy(sample_every=timedelta(seconds=1), verify_every=timedelta(seconds=1), resync_every=timedelta(seconds=20))


def operate(kubeconfig: str, file: str, waits: dict[str, float]) -> None:
    """Be an operator until told to stop; ``waits`` are seconds of the Policy, where a test can't wait for hours."""
    out = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ["KUBECONFIG"] = kubeconfig
    log.set_up(as_json=False, verbose=False)
    policy = replace(FAST, **{name: timedelta(seconds=value) for name, value in waits.items()})
    asyncio.run(run(Settings(kubeconfig, "", policy)))


def main() -> None:
    """Serve until stdin ends. Children are reaped by the kernel."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        asked = json.loads(line)
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                # No operator outlives the tests, however they end.
                ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
                os.setsid()
                operate(asked["kubeconfig"], asked["log"], asked["waits"])
                code = 0
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
