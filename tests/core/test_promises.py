"""An update that was promised is kept or missed, on the record; simulated nights, in which nobody asserts a real clock."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from build import T0, Json, entry, incident, stamp
from stanch.api.meta import Severity
from stanch.api.people_rules import CadenceRule
from stanch.core.invariants import STATUS_BYTES_MAX
from world import CATALOG, World, bad_deploy, healthy

M = timedelta(minutes=1)
H = timedelta(hours=1)
HATS = {"commander": "alice", "communications": "dora"}
AUDIENCES = ("internal", "leadership", "public")


def hurting(**spec: Any) -> World:
    """An incident that nobody does anything about."""
    return bad_deploy(incident(**{"roles": HATS, **spec})).run(seconds=3)


def at(moment: str) -> datetime:
    """An instant of that day."""
    hours, minutes = moment.split(":")
    return T0.replace(hour=int(hours), minute=int(minutes))


def say(world: World, by: str = "dora", when: datetime | None = None, **said: Any) -> World:
    """Somebody says something then, while it is looked at all along."""
    if when is not None and when > world.now:
        world.wait(when)
    after = world.now - world.incident.declared
    return world.say(entry(by, after=after, name=f"said-{len(world.entries)}", **said)).run(seconds=1)


def tell(world: World, audience: str, when: datetime | None = None, state: str = "Identified", **more: Any) -> World:
    """An update for an audience."""
    said = {"audience": audience, "state": state, **more}
    return say(world, when=when, update=said, text="Some orders fail. Next update soon.")


def due(world: World) -> dict[str, str]:
    """When each audience hears more, as `14:20`."""
    record = world.incident.status.communications
    return {p.audience.value: f"{p.due_time:%H:%M}" for p in (record.next_updates if record else None) or ()}


def missed(world: World) -> list[str]:
    """The misses as the timeline tells them."""
    lines = world.incident.status.timeline
    return [f"{line.time:%H:%M:%S} {line.text}" for line in lines if line.kind == "UpdateMissed"]


def reminded(world: World) -> list[str]:
    """Events that said that something is due."""
    return [e.message for p in world.plans for e in p.events if e.reason == "UpdateDue"]


def overdue(world: World) -> str:
    """What UpdateOverdue says; empty while it is not there."""
    return next((c.message for c in world.incident.status.conditions if c.type == "UpdateOverdue"), "")


# --- what is promised ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "first"),
    [
        ({"severity": "SEV1"}, {"internal": "14:15", "leadership": "14:30", "public": "14:05"}),
        ({"severity": "SEV1", "impact": {"userVisible": False}}, {"internal": "14:15", "leadership": "14:30"}),
        ({"severity": "SEV1", "drill": True}, {"internal": "14:15"}),
        ({"severity": "SEV2"}, {"internal": "14:30", "leadership": "15:00"}),
        (
            {"severity": "SEV2", "impact": {"userVisible": True}},
            {"internal": "14:30", "leadership": "15:00", "public": "14:15"},
        ),
        ({"severity": "SEV3"}, {"internal": "14:00"}),
        ({"severity": "SEV3", "impact": {"userVisible": True}}, {"internal": "14:00", "public": "15:00"}),
        ({"severity": "SEV4", "impact": {"userVisible": True}}, {}),
    ],
    ids=["SEV1", "not-visible", "drill", "SEV2", "SEV2-visible", "SEV3", "SEV3-visible", "SEV4"],
)
def test_a_declaration_promises_by_severity_and_audience(spec: Json, first: dict[str, str]) -> None:
    """The table of decisions 2.10; the public hears of what users see, and a rehearsal stays among colleagues."""
    assert first == due(hurting(**spec))


def test_the_table_of_incidents_shows_what_is_due_next() -> None:
    """In UTC; with the day where that is not within hours; and when somebody waits already."""
    assert "14:05Z" == hurting().incident.status.next_update
    assert "Sun 14:00Z" == hurting(severity="SEV3").incident.status.next_update
    assert "14:15Z late" == hurting().run(minutes=7).incident.status.next_update
    far = hurting(severity="SEV3")
    far.wait(T0 + timedelta(hours=24, seconds=10))
    assert "Sun 14:00Z late" == far.incident.status.next_update
    assert hurting(severity="SEV4").incident.status.next_update is None


def test_the_policy_says_how_often() -> None:
    """A namespace that tells its own people every ten minutes, and nobody else."""
    world = bad_deploy(incident())
    rule = {Severity.SEV1: CadenceRule(internal=10 * M)}
    world.catalog = replace(CATALOG, policy=replace(CATALOG.policy, cadence=rule))
    assert {"internal": "14:10"} == due(world.run(seconds=3))


def test_an_update_keeps_the_promise_and_makes_the_next() -> None:
    """For that audience; as long from then as it says, else as the cadence has it."""
    world = tell(hurting(), "public", at("14:04"), nextUpdateIn="25m")
    tell(world, "internal", at("14:10"))
    world.wait(at("14:16"))
    assert {"internal": "14:25", "leadership": "14:30", "public": "14:29"} == due(world)
    # Of the public's first it was reminded a minute before; of the others nothing is near.
    assert ([], 1, "") == (missed(world), len(reminded(world)), overdue(world))
    assert 0 == world.incident.status.communications.missed


# --- what was missed -------------------------------------------------------------------------------------------------


def test_a_miss_is_on_the_record_once() -> None:
    """Overdue when it is due; a minute later a milestone, with whose it is; the next is due an interval after that."""
    world = hurting(impact={"userVisible": False})
    world.wait(at("14:15") + timedelta(seconds=30))
    assert ([], "internal: due since 2026-11-21T14:15:00Z") == (missed(world), overdue(world))
    world.wait(at("14:17"))
    line = (
        "14:16:00 internal: the first update was promised for 2026-11-21T14:15:00Z; they have been told nothing yet; "
        "dora, it is yours"
    )
    assert ([line], "14:31") == (missed(world), due(world)["internal"])
    assert [line.milestone for line in world.incident.status.timeline if line.kind == "UpdateMissed"] == [True]
    assert "internal: one was missed; say something now, at 2026-11-21T14:31:00Z the next is due" == overdue(world)
    world.wait(at("14:30"))
    assert ([line], 1) == (missed(world), world.incident.status.communications.missed)
    assert ([], 1) == (world.broken, sum("internal" in text for text in reminded(world)))


# --- in time ---------------------------------------------------------------------------------------------------------


def due_lines(world: World) -> list[str]:
    """The reminders as the timeline has them."""
    assert [] == world.broken
    return [
        f"{x.time:%H:%M:%S} {x.text.split(' is due')[0]}"
        for x in world.incident.status.timeline
        if x.kind == "UpdateDue"
    ]


@pytest.mark.parametrize(
    ("severity", "until", "told"),
    [
        (
            "SEV1",
            31,
            [
                "14:04:00 public: the next update",
                "14:12:00 internal: the next update",
                "14:24:00 leadership: the next update",
            ],
        ),
        ("SEV2", 61, ["14:24:00 internal: the next update", "14:50:00 leadership: the next update"]),
        ("SEV4", 61, []),
    ],
)
def test_whoever_writes_it_is_reminded_while_there_is_time(severity: str, until: int, told: list[str]) -> None:
    """A fifth of the interval before it is due, ten minutes at most; a line, and so told to the room, with whose it is."""
    world = hurting(severity=severity).run(minutes=until)
    assert told == due_lines(world)
    words = "dora, it is yours. status.communications.drafts has words; say them in an update entry"
    assert all(words in text for text in reminded(world))
    assert len(told) == len(reminded(world))


def test_who_is_told_in_time_is_reminded_each_time() -> None:
    """Four times an hour in a SEV1: each is a promise of its own."""
    world = hurting(impact={"userVisible": False})
    for quarter in ("14:14", "14:28", "14:42"):
        tell(world, "internal", at(quarter))
    internal = [line for line in due_lines(world.run(minutes=12)) if "internal" in line]
    assert ["14:12:00", "14:26:00", "14:40:00", "14:54:00"] == [line[:8] for line in internal]


def test_while_nobody_answers_what_was_missed_is_all_that_is_told() -> None:
    """A reminder before each of a row would bury the record; with the first word it is in time again."""
    world = hurting(impact={"userVisible": False})
    world.wait(at("15:10"))
    assert 1 == sum("internal" in line for line in due_lines(world))
    tell(world, "internal", at("15:11"))
    world.wait(at("15:25"))
    assert "15:23:00 internal: the next update" == due_lines(world)[-1]


def test_the_same_time_promised_again_is_not_reminded_of_twice() -> None:
    """Said at two minutes before: "in two minutes"."""
    world = hurting(impact={"userVisible": False})
    tell(world, "internal", at("14:13"), nextUpdateIn="2m")
    world.wait(at("14:15"))
    assert ("14:15", 1) == (due(world)["internal"], sum("internal" in line for line in due_lines(world)))


def test_a_reminder_that_comes_late_is_said_once() -> None:
    """The operator was away when its time came, and crashes before it is written down."""
    world = hurting(impact={"userVisible": False})
    world.now = at("14:14")
    for steps in range(2):
        world.look(die_after=steps)
    world.look()
    assert ["14:14:00 internal: the next update"] == due_lines(world.run(seconds=40))


# --- and after that --------------------------------------------------------------------------------------------------


def test_a_word_for_them_ends_that_it_is_overdue() -> None:
    """The condition is there only while it is true; what was missed stays on the record."""
    world = hurting(impact={"userVisible": False})
    world.wait(at("14:20"))
    assert "-" != world.condition("UpdateOverdue")
    tell(world, "internal", at("14:22"))
    assert ("-", "14:37", 1) == (
        world.condition("UpdateOverdue"),
        due(world)["internal"],
        world.incident.status.communications.missed,
    )


@pytest.mark.parametrize(("late", "count"), [(60, 0), (61, 1)], ids=["in-time", "too-late"])
def test_a_minute_late_is_in_time_and_a_second_more_is_not(late: int, count: int) -> None:
    """By when it was said, however late it is seen."""
    world = hurting(impact={"userVisible": False})
    world.wait(at("14:14"))
    said = {"audience": "internal", "state": "Identified"}
    world.say(entry("dora", after=15 * M + timedelta(seconds=late), name="late", update=said, text="Still looking"))
    world.now = at("14:16") + timedelta(seconds=4)
    world.look()
    assert (count, []) == (len(missed(world)), world.broken)


def test_the_commander_hears_of_the_second_in_a_row() -> None:
    """The first reminds who has communications."""
    world = hurting(impact={"userVisible": False})
    world.wait(at("14:33"))
    assert missed(world)[-1].endswith("14:31:00Z, 2 in a row; they have been told nothing yet; alice, you command")


def test_a_night_without_a_word_does_not_bury_the_record() -> None:
    """All misses are counted; of a row the first, second, fourth, eighth … are told."""
    world = hurting(roles=None)
    world.now += 12 * H
    world.look()
    record = world.incident.status.communications
    counts = {p.audience.value: p.missed for p in record.next_updates}
    # Internal every 16 minutes, leadership every 31, the public after 6 and then every 21.
    assert {"internal": 44, "leadership": 23, "public": 34} == counts
    assert sum(counts.values()) == record.missed
    assert (6 + 5 + 6, []) == (len(missed(world)), world.broken)


def test_for_months_nobody_looked_and_it_is_still_quick_and_small() -> None:
    """Some hundred thousand promises at the shortest interval there may be."""
    world = bad_deploy(incident())
    every = {Severity.SEV1: CadenceRule(M, M, M, M)}
    world.catalog = replace(CATALOG, policy=replace(CATALOG.policy, cadence=every))
    world.run(seconds=3)
    world.now += 24 * 90 * H
    world.look()
    # One every two minutes for each, and the last of them is not a minute over yet.
    assert (3 * 64_799, []) == (world.incident.status.communications.missed, world.broken)
    assert len(str(world.incident.status.wire())) < STATUS_BYTES_MAX // 4


# --- through restarts ------------------------------------------------------------------------------------------------

SAID = st.one_of(
    st.tuples(st.just("update"), st.sampled_from(AUDIENCES), st.sampled_from(["", "5m", "45m"])),
    st.tuples(st.just("severity"), st.sampled_from(["SEV1", "SEV2", "SEV3", "SEV4"]), st.just("")),
    st.tuples(st.just("impact"), st.sampled_from(["true", "false"]), st.just("")),
)


def _entries(history: list[tuple[int, tuple[str, str, str]]]) -> list[Any]:
    made = []
    for number, (minute, (what, word, more)) in enumerate(sorted(history)):
        said: Json = (
            {"severity": {"level": word}} if what == "severity" else {"impact": {"userVisible": word == "true"}}
        )
        if what == "update":
            promise = {"nextUpdateIn": more} if more else {}
            said = {"update": {"audience": word, "state": "Identified", **promise}, "text": "Some orders fail"}
        made.append(entry("alice", after=minute * M + timedelta(seconds=number), name=f"e{number}", **said))
    return made


def _known(world: World) -> tuple[Any, ...]:
    record = world.incident.status.communications
    quiet = tuple(p.model_copy(update={"reminded": None}) for p in record.next_updates or ())
    lines = sorted((line.time, line.text) for line in world.incident.status.timeline if line.kind == "UpdateMissed")
    return quiet, record.missed, record.told, lines


@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
    # Shrinking takes minutes; what is printed is short enough to read.
    phases=(Phase.explicit, Phase.generate),
    print_blob=False,
)
@example(history=[(39, ("impact", "false", "")), (139, ("update", "public", "5m"))], hole=88)
@example(
    history=[(2, ("impact", "false", "")), (18, ("impact", "false", "")), (90, ("update", "internal", "5m"))], hole=51
)
@example(
    history=[
        (2, ("impact", "false", "")),
        (64, ("update", "public", "45m")),
        (118, ("impact", "true", "")),
        (139, ("impact", "false", "")),
    ],
    hole=126,
)
@given(history=st.lists(st.tuples(st.integers(1, 140), SAID), max_size=8), hole=st.integers(1, 140))
def test_it_comes_out_the_same_whoever_looked_and_when(history: list[Any], hole: int) -> None:
    """Looked at all along; looked at once, at the end; and with a hole from some minute on: the same promises and misses."""
    entries, end = _entries(history), T0 + 2.5 * H
    start = bad_deploy(incident(roles={"commander": "alice"})).run(seconds=3)
    start.repeat = False
    along, once, holed = start.fork(), start.fork(), start.fork()
    for each in entries:
        along.wait(each.said)
        along.say(each).look()
        if each.said < T0 + hole * M:
            holed.wait(each.said)
        holed.say(each)
    along.wait(end)
    once.say(*entries)
    for world in (once, holed):
        world.now = end
        world.look()
    assert _known(along) == _known(once) == _known(holed)
    assert [] == along.broken + once.broken + holed.broken


def test_a_crash_between_the_miss_and_its_record_loses_and_doubles_nothing() -> None:
    """Cut off before the status was written: the next look says it, once."""
    world = hurting(impact={"userVisible": False})
    world.wait(at("14:15") + timedelta(seconds=10))
    world.now = at("14:17")
    for steps in range(3):
        world.look(die_after=steps)
    world.look()
    assert 1 == len(missed(world)) == world.incident.status.communications.missed


# --- as it goes on ---------------------------------------------------------------------------------------------------


def test_a_higher_severity_begins_a_new_cadence_and_puts_nothing_off() -> None:
    """From when it was said; and what was due sooner stays due then."""
    world = hurting(severity="SEV3")
    say(world, when=at("14:10"), severity={"level": "SEV2"})
    assert {"internal": "14:40", "leadership": "15:10"} == due(world)
    say(world, when=at("14:36"), severity={"level": "SEV1"})
    assert {"internal": "14:40", "leadership": "15:06", "public": "14:41"} == due(world)


def test_a_lower_severity_begins_a_new_cadence_but_for_what_people_were_told() -> None:
    """The internal promise was only the cadence's; the public was told a time, and hears something then."""
    world = tell(hurting(impact={"userVisible": True}), "public", at("14:04"), nextUpdateIn="20m")
    say(world, when=at("14:10"), severity={"level": "SEV2"})
    assert {"internal": "14:40", "leadership": "15:10", "public": "14:24"} == due(world)
    say(world, when=at("14:12"), severity={"level": "SEV4"})
    assert {"public": "14:24"} == due(world)
    world.wait(at("14:30"))
    assert ({}, 1, []) == (due(world), len(missed(world)), world.broken)


