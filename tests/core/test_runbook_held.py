"""A Runbook of which no plan comes until somebody corrects it holds its incident, and not in silence."""

from books import body, following
from build import BAD
from world import bad_deploy, healthy

UNFIT = [{"name": "roll-back", "rolloutUndo": {}, "revert": "OnResolved"}]


def test_a_runbook_of_before_that_can_not_be_used_holds_its_incident_aloud():
    """Stored when it was taken: nothing of it is done, and the conditions name the field and the remedy."""
    world = bad_deploy(following())
    world.objects[("runbooks", "bad-deploy")] = body(mitigations=UNFIT)
    world.run(minutes=2)
    held = next(c for c in world.incident.status.conditions if c.type == "MitigationHeld")
    assert "NotRendered" == held.reason
    assert held.message.startswith(
        "Nothing of Runbook bad-deploy is done until it is corrected: mitigations.roll-back: "
    )
    assert "revert must be Ask, or left out, for rolloutUndo (got OnResolved)" in held.message
    assert (1, BAD, []) == (world.kinds().count("RunbookHeld"), world.image, world.broken)
    world.objects[("runbooks", "bad-deploy")] = body()
    world.run(minutes=1)
    assert "True ApprovalMissing" == world.condition("MitigationHeld")


def test_one_that_is_not_there_is_said_too_and_not_once_it_is_over():
    """Somebody mended it by hand, and it was resolved."""
    world = healthy(
        following(name="nowhere", targets=[{"kind": "Deployment", "name": "checkout"}], recovery={"hold": "30s"})
    )
    world.run(seconds=5)
    assert "True RunbookNotFound" == world.condition("MitigationHeld")
    world.run(minutes=5)
    assert ("True Held", "-") == (world.condition("Resolved"), world.condition("MitigationHeld"))
