"""
What does not belong on a page that users read, and why (decisions 2.10): a cause that is taken back tomorrow, a promise of an end,
words of the machine room, blame. It reads English, knows sentences and no meaning, and says so by asking, not by refusing.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from stanch.api.said import UpdateState


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing: the rule, what was found (empty when something is missing), and what would be better."""

    rule: str
    found: str
    better: str

    def __str__(self) -> str:
        what = f'"{self.found}"' if self.found else "nothing"
        return f"{self.rule}: {what}: {self.better}"


@dataclass(frozen=True, slots=True)
class Context:
    """What the text is about: where it stands, and the names of things that only we know."""

    state: UpdateState
    names: frozenset[str] = frozenset()


def _any(*parts: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{part})" for part in parts), re.IGNORECASE)


_CAUSE: Final = _any(
    r"\bbecause(?: of)?\b",
    r"\bdue to\b",
    r"\bowing to\b",
    r"\bcaused by\b",
    r"\b(?:the|a|root|likely|probable|possible) causes?\b(?! is not| of this is not| has not)",
    r"\bas a (?:result|consequence) of\b",
    r"\b(?:a|the) (?:bug|defect|memory leak|regression|misconfiguration|race condition|typo)\b",
    r"\b(?:bug|error|mistake|flaw) in (?:our|the|a)\b",
    r"\b(?:we|it) (?:believe|suspect|think|assume)s?\b",
    r"\bappears to (?:be|have been) (?:a|an|caused)\b",
    r"\b(?:triggered|introduced|broken) by\b",
    r"\b(?:faulty|bad|broken) (?:deploy(?:ment)?|release|update|config(?:uration)?|change|disk|switch|certificate)\b",
    r"\bstems? from\b",
)
# Nothing is named by it: taken out before causes are looked for.
_UNKNOWN: Final = _any(
    r"(?:\b(?:can)?not|n['’]t)(?: yet| fully)? (?:know|knows|known|understand|have|found|name|say)(?: yet)?(?: what)? "
    r"(?:the|a) (?:root |exact )?cause\b",
    r"\b(?:look(?:s|ing)?|search(?:es|ing)?) for (?:the|a) (?:root |exact )?cause\b",
    r"\b(?:investigat(?:e|es|ing)|finding|to find) the (?:root |exact )?cause\b",
    r"\bthe (?:root |exact )?cause (?:is|remains)(?: still)? (?:unknown|unclear|being looked for|being investigated)\b",
)
_CODES: Final = _any(
    r"\b(?:HTTP|error|errors|code|status) ?[45]\d\d\b",
    r"\b[45]\d\d(?:s\b| errors?\b| responses?\b| (?:bad gateway|internal server|service unavailable))",
    # Alone where a page or an answer would stand, and not as a number of something.
    r"\b(?:see|sees|seeing|saw|shows?|gets?|getting|got|return|returns|returned|receive[sd]?|an?) [45]\d\d\b"
    r"(?=[.,;:!?)](?!\d)|$| (?:when|while|if|on|instead|as|after|since|pages?)\b)",
    r"\b[45]xx\b",
    r"\bOOM\w*\b",
    r"\bCrashLoop\w*\b",
    r"\b(?:pods?|kubernetes|k8s|containers?|kubelet|namespace|replicas?|etcd|daemonset|statefulset)\b",
    r"\b(?:deployments?|rollbacks?|rolled back|rolling back|failover|hotfix)\b",
    r"\b(?:nodes?|clusters?|databases?|DNS|TLS|CPU|load balancers?|cache|queue|backend|microservices?|API gateway)\b",
    r"\bp9\d\b",
    r"\b(?:SEV-?[1-4]|P[0-3])\b",
    r"\b(?:stack ?trace|exception|segfault|null pointer|timeouts?|mutex|deadlock|latency)\b",
    r"\b[a-z0-9]+(?:-[a-z0-9]+)*-[a-f0-9]{8,10}-[a-z0-9]{5}\b",
    r"\b\d{1,3}(?:\.\d{1,3}){3}\b",
)
_ESTIMATE: Final = _any(
    r"\bETA\b",
    r"\b(?:will|should|to) be (?:fixed|resolved|restored|back|repaired|over|available|working|up|ok(?:ay)?|online)\b",
    r"(?:\bwill|['’]ll|\b(?:hope|expect|plan|aim|want|going|intend) to) (?:\w+ ){0,2}have (?:\w+ ){1,3}"
    r"(?:fixed|working(?! on)|back|running|resolved|restored|repaired|solved|online)\b",
    # Of us it is news that comes back then.
    r"(?<!we )\b(?:should|will|(?:expected|likely|going) to) (?:return|reopen|recover|resume|work again|come back)\b[^.]{0,20}"
    r"\b(?:at|by|before|around|within|in|today|tonight|tomorrow)\b",
    r"\b(?:fix|repairs?|recovery|restor(?:ing|ation))\b[^.]{0,40}\b(?:takes?|needs?)\b[^.]{0,25}\b(?:minutes?|hours?|days?)\b",
    r"\b(?:it|this) (?:will|should) take (?:us )?[^.]{0,25}\b(?:minutes?|hours?|days?)\b(?! (?:until|before))",
    r"\b(?:fix(?:ed)?|resol(?:ved?|ution)|restor(?:ed?|ation)|back (?:online|up|to normal)|recover(?:y|ed)?) "
    r"(?:is expected |expected |expects? )?(?:by|within|in) (?:the )?(?:next )?(?:about |around |~)?(?:\d|an? |one|two|few|next)",
    r"\b(?:expect|expected|estimate|anticipate)\w*\b(?:(?! update)[^.]){0,60}\b(?:fix|resol|restor|recover|back|normal|end)\w*",
    r"\b(?:shortly|soon|any (?:minute|moment)|momentarily|in no time|imminent(?:ly)?)\b",
)
_BLAME: Final = _any(
    r"\b(?:human|operator|user) error\b",
    r"\b(?:mistake|fault|negligence)\b",
    r"\b(?:an?|one|our) (?:engineers?|developers?|employees?|admins?|colleagues?|vendors?|contractors?|suppliers?) "
    r"(?:has |have |had )?(?:pushed|deployed|deleted|misconfigured|broke|made|forgot|accidentally|caused|failed)\b",
    r"\b(?:blame|careless\w*|incompetent)\b",
)
_REASSURES: Final = _any(
    r"\bshould be fine\b",
    r"\bno(?:thing)? (?:need|reason)? ?to worry\b",
    r"\bdon'?t worry\b",
    r"\b(?:only|just) (?:a )?(?:small|few|handful|minor|tiny)\b",
    r"\b(?:minor|slight|small) (?:issue|problem|glitch|hiccup|inconvenience)\b",
    r"\b(?:glitch|hiccup|blip)\b",
)
_NEXT: Final = _any(
    r"\bupdates?\b[^.]{0,60}\b(?:at|by|within|in|before|every)\b[^.]{0,20}(?:\d|\b(?:an|one|half|two|thirty|twenty|fifteen)\b)",
    r"\b(?:at|by|within|in|every)\b[^.]{0,20}\d[^.]{0,40}\bupdates?\b",
    r"\b(?:post|write|say more|report|be back|tell you more|share more|news)\b[^.]{0,40}\b(?:at|by|within|in|every)\b[^.]{0,12}\d",
)
_EFFECT: Final = _any(
    r"\b(?:can ?not|can'?t|could not|couldn'?t|unable|not able|are able|can again|may not|might not|not be able)\b",
    r"\b(?:fail(?:s|ed|ing)?|slow(?:er|ly|ness)?|unavailable|delay(?:s|ed)?|missing|interrupted|unreachable|degraded|late|wrong)\b",
    r"\b(?:users?|customers?|visitors?|you|your|people|orders?|payments?|uploads?|sign-?ins?|logins?|logging in)\b",
    r"\b(?:trouble|errors? when|do(?:es)? not (?:load|work|open|arrive)|did not (?:load|work|arrive)|stopped)\b",
)


