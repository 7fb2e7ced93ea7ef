"""
What a postmortem must have: a summary that stands alone, numbers, several factors, whys that end in structure, actions that can
be done and be seen to be done (decisions 2.11). Of a short review only what was begun is looked at.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from stanch.core.lint.rule import EXCERPT_MAX, Found

SUMMARY_WORDS: Final = 40
WHYS_MIN: Final = 2
TITLE_WORDS: Final = 3


@dataclass(frozen=True, slots=True)
class Item:
    """
    One ActionItem, or a name that none has (``there`` is false). ``counts``: it is still to be done, and people wrote it; what
    stanch drafted is what is owed anyway, and is bounded where it is drafted.
    """

    name: str
    title: str = ""
    description: str = ""
    owner: str = ""
    due: str = ""
    answers: tuple[str, ...] = ()
    there: bool = True
    counts: bool = True


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole postmortem: its spec as JSON, its items, and what is asked of it. ``full`` is false for a short review."""

    spec: Mapping[str, Any]
    items: Sequence[Item] = ()
    full: bool = True
    factors_min: int = 3
    items_max: int = 5


@dataclass(frozen=True, slots=True)
class FormRule:
    """One thing that must be there. ``why`` and ``instead`` as in Rule."""

    name: str
    why: str
    instead: str
    look: Callable[[Whole], Iterator[Found]]
    blocks: bool = True
    # Asked of full postmortems only.
    full: bool = True


def _cut(text: Any) -> str:
    return " ".join(str(text or "").split())[:EXCERPT_MAX]


# --- summary and impact ----------------------------------------------------------------------------------------------

_TIME: Final = re.compile(r"\b\d{1,2}:\d{2}\b|\b\d{4}-\d{2}-\d{2}T")
_LASTED: Final = re.compile(
    r"\b\d+(?:[.,]\d+)?\s*(?:-|\u2013)?\s*(?:seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|s|m|h|d)\b"
    r"|\bhalf an hour\b|\ban hour\b"
    r"|\b(?:for )?hours\b",
    re.IGNORECASE,
)
_FELT: Final = re.compile(
    r"\busers?\b|\bcustomers?\b|\bclients?\b|\btenants?\b|\bvisitors?\b|\bshoppers?\b|\breaders?\b|\bcallers?\b"
    r"|\bteams?\b|\bmerchants?\b|\bsubscribers?\b"
    r"|\brequests?\b|\borders?\b|\bcheckouts?\b|\bpayments?\b|\blog-?ins?\b|\buploads?\b|\bmessages?\b|\bjobs?\b"
    r"|\bresponses?\b|\bpods?\b|\bdeploys?\b|\bwrites?\b"
    r"|\d\s?%|\bper ?cent\b",
    re.IGNORECASE,
)


def _summary(whole: Whole) -> Iterator[Found]:
    text = str(whole.spec.get("summary") or "")
    words = len(re.findall(r"\w+", text))
    lacks = [f"{words} of {SUMMARY_WORDS} words"] if words < SUMMARY_WORDS else []
    lacks += ["no time of day"] if not _TIME.search(text) else []
    lacks += ["not how long"] if not _LASTED.search(text) and len(_TIME.findall(text)) < 2 else []
    lacks += ["not what users felt"] if not _FELT.search(text) else []
    if lacks:
        yield Found("spec.summary", f"{_cut(text) or '(empty)'} [{', '.join(lacks)}]")


def _impact(whole: Whole) -> Iterator[Found]:
    impact = whole.spec.get("impact") or {}
    if not any(re.search(r"\d", str(value)) for value in impact.values()):
        yield Found("spec.impact", _cut(impact.get("users")) or "(no number)")


# --- factors and whys ------------------------------------------------------------------------------------------------


def _few_factors(whole: Whole) -> Iterator[Found]:
    factors = whole.spec.get("factors") or ()
    if len(factors) < whole.factors_min:
        yield Found("spec.factors", f"{len(factors)} of {whole.factors_min}")


def _unanswered(whole: Whole) -> Iterator[Found]:
    answered = {name for item in whole.items for name in item.answers}
    for number, factor in enumerate(whole.spec.get("factors") or ()):
        if factor.get("name") not in answered and not str(factor.get("accepted") or "").strip():
            yield Found(f"spec.factors[{number}]", _cut(f"{factor.get('name')}: {factor.get('statement')}"))


