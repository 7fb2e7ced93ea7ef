"""Where it is talked about, and whether users are told: what the spec says of it, and a name where it says nothing."""

import pytest

from build import T0, entry, incident
from world import World, bad_deploy


def channel(world: World) -> str:
    """Where it is talked about."""
    assert [] == world.broken
    return str(world.incident.status.communications.channel)


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        ({"service": "checkout"}, "#inc-2026-11-21-checkout-returns-500s"),
        ({}, "#inc-2026-11-21-checkout-returns-500s"),
        (
            {"service": "shop_api", "title": "Ünïcode & <b>bold</b> words that go on"},
            "#inc-2026-11-21-shop-api-n-code-b-bold",
        ),
        ({"title": "💥"}, "#inc-2026-11-21"),
        ({"service": "s" * 63, "title": "t" * 200}, "#inc-2026-11-21-" + "s" * 63 + "-t"),
        ({"communications": {"channel": "#war-room"}}, "#war-room"),
    ],
    ids=["service", "no-service", "odd-words", "no-words", "long", "said"],
)
def test_a_channel_has_a_name_that_is_found_again(spec: dict, name: str) -> None:
    """Dated, scoped, and in letters that every chat takes; what the spec says stands as it is."""
    found = channel(bad_deploy(incident(**spec)).run(seconds=3))
    assert name == found
    assert len(found) <= 81


def test_the_name_stands_still() -> None:
    """A title that is put right renames no channel; one that people made does."""
    world = bad_deploy(incident()).run(seconds=3)
    was = channel(world)
    assert was == channel(world.respec(title="Checkout is slow").run(seconds=3))
    assert "#made" == channel(world.respec(communications={"channel": "#made"}).run(seconds=3))


def public(world: World) -> bool:
    """Are users promised anything?"""
    assert [] == world.broken
    promised = world.incident.status.communications.next_updates or ()
    return "public" in [p.audience.value for p in promised]


@pytest.mark.parametrize(
    ("spec", "promised"),
    [
        ({"severity": "SEV1", "communications": {"statusPage": False}}, False),
        ({"severity": "SEV1", "communications": {"channel": "#x"}}, True),
        ({"severity": "SEV2", "communications": {"statusPage": True}}, True),
        ({"severity": "SEV2", "impact": {"userVisible": True}, "communications": {"statusPage": False}}, False),
        ({"severity": "SEV1", "communications": {"statusPage": True}, "drill": True}, False),
        ({"severity": "SEV4", "communications": {"statusPage": True}}, False),
    ],
    ids=["off", "not-said", "on", "seen-and-off", "drill", "sev4"],
)
def test_the_status_page_is_what_users_are_promised(spec: dict, promised: bool) -> None:
    """Said, it counts before what is known of the impact; a rehearsal tells nobody."""
    assert promised == public(bad_deploy(incident(**spec)).run(seconds=3))


def test_taken_off_the_page_later_nothing_more_is_promised_but_what_people_were_told() -> None:
    """And no law is broken by it."""
    world = bad_deploy(incident(roles={"communications": "dora"})).run(seconds=3)
    twin = world.fork()
    assert not public(world.respec(communications={"statusPage": False}).run(minutes=1))
    said = {"update": {"audience": "public", "state": "Identified", "nextUpdateIn": "20m"}, "text": "Some orders fail"}
    twin.say(entry("dora", after=twin.now - T0, name="said", **said)).run(seconds=2)
    assert public(twin.respec(communications={"statusPage": False}).run(minutes=1))


def test_with_a_call_the_scribe_is_asked_for_what_was_decided_there() -> None:
    """Bridges forget."""
    talk = {"communications": {"bridgeURL": "https://meet.example.com/inc"}}
    hurting = bad_deploy(incident(roles={"scribe": "erin"}, **talk)).run(minutes=20)
    told = [x.text for x in hurting.incident.status.timeline if x.kind == "NothingWritten"]
    assert told[0].endswith("note entries make the timeline, with what was decided on the call")
