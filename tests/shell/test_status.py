"""The one writer of status: a patch of what changed, on the version that was decided on."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.core.observations import Busy
from stanch.shell.bells import Key
from stanch.shell.cache import Cache
from stanch.shell.status import changes

JSON = st.recursive(
    st.one_of(st.integers(), st.text(max_size=3), st.booleans()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)),
    max_leaves=8,
)
OBJECT = st.dictionaries(st.sampled_from("abcd"), JSON, max_size=4)


def merge(target, patch):
    """RFC 7386, as the API server does it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


@given(old=OBJECT, new=OBJECT)
def test_a_merge_patch_of_the_changes_gives_the_new_status(old, new):
    """Whatever stood there and whatever shall stand there."""
    assert new == merge(old, changes(old, new))


@given(old=OBJECT)
def test_nothing_changed_is_an_empty_patch(old):
    """No write without a difference."""
    assert {} == changes(old, old)


@pytest.mark.parametrize(("first", "second", "kept"), [("5", "7", "7"), ("7", "5", "7"), ("9", "10", "10")])
def test_an_older_version_never_replaces_a_newer_one(first, second, kept):
    """Our own write's answer overtakes the watch."""
    cache, key = Cache(), Key("incidents", "shop", "x")
    for version in (first, second):
        cache.put(key, {"metadata": {"uid": "u", "resourceVersion": version}})
    assert kept == cache.get(key)["metadata"]["resourceVersion"]


@pytest.mark.parametrize(("listed", "doubted"), [("5", True), ("7", False), ("9", False)])
def test_a_list_that_is_older_than_what_we_know_is_doubtful(listed, doubted):
    """After a restore that moved versions on, the lists are new and the objects in them are old: read it again, once."""
    cache, key = Cache(), Key("incidents", "shop", "x")
    cache.put(key, {"metadata": {"uid": "u", "resourceVersion": "7"}})
    cache.put(key, {"metadata": {"uid": "u", "resourceVersion": listed}}, listed=True)
    assert (doubted, False) == (cache.doubted(key), cache.doubted(key))


def test_an_event_that_our_own_write_overtook_is_not_doubtful():
    """It happens all the time, and a read each time would be load for nothing."""
    cache, key = Cache(), Key("incidents", "shop", "x")
    for each in ("7", "5"):
        cache.put(key, {"metadata": {"uid": "u", "resourceVersion": each}})
    assert not cache.doubted(key)


def test_a_new_object_of_that_name_replaces_the_old_one():
    """Another uid is another object, whatever its version."""
    cache, key = Cache(), Key("incidents", "shop", "x")
    for uid, version in (("old", "9"), ("new", "1")):
        cache.put(key, {"metadata": {"uid": uid, "resourceVersion": version}})
    assert "new" == cache.get(key)["metadata"]["uid"]


def test_busy_names_the_incident_that_is_acting():
    """Only open attempts count, and never one's own; the whole object until the write has landed, and while pods go."""
    cache = Cache()
    attempts = {
        "one": {"state": "Intended", "fields": ["/spec/replicas"]},
        "two": {"state": "Verified", "fields": ["/spec/replicas"]},
        "three": {"state": "Applied", "fields": ["/spec/replicas"]},
        "four": {"state": "Applied", "fields": ["/spec/template"], "removes": ["pod"]},
    }
    for name, attempt in attempts.items():
        record = {"target": {"uid": f"uid-{name}"}, "attempts": [attempt]}
        body = {"metadata": {"uid": name}, "status": {"mitigations": [record]}}
        cache.put(Key("incidents", "shop", name), body)
    busy = {
        "uid-one": Busy("shop/one"),
        "uid-three": Busy("shop/three", ("/spec/replicas",)),
        "uid-four": Busy("shop/four"),
    }
    assert busy == cache.busy(Key("incidents", "shop", "me"))
    assert "uid-one" not in cache.busy(Key("incidents", "shop", "one"))


def test_busy_forgets_none_of_several():
    """Each looks at fields of its own; one that locks the whole object locks it for all."""
    cache = Cache()

    def acts(name: str, **attempt: object) -> Busy:
        record = {"target": {"uid": "t"}, "attempts": [attempt]}
        cache.put(Key("incidents", "shop", name), {"metadata": {"uid": name}, "status": {"mitigations": [record]}})
        return cache.busy(Key("incidents", "shop", "me"))["t"]

    acts("one", state="Applied", fields=["/spec/replicas"])
    assert acts("two", state="Applied", fields=["/spec/template"]).fields == ("/spec/replicas", "/spec/template")
    assert acts("three", state="Intended", fields=["/spec/paused"]) == Busy("shop/three")
    assert acts("four", state="Applied", fields=["/spec/replicas"]) == Busy("shop/three")
