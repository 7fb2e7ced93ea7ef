"""
A change freeze on a Namespace: begun, renewed, and lifted by itself. Pure.

One label says that new pod templates are warned of or refused there; beside it stand why, who began it, and until when it
holds. Whoever began it says again that it holds; when nobody does, because stanch is down, halted, or can't say any more
why, the admission policy passes everything once that time is over. What a person did is theirs: a label that they set is
neither changed nor lifted, and where they took ours off, it stays off for as long as the same is so.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.meta import instant
from stanch.api.names import FIELD_MANAGER, Annotation, Label
from stanch.api.policy import Policy
from stanch.core.draft import shorten

REASONS_MAX: Final = 3
# An annotation that the admission policy quotes; a line that people read.
REASON_MAX: Final = 300
# A freeze that nobody could justify for this long ends; said again when half of it is over.
LASTS: Final = timedelta(hours=1)
MODES: Final = {"Warn": "warn", "Deny": "true"}
FREE: Final = "changes are free again"
Change = tuple[dict[str, Any], str]


def wanted(
    namespace: Mapping[str, Any], why: Sequence[str], policy: Policy, now: datetime, sure: bool = True
) -> Change | None:
    """
    The merge patch of a namespace's metadata, and what is another there by it ('': the same goes on); None for no change.

    Without ``sure`` nobody can say whether there is more than ``why``: nothing is begun then, and what stands goes on for
    as long as it was said to. Namespaces with ``exemptLabel``, and protected ones, are free.
    """
    meta = namespace["metadata"]
    labels, notes = meta.get("labels") or {}, meta.get("annotations") or {}
    free = policy.budget_exempt_label in labels or meta["name"] in policy.protected_namespaces
    value = None if free or not why else MODES.get(policy.budget_mode)
    stands, ours = Label.CHANGE_FREEZE in labels, notes.get(Annotation.FREEZE_BY) == FIELD_MANAGER
    if stands:
        if not ours:
            return None
        return _standing(labels, notes, value, why, policy, now) if sure or free else _unsure(labels, notes, value, now)
    if not sure:
        return None
    if ours and value is not None and _same(notes, why):
        # Somebody took it off, for this very reason.
        return None
    if value is None:
        return (_patch(None, None, None, None), "") if ours else None
    return _begun(value, why, now)


def _standing(
    labels: Mapping[str, str],
    notes: Mapping[str, str],
    value: str | None,
    why: Sequence[str],
    policy: Policy,
    now: datetime,
) -> Change | None:
    if value is None:
        return _patch(None, None, None, None), FREE
    if labels[Label.CHANGE_FREEZE] == value and notes.get(Annotation.FREEZE_REASON) == _text(why):
        return _renewed(labels, notes, now)
    return _begun(value, why, now)


def _unsure(labels: Mapping[str, str], notes: Mapping[str, str], value: str | None, now: datetime) -> Change | None:
    """What is known goes on; what nobody can say any more ends when its time is over."""
    if value is not None:
        return _renewed(labels, notes, now)
    return (_patch(None, None, None, None), FREE) if _until(notes) <= instant(now) else None


def _renewed(labels: Mapping[str, str], notes: Mapping[str, str], now: datetime) -> Change | None:
    if _until(notes) > instant(now + LASTS / 2):
        return None
    return _patch(labels[Label.CHANGE_FREEZE], notes.get(Annotation.FREEZE_REASON), FIELD_MANAGER, now + LASTS), ""


def _begun(value: str, why: Sequence[str], now: datetime) -> Change:
    does = "refused" if value == MODES["Deny"] else "warned of"
    reason = _text(why)
    return _patch(value, reason, FIELD_MANAGER, now + LASTS), f"changes of pod templates are {does}: {reason}"


def _text(why: Sequence[str]) -> str:
    return shorten("; ".join(why[:REASONS_MAX]), REASON_MAX)


def _same(notes: Mapping[str, str], why: Sequence[str]) -> bool:
    """Is there no reason beside those for which it was begun?"""
    known = notes.get(Annotation.FREEZE_REASON, "")
    return known == _text(why) or all(each in known for each in why)


def _until(notes: Mapping[str, str]) -> str:
    """RFC 3339 with whole seconds in UTC, of which the later is the greater as text; '' where none is written."""
    return notes.get(Annotation.FREEZE_UNTIL, "")


def _patch(value: str | None, reason: str | None, by: str | None, until: datetime | None) -> dict[str, Any]:
    notes = {
        Annotation.FREEZE_REASON: reason,
        Annotation.FREEZE_BY: by,
        Annotation.FREEZE_UNTIL: instant(until) if until is not None else None,
    }
    return {"labels": {Label.CHANGE_FREEZE: value}, "annotations": notes}
