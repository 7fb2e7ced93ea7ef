"""Rules about another past (counterfactuals), about sentences without anybody (evasion), and about one cause for all."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from stanch.core.lint.frames import framed
from stanch.core.lint.people import named_person, person
from stanch.core.lint.rule import Crowd, Found, Rule, Said, by_pattern

_PAST: Final = (
    r"\bshould(?:n't| not)?(?: \w+)? have\b|\bshould['\u2019]ve\b|\bought (?:not )?to have\b|\bif only\b"
    r"|\b(?:in|with|by) (?:the benefit of )?hindsight\b|\bin retrospect\b|\blooking back,"
    r"|\bcould (?:have )?(?:easily |simply |quickly )?(?:have )?been (?:\w+ )?(?:prevented|avoided|caught|stopped"
    r"|averted)\b"
    r"|\bwould(?:n't| not)? have (?:saved|spared|prevented|avoided|averted|stopped (?:it|this|the outage)"
    r"|shortened|kept (?:it|users|us))\b"
    r"|\b(?:could|might) have (?:saved|spared|prevented|avoided|averted|stopped|shortened|limited|reduced|kept"
    r"|helped)\b"
    r"|\bwould(?:n't| not| never)? have\b[^.;]*\bif\b[^.;]*\bhad(?:n't)?\b"
    r"|\bhad it not been for\b|\bwould (?:have|not have|never have) been (?:prevented|avoided|averted|caught)\b"
    r"|\b(?:was|were|is) (?:\w+ )?(?:preventable|avoidable)\b|\beasily (?:prevented|avoided|foreseen)\b"
    r"|\bif\b[^.;]*\bhad(?:n't)?\b[^.;]*\b(?:would|could|might)(?:n't| not| never)? (?:not |never )?have\b"
    r"|(?:^|[,;]\s*)had (?:\w+\s){1,5}?(?:not |been |\w+ed\b|known|seen|run|read|done|gone|had|kept|made|told"
    r"|taken|thought|set)[^.;]*\b(?:would|could|might)(?:n't| not| never)? (?:not |never )?(?:be|have|still)\b"
    r"|\ball it (?:would have taken|took) was\b|\bwould have (?:been enough|sufficed|made (?:all )?the difference|caught)\b"
    r"|\bwith (?:an? (?:bit|little) )?(?:more|better|greater) (?:care|attention|thought|diligence|discipline"
    r"|preparation)\b[^.;]*\b(?:would|could|might|was|were)\b"
    r"|\bthe right (?:thing|call|move|decision) (?:was|would have been)\b|\bfailed to (?:anticipate|foresee)\b"
)
_GOOD_PAST: Final = re.compile(
    r"\bnot say what (?:\w+ )?should have\b|\bshould have (?:access|existed)\b|\bshould have (?:an?|at least|exactly|no|two"
    r"|three|its|their|one|both|all) \w+"
    # What helped, told by what it spared: `Without the flag it would have taken an hour`.
    r"|^without (?:the|a|an|its|our|that|this) [^,.;]{2,60}, [^.;]*\bwould (?:not |never )?have (?:needed|taken|lasted"
    r"|been (?:longer|worse|larger|slower|lost)"
    r"|lost|had to|spread|grown|cost|hurt|gone|waited|reached|come)\b",
    re.IGNORECASE,
)


@lru_cache(maxsize=64)
def _past(crowd: Crowd) -> re.Pattern[str]:
    who = person(crowd)
    asked = rf"(?i:\bwhy (?:did(?:n't| not)|was(?:n't| not)|were(?:n't| not)|had(?:n't| not))\s+)(?:{who}|(?i:they))\b"
    return re.compile(
        rf"(?i:{_PAST})|\b(?:{who}|(?i:they))\s+(?i:(?:could|might|would|needed to)(?:n't| not)?(?: \w+)? have\b)"
        rf"|{asked}"
    )


def _counterfactual(said: Said, crowd: Crowd) -> Iterator[Found]:
    match = _past(crowd).search(said.plain)
    if match and not _GOOD_PAST.search(said.plain):
        yield Found(said.field, said.around(*match.span()))


_NOUN: Final = r"(?:[\w-]+\s+){0,3}?[\w-]+"
_BADLY: Final = (
    r"(?:outdated|stale|untested|bad|wrong|broken|faulty|incorrect|misconfigured|erroneous|buggy|flawed|invalid)"
)
_PUT: Final = (
    r"(?:pushed|deployed|applied|merged|released|shipped|run|executed|entered|typed|committed|rolled out|uploaded"
    r"|installed|configured|mounted|sent|copied"
    r"|used|deleted|dropped|selected|chosen)"
)
_EVADED: Final = re.compile(
    r"\b(?:mistakes?|errors?) (?:was|were|had been) made\b(?! (?:visible|possible|impossible|explicit|clear|available"
    r"|readable|harmless|known|public"
    r"|into|by design|easier|part|to (?:show|say|stop|fail)))"
    r"|\b(?:was|were|been|being|got) (?:accidentally|mistakenly|inadvertently|wrongly|incorrectly|unintentionally"
    r"|erroneously|carelessly) \w+"
    r"|\b(?:accidentally|mistakenly|inadvertently|erroneously) (?:\w+ed|run|set|put)\b(?! by the)"
    rf"|\b(?:an?|the|some) {_BADLY} {_NOUN} (?:was|were|had been|got) {_PUT}\b"
    r"|\b(?:alerts?|warnings?|pages?|steps?|checks?|reviews?|messages?|signs?|tickets?|alarms?) (?:was|were"
    r"|had been) (?:ignored|skipped"
    r"|missed|dismissed|bypassed|brushed aside)\b|\bthe wrong [\w-]+(?: [\w-]+)? (?:was|were|had been|got) (?:\w+ed|run"
    r"|sent|cut|set|chosen|given|taken|shown|put|read)\b"
    r"|\b(?:was|were|been) (?:forgotten|overlooked|neglected|disregarded|mishandled|botched)\b"
    r"|\b(?:was|were) not (?:followed|adhered to|respected|communicated|thought (?:of|through)|considered)\b"
    r"|\b(?:was|were|been) (?:\w+ed|run|sent|cut|set) (?:prematurely|too (?:early|soon|late)|in error"
    r"|by (?:mistake|accident))\b"
    r"|\b(?:backup|test|check|review|snapshot|step|warning|page|update|message) (?:was|were) not (?:taken|run|done"
    r"|made|sent|read|answered|performed)\b"
    r"|\bthings (?:went|got) (?:wrong|out of hand)\b|\bit was (?:decided|felt|thought|believed|assumed) (?:that|to)\b"
    r"|\b(?:deleted|dropped|changed|removed|restarted|pushed|deployed|disabled) by (?:mistake|accident)\b",
    re.IGNORECASE,
)
# With its reason in the system it evades nothing.
_REASON: Final = re.compile(
    r"\b(?:because|since|whose|for (?:the|no|a|both)|so that|as (?:the|no|both)|, for|: the|: no|by (?:the"
    r"|a) (?:\w+ )?(?:controller|pipeline|job|script|operator|reconciler|cron\w*|autoscaler|automation"
    r"|validator|selector|tool|chart|proxy|scheduler|template|policy|rule|cache|client|server|system))\b",
    re.IGNORECASE,
)
# A thing that did what nobody meant it to is the system, as it is meant to be told.
_THING: Final = re.compile(
    r"\b(?:changes?|jobs?|updates?|upgrades?|quer(?:y|ies)|scripts?|attempts?|deploy\w*|releases?|rules?|policy|policies"
    r"|config\w*|commands?"
    r"|functions?|tools?|automation|pipelines?|controllers?|migrations?|process(?:es)?|this|that|it|which) (?:also |then |had )?"
    r"(?:inadvertently|mistakenly|accidentally|unintentionally|erroneously|wrongly|incorrectly) \w+ed\b",
    re.IGNORECASE,
)


def _evasion(said: Said, crowd: Crowd) -> Iterator[Found]:
    match = _EVADED.search(said.plain)
    named = re.search(rf"\bby {named_person(crowd)}\b", said.plain)
    if match and not named and not _REASON.search(said.plain) and not _THING.search(said.plain):
        yield Found(said.field, said.around(*match.span()), framed(said.plain))


_ONE_CAUSE: Final = re.compile(
    r"\b(?:the|a|one|our|its|true|real|actual|ultimate|underlying|sole|only|single)\s+(?:\w+\s+)?(?:root|single"
    r"|sole|only|one|underlying|ultimate|real|true|primary) (?:root )?cause\b"
    r"|\broot[- ]cause\s*(?::|was|is|turned out|lies|lay)|\b(?:the )?cause of (?:the|this) (?:outage|incident"
    r"|failure|downtime)\s*(?::|was|is)\b"
    r"|\b(?:sole|single|only|one and only) (?:reason|cause|culprit|factor)\b|\b(?:was|is) (?:the|a) root cause\b"
    r"|\b(?:solely|entirely|purely|exclusively|only) (?:caused by|due to|because of)\b"
    r"|\bone (?:thing|mistake|change|cause|error|fault) (?:caused|explains|is behind|was behind|led to)\b"
    r"|\b(?:it|this|that|everything|all of (?:it|this)|the (?:outage|incident|problem|failure)) (?:all )?(?:simply |really "
    r"|just )?"
    r"(?:comes|came|boils|boiled) down to\b|\b(?:just|only|exactly) one thing (?:that )?(?:was |went |is )?(?:wrong|broken"
    r"|to blame)\b"
    r"|\bit all comes down to\b|\bone (?:thing|change|cause|error|fault) (?:caused|explains|is behind|was behind"
    r"|led to)\b|\b(?:all|everything)\b[^.]*\bbecause of (?:one|a single)\b|\bthe root of (?:the|this) (?:problem"
    r"|outage|incident)\b",
    re.IGNORECASE,
)
_MANY_CAUSES: Final = re.compile(
    r"\b(?:no|not|never|isn't|wasn't|without|neither|nor|rather than|instead of|beyond|one of|more than|stops? at"
    r"|looking for|hunt(?:ing)? for|search(?:ing)? for|than|naming|call\w*)\s+(?:\w+\s+){0,4}?"
    r"(?:root|single|sole|only|one|underlying|ultimate) (?:root )?(?:cause|reason)\b|\broot[- ]cause anal\w+"
    r"|\broot causes\b"
    r"|\b(?:is|are|was|were|remains?) (?:still |as yet |not yet )?(?:unknown|unclear|not known|under investigation"
    r"|open)\b|\bnone of (?:them|these) (?:alone|by itself)\b",
    re.IGNORECASE,
)

_HARDER: Final = re.compile(
    r"\bbe (?:\w+ ){0,2}(?:careful|vigilant|mindful|diligent|attentive|cautious|alert|disciplined|aware)\b|\b(?:more"
    r"|greater|better|extra|closer|due) (?:care|careful\w*|vigilan\w+|attention|diligen\w+|discipline\w*|caution"
    r"|awareness|focus|communication)\b"
    r"|\bpay (?:\w+ ){0,2}attention\b|\btry harder\b|\bdouble[- ]check\b|\b(?:must|should|will"
    r"|to) (?:always )?remember\b|\bremember to\b|\bremind(?:ed)? (?:everyone|everybody|people|the team|all"
    r"|engineers|developers|staff|on-?call|each other|ourselves)\b"
    r"|\brais(?:e|ing) awareness\b|\bretrain(?:ing)?\b (?!the model|a model|models)|\b(?:think|look) twice\b"
    r"|\bdo(?:n't| not) (?:do|let) (?:it|this|that) (?:again|happen)\b|\bnever (?:make|do) (?:this|that|it"
    r"|such)\b[^.]*\bagain\b"
    r"|\b(?:must|will|should|shall) not happen again\b|\btake (?:more|extra|better|greater) care\b"
    r"|\bcommunicate (?:better|more)\b|\b(?:learn|take) (?:the )?lesson from (?:his|her|their)\b"
    r"|\b(?:check|read|verify|test) (?:it |them |this )?(?:twice|carefully)\b|\bplease (?:be|check|read|make|do|don't"
    r"|remember|take|think)\b"
    r"|\bmore carefully\b|\bstay (?:alert|vigilant|focused)\b"
    r"|\b(?:all|every|each) (?:engineers?|developers?|responders?|reviewers?|teams?|of us|person) (?:will|must"
    r"|should|shall|needs? to|(?:is|are) to|has to|have to)\b"
    r"|\b(?:must|should|needs? to|ha(?:s|ve) to) (?:react|respond|work|act|think|be) (?:\w+ )?(?:faster|quicker"
    r"|better|harder|earlier|sooner)\b"
    r"|\bdiscipline around\b|\b(?:educate|train|tell|ask|urge) (?:the )?(?:team|engineers|developers|people|staff"
    r"|everyone|on-?call\w*"
    r"|reviewers) (?:to|on|about|not)\b",
    re.IGNORECASE,
)
_NOT_HARDER: Final = re.compile(
    r"\b(?:people|somebody|someone) had to remember\b|\b(?:not|never|no|instead of|rather than|nor|without|isn't"
    r"|beats|does not rely on"
    r"|than)\b[^.]{0,60}\b(?:careful\w*|vigilan\w+|attention|remember\w*|harder|double[- ]check|awareness)\b"
    r"|\bshould not (?:have to )?(?:depend|rely)\b|\bdepends? on (?:somebody|someone|people) (?:being|to)\b"
    r"|\b(?:job|pipeline|script|controller|probe|alert|check|gate|tool|hook)s? (?:\w+ )?(?:double[- ]check|remind"
    r"|remember)",
    re.IGNORECASE,
)

RULES: Final = (
    Rule(
        "counterfactual",
        "It tells of a past that did not happen. With what was known then it looked otherwise, and the story of what did happen "
        "is not told meanwhile",
        "Tell what happened and why it made sense: what was visible, what the tool offered, what was missing. What shall be "
        "another time is an action item",
        _counterfactual,
    ),
    Rule(
        "passive-evasion",
        "Nobody did it, and nothing let it happen: the sentence hides the person without showing the system",
        "Make the part of the system the subject that let it through",
        _evasion,
        blocks=False,
    ),
    Rule(
        "single-root-cause",
        "Systems fail when several weaknesses line up. With one cause named, the others stay, and it comes back by another door",
        "Write contributing factors, each of a layer of its own: what made it possible, what made it likely, what let it "
        "grow, what kept it unseen",
        by_pattern(_ONE_CAUSE, _MANY_CAUSES),
    ),
    Rule(
        "try-harder",
        "It asks people to be better than people are. In three weeks nobody can say whether it is done",
        "Name the check, limit, default, alert or tool that does it for them",
        by_pattern(_HARDER, _NOT_HARDER),
    ),
)
