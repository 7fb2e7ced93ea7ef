"""Who is a person in a sentence: names of the record, first names, and words for what people are at work."""

import re
from functools import lru_cache
from typing import Final

from stanch.core.lint.rule import Crowd

# First names that are common where English is written at work. None that is a word of the trade as well (Will, Mark, Chase,
# Grant, Bill, Rob, Sue, Jack): those count only as names of the record.
_FIRST_NAMES: Final = """
Adam Aditya Agnieszka Ahmed Aino Aisha Akira Alan Alberto Alejandro Aleksander Alex Alexander Ali Alice Alina Amanda
Amara Amina Amir Amy Ana Anastasia Anders Andrea Andreas Andrew Andy Angela Anika Anil Anita Anja Ankit Anna Anne
Annika Antonio Ariel Arjun Arthur Ashley Astrid Ayesha Barbara Beatriz Ben Benjamin Bernd Birgit Bjorn Bob Bogdan
Brandon Brian Bruno Budi Camila Camille Carla Carlos Carmen Carol Caroline Catherine Charles Charlie Charlotte Chen
Chiara Chidi Chloe Chris Christian Christina Christopher Claire Clara Claudia Craig Cynthia Dan Daniel Daniela Dave
David Deborah Deepak Denise Dennis Dewi Diana Diego Dimitri Divya Dmitri Dominik Donald Donna Dorothy Edward Ekaterina
Elena Eli Elias Elizabeth Ella Emily Emma Eric Erik Erin Eva Evan Fang Fatima Federico Felix Femke Fernando Fiona
Florian Francesca Francois Frank Freja Frida Gabriel Gary George Giovanni Gloria Greg Gregor Hamza Hannah Hans Hao
Harry Haruto Hassan Heidi Helen Henrik Henry Hiro Hiroshi Holger Hugo Ian Ibrahim Igor Imran Ingrid Irene Isaac Isabel
Istvan Ivan Jacob Jake Jakub James Jamie Jan Jana Jane Janet Jason Javier Jean Jeff Jennifer Jens Jessica Jim Jin Jiri
Jisoo Joan Joao Joe Johan Johanna John Jonas Jonathan Joost Jorge Jose Joseph Josh Joshua Juan Judy Julia Julian Julie
Jun Justin Karen Karim Karin Karl Kasia Katarzyna Kate Katherine Kathrin Kathy Katrin Keith Kelly Ken Kenji Kevin
Khalid Kim Klaus Kofi Kumar Kwame Lakshmi Lara Lars Laura Lauren Layla Lei Leila Lena Leo Liam Linda Linh Linus Lisa
Liu Lotte Luca Lucas Lucia Luis Lukas Luke Maarten Magnus Marco Marcus Marek Margot Maria Mariam Mario Marta Martin
Mary Mateo Matt Matthew Matthias Max Maya Megan Mei Melissa Michael Michelle Miguel Mike Mikkel Mikko Mila Ming Minho
Mohamed Mohammed Monica Nadia Nancy Natalia Natalie Nathan Neha Ngozi Nicholas Nick Nicole Nikita Nikolai Nina Noah
Noor Nora Oleg Olga Oliver Olivia Omar Oscar Pablo Pamela Paolo Patricia Patrick Paul Paula Paulo Pawel Pedro Peter
Petr Petra Philip Pierre Pieter Pilar Piotr Pooja Priya Rachel Rafael Rahul Raj Rajesh Ralph Ravi Rebecca Richard
Robert Roberto Robin Roger Rohan Rohit Ronald Rosa Ryan Sakura Sam Samantha Samuel Sandeep Sandra Sanjay Sara Sarah
Scott Sean Sebastian Sergei Sergio Sharon Shreya Silke Simon Sneha Sofia Somchai Sonia Sophie Soren Stefan Stephanie
Stephen Steve Steven Sunil Suresh Susan Sven Svetlana Tanja Tara Tariq Tatiana Thabo Thierry Thomas Tiago Tim Timothy
Tina Tom Tomas Tomasz Tony Torsten Trudy Tuan Tuomas Ulrich Uwe Valentina Vanessa Victor Vijay Vikram Viktor Vincent
Vladimir Walter Wei William Wojciech Wolfgang Wouter Xavier Xiao Yan Yasmin Yuki Yuri Yusuf Zanele Zara Zoe Zofia
"""
FIRST_NAMES: Final = tuple(_FIRST_NAMES.split())
_KIND: Final = (
    "on-?call|junior|senior|new|newest|previous|night|outgoing|incoming|first|second|tired|experienced|inexperienced|responsible"
    "|lead|staff|platform|payments|database|network|backend|frontend|release|site reliability|software|systems?|DevOps|SRE|ops"
    "|incident|duty|unnamed|infrastructure|security|support|single|individual|well-meaning|careless|operations|storage|data|cloud|web"
    "|mobile|QA|test|build|kernel|day|late|early|weekend|maintenance|project|product|current|former|other"
    "|third|local|remote|external|human"
)
_WORK: Final = (
    "engineers?|developers?|devs?|programmers?|administrators?|sysadmins?|admins?|DBAs?|SREs?|interns?|contractors?|reviewers?"
    "|responders?|commanders?|scribes?|managers?|colleagues?|employees?|coworkers?|teammates?|persons?|people|humans?|individuals?"
    "|technicians?|on-?calls?|committers?|deployers?|authors?|approvers?|maintainers?|team leads?|tech leads?|guy"
    "|staff|teams?|shifts?|crews?|squads?|hires?|newcomers?|trainees?|apprentices?|graduates?|consultants?|supervisors?"
)
_WHICH: Final = (
    "the|an?|our|one|another|this|that|some|any|two|three|four|several|both|most|each|every|no|his|her|their"
)
# `the vendor's technician`, `our two SREs`.
_ROLE: Final = rf"(?:(?:{_WHICH})\s+){{1,2}}(?:[\w-]+['\u2019]s\s+)?(?:(?:{_KIND})\s+)*(?:{_WORK})"
# Staff and support are people without an article, too: `Support staff gave customers the wrong instructions`.
_BARE: Final = (
    rf"(?:(?:{_KIND})\s+)+(?:staff|engineers|developers|people|responders|reviewers|operators)"
    r"|engineers|developers|technicians|administrators|personnel|employees|responders|reviewers"
)
_SOMEBODY: Final = (
    r"somebody|someone|anybody|anyone|nobody|no one|everybody|everyone|whoever(?:\s+[\w-]+){1,4}?|none of us"
    r"|none of them"
)
# Departments as people speak of them; at the start of a sentence or in capitals, for `support` is also a feature.
_DEPARTMENT: Final = "Support|Ops|QA|Management|DevOps|SRE"
_WE: Final = "we|he|she|I|you"
_NAMES: Final = "|".join(FIRST_NAMES)


