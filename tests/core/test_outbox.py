"""What is told to whom: written down first, once for each channel, tried for an hour, and then said to be lost."""

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest

from build import T0, entry, incident, roll_back, stamp
from stanch.api.names import OPERATOR_USER
from stanch.api.outbox_status import DeliveryState
from stanch.api.policy_sections import Channel
from stanch.api.said import Audience
from stanch.core.draft import Draft
from stanch.core.notices import HEARD
from stanch.core.observations import Delivered, Observations
from stanch.core.outbox import EACH_MAX, FAILING_MAX, FIRST_AGAIN, GIVE_UP, LONGEST, pause, waiting_lines
from telling import all_told, behind, channel, outbox, told, tried, until_told
from world import World, bad_deploy, healthy

YES, AGAIN, NEVER = Delivered.YES, Delivered.AGAIN, Delivered.NEVER
ROOM = channel("room")
LEADERS = channel("leaders", "Email", ["leadership"])
STATUS = channel("status", "Webhook", ["public"])
PAGER = channel("pager", "PagerDuty")
GRAPHS = channel("graphs", "Grafana")


def moments(world: World, name: str, *states: str) -> list[str]:
    """What a channel is told, in order."""
    return [m.moment for m in outbox(world, *states) if m.channel == name]


def say(world: World, by: str = "bob", **said: Any) -> World:
    """A person says something now."""
    world.say(entry(by, after=world.now - T0, name=f"said-{len(world.entries)}", **said))
    return world.run(seconds=3)


def update(audience: str, state: str = "Identified") -> dict[str, Any]:
    """An update to some people."""
    return {"update": {"audience": audience, "state": state}, "text": "Some orders fail"}


# --- written down first ----------------------------------------------------------------------------------------------


def test_what_is_declared_waits_for_each_channel_that_hears_it() -> None:
    """In the very write that declares it; the public hears nothing by itself."""
    world = told(bad_deploy(incident()), ROOM, LEADERS, STATUS)
    world.look()
    assert [("room", "Declared"), ("leaders", "Declared")] == [(m.channel, m.moment) for m in outbox(world, "Pending")]
    assert [] == moments(world, "status")
    assert [] == world.broken


def test_a_line_is_told_once_however_often_it_is_looked_at() -> None:
    """And its key is its own, the same for whoever works it out."""
    world = told(bad_deploy(incident()), ROOM, LEADERS)
    twin = world.fork()
    keys = [m.key for m in outbox(world.run(minutes=2))]
    assert len(keys) == len(set(keys)) >= 2
    assert ["Declared"] == moments(world, "leaders")
    assert keys == [m.key for m in outbox(twin.run(minutes=2))]


def test_without_channels_nothing_is_kept() -> None:
    """Not even that nothing was told."""
    world = told(bad_deploy(incident(roll_back())))
    known = world.run(minutes=5).incident.status.communications
    assert known is not None
    assert (known.outbox, known.channels, known.told_up_to, known.updates) == (None, None, None, None)


def test_what_is_said_before_the_channels_are_read_is_told_then() -> None:
    """A start must not lose a declaration."""
    world = told(bad_deploy(incident()), None)
    say(world, severity={"level": "SEV2"})
    assert [] == outbox(world)
    assert ["Declared", "SeverityChanged"] == moments(told(world, ROOM).run(seconds=1), "room")


def test_a_new_channel_hears_nothing_old() -> None:
    """What happened before it was there is on the record."""
    world = told(bad_deploy(incident())).run(minutes=1)
    told(world, ROOM).run(seconds=1)
    assert [] == outbox(world)
    assert ["SeverityChanged"] == moments(say(world, severity={"level": "SEV2"}), "room")


def test_a_drill_tells_nobody() -> None:
    """It never pages, and nobody should think that it is real."""
    assert [] == outbox(told(bad_deploy(incident(roll_back(), drill=True)), ROOM, PAGER).run(minutes=5))


# --- who hears what --------------------------------------------------------------------------------------------------

STORY = ["Declared", "RoleChanged", "SeverityChanged", "Mitigated", "Resolved"]
HEARS = {
    "room": (ROOM, STORY),
    "leaders": (LEADERS, ["Declared", "SeverityChanged", "Mitigated", "Resolved"]),
    "status": (STATUS, []),
    "pager": (PAGER, ["Declared", "RoleChanged", "Resolved"]),
    "graphs": (GRAPHS, ["Declared", "SeverityChanged", "Mitigated", "Resolved"]),
}


