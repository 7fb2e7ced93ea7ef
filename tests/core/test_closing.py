"""Closed is the end: only when something was learned, nothing is owed, and nobody said in time that it is not over."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from build import T0, entry, incident, roll_back, scale_to
from stanch.api.incident_status import Effect
from stanch.api.names import Label
from stanch.core.census import RUNBOOK, Census, Deed
from stanch.core.observations import Failed
from stanch.core.others import census, part_of
from stanch.core.questions import POSTMORTEMS
from world import World, bad_deploy, healthy

MORE = scale_to(4, name="more")


def resolved(*wishes: object, severity: str = "SEV4", **spec: object) -> World:
    """An hour after it was resolved; nothing published, nothing undone."""
    return healthy(incident(*(wishes or (MORE,)), severity=severity, **spec)).run(minutes=20)


def publish(world: World) -> World:
    """A person has written the postmortem."""
    world.publish()
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


@pytest.mark.parametrize(("status", "says"), [(500, "True ShortReview"), (0, "True ShortReview"), (403, "False Due")])
def test_a_busy_moment_takes_nothing_back(status, says):
    """What was published is, and nobody is reminded of it anew; what may not be read at all is another thing."""
    world = publish(resolved(roles={"commander": "alice"})).run(minutes=11)
    assert "True ShortReview" == world.condition("Reviewed")
    told, answer = [x.kind for x in world.incident.status.timeline].count("DecisionDue"), world.answer
    world.answer = lambda q: Failed(status, "busy") if getattr(q, "ref", None) == POSTMORTEMS else answer(q)
    world.run(minutes=11)
    assert says == world.condition("Reviewed")
    again = [x.kind for x in world.incident.status.timeline].count("DecisionDue") - told
    assert (0, []) == (again, world.broken) if status != 403 else not world.broken


def test_a_closed_record_is_small_and_says_the_rest_on_its_pages():
    """Ten thousand of them are kept for a year: milestones, what was done, and where the other lines are (decisions 2.13)."""
    world = say(publish(resolved()), undo={"mitigation": "more"})
    for n in range(45):
        say(world, by=f"expert-{n % 12}", note={"kind": "Observation"})
    spoken = world.incident.status.last_seq
    said = {line.seq for line in world.incident.status.timeline}
    assert closed(world.run(hours=5))
    # With the label nobody looks at it any more: what is not on a page by then never will be.
    last = next(plan for plan in world.plans if plan.close)
    assert last.status.pages == world.incident.status.pages
    status = world.incident.status
    assert len(json.dumps(status.wire(), separators=(",", ":"))) < 12_000
    kept = {line.seq for line in status.timeline}
    assert said - kept <= {seq for page in status.pages for seq in range(page.first, page.last + 1)}
    assert spoken - len([seq for seq in kept if seq <= spoken]) > 30
    assert ((), None) == (status.recovery.criteria, status.suspects)
    done = world.record("more")
    assert (None, None, "Undone") == (done.diff, done.break_glass, done.state)
    assert [True, True] == [a.applied_time is not None for a in done.attempts]
    assert [] == world.broken


def test_what_is_in_force_keeps_the_lines_that_take_it_back_by_hand():
    """The refusal of an undo sends people there (core/undo_entries.py)."""
    world = bad_deploy(incident(roll_back(), severity="SEV4")).run(minutes=30)
    assert closed(publish(world).run(hours=5))
    assert world.record("roll-back").break_glass


def test_where_no_page_can_be_stored_it_is_closed_with_all_its_lines():
    """A quota on Evidence keeps nothing open for ever, and loses nothing."""
    world = say(publish(resolved()), undo={"mitigation": "more"})
    for n in range(12):
        say(world, by=f"expert-{n}", note={"kind": "Observation"})
    world.lose_stores = {"-page-"}
    assert closed(world.run(hours=5))
    assert not world.incident.status.pages
    assert 1 == world.incident.status.timeline[0].seq


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
    """By somebody with the verb command, with a text, on the record."""
    world = say(resolved(), undo={"mitigation": "more"})
    assert closed(say(world, waive={}).run(hours=4))
    assert ("True Waived", "alice: why") == (world.condition("Reviewed"), world.incident.status.postmortem.waived)


def test_a_hat_is_not_enough_to_waive_it():
    """Anybody can take one: it needs the verb command on incidents."""
    world = say(resolved(), by="bob", take={"role": "commander"})
    world.may = lambda q: q.verb != "command"
    say(world, by="bob", waive={})
    assert "waiving needs the verb command" in world.incident.status.timeline[-1].text
    assert world.incident.status.postmortem.waived is None


def test_a_reopened_incident_is_not_closed():
    """Somebody said in time that it is not over: the hours count again from when it is."""
    world = say(publish(resolved()), undo={"mitigation": "more"}).run(hours=3)
    say(world, reopen={}).run(hours=2)
    assert not closed(world)
    # What was published says nothing of the relapse.
    world.publish(world.incident.status.postmortem.name)
    assert not closed(world.run(hours=1))
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
    """Undone, then cancelled: closed at once, and labelled so once what it did is no longer counted (guard 9)."""
    world = say(healthy(incident(MORE, recovery={"hold": "10m"})).run(seconds=5), undo={"mitigation": "more"})
    assert Label.ACTION in world.target["metadata"]["labels"]
    say(world, cancel={})
    assert (True, False) == (world.incident.status.times.closed is not None, world.plans[-1].close)
    assert closed(world.run(hours=1))
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


@pytest.mark.parametrize(("rests", "minutes"), [(10, 60), (180, 180)], ids=["an hour", "as long as a target rests"])
def test_what_it_did_is_counted_until_its_time_is_over(rests, minutes):
    """Who closes six minutes after the effect does not make room for the next one by it: the label comes later."""
    world = healthy(incident(scale_to(4, name="more", revert="OnResolved"), severity="SEV4", recovery={"hold": "10s"}))
    short = {"reopen_within": timedelta(minutes=1), "per_target": timedelta(minutes=rests)}
    world.catalog = replace(world.catalog, policy=replace(world.catalog.policy, **short))
    world.run(minutes=6)
    say(world, waive={}).run(minutes=2)
    assert (True, False) == (world.incident.status.times.closed is not None, world.plans[-1].close)
    world.wait(world.incident.declared + timedelta(minutes=minutes - 1))
    assert not world.plans[-1].close
    world.run(minutes=2)
    assert world.plans[-1].close


def _run_by_runbook(effect: str = "NoEffect", **policy: object) -> World:
    """Closed eight minutes after a Runbook's mitigation, which was judged so."""
    world = healthy(incident(scale_to(4, name="more", revert="OnResolved"), severity="SEV4", recovery={"hold": "10s"}))
    changes = {"reopen_within": timedelta(minutes=1), **policy}
    world.catalog = replace(world.catalog, policy=replace(world.catalog.policy, **changes))
    say(world.run(minutes=6), waive={}).run(minutes=2)
    ran = world.record("more").model_copy(update={"source": f"{RUNBOOK}bad-deploy", "effect": Effect(effect)})
    status = world.incident.status.model_copy(update={"mitigations": (ran,)})
    world.incident = world.incident.model_copy(update={"status": status})
    return world


