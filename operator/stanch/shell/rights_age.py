"""
How old is what a look knows of rights? What an effect rests on was asked a moment ago, and after it was agreed to.

A look asks for rights beside evidence, whose logs may take as long as their deadline: who might at its beginning may not at
its end.
"""

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from stanch.api.incident_status import IncidentStatus
from stanch.core.attempts import begun
from stanch.core.observations import Answer, Observations
from stanch.core.plan_type import Plan
from stanch.core.questions import MayThey, Question

# Less than a person needs to take a right away and to see that it is gone.
RIGHTS_SECONDS: Final = 2.0


class RightsAge:
    """Of the answers of one look. Times are those of time.monotonic()."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self._asked: float | None = None

    def note(self, questions: Iterable[Question]) -> None:
        """These are about to be asked; what was asked first counts."""
        if self._asked is None and any(isinstance(q, MayThey) for q in questions):
            self._asked = time.monotonic()

    def too_old(self, before: IncidentStatus, decided: Plan) -> bool:
        """Does this begin or do something that rests on rights of a while ago?"""
        acts = bool(decided.commands) or bool(begun(before, decided.status))
        return acts and self._asked is not None and time.monotonic() - self._asked > RIGHTS_SECONDS

    def forget(self, seen: Observations) -> Observations:
        """
        Without what was answered about rights, so that the plan asks for it anew; also for what this look wrote down itself,
        which is else done without another question.
        """
        self._asked = None
        left: dict[Question, Answer] = {q: a for q, a in seen.answers.items() if not isinstance(q, MayThey)}
        return replace(seen, answers=left, fresh_intent=frozenset())
