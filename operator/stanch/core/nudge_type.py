"""What a reminder is; core/nudges.py says which there are, and when one is said."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Nudge:
    """Said at each of ``at`` after ``since``, once each; ``about`` tells two of one kind apart."""

    kind: str
    since: datetime
    at: tuple[timedelta, ...]
    text: str
    about: str = ""
