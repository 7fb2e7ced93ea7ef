"""The dangers of decisions.md 1.1 that an incident's first day holds, each planted: F1, F2, F4, F5, F9, F11."""

from collections.abc import Iterator
from typing import Any

import pytest

from e2e.support.api import Api, until
from e2e.support.operators import Operator
from e2e.support.scenes import Scenes
from e2e.support.world import (
    ROLL_BACK,
    World,
    bind,
    deployment,
    incident,
    lines,
    stuck,
    wait_for_right,
    wish,
)

PAUSE = wish("pause", "rolloutPause")
GIT = ("system:serviceaccount:{ns}:git", "system:serviceaccounts", "system:authenticated")


def broken(world: World) -> None:
    """A good release that serves, and a bad one that does not."""
    world.deploy(deployment())
    world.serving()
    world.release(stuck())
    world.observed()


def created_again(world: World) -> None:
    """F1: rolled back and resolved; months later, as it seems, Git makes the same Incident again."""
    broken(world)
    world.declare(incident(ROLL_BACK))
    world.condition("Resolved")


def asked_by_git(world: World) -> None:
    """F1: a ServiceAccount that may do everything declares and wishes."""
    broken(world)
    world.admin.create(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "git"}}
        | {"automountServiceAccountToken": False},
        world.ns,
    ).must()
    bind(world.admin, world.ns, "edit", {"kind": "ServiceAccount", "name": "git", "namespace": world.ns})
    bind(world.admin, world.ns, "stanch-approver", {"kind": "ServiceAccount", "name": "git", "namespace": world.ns})
    wait_for_right(world.admin, world.ns, GIT[0].format(ns=world.ns), "approve", "mitigations")
    world.declare(incident(ROLL_BACK), by=git(world))


def said_again(world: World) -> None:
    """F4: commander and severity are said; then the opening file is applied again."""
    world.declare(incident(severity="SEV3", target={"kind": "Deployment", "name": "nobody"}))


def paused_then_over(world: World, **more: Any) -> None:
    """F9: a pause in force, and the incident resolved."""
    world.deploy(deployment())
    world.serving()
    world.declare(incident(PAUSE | more))
    world.state("Done", "pause")
    world.condition("Resolved")


def asks_nobody(world: World) -> None:
    """F9: nobody said what happens to the pause."""
    paused_then_over(world)


def reverts_itself(world: World) -> None:
    """F9: somebody said beforehand that it ends with the incident."""
    paused_then_over(world, revert="OnResolved")


@pytest.fixture(scope="module")
def scenes(admin: Api, operator: Operator) -> Iterator[Scenes]:
    """All scenes, set at once."""
    made = Scenes(admin, created_again, asked_by_git, said_again, asks_nobody, reverts_itself, broken)
    yield made
    made.close()


def git(world: World) -> Api:
    """The ServiceAccount that a GitOps controller has here."""
    name, *groups = GIT
    return world.admin.as_user(name.format(ns=world.ns), *groups)


# --- F1 --------------------------------------------------------------------------------------------------------------


def test_an_incident_created_again_does_not_act_again(scenes: Scenes) -> None:
    """F1: evidence of its former self is still there, so the new one holds and says what would free it."""
    world = scenes[created_again]
    world.release(stuck())
    before = world.observed()
    world.admin.merge("incidents", world.ns, "checkout-5xx", {"metadata": {"labels": {"stanch.dev/closed": ""}}})
    forget(world)
    world.declare(incident(ROLL_BACK))
    world.condition("MitigationHeld", reason="SeenBefore")
    assert "mitigate entry" in world.mitigation()["message"]
    assert world.target()["metadata"]["generation"] == before["metadata"]["generation"]


def test_a_machine_waits_for_a_person(scenes: Scenes) -> None:
    """F1: what Git asks for waits; the machine can't approve it itself; a person's approval lets it act."""
    world = scenes[asked_by_git]
    record = world.state("Held")
    assert record["reason"] == "ApprovalMissing"
    agreed = {"mitigation": "roll-back", "action": "rolloutUndo", "digest": record["digest"]}
    said = world.try_to_say("approve", agreed, by=git(world))
    assert not said.ok or world.folded(said.body["metadata"]["name"])
    assert world.mitigation()["state"] == "Held"
    world.say("approve", agreed, by=world.bob)
    world.state("Done")
    assert [a["by"] for a in world.mitigation()["approvals"]["by"]] == ["bob"]


