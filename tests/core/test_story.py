"""Severity, impact, hypotheses and updates: said by people, and never taken back by a file that is applied again."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from build import entry, incident, stamp
from stanch.api.response_policy import ResponsePolicySpec
from stanch.core.observations import Failed
from stanch.core.policy_merge import effective
from stanch.core.ports import Catalog
from stanch.core.questions import MayThey
from world import World, healthy

PIPELINE = "system:serviceaccount:ci:deployer"
BAD_READER = {"name": "reader", "statement": "1.8.3 cannot read the new table"}


def begun(**spec: Any) -> World:
    """An incident that stays open."""
    return healthy(incident(recovery={"hold": "8h"}, **spec)).run(seconds=3)


def say(world: World, by: str | None = "bob", **said: Any) -> World:
    """Somebody says something now."""
    after = world.now - world.incident.declared
    return world.say(entry(by, after=after, name=f"said-{len(world.entries)}", **said)).run(seconds=2)


def last(world: World) -> str:
    """The newest line in words."""
    line = world.incident.status.timeline[-1]
    return f"{line.kind} by {line.by}: {line.text}"


@pytest.mark.parametrize(("by", "acknowledged"), [(PIPELINE, False), ("bob", True)], ids=["a pipeline", "a person"])
def test_a_note_acknowledges_when_a_person_wrote_it(by, acknowledged):
    """What a machine declared and commented has nobody looking at it (decisions 1.3 no. 43)."""
    world = healthy(incident(by=PIPELINE, recovery={"hold": "8h"})).run(seconds=3)
    say(world, by, note={}, text="deployed 1.8.4")
    assert "Note" == world.incident.status.timeline[-1].kind
    assert acknowledged == (world.incident.status.times.acknowledged is not None)


# --- severity --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "after"), [("SEV2", "SEV1"), ("SEV1", "SEV4")], ids=["worse", "better"])
def test_anybody_may_say_how_bad_it_is_both_ways(before, after):
    """No question asked; a milestone, with the person's words."""
    world = say(begun(severity=before), severity={"level": after}, text="One region only")
    known = world.incident.status.severity
    assert (after, "Entry/said-0", before) == (known.level.value, known.source, known.spec_seen.value)
    assert f"SeverityChanged by bob: {before} to {after}: One region only" == last(world)
    assert world.incident.status.timeline[-1].milestone


def test_the_same_file_again_does_not_take_a_severity_back():
    """The spec says SEV1 as it did at the declaration; bob has said SEV3 since (F4)."""
    world = say(begun(), severity={"level": "SEV3"}).respec().run(seconds=3)
    assert "SEV3" == world.incident.status.severity.level.value
    assert "SEV2" == world.respec(severity="SEV2").run(seconds=3).incident.status.severity.level.value


def test_saying_the_severity_it_has_is_a_note():
    """Nothing changes, and since when it is so stays."""
    world = begun()
    since = world.incident.status.severity.since_time
    say(world, severity={"level": "SEV1"})
    assert ("Note by bob: Says SEV1, which it is", since) == (last(world), world.incident.status.severity.since_time)


def test_lowering_the_severity_takes_no_lesson_away():
    """What it was at its worst decides what is to be learned."""
    world = say(healthy(incident(severity="SEV1")).run(seconds=3), severity={"level": "SEV4"}).run(minutes=20)
    record = world.incident.status.postmortem
    assert ("Required", ("SEV1 at its worst",)) == (record.decision, record.reasons)


# --- impact ----------------------------------------------------------------------------------------------------------


def impact(world: World) -> dict[str, Any]:
    """The impact in force."""
    return world.incident.status.impact.value.wire()


def test_impact_is_said_field_by_field():
    """What is left out stays as it was."""
    world = begun(impact={"summary": "Checkout fails", "usersPercent": 20})
    say(world, impact={"usersPercent": 40, "dataAtRisk": False})
    assert {"summary": "Checkout fails", "usersPercent": 40, "dataAtRisk": False} == impact(world)
    assert "ImpactChanged by bob: usersPercent 40, dataAtRisk False" == last(world)


def test_the_same_file_again_takes_no_field_back_and_a_new_value_is_a_statement():
    """The spec says A, an entry says B: A again changes nothing, C counts; for each field by itself."""
    spec = {"summary": "A", "usersPercent": 20}
    world = say(begun(impact=spec), impact={"summary": "B", "usersPercent": 40})
    lines = len(world.incident.status.timeline)
    world.respec().run(seconds=3)
    assert ({"summary": "B", "usersPercent": 40}, lines) == (impact(world), len(world.incident.status.timeline))
    world.respec(impact={**spec, "summary": "C"}).run(seconds=3)
    assert {"summary": "C", "usersPercent": 40} == impact(world)
    assert "ImpactChanged by spec: summary C, in the spec" == last(world)


