"""
Is an action item specific and testable? Each rule says what is so, and what would be better; nothing waits for it.

Sources: decisions 2.11 (starts with a verb and names a thing, one owner, a due time by priority, five at most), seed 2 (vague
items are dropped in silence), seed 4 (owned, dated, testable).
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stanch.api import duration
from stanch.api.action_item import FINDINGS_MAX, ActionItem, Finding
from stanch.api.meta import instant
from stanch.api.policy import DEFAULT, Policy
from stanch.core.done_when import wrong

# Verbs that name no result: nobody can say when it is done.
VAGUE: Final = re.compile(
    r"(improve|enhance|optimi[sz]e|consider|investigate|explore|discuss|evaluate|review|ensure|try|think|look (into|at)"
    r"|make sure|work on|be aware|study|examine|analy[sz]e|research|strive|address|handle|revisit|assess)\b"
)
# Care is no mechanism: it is gone the night it is needed (seed 1).
CARE: Final = re.compile(
    r"\b(be (more )?careful|pay (more )?attention|remember to|remind|don't forget|double[- ]check|take care|be vigilant"
    r"|avoid mistakes|train people|educate)\b"
)
# What opens a title that is no order to do something; and nouns that are orders as well, unless something of theirs follows.
_NO_ORDER: Final = re.compile(
    r"(an?|the|no|not|more|better|less|some|we|our|they|it|there|this|that|needs?|lack"
    r"|[a-z]+(tions|ments|ness|ity|ing|ship))$"
)
_MAYBE_ORDER: Final = re.compile(r"[a-z]+(tion|ment|age|ance|ence)$")
_OF_IT: Final = re.compile(
    r"(of|for|in|on|at|by|with|to|about|against|between|during|is|are|was|were|must|should|needs?|and)$"
)
_ORDERS: Final = re.compile(r"(bring|ring|ping)$")
_NOBODY: Final = re.compile(
    r"(tb[da]|todo|nobody|noone|none|unknown|every(one|body)|all|some(one|body)|team|n/a|\?|-)$"
)
_SEVERAL: Final = re.compile(r"\s(and|or|und|et)\s|[,;?]|\s[&/+]|[&/+]\s")
_TELLS: Final = re.compile(
    r"\b(done (when|once|if)|until|verified|proved|proven|shows?|passes|alert fires|acceptance|so that|measured|test(ed|s)?)\b",
    re.IGNORECASE,
)
_WORDS_MIN: Final = 3


@dataclass(frozen=True, slots=True)
class Sibling:
    """Another item of the same incident or postmortem that is not done."""

    name: str
    created: datetime
    machine: bool = False


@dataclass(frozen=True, slots=True)
class Context:
    """What a rule may look at besides the item: the policy, and what else is to be done after the same incident."""

    policy: Policy = DEFAULT
    siblings: Sequence[Sibling] = ()


Rule = Callable[[ActionItem, Context], Iterator[Finding]]


def lint(item: ActionItem, context: Context) -> tuple[Finding, ...]:
    """What is not specific or testable, in the order of the rules."""
    return tuple(finding for rule in RULES for finding in rule(item, context))[:FINDINGS_MAX]


def vague_verb(item: ActionItem, _: Context) -> Iterator[Finding]:
    """A verb that names no result."""
    if found := VAGUE.match(item.spec.title.lower().strip()):
        text = f"`{found.group()}` names no result, so nobody can say when it is done; say what will be there"
        yield Finding(rule="VagueVerb", field="spec.title", text=text)


def asks_for_care(item: ActionItem, _: Context) -> Iterator[Finding]:
    """People were careful the last time, too."""
    if found := CARE.search(item.spec.title.lower()):
        text = f"`{found.group()}` asks people for care; name the guard, check or default that makes care unnecessary"
        yield Finding(rule="AsksForCare", field="spec.title", text=text)


def no_order(item: ActionItem, _: Context) -> Iterator[Finding]:
    """A title says what to do, not what is."""
    words = re.findall(r"[a-zA-Z'-]+", item.spec.title)
    first, second = [word.lower() for word in [*words, "", ""][:2]]
    noun = _NO_ORDER.match(first) or (_MAYBE_ORDER.match(first) and _OF_IT.match(second))
    if noun and not _ORDERS.match(first):
        text = f"it starts with `{first}`, not with a verb; begin with what is to be done: `Add …`, `Alert when …`"
        yield Finding(rule="NoVerb", field="spec.title", text=text)


def no_thing(item: ActionItem, _: Context) -> Iterator[Finding]:
    """Two words name no place."""
    if len(item.spec.title.split()) < _WORDS_MIN:
        yield Finding(rule="NamesNothing", field="spec.title", text="it names no thing; say what, and where")


def owner_is_one(item: ActionItem, _: Context) -> Iterator[Finding]:
    """What two own nobody does."""
    owner = item.spec.owner.strip()
    if _NOBODY.match(owner.lower()):
        text = f"`{owner}` is nobody who could be asked in three weeks; name one person or one team"
        yield Finding(rule="NoOwner", field="spec.owner", text=text)
    elif _SEVERAL.search(owner):
        text = f"`{owner}` reads as several; exactly one person or team owns it"
        yield Finding(rule="SeveralOwners", field="spec.owner", text=text)


def not_testable(item: ActionItem, _: Context) -> Iterator[Finding]:
    """How does one see that it is done?"""
    spec = item.spec
    if spec.done_when is None and not _TELLS.search(f"{spec.title} {spec.description or ''}"):
        text = "nobody can tell when it is done; write doneWhen, or `Done when …` in the description"
        yield Finding(rule="NotTestable", field="spec.doneWhen", text=text)
    if spec.done_when is not None and (problem := wrong(spec.done_when)):
        field, _colon, text = problem.partition(": ")
        yield Finding(rule="DoneWhenInvalid", field=field, text=text)


def incomplete(item: ActionItem, _: Context) -> Iterator[Finding]:
    """Priority, kind, and what it answers."""
    spec = item.spec
    if spec.priority is None:
        yield Finding(rule="NoPriority", field="spec.priority", text="without one it comes after all that have one")
    if spec.kind is None:
        text = "say what it does about the next time: Prevent, Detect, Mitigate or Process"
        yield Finding(rule="NoKind", field="spec.kind", text=text)
    if spec.postmortem is not None and not spec.answers and not _drafted(item):
        text = f"it answers no contributing factor of postmortem {spec.postmortem}; name the factor"
        yield Finding(rule="AnswersNothing", field="spec.answers", text=text)


def _drafted(item: ActionItem) -> bool:
    return item.metadata.labels.get("app.kubernetes.io/managed-by") == "stanch"


def due_too_late(item: ActionItem, context: Context) -> Iterator[Finding]:
    """What is urgent is due soon."""
    spec = item.spec
    most = context.policy.items_due.get(spec.priority.value) if spec.priority is not None else None
    if most is not None and spec.due_time > item.metadata.creation_timestamp + most:
        latest = instant(item.metadata.creation_timestamp + most)
        text = f"{spec.priority} is due within {duration.write(most)}: by {latest}; bring it forward, or lower the priority"
        yield Finding(rule="DueTooLate", field="spec.dueTime", text=text)


def too_many(item: ActionItem, context: Context) -> Iterator[Finding]:
    """Five that get done beat twenty that do not (seed 1)."""
    me = Sibling(item.metadata.name, item.metadata.creation_timestamp, _drafted(item))
    most = context.policy.items_max
    line = sorted({me, *context.siblings}, key=lambda s: (not s.machine, s.created, s.name))
    if line.index(me) >= most:
        what = f"postmortem {item.spec.postmortem}" if item.spec.postmortem else f"incident {item.spec.incident}"
        text = f"no. {line.index(me) + 1} of {len(line)} that are open of {what}; {most} are as many as get done: merge or drop"
        yield Finding(rule="TooMany", field="spec", text=text)


RULES: Final[tuple[Rule, ...]] = (
    vague_verb,
    asks_for_care,
    no_order,
    no_thing,
    owner_is_one,
    not_testable,
    incomplete,
    due_too_late,
    too_many,
)