@lru_cache(maxsize=64)
def person(crowd: Crowd) -> str:
    """A pattern of whoever may be the subject of a sentence; to be put between word boundaries. Names keep their case."""
    known = "|".join(re.escape(name) for name in sorted(crowd.names, key=len, reverse=True))
    named = rf"(?i:@?(?:{known}))|" if known else ""
    return (
        rf"(?:{named}(?-i:{_NAMES})(?:\s+(?-i:[A-Z][a-z]+))?|(?i:{_ROLE}|{_BARE}|{_SOMEBODY}|{_WE})"
        rf"|(?-i:{_DEPARTMENT})|(?-i:[A-Z][a-z]+)(?=, who\b))"
    )


@lru_cache(maxsize=64)
def named_person(crowd: Crowd) -> str:
    """The same without `we`, `you` and words for nobody in particular: somebody who can be pointed at."""
    known = "|".join(re.escape(name) for name in sorted(crowd.names, key=len, reverse=True))
    named = rf"(?i:@?(?:{known}))|" if known else ""
    return (
        rf"(?:{named}(?-i:{_NAMES})(?:\s+(?-i:[A-Z][a-z]+))?|(?i:{_ROLE}|{_BARE}|someone|somebody)"
        rf"|(?-i:[A-Z][a-z]+)(?=, who\b))"
    )


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
