"""A node that two incidents keep pods away from is given back when the last of them ends."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from build import entry, node
from objects import wish, world
from stanch.api.incident_status import WishState
from stanch.core.census import Census, Deed, Reliance
from stanch.core.others import part_of
from stanch.core.questions import EVENTS, PODS, List
from world import World

LATER = timedelta(seconds=30)


def cordoned(**more: Any) -> World:
    """By this incident, and node-2 takes pods."""
    there = world(wish("Node", "node-1", cordon={}, **more), nodes=[node("node-1"), node("node-2")])
    meta = there.incident.metadata.model_copy(update={"namespace": "stanch-system"})
    there.incident = there.incident.model_copy(update={"metadata": meta})
    there.run(seconds=20)
    assert there.objects[("nodes", "node-1")]["spec"]["unschedulable"] is True
    return there


def drained(there: World, **changed: Any) -> Deed:
    """Another incident drained it, and found it cordoned."""
    since = there.record("act").attempts[0].intended_time + LATER
    deed = Deed("stanch-system/disk-full", "empty", "Spec", "uid-node-1", since, False, "", ("/spec/unschedulable",))
    return replace(deed, action="drain", applied=since, **changed)


def asked(there: World, *deeds: Deed, **more: Any) -> World:
    """alice asks to take the cordon back, and these are what others did."""
    there.census = Census(deeds)
    said = {"undo": {"mitigation": "act", **more}, "text": "It is well again"}
    return there.say(entry("alice", after=there.now - there.incident.declared, name=f"s-{len(there.entries)}", **said))


def is_cordoned(there: World) -> bool:
    """Does node-1 take no pods?"""
    return bool(there.objects[("nodes", "node-1")]["spec"].get("unschedulable"))


def test_a_node_that_another_incident_drained_is_not_given_back_before_it_ends() -> None:
    """It waits and names the other; once that is undone, it goes."""
    there = cordoned()
    asked(there, drained(there)).run(minutes=2)
    record = there.record("act")
    assert (True, "TargetBusy") == (is_cordoned(there), record.reason)
    assert "empty (drain) of incident stanch-system/disk-full keeps pods away from Node node-1" in record.message
    there.census = Census((drained(there, undone=True),))
    assert WishState.UNDONE is there.run(minutes=1).record("act").state
    assert (False, []) == (is_cordoned(there), there.broken)


def test_while_another_keeps_it_nothing_else_is_looked_at() -> None:
    """It may be days: a full node's pods are not listed every few seconds for an undo that can't go."""
    there = cordoned()
    there.rounds.clear()
    asked(there, drained(there)).run(minutes=30)
    listed = [q for each in there.rounds for q in each if isinstance(q, List) and q.ref in (PODS, EVENTS)]
    assert (True, []) == (is_cordoned(there), listed)
    looks = len(there.rounds)
    there.run(minutes=30)
    assert len(there.rounds) - looks < 100, "it is looked at as any other incident is"


def test_so_does_what_was_to_go_back_by_itself() -> None:
    """Chosen beforehand: it comes true when the other one has ended."""
    there = cordoned(revert="OnExpiry", ttl="1m")
    there.census = Census((drained(there),))
    assert is_cordoned(there.run(minutes=5))
    there.census = Census((drained(there, over=True),))
    assert not is_cordoned(there.run(minutes=1))


@pytest.mark.parametrize(
    "changed",
    [{"undone": True}, {"over": True}, {"target": "uid-node-2"}, {"action": "scale"}, {"time": None}],
    ids=["undone", "over", "elsewhere", "other-action", "earlier"],
)
def test_nobody_else_is_waited_for(changed: dict[str, Any]) -> None:
    """Of two that came at different times the later one never waits: else both would, for ever."""
    there = cordoned()
    deed = drained(there)
    deed = replace(deed, time=deed.time - 2 * LATER) if "time" in changed else replace(deed, **changed)
    assert not is_cordoned(asked(there, deed).run(minutes=1))


def test_forced_it_goes_with_another_who_agrees() -> None:
    """Who forces it is told whose node it is."""
    there = cordoned()
    asked(there, drained(there), force=True).run(minutes=1)
    record = there.record("act")
    assert (True, "ApprovalMissing") == (is_cordoned(there), record.reason)
    assert "of incident stanch-system/disk-full" in record.message
    said = {"mitigation": "act", "action": "cordon", "digest": record.undo_asked.digest}
    there.say(entry("bob", after=there.now - there.incident.declared, name="yes", approve=said)).run(minutes=1)
    assert not is_cordoned(there)


@pytest.mark.parametrize(("times", "over"), [({}, False), ({"closed": "x"}, True), ({"cancelled": "x"}, True)])
def test_what_a_closed_incident_did_counts_on_nothing(times: dict[str, str], over: bool) -> None:
    """It stays in sight for a while."""
    attempt = {"id": "a" * 16, "intendedTime": "2026-11-21T14:00:00Z", "appliedTime": "2026-11-21T14:00:01Z"}
    record = {"name": "empty", "action": "drain", "target": {"uid": "u"}, "attempts": [attempt | {"state": "Verified"}]}
    meta = {"name": "x", "creationTimestamp": "2026-11-21T14:00:00Z"}
    part = part_of("shop/x", {"metadata": meta, "status": {"times": times, "mitigations": [record]}})
    assert [over] == [deed.over for deed in part.deeds]


def skipped(name: str = "node-1", action: str = "cordon") -> Census:
    """Another incident asked for it, found it done, and wrote nothing."""
    return Census(reliances=(Reliance("stanch-system/disk-full", "keep-away", action, name),))


def test_a_node_on_whose_cordon_another_incident_counts_is_not_given_back_before_it_ends() -> None:
    """Its own cordon was skipped, for there was nothing to do: it is under its feet all the same."""
    there = cordoned()
    asked(there)
    there.census = skipped()
    there.run(minutes=2)
    record = there.record("act")
    assert (True, "TargetBusy") == (is_cordoned(there), record.reason)
    assert "keep-away (cordon) of incident stanch-system/disk-full keeps pods away from Node node-1" in record.message
    there.census = Census()
    assert WishState.UNDONE is there.run(minutes=1).record("act").state
    assert (False, []) == (is_cordoned(there), there.broken)


@pytest.mark.parametrize("other", [skipped("node-2"), skipped(action="uncordon")], ids=["elsewhere", "other-action"])
def test_nobody_else_who_found_it_done_is_waited_for(other: Census) -> None:
    """Another node; one that wanted the contrary."""
    there = cordoned()
    asked(there)
    there.census = other
    assert not is_cordoned(there.run(minutes=1))


def second(**more: Any) -> World:
    """An incident whose cordon finds the node cordoned."""
    there = world(wish("Node", "node-1", cordon={}, **more), nodes=[node("node-1"), node("node-2")])
    meta = there.incident.metadata.model_copy(update={"namespace": "stanch-system"})
    there.incident = there.incident.model_copy(update={"metadata": meta})
    there.objects[("nodes", "node-1")]["spec"]["unschedulable"] = True
    there.run(seconds=20)
    assert (WishState.SKIPPED, "NothingToDo") == (there.record("act").state, there.record("act").reason)
    return there


def counts_on(there: World, **times: str) -> list[str]:
    """What of it the other incidents see."""
    body = there.incident.wire()
    body["status"]["times"] |= times
    return [f"{each.action} {each.name}" for each in part_of("stanch-system/disk-full", body).reliances]


def test_what_it_found_done_is_seen_by_the_others_until_it_ends() -> None:
    """From the record as the API server keeps it."""
    there = second()
    assert ["cordon node-1"] == counts_on(there)
    assert ["cordon node-1"] == counts_on(there, resolved="2026-11-21T14:30:00Z")
    assert [] == counts_on(there, closed="2026-11-21T14:30:00Z")
    assert [] == counts_on(there, cancelled="2026-11-21T14:30:00Z")
    assert [] == counts_on(second(revert="OnResolved"), resolved="2026-11-21T14:30:00Z")


def test_who_needs_it_no_longer_says_so_with_an_undo_entry() -> None:
    """Nothing is written on the node; the others see that nobody counts on it."""
    there = asked(second()).run(minutes=1)
    assert (WishState.UNDONE, []) == (there.record("act").state, counts_on(there))
    assert "alice does not need it any more; whoever cordoned the node may give it back" in there.record("act").message
    assert (True, [], []) == (is_cordoned(there), there.effects, there.broken)


def test_without_the_right_nobody_says_so() -> None:
    """It takes the right that an undo takes."""
    there = second()
    there.may = lambda _: False
    asked(there).run(minutes=1)
    assert (WishState.SKIPPED, ["cordon node-1"]) == (there.record("act").state, counts_on(there))
    assert "EntryRefused" in there.kinds()
