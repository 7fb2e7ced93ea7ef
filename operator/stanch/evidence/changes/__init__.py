"""What changed around a target in the last hour, dated, and which of it is the likeliest cause."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from stanch.core.observations import Observations, items
from stanch.evidence.changes.change import Changes
from stanch.evidence.changes.failing import Onset, failing, onset
from stanch.evidence.changes.find import find
from stanch.evidence.changes.page import page
from stanch.evidence.changes.rank import Ranked, rank
from stanch.evidence.scene import Scene

__all__ = ["Findings", "look"]


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found at one look, and what it says of the beginning."""

    changes: Changes
    began: Onset
    ranked: tuple[Ranked, ...]
    now: datetime

    def __str__(self) -> str:
        return page(self.changes, self.ranked, self.began, self.now)


def look(
    scenes: Sequence[Scene], seen: Observations, now: datetime, key: bytes, said: datetime | None = None
) -> Findings:
    """
    Find, date and rank, from whatever was answered.

    ``said`` is when somebody said that it began: it counts where it is earlier than what the pods show.
    """
    now = now.replace(microsecond=0)
    pods = [pod for scene in scenes for pod in scene.pods]
    warnings = [event for q in dict.fromkeys(s.events_question for s in scenes) for event in items(seen.get(q))]
    changes, began = find(scenes, seen, now, key), onset(pods, warnings, said, now)
    return Findings(changes, began, rank(changes.found, began, pods, failing(pods)), now)
