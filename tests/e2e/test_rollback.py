"""The main job, by the product's own command line: evidence first, one rollback, recovery held, papers written."""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from cluster.given import Kubectl
from e2e.support import oracles
from e2e.support.api import Api, Json, until
from e2e.support.operators import Operator
from e2e.support.proxy import FaultProxy, Loop, Seen
from e2e.support.stories import kept
from e2e.support.world import (
    BAD,
    GOOD,
    READY,
    ROLL_BACK,
    SERVE,
    World,
    container,
    deployment,
    incident,
    lines,
    new_world,
)

FATAL = "FATAL: cannot open shard 7"


def pod(image: str, command: str) -> Json:
    """A pod as in life: an init container, the service, a sidecar."""
    side = container(GOOD, "echo sidecar up; exec sleep 3600", "sidecar")
    web = container(image, command, readinessProbe=READY, env=[{"name": "DB_PASSWORD", "value": "hunter2-and-more"}])
    return {
        "initContainers": [container(GOOD, "echo migrated", "migrate")],
        "containers": [web, side],
        "terminationGracePeriodSeconds": 1,
    }


@dataclass
class Told:
    """All that one rollback left behind."""

    world: World
    status: Json
    before: Json
    wire: list[Seen]
    files: dict[str, str]
    evidence: Json


@pytest.fixture(scope="module")
def told(admin: Api, token: Json, loop: Loop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """A good release, a bad one that crashes, an Incident, and the operator until it is over."""
    world = new_world(admin, "main")
    world.deploy(deployment(pod=pod(GOOD, SERVE), replicas=2))
    world.serving()
    world.release(pod(BAD, f"echo starting; echo '{FATAL}'; test 1 -gt 2 && true; exit 1"))
    world.crashed()
    before = world.target()
    folder = tmp_path_factory.mktemp("main")
    with FaultProxy(loop, admin.server, admin.ca, world.ns) as proxy:
        with Operator(proxy.kubeconfig(token), folder, "product"):
            world.declare(incident(ROLL_BACK, roles={"commander": "bob"}))
            world.condition("Mitigated", seconds=120)
            world.condition("Resolved", seconds=120)
            until(lambda: admin.find("postmortems", world.ns, "checkout-5xx"), 15, "the Postmortem")
            until(lambda: events(world) >= {"Resolved", "ActionItemDrafted"}, 15, "the last Events")
        status = world.status()
        evidence, files = kept(world, oracles.one_attempt_took_effect(status)["evidence"])
        yield Told(world, status, before, list(proxy.log), files, evidence)
    admin.delete("namespaces", None, world.ns)


def events(world: World) -> set[str]:
    """Reasons of the Events about the incident."""
    found = world.admin.list("events", world.ns, fieldSelector="involvedObject.kind=Incident")
    return {e["reason"] for e in found}


def holds(told: Told, *words: str) -> str:
    """The text of the one file whose name has these words; fails with what there is."""
    named = [name for name in told.files if all(w in name for w in words)]
    assert named, f"no file named by {words} in {sorted(told.files)}"
    return "\n".join(told.files[name] for name in named)


def test_evidence_holds_the_last_words_of_the_dead(told: Told) -> None:
    """The log of the container's previous life, with the line that says why it died."""
    assert FATAL in holds(told, "web", "previous")


def test_evidence_holds_the_scene(told: Told) -> None:
    """describe of the target and of a pod, events, ReplicaSets with images, the other containers' logs, node of each pod."""
    assert BAD in holds(told, "deployment/", "describe")
    assert "migrate" in holds(told, "pod/", "describe")
    assert "BackOff" in holds(told, "event")
    history = holds(told, "history")
    assert GOOD in history
    assert BAD in history
    assert "sidecar up" in holds(told, "sidecar")
    assert "node-" in holds(told, "pods.txt")


def test_evidence_holds_no_secret(told: Told) -> None:
    """A password in env is not in what people read; it is in the undo Secret of the operator's namespace."""
    assert "hunter2-and-more" not in json.dumps(told.files)
    assert "hunter2-and-more" not in json.dumps(told.status)


def test_evidence_is_older_than_the_effect(told: Told) -> None:
    """By the API server's own order of writes, not by our word."""
    (sent,) = [s for s in told.wire if s.label == "PATCH deployments#1"]
    oracles.evidence_is_older(told.world, told.status, oracles.effect_version(sent))
    stored = next(s for s in told.wire if s.label == "POST evidences#1")
    assert stored.index < sent.index


def test_exactly_one_effect(told: Told) -> None:
    """One accepted write on the Deployment, by field manager stanch; generation moved by one."""
    assert len([s for s in told.wire if s.label.startswith("PATCH deployments#") and s.status == 200]) == 1
    oracles.exactly_one_effect(told.world, told.before)


def test_the_timeline_is_complete_and_ordered(told: Told) -> None:
    """Who asked, each evidence item, plan, attempt, effect, verification, hold, resolution: one ordered list."""
    oracles.timeline_is_complete(told.status)
    for kind in ("RoleChanged", "EvidenceCollected", "MitigationIntended", "HoldStarted", "MitigationJudged"):
        assert len(lines(told.status, kind)) == 1, kind
    assert lines(told.status, "Declared", "MitigationAsked")[0]["by"] == "alice"
    assert lines(told.status, "MitigationJudged")[0]["text"].endswith("it helped")


def test_milestones_are_events_too(told: Told) -> None:
    """Whoever only looks at Events sees the same story."""
    wanted = {"Declared", "EvidenceCollected", "MitigationApplied", "MitigationVerified", "Mitigated", "Resolved"}
    assert wanted - events(told.world) == set()


def test_the_postmortem_has_its_six_parts(told: Told) -> None:
    """Summary, impact, timeline, contributing factors, whys, action items; the last three are people's to fill."""
    spec = told.world.admin.get("postmortems", told.world.ns, "checkout-5xx")["spec"]
    assert {"summary", "impact", "timeline", "factors", "whys", "actionItems"} <= set(spec)
    assert "Checkout returns 500s" in spec["summary"]
    assert spec["timeline"][0]["kind"] == "Declared"
    (item,) = spec["actionItems"]
    assert item.startswith("checkout-5xx-roll-back-fix-")


def test_the_rollback_leaves_a_task(told: Told) -> None:
    """The bad revision still needs a fix: an owner, a due date, not overdue yet."""
    (name,) = told.world.status()["postmortem"]["actionItems"]
    item = told.world.admin.get("actionitems", told.world.ns, name)
    assert item["spec"]["owner"] == "bob"
    assert item["spec"]["dueTime"] > item["metadata"]["creationTimestamp"]
    assert not item.get("status", {}).get("overdue")


def test_the_status_board_fits_a_terminal(told: Told, kubectl: Kubectl) -> None:
    """`kubectl get inc` reads like a board: these heads, short values, at most 88 columns (ADR 8 says why not 80)."""
    table = kubectl("-n", told.world.ns, "get", "inc").out
    assert max(len(line.rstrip()) for line in table.splitlines()) <= 88, table
    assert table.split("\n")[0].split() == [
        "NAME",
        "SEV",
        "PHASE",
        "COMMANDER",
        "TARGET",
        "MITIGATION",
        "NEXT-UPDATE",
        "AGE",
    ]
    assert all(word in table for word in ("SEV2", "bob", "checkout ", "roll-back")), table
