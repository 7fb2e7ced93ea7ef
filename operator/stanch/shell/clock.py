"""
What time it is to the API server. Instants in the record come from it (creationTimestamp, an entry's time), so that is
the clock they are compared with: a machine an hour ahead would expire what was asked a moment ago.
"""

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from stanch.shell.metrics import CLOCK_AHEAD

LOG = logging.getLogger("stanch.clock")
# The Date header has whole seconds, and an answer takes its time: less can't be told from none.
TOLERANCE: Final = timedelta(seconds=2)
# An answer that was long on its way (or met a stopped process) says what time it was, not what time it is.
PROMPT_SECONDS: Final = 1.0


def machine_time() -> datetime:
    """The clock of this machine. Nothing else in the operator reads it."""
    return datetime.now(UTC)  # noqa: TID251 -- this is the one place


class Clock:
    """Begins with the machine's time, goes on by the monotonic clock, and is put right by what the API server says."""

    def __init__(self, machine: Callable[[], datetime] = machine_time) -> None:
        """``machine`` may be wrong."""
        self._machine = machine
        self._zero = machine() - _monotonic()
        self._heard = ""

    def now(self) -> datetime:
        """The API server's time, to within two seconds once it has answered."""
        return self._zero + _monotonic()

    def heard(self, date: str | None, took: float) -> None:
        """The API server said this in its Date header, in an answer that took so many seconds."""
        if date is None or date == self._heard or took > PROMPT_SECONDS:
            return
        try:
            said = parsedate_to_datetime(date)
        except ValueError:
            return
        self._heard = date
        CLOCK_AHEAD.set((self._machine() - said).total_seconds())
        off = self.now() - said
        if abs(off) > TOLERANCE:
            self._zero -= off
            LOG.warning(
                "the API server's clock counts, not this machine's", extra={"seconds_ahead": off.total_seconds()}
            )


def _monotonic() -> timedelta:
    return timedelta(seconds=time.monotonic())
