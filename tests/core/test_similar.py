"""Earlier incidents that are similar: what both have in common, the most alike first, and never in the way of an effect."""

from datetime import timedelta
from typing import Any

import pytest

from build import T0, UID, incident, roll_back, stamp
from learning import as_kept, publish, written
from stanch.api.incident_status import Effect
from stanch.api.names import EventKind
from stanch.api.similar_status import SIMILAR_MAX, About, FailureSignature
from stanch.core.lesson import Lesson
from stanch.core.similar import about, lesson_of, marks_of, similar
from world import World, bad_deploy, healthy

DAY = timedelta(days=1)


def failed(cause: str = "Error:1", said: str | None = None, container: str = "app") -> FailureSignature:
    """How pods failed."""
    return FailureSignature(container=container, cause=cause, said=said)


def lesson(name: str = "checkout-slow", days_ago: int = 10, classes: tuple[str, ...] = (), **known: Any) -> Lesson:
    """What is known of an earlier incident."""
    helped = known.pop("helped", ())
    marks = marks_of(About(**known), classes)
    return Lesson(name, f"uid-{name}", name, T0 - days_ago * DAY, None, marks, helped)


def why(*lessons: Lesson, classes: tuple[str, ...] = (), **mine: Any) -> list[tuple[str, ...]]:
    """What is said of each that is found."""
    return [each.why for each in similar(marks_of(About(**mine), classes), lessons, UID, T0)]


# --- what counts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("same", "words"),
    [
        ({"alerts": ("CheckoutBurn",)}, "the same alert CheckoutBurn"),
        ({"runbook": "bad-deploy"}, "the same Runbook bad-deploy"),
        ({"targets": ("Deployment checkout",)}, "the same target Deployment checkout"),
        ({"service": "checkout"}, "the same service checkout"),
        ({"classes": ("Detection", "Change")}, "the same factor class Change, Detection"),
        ({"failing": (failed(said="no such table #"),)}, "the same failure app Error:1: no such table #"),
    ],
)
def test_what_both_have_is_why(same, words):
    """Each of them alone is enough to be named, and says what it is."""
    assert [(words,)] == why(lesson(**same), **same)


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ({}, {}),
        ({"targets": ("Deployment checkout",)}, {"targets": ("Deployment cart",)}),
        ({"targets": ("Deployment checkout",)}, {"service": "Deployment checkout"}),
        ({"classes": ("Detection", "Change")}, {"classes": ("Detection", "Process")}),
        ({"failing": (failed(),)}, {"failing": (failed(),)}),
        ({"failing": (failed("OOMKilled:137"),)}, {"failing": (failed("OOMKilled:137"),)}),
        (
            {"failing": (failed(),), "classes": ("Capacity",)},
            {"failing": (failed(),), "classes": ("Capacity", "Process")},
        ),
        ({"failing": (failed(said="no such table"),)}, {"failing": (failed(said="connection refused"),)}),
        ({"failing": (failed(said="no such table"),)}, {"failing": (failed(said="no such table", container="db"),)}),
    ],
    ids=[
        "nothing-known",
        "another-target",
        "the-same-word-of-another-kind",
        "one-class-of-seven",
        "exit-code-one",
        "a-reason-alone",
        "exit-code-one-and-one-class",
        "other-words",
        "another-container",
    ],
)
def test_what_is_chance_is_not_named(then, now):
    """There are seven factor classes: one in common says nothing; no more does what neither of them has."""
    assert [] == why(lesson(**then), **now)


def test_the_most_alike_is_first_and_of_those_the_newest():
    """By how much it says, then by when; never more than a few, of any number."""
    alike = lesson("both", 90, alerts=("Burn",), targets=("Deployment checkout",))
    others = [lesson(f"target-{n}", n, targets=("Deployment checkout",)) for n in range(1, 40)]
    mine = marks_of(About(alerts=("Burn",), targets=("Deployment checkout",)))
    found = similar(mine, [*others, alike], UID, T0)
    assert ["both", "target-1", "target-2", "target-3", "target-4"] == [each.incident for each in found]
    assert SIMILAR_MAX == len(found)
    assert found == similar(mine, [alike, *reversed(others)], UID, T0)


