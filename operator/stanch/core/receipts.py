"""
The record names only evidence that is there: what was written down and never stored, because we ended in between, goes.

The status and the evidence are written at the same time, so for a moment the one names what the other may never be.
"""

from stanch.api.incident_status import EvidenceRecord
from stanch.api.names import EventKind
from stanch.core.draft import LINE_CHARACTERS_MAX, Draft, shorten
from stanch.core.observations import Found, is_empty
from stanch.core.questions import EVIDENCES, List


def keep_receipts(draft: Draft) -> None:
    """Note which evidence is there, ask for what nobody has seen yet, and forget what could not be stored or never was."""
    _say_what_failed(draft)
    kept = tuple(e for each in draft.status.evidence or () if (e := _settled(draft, each)) is not None)
    draft.set(evidence=kept or None)


def receipt_of(draft: Draft, evidence: str) -> List:
    """Asks whether an Evidence object of that name is stored; its name ends in its content's digest."""
    return List(EVIDENCES, draft.incident.metadata.namespace, fields=f"metadata.name={evidence}", metadata_only=True)


def _settled(draft: Draft, each: EvidenceRecord) -> EvidenceRecord | None:
    if each.stored:
        return each
    if each.name in draft.seen.stored and draft.seen.fresh_intent:
        # Its effect is next, and waits for no write of its own; it is noted with what came of it.
        return each
    there = True if each.name in draft.seen.stored else _is_there(draft, each)
    if there is None:
        return each
    return each.model_copy(update={"stored": True}) if there else _never_stored(draft, each)


def _is_there(draft: Draft, each: EvidenceRecord) -> bool | None:
    """None while that is not known."""
    answer = draft.answer(receipt_of(draft, each.name))
    if isinstance(answer, Found):
        return not is_empty(answer)
    if answer is not None:
        draft.wake(draft.now + draft.catalog.policy.verify_every * 5)
    return None


def _never_stored(draft: Draft, each: EvidenceRecord) -> EvidenceRecord | None:
    # Whoever wrote it down may be about to store it.
    due = each.captured_time + draft.catalog.policy.lost_after
    if draft.now < due:
        draft.wake(due)
        return each
    made_for = (a for r in draft.records for a in r.attempts or () if a.evidence == each.name)
    refused = next((a.evidence_refused for a in made_for if a.evidence_refused), None)
    text = f"{each.name} was never stored: {refused or 'the operator ended before it was'}"
    draft.say(EventKind.EVIDENCE_NOT_STORED, text, event=True, warning=True)
    return None


def _say_what_failed(draft: Draft) -> None:
    if not draft.seen.not_stored:
        return
    draft.wake(draft.now + draft.catalog.policy.store_again)
    told = next((x for x in reversed(draft.status.timeline) if x.kind == EventKind.EVIDENCE_NOT_STORED), None)
    text = shorten(
        f"Not stored: {'; '.join(sorted({each.message for each in draft.seen.not_stored.values()}))}",
        LINE_CHARACTERS_MAX,
    )
    if told is None or told.text != text:
        draft.say(EventKind.EVIDENCE_NOT_STORED, text, event=True, warning=True)
