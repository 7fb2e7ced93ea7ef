"""
Rules about people: as the cause, as human error, judged, and punished.

People may be named for what they saw, knew, decided and did (Just Culture: witnesses, not defendants). What makes it blame is
a fault of theirs, or an outcome pinned on them; a reason in the system in the same sentence makes it a finding again.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from stanch.core.lint.frames import framed
from stanch.core.lint.people import named_person, person
from stanch.core.lint.rule import Crowd, Found, Rule, Said, by_pattern

_OFTEN: Final = (
    r"(?:\s+(?:has|have|had|then|also|again|once|later|accidentally|mistakenly|inadvertently|carelessly|wrongly"
    r"|hastily|simply|just"
    r"|clearly|obviously|repeatedly|knowingly|reportedly|unfortunately|apparently|both|all))*"
)
_BAD: Final = (
    r"(?:bad|wrong|broken|faulty|incorrect|invalid|buggy|untested|unreviewed|half-finished|dangerous|defective"
    r"|flawed|erroneous"
    r"|mistaken|incomplete|misconfigured)"
)
# A fault whatever the reason is.
_STRONG: Final = (
    r"forgot(?:ten)?|forgets|neglected|failed to|fails to|messed up|screwed up|botched|blundered|panicked"
    r"|violated"
    r"|broken?|caused|brought down|took down|took out|knocked out|crashed (?:the|production|checkout)|misjudged"
    r"|mishandled|fumbled"
    r"|(?:was|is|were|are) (?:to blame|at fault|guilty|careless|negligent|reckless|sloppy|lazy|incompetent"
    r"|the culprit|the root cause)"
    r"|(?:was|is|were|are) responsible for (?:the|this|that) (?:outage|incident|failure|breakage|downtime|loss"
    r"|error|mistake)"
    r"|(?:was|were) supposed to|(?:made|makes|making) (?:(?:a|an|the|this|that|several|two|many)\s+)?(?:\w+\s+){0,2}"
    r"(?:mistakes?|errors?|blunders?|typos?|bad call|wrong call|poor decision|poor choice|bad decision)"
    r"|(?:was|were) (?:unprepared|inattentive|distracted|overconfident|too slow|slow to|asleep at|not up to"
    r"|unwilling|in over|out of (?:his|her|their) depth)"
    r"|slept through|waved (?:it|the \w+|this) through|overwrote|lost track|did(?:n't| not) take \w+(?: \w+)? seriously"
    r"|[^.;]{3,60}? and (?:broke|caused|crashed|took down|brought down|wiped|destroyed|corrupted)"
    r"|lacked (?:the )?(?:care|diligence|attention|discipline|judge?ment|skill)s?|(?:could|can)(?:n't| not) be bothered"
    r"|let (?:us|the team|everyone|users) down"
)
# A fault only when nothing in the system is named as the reason.
_WEAK: Final = (
    r"(?:did(?:n't| not)|do(?:es)?(?:n't| not)|never|had(?:n't| not)) (?:even |properly |carefully |bother(?:ed)? to )?"
    r"(?:check|verif|test|follow|read|notic|pay|think|double|ask|look|review|run|ran|communicat|reali[sz]|escalat"
    r"|consult|care|validat"
    r"|monitor|watch|back(?:ed)? up|inform|confirm|stop|bother|tell|told|say|said|mention|warn|announc|call|react)\w*"
    rf"|(?:\w+ed|ran|gave|sent|took|put|wrote|chose|set|made|left|cut)(?:\s+\S+){{0,2}}?\s+(?:{_BAD}|corrupt"
    rf"|untried|unsafe|outdated|stale)\b(?! (?:because|since))"
    r"|[^.;]{3,40}? without (?:\w+ing|any|a (?:test|check|review|backup|word)|permission|approval|authori[sz]ation"
    r"|consultation)\b"
    r"|ignored|overlooked|disregarded|skipped|bypassed|misread|misconfigured|mistyped|misunderstood|mixed up"
    r"|omitted|rushed"
    r"|missed (?:the|an?|this|that|his|her|their|it|several|two|three|obvious)\b"
    r"|(?:pushed|ran|deployed|merged|applied|deleted|dropped|typed|entered|executed|released|shipped|committed"
    r"|approved|changed|set"
    r"|edited|copied|pasted|gave|given|told|sent|shut off|shut down|pulled|connected|plugged|unplugged|mounted"
    r"|formatted|cut|picked|chose|selected|restarted|scaled|drained|rolled out|rebooted|rotated|removed"
    r"|disabled|turned off"
    r"|switched off|wiped|uploaded|published|wrote|introduced|opened|pressed|clicked|used|triggered)"
    rf"(?:\s+\S+){{0,3}}?\s+{_BAD}\b"
    r"|(?:pushed|deployed|merged|ran|released|shipped|applied|approved|changed|restarted|deleted|acted"
    r"|rolled out)\b[^.;]*?"
    r"\b(?:without (?:any |proper |a )?(?:test|check|review|approv|ask|permission|think|backup|verif|tell|look|car)\w*"
    r"|by (?:mistake|accident)|on a Friday|and (?:broke|brought down|took down|crashed|wiped)|which (?:broke"
    r"|caused|brought down|took down)"
    r"|, (?:breaking|causing|bringing down|taking down))"
    r"|(?:accidentally|mistakenly|inadvertently|carelessly|wrongly) \w+|was in a (?:hurry|rush)"
    r"|(?:dropped|wiped|deleted|took offline|scaled) (?:the |a )?(?:production|primary|live)\b"
)
# A reason that is not a person: `because the dashboard does not show it`.
_BECAUSE: Final = re.compile(
    r"\b(?:because|since|as|for|so|although|while|whose|where)\s+(?:of\s+)?(?:the|a|an|its|no|nothing|neither|both"
    r"|two|three|each|every|it|there"
    r"|this|that|these|\u25a1+|[A-Z][\w-]+|[a-z]+s)\b",
)
_PERSON_AFTER: Final = r"\b(?:because|since|as|for)\s+(?:of\s+)?"


@lru_cache(maxsize=64)
def _faults(crowd: Crowd) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    who, one = person(crowd), named_person(crowd)
    # `(on her first day)`, `in Berlin`, `of the change`, `, who was new to the team,`.
    of = (
        r"(?:\s+(?:in|on|of|at|from|for|behind|with)\s+(?:(?:the|a|an|our|its|this|that"
        r"|each)\s+)?[\w-]+(?:\s+(?:call|duty|[\w-]+ team))?){0,2}?"
    )
    tail = rf"(?:\s+\([^)]*\))?{of}(?:\s*,?\s+who\b[^,.;]{{0,60}},?)?"
    strong = re.compile(rf"\b{who}\b{tail}(?i:{_OFTEN}\s+(?:{_STRONG}))\b")
    weak = re.compile(rf"\b{who}\b{tail}(?i:{_OFTEN}\s+(?:{_WEAK}))")
    faults = (
        r"(?:mistakes?|errors?|faults?|negligence|carelessness|oversights?|failures?|inexperience|typos?|blunders?"
        r"|inattention"
        r"|incompetence|misjudge?ments?|slip|poor judge?ment|bad judge?ment|lack of \w+|bad (?:change|deploy|push"
        r"|config\w*|merge))"
    )
    caused = (
        r"(?:caused by|due to|because of|owing to|the fault of|attributable to|attributed to|down to|thanks to"
        r"|blamed on|root cause:?)"
    )
    pinned = re.compile(
        rf"\b{one}(?:'s|s'|\u2019s)\s+(?:\w+\s+)?(?i:{faults})\b"
        rf"|(?i:\b(?:his|her|our|their|whose)\s+(?:\w+\s+)?{faults}\b)"
        rf"|(?i:{caused})\s+(?:(?i:was|is)\s+)?(?:(?i:an?|the)\s+)?(?i:(?:{faults})\s+(?:of|by)\s+)?{one}\b(?:'s|s'"
        rf"|\u2019s)?"
        rf"|(?i:\b(?:who|which {'(?:' + 'engineer|developer|person|team' + ')'})\s+(?:broke|caused|forgot|failed"
        rf"|messed|is to blame|was to blame))"
        rf"|(?i:\b(?:mistakes?|errors?|blunders?|faults?)\s+(?:by|of|made by)\s+){one}\b"
        rf"|(?i:\b(?:mistakes?|errors?|outage|incident|damage|loss) (?:was|were) (?:made|caused|triggered"
        rf"|introduced) by )(?:(?i:the|an?) )?{one}\b"
        rf"|\b{one}\s+(?i:with (?:too )?little experience|without experience)\b"
        rf"|(?i:\bblam(?:e|ed|es|ing)\s+){one}\b|(?i:\b(?:blame|fault|responsibility) (?:lies|lay|rests"
        rf"|falls) (?:with|on)\s+){one}\b"
    )
    asked = re.compile(
        rf"(?i:\bwhy\s+(?:did(?:n't| not)?|was(?:n't)?|had(?:n't)?|were(?:n't)?|would)\s+){one}\b(?!'s|\u2019s)"
    )
    return strong, weak, pinned, asked


def _person_as_cause(said: Said, crowd: Crowd) -> Iterator[Found]:
    strong, weak, pinned, asked = _faults(crowd)
    for pattern, may_be_explained in ((strong, False), (pinned, False), (asked, False), (weak, True)):
        match = pattern.search(said.plain)
        if match and not (may_be_explained and _explained(said.plain[match.end() :], crowd)):
            yield Found(said.field, said.around(*match.span()), framed(said.plain))
            return


def _explained(rest: str, crowd: Crowd) -> bool:
    """Is what follows a reason in the system, and not in the person again?"""
    reason = _BECAUSE.search(rest)
    return bool(reason) and not re.search(rf"{_PERSON_AFTER}(?:{person(crowd)}|(?i:they))\b", rest)


_ERROR: Final = re.compile(
    r"\b(?:human|operator|user|pilot|engineer|developer|people|manual|personnel)[- ](?:errors?|mistakes?|failures?"
    r"|fault)\b"
    r"|\berrors? of (?:a )?(?:humans?|person|people|operator)\b|\bhuman factors? (?:was|were) (?:the|to)\b"
    r"|\bfat[- ]finger\w*"
    r"|\bPEBKAC\b|\bfinger trouble\b|\bpilot error\b|\bsomeone's mistake\b"
    r"|\bwrong(?:ly)? handled by (?:a )?(?:human|person)",
    re.IGNORECASE,
)
# A design that reckons with slips is the opposite of blaming them; `user error rate` and `operator error logs` are things.
_RECKONED: Final = re.compile(
    r"\b(?:toler\w+|guards?\w*|protect\w*|robust|resilient|assum\w+|expect\w*|anticipat\w+|absorbs?|catch(?:es)?"
    r"|allow\w*|lets?|prevents?"
    r"|forgiv\w+|reckons?|made|makes|room for|possible|without calling|never say|not say|instead of|rather than"
    r"|beyond)\b[^.]*"
    r"(?:human|operator|user|manual|people)[- ](?:errors?|mistakes?)\b"
    r"|(?:user|operator|human)[- ]errors? (?:rates?|logs?|messages?|counts?|budget|metrics?|handling|codes?|pages?"
    r"|reports?|was made (?:possible|likely))"
    r"|(?:user|operator)[- ]failure (?:rates?|domains?|counts?)|manual (?:error|failure)(?: rate| count|over)",
    re.IGNORECASE,
)

_JUDGED: Final = re.compile(
    r"\bcareless(?:ly|ness)?\b|\breckless(?:ly|ness)?\b|\bnegligen(?:t|ce|tly)\b|\bincompeten(?:t|ce|tly)\b"
    r"|\bstupid(?:ly|ity)?\b"
    r"|\bsloppi(?:ly|ness)\b|\bsloppy\b|\blazy\b|\blaziness\b|\birresponsibl[ey]\b|\bfoolish(?:ly|ness)?\b"
    r"|\bidiot(?:ic)?\b|\bdumb(?:ly)?\b"
    r"|\bunprofessional(?:ly)?\b|\binexcusabl[ey]\b|\bunforgivabl[ey]\b|\brookie\b|\bblunder(?:s|ed)?\b"
    r"|\bthoughtless(?:ly|ness)?\b"
    r"|\bpoor judge?ment\b|\bbad judge?ment\b|\black of (?:care|diligence|discipline|attention|common sense"
    r"|professionalism)\b"
    r"|\bcommon sense\b|\bobvious(?:ly)? (?:mistake|wrong|error|that|should|they|he|she|we|not|missed|problem)\b"
    r"|\bclearly (?:wrong|should|did|knew|failed|a mistake)\b"
    r"|\bunacceptable (?:behaviou?r|mistake|error|conduct)\b|\bnaive(?:ly)?\b|\bamateurish\b|\bembarrassing\b"
    r"|\bshameful\b|\bcriminal(?:ly)?\b"
    r"|\bcowboy\b|\bdumbest\b|\bsilly\b|\bclueless\b|\bfailed us\b|\bdid a (?:bad|poor|terrible) job\b"
    r"|\binattenti(?:on|ve)\b",
    re.IGNORECASE,
)
# Words of the trade that sound like it.
_TRADE: Final = re.compile(
    r"\blazy[- ](?:load\w*|initiali[sz]\w*|init\w*|evaluat\w*|connect\w*|writ\w*|import\w*|eval\w*|creation"
    r"|deletion|expir\w*|propagation|pull\w*|restor\w*)"
    r"|\bsloppy[- ]quorums?\b|\bsilly[- ]window\b|\bcriminal (?:traffic|actors?|investigation)\b"
    r"|\bdumb[- ](?:terminal|pipe|proxy)\w*"
    r"|\bnaive[- ](?:bayes|retr\w+|implementation|round|search|polling|hash\w*|backoff)",
    re.IGNORECASE,
)
_PUNISHED: Final = re.compile(
    r"\breprimand\w*|\bHR (?:has|was|will|is|had)\b|\binformed HR\b|\bdisciplinary\b|\bpunish\w*"
    r"|\bwritten warning\b|\bheld (?:personally |fully )?(?:accountable"
    r"|liable)\b"
    r"|\bhold (?:\w+\s){0,3}(?:personally )?accountable\b|\bperformance (?:review|improvement plan|plan)\b"
    r"|\bconsequences for (?:the|him|her|them|those|whoever)\b"
    r"|\brevok\w+ (?:his|her|their) access\b|\b(?:his|her|their) (?:access|rights?|permissions?) (?:was|were"
    r"|has been|have been|is|are) (?:revoked|removed|taken)\b|\b(?:will|was|were|has been|be) (?:fired|sacked"
    r"|dismissed|let go"
    r"|demoted|retrained)\b(?! (?:at|by|on|when|after|too|again|within|\d|for|every|twice|once))",
    re.IGNORECASE,
)
_NOT_PUNISHED: Final = re.compile(
    r"\b(?:alerts?|pages?|rules?|alarms?|events?|probes?|triggers?|notifications?|timers?|jobs?|hooks?"
    r"|models?)\b[^.]*\bfired\b"
    r"|\bmodel\b[^.]*retrained|\bnot a performance review\b|\bconnections?\b[^.]*let go|\bnobody (?:is|was"
    r"|will be) punished\b"
    r"|\bpunish\w* (?:the )?(?:caches?|databases?|tail|latenc\w+|retries|brokers?|disks?)",
    re.IGNORECASE,
)

RULES: Final = (
    Rule(
        "person-as-cause",
        "A person is the subject of a fault, and the question ends there. They did what made sense with what they could see; "
        "the next one in the same place will do it, too",
        "Say what the system let happen; name people for what they saw, knew and did",
        _person_as_cause,
    ),
    Rule(
        "human-error",
        "Human error is where an investigation stops, not what it finds: a slip is normal, and a system that turns it into an "
        "outage is what can be changed",
        "Say what made the slip possible, what made it likely, and what let it reach so many users",
        by_pattern(_ERROR, _RECKONED),
    ),
    Rule(
        "judgement",
        "It judges people by what is known only now; whoever is judged tells less the next time",
        "Say what was visible at that moment, in numbers, and leave the adjective out",
        by_pattern(_JUDGED, _TRADE),
    ),
    Rule(
        "punishment",
        "A postmortem is no performance review: where there are consequences for people, the next record is a fiction",
        "Leave it out; what is to be changed in the system is an action item",
        by_pattern(_PUNISHED, _NOT_PUNISHED),
    ),
)
