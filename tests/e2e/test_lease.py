"""Two replicas as shipped: one works, the other is ready, knows everything, and follows at once."""

import re
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from e2e.support.api import Api, Json, until
from e2e.support.operators import Operator
from e2e.support.world import World, deployment, incident, is_so, new_world, stands, wish

LEASE = "/apis/coordination.k8s.io/v1/namespaces/stanch-system/leases/stanch"
# It lasts 15 s, and is looked at every 2 s.
TAKEOVER = 20


@dataclass
class Replica:
    """One of the two, and the pages it serves."""

    operator: Operator
    port: int

    def page(self, path: str) -> str:
        """What it answers; empty when it does not."""
        with suppress(OSError):
            return str(urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2).read().decode())
        return ""

    def metric(self, name: str) -> float:
        """The value of one of its metrics; -1 when it is not there."""
        found = re.search(rf"^{name} (\S+)$", self.page("/metrics"), re.MULTILINE)
        return float(found[1]) if found else -1.0

    @property
    def works(self) -> bool:
        """Does it say that it leads?"""
        return self.metric("stanch_leading") == 1

    def planned(self) -> int:
        """How often it decided something."""
        return self.operator.log.read_text().count("msg=planned")


def replica(token: Json, folder: Path, name: str) -> Replica:
    """The product's own command line, on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return Replica(Operator(token, folder, name, listen=f"127.0.0.1:{port}"), port)


@pytest.fixture
def pair(token: Json, tmp_path: Path) -> Iterator[tuple[Replica, Replica]]:
    """Two replicas; the first works, for it was there first."""
    one, two = replica(token, tmp_path, "one"), replica(token, tmp_path, "two")
    one.operator.start()
    try:
        until(lambda: one.works, TAKEOVER + 10, "one works")
        two.operator.start()
        yield one, two
    finally:
        one.operator.stop()
        two.operator.stop()


def paused(world: World, name: str) -> Json:
    """Declare an incident in which a rollout is paused; how it stands when that is done."""
    world.declare(incident(wish("pause", "rolloutPause"), name=name, target={"kind": "Deployment", "name": name}))
    return world.wait(lambda s: stands(s, "pause").get("state") == "Done", f"{name} is paused", name, TAKEOVER + 20)


def test_the_standby_is_warm_and_follows(admin: Api, pair: tuple[Replica, Replica]) -> None:
    """One is killed: the other works within 20 s, without a second effect; it ends in order: the other works at once."""
    one, two = pair
    world = new_world(admin, "lease")
    for name in ("first", "second", "third"):
        world.deploy(deployment(name, replicas=0))
        world.observed(name)

    paused(world, "first")
    until(lambda: two.metric("stanch_incidents_open") >= 1, 10, "the standby knows of it")
    assert (one.works, two.works, two.planned()) == (True, False, 0)
    assert two.page("/readyz") == "ok\n", "ready, though it does not lead"
    before = admin.request("GET", LEASE).must()["spec"]

    one.operator.kill()
    until(lambda: two.works, TAKEOVER, "two works", every=0.05)
    after = admin.request("GET", LEASE).must()["spec"]
    assert after["leaseTransitions"] == before["leaseTransitions"] + 1
    assert after["holderIdentity"] != before["holderIdentity"]
    paused(world, "second")

    one.operator.start()
    assert not one.works
    two.operator.stop()
    until(lambda: one.works, 10, "one works again, for it was given up")
    paused(world, "third")
    world.wait(lambda s: is_so(s, "Acknowledged"), "the first is looked at, too", "first")
    for name in ("first", "second", "third"):
        assert len(stands(world.status(name), "pause")["attempts"]) == 1
    assert [r.operator.complaints() for r in pair] == [[], []]
    admin.delete("namespaces", None, world.ns)
