"""Take back what we did: exactly or not at all, and never unasked."""

from datetime import timedelta

import pytest

from build import BAD, GOOD, entry, incident, roll_back, scale_to
from stanch.api.incident_status import WishState
from stanch.core.observations import Failed
from stanch.core.questions import DryRun
from world import bad_deploy, healthy

SOON = timedelta(seconds=8)
UNDO = {"mitigation": "roll-back"}


def _rolled_back(**wish):
    return bad_deploy(incident(roll_back(**wish))).run(seconds=5)


def test_an_undo_puts_back_exactly_what_stood_there():
    """Byte for byte the template from before, in a second attempt with its own record."""
    world = bad_deploy(incident(roll_back()))
    before = world.target["spec"]["template"]
    world.run(seconds=5).say(entry("alice", after=SOON, undo=UNDO)).run(seconds=10)
    assert before == world.target["spec"]["template"]
    assert ("Undone", 2, []) == (world.record("roll-back").state.value, len(world.effects), world.broken)


def test_an_undo_is_over_when_it_is_exact():
    """Whether what stood before works is not its business: a bad release that is back must not keep the target busy."""
    world = _rolled_back().say(entry("alice", after=SOON, undo=UNDO)).run(seconds=10)
    assert ("Verified", BAD) == (world.record("roll-back").attempts[-1].state.value, world.image)


def test_an_undo_never_overwrites_what_somebody_wrote_since():
    """Refused with the difference; the fix stays."""
    world = _rolled_back()
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = "shop/checkout:1.8.4"
    world.say(entry("alice", after=SOON, undo=UNDO)).run(seconds=10)
    record = world.record("roll-back")
    assert ("UndoNotExact", "shop/checkout:1.8.4", 1) == (record.reason, world.image, len(world.effects))
    (image,) = record.conflict
    assert ("spec.template.spec.containers[app].image", BAD, GOOD, "shop/checkout:1.8.4") == (
        image.path,
        image.found,
        image.wrote,
        image.now,
    )
    assert f"found {BAD}, wrote {GOOD}, now shop/checkout:1.8.4" in record.message
    assert "kubectl -n shop rollout undo deployment/checkout --to-revision=2" in record.message


def test_a_refused_undo_is_exact_once_the_fields_are_as_stanch_left_them():
    """What the refusal says would free it does."""
    world = _rolled_back()
    before, image = world.objects, "shop/checkout:1.8.4"
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = image
    world.say(entry("alice", after=SOON, undo=UNDO)).run(seconds=10)
    assert world.record("roll-back").conflict
    before[("deployments", "checkout")]["spec"]["template"]["spec"]["containers"][0]["image"] = GOOD
    world.say(entry("alice", after=timedelta(seconds=30), undo=UNDO)).run(seconds=30)
    assert ("Undone", BAD, None) == (
        world.record("roll-back").state.value,
        world.image,
        world.record("roll-back").conflict,
    )


def test_an_undo_of_what_is_already_taken_back_is_only_noted():
    """Somebody was faster: no write, and the record says so."""
    world = _rolled_back()
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = BAD
    world.say(entry("alice", after=SOON, undo=UNDO)).run(seconds=10)
    assert ("Undone", 1) == (world.record("roll-back").state.value, len(world.effects))


def test_an_undo_needs_the_right_itself():
    """Whoever may not roll back may not roll forward by us either."""
    world = _rolled_back()
    world.may = lambda q: q.username != "bob"
    world.say(entry("bob", after=SOON, undo=UNDO)).run(seconds=10)
    assert (GOOD, 1) == (world.image, len(world.effects))
    refused = next(x.text for x in world.incident.status.timeline if x.kind == "EntryRefused")
    assert "bob may not patch deployments" in refused


def test_there_must_be_something_of_ours_to_undo():
    """Refused, and the names there are."""
    world = bad_deploy(incident(roll_back()), paused=True).run(seconds=3)
    world.say(entry("alice", after=SOON, undo=UNDO)).run(seconds=3)
    assert "nothing of ours to take back" in world.incident.status.timeline[-1].text


@pytest.mark.parametrize(("revert", "replicas"), [(None, 4), ("OnResolved", 3)])
def test_nothing_is_undone_unasked_unless_that_was_chosen(revert, replicas):
    """Ask is the default: a debt stays until somebody says so (F9)."""
    world = healthy(incident(scale_to(4, **({"revert": revert} if revert else {}))))
    world.run(minutes=4)
    assert ("True Held", replicas) == (world.condition("Resolved"), world.target["spec"]["replicas"])
    assert (revert is None) == bool(world.incident.status.debt)


def test_a_debt_that_is_due_is_said_once():
    """Owner and due time are there from the first moment; the reminder is one line."""
    world = bad_deploy(incident({"name": "stop", "rolloutPause": {}, "ttl": "2m"})).run(seconds=5)
    debt = world.incident.status.debt[0]
    assert ("alice", "Ask") == (debt.owner, debt.revert)
    world.run(minutes=10)
    assert 1 == world.kinds().count("DebtDue")
    assert world.target["spec"]["paused"] is True


def test_a_pause_and_its_undo_leave_no_trace_in_the_spec():
    """Absent before, absent after."""
    world = bad_deploy(incident({"name": "stop", "rolloutPause": {}})).run(seconds=5)
    world.say(entry("alice", after=SOON, undo={"mitigation": "stop"})).run(seconds=10)
    assert "paused" not in world.target["spec"]
    assert world.incident.status.debt is None


def test_an_undo_after_it_is_resolved_does_not_rewrite_when_harm_ended():
    """The times of a resolved incident are history."""
    world = bad_deploy(incident(roll_back())).run(minutes=2)
    ended = world.incident.status.times.mitigated
    world.say(entry("alice", after=timedelta(minutes=2), undo=UNDO)).run(minutes=1)
    assert (ended, 1) == (world.incident.status.times.mitigated, world.kinds().count("Mitigated"))


def test_an_undo_that_could_not_be_tried_is_tried_again():
    """A 500 of the dry run says nothing about the undo: it waits, and is not refused for good."""
    world = bad_deploy(incident(roll_back())).run(minutes=1)
    answer = world.answer
    world.answer = lambda q: Failed(500, "etcd leader changed") if isinstance(q, DryRun) else answer(q)
    world.say(entry("alice", undo={"mitigation": "roll-back"})).run(seconds=20)
    assert "could not try it" in world.record("roll-back").message
    del world.answer
    world.run(minutes=2)
    assert WishState.UNDONE is world.record("roll-back").state
