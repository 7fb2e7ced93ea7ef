"""
A fork server of operators whose Policy has short waits: one import for many processes, each of which can be killed.

Reads one JSON object a line ({"kubeconfig", "log", "ahead", "policy", "counts", "hurry", "orphans", "alerts", "node"}), answers
with the pid of the operator it started. ``ahead`` is by how many seconds its machine's clock is wrong; ``policy`` are seconds that
differ, ``counts`` numbers and words; ``hurry`` is by how much people promise and miss each other sooner; ``alerts`` is where it
takes alerts, ``node`` the one that it runs on. The Lease is off: many work side by side, each confined to a namespace, and their
safety has to come without it.
"""

import asyncio
import ctypes
import json
import os
import signal
import sys
import traceback
from dataclasses import replace
from datetime import timedelta
from typing import Any

from stanch.api.policy import Policy
from stanch.shell import log
from stanch.shell.clock import machine_time
from stanch.shell.receiver import AlertsAt
from stanch.shell.run import Settings, run

PR_SET_PDEATHSIG = 1
# Less than what proxy.py calls slow, so that a write arrives after it was given up.
OTHERS_SECONDS = 5.0
# Only how often is looked, and how much one cluster bears, which stands for hundreds here. Who may what stays as shipped.
FAST = Policy(
    sample_every=timedelta(seconds=1),
    verify_every=timedelta(seconds=1),
    resync_every=timedelta(seconds=20),
    per_namespace_hourly=100_000,
    cluster_hourly=100_000,
    nodes_percent=100,
    # Nodes that are only written down become NotReady.
    sick_nodes_percent=101,
)


def hurried(policy: Policy, factor: int) -> Policy:
    """The same rhythm of updates and roles, so many times as fast: what takes a quarter of an hour is seen in seconds."""
    fields = ("internal", "leadership", "public_first", "public")
    cadence = {
        level: replace(rule, **{f: every / factor for f in fields if (every := getattr(rule, f)) is not None})
        for level, rule in policy.cadence.items()
    }
    roles = {level: replace(rule, within=rule.within / factor) for level, rule in policy.roles_required.items()}
    return replace(policy, cadence=cadence, roles_required=roles)


def operate(asked: dict[str, Any]) -> None:
    """Be an operator until told to stop."""
    out = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(out, 1)
    os.dup2(out, 2)
    os.environ["KUBECONFIG"] = asked["kubeconfig"]
    os.environ["NODE_NAME"] = asked.get("node", "")
    log.set_up(as_json=False, verbose=False)
    ahead = timedelta(seconds=asked.get("ahead", 0))
    policy = replace(FAST, **{name: timedelta(seconds=value) for name, value in asked.get("policy", {}).items()})
    policy = replace(policy, **asked.get("counts", {}))
    policy = hurried(policy, asked.get("hurry", 1))
    orphans = asked.get("orphans", False)
    alerts = AlertsAt(asked["alerts"]) if "alerts" in asked else None
    clock = lambda: machine_time() + ahead  # noqa: E731
    settings = Settings(asked["kubeconfig"], "", policy, clock=clock, orphans=orphans, alerts=alerts)
    asyncio.run(run(replace(settings, others_seconds=OTHERS_SECONDS)))


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
                operate(asked)
                code = 0
            except BaseException:
                # _exit below would keep why to itself.
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
