"""The API server's past: noticed by versions that go backwards, believed when they stay so."""

import asyncio

import pytest

from stanch.shell.client import Reply, Unanswered
from stanch.shell.clock import Clock
from stanch.shell.rewind import Rewind

LOOKS = 50


class Lists:
    """Answers each list with the next of these versions, and with the last for ever; None is no answer."""

    def __init__(self, *versions: int | None) -> None:
        self.versions, self.clock = list(versions), Clock()
        self.asked, self.enough = 0, asyncio.Event()

    async def get(self, path, params, accept):
        self.asked += 1
        if self.asked >= LOOKS:
            self.enough.set()
        version = self.versions.pop(0) if len(self.versions) > 1 else self.versions[0]
        if version is None:
            raise Unanswered(path)
        return Reply(200, {"metadata": {"resourceVersion": str(version)}})


QUICK = {"every": 0.001, "again": 0.001}


async def watched(*versions: int | None) -> list[str]:
    """What was called within many looks."""
    calls: list[str] = []
    lists = Lists(*versions)
    found = Rewind(lists, **QUICK)
    found.on_seen.append(lambda: calls.append("stop"))
    task = asyncio.create_task(found.watch())
    looked = asyncio.create_task(lists.enough.wait())
    await asyncio.wait((task, looked), timeout=60, return_when=asyncio.FIRST_COMPLETED)
    looked.cancel()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert bool(calls) == (found.time is not None)
    return calls


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ((100, 101, 101, 140), []),
        ((100, 90), ["stop"]),
        ((100, None, None, 60), ["stop"]),
        ((100, 90, 101), []),
        ((100, 90, 90, 103), []),
        ((None,), []),
    ],
    ids=["onwards", "back", "back-after-an-outage", "one-stale-list", "two-stale-lists", "no-answer"],
)
async def test_the_past_is_seen_once_and_a_stale_list_is_not_the_past(versions, expected):
    """All work stops at once when versions went backwards; an old answer or none is no reason."""
    assert expected == await watched(*versions)


async def test_an_incident_that_is_older_than_we_know_it_is_the_past():
    """A read of one object by key is never older than what was seen of it before, unless the past came back."""
    found = Rewind(Lists(1), **QUICK)

    async def older() -> int:
        return 6

    async def gone() -> None:
        return None

    assert not await found.compare(7, gone)
    assert await found.compare(7, older)
