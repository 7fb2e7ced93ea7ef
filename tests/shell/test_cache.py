"""What is known of open incidents: the newest version of each, and what others need to know of it."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanch.core.census import Census, Deed
from stanch.core.observations import Acted, Busy
from stanch.shell.bells import Key
from stanch.shell.cache import Cache

X, ME = Key("incidents", "shop", "x"), Key("incidents", "shop", "me")


@pytest.mark.parametrize(("first", "second", "kept"), [("5", "7", "7"), ("7", "5", "7"), ("9", "10", "10")])
def test_an_older_version_never_replaces_a_newer_one(first, second, kept):
    """Our own write's answer overtakes the watch."""
    cache = Cache()
    for version in (first, second):
        cache.put(X, {"metadata": {"uid": "u", "resourceVersion": version}})
    assert kept == cache.get(X)["metadata"]["resourceVersion"]


@pytest.mark.parametrize(("listed", "doubted"), [("5", True), ("7", False), ("9", False)])
def test_a_list_that_is_older_than_what_we_know_is_doubtful(listed, doubted):
    """After a restore that moved versions on, the lists are new and the objects in them are old: read it again, once."""
    cache = Cache()
    cache.put(X, {"metadata": {"uid": "u", "resourceVersion": "7"}})
    cache.put(X, {"metadata": {"uid": "u", "resourceVersion": listed}}, listed=True)
    assert (doubted, False) == (cache.doubted(X), cache.doubted(X))


def test_an_event_that_our_own_write_overtook_is_not_doubtful():
    """It happens all the time, and a read each time would be load for nothing."""
    cache = Cache()
    for each in ("7", "5"):
        cache.put(X, {"metadata": {"uid": "u", "resourceVersion": each}})
    assert not cache.doubted(X)


def test_a_new_object_of_that_name_replaces_the_old_one():
    """Another uid is another object, whatever its version."""
    cache = Cache()
    for uid, version in (("old", "9"), ("new", "1")):
        cache.put(X, {"metadata": {"uid": uid, "resourceVersion": version}})
    assert "new" == cache.get(X)["metadata"]["uid"]


def acting(name: str, target: str, **attempt: Any) -> dict[str, Any]:
    """An incident with one attempt."""
    attempt = {"id": f"id-{name}", "intendedTime": "2026-11-21T14:00:00Z"} | attempt
    record = {"name": "roll-back", "target": {"uid": target}, "attempts": [attempt]}
    return {"metadata": {"uid": name}, "status": {"mitigations": [record]}}


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
        cache.put(Key("incidents", "shop", name), acting(name, f"uid-{name}", **attempt))
    busy = {
        "uid-one": Busy("shop/one"),
        "uid-three": Busy("shop/three", ("/spec/replicas",)),
        "uid-four": Busy("shop/four"),
    }
    assert busy == cache.busy(ME)
    assert "uid-one" not in cache.busy(Key("incidents", "shop", "one"))


def test_busy_forgets_none_of_several():
    """Each looks at fields of its own; one that locks the whole object locks it for all."""
    cache = Cache()

    def acts(name: str, **attempt: Any) -> Busy:
        cache.put(Key("incidents", "shop", name), acting(name, "t", **attempt))
        return cache.busy(ME)["t"]

    acts("one", state="Applied", fields=["/spec/replicas"])
    assert acts("two", state="Applied", fields=["/spec/template"]).fields == ("/spec/replicas", "/spec/template")
    assert acts("three", state="Intended", fields=["/spec/paused"]) == Busy("shop/three")
    assert acts("four", state="Applied", fields=["/spec/replicas"]) == Busy("shop/three")


# --- what is kept against what is there ------------------------------------------------------------------------------

