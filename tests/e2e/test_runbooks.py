"""Runbooks on a real cluster: read, frozen, approved, done and over; with whose rights; by itself only after a drill."""

from collections.abc import Iterator

import pytest

from e2e.support.api import Api, Json, until
from e2e.support.operators import Operator
from e2e.support.scenes import Scenes
from e2e.support.world import (
    GOOD,
    OURS,
    World,
    bind,
    deployment,
    incident,
    lines,
    stands,
    stuck,
    wait_for_right,
)

STEPS: Json = [{"name": "roll-back", "rolloutUndo": {}, "reason": "Go back with $(deployment)"}]


def runbook(**spec: object) -> Json:
    """Roll back what is named; over once it serves for three seconds."""
    said: Json = {
        "title": "Roll back what broke when it was rolled out",
        "match": {"alerts": ['deployment!=""']},
        "parameters": [{"name": "deployment", "fromAlertLabel": "deployment", "oneOf": ["checkout"], "required": True}],
        "targets": [{"kind": "Deployment", "name": "$(deployment)"}],
        "preconditions": [{"name": "fresh", "rolledOutWithin": "1h"}],
        "mitigations": STEPS,
        "recovery": {"hold": "3s"},
        "docs": "https://runbooks.example/bad-deploy",
    }
    return {"apiVersion": OURS, "kind": "Runbook", "metadata": {"name": "bad-deploy"}, "spec": said | spec}


def follows(name: str = "checkout-5xx", **spec: object) -> Json:
    """An incident that names nothing but its Runbook."""
    choice = {"name": "bad-deploy", "parameters": {"deployment": "checkout"}}
    made = incident(name=name, runbook=choice, **spec)
    del made["spec"]["targets"], made["spec"]["recovery"]
    return made


def may_run(world: World, who: str = "alice") -> None:
    """Somebody may choose Runbooks there."""
    bind(world.admin, world.ns, "stanch-runbook-user", {"kind": "User", "name": who})
    wait_for_right(world.admin, world.ns, who, "run", "runbooks")


def broken(world: World, **spec: object) -> None:
    """A good release that serves, a bad one that does not, and a Runbook for it."""
    world.deploy(deployment())
    world.serving()
    world.release(stuck())
    world.observed()
    world.admin.create(runbook(**spec), world.ns).must()
    may_run(world)


def frozen(world: World, name: str = "checkout-5xx") -> Json:
    """The Runbook as the incident has it, once it is frozen."""
    seen = world.wait(lambda s: s.get("runbook", {}).get("digest"), "a frozen plan", name)
    record: Json = seen["runbook"]
    return record


def waits(world: World, name: str = "checkout-5xx") -> Json:
    """The rollback, once it waits for another person."""
    seen = world.wait(lambda s: stands(s, "roll-back").get("reason") == "ApprovalMissing", "it waits for people", name)
    return stands(seen, "roll-back")


def agree(world: World, record: Json, name: str = "checkout-5xx") -> None:
    """bob agrees to this very plan."""
    agreed = {"mitigation": record["name"], "action": record["action"], "digest": record["digest"]}
    world.say("approve", agreed, by=world.bob, about=name)


def image(world: World) -> str:
    """What the Deployment runs."""
    return str(world.target()["spec"]["template"]["spec"]["containers"][0]["image"])


# --- scenes ----------------------------------------------------------------------------------------------------------


def is_followed(world: World) -> None:
    """Chosen by alice, in mode Approve."""
    broken(world)
    world.declare(follows())


