"""Would the sweep see it? The operator with a bug planted in it, and the plans that must turn red for it."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from e2e.support.api import Api
from e2e.support.bugs import BUGS, Bug
from e2e.support.courses import COURSES
from e2e.support.meddling import Meddled
from e2e.support.operators import ForkServer
from e2e.support.proxy import CALLS, Loop
from e2e.support.sweep import CLOSING, Course, Plan, Result, Stage

# "honesty" plants all of them (`make sweep-honesty`); otherwise these few, one for each way to be wrong.
ALL = os.environ.get("STANCH_SWEEP", "") == "honesty"
FEW = ("takes silence for success", "does not know its own mark", "writes to a namesake")
PLANTED = tuple(b for b in BUGS if ALL or b.does in FEW)
AT_ONCE = 4
pytestmark = pytest.mark.timeout(3600 if ALL else 900)


@pytest.fixture(scope="module")
def stage(
    admin: Api, token: dict[str, Any], fork_server: ForkServer, loop: Loop, tmp_path_factory: pytest.TempPathFactory
) -> Stage:
    """With the operator as it is."""
    return Stage(admin, token, fork_server, loop, tmp_path_factory.mktemp("honesty"))


@pytest.fixture(scope="module")
def plans(stage: Stage) -> dict[str, list[tuple[Course, Plan | None]]]:
    """For each bug what must catch it."""
    courses = {c.name: c for c in COURSES}
    wanted = sorted({b.course for b in PLANTED})
    references = {r.course: r for r in stage.run_all((courses[name], None) for name in wanted)}
    assert [r.problem for r in references.values() if r.problem] == []
    return {
        bug.does: [
            (Meddled(courses[bug.course], plan) if plan and plan.do in CALLS else courses[bug.course], plan)
            for plan in bug.plans([s.label for s in references[bug.course].log if not s.is_watch])
        ]
        for bug in PLANTED
    }


def planted(stage: Stage, bug: Bug, folder: Path, plans: list[tuple[Course, Plan | None]]) -> list[Result]:
    """How its plans go with a bug in the operator."""
    server = ForkServer(bug.plant(folder))
    try:
        return replace(stage, server=server, folder=folder).run_all(plans)
    finally:
        server.close()


@pytest.fixture(scope="module")
def found(
    stage: Stage, plans: dict[str, list[tuple[Course, Plan | None]]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[Result]]:
    """All bugs, planted one at a time, some operators side by side."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        results = pool.map(lambda b: planted(stage, b, tmp_path_factory.mktemp("bug"), plans[b.does]), PLANTED)
        by_bug = dict(zip((b.does for b in PLANTED), results, strict=True))
    caught = sum(any(r.problem for r in each) for each in by_bug.values())
    CLOSING.append(f"{caught} of {len(by_bug)} caught")
    return by_bug


def test_without_a_bug_the_same_plans_are_green(
    stage: Stage, plans: dict[str, list[tuple[Course, Plan | None]]]
) -> None:
    """Or red would mean nothing."""
    different: list[tuple[Course, Plan | None]] = []
    for each in (each for some in plans.values() for each in some):
        if each not in different:
            different.append(each)
    assert [r.problem for r in stage.run_all(different) if r.problem] == []


@pytest.mark.parametrize("bug", PLANTED, ids=lambda b: b.does)
def test_a_planted_bug_turns_the_sweep_red(found: dict[str, list[Result]], bug: Bug) -> None:
    """At least one of its plans, and because of what it does, not because the operator does not start."""
    problems = [r.problem for r in found[bug.does] if r.problem]
    print(f"\n{bug.does}: {problems[:1] or 'NOT CAUGHT'}")
    assert problems
    assert not [p for p in problems if "policies proven" in p]


@pytest.mark.parametrize("bug", BUGS, ids=lambda b: b.does)
def test_each_bug_can_still_be_planted(bug: Bug, tmp_path: Path) -> None:
    """The text it changes is there, once."""
    bug.plant(tmp_path)