KEYS = [Key(plural, "shop", name) for plural in ("incidents", "actionitems") for name in "abc"]
ATTEMPT = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["1", "2", "3", "4"]),
        "state": st.sampled_from(["Intended", "Applied", "Verified", "Skipped"]),
        "intendedTime": st.sampled_from(["2026-11-21T14:00:00Z", "2026-11-21T14:00:07Z"]),
    },
    optional={
        "undoes": st.sampled_from(["1", "2"]),
        "appliedTime": st.just("2026-11-21T14:00:09Z"),
        "fields": st.lists(st.sampled_from(["/spec/replicas", "/spec/template"]), max_size=2),
        "removes": st.just(["pod"]),
        "post": st.just("sha256:1"),
    },
)
RECORD = st.fixed_dictionaries(
    {"name": st.sampled_from(["roll-back", "scale"])},
    optional={
        "source": st.just("Runbook/x"),
        "action": st.just("scale"),
        "effect": st.just("Helped"),
        "target": st.fixed_dictionaries({}, optional={"uid": st.sampled_from(["t", "u"]), "owner": st.just("rs")}),
        "attempts": st.lists(ATTEMPT, max_size=3),
    },
)
BODY = st.fixed_dictionaries(
    {
        "metadata": st.fixed_dictionaries(
            {
                "uid": st.sampled_from(["old", "new"]),
                "resourceVersion": st.integers(1, 9).map(str),
                "creationTimestamp": st.sampled_from(["2026-11-21T13:00:00Z", "2026-11-21T12:00:00Z"]),
            },
            optional={"labels": st.sampled_from([{}, {"stanch.dev/group": "abc"}])},
        )
    },
    optional={"status": st.fixed_dictionaries({}, optional={"mitigations": st.lists(RECORD, max_size=2)})},
)


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KEYS), st.one_of(st.none(), BODY), st.booleans()), max_size=12))
def test_what_is_kept_is_what_a_fresh_walk_finds(happenings):
    """After anything was put, put late, listed or dropped: the bodies that are there, and nothing of those before."""
    cache = Cache()
    for key, body, listed in happenings:
        cache.put(key, body, listed) if body else cache.drop(key)
        bodies = {key: cache.get(key) for key in cache.all()}
        assert walked_acted(bodies) == cache.acted()
        for but in KEYS:
            others = {key: b for key, b in bodies.items() if key != but and key.plural == but.plural}
            assert walked_busy(others) == cache.busy(but)
            assert walked_census(others) == cache.census(but)


def records(bodies: dict[Key, dict[str, Any]]) -> list[tuple[str, dict[str, Any], list[dict[str, Any]]]]:
    """Whose, the record, its attempts."""
    found = []
    for key, body in bodies.items():
        for record in body.get("status", {}).get("mitigations", []):
            found.append((f"shop/{key.name}", record, record.get("attempts", [])))
    return found


def walked_acted(bodies: dict[Key, dict[str, Any]]) -> dict[str, Acted]:
    """Marks, attempt by attempt."""
    return {
        a["id"]: Acted(f"mitigation {record['name']} of incident {whose}", tuple(a.get("fields", [])))
        for whose, record, attempts in records(bodies)
        for a in attempts
    }


def walked_busy(bodies: dict[Key, dict[str, Any]]) -> dict[str, Busy]:
    """The first that locks the whole object; else the names and fields of all."""
    found: dict[str, list[tuple[str, list[str]]]] = {}
    for whose, record, attempts in records(bodies):
        uid = record.get("target", {}).get("uid")
        under_way = [a for a in attempts if a["state"] in ("Intended", "Applied")]
        if uid and under_way:
            landed = under_way[0]["state"] == "Applied" and not under_way[0].get("removes")
            found.setdefault(uid, []).append((whose, under_way[0].get("fields", []) if landed else []))
    busy = {}
    for uid, each in found.items():
        locks = [whose for whose, fields in each if not fields]
        names = " or ".join(whose for whose, _ in each)
        busy[uid] = Busy(locks[0]) if locks else Busy(names, tuple(f for _, fields in each for f in fields))
    return busy


def walked_census(bodies: dict[Key, dict[str, Any]]) -> Census:
    """Effects that were made or are under way, undos apart; and what alerts declared."""
    deeds = []
    for whose, record, attempts in records(bodies):
        undone = {a["undoes"] for a in attempts if "undoes" in a and "appliedTime" in a}
        for a in attempts:
            under_way = a["state"] in ("Intended", "Applied")
            if "undoes" not in a and (under_way or "appliedTime" in a):
                said = [record.get(word, "") for word in ("name", "source")]
                target, time = record.get("target", {}).get("uid", ""), datetime.fromisoformat(a["intendedTime"])
                effect, fields = record.get("effect", ""), tuple(a.get("fields", []))
                post = a.get("post", "")
                applied = datetime.fromisoformat(a["appliedTime"]) if "appliedTime" in a else None
                owner = record.get("target", {}).get("owner", "")
                rest = [a["id"] in undone, post, record.get("action", ""), applied, owner]
                gone = tuple(a.get("removes", []))
                deeds.append(Deed(whose, *said, target, time, under_way, effect, fields, *rest, removes=gone))
    metas = [body["metadata"] for body in bodies.values()]
    alerted = [m["creationTimestamp"] for m in metas if "stanch.dev/group" in m.get("labels", {})]
    return Census(tuple(deeds), tuple(sorted(map(datetime.fromisoformat, alerted))))