def lends(world: World) -> None:
    """carol may run it, and patch nothing; the ServiceAccount may."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "deployer"}}
    world.admin.create(account, world.ns).must()
    bind(world.admin, world.ns, "edit", {"kind": "ServiceAccount", "name": "deployer", "namespace": world.ns})
    bind(world.admin, world.ns, "stanch-responder", {"kind": "User", "name": "carol"})
    broken(world, serviceAccountName="deployer")
    may_run(world, "carol")
    wait_for_right(world.admin, world.ns, "carol", "create", "incidents")
    world.declare(follows(), by=world.admin.as_user("carol", "system:authenticated"))


def is_drilled(world: World) -> None:
    """In mode Auto, with an account; first a drill."""
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "deployer"}}
    world.admin.create(account, world.ns).must()
    bind(world.admin, world.ns, "edit", {"kind": "ServiceAccount", "name": "deployer", "namespace": world.ns})
    auto = {"mode": "Auto", "guardrails": {"cooldown": "1m"}, "drilledWithin": "1h", "serviceAccountName": "deployer"}
    broken(world, **auto)
    world.declare(follows("drill", drill=True))


def is_wrong(world: World) -> None:
    """What only the operator can tell."""
    world.admin.create(runbook(match={"alerts": ["alertname=~("]}), world.ns).must()


@pytest.fixture(scope="module")
def scenes(admin: Api, operator: Operator) -> Iterator[Scenes]:
    """All scenes, set at once."""
    made = Scenes(admin, is_followed, lends, is_drilled, is_wrong)
    yield made
    made.close()


# --- tests -----------------------------------------------------------------------------------------------------------


def test_a_plan_is_approved_done_and_over_whatever_git_pushes_meanwhile(scenes: Scenes) -> None:
    """What was read is done; the Runbook may become another, and go, in the middle."""
    world = scenes[is_followed]
    record = waits(world)
    before = frozen(world)
    assert (1, "Approve", "alice") == (before["generation"], before["mode"], before["requestedBy"])
    assert ("Runbook/bad-deploy", "Go back with checkout") == (record["source"], record["asked"]["reason"])
    pushed = runbook(
        mitigations=[{"name": "roll-back", "scale": {"replicas": 0}}, {"name": "more", "rolloutRestart": {}}]
    )
    change = [{"op": "replace", "path": "/spec", "value": pushed["spec"]}]
    path = world.admin.path("runbooks", world.ns, "bad-deploy")
    world.admin.request("PATCH", path, change, "application/json-patch+json").must()
    until(lambda: world.admin.get("runbooks", world.ns, "bad-deploy")["metadata"]["generation"] == 2, 10, "the push")
    world.say("note", {}, text="somebody pushed")
    agree(world, record)
    world.state("Done")
    world.admin.delete("runbooks", world.ns, "bad-deploy")
    status = world.condition("Resolved")
    assert (GOOD, 1) == (image(world), world.target()["spec"]["replicas"])
    assert before == status["runbook"]
    assert ["roll-back"] == [m["name"] for m in status["mitigations"]]
    assert 1 == len(lines(status, "RunbookFrozen"))


def test_who_may_not_run_it_does_not_choose_it(scenes: Scenes) -> None:
    """bob commands and approves there, and is refused by name when he chooses; nothing is declared."""
    world = scenes[is_followed]
    reply = world.bob.create(follows("bobs"), world.ns)
    assert "user bob may not run Runbook bad-deploy" in reply.message
    assert world.admin.find("incidents", world.ns, "bobs") is None


def test_an_account_lends_its_rights_to_who_may_run_it(scenes: Scenes) -> None:
    """carol could not patch the Deployment herself; bob agrees, and it is done with the rights of the account."""
    world = scenes[lends]
    account = f"system:serviceaccount:{world.ns}:deployer"
    assert account == frozen(world)["account"]
    record = waits(world)
    assert "carol" == record["requestedBy"]
    agree(world, record)
    world.state("Done")
    assert GOOD == image(world)
    wish = {"name": "by-hand", "target": {"kind": "Deployment", "name": "checkout"}, "rolloutPause": {}}
    reply = world.try_to_say("mitigate", wish, by=world.admin.as_user("carol", "system:authenticated"))
    assert "user carol may not patch deployments.apps checkout" in reply.message


def test_auto_acts_for_an_alert_only_after_a_drill(scenes: Scenes) -> None:
    """The drill needs a person and changes nothing; then the incident that stanch declares itself is acted on at once."""
    world = scenes[is_drilled]
    assert "never drilled" in frozen(world, "drill")["message"]
    agree(world, waits(world, "drill"), "drill")
    world.state("Done", name="drill")
    assert GOOD != image(world)

    def drilled() -> Json | None:
        return world.admin.get("runbooks", world.ns, "bad-deploy").get("status", {}).get("drilled")

    assert "drill" == until(drilled, 30, "the drill stands in the Runbook's status")["incident"]
    ours = world.admin.as_user("system:serviceaccount:stanch-system:stanch", "system:masters", "system:authenticated")
    ours.create(follows(serviceAccountName="deployer"), world.ns).must()
    world.state("Done")
    record = world.mitigation()
    assert (GOOD, True, "Auto") == (image(world), record["automatic"], frozen(world)["mode"])
    assert f"system:serviceaccount:{world.ns}:deployer" == record["requestedBy"]
    world.condition("Resolved")


def test_ready_and_stalled_say_whether_it_can_be_used(scenes: Scenes) -> None:
    """From the first look; and it is ready again once it is mended."""
    world = scenes[is_wrong]

    def said(kind: str, value: str) -> Json:
        def look() -> Json | None:
            status = world.admin.get("runbooks", world.ns, "bad-deploy").get("status", {})
            return next((c for c in status.get("conditions", []) if c["type"] == kind and c["status"] == value), None)

        return until(look, 30, f"{kind} {value}")

    assert "spec.match.alerts" in said("Ready", "False")["message"]
    said("Stalled", "True")
    world.admin.apply(runbook(), world.ns).must()
    assert 2 == said("Ready", "True")["observedGeneration"]
