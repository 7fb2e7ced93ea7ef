"""Hats: one wears what one said oneself, or what the spec says; a hand-off is an offer until it is accepted."""

from dataclasses import replace
from datetime import timedelta

import pytest

from build import entry, incident
from world import CATALOG, World, healthy

ROBOT = "system:serviceaccount:ci:deployer"
TOLD = {"impact": "One in five checkouts fails", "tried": "Rolled back, it helped", "next": "Wait for the hold"}


def offer(to: str = "carol", role: str = "commander", **more: object) -> dict:
    """A hand-off with its summary."""
    return {"handoff": {"role": role, "to": to, "summary": {**TOLD, **more}}}


def begun(**roles: str) -> World:
    """An incident in which only named people have the verb ``command``: nobody."""
    world = healthy(incident(roles=roles or None, recovery={"hold": "8h"})).run(seconds=3)
    world.may = lambda q: q.verb != "command"
    return world


def say(world: World, by: str | None, **said: object) -> World:
    """Somebody says something now; entries are named said-0, said-1 …"""
    after = world.now - world.incident.declared
    return world.say(entry(by, after=after, name=f"said-{len(world.entries)}", **said)).run(seconds=2)


def last(world: World) -> str:
    """The newest line in words."""
    line = world.incident.status.timeline[-1]
    return f"{line.kind} by {line.by}: {line.text}"


def wears(world: World, role: str = "commander") -> str | None:
    """Who wears a hat."""
    return next((r.user for r in world.incident.status.roles or () if r.role == role), None)


def test_the_outgoing_keeps_the_hat_until_the_incoming_accepts():
    """Two steps, so that at no moment nobody, or two, command."""
    world = say(begun(commander="alice"), "alice", **offer(), text="My shift ends")
    assert ("alice", "carol") == (wears(world), world.incident.status.handoffs[0].to)
    assert last(world) == (
        "HandoffOffered by alice: commander to carol. impact: One in five checkouts fails; tried: Rolled back, it helped; "
        "next: Wait for the hold; left out: nextUpdateTime (status.handoffDraft has them): My shift ends"
    )
    say(world, "carol", accept={"handoff": "said-0"})
    assert ("carol", None, []) == (wears(world), world.incident.status.handoffs, world.broken)
    assert "RoleChanged by carol: carol is commander now, from alice" == last(world)
    assert world.incident.status.timeline[-1].milestone


def test_only_the_named_person_can_accept():
    """Somebody else's accept is refused, and the offer stands."""
    world = say(say(begun(commander="alice"), "alice", **offer()), "bob", accept={"handoff": "said-0"})
    assert "EntryRefused by bob: Refused: commander is handed to carol: only they can accept it" == last(world)
    assert ("alice", 1) == (wears(world), len(world.incident.status.handoffs))


def test_a_hat_is_accepted_once():
    """Afterwards nothing is pending, and saying it again gives no hat back."""
    world = say(say(begun(commander="alice"), "alice", **offer()), "carol", accept={"handoff": "said-0"})
    say(world, "bob", take={"role": "commander"})
    say(world, "carol", accept={"handoff": "said-0"})
    assert "no hand-off said-0 is pending; pending: none" in last(world)
    assert "bob" == wears(world)


@pytest.mark.parametrize(
    ("by", "role", "why"),
    [
        ("bob", "commander", "alice is commander: to hand it over is for them or the commander"),
        ("bob", "scribe", "nobody is scribe: to hand it over is for its holder or the commander"),
        (None, "commander", "nobody vouched for it"),
    ],
    ids=["a-stranger", "a-vacant-hat", "unstamped"],
)
def test_who_neither_wears_it_nor_commands_can_not_hand_it_over(by, role, why):
    """Refused with the way that is open: a take entry."""
    world = say(begun(commander="alice"), by, **offer(role=role))
    assert "EntryRefused" == world.kinds()[-1]
    assert why in last(world)
    assert world.incident.status.handoffs is None


@pytest.mark.parametrize(
    ("to", "why"),
    [("alice", "alice is commander already"), ("system:serviceaccount:ci:deployer", "is a machine")],
    ids=["its-holder", "machine"],
)
def test_a_hat_is_not_offered_to_who_can_not_accept_it(to, why):
    """It would wait for ever."""
    world = say(begun(commander="alice"), "alice", **offer(to))
    assert (True, None) == (why in last(world), world.incident.status.handoffs)


