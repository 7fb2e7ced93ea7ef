"""When what changed is looked at, and what the record makes of it: never in the way of an effect."""

from dataclasses import replace
from datetime import timedelta

from build import BAD, T0, entry, incident, roll_back
from paper import PaperCollector
from stanch.api.suspect_status import ChangesRecord, Suspect
from stanch.core.ports import WhatChanged
from stanch.core.questions import List, Ref
from world import CATALOG, World, bad_deploy, healthy

ASKED = List(Ref("", "v1", "everything-else"), "shop")


class Watcher(PaperCollector):
    """Asks one thing, and tells what it was told to tell."""

    def __init__(self, *scores: tuple[str, int], onset=T0) -> None:
        self.scores, self.onset, self.looks = scores, onset, []
        self.afterwards = scores

    def changes_questions(self, aims, seen):
        return () if seen.get(ASKED) else (ASKED,)

    def what_changed(self, incident_uid, aims, seen, said, now):
        self.looks.append((now, seen.get(ASKED) is not None))
        scores = self.afterwards if seen.get(ASKED) else self.scores
        told = tuple(Suspect(name=n, time=T0, score=s, text=f"{n} was rolled out") for n, s in scores)
        return WhatChanged(told, ChangesRecord(looked_time=now, onset_time=self.onset, found=len(told)))


def watching(world: World, *scores: tuple[str, int]) -> tuple[World, Watcher]:
    """The same world, watched."""
    watcher = Watcher(*scores)
    world.catalog = replace(CATALOG, collector=watcher)
    return world, watcher


def asked(world: World) -> list[int]:
    """In which rounds it was asked what changed."""
    return [number for number, questions in enumerate(world.rounds) if ASKED in questions]


def test_it_is_known_before_anybody_asks():
    """Declared, and the first look names what is suspected, in the record and once as an Event."""
    world, _ = watching(bad_deploy(incident()), ("rollout-2", 90), ("node-n3", 20))
    world.look()
    assert ["rollout-2", "node-n3"] == [s.name for s in world.incident.status.suspects]
    assert world.incident.status.changes.wide
    (line,) = [x for x in world.incident.status.timeline if x.kind == "ChangeSuspected"]
    assert "rollout-2 was rolled out (90 of 100" in line.text
    world.run(minutes=20)
    assert 1 == world.kinds().count("ChangeSuspected")


def test_an_effect_never_waits_for_what_changed():
    """The rounds of questions that lead to it ask what it needs; the rest is asked when it is verified."""
    world, watcher = watching(bad_deploy(incident(roll_back())), ("rollout-2", 90))
    cut = world.about_to_act()
    assert [] == asked(cut)
    assert [(T0 + timedelta(seconds=1), False)] == watcher.looks[:1]
    world.run(seconds=5)
    assert 1 == len(world.effects)
    assert asked(world)
    assert world.incident.status.changes.wide
    assert [] == world.broken


def test_what_pods_told_before_the_effect_is_kept_when_they_are_gone():
    """Of two guesses about one change the surer one stays."""
    world, watcher = watching(bad_deploy(incident(roll_back())), ("rollout-2", 90))
    watcher.afterwards = (("rollout-2", 20), ("configmap-flags", 40))
    world.run(minutes=2)
    assert [("rollout-2", 90), ("configmap-flags", 40)] == [(s.name, s.score) for s in world.incident.status.suspects]


def test_it_is_looked_at_again_while_it_hurts_and_then_no_more():
    """A failure that is only starting shows itself minutes later; a calm service is not asked for ever."""
    world, watcher = watching(bad_deploy(incident()), ("rollout-2", 90))
    world.run(minutes=40)
    minutes = [int((when - T0).total_seconds() // 60) for when, wide in watcher.looks if wide]
    assert [0, 1, 5, 15] == list(dict.fromkeys(minutes))
    calm, watcher = watching(healthy(incident()), ("rollout-2", 90))
    calm.run(minutes=40)
    assert len({when for when, wide in watcher.looks if wide}) < 4


def test_while_people_must_agree_it_is_looked_at_too():
    """A machine's wish waits for a person, who wants to know why."""
    world, _ = watching(bad_deploy(incident(roll_back(), by="system:serviceaccount:ci:deployer")), ("rollout-2", 90))
    world.run(seconds=5)
    assert [] == world.effects
    assert world.incident.status.suspects


def test_another_beginning_makes_older_guesses_void():
    """What is told of the relapse at four is not about the release at two."""
    world, watcher = watching(bad_deploy(incident()), ("rollout-2", 90))
    world.run(seconds=30)
    watcher.afterwards, watcher.onset = (("node-n3", 30),), T0 + timedelta(minutes=12)
    world.run(minutes=2)
    assert ["node-n3"] == [s.name for s in world.incident.status.suspects]


def test_when_harm_is_back_it_is_looked_at_anew():
    """It was calm for half an hour; what changed meanwhile is another story."""
    world, watcher = watching(bad_deploy(incident(roll_back(), recovery={"hold": "2h"})), ("rollout-2", 90))
    world.run(minutes=30)
    assert world.incident.status.times.mitigated
    before = len(watcher.looks)
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = BAD
    world.settle()
    world.run(minutes=2)
    assert "Relapsed" in world.kinds()
    assert any(wide for _, wide in watcher.looks[before:])
    assert [] == world.broken


def test_a_reopened_incident_is_looked_at_anew():
    """It is not over: what changed since?"""
    world, watcher = watching(healthy(incident()), ("rollout-2", 90))
    world.run(minutes=3)
    assert world.incident.status.times.resolved
    before = len(watcher.looks)
    after = world.now - world.incident.declared
    world.say(entry("alice", after=after, reopen={}, text="it is not")).run(minutes=1)
    assert len(watcher.looks) > before


def test_without_targets_nothing_is_looked_at():
    """There is nothing to look around."""
    world, watcher = watching(bad_deploy(incident(targets=None)), ("rollout-2", 90))
    world.run(minutes=2)
    assert [] == watcher.looks
    assert [] == asked(world)
