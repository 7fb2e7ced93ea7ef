"""One earlier incident, as far as others are compared with it (core/similar.py)."""

from dataclasses import dataclass
from datetime import datetime

from stanch.api.meta import Severity

# What two incidents can both have: a kind of similar.WEIGHTS, and a name.
Mark = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Lesson:
    """
    What is known of one earlier incident, from its Postmortem.

    ``subject`` is its service, else its first target; ``by_hand`` what people had done, each time; ``recurrence_of`` the incident
    that the same alerts made before.
    """

    incident: str
    uid: str
    postmortem: str
    declared: datetime
    severity: Severity | None
    marks: frozenset[Mark]
    helped: tuple[str, ...] = ()
    subject: str = ""
    by_hand: tuple[str, ...] = ()
    recurrence_of: str | None = None
