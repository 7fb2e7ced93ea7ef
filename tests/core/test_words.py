"""What people say: folded once each, in order, and refused when it must be."""

from datetime import timedelta

import pytest

from build import BAD, GOOD, entry, incident, roll_back, scale_to
from world import bad_deploy, healthy

ROBOT = "system:serviceaccount:ci:deployer"
SOON, LATER, LAST = timedelta(seconds=5), timedelta(seconds=30), timedelta(seconds=50)


def _asked_by_a_machine():
    return bad_deploy(incident(roll_back(), by=ROBOT)).run(seconds=3)


def _approve(world):
    said = {"mitigation": "roll-back", "action": "rolloutUndo", "digest": world.record("roll-back").digest}
    return world.say(entry("bob", after=SOON, approve=said))


def test_what_a_machine_asks_for_waits_for_a_person():
    """Git, CI or a restore may declare; only people act (F1)."""
    world = _asked_by_a_machine()
    assert ([], "True ApprovalMissing") == (world.effects, world.condition("ApprovalNeeded"))
    assert GOOD == _approve(world).run(seconds=5).image


def test_a_mitigation_asked_for_by_an_entry_runs_in_its_name():
    """The author asks, and the target is the one named."""
    wish = roll_back(target={"kind": "Deployment", "name": "checkout"})
    world = bad_deploy(incident()).run(seconds=3).say(entry("bob", after=SOON, mitigate=wish)).run(seconds=5)
    assert (GOOD, "bob") == (world.image, world.record("roll-back").requested_by)


def test_a_name_is_taken_by_the_first():
    """The second wish of a name is refused and says so."""
    wish = roll_back(target={"kind": "Deployment", "name": "checkout"})
    world = bad_deploy(incident(roll_back())).run(seconds=3).say(entry("bob", after=SOON, mitigate=wish)).run(seconds=3)
    assert "NameTaken" in world.incident.status.timeline[-1].text


def test_a_name_that_an_entry_took_is_told_to_who_writes_it_into_the_spec():
    """Once, with what would free it; and nothing of it is done."""
    wish = scale_to(4, target={"kind": "Deployment", "name": "checkout"})
    world = healthy(incident(recovery={"hold": "1h"})).run(seconds=3).say(entry("bob", after=SOON, mitigate=wish))
    world.run(seconds=10).respec(mitigations=[roll_back(name="size")]).run(minutes=5)
    told = [x.text for x in world.incident.status.timeline if "left out" in x.text]
    assert [
        f"size of the spec is left out: NameTaken: {world.record('size').source} asked for one of that name before; "
        "use another name"
    ] == told
    assert ("scale", 1) == (world.record("size").action, len(world.effects))


def test_every_entry_is_folded_exactly_once():
    """Looking again and again adds no line."""
    world = bad_deploy(incident(roll_back())).run(seconds=3)
    world.say(entry("bob", after=SOON, note={"kind": "Action"}, text="Restarted the proxy")).run(seconds=40)
    lines = [x for x in world.incident.status.timeline if x.by == "bob"]
    assert (1, "Action: Restarted the proxy") == (len(lines), lines[0].text)


def test_entries_of_a_former_incident_of_that_name_are_ignored():
    """Older than the incident: not about it."""
    world = bad_deploy(incident()).run(seconds=3)
    world.say(entry("bob", after=timedelta(minutes=-9), note={}, text="old")).run(seconds=3)
    assert "bob" not in {x.by for x in world.incident.status.timeline}


def test_taking_a_role_and_acknowledging_are_on_the_record():
    """The commander column has a name."""
    world = bad_deploy(incident(by=ROBOT)).run(seconds=3)
    assert "False NobodyYet" == world.condition("Acknowledged")
    world.say(entry("carol", after=SOON, take={"role": "commander"})).run(seconds=3)
    assert ("carol", "True RoleTaken") == (world.incident.status.commander, world.condition("Acknowledged"))


