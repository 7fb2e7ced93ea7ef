"""
Whose word it is: only what was written while the admission policies were in force names somebody who said it (ADR 21).

A time that the API server gives counts: when an object was created. When it was changed stands in managedFields, which its
writer may set; so what changed in an incident that is older than the policies is nobody's.
"""

from datetime import datetime

from stanch.api.meta import Person
from stanch.api.timeline_entry import TimelineEntry
from stanch.core.draft import Draft
from stanch.core.observations import Found
from stanch.core.questions import ENTRIES, Get
from stanch.core.reading import Unreadable


def vouched(draft: Draft, created: datetime) -> bool:
    """Did they vouch for what was created then, without a gap up to now?"""
    policies = draft.seen.policies
    stand = policies.proven or policies.stamped
    return stand and (policies.since is None or created >= policies.since)


def nobody_can_tell(draft: Draft) -> bool:
    """Could they not be looked at? Then what needs a name waits: it is refused for what is so, and not for a lost answer."""
    return draft.seen.policies.unclear


def stamped(draft: Draft, wish: str) -> Person | None:
    """Who asked for a mitigation of the spec, as far as somebody vouches for it."""
    return draft.incident.requester_of(wish) if vouched(draft, draft.incident.declared) else None


def as_it_counts(draft: Draft, entry: TimelineEntry | Unreadable) -> TimelineEntry | Unreadable:
    """The entry, without the name that nobody vouched for."""
    if vouched(draft, entry.said):
        return entry
    if isinstance(entry, Unreadable):
        return entry.model_copy(update={"author": "somebody"})
    return entry.model_copy(update={"spec": entry.spec.model_copy(update={"author": None})})


def author_of(draft: Draft, entry: str) -> Person | None:
    """Who said an entry, with groups: nobody when it is gone; None while it is being read."""
    answer = draft.answer(Get(ENTRIES, draft.incident.metadata.namespace, entry))
    if answer is None:
        return None
    author = answer.value["spec"].get("author") if isinstance(answer, Found) else None
    return Person.model_validate(author) if author else Person(username="")