@pytest.mark.parametrize("name", HEARS)
def test_who_hears_what(name: str) -> None:
    """A pager is for what begins, is answered and ends; leadership hears of no hats; the public of nothing by itself."""
    one, heard = HEARS[name]
    world = told(healthy(incident()), one)
    say(world, take={"role": "commander"})
    say(world, severity={"level": "SEV2"})
    until_told(world, minutes=3)
    assert heard == [m for m in moments(world, name) if m in STORY]


def test_the_room_is_reminded_and_nobody_else() -> None:
    """Of who is missing, and of what was promised: not leadership, not the pager, not the graphs."""
    world = told(bad_deploy(incident()), ROOM, LEADERS, PAGER, GRAPHS)
    for _ in range(30):
        until_told(world, minutes=1)
    lines = {line.kind for line in world.incident.status.timeline}
    reminders = lines & {"RoleMissing", "UpdateDue", "UpdateMissed", "MitigateFirst"}
    assert {"RoleMissing", "UpdateMissed"} <= reminders
    channels = {m.channel for m in outbox(world) if m.moment in reminders}
    assert {"room"} == channels


def test_the_room_hears_how_a_mitigation_ended() -> None:
    """That it was applied and never came to anything is not left at applied."""
    world = told(bad_deploy(incident(roll_back())), ROOM, LEADERS)
    world.controller_works, found = False, []
    for _ in range(12):
        found += all_told(world.run(minutes=1))
    assert "MitigationFailed" in world.kinds()
    assert ["MitigationApplied", "MitigationFailed"] == [
        m for _, m in found if m.startswith("MitigationA") or "Failed" in m
    ]
    assert not [m for name, m in found if name == "leaders" and m.startswith("Mitigation")]


ENDINGS = ("MitigationFailed", "MitigationJudged", "MitigationExpired", "UndoRefused")


@pytest.mark.parametrize("kind", ENDINGS)
def test_how_it_ended_is_for_those_who_work_on_it(kind: str) -> None:
    """Leadership and the public hear what people say of it."""
    assert {Audience.INTERNAL} == HEARD[kind]


def test_a_hat_that_the_spec_names_answers_no_pager() -> None:
    """Who is named there has not said a word."""
    world = told(bad_deploy(incident(roles={"commander": "carol"})), PAGER).run(seconds=2)
    assert ["Declared"] == moments(world, "pager")


def test_what_is_over_is_not_paged_again() -> None:
    """A severity that is put right afterwards is news for the room, and for nobody's bed."""
    world = told(healthy(incident(severity="SEV3")), PAGER, ROOM)
    until_told(world, minutes=3)
    assert "Resolved" in world.kinds()
    say(world, severity={"level": "SEV1"})
    assert ("Resolved", "SeverityChanged") == (moments(world, "pager")[-1], moments(world, "room")[-1])


def test_a_severity_that_rises_pages_again_and_one_that_falls_does_not() -> None:
    """Each time it rises, with a page of its own; the room hears of all of it."""
    world = told(bad_deploy(incident(severity="SEV3")), PAGER, ROOM)
    until_told(world)
    raised = []
    for level in ("SEV1", "SEV3", "SEV4", "SEV2", "SEV2", "SEV1"):
        say(world, severity={"level": level})
        (known,) = (t for t in world.incident.status.communications.channels if t.name == "pager")
        raised.append((level, moments(world, "pager", "Pending").count("SeverityChanged"), known.raised))
        until_told(world)
    paged = [("SEV1", 1, 1), ("SEV3", 0, 1), ("SEV4", 0, 1), ("SEV2", 1, 2), ("SEV2", 0, 2), ("SEV1", 1, 3)]
    assert paged == raised


def test_a_pager_for_the_worst_alone_opens_when_it_becomes_that() -> None:
    """With the incident's own page: there is none before it."""
    world = told(bad_deploy(incident(severity="SEV3")), channel("pager", "PagerDuty", severities=["SEV1"]))
    until_told(world)
    say(world, severity={"level": "SEV1"})
    (known,) = world.incident.status.communications.channels
    assert (["SeverityChanged"], 0) == (moments(world, "pager"), known.raised)


FLUX = "system:serviceaccount:flux-system:kustomize-controller"
AN_HOUR, TWO_DAYS = ({"impact": {"startedTime": stamp(T0 - timedelta(hours=n))}} for n in (1, 48))
PAGES = {
    "a person": ("alice", TWO_DAYS, True),
    "Git": (FLUX, {}, False),
    "a machine that says when it began": (FLUX, AN_HOUR, True),
    "a restore of what began two days ago": (FLUX, TWO_DAYS, False),
    "stanch, of alerts": (OPERATOR_USER, {}, True),
}