@pytest.mark.parametrize("by", ["bob", "alice"], ids=["its-holder", "the-commander"])
def test_a_hat_is_handed_over_by_its_holder_or_the_commander(by):
    """The commander may hand over any hat."""
    world = say(begun(commander="alice", operations="bob"), by, **offer(role="operations"))
    assert "carol" == wears(say(world, "carol", accept={"handoff": "said-0"}), "operations")


def test_taking_a_hat_voids_its_hand_off():
    """Who is there now is what counts, and the line says so."""
    world = say(say(begun(commander="alice"), "alice", **offer()), "bob", take={"role": "commander"})
    assert "RoleChanged by bob: bob is commander, from alice (the hand-off to carol is void)" == last(world)
    say(world, "carol", accept={"handoff": "said-0"})
    assert ("bob", "EntryRefused") == (wears(world), world.kinds()[-1])


def test_a_new_name_in_the_spec_voids_a_hand_off():
    """The spec says something new: that is a statement now."""
    world = say(begun(commander="alice"), "alice", **offer())
    world.respec(roles={"commander": "dora"}).run(seconds=3)
    assert ("dora", None) == (wears(world), world.incident.status.handoffs)
    assert "dora is commander (the hand-off to carol is void)" in last(world)


def test_a_second_hand_off_of_a_hat_voids_the_first():
    """One person at a time is asked."""
    world = say(say(begun(commander="alice"), "alice", **offer()), "alice", **offer("bob"))
    assert "commander to bob (the hand-off to carol is void)" in last(world)
    assert "carol" != wears(say(world, "carol", accept={"handoff": "said-0"}))
    assert "bob" == wears(say(world, "bob", accept={"handoff": "said-1"}))


def test_applying_the_same_file_again_does_not_take_the_hat_back():
    """What the spec said at the declaration was taken in then (F4)."""
    world = say(say(begun(commander="alice"), "alice", **offer()), "carol", accept={"handoff": "said-0"})
    assert "carol" == wears(world.respec().run(seconds=3))


def test_offer_and_acceptance_in_one_look_are_folded_in_order():
    """Both lay there when the operator came back: the order is that of the API server."""
    world = begun(commander="alice")
    world.say(
        entry("carol", after=timedelta(seconds=9), name="b", accept={"handoff": "a"}),
        entry("alice", after=timedelta(seconds=8), name="a", **offer()),
    ).run(seconds=2)
    assert ("carol", ["HandoffOffered", "RoleChanged"]) == (wears(world), world.kinds()[-2:])


def test_an_acceptance_that_came_first_is_refused():
    """There was nothing to accept then."""
    world = begun(commander="alice")
    world.say(
        entry("alice", after=timedelta(seconds=9), name="a", **offer()),
        entry("carol", after=timedelta(seconds=8), name="b", accept={"handoff": "a"}),
    ).run(seconds=2)
    assert ("alice", ["EntryRefused", "HandoffOffered"]) == (wears(world), world.kinds()[-2:])


def test_nobody_accepts_in_a_closed_incident():
    """Its record is at its end."""
    world = say(begun(), "alice", take={"role": "commander"})
    say(say(world, "alice", **offer()), "alice", cancel={})
    say(world, "carol", accept={"handoff": "said-1"})
    assert "carol" != wears(world)


# --- for the commander to say ----------------------------------------------------------------------------------------


def test_who_is_alone_at_night_can_say_that_it_is_over():
    """Nobody is commander, so nobody has to be asked."""
    world = say(begun(), "bob", resolve={}, text="looks good")
    assert "Note by bob: Says it is over" in last(world)


def test_that_it_is_over_is_for_the_commander_to_say():
    """Refused with the name of who commands; their own word counts."""
    world = say(begun(commander="alice"), "bob", resolve={})
    assert "Refused: alice is commander: that it is over is for them to say" in last(world)
    assert world.incident.status.resolve_said is None
    assert say(world, "alice", resolve={}).incident.status.resolve_said is not None


def test_the_verb_command_stands_in_for_the_commander():
    """Whom the cluster trusts with it."""
    world = begun(commander="alice")
    world.may = lambda q: (
        q.username == "carol"
        and (q.verb, q.resource, q.name)
        == (
            "command",
            "incidents",
            "checkout-5xx",
        )
    )
    assert say(world, "carol", resolve={}).incident.status.resolve_said is not None