def test_when_users_begin_to_see_it_they_are_promised_something() -> None:
    """Counted from when that was said; and no longer once they don't."""
    world = say(hurting(severity="SEV2"), when=at("14:20"), impact={"userVisible": True})
    assert "14:35" == due(world)["public"]
    assert "public" not in due(say(world, when=at("14:22"), impact={"userVisible": False}))


def test_once_mitigated_a_monitoring_update_is_due_and_then_it_is_twice_as_long() -> None:
    """No interval is waited for with good news; a Monitoring update is that news."""
    world = healthy(incident(severity="SEV2", recovery={"hold": "8h"})).run(minutes=2)
    assert world.incident.status.times.mitigated is not None
    assert {"internal": "14:15", "leadership": "14:15"} == due(world)
    assert "Mitigated" == world.incident.status.communications.next_updates[0].moment
    world.may = lambda _: True
    tell(world, "internal", at("14:10"), state="Monitoring")
    assert ("15:10", "Update") == (
        due(world)["internal"],
        world.incident.status.communications.next_updates[0].moment.value,
    )
    world.wait(at("14:17"))
    assert "leadership: the monitoring update was promised" in missed(world)[0]


def test_when_harm_is_back_so_is_the_cadence() -> None:
    """From then on as for what hurts; what was promised sooner stays."""
    world = healthy(incident(recovery={"hold": "8h"})).run(minutes=2)
    tell(world, "internal", at("14:10"), state="Monitoring")
    assert "14:40" == due(world)["internal"]
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = "shop/checkout:1.8.3"
    world.settle()
    world.run(minutes=2)
    assert (None, True) == (world.incident.status.times.mitigated, due(world)["internal"] < "14:28")


