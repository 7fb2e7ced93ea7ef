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
    r"|broken?(?! (?:the|a|that|this) (?:\w+ )?(?:dependency|cycle|loop|deadlock|tie|lock|lease|circuit|chain|connection))"
    r"|caused|brought down|took down|took out|knocked out|crashed (?:the|production|checkout)|misjudged"
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
    # Inaction.
    r"|did nothing|noticed nothing|took no action|stood by|sat (?:on|idle|back)|dithered"
    r"|hesitated|(?:argued|debated|discussed|bickered|quarrel+ed|waited|talked)\b[^.;]{0,40}\b(?:instead of|rather than)"
    r"|let (?:the|it|its|a|an|this|that|things|all)\b[^.;]{0,40}?\b(?:fill|run|expire|lapse|drop|slip|grow|happen|pile|rot"
    r"|overflow|die)"
    r"|dismissed|brushed (?:it |this |them )?aside|shrugged|lost (?:control|the overview|sight)|turned a blind eye"
    r"|(?:chose|decided|preferred) (?:to (?:ignore|live with|skip|look away|carry on|postpone)|not to)|gave up|refused to"
    # Slips of the hand.
    r"|fat-?\s?(?:thumbed|fingered)|fumbled|slipped up|mis-?(?:typed|spelled|spelt|keyed|clicked|pasted|copied|configured"
    r"|judged|counted)"
    # What they did not know or could not do.
    r"|(?:was|were) (?:not|un)[- ]?(?:familiar|trained|qualified|prepared|experienced|aware of the (?:procedure|rule|policy))"
    r"|(?:was|were) out of (?:line|order)|knew better|had no (?:idea|clue|business)"
)
# To take away what is bad is a cure; that it was the wrong one is told by `the wrong`.
_CURES: Final = (
    r"(?:removed|disabled|restarted|drained|replaced|repaired|fixed|reverted|restored|corrected|cleared|isolated"
    r"|quarantined|evicted|deleted"
    r"|turned|switched|found|identified|noticed|detected|flagged|recovered|rolled|scaled|rebooted|stopped|blocked|purged"
    r"|rejected|handled)"
)
# A fault only when nothing in the system is named as the reason.
_WEAK: Final = (
    r"(?:did(?:n't| not)|do(?:es)?(?:n't| not)|never|had(?:n't| not)) (?:even |properly |carefully |bother(?:ed)? to )?"
    r"(?:check|verif|test|follow|read|notic|pay|think|double|ask|look|review|run|ran|communicat|reali[sz]|escalat"
    r"|consult|care|validat"
    r"|monitor|watch|back(?:ed)? up|inform|confirm|stop|bother|tell|told|say|said|mention|warn|announc|call|react)\w*"
    rf"|(?!{_CURES})(?:\w+ed|ran|gave|sent|took|put|wrote|chose|set|made|left|cut)(?:\s+[^\s,;]+){{0,2}}?\s+(?:{_BAD}|corrupt"
    rf"|untried|unsafe|outdated|stale)\b(?! (?:because|since))"
    r"|[^.;]{3,40}? without (?:\w+ing|any|a (?:test|check|review|backup|word)|permission|approval|authori[sz]ation"
    r"|consultation)\b"
    r"|ignored|overlooked|disregarded|skipped|bypassed|misread|misconfigured|mistyped|misunderstood|mixed up"
    r"|omitted|rushed"
    r"|missed (?:the|an?|this|that|his|her|their|it|several|two|three|obvious)\b"
    r"|(?:pushed|ran|deployed|merged|applied|deleted|dropped|typed|entered|executed|released|shipped|committed"
    r"|approved|changed|set"
    r"|edited|copied|pasted|gave|given|told|sent|connected|plugged|mounted"
    r"|formatted|cut|picked|chose|selected|rolled out|rotated|wiped|uploaded|published|wrote|introduced|opened|pressed"
    r"|clicked|used|triggered)"
    rf"(?:\s+[^\s,;]+){{0,3}}?\s+{_BAD}\b"
    r"|(?:pushed|deployed|merged|ran|released|shipped|applied|approved|changed|restarted|deleted|acted"
    r"|rolled out)\b[^.;]*?"
    r"\b(?:without (?:any |proper |a )?(?:test|check|review|approv|ask|permission|think|backup|verif|tell|look|car)\w*"
    r"|by (?:mistake|accident)|on a Friday|and (?:broke|brought down|took down|crashed|wiped)|which (?:broke"
    r"|caused|brought down|took down)"
    r"|, (?:breaking|causing|bringing down|taking down))"
    r"|(?:accidentally|mistakenly|inadvertently|carelessly|wrongly|incorrectly|erroneously) \w+|was in a (?:hurry|rush)"
    # The right thing in the wrong place, and what was left as it was.
    r"|\w+(?:ed|an|ave|ook|ut)\b[^.;]{0,60}? (?:to|in|on|against|into) (?:the )?(?:production|prod|live|primary)\b[^.;]{0,30}?"
    r" (?:instead of|rather than) "
    r"|(?:\w+ed|ran|gave|sent|took|put|wrote|chose|set|made|left|cut|shut|hit)\b[^.;]{0,50}?\bthe wrong\b"
    r"|(?:\w+ed|ran|sent|put|wrote|made)\b[^.;]{0,50}? before (?:reading|checking|testing|looking|asking|verifying|thinking"
    r"|reviewing)\b"
    r"|(?:committed|pushed|published|posted|leaked|pasted|shared) (?:the|an?|our|their|his|her) (?:\w+ )?(?:password|secret"
    r"|token|key|credential)s?\b"
    r"|sleeps?|slept|(?:was|were|is) asleep"
    r"|(?:\w+ed|ran|gave|sent|took|put|wrote|set|made|cut)\b[^.;]{0,40}? against (?:the )?(?:live|production|prod|wrong)\b"
    r"|left (?:the|a|an|it|its|his|her|their)\b[^.;]{0,50}?\b(?:on|off|open|running|behind|unattended|unlocked|enabled"
    r"|disabled|out|in place)\b"
    r"|(?:dropped|wiped|deleted|took offline|scaled) (?:the |a )?(?:production|primary|live)\b"
)
_SECOND: Final = (
    r"forgot|neglected|failed to|ignored|overlooked|skipped|did nothing|panicked|gave up|chose (?:to (?:ignore|live with"
    r"|skip)|not to)"
    r"|(?:did not|didn't|never) (?:check|verif|test|act|tell|ask|read|escalat|report|react|say|follow|look|notic)\w*"
)
# An operator is a program as often as a person; what only a person does tells.
_OPERATOR: Final = (
    r"\b(?:an?|the|our|one|another)\s+(?:[\w-]+ )?operators?\b[^.;]{0,90}?\b(?:forgot(?:ten)?|neglected to|misread|mis-?typed"
    r"|panicked|was (?:tired|distracted|careless|inattentive|asleep|confused)|fat-?fingered)\b"
)
_NOBODY_DID: Final = (
    r"(?:noticed|looked|checked|asked|reacted|acted|tested|verified|bothered|thought|cared|paid|questioned"
    r"|objected|reviewed|spoke up|stepped in)"
)
# A person's state as the reason: `because she was not looking`.
_STATE: Final = (
    r"(?:was|were|is|are|had|has)(?:n't| not)? (?:\w+ )?(?:looking|paying|watching|listening|concentrating|careful|thinking"
    r"|trained|qualified"
    r"|experienced|inexperienced|tired|exhausted|careless|new|distracted|inattentive|in a (?:hurry|rush)|rushing|lazy|drunk"
    r"|asleep|unfamiliar"
    r"|untrained|overconfident|stressed|confused|slow|unprepared|bothered)\b"
)
# `for an hour` is a time and no reason.
_TIME: Final = (
    r"(?:an?|the|two|three|\d+|half an?|over an?|about an?)\s+(?:\w+\s+)?"
    r"(?:second|minute|hour|day|night|week|month|time|while|moment)s?\b"
)
# A reason that is not a person: `because the dashboard does not show it`.
_BECAUSE: Final = re.compile(
    rf"\b(?:because|since|as|for|so|while|whose|where)\s+(?:of\s+)?(?!{_TIME})(?:the|a|an|its|no|nothing|neither|both"
    r"|two|three|each|every|it|there"
    r"|this|that|these|\u25a1+|[A-Z][\w-]+|[a-z]+s)\b",
)
_PERSON_AFTER: Final = r"\b(?:because|since|as|for)\s+(?:of\s+)?"


