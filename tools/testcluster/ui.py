"""What the person at the terminal sees: one line a step with elapsed seconds, and failures that say what to do."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_START = time.monotonic()
HEARTBEAT_SECONDS = 10
TAIL_LINES = 12


class ClusterError(Exception):
    """An expected failure: which part failed, why, where its log is, and what the person can do about it."""

    def __init__(self, part: str, why: str, remedy: str = "", log: Path | None = None) -> None:
        super().__init__(f"{part}: {why}")
        self.part, self.why, self.remedy, self.log = part, why, remedy, log
        # Read now: the clean-up that follows a failure may delete the log.
        self.tail = _last_lines(log) if log else []

    def show(self) -> str:
        """The whole message, ready for stderr."""
        lines = [f"testcluster: {self.part} failed: {self.why}"]
        if self.log:
            lines.append(f"  log: {self.log}" + (" (its last lines follow)" if self.tail else " (empty)"))
            lines += [f"  | {line}" for line in self.tail]
        if self.remedy:
            lines.append(f"  remedy: {self.remedy}")
        return "\n".join(lines)


def _last_lines(path: Path) -> list[str]:
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return []
    return [line[:300] for line in text.splitlines()[-TAIL_LINES:]]


def say(text: str) -> None:
    """One progress line on stderr."""
    with contextlib.suppress(OSError):  # a closed terminal must not stop a clean-up
        print(f"[{time.monotonic() - _START:6.1f}s] {text}", file=sys.stderr, flush=True)


@contextmanager
def slow_step(what: str, usually: str, detail: Callable[[], str] = lambda: "") -> Iterator[None]:
    """Announce a step that takes long and repeat a sign of life until it ends."""
    say(f"{what} (usually {usually})")
    began, done = time.monotonic(), threading.Event()

    def beat() -> None:
        while not done.wait(HEARTBEAT_SECONDS):
            so_far, more = f"{time.monotonic() - began:.0f} s so far", detail()
            say(f"  … {what}: {so_far}, usually {usually}" + (f"; {more}" if more else ""))

    thread = threading.Thread(target=beat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def wait_until(check: Callable[[], bool], seconds: float, every: float = 0.05) -> bool:
    """Poll `check` until it is true or time is up."""
    end = time.monotonic() + seconds
    while not check():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True
