"""A long answer is the same as if it were read at once, and others have their turn meanwhile."""

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanch.shell import long_json
from stanch.shell.long_json import at_once, parsed

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
    raw = (form % ",".join([json.dumps(ITEM, separators=(",", ":"))] * count)).encode()
    assert at_once(raw) == await parsed(raw)


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
    before, long_json.AT_ONCE = long_json.AT_ONCE, 1
    try:
        assert at_once(raw) == asyncio.run(parsed(raw))
    finally:
        long_json.AT_ONCE = before


async def test_others_have_their_turn_meanwhile():
    """Once for each quarter of a megabyte, however long it is."""
    raw = f'{{{HEAD},"items":[{",".join([json.dumps(ITEM)] * 40_000)}]}}'.encode()
    turns = 0

    async def another() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(another())
    assert 40_000 == len((await parsed(raw))["items"])
    task.cancel()
    assert turns >= len(raw) // long_json.AT_ONCE - 1 > 10
