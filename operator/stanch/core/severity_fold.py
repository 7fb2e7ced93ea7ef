"""
The severity in force, and what is known: it rises by itself while nobody has said one, and never falls by itself.

What a person says stays, up and down alike; a higher one by the facts is told beside it (decisions 1.3 no. 32, 2.3).
"""

from stanch.api.incident_status import SeverityRecord, Source
from stanch.api.names import EventKind
from stanch.core.draft import Draft, shorten
from stanch.core.severity import Judged, facts_of
from stanch.core.spec_fold import worst_of

REASON_MAX = 200


def follow_severity(draft: Draft) -> None:
    """After all was taken in: raise it, or say what is known beside it."""
    known, times = draft.status.severity, draft.status.times
    if known is None or times is None or times.closed or times.cancelled or times.resolved:
        return
    impact = draft.status.impact.value if draft.status.impact else None
    facts = facts_of(draft.incident, impact, draft.catalog.policy, known.measured or ())
    if facts.level is None:
        return
    reasons = tuple(shorten(reason, REASON_MAX) for reason in facts.reasons)
    if known.source == Source.DERIVED:
        _raise(draft, known, Judged(facts.level, reasons))
    else:
        _say_beside(draft, known, Judged(facts.level, reasons))


def _raise(draft: Draft, known: SeverityRecord, facts: Judged) -> None:
    assert facts.level is not None
    if facts.level > known.level:
        return
    changes: dict[str, object] = {"reasons": facts.reasons}
    if facts.level != known.level:
        changes |= {"level": facts.level, "since_time": draft.now, "worst": worst_of(known, facts.level)}
        text = f"{known.level.value} to {facts.level.value}: {facts.reasons[0]}"
        draft.say(EventKind.SEVERITY_CHANGED, text, event=True)
    draft.set(severity=known.model_copy(update=changes))


def _say_beside(draft: Draft, known: SeverityRecord, facts: Judged) -> None:
    """Whoever said it is first among the reasons; then what is known, as long as that is no less."""
    assert facts.level is not None
    said = (known.reasons or ("",))[:1]
    if facts.level > known.level:
        beside = ""
    elif facts.level == known.level:
        beside = f"what is known agrees: {facts.reasons[0]}"
    else:
        beside = f"what is known says {facts.level.value}: {facts.reasons[0]}"
    told = f"what is known says {facts.level.value}"
    if beside.startswith(told) and not any(reason.startswith(told) for reason in known.reasons or ()):
        draft.say(EventKind.SIGNALS_SAY, f"{known.level.value} was said; {beside}", event=True)
    reasons = (*said, *((shorten(beside, REASON_MAX),) if beside else ()))
    if reasons != known.reasons:
        draft.set(severity=known.model_copy(update={"reasons": reasons}))
