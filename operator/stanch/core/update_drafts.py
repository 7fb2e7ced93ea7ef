"""
What could be said next to each audience, from the record: a draft is proposed, and a person says it in an `update` entry.

Three languages (seeds): colleagues hear precisely, leadership hears what it means for the business, users hear what they see in
their own words. So the public's templates can't name a mitigation, a hypothesis or a person: those blanks are not there.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from stanch.api.communications_status import DRAFT_MAX, CommunicationsRecord, Moment, NextUpdate, UpdateDraft
from stanch.api.incident_status import WishState
from stanch.api.said import Audience
from stanch.core.draft import Draft, shorten
from stanch.core.statements import COMMANDER, holder
from stanch.core.templates import TemplateWrongError, Values, render

_PENDING: Final = (WishState.WAITING, WishState.HELD, WishState.RUNNING)
# What a template for the public can name; the others can name all of NAMES.
PUBLIC_NAMES: Final = frozenset({"service", "impact", "since", "next_update"})
LISTS: Final = frozenset({"tried", "trying"})
NAMES: Final = PUBLIC_NAMES | LISTS | {"title", "severity", "commander", "leading", "stands"}

_PUBLIC: Final[Mapping[Moment, str]] = {
    Moment.AWARE: "We are aware of a problem: {{ impact }}{% if since %}, since {{ since }}{% endif %}. We are looking into it. "
    "We will post the next update within {{ next_update }}.",
    Moment.UPDATE: "{{ impact }}{% if since %}, since {{ since }}{% endif %}. We are working on it. We will post the next "
    "update within {{ next_update }}.",
    Moment.MITIGATED: "What users saw has ended, as far as we can tell: {{ impact }}{% if since %}, since {{ since }}{% endif %}. "
    "We keep watching. We will post the next update within {{ next_update }}.",
    Moment.RESOLVED: "This is over for users: {{ impact }}{% if since %}, since {{ since }}{% endif %}. We are sorry for the "
    "trouble. What we learn from it we will write here.",
}
_LEADERSHIP: Final[Mapping[Moment, str]] = {
    Moment.UPDATE: "{{ severity }}: {{ impact }}{% if since %}, since {{ since }}{% endif %}. "
    "{{ commander | default('Nobody yet') }} leads the response. {{ stands }}. Next update within {{ next_update }}.",
    Moment.RESOLVED: "{{ severity }} is over: {{ impact }}{% if since %}, since {{ since }}{% endif %}. {{ stands }}. "
    "A review follows where the policy asks for one.",
}
_INTERNAL: Final[Mapping[Moment, str]] = {
    Moment.UPDATE: "{{ severity }} {{ title }}. Now: {{ impact }}; {{ stands }}. "
    "Tried: {{ tried | join('; ') | default('nothing') }}. "
    "Trying: {{ trying | join('; ') | default('nothing') }}."
    "{% if leading %} Leading: {{ leading }}.{% endif %} "
    "Next update within {{ next_update }}.",
    Moment.RESOLVED: "{{ severity }} {{ title }} is over. {{ stands }}. Tried: {{ tried | join('; ') | default('nothing') }}.",
}
BUILT_IN: Final[Mapping[Audience, Mapping[Moment, str]]] = {
    Audience.PUBLIC: _PUBLIC,
    Audience.LEADERSHIP: {
        Moment.AWARE: _LEADERSHIP[Moment.UPDATE],
        Moment.MITIGATED: _LEADERSHIP[Moment.UPDATE],
        **_LEADERSHIP,
    },
    Audience.INTERNAL: {
        Moment.AWARE: _INTERNAL[Moment.UPDATE],
        Moment.MITIGATED: _INTERNAL[Moment.UPDATE],
        **_INTERNAL,
    },
}


def draft_updates(draft: Draft) -> None:
    """One draft for each promise; it changes only with the record, and goes with the promise."""
    known = draft.status.communications
    drafts = tuple(_draft_of(draft, promise) for promise in (known.next_updates if known else None) or ())
    if drafts != ((known.drafts if known else None) or ()):
        draft.set(communications=(known or CommunicationsRecord()).model_copy(update={"drafts": drafts or None}))


def _draft_of(draft: Draft, promise: NextUpdate) -> UpdateDraft:
    values = values_for(draft, promise)
    own = draft.catalog.policy.update_templates.get((promise.audience, promise.moment))
    built_in = BUILT_IN[promise.audience][promise.moment]
    try:
        text = render(own or built_in, values)
    except TemplateWrongError:
        # It said too much with these words; the person still has something to begin with.
        text = render(built_in, values)
    cut = text if len(text) <= DRAFT_MAX else text[: DRAFT_MAX - 1] + "…"
    return UpdateDraft(audience=promise.audience, moment=promise.moment, text=cut)


def values_for(draft: Draft, promise: NextUpdate) -> Values:
    """What fills the blanks; of the public's, only what users know themselves."""
    impact = draft.status.impact.value if draft.status.impact else None
    times, service = draft.status.times, draft.incident.spec.service
    trouble = f"some users may have trouble with {service}" if service else "some users may have trouble"
    told = impact.summary if impact and impact.summary else ""
    public = promise.audience is Audience.PUBLIC
    shown = {
        "service": service or "",
        "impact": shorten(told or (trouble if public else draft.incident.spec.title), 300).rstrip("."),
        "since": _hour(times.started or times.detected) if times else "",
        "next_update": in_words(promise.every or draft.catalog.policy.final_update_within),
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
        return f"resolved at {_hour(times.resolved)}"
    if times is not None and times.mitigated:
        return f"mitigated at {_hour(times.mitigated)}, and watched"
    return "it still hurts"


def _hour(moment: datetime | None) -> str:
    return f"{moment:%H:%M} UTC" if moment else ""


def in_words(every: timedelta) -> str:
    """`20 minutes`, as people say it."""
    minutes = int(every.total_seconds() // 60)
    count, unit = (minutes // 60, "hour") if minutes % 60 == 0 and minutes else (minutes, "minute")
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