@pytest.mark.parametrize("who", PAGES)
def test_what_git_or_a_restore_makes_again_pages_nobody(who: str) -> None:
    """Unless it says that it began within a day; the room hears of it all the same, and who writes is answered as ever."""
    by, spec, pages = PAGES[who]
    world = told(bad_deploy(incident(by=by, **{"severity": "SEV2", **spec})), PAGER, ROOM).run(minutes=6)
    assert (["Declared"] if pages else []) == moments(world, "pager")
    assert {"Declared", "RoleMissing"} <= set(moments(world, "room"))
    until_told(world)
    say(world, severity={"level": "SEV1"})
    assert "SeverityChanged" == moments(world, "pager")[-1]
    assert [] == world.broken


@pytest.mark.parametrize(
    ("audience", "hears"),
    [("internal", {"room"}), ("leadership", {"room", "leaders"}), ("public", {"room", "leaders", "status"})],
)
def test_an_update_goes_to_whom_it_is_for_and_to_the_house(audience: str, hears: set[str]) -> None:
    """Nobody inside learns from outside what users were told; nothing for the house goes out."""
    world = told(bad_deploy(incident()), ROOM, LEADERS, STATUS)
    say(world, "alice", take={"role": "commander"})
    say(world, "alice", **update(audience))
    new = [m for m in outbox(world) if m.moment == "UpdatePublished"]
    assert hears == {m.channel for m in new}
    assert {world.entries[-1].metadata.name} == {m.entry for m in new}
    assert {"public"} == {m.audience.value for m in new if m.channel == "status"} or audience != "public"


def test_an_update_that_is_refused_is_told_to_nobody() -> None:
    """bob may not speak for the house."""
    world = told(bad_deploy(incident()), STATUS)
    world.may = lambda _: False
    say(world, **update("public"))
    assert ("EntryRefused", []) == (world.kinds()[-1], outbox(world))


def test_who_heard_of_it_hears_of_its_end() -> None:
    """A channel for SEV1 alone is told that it is a SEV3 now, and that it is over; another for SEV1 hears of none of it."""
    world = told(healthy(incident()), channel("worst", severities=["SEV1"]), channel("least", severities=["SEV4"]))
    say(world, severity={"level": "SEV3"})
    until_told(world, minutes=3)
    assert ["Declared", "SeverityChanged", "Mitigated", "Resolved"] == moments(world, "worst")
    assert [] == moments(world, "least")


# --- what came of it -------------------------------------------------------------------------------------------------


def declared(*channels: Channel) -> World:
    """An incident that was declared a second ago."""
    world = told(bad_deploy(incident()), *(channels or (ROOM,)))
    world.look()
    return world


def test_what_was_told_is_told() -> None:
    """And stays in sight for a while."""
    world = tried(declared(), YES)
    world.look()
    assert [DeliveryState.SENT] == [m.state for m in outbox(world)]
    assert "NotDelivered" not in world.run(minutes=5).kinds()


def test_what_failed_is_tried_again_after_a_while_that_grows() -> None:
    """From half of 5 s to 5 min; the same key waits the same time, and another one another."""
    world, waited = declared(), []
    for _ in range(9):
        tried(world, AGAIN, why="room: no answer").look()
        message = outbox(world, "Pending")[0]
        assert message.next_time is not None
        waited.append(message.next_time - world.now)
        world.now = message.next_time
    assert waited == [pause(message.key, n) for n in range(9)]
    assert FIRST_AGAIN / 2 - timedelta(seconds=1) <= waited[0] <= FIRST_AGAIN
    assert LONGEST / 2 <= waited[-1] <= LONGEST
    assert ("room: no answer", 9) == (message.why, message.tries)
    assert len({pause(f"{n}", 6) for n in range(20)}) > 10


def test_a_channel_may_ask_for_patience() -> None:
    """Retry-After counts where it is longer, and not for ever."""
    world = declared()
    tried(world, AGAIN, why="429", after=timedelta(minutes=4)).look()
    assert timedelta(minutes=4) == outbox(world)[0].next_time - world.now
    tried(world, AGAIN, why="429", after=timedelta(days=4)).look()
    assert timedelta(minutes=10) == outbox(world)[0].next_time - world.now


