"""Everything the operator can do to a cluster that is not its own record: a closed list, performed by shell/perform.py alone."""

from dataclasses import dataclass

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


Command = Swap