def test_what_leaves_the_spec_stays_said():
    """To say nothing is no statement; said again later, it is a new one."""
    world = begun(impact={"summary": "A"}).respec(impact=None).run(seconds=3)
    assert {"summary": "A"} == impact(world)
    say(world, impact={"summary": "B"}).respec(impact={"summary": "A"}).run(seconds=3)
    assert {"summary": "A"} == impact(world)


def test_when_harm_began_is_part_of_the_impact():
    """And the times that are counted from it follow."""
    world = begun()
    began = world.incident.declared - timedelta(minutes=7)
    say(world, impact={"startedTime": stamp(began)})
    times, durations = world.incident.status.times, world.incident.status.durations
    assert (began, timedelta(minutes=7)) == (times.started, durations.to_detect)


def test_the_record_and_the_postmortem_tell_the_impact_as_it_was_said_last():
    """Not as it was declared."""
    world = say(healthy(incident(impact={"summary": "Some fail"})).run(seconds=3), impact={"summary": "All fail"})
    assert "All fail" in world.incident.status.record
    world.run(minutes=20)
    assert "All fail" == world.objects[("postmortems", "checkout-5xx")]["spec"]["impact"]["users"]


# --- hypotheses ------------------------------------------------------------------------------------------------------


def states(world: World) -> dict[str, str]:
    """Name → state."""
    return {h.name: h.state.value for h in world.incident.status.hypotheses or ()}


def test_a_hypothesis_is_made_and_something_becomes_of_it():
    """Only its name and what is new need be said; the one that leads is in the record's line."""
    world = say(begun(), hypothesis=BAD_READER)
    say(world, hypothesis={"name": "reader", "state": "Leading", "orElse": "Shift the traffic"})
    (known,) = world.incident.status.hypotheses
    assert ("Leading", BAD_READER["statement"], "Shift the traffic") == (
        known.state.value,
        known.statement,
        known.or_else,
    )
    assert f"HypothesisChanged by bob: reader Leading: {BAD_READER['statement']}" == last(world)
    assert f"leading: {BAD_READER['statement']}" in world.incident.status.record
    assert say(world, hypothesis={"name": "reader", "state": "Rejected"}).incident.status.hypothesis is None


def test_a_new_hypothesis_needs_a_statement():
    """Refused, with what is missing."""
    assert "there is no hypothesis x; a new one needs a statement" in last(say(begun(), hypothesis={"name": "x"}))


def test_the_same_file_again_takes_no_hypothesis_back():
    """Rejected by bob: the spec's Open was said before that; a new word of the spec counts, and is a line."""
    world = say(begun(hypotheses=[BAD_READER]), hypothesis={"name": "reader", "state": "Rejected"})
    assert {"reader": "Rejected"} == states(world.respec().run(seconds=3))
    world.respec(hypotheses=[{**BAD_READER, "state": "Leading"}]).run(seconds=3)
    assert ({"reader": "Leading"}, "HypothesisChanged") == (states(world), world.kinds()[-1])


def test_the_ninth_takes_the_place_of_one_that_is_over():
    """First one that was rejected, then one that was confirmed; while all are open it is refused."""
    world = begun()
    for n in range(8):
        say(world, hypothesis={"name": f"h{n}", "statement": "s"})
    ninth = {"name": "ninth", "statement": "s"}
    assert "8 are open: reject or confirm one first" in last(say(world, hypothesis=ninth))
    say(world, hypothesis={"name": "h1", "state": "Confirmed"})
    say(world, hypothesis={"name": "h5", "state": "Rejected"})
    assert {"h5"} == {f"h{n}" for n in range(8)} - set(states(say(world, hypothesis=ninth)))
    say(world, hypothesis={"name": "tenth", "statement": "s"})
    assert {"h1", "h5"} == {f"h{n}" for n in range(8)} - set(states(world))


def test_a_hypothesis_of_the_spec_that_was_replaced_does_not_come_back():
    """It was taken in once; the same file again says nothing new."""
    world = begun(hypotheses=[{**BAD_READER, "state": "Rejected"}])
    for n in range(8):
        say(world, hypothesis={"name": f"h{n}", "statement": "s"})
    assert "reader" not in states(world.respec().run(seconds=3))


