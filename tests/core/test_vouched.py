"""What was written while the admission policies were away is nobody's word: whoever it names, and also after they are back."""

from datetime import timedelta
from typing import Any

import pytest

from build import T0, entry, incident, scale_to
from stanch.core.observations import Policies
from stanch.core.wish_fold import NOT_STARTED
from world import World, healthy

GONE = Policies(proven=False, problem="ValidatingAdmissionPolicyBinding stanch-timelineentry-author is missing")
MORE = {"name": "more", "target": {"kind": "Deployment", "name": "checkout"}, "scale": {"replicas": 4}}
FORGED: dict[str, dict[str, Any]] = {
    "mitigate": {"mitigate": MORE},
    "override": {"resolve": {"override": True}, "text": "no"},
    "severity": {"severity": {"level": "SEV4"}},
    "take": {"take": {"role": "commander"}},
    "undo": {"undo": {"mitigation": "size"}},
}


def begun(*wishes: dict, **spec: Any) -> World:
    """An incident in which only admin may do anything."""
    world = healthy(incident(*wishes, recovery={"hold": "1h"}, **spec)).run(seconds=10)
    world.may = lambda q: q.username == "admin" and q.verb != "freeze"
    return world


def said(world: World, **what: Any) -> World:
    """Somebody who is not admin writes this with admin's name."""
    after = world.now - world.incident.declared
    return world.say(entry("admin", after=after, name=f"said-{len(world.entries)}", **what))


def back(world: World, since: timedelta = timedelta(seconds=1)) -> World:
    """They are in force again."""
    world.policies = Policies(proven=True, since=world.now + since)
    return world


def changed(world: World) -> tuple[object, ...]:
    """All that the forged words are about."""
    status = world.incident.status
    names = [r.name for r in status.mitigations or ()]
    return (status.severity.level, status.roles, status.override, names, len(world.effects))


@pytest.mark.parametrize("seen", [True, False], ids=["while-they-are-gone", "when-they-are-back"])
@pytest.mark.parametrize("what", FORGED)
def test_an_entry_from_that_time_changes_nothing(what: str, seen: bool) -> None:
    """Whether or not the operator looked meanwhile; it is told as refused, as nobody's, with what to do."""
    world = begun(scale_to(4))
    before = changed(world)
    if seen:
        world.policies = GONE
    said(world, **FORGED[what])
    if seen:
        world.run(seconds=20)
    back(world).run(minutes=3)
    line = next(x for x in world.incident.status.timeline if x.kind == "EntryRefused")
    assert (before, []) == (changed(world), world.broken)
    assert ("somebody", True, True) == (line.by, "nobody vouched for it" in line.text, "say it again" in line.text)


def test_words_from_that_time_are_kept_as_nobodys() -> None:
    """They change nothing but the timeline, which names nobody for them."""
    world = begun()
    world.policies = GONE
    said(world, note={}, text="admin was here").run(seconds=5)
    line = next(x for x in world.incident.status.timeline if x.kind == "Note")
    assert ("Note", "somebody", "Note: admin was here") == (line.kind, line.by, line.text)


def test_said_again_it_counts() -> None:
    """What the refusal says would free it does."""
    world = begun()
    world.policies = GONE
    back(said(world, **FORGED["severity"]).run(seconds=5)).run(seconds=10)
    said(world, **FORGED["severity"]).run(seconds=5)
    assert "SEV4" == world.incident.status.severity.level.value


def test_what_was_folded_before_stays() -> None:
    """It was proven when it was taken in; a later gap takes nothing back."""
    world = said(begun(), **FORGED["severity"]).run(seconds=5)
    world.policies = GONE
    back(world.run(minutes=2)).run(minutes=2)
    assert "SEV4" == world.incident.status.severity.level.value


def test_an_entry_from_before_the_gap_that_nobody_took_in_is_refused() -> None:
    """Nobody can tell it from a forged one; whoever means it says it again."""
    world = said(begun(), **FORGED["severity"])
    world.now += timedelta(minutes=5)
    assert "SEV1" == back(world).run(seconds=10).incident.status.severity.level.value


def test_while_nobody_can_tell_what_needs_a_name_waits() -> None:
    """An answer that did not come says nothing. Words wait a moment and are taken in then; the rest counts with the answer."""
    world = begun()
    world.policies = Policies(proven=False, problem="can't be read", unclear=True)
    said(said(world, **FORGED["severity"]), note={}, text="hm").run(seconds=10)
    assert ("SEV1", 2) == (world.incident.status.severity.level.value, len(world.unfolded()))
    world.run(seconds=20)
    assert ("SEV1", 1) == (world.incident.status.severity.level.value, len(world.unfolded()))
    world.policies = Policies(proven=True, since=T0 - timedelta(days=1))
    world.run(seconds=5)
    assert ("SEV4", ()) == (world.incident.status.severity.level.value, world.unfolded())


