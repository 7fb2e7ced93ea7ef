"""A debt that became an ActionItem: stored first, and only then owed there instead of here."""

from stanch.api.incident_status import Debt, MitigationRecord
from stanch.api.names import EventKind
from stanch.core.aftermath import item
from stanch.core.debts import owed
from stanch.core.draft import Draft
from stanch.core.records import Store


def move_to_items(draft: Draft) -> None:
    """Store what was asked for by a defer entry; the receipt moves the debt."""
    for debt in owed(draft):
        record = draft.record(debt.name)
        if debt.item_owner is None or record is None:
            continue
        store = _store(draft, record, debt, debt.item_owner)
        if store.name in draft.seen.stored:
            moved = debt.model_copy(update={"action_item": store.name, "remind_time": None})
            draft.set(debt=tuple(moved if d == debt else d for d in draft.status.debt or ()))
            text = f"{debt.name}: ActionItem {store.name} of {debt.item_owner} took it over: {debt.what}"
            draft.say(EventKind.DEBT_DEFERRED, text, entry=store.name, event=True)
        elif store.name in draft.seen.not_stored:
            draft.wake(draft.now + draft.catalog.policy.store_again)
        else:
            draft.stores.append(store)


def _store(draft: Draft, record: MitigationRecord, debt: Debt, owner: str) -> Store:
    lines = " ; ".join(record.break_glass or ())
    return item(
        draft,
        record,
        # The attempt, so that an incident of the same name has another one.
        f"debt-{debt.attempt[:6]}",
        f"Take back {record.name} on {record.target}",
        f"{debt.what}. Once the incident is closed nobody undoes it but by hand: {lines}",
        owner,
    )