def test_once_resolved_users_hear_the_last_of_it_from_a_person() -> None:
    """In fifteen minutes; colleagues hear it by the record, and who was told a time hears it by then."""
    world = healthy(incident(recovery={"hold": "8h"}, roles=HATS)).run(minutes=2)
    tell(world, "leadership", at("14:10"), state="Monitoring", nextUpdateIn="2h")
    say(world, "alice", at("14:20"), resolve={"override": True}, text="The probe is wrong")
    resolved = world.incident.status.times.resolved
    assert resolved is not None
    last = f"{resolved + 15 * M:%H:%M}"
    assert {"leadership": last, "public": due(world)["public"]} == due(world)
    assert "public" in due(world)
    tell(world, "public", at("14:30"), state="Resolved")
    tell(world, "leadership", at("14:31"), state="Resolved")
    assert ({}, None) == (due(world), world.incident.status.next_update)


def test_the_last_update_is_missed_like_any_other() -> None:
    """Once for who was told a time; again and again for the public, ever more rarely told."""
    world = healthy(incident(recovery={"hold": "30s"})).run(minutes=2)
    assert world.incident.status.times.resolved is not None
    assert ["public"] == list(due(world))
    world.run(hours=3)
    assert "public: the last update was promised for" in missed(world)[0]
    assert (3, []) == (len(missed(world)), world.broken)


