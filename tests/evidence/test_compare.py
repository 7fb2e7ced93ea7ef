"""Before beside after: what changed is said by object and field, and what changes by itself is not."""

import copy
import json
from dataclasses import asdict

from evidence.sample import NOW, capture, crash, deployment, listed, pod, world
from evidence.tampered import packed, stored, with_archive
from stanch.core.observations import Failed, Found
from stanch.evidence.compare import Change, compare
from stanch.evidence.opened import opened

LATER = NOW.replace(hour=12)


def both(before, after, **limits):
    """Two captures, compared."""
    old, new = capture(before), capture(after, captured_time=LATER)
    return compare(opened(stored(old)), opened(stored(new)), **limits)


def fields(found, name):
    """Path, before and after of one object's fields."""
    (diff,) = [each for each in found.objects if each.name == name]
    return [(field.path, field.before, field.after) for field in diff.fields]


def test_two_looks_at_one_world_are_alike():
    """The time of the look is no difference, nor is the order of a list."""
    found = both(world(pod("a"), pod("b")), world(pod("b"), pod("a")))
    assert found.alike
    assert found.same > 0


def test_a_change_is_told_by_path():
    """Containers, variables and conditions by name, not by number."""
    old = deployment(template={"spec": {"containers": [{"name": "log"}, {"name": "app", "image": "app:2"}]}})
    new = deployment(template={"spec": {"containers": [{"name": "app", "image": "app:1"}, {"name": "log"}]}})
    found = both(world(target=Found(old)), world(target=Found(new)))
    assert [("spec.template.spec.containers[app].image", "app:2", "app:1")] == fields(found, "deployment/shop/checkout")


def test_what_changes_by_itself_is_not_told():
    """Versions, managed fields and heartbeats."""
    old, new = pod("a"), copy.deepcopy(pod("a"))
    new["metadata"] |= {"resourceVersion": "7", "generation": 2, "managedFields": [{"manager": "kubelet"}]}
    new["status"]["conditions"][0]["lastProbeTime"] = "2026-11-21T12:00:00Z"
    assert both(world(old), world(new)).alike


def test_what_is_in_one_bundle_only_is_told_with_what_it_was():
    """A pod that was looked at in one only, an event that is new."""
    event = {
        "metadata": {"name": "e", "namespace": "shop", "uid": "u"},
        "involvedObject": {"kind": "Pod", "name": "a", "uid": "uid-a"},
        "type": "Warning",
        "reason": "BackOff",
        "message": "Back-off restarting failed container",
    }
    found = both(world(crash("a")), world(pod("b"), events=listed(event)))
    told = {each.name: (each.change, each.note) for each in found.objects}
    assert (Change.ONLY_BEFORE, "Running") == told["pod/shop/a"]
    assert (Change.ONLY_AFTER, "BackOff: Back-off restarting failed container") == told["event/shop/e"]


def test_a_list_that_was_not_read_says_nothing_about_what_is_in_it():
    """That it is missing is told; that its Services are gone would be a lie."""
    service = {"metadata": {"name": "web", "namespace": "shop"}}
    found = both(world(services=listed(service)), world(services=Failed(500, "etcd")))
    assert () == found.objects
    assert [("services.json", None, "NotAnswered")] == [
        (each.name, each.fields[0].before, each.fields[0].after) for each in found.missing
    ]


def test_logs_are_compared_by_size():
    """Two runs of a program say different words."""
    found = both(world(crash("a"), log="one\n"), world(crash("a"), log="one\ntwo\n"))
    assert {"pod/a/app.log", "pod/a/app.previous.log"} == {each.name for each in found.texts}
    assert ("1 lines, 4 bytes", "2 lines, 8 bytes") == (found.texts[0].fields[0].before, found.texts[0].fields[0].after)


def test_it_is_bounded_and_says_by_how_much():
    """Of one object, and of all."""
    old, new = deployment(), deployment(**{f"x{index:03}": index for index in range(50)})
    (diff,) = both(world(target=Found(old)), world(target=Found(new)), fields_max=7).objects
    assert (7, 43) == (len(diff.fields), diff.more)
    many = [{"metadata": {"name": f"s{index}", "namespace": "shop"}} for index in range(9)]
    found = both(world(), world(services=listed(*many)), objects_max=4)
    assert (4, 5) == (len(found.objects), found.more)


def test_a_long_value_is_cut():
    """A line stays a line."""
    found = both(world(target=Found(deployment(x="a" * 999))), world(target=Found(deployment(x="b"))))
    ((_, before, _),) = fields(found, "deployment/shop/checkout")
    assert 160 == len(before)


def test_equal_secrets_are_no_difference_and_another_one_is():
    """Tokens are made with one key, so that a changed password shows without being shown."""

    def with_password(value):
        env = [{"name": "DB_PASSWORD", "value": value}]
        return world(target=Found(deployment(template={"spec": {"containers": [{"name": "app", "env": env}]}})))

    assert both(with_password("hunter2"), with_password("hunter2")).alike
    ((path, before, after),) = fields(
        both(with_password("hunter2"), with_password("other")), "deployment/shop/checkout"
    )
    assert path.endswith("env[DB_PASSWORD].value")
    assert before.startswith("***env:")
    assert before != after


def test_what_is_no_json_or_too_deep_is_a_problem_in_words():
    """And never a traceback."""
    obj = stored(capture(world(pod("a"))))
    files = dict(opened(obj).files)
    deep = b'{"kind":"Pod","metadata":{"name":"a"},"x":' + b"[" * 900 + b"%d" + b"]" * 900 + b"}"
    bad = opened(
        with_archive(obj, packed({**files, "services.json": b"{", "pod/a/pod.json": deep.replace(b"%d", b"1")}))
    )
    other = opened(with_archive(obj, packed({**files, "pod/a/pod.json": deep.replace(b"%d", b"2")})))
    found = compare(bad, other)
    assert any("services.json is not JSON" in problem for problem in found.problems)
    assert not found.alike


def test_a_comparison_can_be_written_as_json():
    """For programs."""
    assert json.dumps(asdict(both(world(pod("a")), world(crash("a")))))