def test_after_an_hour_it_is_given_up_and_said() -> None:
    """A milestone, for somebody believes that they were told."""
    world = declared()
    start, (message,) = world.now, outbox(world)
    while message.state is DeliveryState.PENDING:
        tried(world, AGAIN, why="no answer within 10 s").look()
        message = next(m for m in outbox(world) if m.key == message.key)
        world.now = message.next_time or world.now
    assert GIVE_UP - LONGEST <= world.now - start <= GIVE_UP
    line = next(x for x in world.incident.status.timeline if x.kind == "NotDelivered")
    assert line.milestone
    assert "room was not told Declared: no answer within 10 s" == line.text
    assert [] == world.broken


def test_what_is_refused_is_said_at_once() -> None:
    """The same again would be refused again."""
    world = tried(declared(), NEVER, why="the webhook answers 400")
    world.look()
    assert "room was not told Declared: the webhook answers 400" == world.incident.status.timeline[-1].text
    assert ([DeliveryState.FAILED], 1) == ([m.state for m in outbox(world)], outbox(world)[0].tries)
    assert 1 == world.run(minutes=2).kinds().count("NotDelivered")


def test_an_answer_counts_once() -> None:
    """It is handed in with each look until the record says it."""
    world = tried(declared(), AGAIN, why="no")
    world.look()
    world.now += timedelta(seconds=20)
    world.look()
    assert 1 == outbox(world)[0].tries


def test_the_headline_is_remembered_and_forgotten() -> None:
    """Where it is edited in place; when it is gone the next one begins another."""
    world = tried(declared(), YES, ref="C1:17.1")
    world.look()
    assert ["C1:17.1"] == [t.ref for t in world.incident.status.communications.channels]
    say(world, severity={"level": "SEV2"})
    tried(world, AGAIN, forget=True).look()
    assert [None] == [t.ref for t in world.incident.status.communications.channels]


# --- bounded ---------------------------------------------------------------------------------------------------------


ROLES = {"commander": "alice", "communications": "dora", "operations": "bob", "scribe": "eve"}
HOUSE = tuple(channel(name) for name in ("room", "sre", "mail", "hook"))


def heard_by(name: str, found: list[tuple[str, str]]) -> Counter[str]:
    """How often a channel was told of which kind."""
    return Counter(moment for channel, moment in found if channel == name)


def lost_lines(world: World) -> list[str]:
    """What is said to be lost."""
    return [line.text for line in world.incident.status.timeline if line.kind == "NotDelivered"]


def test_of_much_at_once_nothing_is_lost() -> None:
    """Four healthy channels, a public one, and roles in the spec: what has no room waits in the timeline, in its order."""
    world = told(bad_deploy(incident(roll_back(), roles=ROLES)), *HOUSE, STATUS)
    world.look()
    assert {4} == set(Counter(m.channel for m in outbox(world, "Pending")).values())
    assert {c.name for c in HOUSE} == behind(world).keys()
    found = all_told(world)
    assert {("Declared", 1), ("RoleChanged", 4)} <= heard_by("room", found).items()
    assert all(heard_by("room", found) == heard_by(c.name, found) for c in HOUSE)
    assert ([], {}, []) == (lost_lines(world), behind(world), world.broken)


def test_many_updates_at_once_are_all_told() -> None:
    """As after a pause: nineteen entries in one look, to two channels, in the order in which they were said."""
    world = told(bad_deploy(incident()), *HOUSE[:2])
    all_told(world)
    for n in range(19):
        world.say(entry("bob", after=world.now - T0 + timedelta(seconds=n), name=f"u{n:02}", **update("internal")))
    found = all_told(world.run(seconds=25))
    assert [19, 19] == [heard_by(c.name, found)["UpdatePublished"] for c in HOUSE[:2]]
    assert ([], []) == (lost_lines(world), world.broken)


def test_each_of_very_many_channels_is_told() -> None:
    """Thirty-two, more than there is room for at once in common."""
    many = tuple(channel(f"channel-{n}") for n in range(32))
    world = told(bad_deploy(incident(roles=ROLES)), *many)
    world.look()
    assert {f"channel-{n}" for n in range(32)} == {m.channel for m in outbox(world, "Pending")}
    found = all_told(world)
    assert {(1, 4)} == {(h["Declared"], h["RoleChanged"]) for h in (heard_by(c.name, found) for c in many)}
    assert ([], []) == (lost_lines(world), world.broken)


