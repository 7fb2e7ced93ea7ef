"""What is owed: said when it is due, reminded of and not for ever, later or elsewhere only by somebody's word."""

from datetime import timedelta
from typing import Any

import pytest

from build import T0, entry, incident, scale_to
from stanch.api.incident_status import WishState
from world import World, bad_deploy, healthy

PAUSE = {"name": "pause", "rolloutPause": {}}
HOUR = timedelta(hours=1)


def paused(severity: str = "SEV3", **wish: object) -> World:
    """Alice paused the rollout of a bad release; due in two hours."""
    return bad_deploy(incident({**PAUSE, "ttl": "2h", **wish}, severity=severity)).run(seconds=5)


def later(world: World, hours: float, step: float = 0.5) -> World:
    """Time passes, and somebody looks every half hour: who looks every fifteen seconds sees no more of a debt."""
    for _ in range(int(hours / step)):
        world.now += timedelta(hours=step)
        world.look()
    return world


def told(world: World) -> list[tuple[str, float]]:
    """Reminders: what kind, how many hours after the declaration."""
    lines = [
        x for p in world.plans for x in p.status.timeline if x.kind in ("DebtDue", "DebtReminded", "DebtEscalated")
    ]
    return [(x.kind, round((x.time - T0) / HOUR, 1)) for x in dict.fromkeys(lines)]


def debt(world: World):
    """The one debt."""
    (one,) = world.incident.status.debt
    return one


def drafted(world: World) -> dict[str, Any]:
    """Items that were stored, by name; the first of a name stays."""
    stores = [s for p in reversed(world.plans) for s in p.stores if s.body.get("kind") == "ActionItem"]
    return {s.name: s.body for s in stores}


def test_a_debt_has_owner_inverse_and_due_time():
    """All three from the first moment."""
    one = debt(paused())
    assert ("alice", "Ask", "kubectl -n shop rollout resume deployment/checkout") == (one.owner, one.revert, one.undo)
    assert 2 * HOUR == one.due_time - one.since_time


def test_what_is_due_is_said_with_who_owes_it_and_how_it_is_taken_back():
    """A milestone, and a Warning Event; nothing is undone by it."""
    world = later(paused(), 2.5)
    line = next(x for x in world.incident.status.timeline if x.kind == "DebtDue")
    event = next(e for p in world.plans for e in p.events if e.reason == "DebtDue")
    assert line.milestone
    assert event.warning
    assert "alice owes since" in event.message
    assert "Undo it with an undo entry, or kubectl -n shop rollout resume deployment/checkout" in event.message
    assert world.target["spec"]["paused"] is True


def test_it_is_reminded_of_each_day_and_not_for_ever():
    """Nine times in all; the last one says that it is the last."""
    world = later(paused(), 480, step=2)
    assert [("DebtDue", 2.0), ("DebtReminded", 26.0), ("DebtReminded", 50.0)] == told(world)[:3]
    assert 9 == len(told(world))
    assert "the last reminder" in [e.message for p in world.plans for e in p.events if e.reason == "DebtReminded"][-1]


def test_a_severe_one_reaches_the_commander_an_hour_later():
    """An hour past due, in SEV1 and SEV2, the one who commands is named."""
    world = later(paused("SEV1").say(entry("carol", take={"role": "commander"})), 4)
    assert [("DebtDue", 2.0), ("DebtEscalated", 3.0)] == told(world)
    assert "carol, you command" in next(e.message for p in world.plans for e in p.events if e.reason == "DebtEscalated")


def test_reminders_that_nobody_could_say_are_not_said_afterwards():
    """The operator was away for three days: one line when it is back, and the cadence goes on."""
    world = paused()
    world.now += timedelta(hours=75)
    world.look()
    later(world, 1)
    assert [("DebtDue", 75.0)] == told(world)
    assert (debt(world).remind_time - T0) // HOUR == 98


@pytest.mark.parametrize("dies", range(4))
def test_a_crash_says_no_reminder_twice(dies):
    """Cut off after any step when it is due: one line, for the line and the next time are one write."""
    world = paused()
    world.now = T0 + 2 * HOUR + timedelta(minutes=1)
    world.look(die_after=dies)
    later(world, 1)
    assert (1, []) == (world.kinds().count("DebtDue"), world.broken)


def test_a_hold_is_spoken_of_every_eight_hours_before_it_is_due():
    """What is changed in Git does not arrive, and nobody sees why."""
    world = bad_deploy(incident({"name": "freeze", "gitOpsHold": {}}, severity="SEV3"))
    world.target["metadata"]["labels"] |= {
        "kustomize.toolkit.fluxcd.io/name": "apps",
        "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
    }
    later(world.run(seconds=5), 34)
    assert [("DebtReminded", 8.0), ("DebtReminded", 16.0), ("DebtDue", 24.0), ("DebtReminded", 32.0)] == told(world)


