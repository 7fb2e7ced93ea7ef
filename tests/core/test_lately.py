"""What Prometheus is told of thirty days is what `stanch review` says; toil is told on the incident that makes it so."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from build import T0, UID, incident, roll_back, stamp
from month import DAY, START, done, past, postmortem
from stanch.api.incident import Incident
from stanch.api.names import EventKind
from stanch.api.similar_status import BY_HAND_MAX
from stanch.cli.review.look import factors_of, past_of
from stanch.core.lately import Lately, lately
from stanch.core.lesson import Lesson
from stanch.core.review import AGAIN_WITHIN, Review, review
from stanch.core.similar import about, lesson_of
from world import World, bad_deploy

Json = dict[str, Any]
RESTART = "rolloutRestart of Deployment checkout"


def lessons(*bodies: Json) -> list[Lesson]:
    """What the Postmortems of these incidents tell, as they are kept."""
    found = []
    for body in bodies:
        one = Incident.model_validate(body)
        facts = {
            "incidentUid": one.metadata.uid,
            "severity": body["status"]["severity"].get("worst", body["status"]["severity"]["level"]),
            "times": body["status"]["times"],
            "about": about(one, one.status).wire(),
        }
        kept = postmortem(one.metadata.name, published=False)
        kept["metadata"]["creationTimestamp"] = stamp(T0)
        lesson = lesson_of({**kept, "status": {"facts": facts}})
        assert lesson is not None
        found.append(lesson)
    return found


def both(*bodies: Json) -> tuple[Lately, Review]:
    """The same incidents, all resolved, as Prometheus hears of them and as a person does."""
    known, _ = past_of(list(bodies), factors_of([]), START - AGAIN_WITHIN)
    return lately(lessons(*bodies), T0, AGAIN_WITHIN), review(known, START, T0, timedelta(hours=12))


def test_what_came_again_is_what_the_review_says():
    """By service, else by target, else by its alerts; of one from the month before, too; not of what is of another service."""
    alerts = {"alertGroup": {"key": "0" * 16, "receivedTime": stamp(T0), "alerts": [], "recurrenceOf": "long-ago"}}
    bodies = [
        past("old", -20 * DAY),
        past("first", 2 * DAY),
        past("again", 9 * DAY, severity="SEV1"),
        past("other", 9 * DAY, service="payments"),
        past("alerted", 11 * DAY, service="mail", spec=alerts),
        past("untold", 12 * DAY, service=None, spec={"targets": [{"kind": "Deployment", "name": "cart"}]}),
        past("untold-too", 13 * DAY, service=None, spec={"targets": [{"kind": "Deployment", "name": "cart"}]}),
    ]
    told, seen = both(*bodies)
    assert {"shop/first", "shop/again", "shop/alerted", "shop/untold-too"} == {r.incident for r in seen.repeats}
    assert len(seen.repeats) == sum(told.recurred.values())
    assert seen.incidents == sum(told.resolved.values())
    assert {"SEV1": 1, "SEV2": 3} == told.recurred


def test_a_second_text_about_an_incident_is_no_second_incident():
    """What is to be added later is another Postmortem of the same one."""
    (one,) = lessons(past("a", DAY))
    more = replace(one, postmortem="a-more")
    assert ({"SEV2": 1}, {"SEV2": 0}) == (
        (found := lately([one, more], T0, AGAIN_WITHIN)).resolved,
        found.recurred,
    )


def test_what_is_too_long_ago_is_neither():
    """Thirty-one days apart it is not the same again; and only the last thirty days are told of."""
    found = lately(lessons(past("old", -2 * DAY), past("new", 29.5 * DAY)), T0, AGAIN_WITHIN)
    assert ({"SEV2": 1}, {"SEV2": 0}) == (found.resolved, found.recurred)


@pytest.mark.parametrize(
    ("days", "toil"),
    [((1, 2, 3), 3), ((1, 2), 0), ((-20, 1, 25), 0), ((-1, 5, 20), 0)],
    ids=["three times", "twice", "never three in thirty days", "one of them before"],
)
def test_toil_is_three_times_within_thirty_days(days, toil):
    """By the same rule for both; Prometheus hears of the last thirty days only, the review of its own time."""
    told, seen = both(*(past(f"i-{n}", n * DAY, done=[done()]) for n in days))
    assert toil == told.toil.get("rolloutRestart", 0)
    assert ([toil] if toil else []) == [t.times for t in seen.deeds.toil]


def test_of_a_quarter_what_is_spread_over_it_is_no_toil():
    """`stanch review --since 90d` asks for three within thirty days, too, and tells all of them then."""
    since = T0 - 90 * DAY

    def seen(*days: float) -> list[int]:
        known, _ = past_of([past(f"i-{n}", n * DAY, done=[done()]) for n in days], {}, since)
        return [t.times for t in review(known, since, T0, timedelta(hours=12)).deeds.toil]

    assert [] == seen(-55, -20, 15)
    assert [4] == seen(-55, 1, 2, 15)


# --- told on the incident --------------------------------------------------------------------------------------------


def before(name: str, days_ago: int, *deeds: str, uid: str = "") -> Lesson:
    """An earlier incident, in which people had this done."""
    declared = T0 - days_ago * DAY
    return Lesson(name, uid or f"uid-{name}", name, declared, None, frozenset(), by_hand=deeds)


def said(world: World) -> list[str]:
    """What the timeline says of toil."""
    return [x.text for x in world.incident.status.timeline if x.kind == EventKind.TOIL_SEEN]


def resolved(*earlier: Lesson, **spec: Any) -> World:
    """Rolled back by a person, or whoever asked, and resolved."""
    world = bad_deploy(incident(roll_back(), **spec))
    world.lessons = earlier
    return world.run(minutes=45)


ROLLED_BACK = "rolloutUndo of Deployment checkout"


def test_the_third_time_by_hand_is_told_once():
    """With the incidents before it, and never again while it goes on."""
    world = resolved(before("checkout-a", 20, ROLLED_BACK), before("checkout-b", 3, ROLLED_BACK))
    assert world.incident.status.times.resolved
    assert [
        "rolloutUndo of Deployment checkout by hand 3 times in thirty days, also in checkout-a, checkout-b; "
        "`stanch review` prints a Runbook to begin with"
    ] == said(world)
    events = [e.message for each in world.plans for e in each.events if e.reason == EventKind.TOIL_SEEN]
    assert said(world) == list(dict.fromkeys(events))
    world.run(minutes=30)
    assert 1 == len(said(world))
    assert [] == world.broken


@pytest.mark.parametrize(
    "earlier",
    [
        (before("a", 3, ROLLED_BACK),),
        (before("a", 3, ROLLED_BACK), before("b", 31, ROLLED_BACK)),
        (before("a", 3, ROLLED_BACK), before("b", 2, RESTART)),
        (before("a", 3, ROLLED_BACK), before("a", 3, ROLLED_BACK)),
        (before("a", 3, ROLLED_BACK), before("itself", 3, ROLLED_BACK, uid=UID)),
    ],
    ids=["the second time", "too long ago", "something else", "one incident told of twice", "itself"],
)
def test_what_is_no_toil_is_not_told(earlier):
    """Three different incidents, the same deed, thirty days."""
    assert [] == said(resolved(*earlier))


def test_what_people_did_stands_on_the_postmortem():
    """Where the next incident reads it: each time, of a few; nothing of what a machine asked for."""
    world = resolved()
    by_alice = about(world.incident, world.incident.status).by_hand
    machine = resolved(by="system:serviceaccount:ci:deployer")
    assert ((ROLLED_BACK,), None) == (by_alice, about(machine.incident, machine.incident.status).by_hand)
    many = Incident.model_validate(past("many", DAY, done=[done()] * (BY_HAND_MAX + 2)))
    assert (RESTART,) * BY_HAND_MAX == about(many, many.status).by_hand