def lint(text: str, about: Context) -> list[Finding]:
    """What is found, each rule at most once, in the order in which it matters to a reader."""
    flat = " ".join(text.split())
    return [finding for rule in RULES for finding in rule(flat, about)]


def _found(rule: str, pattern: re.Pattern[str], better: str) -> Callable[[str, Context], Iterator[Finding]]:
    def look(text: str, _: Context) -> Iterator[Finding]:
        found = pattern.search(text)
        if found is not None:
            yield Finding(rule, found[0][:60], better)

    return look


def _cause(text: str, about: Context) -> Iterator[Finding]:
    better = "leave causes to the review: one that is named now is often taken back tomorrow"
    yield from _found("Cause", _CAUSE, better)(_UNKNOWN.sub(" ", text), about)


def is_ours(name: str) -> bool:
    """Is it a name that only we know, or a word of the machine room? A plain word is often what users call it."""
    return re.search(r"[-\d]", name) is not None or _CODES.search(name) is not None


def _names(text: str, about: Context) -> Iterator[Finding]:
    """Names of targets that only we know."""
    ours = sorted(name for name in about.names if is_ours(name))
    found = next(
        (name for name in ours if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text, re.IGNORECASE)), None
    )
    if found is not None:
        yield Finding("Terms", found[:60], "say what users call it: the name is known to nobody outside")


def _no_effect(text: str, _: Context) -> Iterator[Finding]:
    if _EFFECT.search(text) is None:
        yield Finding("Effect", "", "say first what users can't do, or see; then what is done about it")


def _no_time(text: str, about: Context) -> Iterator[Finding]:
    if about.state is not UpdateState.RESOLVED and _NEXT.search(text) is None:
        yield Finding("NextUpdate", "", "end with when the next update comes, also if nothing is known by then")


Rule = Callable[[str, Context], Iterable[Finding]]
RULES: Final[tuple[Rule, ...]] = (
    _cause,
    _found(
        "Estimate", _ESTIMATE, "promise the next update, not the end: a missed end is remembered longer than the outage"
    ),
    _found("Terms", _CODES, "say what users see, in their words: this is a word of the machine room"),
    _names,
    _found("Blame", _BLAME, "say what happened to users; who did what is nobody's first question"),
    _found("Reassurance", _REASSURES, "leave it to the reader how bad it is: who can't pay is not in a minor issue"),
    _no_effect,
    _no_time,
)