@lru_cache(maxsize=64)
def _faults(crowd: Crowd) -> tuple[re.Pattern[str], ...]:
    who, one = person(crowd), named_person(crowd)
    # `(on her first day)`, `in Berlin`, `of the change`, `, who was new to the team,`.
    of = (
        r"(?:\s+(?:in|on|of|at|from|for|behind|with)\s+(?:(?:the|a|an|our|its|this|that"
        r"|each)\s+)?[\w-]+(?:\s+(?:call|duty|team|group|department|shift|[\w-]+ team))?){0,2}?"
    )
    tail = rf"(?:\s+\([^)]*\))?{of}(?:\s*,?\s+who\b[^,.;]{{0,60}},?)?"
    strong = re.compile(rf"\b{who}\b{tail}(?i:{_OFTEN}\s+(?:{_STRONG}))\b")
    weak = re.compile(rf"\b{who}\b{tail}(?:,? (?:who|that))?(?i:{_OFTEN}\s+(?:{_WEAK}))")
    faults = (
        r"(?:mistakes?|errors?|faults?|negligence|carelessness|oversights?|failures?|inexperience|typos?|blunders?"
        r"|inattention"
        r"|incompetence|misjudge?ments?|slip|poor judge?ment|bad judge?ment|lack of \w+|bad (?:change|deploy|push"
        r"|config\w*|merge))"
    )
    caused = (
        r"(?:traces? back to|traced (?:back )?to|laid at the (?:door|feet) of|boils? down to|comes? down to|had it not been for"
        r"|but for|caused by|due to|because of|owing to|the fault of|attributable to|attributed to|down to"
        r"|blamed on|root cause:?)"
    )
    pinned = re.compile(
        rf"\b{one}(?:'s|s'|\u2019s)\s+(?:\w+\s+)?(?i:{faults})\b"
        rf"|(?i:\b(?:his|her|our|their|whose)\s+(?:\w+\s+)?{faults}\b(?! (?:rates?|budgets?|report\w*|logs?|pages?|codes?"
        rf"|messages?|handling|track\w*|count\w*|monitor\w*|metrics?|domains?|modes?|detect\w*|recovery|rollback)))"
        rf"|(?i:{caused})\s+(?:(?i:was|is)\s+)?(?:(?i:an?|the)\s+)?(?i:(?:{faults})\s+(?:of|by)\s+)?{one}\b(?:'s|s'"
        rf"|\u2019s)?"
        rf"|(?i:\bthanks to )(?:(?i:an?|the) )?{one}\b[^.;]*\b(?i:down|broken?|fail\w*|lost|outage|crash\w*|wrong|slow|late)\b"
        rf"|(?i:\bit was ){one}(?:'s|s'|\u2019s)\s+[^.;]{{2,40}}?\b(?i:that (?:took|brought|broke|caused|crashed|killed"
        rf"|stopped|deleted|wiped))"
        rf"|(?i:\b(?:who|which {'(?:' + 'engineer|developer|person|team' + ')'})\s+(?:broke|caused|forgot|failed"
        rf"|messed|is to blame|was to blame))"
        rf"|(?i:\b(?:mistakes?|errors?|blunders?|faults?)\s+(?:by|of|made by)\s+){one}\b"
        rf"|(?i:\b(?:mistakes?|errors?|outage|incident|damage|loss) (?:was|were) (?:made|caused|triggered"
        rf"|introduced) by )(?:(?i:the|an?) )?{one}\b"
        rf"|\b{one}\s+(?i:with (?:too )?little experience|without experience)\b"
        rf"|(?i:\bblam(?:e|ed|es|ing)\s+){one}\b|(?i:\b(?:blame|fault|responsibility) (?:lies|lay|rests"
        rf"|falls) (?:with|on)\s+){one}\b"
    )
    because = re.compile(rf"\b(?i:because|since|as|for)\s+(?:{who}|(?i:they|she|he|i|we))\s+(?i:{_STATE})")
    # `looked at the graph but failed to act`: the fault is the second thing that they did.
    second = re.compile(
        rf"\b{who}\b{tail}\s+[^.;:]{{3,90}}?,?\s(?i:(?:but|and|yet)(?: then| still)?{_OFTEN}\s+(?:{_SECOND}))\b"
    )
    hands = re.compile(rf"(?i:{_OPERATOR})")
    idle = re.compile(rf"\b(?i:nobody|no one|none of (?:us|them))\b{tail}\s+(?i:{_NOBODY_DID})\b")
    asked = re.compile(
        rf"(?i:\bwhy\s+(?:did(?:n't| not)?|was(?:n't)?|had(?:n't)?|were(?:n't)?|would)\s+){one}\b(?!'s|\u2019s)"
    )
    return strong, weak, pinned, asked, because, idle, second, hands


