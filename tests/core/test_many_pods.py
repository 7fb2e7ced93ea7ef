"""Workloads of more pods than one page of a list holds, and of more than stanch reads: what still goes, and what is not claimed."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from build import BAD, GOOD, T0, Json, deployment, incident, pod, replicaset, roll_back, scale_to
from stanch.api.meta import TargetKind
from stanch.core.asking import PODS_MAX, pods_behind, pods_of, replicasets_of, target_of
from stanch.core.check_restarts import restarts
from stanch.core.commands import Removal
from stanch.core.draft import Draft
from stanch.core.observations import Found, Observations
from stanch.core.ports import Aim, PodToRemove
from stanch.core.questions import Question
from stanch.core.sample import Sample
from stanch.mitigations.stuck_pods import too_many
from world import CATALOG, World, bad_deploy

CHECKOUT = Aim(TargetKind.DEPLOYMENT, "checkout", "shop")
RESTART = {"name": "again", "rolloutRestart": {}}


def of(count: int, wish: Json, *, bad: int = 1) -> World:
    """A Deployment of so many pods, listed first to last; the last ones are of revision 2 and crash."""
    there = bad_deploy(incident(wish), replicas=count)
    for key in [k for k in there.objects if k[0] == "pods"]:
        del there.objects[key]
    for n in range(count):
        one = pod("h1", n) if n < count - bad else pod("h2", n, crashing=True)
        there.objects[("pods", one["metadata"]["name"])] = one
    there.repeat = False
    return there


@pytest.mark.parametrize("count", [501, 626])
def test_a_bad_deploy_of_more_than_a_page_is_rolled_back(count: int) -> None:
    """401 replicas and maxSurge 25 % are 502 pods already."""
    there = of(count, roll_back())
    there.look()
    assert (GOOD, 1) == (there.image, len(there.effects))
    assert f"1 of {count} pods replaced; 0 Services" == there.record("roll-back").blast


@pytest.mark.parametrize("wish", [RESTART, scale_to(400), scale_to(700)], ids=["restart", "down", "up"])
def test_what_else_is_done_to_them(wish: Json) -> None:
    """Restarted and scaled, too: neither is refused for the number of pods alone."""
    there = of(626, wish, bad=0)
    there.target["status"]["updatedReplicas"] = 626
    there.look()
    assert 1 == len(there.effects)


def test_a_crash_behind_the_first_page_keeps_it_from_being_scaled_up() -> None:
    """What would make more crashing pods is seen wherever it is in the list."""
    there = of(626, scale_to(700))
    there.look()
    assert [] == there.effects
    assert "1 of 626 pods of Deployment shop/checkout crash" in (there.record("size").message or "")


def test_of_more_than_are_read_a_rollback_says_how_many_it_saw() -> None:
    """The template is known without them; what is not known is said, and not made up."""
    there = of(PODS_MAX + 1, roll_back())
    there.look()
    assert (GOOD, 1) == (there.image, len(there.effects))
    assert f"of the first {PODS_MAX} pods" in (there.record("roll-back").blast or "")


@pytest.mark.parametrize(("wish", "goes"), [(RESTART, True), (scale_to(1500), True), (scale_to(2100), False)])
def test_of_more_than_are_read_only_what_needs_them_all_is_refused(wish: Json, goes: bool) -> None:
    """More replicas would be more crashing pods, if one of those that were not read crashes."""
    there = of(PODS_MAX + 1, wish, bad=0)
    there.target["status"]["updatedReplicas"] = PODS_MAX + 1
    # What can't be known at once is only told when that lasts.
    there.now += timedelta(minutes=2)
    there.look()
    assert goes == (1 == len(there.effects))
    if not goes:
        assert f"more than {PODS_MAX} pods" in (there.record("size").message or "")


def test_the_pods_of_a_service_are_read_as_far_as_those_of_a_workload() -> None:
    """Evidence about a Service chooses from as many."""
    found = pods_behind(CHECKOUT, {"spec": {"selector": {"app": "checkout"}}})
    assert found is not None
    assert PODS_MAX == found.limit


def look(pods: list[Json], *, cut: bool) -> Sample:
    """What the criterion `restarts` sees of them; revision 2 is the newest."""
    target = deployment(BAD)
    more = {"metadata": {"continue": "more"}} if cut else {}
    sets = [replicaset(GOOD, 1), replicaset(BAD, 2)]
    answers: dict[Question, Found] = {
        target_of(CHECKOUT): Found(target),
        pods_of(CHECKOUT, target): Found({"items": pods, **more}),
        replicasets_of(CHECKOUT, target): Found({"items": sets}),
    }
    there = incident()
    return restarts(Draft(there, Observations(answers=answers), CATALOG, T0, there.status), CHECKOUT, target)


@pytest.mark.parametrize(
    ("pods", "passes", "hard"),
    [
        (lambda: [pod("h2")], None, False),
        (lambda: [pod("h1")], None, False),
        (lambda: [pod("h2", crashing=True)], False, True),
    ],
    ids=["well as far as seen", "all of the old template", "one crashes"],
)
def test_restarts_of_pods_that_were_not_read_are_not_known(
    pods: Callable[[], list[Json]], passes: bool | None, hard: bool
) -> None:
    """A cut list proves a crash, and never that there is none, nor that there are no pods."""
    sample = look(pods(), cut=True)
    assert (passes, hard) == (sample.passes, sample.hard)


def test_restarts_of_pods_that_were_all_read_are_known() -> None:
    """The same lists, whole, prove what they show."""
    assert (True, False) == (look([pod("h2")], cut=False).passes, look([pod("h1")], cut=False).passes)


def test_suggestions_are_not_made_from_a_part() -> None:
    """Shares of failing pods would be those of a part."""
    asked: list[str] = []
    for count in (PODS_MAX, PODS_MAX + 1):
        there = of(count, roll_back(), bad=count - 100)
        there.incident = incident()
        there.look()
        asked.append(" ".join(s.action for s in there.incident.status.suggestions or ()))
    assert ["rolloutPause rolloutUndo", ""] == asked


@pytest.mark.parametrize(("count", "goes"), [(500, True), (501, False)])
def test_no_more_pods_are_deleted_than_an_attempt_has_room_for(count: int, goes: bool) -> None:
    """What pins a StatefulSet is written down by uid first, in `removes` of at most 500."""
    stuck = tuple(PodToRemove("shop", f"db-{n}", f"uid-{n}", Removal.DELETE) for n in range(count))
    refusal = too_many(Aim(TargetKind.STATEFUL_SET, "db", "shop"), stuck)
    assert goes == (refusal is None)
    assert refusal is None or "rollout undo statefulset/db" in refusal.message