# What can be built, changed, checked: an answer that ends in one of these ends in structure.
_STRUCTURE: Final = re.compile(
    r"\b(?:pipelines?|checks?|checked|checklists?|tests?|tested|alerts?|alerting|limits?|quotas?|defaults?|tools?"
    r"|tooling|process(?:es)?|runbooks?|reviews?|designs?"
    r"|polic(?:y|ies)|validat\w+|guards?|guardrails?|monitor\w*|dashboards?|rotations?|templates?|configurations?"
    r"|configs?|schemas?|timeouts?|retr(?:y|ies)|canar(?:y|ies)"
    r"|deploy(?:ment)?s?|rollouts?|budgets?|probes?|scripts?|automation|automated|documentation|documented"
    r"|ownership|owner|contracts?|interfaces?|permissions?|rights?|roles?"
    r"|environments?|staging|backups?|migrations?|controllers?|webhooks?|caches?|pools?|queues?|circuit breakers?"
    r"|fallbacks?|replicas?|redundan\w+|capacity|architecture"
    r"|dependenc(?:y|ies)|versions?|builds?|CI|systems?|service levels?|SLOs?|on-call schedule"
    r"|training environment|gates?|locks?|confirmation|prompts?|previews?"
    r"|dry[- ]runs?|simulat\w+|standards?|requirements?|nothing (?:in|that|tells|stops|checks|shows|compares|warns"
    r"|bounds)|no (?:place|way|step|rule|signal|part))\b",
    re.IGNORECASE,
)
_AT_A_PERSON: Final = re.compile(
    r"\b(?:made a mistake|by mistake|forgot\w*|was careless|did not (?:know|check|notice|think|follow|read)"
    r"|didn't (?:know|check|notice|think|follow|read)|lack of (?:care|attention|experience)"
    r"|inexperience\w*|was (?:tired|new|distracted|in a hurry)|human error|typo|misread|overlooked"
    r"|not careful)\b[^.?!]*[.!]?\s*$",
    re.IGNORECASE,
)


def _whys(whole: Whole) -> Iterator[Found]:
    whys = [str(each) for each in whole.spec.get("whys") or () if str(each).strip()]
    if len(whys) < WHYS_MIN:
        yield Found("spec.whys", f"{len(whys)} of at least {WHYS_MIN}")
        return
    answer = whys[-1].rpartition("?")[2] or whys[-1]
    if _AT_A_PERSON.search(answer) or not _STRUCTURE.search(answer):
        yield Found(f"spec.whys[{len(whys) - 1}]", _cut(whys[-1]))


# --- actions ---------------------------------------------------------------------------------------------------------

_VAGUE: Final = re.compile(
    r"^(?:to )?(?:improve|consider|investigate|look into|look at|explore|think about|discuss|be\b|try\b|make sure"
    r"|ensure|enhance|strengthen|increase awareness|work on|find out"
    r"|address|revisit|optimi[sz]e|better\b|follow up|understand|evaluate|examine|have a look|keep an eye"
    r"|reconsider|rethink|study|pay attention|take care|communicate|remember|raise awareness"
    r"|encourage|promote|foster|handle|care\b|more\b|continue|research|brainstorm|talk (?:to|about)|we (?:should"
    r"|could|need|must|might)|someone|somebody|everyone|maybe|possibly|perhaps)\b",
    re.IGNORECASE,
)
# A number, a path, a name as machines have it, or something in quotes or code: one can see whether it is done.
_TESTABLE: Final = re.compile(
    r"\d|`|[a-z][A-Z]|[/_]|--\w|[\"'\u201c]|\bp\d\d\b|\b[a-z]+-[a-z]+-[a-z]+\b|\bbelow\b|\bwithin\b|\bat least\b"
    r"|\bat most\b|\bevery (?:week|month|quarter|night|day)\b"
)
# `shop/orders-team`, `R&D`, `alice+oncall@example.com` and `https://accounts.example.com#alice` are one each.
_NOT_ONE: Final = re.compile(r"\band\b|[,;]|\s[/&+]|[/&+]\s|\bor\b", re.IGNORECASE)
_NOBODY: Final = re.compile(
    r"^(?:tbd|tba|todo|none|nobody|unknown|n/?a|-+|\?+|everyone|everybody|all|the team|team|we|us|somebody|someone"
    r"|whoever|to be (?:decided|defined|determined|assigned)|unassigned)$|\?$",
    re.IGNORECASE,
)


def _where(item: Item, field: str) -> str:
    return f"actionItems[{item.name}].{field}"


def _vague(whole: Whole) -> Iterator[Found]:
    for item in whole.items:
        title = item.title.strip()
        few = len(re.findall(r"\w+", title)) < TITLE_WORDS
        if item.there and (few or (_VAGUE.search(title) and not _TESTABLE.search(title))):
            yield Found(_where(item, "title"), _cut(title) or "(empty)")


def _owner(whole: Whole) -> Iterator[Found]:
    for item in whole.items:
        owner = item.owner.strip()
        if item.there and (not owner or _NOBODY.search(owner) or _NOT_ONE.search(owner)):
            yield Found(_where(item, "owner"), _cut(owner) or "(nobody)")