def test_who_was_told_that_it_is_resolved_needs_no_other_last_word() -> None:
    """The person was quicker than the criteria."""
    world = healthy(incident(recovery={"hold": "5m"})).run(minutes=1)
    tell(world, "public", at("14:02"), state="Resolved")
    assert ({}, []) == (due(world.run(minutes=20)), missed(world))


def test_of_a_false_alarm_who_was_told_more_would_come_is_told() -> None:
    """The promise ends with it, and not in silence."""
    world = tell(hurting(), "public", at("14:04"))
    say(world, "alice", at("14:06"), cancel={})
    lines = [line.text for line in world.incident.status.timeline if line.kind == "UpdateDue"][1:]
    assert [
        "public: it is cancelled, and they were told last at 2026-11-21T14:04:00Z that more would come; "
        "tell them (status.communications.drafts has words)"
    ] == lines
    assert (None, "-") == (world.incident.status.communications.next_updates, world.condition("UpdateOverdue"))
    assert (lines, 0) == (lines, world.run(hours=9).incident.status.communications.missed)


def test_an_incident_of_the_past_is_not_followed_again() -> None:
    """Closed: what was missed stays as it was, look as often as one likes."""
    world = hurting()
    say(world, "alice", at("14:20"), cancel={})
    before = world.incident.status.communications
    assert before.missed == 2
    assert before == world.run(hours=3).incident.status.communications


def test_reopened_it_is_promised_anew() -> None:
    """From when somebody said that it is not over."""
    world = healthy(incident(recovery={"hold": "30s"}, roles={"commander": "alice"})).run(minutes=2)
    tell(world, "public", at("14:10"), state="Resolved")
    say(world, "alice", at("14:30"), reopen={})
    assert {"internal": "14:45", "leadership": "15:00"} == {k: v for k, v in due(world).items() if k != "public"}
    assert stamp(at("14:30")) == stamp(world.incident.status.times.reopened)
