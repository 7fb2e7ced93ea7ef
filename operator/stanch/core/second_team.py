"""
Did somebody turn to others? A second team, or a vendor, is a sign that it is not small (decisions 2.4, seed 3).

Words of people: what is found asks a question, and decides nothing. One too many costs a glance.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from stanch.api.incident_status import TimelineLine
from stanch.api.names import EventKind
from stanch.core.approvals import is_machine
from stanch.core.draft import Draft, shorten

_WORD: Final = re.compile(r"[\w#@&]+")
# Before `team`, these name no other.
_OURS: Final = frozenset(
    (
        *("a", "all", "another", "any", "each", "every", "incident", "my", "no", "one", "our", "own", "response"),
        *("same", "some", "that", "the", "their", "this", "whole", "your"),
    )
)
_OUTSIDE: Final = frozenset({"vendor", "vendors", "supplier", "suppliers"})
# What goes before the name of who is told; longer ones would be most of the line.
_NAMED_MAX: Final = 60


def second_team(draft: Draft, since: datetime) -> str:
    """Who said so, and of whom, in the first line since then; empty when nobody did."""
    for line in draft.status.timeline:
        if line.time < since or not line.entry or is_machine(line.by, draft.catalog.policy):
            continue
        if line.kind == EventKind.ESCALATED:
            return line.text
        if line.kind == EventKind.NOTE and (
            who := named(_own_words(line), draft.catalog.policy.contacts, _mine(draft))
        ):
            return f"{shorten(line.by, _NAMED_MAX)} names {shorten(who, _NAMED_MAX)}"
    return ""


def named(text: str, contacts: Mapping[str, str], mine: frozenset[str] = frozenset()) -> str:
    """
    Of the policy's contacts the one that the text names, by name or by the channel they are reached at; else `database team` or
    `vendor`, where it says so; else nothing. ``mine`` are words for who is there anyway.
    """
    words = _words(text)
    said = f" {' '.join(words)} "
    for contact, reached in contacts.items():
        handle = reached.partition(";")[0].strip()
        ways = [contact, *([handle] if handle[:1] in ("#", "@") else [])]
        if any((way := " ".join(_words(each))) and f" {way} " in said for each in ways):
            return contact
    for before, word in zip(["", *words], words, strict=False):
        if word in _OUTSIDE:
            return word
        if word == "team" and before and before not in _OURS and before not in mine:
            return f"{before} team"
    return ""


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower().replace("_", " "))


def _own_words(line: TimelineLine) -> str:
    """Without what kind of note it is (core/story_entries.py)."""
    return line.text.partition(": ")[2]


def _mine(draft: Draft) -> frozenset[str]:
    spec = draft.incident.spec
    names: Iterable[str] = (spec.service or "", *(t.name for t in spec.targets or ()))
    return frozenset(word for name in names for word in _words(name))
