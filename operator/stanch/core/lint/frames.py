"""From a sentence about a person to one about the system: which framing fits the words that stand there."""

import re
from typing import Final

_FRAMES: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), frame)
    for pattern, frame in (
        (
            r"\bconfig|\byaml\b|\bmanifest|\bsetting|\bflag\b|\bvalues?\b.*\bwrong|\btypo|\bmistyped",
            "The validation accepted <what was wrong with it>, and nothing stopped the rollout when it began to fail",
        ),
        (
            r"\bdelet|\bdropp?ed\b|\bwiped?\b|\bremoved\b|\btruncat",
            "<The tool> deletes at once: it neither asks back, nor shows what it would take away, nor can it be undone",
        ),
        (
            r"\bcommand\b|\bscript\b|\bterminal\b|\bshell\b|\bran\b|\bexecut|\btyped\b|\bwrong (?:cluster|host"
            r"|server|environment|context)",
            "<The tool> ran it in <where> without asking back, and nothing on the screen told one place from the other",
        ),
        (
            r"\balert|\bpage[ds]?\b|\bpager|\bnotic|\bdashboard|\bwarning",
            "The alert <did not fire, went where nobody was, or was one of N that night>; nothing else told a person",
        ),
        (
            r"\btest|\bcheck|\bverif|\bvalidat|\breview|\bapprov",
            "Nothing in <the pipeline, the review, the tool> checks <this>, so it could reach users",
        ),
        (
            r"\brunbook|\bdocument|\bprocedure|\bfollow|\bsteps?\b|\bforg[oe]t|\bremember|\bread\b",
            "<The step> lives in people's memory: neither a runbook, nor a checklist, nor the tool holds it",
        ),
        (
            r"\bdeploy|\breleas|\bpush|\bmerg|\bshipp|\broll(?:ed)? out|\bcommit",
            "The pipeline let <the version> through: <which check> is missing, and one change could reach all users at once",
        ),
        (
            r"\bescalat|\bcall(?:ed)?\b|\basked\b|\bcommunicat|\bhand-?off|\binform",
            "<The process> does not say when and whom to call, so it depended on who was there",
        ),
    )
)
GENERAL: Final = "<What in the system> made it possible, made it likely, or let it reach so many users"


def framed(sentence: str) -> str:
    """A framing to fill in, by what the sentence is about."""
    return next((frame for pattern, frame in _FRAMES if pattern.search(sentence)), GENERAL)