def test_a_dead_channel_keeps_nothing_from_others() -> None:
    """It loses of its own what matters least, and that is said; what matters is tried; the timeline does not fill up for it."""
    world, found = told(bad_deploy(incident()), channel("dead"), ROOM), []
    world.repeat = False
    for n in range(30):
        world.say(entry(("bob", "eve")[n % 2], after=world.now - T0, name=f"hat-{n}", take={"role": "scribe"}))
        found += all_told(world.run(seconds=3), "dead")
    say(world, "alice", cancel={})
    found += all_told(world, "dead")
    assert heard_by("room", found)["RoleChanged"] >= 29
    assert {"Declared", "Cancelled"} <= heard_by("room", found).keys()
    assert {"dead"} == behind(world).keys()
    waits = waiting_lines(Draft(world.incident, Observations(), world.catalog, world.now, world.incident.status))
    assert len(waits) <= EACH_MAX + FAILING_MAX
    assert all(text.startswith("dead was not told RoleChanged") for text in lost_lines(world))
    known = {t.name: t.lost for t in world.incident.status.communications.channels}
    assert (known["dead"] > 10, 0) == (len(lost_lines(world)) > 0, known["room"])
    tried_in_vain = set(moments(world, "dead"))
    for _ in range(80):
        world.now += timedelta(minutes=6)
        tried(world, AGAIN, "dead", why="no answer").look()
        tried_in_vain |= set(moments(world, "dead"))
    assert {"Declared", "Cancelled"} <= tried_in_vain
    assert ([], {}, []) == (outbox(world, "Pending"), behind(world), world.broken)


def test_what_waits_stays_in_sight() -> None:
    """A page takes no line that somebody is still to be told of."""
    world = told(bad_deploy(incident()), ROOM)
    world.repeat = False
    for n in range(110):
        said = update("internal") if n < 15 else {"note": {}, "text": "looked at it"}
        world.say(entry("bob", after=world.now - T0 + timedelta(seconds=n), name=f"u{n:03}", **said))
    world.run(seconds=120)
    assert world.incident.status.pages
    found = all_told(world)
    assert (15, []) == (heard_by("room", found)["UpdatePublished"], lost_lines(world))


def test_what_waited_for_a_channel_that_is_gone_is_lost_and_said() -> None:
    """And nothing waits for it any more, so that the incident can be closed."""
    world = told(bad_deploy(incident(roles=ROLES)), ROOM)
    world.look()
    assert {"room"} == behind(world).keys()
    told(world, LEADERS).look()
    assert {} == behind(world)
    assert ["room was not told what waited for it: the cluster's ResponsePolicy has no such channel any more"] == (
        lost_lines(world)
    )


def test_a_full_outbox_is_small() -> None:
    """Thirty-two that wait, each with why it failed, and more behind each."""
    world = told(bad_deploy(incident(roles=ROLES)), *(channel(f"channel-{n}") for n in range(32)))
    say(world, severity={"level": "SEV2"})
    tried(world, AGAIN, why="no answer within 10 s").look()
    known = world.incident.status.communications
    assert 32 == len(outbox(world, "Pending"))
    assert len(json.dumps(known.wire(), separators=(",", ":"))) < 12_000


def test_the_label_waits_for_the_last_word_and_no_decision_does() -> None:
    """A cancelled incident is closed at once; that nobody looks at it any more has to wait until it was told."""
    world = told(bad_deploy(incident()), ROOM)
    until_told(world)
    say(world, "alice", cancel={})
    decided = world.look()
    assert (True, False, ["Cancelled"]) == (
        world.incident.status.times.closed is not None,
        decided.close,
        moments(world, "room", "Pending"),
    )
    tried(world, YES).look()
    decided = world.look()
    assert (True, []) == (decided.close, outbox(world))
    assert [] == world.broken


def test_what_the_public_was_told_stays_on_a_closed_record() -> None:
    """The status page is made of it."""
    world = told(bad_deploy(incident()), STATUS)
    say(world, "alice", **update("public"))
    until_told(world)
    say(world, "alice", cancel={})
    until_told(world, minutes=16)
    kept = world.incident.status.communications
    assert ([("public", "Identified")], None) == (
        [(u.audience.value, u.state.value) for u in kept.updates],
        kept.outbox,
    )


def test_of_very_many_updates_those_for_the_public_stay() -> None:
    """Twenty in all, the newest."""
    world = told(bad_deploy(incident()))
    say(world, "alice", **update("public"))
    for _ in range(25):
        say(world, "alice", **update("internal"))
    kept = world.incident.status.communications.updates
    assert (20, "public", "internal") == (len(kept), kept[0].audience.value, kept[-1].audience.value)
