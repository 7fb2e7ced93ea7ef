"""Undo over what others wrote since: never on one person's word, and never over anything but what they agreed to."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from build import BAD, GOOD, entry, incident, roll_back, scale_to
from stanch.api.incident_status import Approval, Approvals
from stanch.core.draft import Draft
from stanch.core.forced_undo import counted, is_next
from stanch.core.swap import digest, fields
from world import CATALOG, World, bad_deploy, healthy

FIX = "shop/checkout:1.8.4"
ROBOT = "system:serviceaccount:ci:deployer"


def pushed(world: World, image: str = FIX) -> World:
    """Somebody writes the field that stanch wrote."""
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return world


def say(world: World, by: str = "alice", **said: Any) -> World:
    """Somebody says something now."""
    after = world.now - world.incident.declared
    return world.say(entry(by, after=after, name=f"said-{len(world.entries)}", **said)).run(seconds=5)


def forced(by: str = "alice") -> World:
    """Rolled back, pushed over by somebody, and now somebody wants it back in any case."""
    world = pushed(bad_deploy(incident(roll_back(), recovery={"hold": "8h"})).run(seconds=5))
    return say(world, by, undo={"mitigation": "roll-back", "force": True}, text="1.8.4 is worse")


def agreed(world: World, by: str = "bob", **changed: Any) -> World:
    """Somebody agrees to the plan as it stands on the record."""
    asked = world.record("roll-back").undo_asked
    plan = asked.digest if asked else "sha256:0000000000000000"
    said = {"mitigation": "roll-back", "action": "rolloutUndo", "digest": plan}
    return say(world, by, approve=said | changed)


def refused(world: World) -> str:
    """The entry that was refused last."""
    return next(x.text for x in reversed(world.incident.status.timeline) if x.kind == "EntryRefused")


def test_it_waits_for_another_person_and_shows_what_would_be_overwritten():
    """Nothing is written; the condition, the three values and the digest are there to decide by."""
    world = forced()
    record = world.record("roll-back")
    assert (FIX, 1, "True ApprovalMissing") == (world.image, len(world.effects), world.condition("ApprovalNeeded"))
    assert f"found {BAD}, wrote {GOOD}, now {FIX}" in record.message
    assert f"digest {record.undo_asked.digest}" in record.message
    assert 1 == world.run(minutes=5).kinds().count("ApprovalNeeded")


def test_it_is_asked_for_in_sight_though_another_wish_waits():
    """A rung that is not needed any more does not hide the question from who looks at the board."""
    rungs = incident(roll_back(), scale_to(4, "more"), recovery={"hold": "8h"})
    world = bad_deploy(rungs).run(minutes=5)
    assert "Held" == world.record("more").state.value
    world = say(pushed(world), undo={"mitigation": "roll-back", "force": True}, text="1.8.4 is worse").run(seconds=5)
    assert ("True ApprovalMissing", "True OnlyIfHarmGoesOn") == (
        world.condition("ApprovalNeeded"),
        world.condition("MitigationHeld"),
    )
    assert "roll-back ApprovalNeeded" == world.incident.status.mitigation


def test_agreed_by_another_person_it_puts_back_what_stood_before():
    """The attempt names who agreed, and its own record holds what was overwritten."""
    world = agreed(forced()).run(seconds=10)
    record = world.record("roll-back")
    undo = record.attempts[-1]
    assert (BAD, 2, "Undone", []) == (world.image, len(world.effects), record.state.value, world.broken)
    assert ("alice", ["bob"]) == (undo.asked_by, [a.by for a in undo.agreed])
    kept = world.secrets[undo.undo_ref]["before"]["/spec/template"]["spec"]["containers"][0]["image"]
    assert (FIX, "-") == (kept, world.condition("ApprovalNeeded"))


@pytest.mark.parametrize(
    ("by", "changed", "why"),
    [
        ("alice", {}, "alice asked to force it and can't be the one who approves it"),
        (ROBOT, {}, "is a machine"),
        ("bob", {"digest": "sha256:0000000000000000"}, "PlanChanged"),
        ("bob", {"action": "scale"}, "is rolloutUndo, not scale"),
    ],
    ids=["who-asked", "machine", "other-plan", "other-action"],
)
def test_an_approval_that_does_not_count_overwrites_nothing(by, changed, why):
    """Refused in words, and it goes on waiting."""
    world = agreed(forced(), by, **changed)
    assert why in refused(world)
    assert (FIX, 1) == (world.run(minutes=2).image, len(world.effects))


def test_what_changes_after_the_agreement_needs_another_one():
    """They agreed to lose 1.8.4, not what somebody pushed a moment later."""
    world = forced()
    old = world.record("roll-back").undo_asked.digest
    pushed(world, "shop/checkout:1.8.5")
    agreed(world, digest=old)
    assert ("shop/checkout:1.8.5", 1) == (world.run(seconds=30).image, len(world.effects))
    assert old != world.record("roll-back").undo_asked.digest
    assert BAD == agreed(world).run(seconds=10).image


def test_it_tests_every_value_that_was_found():
    """Pushed between the agreement and the write: the write is refused, and nothing is lost."""
    world = forced()
    world.target["metadata"]["labels"]["x"] = "y"
    asked = world.record("roll-back").undo_asked
    world.say(
        entry(
            "bob",
            after=world.now - world.incident.declared,
            name="yes",
            approve={"mitigation": "roll-back", "action": "rolloutUndo", "digest": asked.digest},
        )
    )
    cut = world.about_to_act()
    pushed(cut, "shop/checkout:1.8.5").go_on()
    cut.run(minutes=2)
    assert ("shop/checkout:1.8.5", 1, []) == (cut.image, len(cut.effects), cut.broken)


def test_after_a_crash_the_agreement_still_counts():
    """Written down, not done, the operator died: done once by the next one."""
    world = forced()
    said = {
        "mitigation": "roll-back",
        "action": "rolloutUndo",
        "digest": world.record("roll-back").undo_asked.digest,
    }
    world.say(entry("bob", after=world.now - world.incident.declared, name="yes", approve=said))
    for steps in range(6):
        twin = world.cut(steps)
        twin.run(minutes=1)
        assert (BAD, 2, []) == (twin.image, len(twin.effects), twin.broken), steps


def test_evidence_is_captured_when_they_agree_and_not_while_they_think():
    """An hour of looks, each with all logs, would hurt what hurts already."""
    world = forced()
    draft = Draft(world.incident, world.seen(), CATALOG, world.now, world.incident.status)
    record = world.record("roll-back")
    assert not is_next(draft, record)
    yes = Approval(by="bob", time=world.now, digest=record.undo_asked.digest, entry="yes")
    asked = record.undo_asked.model_copy(update={"approvals": Approvals(needed=1, by=(yes,))})
    assert is_next(draft, record.model_copy(update={"undo_asked": asked}))
    assert is_next(draft, record.model_copy(update={"undo_asked": None}))


def test_denied_it_is_over():
    """And the effect stays as somebody left it."""
    world = say(forced(), "bob", deny={"mitigation": "roll-back", "action": "rolloutUndo"})
    record = world.run(minutes=2).record("roll-back")
    assert ("UndoNotExact", None, "Undo by force denied by bob") == (record.reason, record.undo_asked, record.message)
    assert (FIX, "-") == (world.image, world.condition("ApprovalNeeded"))


@pytest.mark.parametrize(
    ("by", "why"),
    [
        ("alice", "alice asked to force it and can't be the one who denies it"),
        ("system:serviceaccount:ci:deploy", "is a machine"),
        (None, "nobody vouched for it"),
    ],
    ids=["who-asked", "machine", "nobody"],
)
def test_a_no_takes_another_person(by, why):
    """As a yes does; it goes on waiting."""
    world = say(forced(), by, deny={"mitigation": "roll-back", "action": "rolloutUndo"})
    assert (True, True) == (why in refused(world), world.record("roll-back").undo_asked is not None)


def test_nobody_agrees_within_an_hour():
    """The question dies; asked again if it is still meant."""
    world = forced().run(minutes=61)
    record = world.record("roll-back")
    assert (None, "UndoNotExact", FIX) == (record.undo_asked, record.reason, world.image)
    assert "nobody agreed within 1h to force it" in record.message
    world = forced()
    world.catalog = replace(CATALOG, policy=replace(CATALOG.policy, approval_ask_for=timedelta(minutes=5)))
    assert "nobody agreed within 5m to force it" in world.run(minutes=6).record("roll-back").message


def test_what_a_machine_forces_needs_two_people():
    """As every wide act that a machine asks for."""
    world = agreed(forced(ROBOT))
    assert FIX == world.run(seconds=10).image
    assert BAD == agreed(world, "carol").run(seconds=10).image


def test_no_policy_lets_one_person_overwrite():
    """Whatever the cluster asks for elsewhere: what others wrote is lost only on the word of two."""
    world = forced()
    world.catalog = replace(CATALOG, policy=replace(CATALOG.policy, approvals_person={"A": 0, "B": 0, "C": 0}))
    assert (FIX, 1) == (world.run(seconds=30).image, len(world.effects))
    assert BAD == agreed(world).run(seconds=10).image


def test_one_person_is_one():
    """However often it is said; and nobody is pushed out by it."""
    world = forced(ROBOT)
    for _ in range(9):
        agreed(world)
    assert (FIX, ["bob"]) == (world.image, [a.by for a in world.record("roll-back").undo_asked.approvals.by])
    world = forced(ROBOT)
    world.catalog = replace(CATALOG, policy=replace(CATALOG.policy, approvals_machine={"A": 1, "B": 1, "C": 3}))
    agreed(world, "carol")
    for _ in range(8):
        agreed(world)
    assert (FIX, BAD) == (world.image, agreed(world, "dora").run(seconds=10).image)


def test_a_record_that_names_one_person_twice_counts_one():
    """As an older version may have written it."""
    world = forced(ROBOT)
    draft = Draft(world.incident, world.seen(), CATALOG, world.now, world.incident.status)
    asked = world.record("roll-back").undo_asked
    word = Approval(by="bob", time=world.now, digest=asked.digest, entry="one")
    twice = Approvals(needed=2, by=(word, word.model_copy(update={"entry": "two"})))
    assert 1 == len(counted(draft, asked.model_copy(update={"approvals": twice})))


def test_an_old_yes_does_not_count():
    """A quarter of an hour later it is said again, or not done."""
    world = agreed(forced(ROBOT)).run(minutes=15)
    assert FIX == agreed(world, "carol").run(seconds=20).image
    assert BAD == agreed(world).run(seconds=20).image


def test_a_yes_to_what_was_there_before_does_not_count():
    """Two must agree; between them somebody pushes again."""
    world = pushed(agreed(forced(ROBOT)), "shop/checkout:1.8.5").run(seconds=20)
    assert "shop/checkout:1.8.5" == agreed(world, "carol").run(seconds=20).image
    assert BAD == agreed(world).run(seconds=20).image


def test_a_lost_undo_by_force_is_still_one():
    """Its record was not stored, so it was not made: made anew with what was agreed to, and nobody is asked again."""
    world = forced()
    world.lose_stores = {"stanch-undo"}
    agreed(world).run(seconds=5)
    assert FIX == world.image
    world.lose_stores = set()
    assert (BAD, []) == (world.run(minutes=1).image, world.broken)
    assert 1 == world.kinds().count("ApprovalNeeded")


def test_force_changes_nothing_where_the_undo_is_exact():
    """Nothing of others is lost, so nobody has to agree."""
    world = bad_deploy(incident(roll_back(), recovery={"hold": "8h"})).run(seconds=5)
    say(world, undo={"mitigation": "roll-back", "force": True}, text="in any case").run(seconds=5)
    assert (BAD, None) == (world.image, world.record("roll-back").attempts[-1].agreed)


def test_force_needs_a_reason():
    """In words, for whoever has to agree."""
    world = pushed(bad_deploy(incident(roll_back(), recovery={"hold": "8h"})).run(seconds=5))
    say(world, undo={"mitigation": "roll-back", "force": True})
    assert "undo.force needs a text" in refused(world)


def test_force_needs_the_right_itself():
    """Whoever may not patch it may not have it overwritten by us."""
    world = pushed(bad_deploy(incident(roll_back(), recovery={"hold": "8h"})).run(seconds=5))
    world.may = lambda q: q.username != "dora"
    say(world, "dora", undo={"mitigation": "roll-back", "force": True}, text="mine")
    assert "dora may not patch deployments" in refused(world)


def test_a_plan_covers_what_is_found_and_what_comes_instead():
    """Two different worlds never share a digest."""
    one, other = forced(), forced()
    pushed(other, "shop/checkout:1.8.5").run(seconds=20)
    plans = {w.record("roll-back").undo_asked.digest for w in (one, other)}
    assert 2 == len(plans)
    assert digest(fields(one.target, {"/spec/template": 0})) not in plans


def test_what_another_mitigation_wrote_is_not_forced():
    """Undo that first: it is no third party's, and it owes something of its own."""
    wishes = (scale_to(4, name="one"), scale_to(5, name="two", when="Always"))
    world = healthy(incident(*wishes, recovery={"hold": "8h"})).run(minutes=5)
    say(world, undo={"mitigation": "one", "force": True}, text="all of it").run(seconds=20)
    assert (5, None) == (world.target["spec"]["replicas"], world.record("one").undo_asked)
    assert "two wrote Deployment shop/checkout since; undo that first" in world.record("one").message