def test_it_is_not_similar_to_itself_and_not_to_what_came_later():
    """By uid, not by name: a namesake of last year is another one. Two Postmortems of one incident are one incident."""
    mine = marks_of(About(service="checkout"))
    own = Lesson("checkout-5xx", UID, "checkout-5xx", T0 - DAY, None, mine)
    later = Lesson("later", "u2", "later", T0 + DAY, None, mine)
    namesake = Lesson("checkout-5xx", "u3", "checkout-5xx", T0 - 300 * DAY, None, mine)
    second = Lesson("checkout-5xx", "u3", "checkout-5xx-more", T0 - 300 * DAY, None, mine)
    found = similar(mine, [own, later, namesake, second], UID, T0)
    assert [("checkout-5xx", T0 - 300 * DAY)] == [(each.incident, each.declared_time) for each in found]


def test_of_many_names_three_are_said():
    """A line stays a line."""
    alerts = tuple(f"Alert{n}" for n in range(5))
    assert [("the same alert Alert0, Alert1, Alert2 and 2 more",)] == why(lesson(alerts=alerts), alerts=alerts)


# --- what is known of an incident ------------------------------------------------------------------------------------


def test_what_it_was_about_is_read_from_the_record():
    """Service, targets, alerts and signals, the Runbook, and what helped; without targets what its alerts name."""
    group = {
        "key": "0" * 16,
        "receivedTime": stamp(T0),
        "alerts": [{"fingerprint": "1", "startsTime": stamp(T0), "name": "Burn"}],
    }
    world = bad_deploy(incident(roll_back(), service="checkout", alertGroup=group, signals=[{"name": "p99"}])).run(
        minutes=20
    )
    known = about(world.incident, world.incident.status)
    assert ("checkout", ("Deployment checkout",), ("Burn", "p99"), None) == (
        known.service,
        known.targets,
        known.alerts,
        known.runbook,
    )
    assert Effect.HELPED is world.incident.status.mitigations[0].effect
    assert ("rolloutUndo of Deployment checkout",) == known.helped


def test_a_reason_that_is_not_everybodys_counts_beside_another_sign():
    """A container that wanted too much memory, and the same factor class; each alone would be chance."""
    oom = {"failing": (failed("OOMKilled:137"),)}
    found = why(lesson(**oom, classes=("Capacity",)), classes=("Capacity", "Process"), **oom)
    assert [("the same way to fail app OOMKilled:137", "the same factor class Capacity")] == found


def test_how_it_failed_is_kept_from_evidence_each_way_once():
    """As the first capture saw it; what a later one saw besides, too; nothing of one that saw nothing fail."""
    world = bad_deploy(incident(roll_back())).run(minutes=2)
    status, seen = (
        world.incident.status,
        [failed(said="no such table"), None, failed(said="no such table"), failed("Evicted")],
    )
    records = [status.evidence[0].model_copy(update={"name": f"e-{n}", "failing": s}) for n, s in enumerate(seen)]
    known = about(world.incident, status.model_copy(update={"evidence": tuple(records)}))
    assert (seen[0], seen[3]) == known.failing
    assert about(world.incident, status).failing is None


def past(**about_it: Any) -> dict[str, Any]:
    """A Postmortem as the API server has it, judged once."""
    return {
        "metadata": {"name": "old", "namespace": "shop", "creationTimestamp": stamp(T0)},
        "spec": {"incident": "old", "factors": [{"name": "x", "class": "Change"}, {"name": "y", "class": "Process"}]},
        "status": {
            "facts": {
                "incidentUid": "u9",
                "severity": "SEV2",
                "times": {"declared": stamp(T0 - DAY)},
                "about": about_it,
            }
        },
    }


