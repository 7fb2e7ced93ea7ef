"""What is for the eye: the posture, the record in one line, the hand-over from the record; it stands still and fits."""

from datetime import timedelta
from typing import Any

import pytest

from build import T0, entry, incident, roll_back
from stanch.core.live_record import PHASES, RECORD_MAX
from world import World, bad_deploy, healthy

ROBOT = "system:serviceaccount:stanch-system:alerts"
READER = {"name": "reader", "statement": "1.8.3 cannot read the new orders table", "state": "Leading"}
POOL = {"name": "pool", "statement": "The database pool is too small"}


def say(world: World, by: str = "alice", **said: Any) -> World:
    """Somebody says something now."""
    after = world.now - world.incident.declared
    return world.say(entry(by, after=after, name=f"said-{len(world.entries)}", **said)).run(seconds=2)


def record(world: World) -> list[str]:
    """The parts of the live record."""
    return world.incident.status.record.split(" · ")


def phase(world: World) -> str:
    """The posture."""
    return world.incident.status.phase


# --- the posture -----------------------------------------------------------------------------------------------------


def test_the_posture_goes_as_the_seeds_say() -> None:
    """Detected, triaged once somebody leads and it has a size, mitigating, mitigated, learning, closed."""
    world = bad_deploy(incident(by=ROBOT, recovery={"hold": "30s"})).run(seconds=3)
    assert "Detected" == phase(world)
    assert "Detected" == phase(say(world, "bob", acknowledge={}))
    assert "Triaged" == phase(say(world, "alice", take={"role": "commander"}))
    target = {"kind": "Deployment", "name": "checkout"}
    assert "Mitigating" == phase(say(world, "alice", mitigate=roll_back(target=target)))
    world.run(seconds=20)
    assert "Mitigated" == phase(world)
    assert "Learning" == phase(world.run(minutes=2))
    assert "Resolved" == phase(say(world, "alice", waive={}, text="A known one"))
    assert "Closed" == phase(world.run(hours=5)) if not world.incident.status.debt else True


@pytest.mark.parametrize(
    ("severity", "role", "found"),
    [
        ("SEV1", "operations", "Detected"),
        ("SEV2", "commander", "Triaged"),
        ("SEV3", "operations", "Triaged"),
        ("SEV3", "scribe", "Detected"),
        (None, "commander", "Detected"),
    ],
    ids=["sev1-without-commander", "sev2", "sev3", "scribe-leads-nobody", "nobody-sized-it"],
)
def test_triaged_is_led_and_sized(severity: str | None, role: str, found: str) -> None:
    """SEV1 and SEV2 by a commander; smaller ones by operations as well; and somebody, or something, said how bad it is."""
    assert found == phase(bad_deploy(incident(severity=severity, roles={role: "alice"})).run(seconds=3))


def test_a_note_of_something_done_is_an_action() -> None:
    """What people do by hand counts as tried (decisions 2.3)."""
    world = say(bad_deploy(incident()).run(seconds=3), note={"kind": "Action"}, text="Restarted the proxy")
    assert "Mitigating" == phase(world)


def test_relapsed_and_reopened_it_goes_back() -> None:
    """The same incident; harm that is back is mitigating again."""
    world = healthy(incident(roll_back(), recovery={"hold": "30s"})).run(minutes=2)
    assert "Resolved" == phase(world) or "Learning" == phase(world)
    assert phase(say(world, reopen={})) in ("Mitigating", "Mitigated", "Detected")


def test_cancelled_is_cancelled() -> None:
    """And nothing else, whatever it was."""
    assert "Cancelled" == phase(say(bad_deploy(incident()).run(seconds=3), cancel={}))


def test_each_posture_is_there_once_and_the_last_always_holds() -> None:
    """First row that is true (decisions 2.3)."""
    names = [name for name, _ in PHASES]
    assert len(names) == len(set(names)) == 9
    assert PHASES[-1][1](None)


# --- the record ------------------------------------------------------------------------------------------------------


def test_the_record_says_what_whoever_joins_asks_first() -> None:
    """Severity, commander, impact, what leads, what was tried and came of it, what is owed, the next update."""
    told = {"impact": {"summary": "About one in five checkouts fails"}, "roles": {"commander": "alice"}}
    pause = {"name": "pause", "rolloutPause": {}, "when": "Always"}
    world = bad_deploy(incident(pause, hypotheses=[READER, POOL], recovery={"hold": "8h"}, **told)).run(minutes=1)
    assert [
        "SEV1",
        "commander alice",
        "About one in five checkouts fails",
        "leading: 1.8.3 cannot read the new orders table",
        "tried: pause Done",
        "owed: pause by alice until 2026-11-21T18:00:01Z",
        "next update: public 2026-11-21T14:05:00Z",
    ] == record(world)


def test_the_record_of_a_new_one_says_what_is_missing() -> None:
    """Nobody leads, nothing was tried."""
    assert ["SEV1", "no commander", "Checkout returns 500s", "nothing tried"] == record(
        bad_deploy(incident()).run(seconds=3)
    )[:4]