def test_a_wish_asked_by_git_does_nothing_meanwhile(scenes: Scenes) -> None:
    """F1: while it waits, the condition says whose word is missing and which plan it is about."""
    world = scenes[asked_by_git]
    status = world.status()
    asked = lines(status, "ApprovalNeeded")
    assert len(asked) == 1
    assert world.mitigation()["digest"] in asked[0]["text"]


def forget(world: World) -> None:
    """The incident goes, as a rebuilt cluster makes it go; its evidence stays."""
    collector = "system:serviceaccount:kube-system:namespace-controller"
    path = world.admin.path("incidents", world.ns, "checkout-5xx", propagationPolicy="Orphan")
    world.admin.as_user(collector, "system:masters", "system:authenticated").request("DELETE", path).must()
    until(lambda: world.admin.find("incidents", world.ns, "checkout-5xx") is None, 15, "the incident is gone")


# --- F2 --------------------------------------------------------------------------------------------------------------


def test_the_first_target_can_not_be_swapped(scenes: Scenes) -> None:
    """F2: alice's wish without a target would act on whatever comes first, so the first is fixed."""
    world = scenes[said_again]
    other = {
        "spec": {"targets": [{"kind": "Deployment", "name": "payments"}, {"kind": "Deployment", "name": "nobody"}]}
    }
    answer = world.alice.merge("incidents", world.ns, "checkout-5xx", other)
    assert answer.status == 422
    assert "targets" in answer.message


# --- F4 --------------------------------------------------------------------------------------------------------------


def test_a_file_applied_again_changes_nothing(scenes: Scenes) -> None:
    """F4: what people said during the incident stays when Git applies the opening file again."""
    world = scenes[said_again]
    opening = incident(severity="SEV3", target={"kind": "Deployment", "name": "nobody"})
    world.folded(world.say("take", {"role": "commander"}, by=world.bob))
    world.folded(world.say("mitigate", wish("later", "rolloutPause", target={"kind": "Deployment", "name": "nobody"})))
    before = world.status()
    world.alice.apply(opening, world.ns).must()
    world.folded(world.say("note"))
    after = world.status()
    assert after["severity"] == before["severity"]
    assert after["commander"] == "bob"
    assert [m["name"] for m in after["mitigations"]] == ["later"]
    assert after["mitigations"][0]["requestedBy"] == "alice"
    assert after["mitigations"][0]["state"] == "Held"


# --- F9 --------------------------------------------------------------------------------------------------------------


def test_nothing_is_undone_that_nobody_asked_for(scenes: Scenes) -> None:
    """F9: resolved, the rollout stays paused; it is owed, and stands in status.debt."""
    world = scenes[asks_nobody]
    world.folded(world.say("note"))
    assert world.target()["spec"].get("paused") is True
    status = world.status()
    assert [d["name"] for d in status["debt"]] == ["pause"]
    assert lines(status, "MitigationUndone") == []


def test_what_was_chosen_beforehand_is_undone(scenes: Scenes) -> None:
    """F9: with revert OnResolved the operator resumes it, told as such, and nothing is owed."""
    world = scenes[reverts_itself]
    world.state("Undone", "pause")
    assert "paused" not in world.target()["spec"]
    status = world.wait(lambda s: not s.get("debt"), "no debt")
    assert len(lines(status, "MitigationUndone")) == 1
    assert len(lines(status, "Mitigated")) == 1
    assert status["times"]["mitigated"] <= status["times"]["resolved"]


# --- F11 -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plural", ["incidents", "evidences", "timelineentries"])
def test_an_open_incident_and_its_record_can_not_be_deleted(scenes: Scenes, plural: str) -> None:
    """F11: not even by an admin; the refusal says what would make it possible."""
    world = scenes[asks_nobody]
    if plural == "timelineentries":
        world.say("note")
    for obj in world.admin.list(plural, world.ns):
        answer = world.admin.delete(plural, world.ns, obj["metadata"]["name"])
        assert answer.status in (403, 422), answer
        assert "stanch-keep-records" in answer.message
        assert "close" in answer.message or "record of an incident" in answer.message, answer.message
    assert world.admin.list(plural, world.ns)
