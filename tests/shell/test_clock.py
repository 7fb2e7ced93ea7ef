"""What time it is: the API server's time, whatever this machine believes."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from stanch.shell.clock import PROMPT_SECONDS, TOLERANCE, Clock


def machine(ahead: float):
    """A machine whose clock is wrong by so many seconds."""
    return lambda: datetime.now(UTC) + timedelta(seconds=ahead)  # noqa: TID251 -- the true time, to compare with


def date(off: float = 0.0) -> str:
    """A Date header."""
    return format_datetime(machine(off)(), usegmt=True)


def error(clock: Clock) -> timedelta:
    """How wrong it is."""
    return abs(clock.now() - machine(0)())


@pytest.mark.parametrize("ahead", [3600, -3600, 90, 0])
def test_the_api_servers_time_counts(ahead):
    """After one answer a clock that is an hour wrong is right to within two seconds."""
    clock = Clock(machine(ahead))
    clock.heard(date(), 0.01)
    assert error(clock) <= TOLERANCE


def test_less_than_two_seconds_is_no_difference():
    """The header has whole seconds: what can't be told apart does not make the clock jump."""
    clock = Clock(machine(0))
    before = clock.now()
    clock.heard(date(-0.9), 0.01)
    assert timedelta(0) <= clock.now() - before <= timedelta(seconds=0.5)


@pytest.mark.parametrize(
    ("header", "took"),
    [(date(-600), PROMPT_SECONDS + 59), (None, 0.01), ("yesterday", 0.01), ("Mon, 32 Foo 2026 99:00:00 GMT", 0.01)],
    ids=["a-late-answer", "none", "no-date", "no-such-date"],
)
def test_what_can_not_be_trusted_changes_nothing(header, took):
    """An answer that met a stopped process says what time it was a minute ago."""
    clock = Clock(machine(0))
    clock.heard(header, took)
    assert error(clock) <= timedelta(seconds=0.5)


def test_a_machine_whose_clock_is_put_right_later_stays_right():
    """It goes on by the monotonic clock: a step of the machine's clock is not seen."""
    wrong = [3600.0]
    clock = Clock(lambda: datetime.now(UTC) + timedelta(seconds=sum(wrong)))  # noqa: TID251 -- the machine's
    clock.heard(date(), 0.01)
    wrong.clear()
    assert error(clock) <= TOLERANCE
