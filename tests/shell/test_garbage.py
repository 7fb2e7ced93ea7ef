"""Cycles are looked for in calm, and found all the same."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from stanch.shell.garbage import EVERY_SECONDS, IN_VAIN_MAX, leave_the_old_alone, tidy


class Ring:
    """Refers to itself: counting references never frees it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    """Other tests have Python's own way."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def full_ones() -> int:
    """How often all generations were looked through so far."""
    return int(gc.get_stats()[2]["collections"])


def test_a_large_answer_does_not_have_all_looked_through():
    """Python's own way: when there is a quarter more than before, which one list of pods is."""
    gc.unfreeze()
    leave_the_old_alone()
    before = full_ones()
    many = [{"metadata": {"name": str(n), "labels": {"a": [n]}}} for n in range(200_000)]
    assert before == full_ones()
    assert 200_000 == len(many)


@pytest.mark.looptime
@pytest.mark.parametrize(("calm", "times"), [(True, 1), (False, IN_VAIN_MAX)], ids=["calm", "never calm"])
async def test_what_only_refers_to_itself_is_freed_in_calm_and_in_the_end_in_any_case(calm, times):
    """After five minutes; where it is never calm, after an hour."""
    leave_the_old_alone()
    ring = Ring()
    gc.collect(1)  # it is among the old ones
    gone = weakref.ref(ring)
    del ring
    tidying = asyncio.create_task(tidy(lambda: calm))
    await asyncio.sleep(EVERY_SECONDS * (times - 0.5))
    assert gone() is not None
    await asyncio.sleep(EVERY_SECONDS)
    assert gone() is None
    tidying.cancel()
