"""Who is a person in a sentence: names of the record, first names, and words for what people are at work."""

import re
from functools import lru_cache
from typing import Final

from stanch.core.lint.rule import Crowd

# First names that are common where English is written at work. None that is a word of the trade as well (Will, Mark, Chase,
# Grant, Bill, Rob, Sue, Jack): those count only as names of the record.
_FIRST_NAMES: Final = """
Adam Ahmed Aisha Alan Alberto Alejandro Alex Alexander Alice Alina Amanda Amir Amy Ana Anastasia Andrea Andreas Andrew
Andy Angela Anika Anita Anna Anne Antonio Ariel Arjun Arthur Ashley Barbara Ben Benjamin Bob Brandon Brian Bruno
Camila Carla Carlos Carol Caroline Catherine Charles Charlie Charlotte Chen Chloe Chris Christian Christina
Christopher Claire Clara Claudia Craig Cynthia Dan Daniel Daniela Dave David Deborah Denise Dennis Diana Diego Dimitri
Dmitri Dominik Donald Donna Dorothy Edward Elena Eli Elias Elizabeth Ella Emily Emma Eric Erik Erin Eva Evan Fatima
Felix Fiona Florian Francesca Frank Frida Gabriel Gary George Gloria Greg Hannah Hans Harry Heidi Helen Henry Hiroshi
Hugo Ian Igor Ingrid Irene Isaac Isabel Ivan Jacob Jake James Jamie Jan Jana Jane Janet Jason Javier Jeff Jennifer
Jessica Jim Jin Joan Joe Johan Johanna John Jonas Jonathan Jorge Jose Joseph Josh Joshua Juan Judy Julia Julian Julie
Justin Karen Karim Karl Kate Katherine Kathy Katrin Keith Kelly Ken Kenji Kevin Kim Klaus Kumar Lara Lars Laura Lauren
Leila Lena Leo Liam Linda Lisa Liu Lucas Lucia Luis Lukas Luke Maria Marco Marcus Mario Marta Martin Mary Matt Matthew
Max Maya Megan Mei Melissa Michael Michelle Miguel Mike Mila Mohamed Mohammed Monica Nadia Nancy Natalie Nathan
Nicholas Nick Nicole Nikita Nina Noah Nora Oleg Olga Oliver Olivia Omar Oscar Pablo Pamela Patricia Patrick Paul Paula
Paulo Pedro Peter Petra Philip Pierre Priya Rachel Rahul Raj Rajesh Ralph Rebecca Richard Robert Roberto Robin Roger
Ronald Rosa Ryan Sam Samantha Samuel Sandra Sanjay Sara Sarah Scott Sean Sebastian Sergei Sergio Sharon Simon Sofia
Sonia Sophie Stefan Stephanie Stephen Steve Steven Sunil Susan Sven Tanja Tara Thomas Tim Timothy Tina Tom Tony Trudy
Uwe Valentina Vanessa Victor Viktor Vincent Vladimir Walter Wei William Xavier Yan Yasmin Yuki Yusuf Zara Zoe
"""
FIRST_NAMES: Final = tuple(_FIRST_NAMES.split())
_KIND: Final = (
    "on-?call|junior|senior|new|newest|previous|night|outgoing|incoming|first|second|tired|experienced|inexperienced|responsible"
    "|lead|staff|platform|payments|database|network|backend|frontend|release|site reliability|software|systems?|DevOps|SRE|ops"
    "|incident|duty|unnamed|infrastructure|security|support|single|individual|well-meaning|careless"
)
_WORK: Final = (
    "engineers?|developers?|devs?|programmers?|administrators?|sysadmins?|admins?|DBAs?|SREs?|interns?|contractors?|reviewers?"
    "|responders?|commanders?|scribes?|managers?|colleagues?|employees?|coworkers?|teammates?|persons?|people|humans?|individuals?"
    "|technicians?|on-?calls?|committers?|deployers?|authors?|approvers?|maintainers?|team leads?|tech leads?|guy|staff|teams?"
)
_ROLE: Final = rf"(?:(?:the|an?|our|one|another|this|that|some|any|two|his|her|their)\s+)(?:(?:{_KIND})\s+)*(?:{_WORK})"
_SOMEBODY: Final = "somebody|someone|anybody|anyone|nobody|no one|everybody|everyone"
_WE: Final = "we|he|she|I|you"
_NAMES: Final = "|".join(FIRST_NAMES)


@lru_cache(maxsize=64)
def person(crowd: Crowd) -> str:
    """A pattern of whoever may be the subject of a sentence; to be put between word boundaries. Names keep their case."""
    known = "|".join(re.escape(name) for name in sorted(crowd.names, key=len, reverse=True))
    named = rf"(?i:@?(?:{known}))|" if known else ""
    return rf"(?:{named}(?-i:{_NAMES})(?:\s+(?-i:[A-Z][a-z]+))?|(?i:{_ROLE}|{_SOMEBODY}|{_WE}))"


@lru_cache(maxsize=64)
def named_person(crowd: Crowd) -> str:
    """The same without `we`, `you` and words for nobody in particular: somebody who can be pointed at."""
    known = "|".join(re.escape(name) for name in sorted(crowd.names, key=len, reverse=True))
    named = rf"(?i:@?(?:{known}))|" if known else ""
    return rf"(?:{named}(?-i:{_NAMES})(?:\s+(?-i:[A-Z][a-z]+))?|(?i:{_ROLE}|someone|somebody))"


def crowd_of(names: list[str]) -> Crowd:
    """From user names as the record has them: `alice@example.com` is alice, too; machines are nobody."""
    kept = set()
    for name in names:
        short = name.rpartition(":")[2].partition("@")[0].strip().lower()
        if not name.startswith("system:") and len(short) >= 3 and short not in _NOBODY:
            kept |= {short, name.lower()}
    return Crowd(frozenset(kept))


_NOBODY: Final = frozenset(
    {"stanch", "spec", "somebody", "alertmanager", "admin", "kubernetes", "root", "flux", "argocd", "git"}
)
