"""Each action and its undo, with something going wrong at each write: once, exactly back, wholly on the record."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from e2e.support.api import Api
from e2e.support.courses import COURSES
from e2e.support.operators import ForkServer
from e2e.support.proxy import Loop
from e2e.support.sweep import Course, Plan, Result, Stage, labels, writes

# "full" for every kind of fault at every request; or `course: fault when request`, one plan to replay.
SWEEP = os.environ.get("STANCH_SWEEP", "")
FULL = SWEEP == "full"
pytestmark = pytest.mark.timeout(7200 if FULL else 900)

WORST = ("duplicate", "lost", "half-recorded")


def chosen(reference: Result) -> list[Plan]:
    """In CI: killed after, and answer lost, at the writes that matter. Full: everything, everywhere."""
    wrote = [label for label in writes(reference.log) if FULL or "events" not in label]
    if not FULL:
        matter = [w for w in wrote if "incidents/status" not in w and "timelineentries" not in w]
        return [Plan(label, "after", do) for label in matter for do in ("kill", "drop")]
    read = [label for label in labels(reference.log) if label not in wrote]
    plans = [Plan(label, when, "kill") for label in wrote for when in ("before", "after")]
    plans += [Plan(label, when, "drop") for label in wrote for when in ("before", "after")]
    plans += [Plan(label, "before", do) for label in wrote for do in ("twice", "409", "422", "429", "500", "slow")]
    # A status that the schema refuses is a bug of ours, and told as one: not here.
    plans = [p for p in plans if (p.do, "incidents/status" in p.label) != ("422", True)]
    plans += [Plan(label, "before", "500") for label in read if label.endswith(("#1", "#2"))]
    # A GET is always of the newest state; a list may come from a cache that lags.
    plans += [Plan(label, "before", "stale") for label in read if label.startswith("LIST") and not label.endswith("#1")]
    return plans


@pytest.fixture(scope="module")
def stage(
    admin: Api, token: dict[str, Any], fork_server: ForkServer, loop: Loop, tmp_path_factory: pytest.TempPathFactory
) -> Stage:
    """Where the plans are run."""
    return Stage(admin, token, fork_server, loop, tmp_path_factory.mktemp("toolkit-sweep"))


@pytest.fixture(scope="module")
def references(stage: Stage) -> dict[str, Result]:
    """Each course with nothing going wrong: what there is to break."""
    return {r.course: r for r in stage.run_all((course, None) for course in COURSES)}


@pytest.fixture(scope="module")
def results(stage: Stage, references: dict[str, Result]) -> Iterator[list[Result]]:
    """All plans of all courses, run; at the end the line that says it all."""
    plans: list[tuple[Course, Plan | None]] = [
        (course, plan) for course in COURSES for plan in chosen(references[course.name])
    ]
    if ": " in SWEEP:
        plans = [(course, plan) for course, plan in plans if f"{course.name}: {plan}" == SWEEP]
    found = stage.run_all(plans)
    yield found
    counts = ", ".join(f"{sum(word in r.problem for r in found)} {word}" for word in WORST)
    print(f"\n{len(found)} plans, {counts}")


@pytest.mark.parametrize("course", COURSES, ids=lambda c: c.name)
def test_undisturbed_it_goes_as_it_should(references: dict[str, Result], course: Course) -> None:
    """Or the sweep would prove nothing."""
    assert references[course.name].problem == ""


@pytest.mark.parametrize("course", COURSES, ids=lambda c: c.name)
def test_whatever_goes_wrong_it_is_done_once_and_taken_back_exactly(results: list[Result], course: Course) -> None:
    """Replay one with STANCH_SWEEP='<course>: <fault> <when> <request>'."""
    mine = [r for r in results if r.course == course.name]
    assert mine
    assert [r.problem for r in mine if r.problem] == []


def test_faults_come_to_pass(results: list[Result]) -> None:
    """A sweep that misses its requests would pass for nothing."""
    missed = [f"{r.course}: {r.plan}" for r in results if not r.fired]
    assert len(missed) <= len(results) // 10, missed
