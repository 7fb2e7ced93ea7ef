"""What a long list held goes a few at a time, whoever lets go of it."""

import asyncio
import itertools
import json
import threading
from collections.abc import Callable

import pytest

from stanch.shell import long_json
from stanch.shell.long_json import parsed
from stanch.shell.long_list import FREED_AT_ONCE, LongList
from stanch.shell.room import Room

MANY = 20 * FREED_AT_ONCE


class Thing:
    """Counts how many of its kind there are."""

    there = 0

    def __init__(self) -> None:
        Thing.there += 1

    def __del__(self) -> None:
        Thing.there -= 1


def filled(loop: asyncio.AbstractEventLoop) -> LongList:
    """With MANY things."""
    found = LongList(loop)
    found.extend(Thing() for _ in range(MANY))
    return found


def here(held: list[LongList]) -> None:
    """Let go of it in the loop's own thread."""
    held.clear()


def in_a_thread(held: list[LongList]) -> None:
    """Let go of it beside the loop, as a plan does."""
    other = threading.Thread(target=held.clear)
    other.start()
    other.join()


@pytest.mark.parametrize("let_go", [here, in_a_thread])
async def test_in_no_turn_more_goes_than_a_few(let_go: Callable[[list[LongList]], None]):
    """Python would free all of it at the place where the last reference goes."""
    held = [filled(asyncio.get_running_loop())]
    let_go(held)
    left = [Thing.there]
    while left[-1] and len(left) < 100:
        await asyncio.sleep(0)
        left.append(Thing.there)
    assert MANY == left[0]
    assert 0 == left[-1]
    assert max(before - after for before, after in itertools.pairwise(left)) <= FREED_AT_ONCE


async def test_what_somebody_else_has_stays():
    """Nothing is taken out of a list that is still known."""
    held = filled(asyncio.get_running_loop())
    kept = list(held)
    del held
    for _ in range(40):
        await asyncio.sleep(0)
    assert MANY == Thing.there == len(kept)
    kept.clear()
    assert not Thing.there


def test_where_no_loop_runs_it_goes_at_once():
    """At the end of the process, and in tests."""
    loop = asyncio.new_event_loop()
    held = filled(loop)
    loop.close()
    del held
    assert not Thing.there


async def test_what_the_api_server_lists_is_such_a_list():
    """And as JSON, in a comparison, or for whoever asks, it is a list as any."""
    raw = json.dumps({"items": [{"n": n} for n in range(long_json.SHORT)]}, separators=(",", ":")).encode()
    found = (await parsed(raw, asyncio.Lock(), Room()))["items"]
    assert isinstance(found, LongList)
    assert [{"n": n} for n in range(long_json.SHORT)] == found == json.loads(json.dumps(found))