def test_what_was_chosen_beforehand_is_taken_back_when_it_expires():
    """revert: OnExpiry; the line says so, and nobody is reminded after."""
    world = later(paused(revert="OnExpiry"), 30)
    assert "paused" not in world.target["spec"]
    assert (WishState.UNDONE, None) == (world.record("pause").state, world.incident.status.debt)
    assert ["DebtDue"] == [kind for kind, _ in told(world)]
    assert "to be taken back by itself, for revert: OnExpiry was chosen" in " ".join(
        e.message for p in world.plans for e in p.events
    )


# --- later -----------------------------------------------------------------------------------------------------------


def test_an_extended_debt_is_due_later_and_spoken_of_anew():
    """From its due time on, with the reason on the record; the counter begins again."""
    world = later(paused(), 1)
    world.say(entry("alice", after=HOUR, extend={"mitigation": "pause", "by": "24h"}, text="the fix is in review"))
    later(world, 40)
    assert [("DebtDue", 26.0)] == told(world)
    line = next(x for x in world.incident.status.timeline if x.kind == "DebtExtended")
    assert ("alice", "the fix is in review") == (line.by, line.text.rpartition(": ")[2])
    assert world.target["spec"]["paused"] is True


def test_an_expired_debt_is_extended_from_now():
    """Else ten hours late plus one hour would be due in the past."""
    world = later(paused(), 12)
    later(world.say(entry("alice", after=12 * HOUR, extend={"mitigation": "pause", "by": "1h"}, text="one more")), 2)
    assert [("DebtDue", 2.0), ("DebtDue", 13.0)] == told(world)


def test_revert_on_expiry_follows_the_extension():
    """It is taken back at the new time, and not at the old one."""
    world = later(paused(revert="OnExpiry"), 1)
    later(world.say(entry("alice", after=HOUR, extend={"mitigation": "pause", "by": "3h"}, text="wait")), 2)
    assert world.target["spec"]["paused"] is True
    later(world, 3)
    assert "paused" not in world.target["spec"]


WRONG = {
    "somebody else": ("bob", {"mitigation": "pause", "by": "1h"}, "why", "alice owes it"),
    "too long": ("alice", {"mitigation": "pause", "by": "73h"}, "why", "at most 72h (got 73h)"),
    "nothing": ("alice", {"mitigation": "pause", "by": "0s"}, "why", "more than 0s"),
    "no reason": ("alice", {"mitigation": "pause", "by": "1h"}, None, "say why"),
    "no such debt": ("alice", {"mitigation": "other", "by": "1h"}, "why", "owed is: pause"),
    "nobody": (None, {"mitigation": "pause", "by": "1h"}, "why", "nobody vouched"),
    "a machine": ("system:serviceaccount:ci:x", {"mitigation": "pause", "by": "1h"}, "why", "a person must say it"),
}


@pytest.mark.parametrize("case", WRONG)
def test_an_extension_that_does_not_count_says_why(case):
    """The due time stays, and the entry is refused in the timeline."""
    by, said, text, why = WRONG[case]
    world = paused()
    before = debt(world)
    world.say(entry(by, extend=said, **({"text": text} if text else {}))).run(minutes=2)
    assert before == debt(world)
    assert why in next(x.text for x in world.incident.status.timeline if x.kind == "EntryRefused")


def test_the_commander_may_extend_what_another_owes():
    """The owner sleeps; who commands decides."""
    world = paused().say(entry("carol", take={"role": "commander"}))
    said = entry(
        "carol", after=2 * timedelta(minutes=1), extend={"mitigation": "pause", "by": "1h"}, text="alice sleeps"
    )
    world.say(said).run(minutes=5)
    assert 3 * HOUR == debt(world).due_time - debt(world).since_time


# --- elsewhere -------------------------------------------------------------------------------------------------------

DEFER = {"defer": {"mitigation": "pause", "owner": "team-shop"}, "text": "after the freeze"}


def items(world: World) -> list[dict[str, object]]:
    """ActionItems as stored."""
    return [o["spec"] for (plural, _), o in world.objects.items() if plural == "actionitems"]


def test_a_deferred_debt_becomes_an_action_item():
    """One owner, a due time, and the lines that take it back when no incident is there to do it."""
    world = later(paused().say(entry("alice", **DEFER)), 30)
    (item,) = items(world)
    assert "team-shop" == item["owner"]
    assert "kubectl -n shop rollout resume deployment/checkout" in item["description"]
    assert debt(world).action_item in world.stored
    assert [] == told(world)


def test_it_is_owed_here_until_the_item_is_stored():
    """A store that fails moves nothing; once it succeeds, it moves."""
    world = paused()
    world.lose_stores = {"debt"}
    world.say(entry("alice", **DEFER)).run(minutes=10)
    assert (None, []) == (debt(world).action_item, items(world))
    world.lose_stores = set()
    world.run(minutes=2)
    assert debt(world).action_item in world.stored
    assert 1 == world.kinds().count("DebtDeferred")


# --- taken back by hand ----------------------------------------------------------------------------------------------


