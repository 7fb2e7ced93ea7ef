"""What people say about a debt: it is due later, or an ActionItem takes it over. Never that it is not there."""

from datetime import timedelta

from stanch.api import duration
from stanch.api.incident_status import Debt
from stanch.api.meta import instant
from stanch.api.names import EventKind
from stanch.api.timeline_entry import TimelineEntry
from stanch.core.approvals import is_machine
from stanch.core.debts import due_later, owed
from stanch.core.draft import Draft
from stanch.core.statements import Refused, commands, say_entry


def extend(draft: Draft, entry: TimelineEntry) -> Refused:
    """A debt is due later, by at most three days at a time."""
    said = entry.spec.extend
    assert said is not None
    debt = _owed_by(draft, entry, said.mitigation)
    if not isinstance(debt, Debt):
        return debt
    most = draft.catalog.policy.debt_extend_max
    if not timedelta(0) < said.by <= most:
        return f"extend.by must be more than 0s and at most {duration.write(most)} (got {duration.write(said.by)})"
    due = max(debt.due_time, entry.said) + said.by
    _put(draft, due_later(draft, debt, due))
    say_entry(draft, entry, EventKind.DEBT_EXTENDED, f"{debt.name} is due at {instant(due)}", event=True)
    return None


def defer(draft: Draft, entry: TimelineEntry) -> Refused:
    """An ActionItem is to take it over; it is owed here until that is stored."""
    said = entry.spec.defer
    assert said is not None
    debt = _owed_by(draft, entry, said.mitigation)
    if not isinstance(debt, Debt):
        return debt
    if debt.item_owner is not None:
        return f"an ActionItem for {debt.name} is asked for already"
    owner = (said.owner or debt.owner).replace(",", " ").replace(";", " ")[:253]
    _put(draft, debt.model_copy(update={"item_owner": owner}))
    say_entry(draft, entry, EventKind.NOTE, f"{debt.name} is to become an ActionItem of {owner}")
    return None


def _owed_by(draft: Draft, entry: TimelineEntry, name: str) -> Debt | Refused:
    """The debt, if it is for this person to speak about it."""
    debt = next((d for d in owed(draft) if d.name == name), None)
    if entry.spec.author is None:
        return "nobody vouched for it: the admission policies were not in force"
    if is_machine(entry.author, draft.catalog.policy):
        return f"{entry.author} is a machine; a person must say it"
    if not entry.spec.text:
        return "it has no text: say why"
    if debt is None:
        names = ", ".join(d.name for d in owed(draft)) or "nothing"
        return f"nothing is owed for {name}; owed is: {names}"
    if entry.author != debt.owner and not commands(draft, entry):
        return f"{debt.owner} owes it: that is for them or the commander to say"
    return debt


def _put(draft: Draft, debt: Debt) -> None:
    draft.set(debt=tuple(debt if d.attempt == debt.attempt else d for d in draft.status.debt or ()))
