"""Acceptance stories of flags, Services and CronJobs (mitigations.md, section 6), with what a wrong combination is told."""

from collections.abc import Iterator

import pytest

from e2e.support.api import Api, Json, together, until
from e2e.support.operators import Operator
from e2e.support.scenes import Scenes
from e2e.support.stories import HELD, obj, pods, said_no, take_back, untouched, warned
from e2e.support.world import READY, SERVE, World, container, deployment, good, incident, wish

ENV = [{"name": "SEARCH", "valueFrom": {"configMapKeyRef": {"name": "flags", "key": "SEARCH"}}}]
PORTS = [{"port": 80, "targetPort": 8080}]
KEYS = {"app": "web", "track": "stable"}


def reader() -> Json:
    """A pod that says what its environment says."""
    made = good()
    made["containers"] = [
        container(made["containers"][0]["image"], f"echo SEARCH=$SEARCH; {SERVE}", readinessProbe=READY)
    ]
    made["containers"][0]["env"] = ENV
    return made


def read_from_env(world: World) -> None:
    """Story 35: a flag that a pod has in its environment, flipped, with the restart chained to it."""
    world.deploy(obj("ConfigMap", "flags", data={"SEARCH": "on"}))
    world.deploy(deployment(pod=reader()))
    world.serving()
    flip = wish(
        "off", "configFlag", args={"key": "SEARCH", "value": "off"}, target={"kind": "ConfigMap", "name": "flags"}
    )
    restart = wish("restart", "rolloutRestart", when="Always")
    world.declare(incident(flip, restart, recovery=HELD))


def two_keys(world: World) -> None:
    """Story 37: a Service that selects by two keys, and pods that have only one."""
    one = deployment("web")
    one["spec"]["selector"]["matchLabels"] = KEYS
    one["spec"]["template"]["metadata"]["labels"] = KEYS
    together(lambda: world.deploy(one), lambda: world.deploy(deployment("web2")))
    world.deploy(obj("Service", "web", spec={"selector": KEYS, "ports": PORTS}))
    together(lambda: world.serving("web"), lambda: world.serving("web2"))
    shift = wish("shift", "serviceShift", args={"selector": {"app": "web2"}}, target={"kind": "Service", "name": "web"})
    world.declare(incident(shift, target={"kind": "Service", "name": "web"}, recovery=HELD))


REFUSED: dict[str, tuple[Json, tuple[str, ...]]] = {
    "immutable": (
        wish("immutable", "configFlag", args={"key": "a", "value": "x"}, target={"kind": "ConfigMap", "name": "fixed"}),
        ("immutable: true", "create a ConfigMap with another name"),
    ),
    "binary": (
        wish("binary", "configFlag", args={"key": "b", "value": "x"}, target={"kind": "ConfigMap", "name": "flags"}),
        ("binaryData",),
    ),
    "same-value": (
        wish(
            "same-value", "configFlag", args={"key": "a", "value": "1"}, target={"kind": "ConfigMap", "name": "flags"}
        ),
        ('is "1" already',),
    ),
    "nobody-ready": (
        wish(
            "nobody-ready",
            "serviceShift",
            args={"selector": {"app": "nobody"}},
            target={"kind": "Service", "name": "web"},
        ),
        ("0 ready endpoints", "serviceShift.selector"),
    ),
    "no-selector": (
        wish(
            "no-selector", "serviceShift", args={"selector": {"app": "web"}}, target={"kind": "Service", "name": "bare"}
        ),
        ("has no spec.selector", "endpointslices"),
    ),
    "external-name": (
        wish(
            "external-name",
            "serviceShift",
            args={"selector": {"app": "web"}},
            target={"kind": "Service", "name": "away"},
        ),
        ("type ExternalName",),
    ),
    "suspended-already": (
        wish("suspended-already", "suspendCronJob", target={"kind": "CronJob", "name": "report"}),
        ("already suspended, not by this mitigation",),
    ),
    "unknown-flag-map": (
        wish(
            "unknown-flag-map",
            "configFlag",
            args={"key": "a", "value": "x"},
            target={"kind": "ConfigMap", "name": "nope"},
        ),
        ("There is no ConfigMap", "nope"),
    ),
}


def odd_objects(world: World) -> None:
    """What can't be changed, or would leave nobody; all of it asked for in one incident."""
    pod = {"restartPolicy": "Never", "containers": [container("stanch.test/busybox:1", "true")]}
    job = {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    for made in (
        obj("ConfigMap", "fixed", data={"a": "1"}, immutable=True),
        obj("ConfigMap", "flags", data={"a": "1"}, binaryData={"b": "AAAA"}),
        obj("Service", "web", spec={"selector": {"app": "web"}, "ports": PORTS}),
        obj("Service", "bare", spec={"ports": PORTS}),
        obj("Service", "away", spec={"type": "ExternalName", "externalName": "example.com"}),
        obj("CronJob", "report", "batch/v1", spec=job),
    ):
        world.deploy(made)
    asked = [w | {"when": "Always"} for w, _ in REFUSED.values()]
    world.declare(incident(*asked, target={"kind": "Service", "name": "web"}, recovery=HELD))


@pytest.fixture(scope="module")
def scenes(admin: Api, operator: Operator) -> Iterator[Scenes]:
    """All scenes, set at once."""
    made = Scenes(admin, read_from_env, two_keys, odd_objects)
    yield made
    made.close()


def test_stories_33_and_36_wrong_combinations_are_refused_before_any_write(scenes: Scenes) -> None:
    """Each with the object and the remedy: not at the API server, but in the plan; and none stands in another's way."""
    world = scenes[odd_objects]
    for name, (asked, words) in REFUSED.items():
        record = said_no(world, name)
        assert [w for w in words if w not in record["message"]] == [], record
        assert "attempts" not in record
        target = asked["target"]
        plural = f"{target['kind'].lower()}s"
        found = world.admin.find(plural, world.ns, target["name"])
        assert found is None or untouched(found)


def test_story_35_a_flag_in_the_environment_needs_the_restart_that_is_chained_to_it(scenes: Scenes) -> None:
    """The plan says so and names the action; after it the new pod has the new value."""
    world = scenes[read_from_env]
    record = world.state("Done", "off", seconds=90)
    assert "needs a restart" in warned(record)
    assert "rolloutRestart on Deployment checkout" in warned(record)
    world.state("Done", "restart", seconds=90)
    (pod,) = pods(world).values()
    path = f"/api/v1/namespaces/{world.ns}/pods/{pod['metadata']['name']}/log"
    said = lambda: str(world.admin.request("GET", path).body.get("message", ""))  # noqa: E731
    until(lambda: "SEARCH=off" in said(), 15, "the new pod says off")


def test_story_37_a_selector_is_replaced_and_not_merged(scenes: Scenes) -> None:
    """The old key is gone, or nobody would be selected; the undo restores both."""
    world = scenes[two_keys]
    world.state("Done", "shift", seconds=90)
    assert world.target("web", "services")["spec"]["selector"] == {"app": "web2"}
    take_back(world, "shift")
    assert world.target("web", "services")["spec"]["selector"] == KEYS
