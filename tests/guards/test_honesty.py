"""
Would the tests see it? A bug planted in a guard, and the one test that must turn red for it.

Without a cluster. Usually a few are planted and all are looked at: that each can still be planted, where it says, and that
the test it names is there. `make guard-honesty` plants all of them, `STANCH_GUARDS='11 storm'` those of one guarantee.
"""

import ast
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

import pytest

from guards.bugs import BUGS
from guards.planting import CLOSING, PASSED, ROOT, Bug, Run, Tree, fresh_processes, run_in

WANTED = os.environ.get("STANCH_GUARDS", "")
ALL = WANTED == "honesty"
# In a guard, in what is counted, and in what is generated; all of them quick.
FEW = ("does not hear of a freeze", "allows a fourth", "lets anybody override")
EVERY = tuple((guarantee, bug) for guarantee, bugs in BUGS.items() for bug in bugs)
PLANTED = tuple(
    (guarantee, bug) for guarantee, bug in EVERY if ALL or bug.does in FEW or (WANTED and guarantee.startswith(WANTED))
)
AT_ONCE = 2
# What a guard of ours is not: a bug by which it does not even start proves nothing.
BROKEN = ("NameError", "ImportError", "SyntaxError", "AttributeError: module", "UnboundLocalError")
GUARDS = (
    *("1 frozen", "2 open", "3 rights", "4 target", "5 protected", "6 owner", "7 GitOps", "8 busy", "9 cool-down"),
    *("9 hourly counts", "10 at once", "11 storm", "12 breaker", "13 blast", "14 preflight", "15 dry run"),
    "16 approvals",
)
pytestmark = pytest.mark.timeout(7200)


def name(guarantee: str, bug: Bug) -> str:
    """As it is told."""
    return f"{guarantee}: {bug.does}"


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Queue[Tree]:
    """Copies to plant in, one for each that runs."""
    found: Queue[Tree] = Queue()
    for _ in range(AT_ONCE):
        found.put(Tree(tmp_path_factory.mktemp("tree") / "stanch"))
    return found


@pytest.fixture(scope="module")
def unplanted(trees: Queue[Tree]) -> list[Run]:
    """All the tests that are named, without a bug; each process has its share."""
    tests = tuple(dict.fromkeys(bug.test for _, bug in PLANTED))
    mine = [trees.get() for _ in range(AT_ONCE)]
    try:
        with fresh_processes(AT_ONCE) as processes:
            shares = [processes.submit(run_in, t.folder, tests[n::AT_ONCE]) for n, t in enumerate(mine)]
            return [share.result() for share in shares]
    finally:
        for tree in mine:
            trees.put(tree)


@pytest.fixture(scope="module")
def found(unplanted: list[Run], trees: Queue[Tree]) -> dict[Bug, Run]:
    """Each bug, planted by itself."""
    assert [run.output for run in unplanted if run.code != PASSED] == []
    with fresh_processes(AT_ONCE) as processes, ThreadPoolExecutor(AT_ONCE) as pool:

        def look(bug: Bug) -> Run:
            tree = trees.get()
            try:
                with tree.planted(bug):
                    return processes.submit(run_in, tree.folder, (bug.test,)).result()
            finally:
                trees.put(tree)

        runs = dict(zip((bug for _, bug in PLANTED), pool.map(look, (bug for _, bug in PLANTED)), strict=True))
    CLOSING.append(f"{sum(run.is_red for run in runs.values())} of {len(runs)} caught")
    return runs


def test_without_a_bug_the_same_tests_are_green(unplanted: list[Run]) -> None:
    """Or red would mean nothing."""
    assert [run.output for run in unplanted if run.code != PASSED] == []


@pytest.mark.parametrize("bug", [b for _, b in PLANTED], ids=[name(*each) for each in PLANTED])
def test_a_planted_bug_turns_its_test_red(found: dict[Bug, Run], bug: Bug) -> None:
    """By what it does, and not because nothing starts any more."""
    run = found[bug]
    assert run.is_red, f"NOT CAUGHT by {bug.test}: {run.output}"
    assert not [word for word in BROKEN if word in run.output], run.output


@pytest.mark.parametrize("guarantee", BUGS)
def test_each_bug_can_still_be_planted(guarantee: str) -> None:
    """The text it changes is there, once; what comes of it can be read; and no two are the same."""
    problems = [problem for bug in BUGS[guarantee] if (problem := bug.problem())]
    assert problems == []
    for bug in BUGS[guarantee]:
        ast.parse((ROOT / bug.path).read_text(encoding="utf-8").replace(bug.old, bug.new))
    changes = [(bug.path, bug.old, bug.new) for bug in BUGS[guarantee]]
    assert len(set(changes)) == len(changes)


def test_the_test_that_a_bug_names_is_there() -> None:
    """A test that was renamed takes its bugs along."""
    tests: Callable[[str], set[str]] = lambda path: {  # noqa: E731
        node.name
        for node in ast.walk(ast.parse(Path(ROOT / path).read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    known: dict[str, set[str]] = {}
    missing = []
    for _, bug in EVERY:
        path, _, test = bug.test.partition("::")
        if path not in known:
            known[path] = tests(path)
        if test not in known[path]:
            missing.append(bug.test)
    assert missing == []


def test_every_guard_has_two_bugs_at_least() -> None:
    """A guard that nobody tried to break is a hope."""
    assert [g for g in GUARDS if len(BUGS.get(g, ())) < 2] == []
    assert len({name(*each) for each in EVERY}) == len(EVERY)
    assert set(FEW) <= {bug.does for _, bug in EVERY}
