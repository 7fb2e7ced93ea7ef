"""The commands: up, down, status, bin, snapshot."""

import argparse
import json
import os
import sys
from pathlib import Path

from testcluster import binaries, choose, interrupts, snapshot
from testcluster.paths import Layout
from testcluster.ui import ClusterError, say


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="testcluster", description="A real Kubernetes cluster for tests.")
    commands = parser.add_subparsers(dest="command", required=True)
    texts = {
        "up": "start a cluster, or check the one that is up",
        "down": "stop the cluster and remove everything of it",
        "status": "say what runs; exit 1 when it is not healthy",
        "bin": "print the directory of kubectl and the other programs, building them if needed",
        "snapshot": "print what a cluster could leave behind on this machine, as JSON",
    }
    for name, text in texts.items():
        sub = commands.add_parser(name, help=text, description=text)
        if name in ("up", "down", "status"):
            sub.add_argument("--dir", default=".cluster", help="the cluster's directory (default: %(default)s)")
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
    if args.command == "snapshot":
        print(json.dumps(snapshot.take(), indent=1, sort_keys=True))
        return 0
    layout = Layout(Path(args.dir).absolute())
    if args.command == "up":
        choose.up(layout, args.nodes)
        return 0
    if args.command == "down":
        choose.down(layout)
        return 0
    return choose.status(layout)
