"""A second team, or a vendor, that a note names: then it is asked whether a SEV4 is one (decisions 2.4)."""

from dataclasses import replace

import pytest

from build import entry, incident
from stanch.core.second_team import named
from world import CATALOG, World, bad_deploy

CONTACTS = {"database-team": "#db-oncall; orders database", "on-call-director": "pagerduty:PDIR123"}


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("Asked the database team, they look", "database-team"),
        ("DATABASE-TEAM's turn", "database-team"),
        ("posted in #db-oncall", "database-team"),
        ("the on-call director knows", "on-call-director"),
        ("the network team sees drops, too", "network team"),
        ("Opened a ticket with the vendor", "vendor"),
        ("our team looks; the team is here", ""),
        ("checkout team is on it", ""),
        ("a database teammate; vendored code; #db-oncall2", ""),
        ("", ""),
        ("team", ""),
    ],
)
def test_who_a_text_names(text: str, who: str) -> None:
    """Contacts by name and channel, other teams by the word; who is there anyway is nobody else."""
    assert who == named(text, CONTACTS, frozenset({"checkout"}))


def noted(text: str, by: str = "bob", severity: str = "SEV4", **note: object) -> World:
    """Somebody writes that down in the first minute."""
    world = bad_deploy(incident(severity=severity)).run(seconds=3)
    world.catalog = replace(CATALOG, policy=replace(CATALOG.policy, contacts=CONTACTS))
    after = world.now - world.incident.declared
    return world.say(entry(by, after=after, name="said", note=note, text=text)).run(minutes=2)


def doubts(world: World) -> list[str]:
    """What was asked of the severity."""
    assert [] == world.broken
    return [line.text for line in world.incident.status.timeline if line.kind == "SeverityDoubted"]


def test_a_note_that_names_them_asks_at_once_how_bad_it_is() -> None:
    """Once, with who said it, whom they named, and what is wanted."""
    world = noted("The network team sees drops, too")
    assert ["bob names network team, and it is SEV4: say what it is in a severity entry"] == doubts(world)
    again = world.say(
        entry("bob", after=world.now - world.incident.declared, name="more", note={}, text="database team")
    )
    assert 1 == len(doubts(again.run(minutes=5)))


@pytest.mark.parametrize(
    "told",
    [
        {"text": "The network team sees drops, too", "severity": "SEV3"},
        {"text": "The network team sees drops, too", "by": "system:serviceaccount:ci:robot"},
        {"text": "Our team looks at it"},
    ],
    ids=["no-sev4", "a-machine", "nobody-else"],
)
def test_otherwise_nobody_is_asked(told: dict[str, str]) -> None:
    """A SEV3 is no doubt of being small; a pipeline's words are nobody's; one's own team is no second."""
    assert [] == doubts(noted(**told))
