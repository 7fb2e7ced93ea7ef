"""
The past comes back: etcd is restored from a backup over incidents that went on meanwhile. On a cluster of its own.

Once with an operator that lives through it, and remembers what never happened; once with one that starts afterwards, knows
nothing of it, and has only the age of what it finds. Nothing from the past is done either time, and both go on working.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tools.install import find_kubectl
from tools.operator_run import as_service_account

from e2e.support.api import Api, Json, together, until
from e2e.support.courses import plain
from e2e.support.operators import ROOT, ForkServer, Operator
from e2e.support.proxy import Fault, FaultProxy, Loop
from e2e.support.world import World, deployment, incident, lines, new_world, stands, wish

TOOL = [sys.executable, str(ROOT / "tools" / "testcluster")]
PAUSE = wish("act", "rolloutPause")
AGREED = {**PAUSE, "approvals": 1}
# Seconds instead of a quarter of an hour and an hour: older than this is what the second operator finds.
SHORT = {"approval_valid_for": 5, "approval_ask_for": 8}
# How each incident stood when the backup was made; the targets have the same names.
PENDING = ("waiting", "approved", "asked", "intended")
NAMES = (*PENDING, "finished")
# What an API server that has started a moment ago says of kinds that CustomResourceDefinitions brought.
UNAVAILABLE = 503


def run(*words: str) -> None:
    """A program that must succeed."""
    kept = {k: v for k, v in os.environ.items() if k != "KUBECONFIG"} | {"STANCH_CLUSTER": "local"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT, env=kept, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass
class Own:
    """A cluster with stanch on it, and the token of the operator."""

    root: Path
    admin: Api
    token: Json

    def backup(self) -> None:
        """etcd's data as it is now."""
        run(*TOOL, "backup", "--dir", str(self.root), "--to", str(self.root.parent / "copy"))

    def restore(self) -> None:
        """etcd's data as it was; the control plane and the kubelet start anew."""
        run(*TOOL, "restore", "--dir", str(self.root), "--from", str(self.root.parent / "copy"))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Own]:
    """Up, installed, and gone afterwards."""
    root = tmp_path_factory.mktemp("restore") / "cluster"
    run(*TOOL, "up", "--dir", str(root), "--nodes", "1")
    try:
        run(sys.executable, "-m", "tools.install", "--kubeconfig", str(root / "kubeconfig"))
        yield Own(root, Api.of(root / "kubeconfig"), as_service_account(root / "kubeconfig", find_kubectl()))
    finally:
        run(*TOOL, "down", "--dir", str(root))


def declare(world: World, name: str, asked: Json) -> None:
    """alice declares an incident about the Deployment of that name; again while the API server has not found our kinds yet."""
    obj = incident(asked, name=name, target={"kind": "Deployment", "name": name}, recovery={"hold": "10m"})
    until(lambda: (reply := world.alice.create(obj, world.ns)).status != UNAVAILABLE and reply.must(), 60, "it is up")


def agree(world: World, name: str) -> None:
    """bob approves the plan as it stands."""
    said = {"mitigation": "act", "action": "rolloutPause", "digest": world.mitigation("act", name)["digest"]}
    world.say("approve", said, by=world.bob, about=name)


def before_the_backup(own: Own, world: World, server: ForkServer, loop: Loop, folder: Path) -> None:
    """An operator is killed between its intention and its effect; what is said afterwards nobody has read."""
    for name in NAMES:
        world.deploy(deployment(name, replicas=0))
    together(*(lambda n=n: world.observed(n) for n in NAMES))
    with FaultProxy(loop, own.admin.server, own.admin.ca, world.ns) as proxy:
        first = Operator(proxy.kubeconfig(own.token), folder, "first", server).start()
        declare(world, "finished", PAUSE)
        declare(world, "waiting", AGREED)
        declare(world, "approved", AGREED)
        world.state("Done", "act", "finished")
        together(*(lambda n=n: world.state("Held", "act", n) for n in ("waiting", "approved")))
        proxy.begin()
        proxy.faults = [Fault("PATCH deployments#1", "before", "kill", first.kill)]
        declare(world, "intended", PAUSE)
        until(lambda: not first.alive(), 30, "it is killed right before its effect")
    assert [a["state"] for a in world.mitigation("act", "intended")["attempts"]] == ["Intended"]
    agree(world, "approved")
    declare(world, "asked", PAUSE)