def _due(whole: Whole) -> Iterator[Found]:
    for item in whole.items:
        if item.there and not re.match(r"\d{4}-\d{2}-\d{2}", item.due):
            yield Found(_where(item, "dueTime"), _cut(item.due) or "(no date)")


def _missing(whole: Whole) -> Iterator[Found]:
    yield from (
        Found(f"actionItems[{item.name}]", "there is no such ActionItem") for item in whole.items if not item.there
    )


def _too_many(whole: Whole) -> Iterator[Found]:
    named = [item.name for item in whole.items if item.counts]
    if len(named) > whole.items_max:
        yield Found("spec.actionItems", f"{len(named)}: {', '.join(named)}"[:EXCERPT_MAX])


# --- the rest --------------------------------------------------------------------------------------------------------


def _luck(whole: Whole) -> Iterator[Found]:
    if not [each for each in whole.spec.get("gotLucky") or () if str(each).strip()]:
        yield Found("spec.gotLucky", "(empty)")


_UNFILLED: Final = re.compile(
    r"\bto be (?:filled|answered|written|done|completed)\b|\bTBD\b|\bTODO\b|\bFIXME\b|\bXXX\b|\?\?\?"
    r"|\blorem ipsum\b|<[^<>]{3,60}>\s*$|^\s*\.\.\.\s*$",
    re.IGNORECASE,
)


def texts(spec: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Every text that people write, by its field. Of the timeline what stanch itself wrote down is left out."""
    for name in ("summary", "detection", "response", "recovery", "lessons"):
        if spec.get(name):
            yield f"spec.{name}", str(spec[name])
    for name, value in (spec.get("impact") or {}).items():
        if isinstance(value, str):
            yield f"spec.impact.{name}", value
    for number, line in enumerate(spec.get("timeline") or ()):
        if line.get("by") != "stanch" and line.get("text"):
            yield f"spec.timeline[{number}].text", str(line["text"])
    for number, factor in enumerate(spec.get("factors") or ()):
        for part in ("statement", "layer", "accepted"):
            if factor.get(part):
                yield f"spec.factors[{number}].{part}", str(factor[part])
    for name in ("whys", "wentWell", "wentBadly", "gotLucky"):
        for number, text in enumerate(spec.get(name) or ()):
            yield f"spec.{name}[{number}]", str(text)


def _unfilled(whole: Whole) -> Iterator[Found]:
    """The timeline has no questions of the draft: what somebody said that night, `Todo: ...` among it, is what was said."""
    for field, text in texts(whole.spec):
        if not field.startswith("spec.timeline") and _UNFILLED.search(text):
            yield Found(field, _cut(text))


RULES: Final = (
    FormRule("summary-stands-alone", "Most people read nothing else, and many of them were not there",
             f"When it began (14:02), how long it lasted, what users felt, what ended it; {SUMMARY_WORDS} words or "
             f"more", _summary),
    FormRule("impact-in-numbers", "Without a number nobody can compare it with the last one, nor say what is worth doing",
             "Minutes, requests, users, orders or a share of the error budget", _impact),
    FormRule("few-factors", "With one or two factors the layers that did not hold are not looked at",
             "Ask what made it possible, what made it likely, what let it grow, kept it unseen, made it last", _few_factors),
    FormRule("factor-unanswered", "A factor that nothing answers is there the next time",
             "Name it in `answers` of an ActionItem, or write `accepted`: why nothing is done about it", _unanswered),
    FormRule("whys-end-in-structure", "The last answer is what is changed: people can't be, structure can",
             "Ask once more: what in the pipeline, tool, limit, alert, runbook or design let that have this effect?", _whys),
    FormRule("luck-is-named", "What went well by chance goes badly the next time, and nothing shows it",
             "Say where luck helped; `nothing` is an answer", _luck),
    FormRule("action-vague", "In three weeks nobody can say whether it is done",
             "A verb and a thing, and what one can see: `Alert when pool use is above 80 % for 5 min`", _vague, full=False),
    FormRule("action-owner", "What several people own, nobody does", "Exactly one person or team by name", _owner, full=False),
    FormRule("action-due", "Without a date it is a wish", "A date: P0 a week, P1 three, P2 six, P3 a quarter", _due, full=False),
    FormRule("action-missing", "A name in spec.actionItems that no ActionItem has is chased by nobody",
             "Create it, or take the name out", _missing, full=False),
    FormRule("action-too-many", "Of fifteen actions none gets done", "Keep what answers the widest factors",
             _too_many, full=False),
    FormRule("unfilled", "A question of the draft is still there", "Answer it, or take the line out", _unfilled, full=False),
)  # fmt: skip
