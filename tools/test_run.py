"""
Run all tests in three parts side by side: two with a cluster of their own each, for waiting for pods is most of what they do,
and one that needs none and takes what they leave of the processors. On a bare machine what tests put beside a cluster is
built meanwhile, with what is left then.

`python -m tools.test_run` shows the first part as it goes, and the others when it is through; what failed is said last.
The exit code is that of the first that failed. With arguments for pytest it is one run of exactly those.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
PYTEST = (sys.executable, "-m", "tools.with_cluster", sys.executable, "-m", "pytest")
E2E = ROOT / "tests" / "e2e"
# Rooms of tests that need no cluster.
ALONE = ("cli", "core", "evidence", "guards", "notifiers", "scenarios", "shell", "tidy")
# Of tests/e2e, what evens out the two parts with a cluster, and what needs a build that may take a while.
MOVED = ("test_lease.py", "test_restore.py", "test_toolkit_sweep.py", "test_two_operators.py")
LAST = ("test_flux.py", "test_runbooks_flux.py")
BUILD = (sys.executable, str(ROOT / "tools" / "testcluster"), "addons")
LAST_LINES = 200
# How much a session yields, as nice does it. Who tests against a cluster waits for builds in the end.
BUILDING, ALONE_YIELDS = 5, 10


def parts() -> tuple[list[str], list[str], list[str]]:
    """What each part runs, the one without a cluster last; together they are all there is."""
    rooms = sorted(p for p in E2E.parent.iterdir() if p != E2E and p.is_dir() and any(p.rglob("test_*.py")))
    first = sorted(p.name for p in E2E.glob("test_*.py") if p.name not in (*MOVED, *LAST))
    with_cluster = [str(room) for room in rooms if room.name not in ALONE]
    return (
        [str(E2E / name) for name in (*first, *LAST)],
        [*with_cluster, *(str(E2E / name) for name in MOVED)],
        [str(room) for room in rooms if room.name in ALONE],
    )


def start(words: Sequence[str], output: IO[bytes] | int | None = None) -> subprocess.Popen[bytes]:
    """Start pytest with a cluster; ``output`` is where it writes, ours by default."""
    errors = subprocess.STDOUT if output else None
    return subprocess.Popen([*PYTEST, *words], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)


def start_alone(words: Sequence[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    """Start pytest without a cluster, behind the others."""
    alone = [sys.executable, "-m", "pytest", *words]
    run = subprocess.Popen(
        alone, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
    )
    return behind(run, ALONE_YIELDS)


def build() -> subprocess.Popen[bytes]:
    """Build what is not in the cache. What goes wrong is said by the test that needs it: it tries again."""
    nowhere = subprocess.DEVNULL
    run = subprocess.Popen(BUILD, cwd=ROOT, stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True)
    return behind(run, BUILDING)


def behind(run: subprocess.Popen[bytes], nice: int) -> subprocess.Popen[bytes]:
    """
    Let others go first. Linux shares its processors among sessions before it looks at the niceness of their members
    (sched(7), autogroup), so a nice process in a session of its own would not yield at all.
    """
    with suppress(OSError):  # no autogroup, or not ours to set: then everybody gets the same
        Path(f"/proc/{run.pid}/autogroup").write_text(str(nice), encoding="ascii")
    return run


def forward(runs: Sequence[subprocess.Popen[bytes]]) -> None:
    """Whoever stops us stops all; each takes its cluster down before it ends."""

    def stop(number: int, frame: FrameType | None) -> None:
        for run in runs:
            # Ctrl-C has reached those of our session from the terminal already.
            if run.poll() is None and (number != signal.SIGINT or os.getsid(run.pid) != os.getsid(0)):
                run.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def everything() -> int:
    """All parts at once."""
    with tempfile.TemporaryFile() as kept, tempfile.TemporaryFile() as aside:
        first, second, alone = parts()
        shown, *_ = runs = start(first, subprocess.PIPE), start(second, kept), start_alone(alone, aside)
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
        for output in (aside, kept):
            output.seek(0)
            sys.stdout.buffer.write(b"\n" + output.read())
        if codes[0]:
            sys.stdout.buffer.write(b"\nThe first part failed; its end once more:\n" + b"".join(last))
        if codes[2]:
            sys.stdout.buffer.write(b"\nThe part without a cluster failed: see its end above.\n")
        sys.stdout.flush()
    return next((code for code in codes if code), 0)


def main(arguments: Sequence[str]) -> int:
    """Entry point."""
    if not arguments:
        return everything()
    run = start(arguments)
    forward([run])
    return run.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
