"""Things the operator stores beside the status: created once under a deterministic name, never changed."""

from dataclasses import dataclass
from typing import Any, Final

from stanch.api.names import GROUP
from stanch.core.questions import Ref

# Of the Secrets that it makes, and it makes no others: one of type kubernetes.io/service-account-token would be a token.
UNDO_TYPE: Final = f"{GROUP}/undo"
REDACTION_KEY_TYPE: Final = f"{GROUP}/redaction-key"
SECRET_TYPES: Final = (UNDO_TYPE, REDACTION_KEY_TYPE)


@dataclass(frozen=True, slots=True, eq=False)
class Store:
    """
    Create this object unless it is there already.

    ``digest`` is what ``Observations.stored[name]`` holds once it is known to be stored. ``urgent`` ones are written
    in parallel with the status, for an effect waits for their receipt; the others after it. ``record`` is what a read
    of it would answer, for undo records.
    """

    ref: Ref
    namespace: str
    name: str
    digest: str
    body: dict[str, Any]
    urgent: bool
    record: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class MarkFolded:
    """Label an entry as taken in, with its timeline seq; off the path, and harmless to repeat."""

    namespace: str
    name: str
    seq: int
