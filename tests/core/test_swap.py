"""The Swap form: all of it or nothing, and back again exactly."""

import copy
import json

import jsonpatch
import pytest
from hypothesis import given
from hypothesis import strategies as st

from json_patch import apply_patch
from stanch.core.diff import differences
from stanch.core.questions import DEPLOYMENTS
from stanch.core.swap import ABSENT, action_id, digest, exchange, fields, mark, patch_text

ACTION = "a" * 16
VALUE = st.one_of(
    st.just(ABSENT), st.booleans(), st.integers(0, 9), st.text(max_size=4), st.lists(st.integers(0, 3), max_size=2)
)


def _object(value, labels=None):
    spec = {} if value == ABSENT else {"field": value}
    meta = {"uid": "u"} | ({"labels": dict(labels)} if labels is not None else {})
    return {"metadata": meta, "spec": spec}


@given(before=VALUE, after=VALUE)
def test_an_exchange_and_its_inverse_leave_no_trace(before, after):
    """Absent before is absent after, and nothing else moves."""
    one, other = {"/spec/field": before}, {"/spec/field": after}
    start = _object(before)
    there = apply_patch(start, exchange("u", one, other))
    assert {"/spec/field": after} == fields(there, one)
    assert start == apply_patch(there, exchange("u", other, one))


@pytest.mark.parametrize(
    "live",
    [
        {"metadata": {"uid": "another"}, "spec": {"field": 1}},
        {"metadata": {"uid": "u"}, "spec": {"field": 2}},
        {"metadata": {"uid": "u"}, "spec": {}},
    ],
    ids=["namesake", "changed", "gone"],
)
def test_on_anything_else_than_what_was_read_it_fails_as_a_whole(live):
    """Another uid or another value: the API server takes nothing of it (F2)."""
    before = copy.deepcopy(live)
    with pytest.raises(jsonpatch.JsonPatchException):
        apply_patch(live, exchange("u", {"/spec/field": 1}, {"/spec/field": 5}))
    assert before == live


@pytest.mark.parametrize("labels", [None, {}, {"app": "x"}, {"stanch.dev/action": "older"}])
def test_the_mark_goes_on_once_and_only_on_what_was_seen(labels):
    """The label is the lock between two of ours: the second of two equal patches fails."""
    marked = apply_patch(_object(1, labels), mark(labels, ACTION))
    assert ACTION == marked["metadata"]["labels"]["stanch.dev/action"]
    with pytest.raises(jsonpatch.JsonPatchException):
        apply_patch(marked, mark(labels, ACTION))


def test_the_patch_text_is_escaped_as_the_api_server_does():
    """It compares strings as JSON text: `a && b > c` must look as Go writes it."""
    text = patch_text([{"op": "test", "path": "/x", "value": "a && b > c <\u2028"}])
    assert "a \\u0026\\u0026 b \\u003e c \\u003c\\u2028" in text
    assert "a && b > c <\u2028" == json.loads(text)[0]["value"]


def test_ids_and_digests_are_the_same_everywhere():
    """Two replicas, one restart: one id."""
    assert action_id("uid", "roll-back", 1) == action_id("uid", "roll-back", 1)
    assert 3 == len(
        {action_id("uid", "roll-back", 1), action_id("uid", "roll-back", 2), action_id("other", "roll-back", 1)}
    )
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})


def test_a_difference_shows_what_changed_but_no_secret():
    """Images are shown, environment values are not."""
    one = {"spec": {"containers": [{"name": "a", "image": "x:1", "env": [{"name": "PASSWORD", "value": "hunter2"}]}]}}
    other = {"spec": {"containers": [{"name": "a", "image": "x:2", "env": [{"name": "PASSWORD", "value": "hunter3"}]}]}}
    lines = differences(one, other)
    assert "spec.containers[a].image: x:1 -> x:2" in lines
    assert "hunter" not in " ".join(lines)


@pytest.mark.parametrize(
    "name", ["../../payments/deployments/web", "..", ".", "web?dryRun=All", "web#x", "a/b", "%2e%2e"]
)
def test_a_name_is_one_segment_of_a_path(name: str) -> None:
    """Whatever it says: what would be elsewhere, or carry a query, is asked for by that odd name and not found."""
    path = DEPLOYMENTS.path("shop", name)
    start = "/apis/apps/v1/namespaces/shop/deployments/"
    assert path.startswith(start)
    assert not set("/?#") & set(path.removeprefix(start))
    assert "/../" not in f"{path}/"
    assert DEPLOYMENTS.path(name, "web").count("/") == start.count("/")
