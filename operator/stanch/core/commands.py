"""Everything the operator can do to a cluster that is not its own record: a closed list, performed by shell/perform.py alone."""

from dataclasses import dataclass
from enum import StrEnum

from stanch.core.questions import Ref


@dataclass(frozen=True, slots=True)
class Swap:
    """
    One JSON Patch that tests uid and old values, with the action id as label in the same write.

    ``patch`` is the JSON text, exactly as written in the undo Secret. ``dry`` is true in a drill.
    """

    attempt: str
    ref: Ref
    namespace: str | None
    name: str
    uid: str
    patch: str
    dry: bool = False


class Removal(StrEnum):
    """How a pod goes: by eviction, which a PodDisruptionBudget may refuse, or by deletion."""

    EVICT = "Evict"
    DELETE = "Delete"


@dataclass(frozen=True, slots=True)
class Remove:
    """One pod, by uid: its namesake is never touched, and done twice it is done once."""

    attempt: str
    namespace: str
    name: str
    uid: str
    how: Removal
    dry: bool = False


@dataclass(frozen=True, slots=True)
class Unmark:
    """Take the label of one of our attempts off again, provided it is still that one. Changes nothing that anybody runs."""

    attempt: str
    ref: Ref
    namespace: str | None
    name: str
    uid: str


Command = Swap | Remove | Unmark


def outcome_key(command: Command) -> str:
    """Under which its outcome is noted: a removal has one of its own, for an attempt may have many."""
    if isinstance(command, Unmark):
        return f"unmark {command.attempt} {command.uid}"
    return command.uid if isinstance(command, Remove) else command.attempt