def targets(world: World) -> dict[str, Any]:
    """What people and we wrote of each target, our label included."""
    found = {n: world.target(n) for n in NAMES}
    return {n: (plain(t), t["metadata"]["generation"], t["metadata"]["labels"]) for n, t in found.items()}


@dataclass
class Past:
    """How things stood when the backup was made."""

    world: World
    targets: dict[str, Any]
    finished: Json


@pytest.fixture(scope="module")
def past(own: Own, fork_server: ForkServer, loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Past:
    """One incident of each sort, and a backup of them."""
    world = new_world(own.admin, "past")
    before_the_backup(own, world, fork_server, loop, tmp_path_factory.mktemp("first"))
    own.backup()
    return Past(world, targets(world), world.status("finished"))


def goes_on(world: World) -> None:
    """It hears what is said and does what is asked: after a restore it could be deaf for hours."""
    world.deploy(deployment("fresh", replicas=0))
    world.observed("fresh")
    declare(world, "fresh", PAUSE)
    world.state("Done", "act", "fresh")
    world.folded(world.say("note", about="finished"))


def nothing_was_done(past: Past) -> None:
    """The targets are what they were at the time of the backup, and what was finished then is finished."""
    assert targets(past.world) == past.targets
    after = past.world.status("finished")
    assert after["mitigations"] == past.finished["mitigations"]
    assert len(lines(after, "MitigationApplied")) == 1


def ended(world: World) -> dict[str, Json]:
    """The records, once each of them has come to an end."""
    states = ("Refused", "Expired", "Failed")
    over = lambda s: stands(s, "act").get("state") in states  # noqa: E731
    together(*(lambda n=n: world.wait(over, f"{n} has ended", n) for n in PENDING))
    return {n: world.mitigation("act", n) for n in PENDING}


def test_an_operator_that_lives_through_a_restore_does_nothing_from_the_past(
    own: Own, past: Past, fork_server: ForkServer, tmp_path: Path
) -> None:
    """All was approved, done and remembered; the past comes back within the hour; it says so, and asks a person anew."""
    world = past.world
    with Operator(own.token, tmp_path, "survivor", fork_server) as survivor:
        agree(world, "waiting")
        together(*(lambda n=n: world.state("Done", "act", n) for n in PENDING))
        own.restore()
        until(lambda: "restored from a backup" in survivor.log.read_text(), 60, "it sees that the past came back")
        records = ended(world)
        goes_on(world)
    nothing_was_done(past)
    assert [records[n]["reason"] for n in ("waiting", "approved", "asked")] == ["Restored"] * 3
    assert all("restored from a backup" in r["message"] for r in records.values()), records
    assert all(any("restored" in x["text"] for x in world.status(n)["timeline"]) for n in PENDING)


def test_an_operator_that_starts_after_a_restore_does_nothing_that_is_too_old(
    own: Own, past: Past, fork_server: ForkServer, tmp_path: Path
) -> None:
    """It can't know; but what was asked, approved or written down too long ago is over, whoever looks."""
    own.restore()
    world = past.world
    assert world.admin.find("incidents", world.ns, "fresh") is None
    with Operator(own.token, tmp_path, "newcomer", fork_server, policy=SHORT):
        records = ended(world)
        goes_on(world)
    nothing_was_done(past)
    assert [records[n]["state"] for n in PENDING] == ["Expired", "Expired", "Expired", "Failed"]
