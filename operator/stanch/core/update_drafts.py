"""
What could be said next to each audience, from the record: a draft is proposed, and a person says it in an `update` entry.

The words are core/update_templates.py's, or the policy's.
"""

from datetime import datetime, timedelta
from typing import Final

from stanch.api.communications_status import DRAFT_MAX, CommunicationsRecord, Moment, NextUpdate, UpdateDraft
from stanch.api.incident_status import WishState
from stanch.api.names import EventKind
from stanch.api.said import Audience
from stanch.core.draft import Draft, shorten
from stanch.core.promises import told_last, waits_to_hear
from stanch.core.public_lint import is_ours
from stanch.core.statements import COMMANDER, holder
from stanch.core.templates import TemplateWrongError, Values, render
from stanch.core.update_templates import BUILT_IN

_PENDING: Final = (WishState.WAITING, WishState.HELD, WishState.RUNNING)


def draft_updates(draft: Draft) -> None:
    """One draft for each promise, or for who must hear that it was none; it changes with the record, and goes when it is said."""
    known = draft.status.communications
    promised = (known.next_updates if known else None) or ()
    drafts = [_draft_of(draft, p.audience, _moment(draft, p), p.every) for p in promised]
    drafts += [_draft_of(draft, audience, Moment.CANCELLED, None) for audience in waits_to_hear(draft.status)]
    if tuple(drafts) != ((known.drafts if known else None) or ()):
        draft.set(communications=(known or CommunicationsRecord()).model_copy(update={"drafts": tuple(drafts) or None}))


def _moment(draft: Draft, promise: NextUpdate) -> Moment:
    """As it was promised; when somebody else leads since they heard last, that is news in the house."""
    told = told_last(draft.status, promise.audience)
    if told is None or promise.moment is not Moment.UPDATE or promise.audience is Audience.PUBLIC:
        return promise.moment
    leads = next((r for r in draft.status.roles or () if r.role == COMMANDER), None)
    return Moment.HANDOFF if leads is not None and leads.since_time > told.time else Moment.UPDATE


def _draft_of(draft: Draft, audience: Audience, moment: Moment, every: timedelta | None) -> UpdateDraft:
    values = values_for(draft, audience, every)
    built_in = BUILT_IN[audience][moment]
    try:
        text = render(draft.catalog.policy.update_templates.get((audience, moment), built_in), values)
    except TemplateWrongError as error:
        # It can't be used with these words; the person still has something to begin with.
        _say_not_used(draft, audience, moment, str(error))
        text = render(built_in, values)
    cut = text if len(text) <= DRAFT_MAX else text[: DRAFT_MAX - 1] + "…"
    return UpdateDraft(audience=audience, moment=moment, text=cut)


def _say_not_used(draft: Draft, audience: Audience, moment: Moment, why: str) -> None:
    """Once, with the first draft of that moment; not at each look."""
    known = draft.status.communications
    if not any((d.audience, d.moment) == (audience, moment) for d in (known.drafts if known else None) or ()):
        text = f"{audience.value}: the policy's template for {moment.value} is not used: {why}; the draft has the built-in words"
        draft.say(EventKind.UPDATE_QUESTIONED, text, event=True, warning=True)


def values_for(draft: Draft, audience: Audience, every: timedelta | None) -> Values:
    """What fills the blanks; of the public's, only what users know themselves."""
    impact = draft.status.impact.value if draft.status.impact else None
    times, service = draft.status.times, draft.incident.spec.service
    # A name that users don't know would be asked back, and refused where the policy denies it.
    trouble = "some users may have trouble" + (f" with {service}" if service and not is_ours(service) else "")
    told = impact.summary if impact and impact.summary else ""
    public = audience is Audience.PUBLIC
    shown = {
        "service": service or "",
        "impact": shorten(told or (trouble if public else draft.incident.spec.title), 300).rstrip("."),
        "since": _hour(times.started or times.detected, draft.now) if times else "",
        "next_update": in_words(every or draft.catalog.policy.final_update_within),
    }
    if public:
        return shown
    tried = tuple(f"{r.name} ({r.effect.value if r.effect else r.state.value})" for r in draft.records if r.attempts)
    trying = tuple(r.name for r in draft.records if r.state in _PENDING)
    return {
        **shown,
        "title": shorten(draft.incident.spec.title, 200),
        "severity": draft.severity.value,
        "commander": shorten(holder(draft, COMMANDER) or "", 60),
        "leading": shorten(draft.status.hypothesis or "", 200),
        "stands": _stands(draft),
        "tried": tried,
        "trying": trying,
    }


def _stands(draft: Draft) -> str:
    times = draft.status.times
    if times is not None and times.resolved:
        return f"resolved at {_hour(times.resolved, draft.now)}"
    if times is not None and times.mitigated:
        return f"mitigated at {_hour(times.mitigated, draft.now)}, and watched"
    return "it still hurts"


def _hour(moment: datetime | None, now: datetime) -> str:
    """`18:00 UTC`; of another day than today, `18:00 UTC on 20 November`."""
    if moment is None:
        return ""
    day = "" if moment.date() == now.date() else f" on {moment.day} {moment:%B}"
    return f"{moment:%H:%M} UTC{day}"


def in_words(every: timedelta) -> str:
    """`20 minutes`, as people say it."""
    minutes = int(every.total_seconds() // 60)
    count, unit = (minutes // 60, "hour") if minutes % 60 == 0 and minutes else (minutes, "minute")
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
