"""What is owed can't be forgotten: reminded of, closed only without it, found when its incident is gone; worse stops."""

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
from e2e.support.scenes import Scenes
from e2e.support.world import World, deployment, good, incident, is_so, lines, stuck, wish
from stanch.api.names import Label

PAUSE = wish("pause", "rolloutPause", when="Always")
MARK = Label.ACTION


def owes(world: World) -> None:
    """Resolved; paused since, and due two seconds after."""
    world.deploy()
    world.serving()
    world.declare(incident({**PAUSE, "ttl": "2s"}, severity="SEV4"))
    world.condition("Resolved")


def orphaned(world: World) -> None:
    """Paused, and then the incident is deleted as only the namespace controller may, with its debt."""
    world.deploy()
    world.serving()
    world.declare(incident(PAUSE, recovery={"hold": "10m"}))
    world.wait(lambda s: s.get("debt"), "owes")
    collector = world.admin.as_user("system:serviceaccount:kube-system:namespace-controller", "system:authenticated")
    assert collector.delete("incidents", world.ns, "checkout-5xx").ok


def gets_worse(world: World) -> None:
    """Back to a revision that never served, all pods at once; a second rung waits."""
    recreate = {"strategy": {"type": "Recreate"}, "progressDeadlineSeconds": 2}
    world.deploy(deployment(pod=stuck(), **recreate))
    world.observed()
    world.release(good())
    world.serving()
    back = wish("back", args={"toRevision": 1}, timeBox="4s")
    world.declare(incident(back, wish("more", "scale", args={"replicas": 2}), recovery={"hold": "10m"}))


def changed_since(world: World) -> None:
    """Scaled by stanch, then by somebody else."""
    world.deploy()
    world.serving()
    world.declare(incident(wish("size", "scale", args={"replicas": 2}), recovery={"hold": "10m"}))
    world.state("Done", "size")
    world.set(replicas=3)
    world.say("undo", {"mitigation": "size"})


@pytest.fixture(scope="module")
def operator(
    token: dict[str, Any], fork_server: ForkServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Operator]:
    """An operator to whom hours are seconds."""
    waits = {"reopen_within": 1, "debt_remind_every": 2, "resync_resolved_every": 1, "counted_for": 1, "per_target": 1}
    with Operator(
        token, tmp_path_factory.mktemp("operator"), "short", fork_server, policy=waits, orphans=True
    ) as running:
        yield running


@pytest.fixture(scope="module")
def scenes(admin: Api, operator: Operator) -> Iterator[Scenes]:
    """All scenes, set at once."""
    made = Scenes(admin, orphaned, gets_worse, owes, changed_since)
    yield made
    made.close()


def test_a_refused_undo_says_all_three_values(scenes: Scenes) -> None:
    """Found, wrote, now; in status and in the refusal; and what the other one wrote stays."""
    world = scenes[changed_since]
    status = world.wait(lambda s: lines(s, "UndoRefused"), "refused")
    record = world.mitigation("size")
    assert record["conflict"] == [{"path": "spec.replicas", "found": "1", "wrote": "2", "now": "3"}]
    assert "spec.replicas: found 1, wrote 2, now 3" in lines(status, "UndoRefused")[0]["text"]
    assert world.target()["spec"]["replicas"] == 3


def test_worse_stops_the_ladder(scenes: Scenes) -> None:
    """Fewer pods than before it: said with the way back, and the next rung does not start, also after the undo."""
    world = scenes[gets_worse]
    status = world.condition("MitigationHeld", reason="MadeItWorse")
    (worse,) = lines(status, "MitigationMadeItWorse")
    assert worse["milestone"]
    assert "0 of 1 pods available" in worse["text"]
    assert "before it 1 of 1 pods available" in worse["text"]
    assert world.mitigation("back")["effect"] == "Worse"
    world.say("undo", {"mitigation": "back"})
    world.state("Undone", "back")
    world.serving()
    assert "attempts" not in world.mitigation("more")
    assert world.target()["spec"]["replicas"] == 1