def _person_as_cause(said: Said, crowd: Crowd) -> Iterator[Found]:
    strong, weak, pinned, asked, because, idle, second, hands = _faults(crowd)
    always = ((pattern, False) for pattern in (strong, pinned, asked, because, hands))
    for pattern, may_be_explained in (*always, (weak, True), (idle, True), (second, True)):
        match = pattern.search(said.plain)
        if match and not (may_be_explained and _explained(said.plain[match.end() :], crowd)):
            yield Found(said.field, said.around(*match.span()), framed(said.plain))
            return


def _explained(rest: str, crowd: Crowd) -> bool:
    """Is what follows a reason in the system, and not in the person again?"""
    reason = _BECAUSE.search(rest)
    return bool(reason) and not re.search(rf"{_PERSON_AFTER}(?:{person(crowd)}|(?i:they))\b", rest)


_ERROR: Final = re.compile(
    r"\b(?:human|operator|user|pilot|engineer|developer|people|manual|personnel)[-_ ](?:errors?|mistakes?|failures?"
    r"|fault)\b"
    r"|\berrors? of (?:a )?(?:humans?|person|people|operator)\b|\bhuman factors? (?:was|were) (?:the|to)\b"
    r"|\bfat[- ]finger\w*"
    r"|\bPEBKAC\b|\bfinger trouble\b|\bpilot error\b|\bsomeone's mistake\b"
    r"|\b(?:slips?|lapses?|oversights?|mistakes?|errors?|blunders?|fault) (?:by|of|on the part of) (?:an?|the|one|some"
    r"|our) (?:\w+ )?"
    r"(?:humans?|persons?|individuals?|engineers?|operators?|developers?|admin\w*|technicians?|employees?|colleagues?)\b"
    r"|\b(?:copy[- ](?:and[- ])?paste|typing|keying|clerical|typographical|cut[- ]and[- ]paste) (?:mistakes?|errors?|slips?"
    r"|blunders?)\b"
    r"|\bcauses?(?: category| class| code)?\s*(?::|=|is|was|as)\s*[\"'\u201c]?(?:an? )?(?:human|people|somebody|someone"
    r"|person|operator|user)\b"
    r"|[\"'\u201c]human[\"'\u201d] as\b"
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
    r"|\buser[- ]errors (?:became|began|started|rose|fell|appeared|spiked|climbed|dropped|peaked|were (?:seen|visible"
    r"|reported|rising))"
    r"|(?:user|operator)[- ]failure (?:rates?|domains?|counts?)|manual (?:error|failure)(?: rate| count|over)",
    re.IGNORECASE,
)

