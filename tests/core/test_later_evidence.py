"""The same capture after an effect and on a relapse: a bundle of its own, which no effect waits for."""

from dataclasses import replace
from datetime import timedelta

from build import BAD, GOOD, entry, incident, roll_back, scale_to
from paper import PaperCollector
from stanch.core.later_evidence import AFTERS_MAX, RELAPSES_MAX
from stanch.core.questions import List, Ref
from world import CATALOG, World, bad_deploy

LOGS = List(Ref("", "v1", "logs-of-all-pods"), "shop")


class Slow(PaperCollector):
    """A capture that has to ask something first."""

    def questions(self, aim, seen, severity, loses=frozenset()):
        return () if seen.get(LOGS) else (LOGS,)


def purposes(world: World) -> list[str]:
    """Why each bundle of the record was captured."""
    return [e.purpose for e in world.incident.status.evidence or ()]


def captured(**time: float) -> World:
    """A rollback that was verified, so long ago."""
    world = bad_deploy(incident(roll_back(), recovery={"hold": "10m"}))
    world.catalog = replace(CATALOG, collector=Slow())
    return world.run(**time)


def test_after_an_effect_is_verified_the_same_is_captured_again():
    """So that before and after can be compared; the record says of which attempt it is."""
    world = captured(seconds=30)
    assert ["Before", "After"] == purposes(world)
    after = world.incident.status.evidence[1]
    assert world.record("roll-back").attempts[0].id == after.attempt
    assert "roll-back-1-after" in after.name
    assert after.stored
    assert [] == world.broken


def test_that_it_is_verified_is_said_before_anything_more_is_asked():
    """People wait for that word; nobody waits for the bundle."""
    world = bad_deploy(incident(roll_back()))
    world.catalog = replace(CATALOG, collector=Slow())
    world.look()
    verified = [p for p in world.plans if p.status.mitigations and p.status.mitigations[0].attempts]
    first = next(p for p in verified if p.status.mitigations[0].attempts[0].state == "Verified")
    assert ["Before"] == [e.purpose for e in first.status.evidence]
    assert ["Before", "After"] == purposes(world)


def test_it_is_made_once_and_again_where_a_crash_lost_it():
    """One bundle an attempt, whoever is cut off when."""
    whole = captured(seconds=30)
    whole.run(minutes=20)
    assert 1 == purposes(whole).count("After")
    base = bad_deploy(incident(roll_back()))
    base.catalog = replace(CATALOG, collector=Slow())
    for steps in range(14):
        world = base.cut(steps)
        world.stopped = None
        world.run(minutes=5)
        assert 1 == purposes(world).count("After"), steps
        assert [] == world.broken


def test_what_could_not_be_stored_holds_nothing_up():
    """A full quota is said; the incident goes on."""
    world = bad_deploy(incident(roll_back(), recovery={"hold": "30s"}))
    world.lose_stores = {"-after"}
    world.run(minutes=5)
    assert world.incident.status.times.resolved
    assert [] == world.broken


def test_what_ended_without_us_is_captured_when_it_is_resolved():
    """Somebody mended it by hand: before and after can be compared all the same, and once is enough."""
    world = bad_deploy(incident(recovery={"hold": "1m"}))
    world.catalog = replace(CATALOG, collector=Slow())
    world.run(seconds=10)
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = GOOD
    world.settle()
    world.run(minutes=20)
    assert world.incident.status.times.resolved is not None
    assert ["Declared", "After"] == purposes(world)
    after = world.incident.status.evidence[1]
    assert after.captured_time >= world.incident.status.times.resolved
    assert (None, True) == (after.attempt, after.stored)
    assert [] == world.broken


def test_an_undo_has_its_own():
    """It is an effect like any other."""
    world = captured(seconds=30)
    after = world.now - world.incident.declared
    world.say(entry("alice", after=after, undo={"mitigation": "roll-back"})).run(seconds=60)
    assert ["Before", "After", "Before", "After"] == [p for p in purposes(world) if p != "Relapse"]
    names = [e.name for e in world.incident.status.evidence if e.purpose == "After"]
    assert ["roll-back-1-after", "roll-back-2-after"] == [n.rsplit("-", 1)[0].split("5xx-")[1] for n in names]


def test_a_relapse_is_captured():
    """It is broken again, by somebody else's push: what shows why goes with the next thing that is tried."""
    world = captured(seconds=60)
    assert world.incident.status.times.mitigated
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = BAD
    world.settle()
    world.run(seconds=60)
    assert "Relapsed" in world.kinds()
    assert ["Before", "After", "Relapse"] == purposes(world)
    world.run(minutes=40)
    assert 1 == purposes(world).count("Relapse")
    assert [] == world.broken


def test_a_target_that_flaps_does_not_fill_the_record():
    """Each relapse of a night is not worth 700 kB."""
    world = captured(seconds=60)
    for _ in range(RELAPSES_MAX + 3):
        for image in (BAD, GOOD):
            world.target["spec"]["template"]["spec"]["containers"][0]["image"] = image
            world.settle()
            world.run(minutes=2)
    assert world.kinds().count("Relapsed") > RELAPSES_MAX
    assert RELAPSES_MAX == purposes(world).count("Relapse")
    assert purposes(world).count("After") <= AFTERS_MAX


def test_an_effect_that_follows_a_relapse_comes_first_and_its_evidence_shows_it():
    """Users before evidence: the next thing is not held up to capture twice."""
    world = captured(seconds=60)
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = BAD
    world.target["metadata"]["managedFields"] = [{"manager": "kubectl-edit", "time": "2026-11-21T14:01:00Z"}]
    world.settle()
    again = roll_back(name="again", target={"kind": "Deployment", "name": "checkout"}, when="Always")
    world.say(entry("alice", after=world.now - world.incident.declared + timedelta(seconds=1), mitigate=again))
    world.run(seconds=40)
    assert 2 == len(world.effects)
    assert [] == world.broken


def test_the_next_mitigation_comes_before_what_the_last_one_left_is_captured():
    """Two that are always done, one after the other: the second waits for no bundle of the first."""
    world = bad_deploy(incident(roll_back(), scale_to(4, name="more", when="Always"), recovery={"hold": "10m"}))
    world.catalog = replace(CATALOG, collector=Slow())
    world.run(minutes=10)
    assert 2 == len(world.effects)
    assert [] == world.broken
    assert 2 == purposes(world).count("After")


def test_what_came_after_does_not_count_as_evidence_from_before():
    """EvidenceCaptured speaks of what an effect destroyed."""
    world = captured(seconds=30)
    (before, _) = world.incident.status.evidence
    said = next(c.message for c in world.incident.status.conditions if c.type == "EvidenceCaptured")
    assert before.name in said
    assert said.startswith("1 items")


def test_partial_names_what_is_missing():
    """A number alone sends people into an archive at night."""

    class Partly(PaperCollector):
        def capture(self, request, seen):
            return replace(
                super().capture(request, seen), really_missing=2, lacks="NodeSilent: pod/a/app.log, pod/b/app.log"
            )

    world = bad_deploy(incident())
    world.catalog = replace(CATALOG, collector=Partly())
    world.run(seconds=5)
    assert "True Partial" == world.condition("EvidenceCaptured")
    said = next(c.message for c in world.incident.status.conditions if c.type == "EvidenceCaptured")
    assert "2 missing (NodeSilent: pod/a/app.log, pod/b/app.log)" in said


def test_a_drill_captures_nothing_afterwards():
    """Nothing was done, so nothing came of it."""
    world = bad_deploy(incident(roll_back(), drill=True)).run(seconds=60)
    assert "After" not in purposes(world)
