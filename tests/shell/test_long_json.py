"""A long answer is the same as if it were read at once, and others have their turn meanwhile."""

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanch.shell import long_json
from stanch.shell.long_json import at_once, parsed
from stanch.shell.room import Room

ITEM = {"metadata": {"name": "a", "annotations": {"x": '"items":[ }] \\ " é'}}, "spec": {"items": [1, {"items": []}]}}
HEAD = '"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"7","continue":"t"}'
TEXTS = {
    "items last, as of Kubernetes' own kinds": f'{{{HEAD},"items":[%s]}}',
    "items in between, as of custom kinds": '{"apiVersion":"stanch.dev/v1alpha1","items":[%s],"kind":"EvidenceList","metadata":{}}',
    "items first": '{"items":[%s],"metadata":{"resourceVersion":"7"}}',
    "with blanks": '{ "items" : [%s] }',
    "a bare list": "[%s]",
    "no list": '{"kind":"ConfigMap","data":{"a":[%s]}}',
    "cut off": f'{{{HEAD},"items":[%s',
    "with more behind it": f'{{{HEAD},"items":[%s]}}]',
    "without an end": f'{{{HEAD},"items":[%s,',
    "none": "<html>%s</html>",
}


@pytest.mark.parametrize("count", [0, 1, 2, 300])
@pytest.mark.parametrize("form", TEXTS.values(), ids=TEXTS.keys())
async def test_it_is_the_same_as_at_once(monkeypatch, form, count):
    """Whatever it looks like; also what is no list, or no JSON."""
    monkeypatch.setattr(long_json, "AT_ONCE", 100)
    monkeypatch.setattr(long_json, "SHORT", 100)
    raw = (form % ",".join([json.dumps(ITEM, separators=(",", ":"))] * count)).encode()
    assert at_once(raw) == await parsed(raw, asyncio.Lock(), Room())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(items=st.lists(JSON, max_size=30), ascii_only=st.booleans())
@settings(max_examples=60, deadline=None)
def test_any_items_come_out_the_same(items, ascii_only):
    """Of any JSON there is."""
    raw = json.dumps({"kind": "X", "items": items}, separators=(",", ":"), ensure_ascii=ascii_only).encode()
    before = long_json.AT_ONCE, long_json.SHORT
    long_json.AT_ONCE = long_json.SHORT = 1
    try:
        assert at_once(raw) == asyncio.run(parsed(raw, asyncio.Lock(), Room()))
    finally:
        long_json.AT_ONCE, long_json.SHORT = before


class Counting:
    """The decoder, and how many bytes it read since somebody looked."""

    def __init__(self) -> None:
        self.read = 0

    def raw_decode(self, text: str, at: int) -> tuple[object, int]:
        found, end = json.JSONDecoder().raw_decode(text, at)
        self.read += end - at
        return found, end


@pytest.mark.parametrize("lists", [1, 8])
async def test_in_no_turn_more_is_read_than_one_step(monkeypatch, lists):
    """Of all lists that came at the same time together: a quarter of a megabyte, and the item that goes beyond it."""
    item = json.dumps(ITEM)
    raw = f'{{{HEAD},"items":[{",".join([item] * (24_000 // lists))}]}}'.encode()
    counting, in_a_turn, lock, room = Counting(), [], asyncio.Lock(), Room()
    monkeypatch.setattr(long_json, "_DECODER", counting)

    async def another() -> None:
        while True:
            in_a_turn.append(counting.read)
            counting.read = 0
            await asyncio.sleep(0)

    task = asyncio.create_task(another())
    found = await asyncio.gather(*(parsed(raw, lock, room) for _ in range(lists)))
    task.cancel()
    assert [24_000 // lists] * lists == [len(each["items"]) for each in found]
    assert sum(in_a_turn) > 8 * long_json.AT_ONCE
    assert max(in_a_turn) <= long_json.AT_ONCE + len(item)