def test_a_debt_is_asked_for_and_keeps_the_incident_open(scenes: Scenes, admin: Api, kubectl: Kubectl) -> None:
    """Due, reminded, extended by its owner only, moved to an ActionItem; only then closed, unmarked, and deletable."""
    world = scenes[owes]
    status = world.wait(lambda s: lines(s, "DebtReminded"), "reminded")
    assert len(lines(status, "DebtDue")) == 1
    assert "kubectl" in lines(status, "DebtDue")[0]["text"]
    shown = _stanch(kubectl, "debts", "-n", world.ns)
    assert f"{world.ns}/checkout-5xx pause: Deployment {world.ns}/checkout is paused" in shown
    assert "owed by alice, due " in shown
    published = admin.merge("postmortems", world.ns, "checkout-5xx", {"spec": {"published": True}})
    assert published.ok, published.message
    world.wait(lambda s: is_so(s, "Reviewed", "ShortReview"), "reviewed")
    assert "pause is undone or deferred" in world.status()["record"]
    world.folded(world.say("extend", {"mitigation": "pause", "by": "1h"}, by=world.bob))
    assert "alice owes it" in lines(world.status(), "EntryRefused")[0]["text"]
    world.say("extend", {"mitigation": "pause", "by": "1h"})
    world.wait(lambda s: "overdue" not in s["debt"][0], "due later")
    it_has_an_item(world)
    refused = admin.delete("incidents", world.ns, "checkout-5xx")
    assert "not closed" in refused.message
    world.say("defer", {"mitigation": "pause", "owner": "team-shop"})
    until(lambda: Label.CLOSED in world.inc()["metadata"].get("labels", {}), 30, "closed")
    (debt,) = world.status()["debt"]
    assert admin.get("actionitems", world.ns, debt["actionItem"])["spec"]["owner"] == "team-shop"
    target = world.target()
    assert target["spec"]["paused"] is True
    assert MARK not in target["metadata"]["labels"]
    # What belongs to it goes by the same label, its pages and what was said included.
    for plural in ("evidences", "postmortems", "timelineentries"):
        kept = admin.list(plural, world.ns)
        assert kept, plural
        assert [] == [
            o["metadata"]["name"] for o in kept if not admin.delete(plural, world.ns, o["metadata"]["name"]).ok
        ]
    assert admin.delete("incidents", world.ns, "checkout-5xx").ok


def it_has_an_item(world: World) -> None:
    """By itself, of who owes it; it looks at the Deployment, and sees that it is paused."""
    (debt,) = world.status()["debt"]
    name = debt["chasedBy"]
    proof = until(
        lambda: world.admin.get("actionitems", world.ns, name).get("status", {}).get("proof"), 30, "looked at"
    )
    assert ("Fails", "NotSo") == (proof["state"], proof["reason"])
    assert "alice" == world.admin.get("actionitems", world.ns, name)["spec"]["owner"]


def test_what_a_deleted_incident_left_is_found_and_removed_by_hand(
    scenes: Scenes, admin: Api, kubectl: Kubectl, operator: Operator
) -> None:
    """The operator tells once, in its own namespace, and touches nothing; its lines put all of it back."""
    world = scenes[orphaned]
    mine = [("orphan", f"Deployment {world.ns}/checkout")]
    event = until(lambda: next(iter(_told(admin, mine[0][1])), None), 60, "told")
    assert world.target()["spec"]["paused"] is True
    action = world.target()["metadata"]["labels"][MARK]
    assert [s["metadata"]["labels"][MARK] for s in _secrets(admin, action)] == [action]
    shown = _stanch(kubectl, "debts", "--orphans")
    assert event["message"] in shown
    assert f"undo Secrets of incident {world.ns}/checkout-5xx (pause), which is not there any more" in shown
    before = world.target()["spec"]
    for line in event["message"].splitlines():
        pasted = line.partition(": ")[2] if line.startswith("Then") else line.rpartition("before: ")[2]
        _shell(kubectl, pasted)
    after = world.target()
    assert after["spec"] == {k: v for k, v in before.items() if k != "paused"}
    assert MARK not in after["metadata"]["labels"]
    assert _secrets(admin, action) == []
    assert mine[0][1] not in _stanch(kubectl, "debts", "--orphans")
    assert len(_told(admin, mine[0][1])) == 1


def _told(admin: Api, target: str) -> list[Json]:
    events = admin.list("events", "stanch-system", fieldSelector="reason=OrphanFound")
    return [e for e in events if e["message"].startswith(f"{target} ")]


def _secrets(admin: Api, action: str) -> list[Json]:
    return admin.list("secrets", "stanch-system", labelSelector=f"{MARK}={action}")


def _environment(kubectl: Kubectl) -> dict[str, str]:
    program, _, kubeconfig = kubectl.start
    path = f"{Path(program).parent}:/usr/bin:/bin"
    return {"PATH": path, "KUBECONFIG": kubeconfig, "HOME": "/tmp", "PYTHONPATH": os.environ.get("PYTHONPATH", "")}


def _shell(kubectl: Kubectl, line: str) -> None:
    done = subprocess.run(
        ["sh", "-c", line], env=_environment(kubectl), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, f"{line}: {done.stderr}"


def _stanch(kubectl: Kubectl, *words: str) -> str:
    """Our own command line, as an admin at a shell has it."""
    done = subprocess.run(
        [sys.executable, "-m", "stanch.cli.main", *words],
        env=_environment(kubectl),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout
