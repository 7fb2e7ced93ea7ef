"""A debt that became an ActionItem: stored first, and only then owed there instead of here."""

import json
from typing import Final

from stanch.api.actions import Autoscaler, ConfigFlag, Scale, ServiceShift
from stanch.api.done_when import EXPRESSION_MAX, CelCheck, DoneWhen
from stanch.api.incident_status import Debt, MitigationRecord
from stanch.api.meta import TargetKind
from stanch.api.names import EventKind
from stanch.core.aftermath import item
from stanch.core.debts import owed
from stanch.core.draft import Draft
from stanch.core.git_ops import HOLD
from stanch.core.questions import REF_OF_KIND, Ref
from stanch.core.records import Store

# What shows that it was taken back, where one field tells. Missing fields are false in CEL, so they are asked for.
_TAKEN_BACK: Final = {
    "rolloutPause": "!has(object.spec.paused) || !object.spec.paused",
    "suspendCronJob": "!has(object.spec.suspend) || !object.spec.suspend",
    "cordon": "!has(object.spec.unschedulable) || !object.spec.unschedulable",
}


_WORD: Final = "; no field that stanch reads tells, so its owner closes it"


def move_to_items(draft: Draft) -> None:
    """Store what was asked for by a defer entry; the receipt moves the debt. Once it is resolved, an item chases the rest."""
    for debt in owed(draft):
        record = draft.record(debt.name)
        if record is None:
            continue
        if debt.item_owner is None:
            _chase_by_item(draft, record, debt)
            continue
        store = _store(draft, record, debt, debt.item_owner)
        if _is_stored(draft, store):
            moved = debt.model_copy(update={"action_item": store.name, "remind_time": None})
            _put(draft, debt, moved)
            text = f"{debt.name}: ActionItem {store.name} of {debt.item_owner} took it over: {debt.what}"
            draft.say(EventKind.DEBT_DEFERRED, text, entry=store.name, event=True)


def _chase_by_item(draft: Draft, record: MitigationRecord, debt: Debt) -> None:
    """It is owed here all the same, and the incident stays open for it (ADR 47); a hold has an item about Git already."""
    times = draft.status.times
    if debt.chased_by is not None or times is None or times.resolved is None or record.action == HOLD:
        return
    store = _store(draft, record, debt, debt.owner.replace(",", " ").replace(";", " ")[:253])
    if _is_stored(draft, store):
        _put(draft, debt, debt.model_copy(update={"chased_by": store.name}))
        text = f"{debt.name} is still owed; ActionItem {store.name} asks {debt.owner} for it"
        draft.say(EventKind.ACTION_ITEM_DRAFTED, text, entry=store.name, event=True)


def _is_stored(draft: Draft, store: Store) -> bool:
    if store.name in draft.seen.stored:
        return True
    if store.name in draft.seen.not_stored:
        draft.wake(draft.now + draft.catalog.policy.store_again)
    else:
        draft.stores.append(store)
    return False


def _put(draft: Draft, debt: Debt, instead: Debt) -> None:
    draft.set(debt=tuple(instead if d == debt else d for d in draft.status.debt or ()))


def _other_bounds(action: Autoscaler) -> str:
    said = (("minReplicas", action.min_replicas), ("maxReplicas", action.max_replicas))
    still = (f"has(object.spec.{name}) && object.spec.{name} == {value}" for name, value in said if value is not None)
    return f"!({' && '.join(still)})"


def _other_selector(action: ServiceShift) -> str:
    pairs = [(json.dumps(key), json.dumps(value)) for key, value in sorted(action.selector.items())]
    still = (f"{key} in object.spec.selector && object.spec.selector[{key}] == {value}" for key, value in pairs)
    return f"size(object.spec.selector) != {len(pairs)} || !({' && '.join(still)})"


def _store(draft: Draft, record: MitigationRecord, debt: Debt, owner: str) -> Store:
    lines = " ; ".join(record.break_glass or ())
    # Another owner than the one it was drafted for is another item: what is stored is never changed by us.
    kind = "defer" if debt.chased_by is not None and owner != debt.owner else "debt"
    check = _taken_back(record)
    after = "Once the incident is closed nobody undoes it but by hand"
    return item(
        draft,
        record,
        # The attempt, so that an incident of the same name has another one.
        f"{kind}-{debt.attempt[:6]}",
        f"Take back {record.name} on {record.target}",
        f"{debt.what}. Done when it is taken back{'' if check else _WORD}. {after}: {lines}",
        owner,
        check,
    )


def _taken_back(record: MitigationRecord) -> DoneWhen | None:
    """What of the target shows that it was taken back; None where no one field tells."""
    target, (_, action) = record.target, record.asked.action
    expression = _TAKEN_BACK.get(record.action)
    match action:
        case Scale():
            expression = f"has(object.spec.replicas) && object.spec.replicas != {action.replicas}"
        case Autoscaler():
            expression = _other_bounds(action)
        case ConfigFlag():
            key, value = json.dumps(action.key), json.dumps(action.value)
            expression = f"!has(object.data) || !({key} in object.data) || object.data[{key}] != {value}"
        case ServiceShift():
            expression = _other_selector(action)
    if expression is not None and len(expression) > EXPRESSION_MAX:
        return None
    if target is None or expression is None:
        return None
    ref: Ref = REF_OF_KIND[target.kind.value]
    return DoneWhen(
        cel=CelCheck(
            api_version=f"{ref.group}/{ref.version}" if ref.group else ref.version,
            resource=ref.plural,
            name=target.name,
            cluster_scoped=True if target.kind is TargetKind.NODE else None,
            expression=expression,
        )
    )
