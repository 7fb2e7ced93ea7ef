"""What the handlers of entries share: why a statement changes nothing, who commands, and the line it becomes."""

from typing import Final

from stanch.api.timeline_entry import TimelineEntry
from stanch.core.draft import Draft, shorten
from stanch.core.observations import Found
from stanch.core.questions import MayThey

# Why a statement changes nothing; None when it counts; "?" while something must be known first.
Refused = str | None
LATER: Final = "?"


def say_entry(draft: Draft, entry: TimelineEntry, kind: str, text: str, event: bool = False) -> None:
    """The line of an entry: what it means, then the person's own words."""
    own = f": {shorten(entry.spec.text, 200)}" if entry.spec.text else ""
    draft.say(
        kind,
        f"{text}{own}",
        by=entry.author,
        time=entry.spec.happened_time or entry.said,
        entry=entry.metadata.name,
        event=event,
    )


def commands(draft: Draft, entry: TimelineEntry) -> bool:
    """Does the author command this incident?"""
    return any(r.role == "commander" and r.user == entry.author for r in draft.status.roles or ())


def may_command(draft: Draft, entry: TimelineEntry) -> bool | None:
    """Has the author the verb ``command`` on incidents here? None while that is being asked."""
    author = entry.spec.author
    if author is None:
        return False
    question = MayThey(
        username=author.username,
        uid=author.uid or "",
        groups=author.groups or (),
        verb="command",
        group="stanch.dev",
        resource="incidents",
        subresource="",
        namespace=draft.incident.metadata.namespace,
        name=draft.incident.metadata.name,
    )
    answer = draft.answer(question)
    if answer is None:
        return None
    return bool(answer.value.get("allowed")) if isinstance(answer, Found) else None