def test_factor_classes_count_once_they_are_published():
    """A draft asks for them; what is published was somebody's finding."""
    body = past(service="checkout")
    draft = lesson_of(body)
    publish(body, T0)
    body["status"] |= {"facts": past(service="checkout")["status"]["facts"]}
    known = lesson_of(body)
    assert {("service", "checkout")} == draft.marks
    assert {("service", "checkout"), ("factor class", "Change"), ("factor class", "Process")} == known.marks
    assert ("u9", T0 - DAY) == (known.uid, known.declared)


@pytest.mark.parametrize(
    "body",
    [
        {**past(), "status": {}},
        {**past(), "status": {"facts": {"severity": "SEV1"}}},
        {**past(), "status": {"facts": {"severity": "SEV9", "about": {}}}},
        past(service=[1]),
    ],
    ids=["not-judged", "older", "no-severity", "no-service"],
)
def test_what_can_not_be_read_is_no_lesson(body):
    """Of an older version, or not looked at yet: nothing is made up, and nobody is stopped."""
    assert lesson_of(body) is None


# --- shown -----------------------------------------------------------------------------------------------------------


def test_it_is_shown_at_declaration_with_what_helped():
    """In the status and told once, with the reason; a look later changes nothing and says nothing."""
    world = healthy(incident())
    world.lessons = (lesson(targets=("Deployment checkout",), helped=("rolloutUndo of Deployment checkout",)),)
    world.run(seconds=10)
    (found,) = world.incident.status.relations.similar
    assert ("checkout-slow", ("the same target Deployment checkout",)) == (found.incident, found.why)
    world.run(minutes=3)
    told = [x.text for x in world.incident.status.timeline if x.kind == EventKind.SIMILAR_FOUND]
    assert [
        "Like checkout-slow of 2026-11-11: the same target Deployment checkout; then rolloutUndo of Deployment checkout helped. "
        "What was learned: Postmortem checkout-slow"
    ] == told
    assert [] == world.broken


def test_nothing_is_said_where_nothing_is_similar():
    """No field, no line."""
    world = healthy(incident())
    world.lessons = (lesson(targets=("Deployment cart",)),)
    world.run(seconds=10)
    assert world.incident.status.relations is None
    assert EventKind.SIMILAR_FOUND not in [x.kind for x in world.incident.status.timeline]


def test_an_effect_does_not_wait_for_it():
    """The plan that writes the effect down says nothing of it, and neither does the one that does it; nothing is asked for it."""
    with_them, without = bad_deploy(incident(roll_back())), bad_deploy(incident(roll_back()))
    with_them.lessons = (lesson(targets=("Deployment checkout",)),)
    for world in (with_them, without):
        world.run(seconds=2)
    first = next(n for n, each in enumerate(with_them.plans) if each.commands)
    assert [None] * (first + 1) == [each.status.relations for each in with_them.plans[: first + 1]]
    assert without.rounds == with_them.rounds
    assert with_them.run(minutes=5).incident.status.relations is not None


def test_the_postmortem_names_them_by_what_people_wrote():
    """By the record at first; by factor classes too, once the draft's questions are answered."""
    world = healthy(incident(service="checkout"))
    world.lessons = (
        lesson("same-service", service="checkout"),
        lesson("same-classes", classes=("Process", "Detection", "Design")),
    )
    world.run(minutes=20)

    def named() -> list[str]:
        as_kept(world, "postmortems", "checkout-5xx")
        found = world.objects[("postmortems", "checkout-5xx")]["status"]["similar"]
        return [each["incident"] for each in found]

    assert ["same-service"] == named()
    written(world.objects[("postmortems", "checkout-5xx")])
    assert ["same-classes", "same-service"] == sorted(named())


def test_a_closed_incident_keeps_none_of_it():
    """It stands in its Postmortem; ten thousand closed ones are kept small."""
    world: World = healthy(incident())
    world.lessons = (lesson(targets=("Deployment checkout",)),)
    world.run(minutes=20)
    publish(world.objects[("postmortems", "checkout-5xx")], world.now)
    assert world.incident.status.relations is not None
    world.run(hours=6)
    assert (True, None) == (world.incident.status.times.closed is not None, world.incident.status.relations)
