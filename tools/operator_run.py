"""
Run the operator from this checkout against a cluster, in the foreground, as its own ServiceAccount and with no other right.

`python -m tools.operator_run [--kubeconfig FILE] [stanch run options]`; two may run side by side.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tools.install import find_kubectl, which_cluster

from stanch.api.names import OPERATOR_NAMESPACE

TOKEN_FOR = "24h"
# By a part of what kubectl says.
REMEDIES = {
    "not found": "is stanch installed on it? run `make install`",
    "current-context": "there is no cluster to run against: `make cluster` and `make install`, or export KUBECONFIG",
}


def as_service_account(admin: Path | None, program: str) -> dict[str, Any]:
    """A kubeconfig that holds the cluster of ``admin`` and a fresh token of the operator's ServiceAccount."""
    start = [program] + (["--kubeconfig", str(admin)] if admin else [])
    seen = json.loads(_run([*start, "config", "view", "--minify", "--flatten", "--raw", "-o", "json"]))
    words = ["create", "token", "stanch", "-n", OPERATOR_NAMESPACE, f"--duration={TOKEN_FOR}"]
    token = _run([*start, *words]).strip()
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "cluster", "cluster": seen["clusters"][0]["cluster"]}],
        "users": [{"name": "stanch", "user": {"token": token}}],
        "contexts": [{"name": "stanch", "context": {"cluster": "cluster", "user": "stanch"}}],
        "current-context": "stanch",
    }


def _run(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        remedy = next(
            (remedy for part, remedy in REMEDIES.items() if part in done.stderr), "can the cluster be reached?"
        )
        raise SystemExit(f"{' '.join(words[:4])} …: {done.stderr.strip()}\n  {remedy}")
    return done.stdout


def follow(operator: subprocess.Popen[bytes]) -> int:
    """Wait for it; Ctrl-C reaches it by itself, a SIGTERM for us is passed on, so that it ends in order."""
    signal.signal(signal.SIGTERM, lambda *_: operator.terminate())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return operator.wait()


def main() -> None:
    """Write the kubeconfig to a private file, run, and take the file away."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--kubeconfig", type=Path, help="admin credentials; else KUBECONFIG, .cluster/kubeconfig, kubectl's own"
    )
    options, rest = parser.parse_known_args()
    config = as_service_account(which_cluster(options.kubeconfig), find_kubectl())
    print(f"stanch runs against {config['clusters'][0]['cluster']['server']}; Ctrl-C stops it", flush=True)
    with tempfile.NamedTemporaryFile("w", prefix="stanch-operator-", suffix=".kubeconfig") as file:
        json.dump(config, file)
        file.flush()
        words = [sys.executable, "-m", "stanch.cli.main", "run", "--kubeconfig", file.name]
        words += ["--log-format", "text", "--listen", "127.0.0.1:0", *rest]
        sys.exit(follow(subprocess.Popen(words, env={**os.environ, "KUBECONFIG": file.name})))


if __name__ == "__main__":
    main()