_JUDGED: Final = re.compile(
    r"\bcareless(?:ly|ness)?\b|\breckless(?:ly|ness)?\b|\bnegligen(?:t|ce|tly)\b|\bincompeten(?:t|ce|tly)\b"
    r"|\bstupid(?:ly|ity)?\b"
    r"|\bsloppi(?:ly|ness)\b|\bsloppy\b|\blaziness\b|\b(?:was|were|is|are|too|so|being|just|be|plain) lazy\b"
    r"|\blazy (?:engineers?|developers?|people|work|attitude|habits?|review\w*|approach\w*|shortcuts?|fix\w*|way|hack\w*"
    r"|cop\w*|decision\w*|team)\b"
    r"|\b(?:ill|poorly|badly|half)[- ](?:considered|advised|judged|thought[- ]out|conceived|baked|prepared)\b|\b(?:hast(?:y"
    r"|ily)|rash(?:ly)?)\b"
    r"|\bamateur (?:hour|work|mistake|error)\b|\b(?:known|knew|know|knowing) better\b|\bgambl(?:e|ed|ing)\b|\bdisgrac\w+"
    r"|\bpathetic\b|\blaughable\b|\birresponsibl[ey]\b|\bfoolish(?:ly|ness)?\b"
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
    r"|\b(?:taken|removed|pulled|moved|barred|banned|suspended|relieved) (?:off|from|of) (?:the |all |his |her |their |further )?"
    r"(?:[\w-]+ )?(?:on-?call|rota|rotation|team|project|duty|duties|role|job|roster|production access|access)\b"
    r"|\b(?:formal|serious|stern|personal|private|disciplinary) (?:conversation|talk|warning|chat|letter|note)\b"
    r"|\bsanction(?:s|ed)?\b"
    r"|\b(?:was|were|been|be) (?:spoken to|reprimanded|cautioned|told off)\b|\b(?:had|have) a word with\b"
    r"|\bconsequences for (?:the|him|her|them|those|whoever)\b"
    r"|\brevok\w+ (?:his|her|their) access\b|\b(?:his|her|their) (?:access|rights?|permissions?) (?:was|were"
    r"|has been|have been|is|are) (?:revoked|removed|taken)\b|\b(?:will|was|were|has been|be) (?:fired|sacked"
    r"|dismissed|let go"
    r"|demoted|retrained)\b(?! (?:at|by|on|when|after|too|again|within|\d|for|every|twice|once))",
    re.IGNORECASE,
)
_NOT_PUNISHED: Final = re.compile(
    r"\b(?:pods?|nodes?|hosts?|servers?|replicas?|instances?|members?|brokers?|machines?|traffic|it|they) (?:\w+ )?(?:was"
    r"|were|been|is|are) "
    r"(?:taken|removed|pulled|moved|banned|suspended)\b|\bsanctions? (?:list|check|screening|filter)\w*"
    r"|\b(?:alerts?|pages?|rules?|alarms?|events?|probes?|triggers?|notifications?|timers?|jobs?|hooks?"
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
