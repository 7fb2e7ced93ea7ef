"""kill -9, lost answers and errors at every request of a rollback: one effect, older evidence, a whole timeline."""

import os
from typing import Any

import pytest

from e2e.support.api import Api
from e2e.support.operators import ForkServer
from e2e.support.proxy import Loop
from e2e.support.sweep import (
    AT_ONCE,
    FOUND,
    Plan,
    Result,
    RollBack,
    Stage,
    is_more_of_the_same,
    labels,
    stale_lists,
    sure,
    writes,
)

# "full" for every request, or a part of a request's name, as in STANCH_SWEEP=postmortems.
SWEEP = os.environ.get("STANCH_SWEEP", "")
FULL = SWEEP == "full"
# From the fifth on it is the look of the one before, while a rollout comes up: how many there are is a matter of the machine.
LOOKS = 4
# As many undisturbed runs as plans go at once: on a machine that is as busy then, fewer statuses are written for the same events.
REFERENCES = AT_ONCE
pytestmark = pytest.mark.timeout(5400 if FULL else 900)


def chosen(references: list[Result]) -> list[Plan]:
    """Every write in CI (errors at those that are new), and the first read of each sort; all requests when STANCH_SWEEP=full."""
    log = sure(references)
    wrote = writes(log)
    read = [label for label in labels(log) if label not in wrote]
    kept = [label for label in read if int(label.rpartition("#")[2]) <= (LOOKS if FULL else 1)]
    # Killed before the fifth status or after the fourth is the same to whoever comes next.
    new = [label for label in wrote if FULL or not is_more_of_the_same(label)]
    plans = [Plan(label, "after", "kill") for label in wrote] + [Plan(label, "before", "kill") for label in new]
    plans += [Plan(label, when, "kill") for label in kept for when in ("before", "after")[: 2 if FULL else 1]]
    matter = [label for label in wrote if FULL or "events" not in label]
    plans += [Plan(label, "after", "drop") for label in matter]
    plans += [Plan(label, "before", do) for label in matter if label in new for do in ("twice", "409", "500")]
    if FULL:
        plans += [Plan(label, "before", do) for label in matter for do in ("drop", "429", "slow")]
        plans += [Plan(label, "before", "500") for label in kept]
        plans += stale_lists(kept)
    return [p for p in plans if FULL or SWEEP in p.label]


@pytest.fixture(scope="module")
def references(sweep: Stage) -> list[Result]:
    """Runs in which nothing goes wrong: what there is to break."""
    return sweep.run_all((RollBack(), None) for _ in range(REFERENCES))


@pytest.fixture(scope="module")
def sweep(
    admin: Api, token: dict[str, Any], fork_server: ForkServer, loop: Loop, tmp_path_factory: pytest.TempPathFactory
) -> Stage:
    """Where the plans are run."""
    return Stage(admin, token, fork_server, loop, tmp_path_factory.mktemp("sweep"))


@pytest.fixture(scope="module")
def results(sweep: Stage, references: list[Result]) -> dict[Plan, Result]:
    """All plans, run."""
    assert [r.problem for r in references] == [""] * REFERENCES
    plans = chosen(references)
    found = sweep.run_all((RollBack(), p) for p in plans)
    FOUND.extend(found)
    return dict(zip(plans, found, strict=True))


def problems(results: dict[Plan, Result], *do: str) -> list[str]:
    """What went badly among the plans that do this."""
    mine = [r for p, r in results.items() if p.do in do]
    assert mine
    return [r.problem for r in mine if r.problem]


def test_undisturbed_it_is_one_effect(references: list[Result]) -> None:
    """The undisturbed runs pass every oracle, or the sweep would prove nothing; and the papers are part of what is swept."""
    assert [r.problem for r in references] == [""] * REFERENCES
    assert {"PATCH deployments#1", "POST postmortems#1", "POST actionitems#1"} <= {*writes(sure(references))}


def test_faults_come_to_pass(results: dict[Plan, Result]) -> None:
    """Nearly every planned fault happened; a sweep that misses its requests would pass for nothing."""
    missed = [str(p) for p, r in results.items() if not r.fired]
    assert len(missed) <= len(results) // 10, missed
    # How often it looks while it waits is a matter of the machine; that it writes before it acts is not.
    assert not [m for m in missed if any(w in m for w in ("PATCH deployments", "POST evidences#1", "POST secrets"))]


def test_killed_at_any_request(results: dict[Plan, Result]) -> None:
    """kill -9 before and after each request: another operator finishes it, and the target changes once."""
    assert problems(results, "kill") == []


def test_lost_answers(results: dict[Plan, Result]) -> None:
    """A write whose answer is lost, or that arrives twice, is read back and never made again."""
    assert problems(results, "drop", "twice", "slow") == []


def test_refusals_and_errors(results: dict[Plan, Result]) -> None:
    """Conflicts and errors of the API server at any write change nothing about what is done."""
    assert problems(results, "409", "429", "500", "stale") == []
