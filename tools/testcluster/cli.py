"""The commands: up, down, status, backup, restore, bin, addons, snapshot."""

import argparse
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from testcluster import addons, backup, binaries, choose, interrupts, proc, snapshot
from testcluster.paths import Layout
from testcluster.ui import ClusterError, say


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="testcluster", description="A real Kubernetes cluster for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    texts = {
        "up": "start a cluster, or check the one that is up",
        "down": "stop the cluster and remove everything of it",
        "status": "say what runs; exit 1 when it is not healthy",
        "backup": "copy the data of a local cluster's etcd, which is down for a moment",
        "restore": "put a copy back, and start the control plane and the kubelets anew",
        "bin": "print the directory of kubectl and the other programs, building them if needed",
        "addons": "fetch and build what tests put beside a cluster, while nothing else wants the processors",
        "snapshot": "print what a cluster could leave behind on this machine, as JSON",
    }
    for name, text in texts.items():
        sub = commands.add_parser(name, help=text, description=text)
        if name not in ("bin", "addons", "snapshot"):
            sub.add_argument("--dir", default=".cluster", help="the cluster's directory (default: %(default)s)")
        if name in ("backup", "restore"):
            word = "--to" if name == "backup" else "--from"
            sub.add_argument(word, dest="where", required=True, type=Path, help="the directory of the copy")
        if name == "up":
            sub.add_argument("--nodes", type=_node_count, default=2, help="number of nodes, 1 to 9 (default: 2)")
    return parser


def _node_count(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to 9")
    return int(text)


def main(argv: list[str]) -> int:
    """Run one command; expected failures become text and exit 1, an interrupt exit 130."""
    args = _parser().parse_args(argv)
    interrupts.install()
    try:
        code = _run(args)
        sys.stdout.flush()
        return code
    except ClusterError as error:
        print(error.show(), file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever read our output has read enough; do not complain about it at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except interrupts.Interrupted:
        say("interrupted")
        return 130


def _run(args: argparse.Namespace) -> int:
    if args.command == "bin":
        print(binaries.ensure())
        return 0
    if args.command == "addons":
        proc.stand_back()
        addons.ensure_all()
        return 0
    if args.command == "snapshot":
        print(json.dumps(snapshot.take(), indent=1, sort_keys=True))
        return 0
    layout = Layout(Path(args.dir).absolute())
    if args.command == "status":
        return choose.status(layout)
    acts: dict[str, Callable[[], None]] = {
        "up": lambda: choose.up(layout, args.nodes),
        "down": lambda: choose.down(layout),
        "backup": lambda: backup.save(layout, args.where.absolute()),
        "restore": lambda: backup.restore(layout, args.where.absolute()),
    }
    acts[args.command]()
    return 0