def test_that_it_is_not_over_is_for_the_commander_to_say():
    """The same for a reopen entry."""
    world = healthy(incident(roles={"commander": "alice"}, recovery={"hold": "30s"})).run(minutes=2)
    world.may = lambda q: q.verb != "command"
    assert "alice is commander" in last(say(world, "bob", reopen={}))
    assert say(world, "alice", reopen={}).incident.status.times.resolved is None


def test_a_hat_does_not_make_it_a_false_alarm():
    """Only who declared it, or the verb command: the hat can be taken by anybody."""
    world = say(begun(), "bob", take={"role": "commander"})
    say(world, "bob", cancel={})
    assert "only who declared it, or the verb command on incidents, may cancel it" in last(world)
    assert say(world, "alice", cancel={}).incident.status.times.cancelled is not None


def test_an_override_needs_the_verb_also_of_the_commander():
    """As admission asks it."""
    world = say(begun(commander="alice"), "alice", resolve={"override": True}, text="The probe is wrong")
    assert "overriding needs the verb command" in last(world)


# --- for people to say -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "said",
    [
        {"take": {"role": "commander"}},
        {"resolve": {}},
        {"resolve": {"override": True}, "text": "The probe is wrong"},
        {"askPostmortem": {}},
    ],
    ids=["take", "resolve", "override", "askPostmortem"],
)
def test_a_machine_says_nothing_in_peoples_place(said):
    """A pipeline's token wears no hat, and says of nothing that it is over: whatever verbs it has."""
    world = begun()
    world.may = lambda _: True
    before = world.incident.status
    say(world, ROBOT, **said)
    assert f"Refused: {ROBOT} is a machine; a person must say it" in last(world)
    after = world.incident.status
    kept = ("roles", "resolve_said", "override", "postmortem_asked")
    assert [getattr(before, name) for name in kept] == [getattr(after, name) for name in kept]


def test_nor_that_it_is_not_over():
    """A reopen entry is a person's."""
    world = say(healthy(incident(recovery={"hold": "30s"})).run(minutes=2), ROBOT, reopen={})
    assert ("is a machine" in last(world), False) == (True, world.incident.status.times.resolved is None)


def test_whom_the_cluster_names_as_a_person_is_one():
    """`approvals.people`, where people log in by ServiceAccounts."""
    world = begun()
    world.catalog = replace(CATALOG, policy=replace(CATALOG.policy, machine_people=frozenset({ROBOT})))
    assert ROBOT == wears(say(world, ROBOT, take={"role": "commander"}))


# --- declined --------------------------------------------------------------------------------------------------------


def test_who_can_not_take_it_says_so_and_the_hat_stays():
    """Nobody waits for ten minutes to hear of it; who offered it offers it to another."""
    world = say(
        say(begun(commander="alice"), "alice", **offer()), "carol", decline={"handoff": "said-0"}, text="On a train"
    )
    assert ("alice", None, []) == (wears(world), world.incident.status.handoffs, world.broken)
    words = "commander, offered by alice: carol can't take it; it stays alice's: On a train"
    assert f"HandoffDeclined by carol: {words}" == last(world)
    assert [] == [x for x in world.run(minutes=25).kinds() if x == "HandoffWaiting"]
    say(world, "carol", accept={"handoff": "said-0"})
    assert "no hand-off said-0 is pending; pending: none" in last(world)


@pytest.mark.parametrize(
    ("by", "which", "why"),
    [
        ("bob", "said-0", "commander is handed to carol: only they can decline it"),
        ("alice", "said-0", "commander is handed to carol: only they can decline it"),
        ("carol", "said-9", "no hand-off said-9 is pending; pending: said-0 (commander to carol)"),
    ],
    ids=["another", "who-offered-it", "another-offer"],
)
def test_only_the_named_person_declines_and_only_what_is_offered(by, which, why):
    """The offer stands."""
    world = say(say(begun(commander="alice"), "alice", **offer()), by, decline={"handoff": which})
    assert why in last(world)
    assert ("alice", 1) == (wears(world), len(world.incident.status.handoffs))


def test_who_declines_is_there():
    """A word is a word: it acknowledges; of a closed incident nothing is declined."""
    world = say(begun(commander="alice"), "alice", **offer())
    say(world, "alice", cancel={})
    assert "the incident is closed" in last(say(world, "carol", decline={"handoff": "said-0"}))
