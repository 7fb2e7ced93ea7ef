"""Several people in one incident: hats go from hand to hand, words stand, and who may say what is asked of the cluster."""

from collections.abc import Iterator

import pytest

from e2e.support.api import Api, Json
from e2e.support.operators import Operator
from e2e.support.scenes import Scenes
from e2e.support.world import ROLL_BACK, WORSE, World, bind, deployment, incident, lines, stands, stuck, wait_for_right

NOBODY = {"kind": "Deployment", "name": "nobody"}
TOLD = {"impact": "One region, 5 % of checkouts", "tried": "Rolled back, it helped", "next": "Wait for the hold"}


def night(world: World) -> None:
    """An incident whose target does not exist: nothing happens but what is said. alice commands it."""
    world.declare(incident(target=NOBODY, roles={"commander": "alice"}, impact={"usersPercent": 20}))


def talk(world: World) -> None:
    """The same, with nobody in command."""
    world.declare(incident(target=NOBODY))


def pushed_over(world: World) -> None:
    """Rolled back; then somebody pushes another release over it, which fits nowhere either."""
    world.deploy(deployment())
    world.serving()
    world.release(stuck())
    world.observed()
    world.declare(incident(ROLL_BACK))
    world.condition("Resolved")
    world.release(stuck(WORSE))
    world.observed()


@pytest.fixture(scope="module")
def scenes(admin: Api, operator: Operator) -> Iterator[Scenes]:
    """All scenes, set at once."""
    made = Scenes(admin, night, talk, pushed_over)
    yield made
    made.close()


def line_of(world: World, entry: str) -> Json:
    """The one timeline line of an entry, once it is folded."""
    world.folded(entry)
    (line,) = [line for line in world.status()["timeline"] if line.get("entry") == entry]
    return dict(line)


def test_a_hat_goes_from_hand_to_hand(scenes: Scenes) -> None:
    """alice offers, and keeps it; only bob can accept, once; then he commands, and that is a milestone."""
    world = scenes[night]
    offer = world.say("handoff", {"role": "commander", "to": "bob", "summary": TOLD}, text="My shift ends")
    assert line_of(world, offer)["kind"] == "HandoffOffered"
    status = world.status()
    assert (status["commander"], status["handoffs"][0]["to"]) == ("alice", "bob")
    wrong = line_of(world, world.say("accept", {"handoff": offer}))
    assert (wrong["kind"], "only they can accept" in wrong["text"]) == ("EntryRefused", True)
    line = line_of(world, world.say("accept", {"handoff": offer}, by=world.bob))
    assert (line["kind"], line["milestone"]) == ("RoleChanged", True)
    assert "bob is commander now, from alice" in line["text"]
    status = world.status()
    assert (status["commander"], "handoffs" in status) == ("bob", False)
    again = line_of(world, world.say("accept", {"handoff": offer}, by=world.bob))
    assert again["kind"] == "EntryRefused"


def test_what_people_said_survives_a_write_of_the_spec(scenes: Scenes) -> None:
    """Another title, the same severity and impact: the spec says nothing new about those."""
    world = scenes[night]
    assert line_of(world, world.say("severity", {"level": "SEV3"}))["kind"] == "SeverityChanged"
    assert line_of(world, world.say("impact", {"usersPercent": 40}))["kind"] == "ImpactChanged"
    world.admin.merge("incidents", world.ns, "checkout-5xx", {"spec": {"title": "Checkout is slow"}}).must()
    generation = world.inc()["metadata"]["generation"]
    status = world.wait(lambda s: s.get("observedGeneration") == generation, "the new title is seen")
    assert status["severity"]["level"] == "SEV3"
    assert status["impact"]["value"]["usersPercent"] == 40
    world.admin.merge("incidents", world.ns, "checkout-5xx", {"spec": {"severity": "SEV1"}}).must()
    world.wait(lambda s: s["severity"]["level"] == "SEV1", "a new value is a statement")


def test_who_may_tell_whom(scenes: Scenes) -> None:
    """Colleagues anybody; leadership who wears a hat for it; the public who may publish, which the API server asks."""
    world = scenes[talk]
    told = {"state": "Identified", "nextUpdateIn": "20m"}
    assert line_of(world, world.say("update", {"audience": "internal", **told}))["kind"] == "UpdatePublished"
    assert line_of(world, world.say("update", {"audience": "leadership", **told}))["kind"] == "EntryRefused"
    world.folded(world.say("take", {"role": "communications"}))
    assert line_of(world, world.say("update", {"audience": "leadership", **told}))["kind"] == "UpdatePublished"
    public = {"audience": "public", **told}
    assert "needs verb publish on updates.stanch.dev" in world.try_to_say("update", public).message
    bind(world.admin, world.ns, "stanch-publisher", {"kind": "User", "name": "bob"})
    wait_for_right(world.admin, world.ns, "bob", "publish", "updates")
    line = line_of(world, world.say("update", public, by=world.bob, text="Some orders fail"))
    assert (line["kind"], line["text"]) == ("UpdatePublished", "public, Identified, next in 20m: Some orders fail")


def test_a_hypothesis_leads_and_is_rejected(scenes: Scenes) -> None:
    """The record's line tells what leads."""
    world = scenes[talk]
    world.folded(world.say("hypothesis", {"name": "reader", "statement": "1.8.3 cannot read it", "state": "Leading"}))
    assert world.status()["hypothesis"] == "1.8.3 cannot read it"
    world.folded(world.say("hypothesis", {"name": "reader", "state": "Rejected"}))
    assert "hypothesis" not in world.status()


def test_overwriting_somebody_takes_two(scenes: Scenes) -> None:
    """alice forces the undo, bob agrees to what the record shows; who asked can't, and the later release is lost knowingly."""
    world = scenes[pushed_over]
    image = world.target()["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image == WORSE
    world.folded(world.say("undo", {"mitigation": "roll-back", "force": True}, text="that one is worse"))
    status = world.wait(lambda s: (stands(s, "roll-back").get("undoAsked") or {}).get("digest"), "it waits for another")
    digest = stands(status, "roll-back")["undoAsked"]["digest"]
    agree = {"mitigation": "roll-back", "action": "rolloutUndo", "digest": digest}
    assert "may not approve rolloutUndo" in world.try_to_say("approve", agree).message
    assert line_of(world, world.say("approve", agree, by=world.bob))["kind"] == "MitigationApproved"
    world.wait(lambda s: len(lines(s, "MitigationUndone")) == 1, "undone")
    undo = stands(world.status(), "roll-back")["attempts"][-1]
    assert [a["by"] for a in undo["agreed"]] == ["bob"]
    template = world.target()["spec"]["template"]["spec"]
    assert (template["containers"][0]["image"], "nodeSelector" in template) == (stuck()["containers"][0]["image"], True)