@pytest.mark.parametrize(
    ("by", "may", "resolved"),
    [("alice", False, False), ("bob", True, True)],
    ids=["without-right", "with-verb-command"],
)
def test_an_override_needs_the_commander_or_the_right(by, may, resolved):
    """Resolving against the criteria is not for everybody."""
    world = bad_deploy(incident()).run(seconds=3)
    world.may = lambda q: may
    world.say(entry(by, after=SOON, resolve={"override": True}, text="Customers confirmed")).run(seconds=3)
    assert resolved == (world.incident.status.times.resolved is not None)


def test_reopening_starts_again():
    """Resolved is not for ever."""
    world = bad_deploy(incident(roll_back())).run(minutes=2)
    world.say(entry("bob", after=timedelta(minutes=2), reopen={}, text="it is back")).run(seconds=3)
    assert world.incident.status.times.resolved is None
    assert "Reopened" in world.kinds()


def test_a_false_alarm_is_cancelled_and_closed():
    """Nothing in force: the declarer may call it off."""
    world = bad_deploy(incident(roll_back()), paused=True).run(seconds=3)
    world.say(entry("alice", after=SOON, cancel={"because": "FalseAlarm"})).run(seconds=20)
    assert ("Withdrawn", True) == (world.record("roll-back").state.value, world.plans[-1].close)
    assert (BAD, []) == (world.image, world.effects)


def test_what_was_resolved_is_not_cancelled():
    """Its record, and the review that is due, stand."""
    world = healthy(incident()).run(minutes=20)
    world.say(entry("alice", after=timedelta(minutes=21), cancel={"because": "Duplicate"})).run(minutes=3)
    assert (None, "True Held") == (world.incident.status.times.cancelled, world.condition("Resolved"))


def test_what_would_act_on_a_terminal_is_not_kept():
    """Escapes, bells and direction marks are replaced before anybody prints them."""
    world = (
        bad_deploy(incident())
        .say(entry("alice", after=SOON, note={"kind": "Observation"}, text="\x1b[2J\u202ehi\x07"))
        .run(seconds=20)
    )
    assert "Observation: \ufffd[2J\ufffdhi\ufffd" in [line.text for line in world.incident.status.timeline]


def test_what_is_in_force_keeps_an_incident_from_being_cancelled():
    """First take it back, or resolve."""
    world = bad_deploy(incident(roll_back())).run(seconds=3)
    world.say(entry("alice", after=SOON, cancel={})).run(seconds=3)
    assert "is in force" in world.incident.status.timeline[-1].text


def test_saying_the_same_in_the_spec_again_changes_nothing():
    """A re-applied file does not take back what people did since (F4)."""
    world = bad_deploy(incident(roll_back(), roles={"commander": "alice"})).run(seconds=3)
    world.say(entry("bob", after=SOON, take={"role": "commander"})).run(seconds=3)
    world.respec().run(seconds=3)
    assert ("bob", 1) == (world.incident.status.commander, len(world.effects))


def test_a_new_value_in_the_spec_is_a_statement_now():
    """A push of another severity counts; it is one line."""
    world = bad_deploy(incident(roll_back())).run(seconds=3).respec(severity="SEV3").run(seconds=3)
    assert "SEV3" == world.incident.status.severity.level.value
    assert 1 == world.kinds().count("SeverityChanged")


def test_a_wish_that_leaves_the_spec_before_it_started_is_withdrawn():
    """Removing is never undo, and what never started needs none."""
    world = bad_deploy(incident(roll_back()), paused=True).run(seconds=3)
    world.respec(mitigations=[], requesters=[]).run(seconds=3)
    assert "Withdrawn" == world.record("roll-back").state.value


def test_a_wish_changed_after_it_started_keeps_its_plan():
    """The new words need a new name."""
    world = bad_deploy(incident(roll_back())).run(seconds=3)
    world.respec(mitigations=[{"name": "roll-back", "rolloutUndo": {"toRevision": 2}}]).run(seconds=15)
    assert ("ChangedAfterStart", 1) == (world.record("roll-back").reason, len(world.effects))
