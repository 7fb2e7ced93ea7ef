"""The working copy of one plan: what is asked once, and what a line may hold."""

from dataclasses import replace

import pytest

from build import incident, roll_back
from paper import PaperCollector
from stanch.core.draft import shorten
from stanch.core.observations import Observations
from stanch.core.plan import plan
from stanch.core.ports import Aim
from stanch.core.questions import Question
from world import CATALOG, bad_deploy


class Counting(PaperCollector):
    """Remembers what it was asked about."""

    def __init__(self) -> None:
        self.asked: list[Aim] = []

    def questions(
        self, aim: Aim, seen: Observations, severity: object, loses: frozenset[str] = frozenset()
    ) -> tuple[Question, ...]:
        """Nothing, and noted."""
        self.asked.append(aim)
        return ()


def test_what_evidence_needs_is_worked_out_once_a_plan() -> None:
    """
    It walks all pods of a target; at the declaration and before an effect the same is wanted, and once is enough.
    """
    world, collector = bad_deploy(incident(roll_back())), Counting()
    decided = plan(world.incident, world.seen(), replace(CATALOG, collector=collector), world.now)
    assert (1, True) == (len(collector.asked), bool(decided.questions))


@pytest.mark.parametrize(
    ("text", "limit", "line"),
    [
        ("two\n lines\tare one", 30, "two lines are one"),
        ("Grüße, 世界", 30, "Grüße, 世界"),
        ("\x1b[2Jgone", 30, "\ufffd[2Jgone"),
        ("too long", 4, "too…"),
        ("", 4, ""),
    ],
    ids=["folded", "printable", "escaped", "cut", "empty"],
)
def test_a_line_is_one_line_that_no_terminal_obeys(text: str, limit: int, line: str) -> None:
    """
    Whoever reads it reads all of it, and nothing else happens.
    """
    assert line == shorten(text, limit)
