"""What stanch proposes to say, in each audience's language and at each moment, word for word (decisions 2.10)."""

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from build import entry, incident, roll_back
from stanch.api.communications_status import Moment
from stanch.api.said import Audience
from stanch.core.templates import render
from stanch.core.update_templates import BUILT_IN, PUBLIC_NAMES
from world import CATALOG, World, bad_deploy, healthy

SHOWN = Path(__file__).parent / "update_templates.txt"
HATS = {"commander": "alice", "communications": "dora"}
IMPACT = {"summary": "About one in five checkouts fails", "userVisible": True, "startedTime": "2026-11-21T13:58:00Z"}
KNOWN: dict[str, Any] = {
    "service": "checkout",
    "impact": "About one in five checkouts fails",
    "since": "13:58 UTC",
    "next_update": "20 minutes",
    "title": "Checkout returns 500s",
    "severity": "SEV1",
    "commander": "alice",
    "leading": "1.8.3 cannot read the new table",
    "stands": "it still hurts",
    "tried": ("roll-back (NoEffect)",),
    "trying": ("flag-off",),
}
STANDS = {Moment.MITIGATED: "mitigated at 14:30 UTC, and watched", Moment.RESOLVED: "resolved at 15:10 UTC"}


def rendered() -> Iterator[str]:
    """Each template with all that may be known, and with nothing that need not be."""
    for audience in Audience:
        names = PUBLIC_NAMES if audience is Audience.PUBLIC else frozenset(KNOWN)
        for moment in Moment:
            full = {**KNOWN, "stands": STANDS.get(moment, KNOWN["stands"])}
            bare = {**full, "since": "", "service": "", "commander": "", "leading": "", "tried": (), "trying": ()}
            for how, values in (("full", full), ("bare", bare)):
                text = render(BUILT_IN[audience][moment], {name: values[name] for name in names})
                yield f"{audience.value} {moment.value} {how}\n  {text}\n"


def test_every_template_says_what_it_said() -> None:
    """REWRITE=1 rewrites the file, and its diff is the review."""
    told = "".join(rendered())
    if os.environ.get("REWRITE"):
        SHOWN.write_text(told)
    assert SHOWN.read_text() == told


# --- which of them it is ---------------------------------------------------------------------------------------------


def say(world: World, by: str, **said: Any) -> World:
    """Somebody says something now."""
    after = world.now - world.incident.declared
    return world.say(entry(by, after=after, name=f"said-{len(world.entries)}", **said)).run(seconds=2)


def tell(world: World, audience: str, state: str = "Identified") -> World:
    """An update."""
    text = "About one in five checkouts fails. We will post the next update within 20 minutes."
    return say(world, "dora", update={"audience": audience, "state": state}, text=text)


def moments(world: World) -> dict[str, str]:
    """Which template the draft for each audience is from."""
    assert [] == world.broken
    return {d.audience.value: d.moment.value for d in world.incident.status.communications.drafts or ()}


def test_each_moment_has_its_turn() -> None:
    """Declared in the house and aware outside; then updates; another commander; mitigated; the last word for users."""
    world = bad_deploy(incident(roles=HATS, impact=IMPACT, recovery={"hold": "10m"})).run(seconds=3)
    assert {"internal": "Declared", "leadership": "Declared", "public": "Aware"} == moments(world)
    for audience in Audience:
        tell(world, audience.value)
    assert {"internal": "Update", "leadership": "Update", "public": "Update"} == moments(world)
    say(world, "bob", take={"role": "commander"})
    assert {"internal": "Handoff", "leadership": "Handoff", "public": "Update"} == moments(world)
    text = next(d.text for d in world.incident.status.communications.drafts if d.audience is Audience.INTERNAL)
    assert text.startswith("bob is commander now. SEV1 Checkout returns 500s.")
    tell(world, "internal")
    assert {"internal": "Update", "leadership": "Handoff", "public": "Update"} == moments(world)
    say(world, "alice", mitigate=roll_back(target={"kind": "Deployment", "name": "checkout"}))
    world.run(minutes=1)
    assert {"internal": "Mitigated", "leadership": "Mitigated", "public": "Mitigated"} == moments(world)
    world.run(minutes=12)
    assert {"public": "Resolved"} == {k: v for k, v in moments(world).items() if k == "public"}


def test_of_a_false_alarm_who_was_told_has_a_last_word_and_the_time_for_it() -> None:
    """It closes when they heard it, or after a quarter of an hour; who was told nothing is not written to."""
    world = tell(bad_deploy(incident(roles=HATS, impact=IMPACT)).run(seconds=3), "public")
    say(world, "alice", cancel={})
    assert ({"public": "Cancelled"}, None) == (moments(world), world.incident.status.times.closed)
    assert "Cancelled" == world.incident.status.phase
    silent = world.fork()
    tell(world, "public", "Resolved")
    assert ({}, True) == (moments(world), world.incident.status.times.closed is not None)
    silent.run(minutes=16)
    closed = silent.incident.status.times.closed
    assert closed is not None
    assert timedelta(minutes=15) == closed - silent.incident.status.times.cancelled


def test_of_a_false_alarm_of_which_nobody_heard_nothing_is_waited_for() -> None:
    """Closed at once."""
    world = say(healthy(incident(recovery={"hold": "8h"})).run(seconds=3), "alice", cancel={})
    assert world.incident.status.times.closed is not None


def test_a_team_has_its_own_words_for_whoever_leads_now() -> None:
    """The policy's are looked up by the moment that is shown."""
    world = bad_deploy(incident(roles=HATS))
    own = {(Audience.INTERNAL, Moment.HANDOFF): "{{ commander }} has it"}
    world.catalog = replace(CATALOG, policy=replace(CATALOG.policy, update_templates=own))
    say(tell(world.run(seconds=3), "internal"), "bob", take={"role": "commander"})
    told = {d.audience: d.text for d in world.incident.status.communications.drafts}
    assert "bob has it" == told[Audience.INTERNAL]
