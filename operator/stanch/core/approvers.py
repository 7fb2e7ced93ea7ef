"""
May who agreed still agree? Admission proved the verb when they said so; it is asked again just before the effect.

Asked only once enough people agree, beside the asker's own rights: what needs no approval costs no call, and what does
no wait of its own.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stanch.api.incident_status import Approval
from stanch.api.meta import Person
from stanch.api.names import Reason
from stanch.api.timeline_entry import TimelineEntry
from stanch.core.asking import has_verb
from stanch.core.draft import Draft
from stanch.core.observations import Answer, Failed, Found
from stanch.core.ports import Refusal
from stanch.core.questions import ENTRIES, Get

VERB: Final = "approve"
MITIGATIONS: Final = "mitigations"


@dataclass(frozen=True, slots=True)
class Asked:
    """Who may still agree, or is being asked about; who may not any more; why it can't be told of somebody, '' when it can."""

    by: tuple[Approval, ...] = ()
    lost: tuple[Approval, ...] = ()
    unclear: str = ""


def ask_again(draft: Draft, action: str, given: Sequence[Approval]) -> Asked:
    """Of those who agreed to this action, by the verb that admission asks for."""
    by, lost, unclear = [], [], ""
    for each in given:
        answer = _may(draft, action, each)
        if answer is False:
            lost.append(each)
        elif isinstance(answer, str):
            unclear = unclear or f"Whether {each.by} may still approve {action} can't be checked: {answer}"
        else:
            by.append(each)
    return Asked(tuple(by), tuple(lost), unclear)


def still_agreed(draft: Draft, action: str, given: Sequence[Approval], needed: int) -> Refusal | None:
    """A refusal that names who may not agree any more; None when enough may, or are being asked about."""
    asked = ask_again(draft, action, given) if needed else Asked()
    if len(asked.by) >= needed:
        return None
    if asked.unclear:
        return Refusal(Reason.AUTHORITY_UNPROVEN, asked.unclear)
    return Refusal(Reason.NO_AUTHORITY, lost_words(action, asked.lost))


def lost_words(action: str, lost: Sequence[Approval]) -> str:
    """Whose word counts no more."""
    names = ", ".join(each.by for each in lost)
    return f"{names} may not approve {action} any more; that approval does not count"


def _may(draft: Draft, action: str, given: Approval) -> bool | str | None:
    """None while it is being asked; words when it can't be told. An entry that is gone, or another's, is nobody's word."""
    entry = _entry(draft, given.entry)
    if entry is None:
        return None
    if isinstance(entry, Failed):
        return entry.message or "not answered"
    author = entry.value["spec"].get("author") if isinstance(entry, Found) else None
    if author is None or author["username"] != given.by:
        return False
    person = Person.model_validate(author)
    answer = draft.answer(has_verb(person, VERB, MITIGATIONS, draft.incident.metadata.namespace, action))
    if isinstance(answer, Failed):
        return answer.message or "not answered"
    return None if answer is None else isinstance(answer, Found) and bool(answer.value.get("allowed"))


def _entry(draft: Draft, name: str) -> Answer | None:
    """What they said, which names their groups: the record keeps only who. One that was just folded need not be read."""
    said = next((e for e in draft.seen.entries if e.metadata.name == name), None)
    if isinstance(said, TimelineEntry):
        return Found(said.wire())
    return draft.answer(Get(ENTRIES, draft.incident.metadata.namespace, name))
