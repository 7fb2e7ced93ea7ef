"""
The words that stanch proposes where a policy has none of its own: one template for each audience and moment (decisions 2.10).

Three languages (seeds): colleagues hear precisely, leadership hears what it means for the business, users hear what they see in
their own words. So the public's templates can't name a mitigation, a hypothesis or a person: those blanks are not there.
"""

from collections.abc import Mapping
from typing import Final

from stanch.api.communications_status import Moment
from stanch.api.said import Audience

# What a template for the public can name; the others can name all of NAMES.
PUBLIC_NAMES: Final = frozenset({"service", "impact", "since", "next_update"})
LISTS: Final = frozenset({"tried", "trying"})
NAMES: Final = PUBLIC_NAMES | LISTS | {"title", "severity", "commander", "leading", "stands"}

_SINCE: Final = "{% if since %}, since {{ since }}{% endif %}"
_LEADER: Final = "{{ commander | default('Nobody yet') }}"
_NEXT: Final = "We will post the next update within {{ next_update }}."
_AWARE: Final = f"We are aware of a problem: {{{{ impact }}}}{_SINCE}. We are looking into it. {_NEXT}"
_WORKING: Final = f"{{{{ impact }}}}{_SINCE}. We are working on it. {_NEXT}"
_PUBLIC: Final[Mapping[Moment, str]] = {
    Moment.DECLARED: _AWARE,
    Moment.AWARE: _AWARE,
    Moment.UPDATE: _WORKING,
    # Who leads is nothing that users see; only a team that wants to say it has other words here.
    Moment.HANDOFF: _WORKING,
    Moment.MITIGATED: f"What users saw has ended, as far as we can tell: {{{{ impact }}}}{_SINCE}. We keep watching. {_NEXT}",
    Moment.RESOLVED: f"This is over for users: {{{{ impact }}}}{_SINCE}. We are sorry for the trouble. What we learn from it we "
    "will write here.",
    Moment.CANCELLED: "We told you of a problem: {{ impact }}. We have looked into it, and there is nothing for users to do. "
    "This is our last update here.",
}

_NOW: Final = (
    "Now: {{ impact }}; {{ stands }}. Tried: {{ tried | join('; ') | default('nothing') }}. "
    "Trying: {{ trying | join('; ') | default('nothing') }}.{% if leading %} Leading: {{ leading }}.{% endif %} "
    "Next update within {{ next_update }}."
)
_TRIED: Final = "Tried: {{ tried | join('; ') | default('nothing') }}."
_INTERNAL: Final[Mapping[Moment, str]] = {
    Moment.DECLARED: f"{{{{ severity }}}} is declared: {{{{ title }}}}. {_LEADER} is commander. {_NOW}",
    Moment.AWARE: f"{{{{ severity }}}} {{{{ title }}}}. {_NOW}",
    Moment.UPDATE: f"{{{{ severity }}}} {{{{ title }}}}. {_NOW}",
    Moment.HANDOFF: f"{_LEADER} is commander now. {{{{ severity }}}} {{{{ title }}}}. {_NOW}",
    Moment.MITIGATED: f"{{{{ severity }}}} {{{{ title }}}}: {{{{ stands }}}}. {_TRIED}"
    "{% if trying %} Still to come: {{ trying | join('; ') }}.{% endif %} Next update within {{ next_update }}.",
    Moment.RESOLVED: f"{{{{ severity }}}} {{{{ title }}}} is over, {{{{ stands }}}}. {_TRIED}",
    Moment.CANCELLED: f"{{{{ severity }}}} {{{{ title }}}} is cancelled, and not followed up here any more. {_TRIED}",
}

_BUSINESS: Final = f"{{{{ severity }}}}: {{{{ impact }}}}{_SINCE}."
_LEADS: Final = f"{_LEADER} leads the response; {{{{ stands }}}}. Next update within {{{{ next_update }}}}."
_LEADERSHIP: Final[Mapping[Moment, str]] = {
    Moment.DECLARED: f"{{{{ severity }}}} is declared: {{{{ impact }}}}{_SINCE}. {_LEADS}",
    Moment.AWARE: f"{_BUSINESS} {_LEADS}",
    Moment.UPDATE: f"{_BUSINESS} {_LEADS}",
    Moment.HANDOFF: f"{_BUSINESS} From now on {_LEADS}",
    Moment.MITIGATED: f"{_BUSINESS} Users are served again. {_LEADS}",
    Moment.RESOLVED: f"{{{{ severity }}}} is over: {{{{ impact }}}}{_SINCE}; {{{{ stands }}}}. "
    "A review follows where the policy asks for one.",
    Moment.CANCELLED: "{{ severity }} is cancelled: {{ impact }}. It was looked into, and is not followed up. "
    "This is the last update.",
}
BUILT_IN: Final[Mapping[Audience, Mapping[Moment, str]]] = {
    Audience.PUBLIC: _PUBLIC,
    Audience.LEADERSHIP: _LEADERSHIP,
    Audience.INTERNAL: _INTERNAL,
}