def test_what_somebody_takes_back_by_hand_days_later_is_owed_no_more():
    """Resolved, the target is looked at only for that; the record keeps who it was."""
    world = later(healthy(incident(PAUSE, severity="SEV4")), 1)
    assert "True Held" == world.condition("Resolved")
    assert debt(world)
    del world.target["spec"]["paused"]
    world.target["metadata"]["managedFields"] = [{"manager": "kubectl-rollout", "time": "2026-11-21T15:00:00Z"}]
    world.run(minutes=11)
    assert world.incident.status.debt is None
    assert "kubectl-rollout put Deployment shop/checkout back" in world.incident.status.timeline[-1].text


def test_what_is_gone_altogether_is_owed_no_more():
    """A Deployment that was deleted is not paused."""
    world = later(healthy(incident(PAUSE, severity="SEV4")), 1)
    del world.objects[("deployments", "checkout")]
    world.run(minutes=11)
    assert world.incident.status.debt is None


def test_a_debt_that_comes_back_is_as_it_was():
    """Switched by something nightly: its ActionItem keeps it, or it is reminded of as often as it would have been."""
    world = later(healthy(incident({**PAUSE, "ttl": "1h"}, severity="SEV4")), 0.5)
    world.say(entry("alice", after=timedelta(minutes=31), defer={"mitigation": "pause", "owner": "bob"}, text="why"))
    later(world, 0.5)
    taken = debt(world).action_item
    for n in range(4):
        world.target["spec"]["paused"] = bool(n % 2) or None
        later(world, 0.5)
    assert (taken, []) == (debt(world).action_item, told(world))


def test_what_is_owed_when_it_is_over_becomes_an_item_by_itself_and_stays_owed():
    """Asked for there, with what proves it; the incident stays open until somebody says or undoes it."""
    world = later(healthy(incident({**PAUSE, "ttl": "72h"}, severity="SEV4")), 1)
    one = debt(world)
    item = drafted(world)[one.chased_by]
    assert ([one.chased_by], None) == (list(drafted(world)), one.action_item)
    assert "alice" == item["spec"]["owner"]
    assert "!has(object.spec.paused) || !object.spec.paused" == item["spec"]["doneWhen"]["cel"]["expression"]
    assert ("apps/v1", "deployments", "checkout") == tuple(
        item["spec"]["doneWhen"]["cel"][key] for key in ("apiVersion", "resource", "name")
    )
    later(world, 12)
    assert world.incident.status.times.closed is None
    assert 1 == world.kinds().count("ActionItemDrafted")


@pytest.mark.parametrize(("owner", "the_same"), [("alice", True), ("bob", False)])
def test_whoever_defers_it_then_moves_it_to_the_item_of_that_owner(owner, the_same):
    """What was drafted for somebody else is never changed."""
    world = later(healthy(incident({**PAUSE, "ttl": "72h"}, severity="SEV4")), 1)
    first = debt(world).chased_by
    later(
        world.say(entry("alice", after=timedelta(hours=1), defer={"mitigation": "pause", "owner": owner}, text="why")),
        0.5,
    )
    assert the_same == (first == debt(world).action_item)
    assert owner == drafted(world)[debt(world).action_item]["spec"]["owner"]


def test_a_debt_that_comes_back_as_something_else_is_as_it_was():
    """Set back, and then to a third value: what its ActionItem took over stays there."""
    world = healthy(incident(scale_to(4), severity="SEV4", recovery={"hold": "20h"})).run(minutes=1)
    world.say(entry("alice", after=timedelta(minutes=2), defer={"mitigation": "size", "owner": "bob"}, text="why"))
    taken = debt(world.run(minutes=2)).action_item
    world.target["spec"]["replicas"] = 3
    assert world.run(minutes=1).incident.status.debt is None
    world.target["spec"]["replicas"] = 7
    assert taken == debt(world.run(minutes=1)).action_item


def test_a_debt_that_comes_back_has_no_new_reminders():
    """Each time it is gone and there again it goes on with the reminders that are left."""
    world = later(healthy(incident({**PAUSE, "ttl": "1h"}, severity="SEV4")), 2)
    assert [("DebtDue", 1.5)] == told(world)
    for n in range(6):
        world.target["spec"]["paused"] = bool(n % 2) or None
        later(world, 0.5)
    assert [("DebtDue", 1.5)] == told(world)
    assert [] == world.broken


def test_contested_is_over_when_it_was_taken_back_by_hand():
    """Resolved, and then put back as it was before: nothing is left to quarrel about."""
    world = healthy(incident({**PAUSE, "ttl": "2h"}, severity="SEV4", recovery={"hold": "30m"})).run(minutes=1)
    world.target["spec"]["paused"] = None
    assert "True ChangedAgain" == world.run(minutes=1).condition("Contested")
    assert "-" == later(world, 2).condition("Contested")


def test_a_namesake_is_changed_by_nobody():
    """Deleted, made again, and the incident reopened: no name is made up."""
    world = later(healthy(incident(PAUSE, severity="SEV4")), 1)
    gone = world.objects.pop(("deployments", "checkout"))
    later(world, 0.5)
    gone["metadata"]["uid"] = "another"
    world.objects[("deployments", "checkout")] = gone
    world.say(entry("alice", after=world.now - T0, reopen={}, text="why"))
    later(world, 0.5)
    assert "None changed" not in str(world.incident.status.conditions)
