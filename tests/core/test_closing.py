"""Closed is the end: only when something was learned, nothing is owed, and nobody said in time that it is not over."""

from datetime import timedelta

import pytest

from build import entry, incident, roll_back, scale_to
from stanch.api.names import Label
from world import World, bad_deploy, healthy

MORE = scale_to(4, name="more")


def resolved(*wishes: object, severity: str = "SEV4", **spec: object) -> World:
    """An hour after it was resolved; nothing published, nothing undone."""
    return healthy(incident(*(wishes or (MORE,)), severity=severity, **spec)).run(minutes=20)


def publish(world: World) -> World:
    """A person has written the postmortem."""
    world.objects[("postmortems", "checkout-5xx")]["spec"]["published"] = True
    return world


def say(world: World, by: str = "alice", **said: object) -> World:
    """Somebody says something now."""
    after = world.now - world.incident.declared
    return world.say(entry(by, after=after, name=f"said-{len(world.entries)}", text="why", **said)).run(minutes=1)


def closed(world: World) -> bool:
    """Is it closed, and is the label asked for?"""
    is_closed = world.incident.status.times.closed is not None
    assert world.plans[-1].close == is_closed
    return is_closed


def test_it_closes_when_nothing_is_left_to_do():
    """Undone, published, and four hours without a reopen entry: then, and not before."""
    world = say(publish(resolved()), undo={"mitigation": "more"})
    assert "True ShortReview" == (world.run(minutes=11).condition("Reviewed"))
    assert not closed(world)
    assert not closed(world.run(hours=3))
    assert closed(world.run(hours=1))
    world.run(minutes=20)
    assert ("Closed: nothing is owed", "Closed", "True ShortReview", []) == (
        world.incident.status.timeline[-1].text,
        world.incident.status.phase,
        world.condition("Reviewed"),
        world.broken,
    )


def test_it_closes_after_an_undo_a_day_later():
    """The mark comes off once the undo's end is on the record: nothing is done for what is still under way there."""
    world = publish(resolved()).run(hours=24)
    assert not closed(world)
    say(world, undo={"mitigation": "more"}).run(minutes=20)
    assert closed(world)
    assert ([], None) == (world.broken, world.target["metadata"].get("labels", {}).get(Label.ACTION))


LEFT = {
    "owed": (publish, "more is undone or deferred"),
    "unwritten": (lambda w: say(w, undo={"mitigation": "more"}), "the postmortem is published or waived"),
}


@pytest.mark.parametrize("left", LEFT)
def test_it_does_not_close_over_what_is_left(left):
    """Ten days later it is still open, and its one-line record says what would close it."""
    prepare, words = LEFT[left]
    world = prepare(resolved())
    world.now += timedelta(days=10)
    world.run(minutes=11)
    assert not closed(world)
    assert f"closes when {words}" in world.incident.status.record


def test_a_debt_that_became_an_action_item_does_not_keep_it_open():
    """It closes, and its last line says who owes it now."""
    world = say(publish(resolved()), defer={"mitigation": "more"}).run(hours=4)
    (debt,) = world.incident.status.debt
    assert closed(world)
    assert f"still owed, by ActionItem: {debt.action_item}" in world.incident.status.timeline[-1].text


def test_a_waived_postmortem_does_not_keep_it_open():
    """By the commander, with a text, on the record."""
    world = say(say(resolved(), take={"role": "commander"}), undo={"mitigation": "more"})
    assert closed(say(world, waive={}).run(hours=4))
    assert ("True Waived", "alice: why") == (world.condition("Reviewed"), world.incident.status.postmortem.waived)


def test_who_does_not_command_can_not_waive_it():
    """The verb command on incidents, or the hat."""
    world = resolved()
    world.may = lambda q: q.verb != "command"
    say(world, by="bob", waive={})
    assert "waiving needs the commander" in world.incident.status.timeline[-1].text
    assert world.incident.status.postmortem.waived is None


def test_a_reopened_incident_is_not_closed():
    """Somebody said in time that it is not over: the hours count again from when it is."""
    world = say(publish(resolved()), undo={"mitigation": "more"}).run(hours=3)
    say(world, reopen={}).run(hours=2)
    assert not closed(world)
    assert closed(world.run(hours=4))


def test_our_mark_comes_off_the_targets_before_it_is_closed():
    """What carries our mark afterwards is nobody's; nothing else of the target is touched."""
    world = say(publish(resolved()), undo={"mitigation": "more"})
    before = {**world.target["metadata"]["labels"]}
    assert before.pop(Label.ACTION)
    assert closed(world.run(hours=4))
    assert before == world.target["metadata"]["labels"]


@pytest.mark.parametrize("label", [None, "f" * 16])
def test_a_mark_that_is_not_ours_any_more_stays(label):
    """Another incident acted there since, or somebody took the label off."""
    world = say(publish(resolved()), undo={"mitigation": "more"}).run(hours=3)
    world.target["metadata"]["labels"].pop(Label.ACTION)
    if label:
        world.target["metadata"]["labels"][Label.ACTION] = label
    assert closed(world.run(hours=1))
    assert label == world.target["metadata"]["labels"].get(Label.ACTION)


def test_a_mark_that_may_not_be_taken_off_keeps_nothing_open():
    """The role is not bound any more: it is closed all the same, and the orphan sweep tells of the mark."""
    world = say(publish(resolved()), undo={"mitigation": "more"}).run(hours=3)
    world.refuses = 403
    assert closed(world.run(hours=1))
    assert Label.ACTION in world.target["metadata"]["labels"]


def test_nothing_is_written_to_targets_while_the_policies_are_gone():
    """Not even a label is taken off: nobody knows then who wrote what."""
    world = say(publish(resolved()), undo={"mitigation": "more"}).run(hours=3)
    world.policies = type(world.policies)(proven=False, problem="gone")
    assert not closed(world.run(hours=2))
    world.policies = type(world.policies)(proven=True)
    assert closed(world.run(minutes=11))


def test_our_mark_comes_off_when_it_was_a_false_alarm_too():
    """Undone, then cancelled: closed at once, and no mark is left that nobody knows."""
    world = say(healthy(incident(MORE, recovery={"hold": "10m"})).run(seconds=5), undo={"mitigation": "more"})
    assert Label.ACTION in world.target["metadata"]["labels"]
    say(world, cancel={})
    assert closed(world)
    assert (False, []) == (Label.ACTION in world.target["metadata"]["labels"], world.broken)


def test_a_drill_closes_by_itself():
    """It changed nothing, and nothing is to be learned by its own postmortem."""
    world = bad_deploy(incident(roll_back(), drill=True, severity="SEV4"))
    world.controller_works = False
    world.run(minutes=5)
    say(world, take={"role": "commander"})
    say(world, resolve={"override": True}).run(hours=4.1)
    assert closed(world)
    assert "True NotNeeded" == world.condition("Reviewed")


def test_the_closed_label_is_asked_for_until_it_is_there():
    """A crash between the status and the label: the next look asks for it again, and changes nothing."""
    world = say(publish(resolved()), undo={"mitigation": "more"}).run(hours=4)
    before = world.incident.status
    world.now += timedelta(hours=1)
    assert world.look().close
    assert before == world.incident.status


def test_an_undo_that_is_under_way_keeps_it_open():
    """Asked for a moment before the window is over: it ends first."""
    world = publish(resolved(MORE)).run(hours=3)
    world.controller_works = False
    world.refuses = 429
    say(world, undo={"mitigation": "more"}).run(hours=1)
    assert not closed(world)
