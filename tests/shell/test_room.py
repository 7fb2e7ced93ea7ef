"""Long lists have their room in memory one after the other, and nobody waits for it for ever."""

import asyncio
import gc
import json

import pytest

from stanch.core.held import PARSED
from stanch.shell.long_json import LONG, parsed
from stanch.shell.room import BYTES_MAX, WAIT_SECONDS, Room

LIST = json.dumps({"items": [{"name": "x" * 1000}] * (LONG // 1000)}, separators=(",", ":")).encode()
TAKES = len(LIST) * PARSED
# The operator's limit in manifests/deployment, and what is not lists: itself, what is held and rendered, answers that wait.
LIMIT, OTHERS = 1024 * 1024 * 1024, 448 * 1024 * 1024


class Looks:
    """Looks that ask for a long list each, and how many have one at once."""

    def __init__(self, room: Room) -> None:
        self.room, self.turn, self.now, self.most, self.done = room, asyncio.Lock(), 0, 0, 0

    async def look(self) -> None:
        found = await parsed(LIST, self.turn, self.room)
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(WAIT_SECONDS / 10)
        assert LONG // 1000 == len(found["items"])
        self.now -= 1
        self.done += 1


@pytest.mark.looptime
@pytest.mark.parametrize(
    ("most", "at_once"), [(3 * TAKES, 3), (TAKES // 2, 1), (100 * TAKES, 8)], ids=["three", "too small", "all"]
)
async def test_eight_looks_at_once_have_as_many_lists_as_there_is_room_for(most, at_once):
    """The others come when one is done; one that is too large by itself comes alone."""
    looks = Looks(Room(most))
    await asyncio.gather(*(looks.look() for _ in range(8)))
    assert (8, at_once) == (looks.done, looks.most)


@pytest.mark.looptime
async def test_who_waits_too_long_is_told_and_takes_nothing():
    """It asks again in another look; the next one is let in as ever."""
    room, loop = Room(TAKES), asyncio.get_running_loop()
    kept = await parsed(LIST, asyncio.Lock(), room)
    began = loop.time()
    with pytest.raises(TimeoutError):
        await parsed(LIST, asyncio.Lock(), room)
    assert WAIT_SECONDS == pytest.approx(loop.time() - began)
    kept.clear()
    for _ in range(2 * LONG // 1000):
        await asyncio.sleep(0)
    assert (await asyncio.wait_for(parsed(LIST, asyncio.Lock(), room), 1))["items"]


@pytest.mark.looptime
async def test_who_is_called_off_leaves_its_place():
    """As a look that ends: who came after it is not kept waiting."""
    room = Room(10)
    await room.take(6)
    first, second = asyncio.create_task(room.take(10)), asyncio.create_task(room.take(4))
    await asyncio.sleep(1)
    assert not second.done(), "who came first has it first"
    first.cancel()
    await asyncio.wait_for(second, 1)
    assert first.cancelled()


async def test_what_is_no_list_after_all_gives_its_room_back():
    """An answer that only looked like one."""
    room = Room(1)
    for raw in (LIST[:-2], b"x" * len(LIST)):
        await parsed(raw, asyncio.Lock(), room)
        gc.collect()
        for _ in range(2 * LONG // 1000):
            await asyncio.sleep(0)
    assert (await asyncio.wait_for(parsed(LIST, asyncio.Lock(), room), 1))["items"]


def test_all_of_it_fits_into_the_memory_that_the_operator_has():
    """By count, not by chance."""
    assert BYTES_MAX + OTHERS <= LIMIT
