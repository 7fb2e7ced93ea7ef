"""
Run all tests in two halves side by side, each with a cluster of its own: waiting for pods is most of what they do.
On a bare machine what tests put beside a cluster is built meanwhile, with what they leave of the processors.

`python -m tools.test_run` shows the first half as it goes, and the second when it is through; what failed is said last.
The exit code is that of the first that failed. With arguments for pytest it is one run of exactly those.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
PYTEST = (sys.executable, "-m", "tools.with_cluster", sys.executable, "-m", "pytest")
E2E = ROOT / "tests" / "e2e"
# Of the longer half, what evens out the two, and what needs a build that may take a while.
MOVED = ("test_lease.py", "test_restore.py", "test_two_operators.py")
LAST = ("test_flux.py", "test_runbooks_flux.py")
BUILD = (sys.executable, str(ROOT / "tools" / "testcluster"), "addons")
LAST_LINES = 200


def halves() -> tuple[list[str], list[str]]:
    """What each half runs; together they are all there is."""
    rooms = sorted(p for p in E2E.parent.iterdir() if p != E2E and p.is_dir() and any(p.rglob("test_*.py")))
    first = sorted(p.name for p in E2E.glob("test_*.py") if p.name not in (*MOVED, *LAST))
    return [str(E2E / name) for name in (*first, *LAST)], [*map(str, rooms), *(str(E2E / name) for name in MOVED)]


def start(words: Sequence[str], output: IO[bytes] | int | None = None) -> subprocess.Popen[bytes]:
    """Start pytest with a cluster; ``output`` is where it writes, ours by default."""
    errors = subprocess.STDOUT if output else None
    return subprocess.Popen([*PYTEST, *words], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)


def build() -> subprocess.Popen[bytes]:
    """Build what is not in the cache. What goes wrong is said by the test that needs it: it tries again."""
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(BUILD, cwd=ROOT, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True)


def forward(runs: Sequence[subprocess.Popen[bytes]]) -> None:
    """Whoever stops us stops all; each takes its cluster down before it ends."""

    def stop(number: int, frame: FrameType | None) -> None:
        for run in runs:
            # Ctrl-C has reached those of our session from the terminal already.
            if run.poll() is None and (number != signal.SIGINT or os.getsid(run.pid) != os.getsid(0)):
                run.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def both() -> int:
    """The two halves at once."""
    with tempfile.TemporaryFile() as kept:
        first, second = halves()
        shown, _ = runs = start(first, subprocess.PIPE), start(second, kept)
        built = build()
        forward([*runs, built])
        assert shown.stdout
        last: deque[bytes] = deque(maxlen=LAST_LINES)
        for line in shown.stdout:
            sys.stdout.buffer.write(line)
            sys.stdout.flush()
            last.append(line)
        codes = [run.wait() for run in runs]
        built.terminate()  # Nobody waits for it any more; what it has compiled is kept.
        built.wait()
        kept.seek(0)
        sys.stdout.buffer.write(b"\n" + kept.read())
        if codes[0]:
            sys.stdout.buffer.write(b"\nThe first half failed; its end once more:\n" + b"".join(last))
        sys.stdout.flush()
    return next((code for code in codes if code), 0)


def main(arguments: Sequence[str]) -> int:
    """Entry point."""
    if not arguments:
        return both()
    run = start(arguments)
    forward([run])
    return run.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