def test_the_record_stands_still_while_nothing_happens() -> None:
    """No ages and no countdowns: it changes only when something was said, done or missed."""
    world = bad_deploy(incident()).run(seconds=10)
    before = world.incident.metadata.resource_version
    first = world.incident.status.record
    world.wait(T0 + timedelta(seconds=110))
    assert (before, first) == (world.incident.metadata.resource_version, world.incident.status.record)


def test_however_much_is_said_nothing_pushes_the_next_update_out() -> None:
    """All that people write is cut; what comes last is still there."""
    long = "x" * 1000
    hypothesis = {"name": "h", "statement": long, "state": "Leading"}
    roles = {"commander": "c" * 253}
    wishes = [{"name": f"{n}{'w' * 39}", "rolloutPause": {}, "when": "Always"} for n in range(8)]
    declared = incident(*wishes, title="t" * 200, impact={"summary": long}, hypotheses=[hypothesis], roles=roles)
    world = bad_deploy(declared).run(minutes=4)
    assert (True, []) == (len(world.incident.status.record) <= RECORD_MAX, world.broken)
    assert "next update: public 2026-11-21T14:05:00Z" == record(world)[-1]
    say(world, "alice", resolve={"override": True}, text="over")
    assert (True, []) == (len(world.incident.status.record) <= RECORD_MAX, world.broken)
    assert record(world)[-1].startswith("next update: public 2026-11-21T14:")


def test_what_would_close_it_is_named_once_and_counted() -> None:
    """Eight debts are no line."""
    wishes = [{"name": f"pause-{n}", "rolloutPause": {}, "when": "Always"} for n in range(3)]
    world = bad_deploy(incident(*wishes, roles={"commander": "alice"})).run(minutes=2)
    say(world, resolve={"override": True}, text="over")
    closes = next(part for part in record(world) if part.startswith("closes when"))
    assert closes.startswith("closes when pause-0 is undone")
    assert closes.endswith(" more")


def test_what_has_ended_is_not_now() -> None:
    """A rollback that failed is what was tried; nothing runs."""
    world = bad_deploy(incident(roll_back(), roles={"commander": "alice"}))
    world.controller_works = False
    world.run(minutes=16)
    assert ("Failed", "roll-back Failed") == (world.record("roll-back").state, world.incident.status.mitigation)
    assert "tried: roll-back NoEffect" in record(world)
    assert [] == [part for part in record(world) if part.startswith("now:")]


# --- the hand-over ---------------------------------------------------------------------------------------------------


def test_the_hand_over_is_drafted_from_the_record() -> None:
    """Impact, tried, hypotheses leading and rejected, what waits, the next update: all that 2.5 asks of a summary."""
    pause = {"name": "pause", "rolloutPause": {}, "when": "Always"}
    wish = {"name": "stop", "scale": {"replicas": 0}, "when": "Always"}
    told = {"impact": {"summary": "One in five fails", "usersPercent": 20}, "roles": {"commander": "alice"}}
    world = bad_deploy(incident(pause, wish, hypotheses=[READER, POOL], **told)).run(minutes=1)
    say(world, hypothesis={"name": "pool", "state": "Rejected"})
    draft = world.incident.status.handoff_draft
    assert "SEV1, it still hurts: One in five fails, 20 % of users since 2026-11-21T14:00:00Z" == draft.impact
    assert "pause (rolloutPause on Deployment checkout): Done" in draft.tried
    assert (
        "Leading: 1.8.3 cannot read the new orders table; Rejected: The database pool is too small" == draft.hypotheses
    )
    assert "stop is Held: scale on Deployment checkout needs 1 more approval(s) by others than alice" in draft.next
    assert "owed by alice: pause, until 2026-11-21T18:00:01Z; internal update due 2026-11-21T14:15:00Z" in draft.next
    assert "14:05" == f"{draft.next_update_time:%H:%M}"


def test_the_draft_is_a_hand_off_that_is_taken() -> None:
    """Handed over word for word: complete, whoever says it; and gone once it is over."""
    world = bad_deploy(incident(roles={"commander": "alice"})).run(seconds=3)
    summary = world.incident.status.handoff_draft.wire()
    say(world, handoff={"role": "commander", "to": "carol", "summary": summary})
    assert "carol" == world.incident.status.handoffs[0].to
    say(world, "carol", accept={"handoff": "said-0"})
    assert "carol" == world.incident.status.commander
    assert say(world, "alice", cancel={}).incident.status.handoff_draft is None


def test_what_a_summary_leaves_out_is_told_with_the_offer() -> None:
    """Hypotheses and the next update are asked for, where the record knows some; never refused (decisions 2.5)."""
    told = {"impact": "One in five fails", "tried": "Nothing", "next": "Look"}
    world = bad_deploy(incident(roles={"commander": "alice"}, hypotheses=[READER])).run(seconds=3)
    say(world, handoff={"role": "commander", "to": "carol", "summary": told})
    assert (
        "left out: hypotheses, nextUpdateTime (status.handoffDraft has them)" in world.incident.status.timeline[-1].text
    )