def _runs_since(*effects: str, source: str = f"{RUNBOOK}bad-deploy", where: str = "shop") -> Census:
    made = {"mitigation": "more", "source": source, "target": "uid", "under_way": False}
    times = (T0 + timedelta(minutes=30 + n) for n in range(len(effects)))
    return Census(
        tuple(Deed(f"{where}/later-{t.minute}", effect=e, time=t, **made) for e, t in zip(effects, times, strict=True))
    )


def _labelled(world: World, hours: float) -> bool:
    world.wait(world.incident.declared + timedelta(hours=hours))
    return world.plans[-1].close


def test_the_breaker_looks_at_closed_incidents_for_a_day():
    """A Runbook that did not help last night is not forgotten because somebody closed that incident."""
    world = _run_by_runbook()
    body = {"metadata": world.incident.metadata.wire(), "spec": {}, "status": world.incident.status.wire()}
    (kept,) = census([part_of("shop/checkout-5xx", body)]).deeds
    assert (f"{RUNBOOK}bad-deploy", "NoEffect") == (kept.source, kept.effect)
    assert [False, False, True] == [_labelled(world, hours) for hours in (1.5, 23.9, 24.1)]
    assert world.broken == []


@pytest.mark.parametrize(
    ("since", "labelled"),
    [
        (Census(), False),
        (_runs_since("NoEffect"), False),
        (_runs_since("NoEffect", "Worse"), True),
        (_runs_since("Helped"), True),
        (_runs_since("", ""), False),
        (_runs_since("Helped", source=f"{RUNBOOK}another"), False),
        (_runs_since("Helped", where="other"), False),
    ],
    ids=["none", "one more", "two more", "one helped", "not judged", "another Runbook", "a namesake elsewhere"],
)
def test_a_run_that_the_breaker_no_longer_looks_at_keeps_nothing_in_sight(since, labelled):
    """Only the last two of each Runbook, and of those none before one that helped."""
    world = _run_by_runbook()
    world.census = since
    assert labelled == _labelled(world, 2)


@pytest.mark.parametrize(("effect", "source"), [("Helped", "Spec"), ("NoEffect", "Spec")])
def test_what_people_asked_for_is_in_sight_for_an_hour_only(effect, source):
    """The breaker is about Runbooks."""
    world = _run_by_runbook(effect)
    asked = world.record("more").model_copy(update={"source": source})
    world.incident = world.incident.model_copy(
        update={"status": world.incident.status.model_copy(update={"mitigations": (asked,)})}
    )
    assert [False, True] == [_labelled(world, hours) for hours in (0.9, 1.1)]
