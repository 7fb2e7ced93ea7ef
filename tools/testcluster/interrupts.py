"""SIGINT and SIGTERM become one exception, and can be held back while something must not be left half done."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupted(BaseException):
    """The person or the system asked us to stop. Not an Exception: no `except Exception` may swallow it."""


_held = 0
_pending = False


def install() -> None:
    """Route both signals to `Interrupted`."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _handle)


def _handle(_number: int, _frame: FrameType | None) -> None:
    global _pending  # noqa: PLW0603 - signal handlers have nowhere else to leave a note
    if _held:
        _pending = True
        return
    raise Interrupted


@contextmanager
def held(*, drop: bool = False) -> Iterator[None]:
    """Hold signals back inside the block; afterwards raise one that came, unless `drop` (clean-up after one already)."""
    global _held, _pending  # noqa: PLW0603
    _held += 1
    try:
        yield
    finally:
        _held -= 1
        if drop:
            _pending = False
    if _pending and not _held:
        _pending = False
        raise Interrupted
