"""What the handlers of entries share: why a statement changes nothing, who commands, and the line it becomes."""

from typing import Final

from stanch.api.timeline_entry import TimelineEntry
from stanch.core.approvals import is_machine
from stanch.core.asking import has_verb
from stanch.core.draft import Draft, shorten
from stanch.core.observations import Failed, Found

# Why a statement changes nothing; None when it counts; "?" while something must be known first.
Refused = str | None
LATER: Final = "?"
COMMANDER: Final = "commander"
NOBODY_VOUCHED: Final = (
    "nobody vouched for it: the admission policies were not in force; say it again once they have been for five seconds"
)
CLOSED: Final = "the incident is closed; declare a new one under a new name"


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


def source_of(entry: TimelineEntry) -> str:
    """As records name where a value comes from."""
    return f"Entry/{entry.metadata.name}"


def holder(draft: Draft, role: str) -> str | None:
    """Who wears a hat."""
    return next((r.user for r in draft.status.roles or () if r.role == role), None)


def commands(draft: Draft, entry: TimelineEntry) -> bool:
    """Does the author command this incident?"""
    return entry.spec.author is not None and holder(draft, COMMANDER) == entry.author


def needs_right(draft: Draft, entry: TimelineEntry, why: str, verb: str, resource: str, name: str = "") -> Refused:
    """Refused with ``why`` unless the author has a verb of ours here; later while that can't be told."""
    author = entry.spec.author
    if author is None:
        return why
    answer = draft.answer(has_verb(author, verb, resource, draft.incident.metadata.namespace, name))
    if answer is None or (isinstance(answer, Failed) and answer.passing):
        return LATER
    if isinstance(answer, Failed):
        # Waited for, it would hold up all that is said after it.
        return f"whether {author.username} may {verb} {resource} can't be asked: {answer.message}"
    return None if isinstance(answer, Found) and answer.value.get("allowed") else why


def needs_command(draft: Draft, entry: TimelineEntry, why: str) -> Refused:
    """Refused with ``why`` unless the author has the verb ``command``."""
    return needs_right(draft, entry, why, "command", "incidents", draft.incident.metadata.name)


def leads_or_nobody(draft: Draft, entry: TimelineEntry, what: str) -> Refused:
    """For the commander to say. One who is alone at night commands without a hat, and so says it, too."""
    commander = holder(draft, COMMANDER)
    if commander is None or commands(draft, entry):
        return None
    why = f"{commander} is commander: {what} is for them to say, or for who has the verb command on incidents"
    return needs_command(draft, entry, why)


def is_no_person(draft: Draft, entry: TimelineEntry) -> Refused:
    """What only people can stand for."""
    if is_machine(entry.author, draft.catalog.policy):
        return f"{entry.author} is a machine; a person must say it"
    return None


def is_closed(draft: Draft) -> Refused:
    """The record is at its end."""
    times = draft.status.times
    return CLOSED if times is not None and (times.cancelled or times.closed) else None
