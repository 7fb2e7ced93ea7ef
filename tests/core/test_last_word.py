"""Users who were told of an incident hear that it is over, whatever was promised when it was."""

import pytest

from build import Json, incident
from core.test_promises import HATS, at, due, missed, say, tell
from world import healthy

VISIBLE: Json = {"severity": "SEV3", "impact": {"userVisible": True}}


@pytest.mark.parametrize("sooner", [{"level": "SEV4"}, None], ids=["smaller-since", "SEV3"])
def test_users_are_owed_the_last_word_whatever_stood_when_it_was_resolved(sooner: Json | None) -> None:
    """Nothing was promised any more; who was told of it hears that it is over, also after a miss and another word."""
    world = healthy(incident(roles=HATS, recovery={"hold": "8h"}, **VISIBLE)).run(minutes=2)
    tell(world, "public", state="Monitoring")
    if sooner:
        say(world, "alice", severity=sooner)
    world.run(minutes=1)
    assert "public" not in due(world)
    say(world, "alice", at("14:20"), resolve={"override": True}, text="The probe is wrong")
    assert {"public": "14:35"} == due(world)
    assert "Resolved" == world.incident.status.communications.next_updates[0].moment
    tell(world, "public", at("14:30"), state="Monitoring")
    assert {"public": "14:45"} == due(world)
    world.wait(at("14:50"))
    assert (1, ["public"], []) == (len(missed(world)), list(due(world)), world.broken)
    assert {} == due(tell(world, "public", at("14:51"), state="Resolved"))


@pytest.mark.parametrize(
    "kept", [{"drill": True}, {"communications": {"statusPage": False}}], ids=["drill", "off-the-page"]
)
def test_who_is_no_user_of_it_is_owed_no_last_word(kept: Json) -> None:
    """A rehearsal stays among colleagues, and what is kept off the page is off it; who was told nothing needs no end of it."""
    world = healthy(incident(roles=HATS, recovery={"hold": "30s"}, **VISIBLE, **kept)).run(seconds=3)
    assert {} == {k: v for k, v in due(tell(world, "public").run(minutes=3)).items() if k == "public"}
    assert {} == due(healthy(incident(roles=HATS, recovery={"hold": "30s"}, **VISIBLE)).run(minutes=3))