def test_a_note_keeps_its_author_though_one_look_at_the_policies_failed() -> None:
    """Taken in at once it would be nobody's for ever."""
    world = begun()
    world.policies = Policies(proven=False, problem="can't be read", unclear=True)
    said(world, note={}, text="hm").run(seconds=5)
    world.policies = Policies(proven=True, since=T0 - timedelta(days=1))
    world.run(seconds=5)
    assert ("Note", "admin") == (world.incident.status.timeline[-1].kind, world.incident.status.timeline[-1].by)


def test_people_go_on_while_the_response_policies_are_unread() -> None:
    """Nothing is done to targets then; but who said what is as well known as ever."""
    world = begun()
    world.policies = Policies(proven=False, problem="not read yet", stamped=True, since=T0 - timedelta(days=1))
    assert "SEV4" == said(world, **FORGED["severity"]).run(seconds=5).incident.status.severity.level.value


# --- wishes of the spec ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seen", [True, False], ids=["while-they-are-gone", "when-they-are-back"])
def test_a_wish_of_the_spec_from_that_time_is_nobodys(seen: bool) -> None:
    """A forged stamp vouches for nothing, also when it is read only afterwards."""
    world = healthy(incident(scale_to(4), by="admin", recovery={"hold": "1h"}))
    if seen:
        world.policies = GONE
        world.run(seconds=30)
    record = back(world).run(minutes=2).record("size")
    assert ("AuthorityUnproven", None, []) == (record.reason, record.requested_by, world.effects)
    assert "ask again with a mitigate entry" in record.message


def test_a_wish_that_was_put_into_an_older_incident_is_asked_again_by_an_entry() -> None:
    """When a spec was written stands in managedFields, which its writer may forge; an entry's own time nobody can."""
    world = begun()
    back(world, timedelta(0)).run(seconds=10)
    forged = [{"username": "admin", "uid": "admin", "mitigations": ["size"]}]
    world.respec(mitigations=[scale_to(4)], requesters=forged).run(minutes=1)
    assert ("AuthorityUnproven", []) == (world.record("size").reason, world.effects)
    assert 1 == len(said(world, mitigate=MORE | {"when": "Always"}).run(seconds=20).effects)


def test_a_wish_that_waits_stays_whose_it_was() -> None:
    """Folded while they stood; in the gap another stamp was put on it, with groups that may do anything."""
    world = begun(scale_to(4, approvals=1))
    assert "alice" == world.record("size").requested_by
    world.policies = GONE
    world.run(seconds=10)
    forged = {"username": "alice", "uid": "alice", "groups": ["system:masters"], "mitigations": ["size"]}
    world.respec(requesters=[forged]).run(seconds=10)
    world.may = lambda q: q.username == "bob" or "system:masters" in q.groups
    digest = world.record("size").digest
    back(world).run(seconds=10)
    world.say(
        entry(
            "bob",
            after=world.now - world.incident.declared,
            approve={"mitigation": "size", "action": "scale", "digest": digest},
        )
    )
    record = world.run(seconds=30).record("size")
    assert ("alice", []) == (record.requested_by, world.effects)


def test_an_honest_wish_that_waits_goes_on_after_the_gap() -> None:
    """What was folded is not touched: alice's own right is asked again, by her name."""
    world = healthy(incident(scale_to(4), recovery={"hold": "1h"}))
    world.target["spec"]["paused"] = True
    world.frozen = ("mitigations",)
    world.run(seconds=5)
    world.policies = GONE
    world.run(seconds=20)
    world.frozen = ()
    back(world).run(minutes=1)
    assert ("alice", 1) == (world.record("size").requested_by, len(world.effects))


def test_while_nobody_can_tell_a_wish_is_not_taken_in() -> None:
    """It is recorded, with who asked, once the policies could be looked at."""
    world = healthy(incident(scale_to(4), recovery={"hold": "1h"}))
    world.policies = Policies(proven=False, problem="not looked yet", unclear=True)
    assert not world.run(seconds=10).incident.status.mitigations
    world.policies = Policies(proven=True, since=T0 - timedelta(days=1))
    assert ("alice", 1) == (world.run(seconds=20).record("size").requested_by, len(world.effects))


def test_after_an_upgrade_that_changes_nothing_everything_goes_on() -> None:
    """In force since long ago: what was said a moment ago counts, whoever restarted meanwhile."""
    world = healthy(incident(scale_to(4), recovery={"hold": "1h"}))
    world.policies = Policies(proven=True, since=T0)
    world.run(seconds=5)
    assert world.record("size").state not in NOT_STARTED
    assert "SEV4" == said(world, **FORGED["severity"]).run(seconds=5).incident.status.severity.level.value
