"""Acceptance stories of evidence (mitigations.md, section 6): what a real kubelet gives, and what it does not."""

import base64
import hashlib
from collections.abc import Iterator

import pytest

from e2e.support.api import Api, Json, until
from e2e.support.operators import Operator
from e2e.support.scenes import Scenes
from e2e.support.stories import HELD, kept
from e2e.support.world import CRASH, GOOD, World, container, deployment, incident

KIB = 1024
# One life that says fifty megabytes, a kilobyte a line; after that it waits, so that this stays the previous one.
LOUD = (
    "test -e /once/said && exec sleep 3600; touch /once/said; "
    'yes "$(head -c 1000 /dev/zero | tr "\\0" x)" | head -n 50000; echo THE LAST WORD; exit 1'
)

# The same with words that no archive makes smaller, in many containers: three megabytes in all.
NOISY = 12
NOISE = (
    "test -e /once/{0} && exec sleep 3600; touch /once/{0}; "
    "head -c 200000 /dev/urandom | base64 | tr -d '\\n' | fold -w 1000; echo; echo THE LAST WORD; exit 1"
)


def three_containers(world: World) -> None:
    """Story 51: an init container, one that crashes, and one that never did."""
    pod = {
        "initContainers": [container(GOOD, "echo migrated", "migrate")],
        "containers": [container(GOOD, CRASH), container(GOOD, "echo sidecar up; exec sleep 3600", "sidecar")],
        "terminationGracePeriodSeconds": 0,
    }
    world.deploy(deployment(pod=pod))
    world.crashed()
    world.declare(incident(recovery=HELD))


def loud(world: World) -> None:
    """Story 52: a log far larger than there is room for."""
    mount = [{"name": "once", "mountPath": "/once"}]
    pod = {
        "containers": [container(GOOD, LOUD, volumeMounts=mount)],
        "volumes": [{"name": "once", "emptyDir": {}}],
        "terminationGracePeriodSeconds": 0,
    }
    world.deploy(deployment(pod=pod))
    again = lambda: any(s.get("restartCount") and "running" in s["state"] for s in statuses(world))  # noqa: E731
    until(again, 120, "it has said all of it")
    world.declare(incident(recovery=HELD))


def noisy(world: World) -> None:
    """Story 57: more last words than one object may hold."""
    mount = [{"name": "once", "mountPath": "/once"}]
    containers = [container(GOOD, NOISE.format(n), f"web-{n}", volumeMounts=mount) for n in range(NOISY)]
    volumes = [{"name": "once", "emptyDir": {}}]
    world.deploy(deployment(pod={"containers": containers, "volumes": volumes, "terminationGracePeriodSeconds": 0}))
    again = lambda: [s for s in statuses(world) if s.get("restartCount") and "running" in s["state"]]  # noqa: E731
    until(lambda: len(again()) == NOISY, 180, "each has said all of it")
    world.declare(incident(recovery=HELD))


def statuses(world: World) -> list[Json]:
    """Container statuses of all its pods."""
    found = world.admin.list("pods", world.ns)
    return [s for pod in found for s in pod["status"].get("containerStatuses") or ()]


@pytest.fixture(scope="module")
def scenes(admin: Api, operator: Operator) -> Iterator[Scenes]:
    """All scenes, set at once."""
    made = Scenes(admin, three_containers, loud, noisy)
    yield made
    made.close()


def declared(world: World) -> tuple[Json, dict[str, str]]:
    """Part a of the evidence of the declaration."""
    there = lambda s: s.get("evidence") and s["evidence"][0].get("stored")  # noqa: E731
    record = world.wait(there, "evidence", seconds=60)["evidence"][0]
    return kept(world, record["name"])


def rest(world: World) -> tuple[Json, dict[str, str]]:
    """Part b of it."""
    named = lambda s: [e["name"] for e in s.get("evidence", []) if e.get("restOf") and e.get("stored")]  # noqa: E731
    return kept(world, named(world.wait(named, "part b of the evidence", seconds=60))[0])


def test_story_51_one_crashed_container_of_three_is_read_and_the_others_are_no_error(scenes: Scenes) -> None:
    """Its last words are stored; that the others never had a previous run is written down as normal."""
    world = scenes[three_containers]
    evidence, files = declared(world)
    if any(m["reason"] in ("DeadlineOver", "NodeSilent") for m in evidence["spec"]["missing"]):
        files |= rest(world)[1]  # The pods are there still: what came too late is asked for once more.
    (last,) = [text for name, text in files.items() if name.endswith("web.previous.log")]
    assert "FATAL: cannot open shard 7" in last
    assert any("sidecar up" in text for name, text in files.items() if name.endswith("sidecar.log"))
    missing = {m["name"].rpartition("/")[2]: m["reason"] for m in evidence["spec"]["missing"]}
    assert {k: v for k, v in missing.items() if "previous" in k} == {
        "migrate.previous.log": "NoPrevious",
        "sidecar.previous.log": "NoPrevious",
    }


def test_story_52_of_a_long_log_the_newest_is_kept_and_the_rest_is_counted(scenes: Scenes) -> None:
    """The end says why it died; part b has more of it, and how much is not there is on the record."""
    for (evidence, files), least, most in ((declared(scenes[loud]), 60, 64), (rest(scenes[loud]), 200, 256)):
        ((name, text),) = [(n, t) for n, t in files.items() if n.endswith("web.previous.log")]
        assert "THE LAST WORD" in text.splitlines()[-1]
        assert least * KIB < len(text) <= most * KIB
        (item,) = [i for i in evidence["spec"]["items"] if i["name"] == name]
        assert item["dropped"] > 1000 * KIB
    first, _ = declared(scenes[loud])
    assert "InPartB" in {m["reason"] for m in first["spec"]["missing"] if m["name"] == name}


def test_story_57_what_is_too_much_is_cut_to_an_object_of_known_size_and_the_rest_is_named(scenes: Scenes) -> None:
    """Each log that is kept keeps its end, and what was cut is named; the digest is that of what is stored, for good."""
    world = scenes[noisy]
    evidence, files = rest(world)
    spec = evidence["spec"]
    archive = base64.b64decode(spec["data"])
    assert 300 * KIB < len(archive) == spec["bytes"] <= 700 * KIB
    assert spec["sha256"] == hashlib.sha256(archive).hexdigest()
    ends = {name: text for name, text in files.items() if name.endswith(".previous.log")}
    assert ends
    assert [name for name, text in ends.items() if not text.rstrip().endswith("THE LAST WORD")] == []
    given_up = {m["name"]: m["message"] for m in spec["missing"] if m["reason"] == "BudgetFull"}
    assert given_up.keys() & ends.keys(), given_up
    assert all("bytes given up for want of room" in message for message in given_up.values())
    name = evidence["metadata"]["name"]
    refused = world.admin.merge("evidences", world.ns, name, {"spec": {"sha256": "0" * 64}})
    assert refused.status == 422
    assert "never changed once it is captured" in refused.message