# --- updates and escalations -----------------------------------------------------------------------------------------


def told(audience: str, **more: str) -> dict[str, Any]:
    """An update to some people."""
    return {
        "update": {"audience": audience, "state": "Identified", **more},
        "text": "Some orders fail. Next update within 20 minutes.",
    }


def test_an_update_is_on_the_record():
    """To whom, where it stands, when they hear more, in the very words."""
    world = say(begun(), **told("internal", nextUpdateIn="10m"))
    words = "Some orders fail. Next update within 20 minutes."
    assert f"UpdatePublished by bob: internal, Identified, next in 10m: {words}" == last(world)


@pytest.mark.parametrize(
    ("said", "why"),
    [(told("internal", nextUpdateIn="0s"), "must be more than 0s"), (told("internal") | {"text": ""}, "no text")],
    ids=["promises-nothing", "says-nothing"],
)
def test_an_update_that_tells_nothing_is_refused(said, why):
    """It would be a line that nobody can keep or read."""
    assert why in last(say(begun(), **said))


@pytest.mark.parametrize("role", ["commander", "communications", "executiveLiaison", "scribe", None])
def test_leadership_hears_from_who_wears_the_hat_for_it(role):
    """Three hats may; who wears none is told to take one."""
    world = say(begun(), take={"role": role}) if role else begun()
    say(world, **told("leadership"))
    allowed = role in ("commander", "communications", "executiveLiaison")
    assert ("UpdatePublished" if allowed else "EntryRefused") == world.kinds()[-1]
    assert allowed or "write a take entry" in last(world)


def test_the_public_hears_from_who_may_publish():
    """Asked again by the operator: the policies may have been away when it was written."""
    world = begun()
    world.may = lambda q: q.username == "erin" and (q.verb, q.group, q.resource) == ("publish", "stanch.dev", "updates")
    say(world, "bob", **told("public"))
    assert "bob may not tell the public: needs verb publish on updates.stanch.dev" in last(world)
    assert "UpdatePublished" == say(world, "erin", **told("public")).kinds()[-1]


def test_while_nobody_knows_who_may_publish_it_waits():
    """Neither told nor refused; and what was said after it waits, too, so that the order stays."""
    world, may = begun(), "answered"
    world.answer, real = (lambda q: Failed(500, "no") if isinstance(q, MayThey) and not may else real(q)), world.answer
    may = ""
    say(world, "erin", **told("public"))
    say(world, "bob", note={}, text="later")
    assert {"UpdatePublished", "EntryRefused", "Note"}.isdisjoint(world.kinds())
    may = "answered"
    assert ["UpdatePublished", "Note"] == world.run(seconds=5).kinds()[-2:]


def test_what_can_not_be_asked_is_refused_with_the_words_of_who_refuses_it():
    """Waited for, it would hold up all that anybody says after it."""
    world = begun()
    lost = Failed(403, "subjectaccessreviews is forbidden")
    world.answer, real = (lambda q: lost if isinstance(q, MayThey) else real(q)), world.answer
    say(world, "erin", **told("public"))
    say(world, "bob", note={}, text="later")
    assert ["EntryRefused", "Note"] == world.kinds()[-2:]
    assert "subjectaccessreviews is forbidden" in world.incident.status.timeline[-2].text


def test_an_escalation_is_on_the_record():
    """Who is needed, and for what; it is no milestone."""
    world = say(begun(), escalate={"to": "team-database"}, text="The primary does not answer")
    assert "Escalated by bob: team-database is needed: The primary does not answer" == last(world)
    assert not world.incident.status.timeline[-1].milestone
    assert "no text" in last(say(world, escalate={"to": "team-database"}))


def test_an_escalation_says_how_they_are_reached():
    """At night nobody looks up where a team is; a name that the platform did not write down is left as it is."""
    world = begun()
    world.catalog = effective_in(world, contacts=[{"name": "dba", "to": "#db-oncall", "about": "pools"}])
    assert "dba (#db-oncall; pools) is needed" in last(say(world, escalate={"to": "dba"}, text="The primary is down"))
    assert "bob: elsewhere is needed" in last(say(world, escalate={"to": "elsewhere"}, text="The primary is down"))


def effective_in(world: World, **sections: Any) -> Catalog:
    """The catalog under a ResponsePolicy that says this."""
    policy = effective(world.catalog.policy, ResponsePolicySpec.model_validate(sections))
    return replace(world.catalog, policy=policy)
