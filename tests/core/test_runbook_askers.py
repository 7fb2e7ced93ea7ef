"""Who asks for what a Runbook plans: of those who agreed to an alert's choice the first who may, and not who commands."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from books import alerted, body, following
from build import BAD, GOOD, T0, entry
from stanch.api.incident import Incident
from stanch.core.askers import ASKER
from world import CATALOG, World, bad_deploy


def planned(made: Incident, word: str = "Deny", **spec: Any) -> World:
    """A bad deploy and the plan of its Runbook, shown; what the commander may do is as the word says."""
    world = bad_deploy(made)
    world.catalog = replace(CATALOG, policy=replace(CATALOG.policy, commander_acts=word))
    world.objects[("runbooks", "bad-deploy")] = body(**spec)
    world.look()
    return world


def say(world: World, by: str, **said: Any) -> World:
    """Somebody says something now; then a look."""
    world.say(entry(by, after=world.now - T0 + timedelta(seconds=1), name=f"{by}-{len(world.entries)}", **said))
    world.now += timedelta(seconds=1)
    world.look()
    return world


def approve(world: World, by: str) -> World:
    """Somebody agrees to the plan that is shown."""
    record = world.record("roll-back")
    return say(world, by, approve={"mitigation": record.name, "action": record.action, "digest": record.digest})


@pytest.mark.parametrize(("word", "goes"), [("Deny", False), ("Warn", True)])
def test_the_commander_does_not_act_by_agreeing_to_what_an_alert_chose(word: str, goes: bool) -> None:
    """Who agrees is who asks there, so it needs another hand; where it is only remarked, it is remarked."""
    world = planned(alerted(account=None, roles={"commander": "bob"}), word)
    approve(world, "bob")
    record = world.record("roll-back")
    assert (goes, []) == (world.image == GOOD, world.broken)
    if goes:
        assert any("bob commands and acts" in each for each in record.warnings)
        return
    assert ("CommanderActs", BAD) == (record.reason, world.image)
    assert record.message.startswith("bob commands this incident")
    say(world, "carol", take={"role": "commander"})
    assert (GOOD, []) == (world.run(seconds=30).image, world.broken)


def test_the_commander_does_not_act_with_the_rights_of_an_account() -> None:
    """Who chose the Runbook asks for it, whoever lends the rights."""
    world = planned(following(roles={"commander": "alice"}), authority="ServiceAccount", serviceAccountName="deployer")
    assert ("CommanderActs", BAD) == (world.record("roll-back").reason, world.image)


# --- of several who agree --------------------------------------------------------------------------------------------

# To zero: class C, so an alert needs two people.
WIDE = {"mitigations": [{"name": "roll-back", "scale": {"replicas": 0}}]}


def asked_by(world: World) -> str:
    """Who asked, as it was written down before the effect."""
    (kept,) = (undo[ASKER] for undo in world.secrets.values())
    return str(kept["username"])


@pytest.mark.parametrize("order", [("alice", "bob"), ("bob", "alice")], ids=", then ".join)
def test_of_two_who_agree_the_first_who_may_is_who_asks(order: tuple[str, str]) -> None:
    """bob has the verb alone: his word counts as one of two, and holds up nothing by coming last."""
    world = planned(alerted(account=None), "Warn", **WIDE)
    world.may = lambda q: q.username != "bob" or q.verb == "approve"
    for by in order:
        assert [] == world.effects
        approve(world, by)
    assert (1, "alice", []) == (len(world.effects), asked_by(world), world.broken)


def test_of_two_who_may_it_is_the_first() -> None:
    """Decisions 2.8; not who happens to come last."""
    world = planned(alerted(account=None), "Warn", **WIDE)
    approve(approve(world, "carol"), "bob")
    assert (1, "carol") == (len(world.effects), asked_by(world))


def test_where_none_of_them_may_the_first_is_named() -> None:
    """And a third who may helps."""
    world = planned(alerted(account=None), "Warn", **WIDE)
    world.may = lambda q: q.username not in ("bob", "carol") or q.verb == "approve"
    approve(approve(world, "carol"), "bob")
    record = world.record("roll-back")
    assert ("NoAuthority", True, []) == (record.reason, record.message.startswith("carol may not"), world.effects)
    assert (1, "alice") == (len(approve(world, "alice").effects), asked_by(world))


@pytest.mark.parametrize(("word", "asks"), [("Deny", "alice"), ("Warn", "bob")])
def test_a_commander_who_agreed_first_keeps_no_other_from_asking(word: str, asks: str) -> None:
    """Their word counts as one of two; the other is the hand, where one must be."""
    world = planned(alerted(account=None, roles={"commander": "bob"}), word, **WIDE)
    approve(approve(world, "bob"), "alice")
    assert (1, asks, []) == (len(world.effects), asked_by(world), world.broken)
