"""From Resolved to closed: drafted, edited with kubectl, held up by the lint, signed off, published, and never changed again."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cluster.given import Kubectl
from e2e.support.api import Api, Json, until
from e2e.support.operators import ForkServer, Operator
from e2e.support.world import World, bind, incident, is_so, new_world, wait_for_right
from learning import written
from stanch.api.names import Label

NAME = "checkout-5xx"


@pytest.fixture(scope="module")
def world(
    admin: Api, token: dict[str, Any], fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """An incident that is over, and an operator to whom hours are seconds."""
    waits = {"reopen_within": 1, "resync_resolved_every": 1, "counted_for": 1, "per_target": 1, "sample_every": 1}
    made = new_world(admin, "postmortem")
    bind(admin, made.ns, "stanch-publisher", {"kind": "User", "name": "bob"})
    made.deploy()
    with Operator(token, tmp_path_factory.mktemp("operator"), "learning", fork_server, policy=waits):
        made.serving()
        made.declare(incident(severity="SEV2", roles={"commander": "bob"}))
        made.condition("Resolved")
        yield made
    admin.delete("namespaces", None, made.ns)


def text(world: World) -> Json:
    """The Postmortem as it is."""
    return world.admin.get("postmortems", world.ns, NAME)


def stands(world: World, state: str) -> Json:
    """Wait until the operator has judged the newest text to stand so."""

    def look() -> Json | None:
        found = world.admin.find("postmortems", world.ns, NAME) or {}
        status = found.get("status", {})
        new = status.get("observedGeneration") == found.get("metadata", {}).get("generation")
        return found if new and status.get("state") == state else None

    return until(look, 30, f"Postmortem {state}")


def patch(kubectl: Kubectl, world: World, who: str, **spec: Any) -> Any:
    """What somebody writes with kubectl."""
    said = json.dumps({"spec": spec})
    groups = ("--as", who, "--as-group", "system:authenticated")
    return kubectl("-n", world.ns, "patch", "pmort", NAME, "--type", "merge", "-p", said, *groups)


def stanch(kubectl: Kubectl, *words: str) -> subprocess.CompletedProcess[str]:
    """Our own command line, as an admin at a shell has it."""
    program, _, kubeconfig = kubectl.start
    path = f"{Path(program).parent}:/usr/bin:/bin"
    env = {"PATH": path, "KUBECONFIG": kubeconfig, "HOME": "/tmp", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    line = [sys.executable, "-m", "stanch.cli.main", "postmortem", *words]
    return subprocess.run(line, env=env, capture_output=True, text=True, check=False, timeout=60)


def test_a_postmortem_from_resolved_to_published(world: World, kubectl: Kubectl) -> None:
    """Drafted with facts and numbered gaps; edited; a finding holds it up; signed off and published it closes its incident."""
    # 1. Drafted, and judged at once: facts and gaps are there, and questions of the draft are findings.
    drafted = stands(world, "Findings")
    facts, gaps = drafted["status"]["facts"], drafted["status"]["gaps"]
    assert ("Required", ["SEV2"], "SEV2") == (facts["decision"], facts["reasons"], facts["severity"])
    assert "ShortHold" in {g["kind"] for g in gaps}
    assert list(range(1, len(gaps) + 1)) == [g["number"] for g in gaps]
    assert "unfilled" in {f["rule"] for f in drafted["status"]["lint"]}

    # 2. alice completes it, with one sentence about a person.
    spec = written({"spec": {}})["spec"]
    assert patch(kubectl, world, "alice", **spec | {"lessons": "Bob forgot the flag.", "authors": ["alice"]}).ok
    (finding,) = [f for f in stands(world, "Findings")["status"]["lint"] if f["blocks"]]
    assert ("person-as-cause", "spec.lessons", "Bob forgot the flag.") == (
        finding["rule"],
        finding["field"],
        finding["excerpt"],
    )
    shown = stanch(kubectl, "lint", NAME, "-n", world.ns)
    assert 1 == shown.returncode, shown.stderr
    assert "spec.lessons: person-as-cause" in shown.stdout

    # 3. To publish needs the verb; and is a wish until the text is clean and somebody else has signed it off.
    refused = patch(kubectl, world, "alice", published=True)
    assert not refused.ok
    assert "needs verb publish on postmortems.stanch.dev" in refused.err
    wait_for_right(world.admin, world.ns, "bob", "publish", "postmortems")
    assert patch(kubectl, world, "bob", published=True).ok
    stands(world, "Findings")
    world.wait(lambda s: _why(s) == "LintFindings", "the finding on the incident")
    refused = patch(kubectl, world, "alice", lessons="Another word.")
    assert "needs verb publish" in refused.err, "a text that is to be published is the publisher's"
    assert patch(kubectl, world, "bob", lessons="A migration is a release of its own.").ok
    stands(world, "NotSigned")
    world.say("signOff", by=world.bob)
    published = stands(world, "Published")
    assert ["bob"] == [s["by"] for s in published["status"]["published"]["signedOff"]]

    # 4. What is published never changes, not even by an admin; the incident is reviewed, and closes.
    changed = world.admin.merge("postmortems", world.ns, NAME, {"spec": {"lessons": "Something else."}})
    assert "a published text never changes" in changed.message
    assert not world.admin.merge("postmortems", world.ns, NAME, {"spec": {"published": False}}).ok
    world.wait(lambda s: is_so(s, "Reviewed", "Published"), "reviewed")
    until(lambda: Label.CLOSED in world.inc()["metadata"].get("labels", {}), 30, "closed")
    page = stanch(kubectl, "render", NAME, "-n", world.ns)
    assert 0 == page.returncode, page.stderr
    assert f"Text | `{published['status']['published']['sha256']}` |" in page.stdout
    assert "Nothing in the pipeline checks reader and migration together" in page.stdout


def _why(status: Json) -> str:
    return next((c["reason"] for c in status["conditions"] if c["type"] == "Reviewed"), "")
