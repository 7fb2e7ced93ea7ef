"""A drill has no postmortem, but a review: what its record shows is told once it is resolved (decisions 2.11)."""

from typing import Final

from stanch.api.names import EventKind
from stanch.api.postmortem_record import PostmortemRecord
from stanch.core.draft import Draft, shorten
from stanch.core.gaps.find import find_gaps
from stanch.core.whole_story import Story

_TEXT_MAX: Final = 900


def review_drill(draft: Draft, story: Story) -> None:
    """Its gaps, as those of a real one are found; that there is none is told, too. Once, also when it is opened again."""
    gaps = find_gaps(draft.incident.model_copy(update={"status": draft.status}), story.lines, draft.catalog.policy)
    found = "; ".join(f"{gap.number}. {gap.text}" for gap in gaps)
    many = f"{len(gaps)} gap{'s' if len(gaps) > 1 else ''} to talk over: {found}" if gaps else "no gap was found"
    draft.set(postmortem=PostmortemRecord(decision="None", reasons=("a drill",), drafted_time=draft.now))
    draft.say(EventKind.DRILL_REVIEWED, shorten(f"Drill review: {many}", _TEXT_MAX), event=True)
