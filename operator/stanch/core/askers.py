"""
Who asked, with the groups that rights may come from.

Before anything is written down that stands in the spec or in an entry. Afterwards it is kept in the undo record, which few may
read: an item may leave the spec, or its name be used by somebody else, while its effect stands.
"""

from typing import Any, Final

from stanch.api.incident_status import Attempt, MitigationRecord
from stanch.api.meta import Person
from stanch.api.names import Reason
from stanch.core.attempts import open_attempt, standing
from stanch.core.census import RUNBOOK
from stanch.core.draft import HOLD_FOR, Draft
from stanch.core.observations import Failed, Found
from stanch.core.ports import Refusal
from stanch.core.questions import UndoSecret
from stanch.core.runbook_authority import asker_of
from stanch.core.swap import patch_text
from stanch.core.vouched import author_of, stamped

# Member of an undo record.
ASKER: Final = "asker"
# What a Secret has room for beside the patches; a person in more groups is looked up in the spec, as long as they are there.
ASKER_BYTES_MAX: Final = 32_000


def asker(draft: Draft, record: MitigationRecord) -> Person | Refusal | None:
    """Who asked, with groups, or why that can't be known now; None while what says so is being read."""
    undo = record.undo_asked
    if undo and undo.entry:
        return author_of(draft, undo.entry)
    attempt = open_attempt(record) or standing(record)
    if attempt is not None:
        # The item may be gone from the spec, or be somebody else's by now; what was written down stays.
        return _written(draft, record, attempt)
    if record.source.startswith(HOLD_FOR):
        wanted = draft.held_for(record)
        return asker(draft, wanted) if wanted else Person(username="")
    if record.source.startswith("Entry/"):
        return author_of(draft, record.source.removeprefix("Entry/"))
    return asker_of(draft, record) if record.source.startswith(RUNBOOK) else _stamped(draft, record)


def _written(draft: Draft, record: MitigationRecord, attempt: Attempt) -> Person | Refusal | None:
    answer = draft.answer(UndoSecret(attempt.undo_ref))
    if isinstance(answer, Failed):
        return Refusal(Reason.AUTHORITY_UNPROVEN, f"Who asked for {record.name} can't be read: {answer.message}")
    if not isinstance(answer, Found):
        return _stamped(draft, record) if answer else None
    said = answer.value.get(ASKER)
    return Person.model_validate(said) if said else _stamped(draft, record)


def _stamped(draft: Draft, record: MitigationRecord) -> Person:
    """As the spec says it, if it is still the same person."""
    if record.source.startswith(RUNBOOK):
        return asker_of(draft, record) or Person(username=record.requested_by or "")
    person = stamped(draft, record.name)
    same = person is not None and person.username == record.requested_by
    return person if person is not None and same else Person(username=record.requested_by or "")


def who_asked(draft: Draft, record: MitigationRecord) -> dict[str, Any]:
    """The member of an undo record that says who asked; none when it would not fit."""
    person = asker(draft, record)
    if not isinstance(person, Person) or len(patch_text([person.wire()]).encode()) > ASKER_BYTES_MAX:
        return {}
    return {ASKER: person.wire()}
