"""Evidence: one immutable bundle of what an effect would destroy, captured before it."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, computed_field

from stanch.api.meta import Counter, Duration, Model, Name, Time
from stanch.api.names import GROUP, MissingReason

# A plain base64 string, never `format: byte`: with it any update of an object with a CEL rule above fails.
PART_BYTES_MAX = 700 * 1024
_DATA_MAX = 1_000_000
# On every Evidence object: the line that takes it apart where stanch is not installed.
EXTRACT_ANNOTATION = f"{GROUP}/extract"
# Of a node that is drained, so many pods are looked at closely: two seconds of a kubelet's time.
PODS_LOST_MAX = 30


def extract_line(namespace: str, name: str, encoding: str) -> str:
    """kubectl, base64 and tar take it apart: into a new directory named after it, or onto stdout when it is one file."""
    read = f"kubectl -n {namespace} get evidences.{GROUP} {name} -o go-template='{{{{.spec.data}}}}' | base64 -d"
    return f"mkdir {name} && {read} | tar xz -C {name}" if encoding.startswith("tar") else f"{read} | gunzip"


class Purpose(StrEnum):
    """Why it was captured."""

    DECLARED = "Declared"
    BEFORE = "Before"
    AFTER = "After"
    RELAPSE = "Relapse"
    PAGE = "Page"
    CLOSED = "Closed"


class ItemKind(StrEnum):
    """What an item is."""

    OBJECT = "Object"
    LIST = "List"
    DESCRIBE = "Describe"
    LOGS = "Logs"
    PREVIOUS_LOGS = "PreviousLogs"
    EVENTS = "Events"
    HISTORY = "History"
    SUMMARY = "Summary"
    GRAPH = "Graph"


class Item(Model):
    """One file of the bundle."""

    name: Annotated[str, Field(max_length=512, description="Path in the archive.")]
    kind: Annotated[ItemKind, Field(description="What it is.")]
    of: Annotated[str | None, Field(max_length=512, description="API path of the object it is about.")] = None
    bytes: Annotated[Counter, Field(description="Size.")]
    dropped: Annotated[Counter | None, Field(description="Older bytes that were left away; never silently.")] = None
    redactions: Annotated[Counter | None, Field(description="Secrets masked in it.")] = None
    sha256: Annotated[str, Field(max_length=64, description="SHA-256 of the file.")]


# They stand in the list, but a capture that lacks only these lacks nothing.
NORMAL_REASONS = frozenset({MissingReason.NO_PREVIOUS, MissingReason.NOT_STARTED, MissingReason.IN_PART_B})


class MissingItem(Model):
    """Something that could not be had, and why."""

    name: Annotated[str, Field(max_length=512, description="Path it would have had.")]
    reason: Annotated[str, Field(max_length=64, description="A fixed word, for example NodeSilent or NoPrevious.")]
    message: Annotated[str | None, Field(max_length=512, description="What the answer was.")] = None


class Part(Model):
    """Which part of a capture this is."""

    index: Annotated[int, Field(ge=1, le=8, description="From 1.")]
    of: Annotated[int, Field(ge=1, le=8, description="How many there are.")]


class FamilyCount(Model):
    """How many secrets of one sort were masked."""

    name: Annotated[str, Field(max_length=32, description="Sort, as in the marks: ***jwt:1a2b3c4d***.")]
    count: Annotated[Counter, Field(description="How many.")]


class EvidenceSpec(Model):
    """
    An immutable bundle.

    Extract it without stanch: `kubectl get evid NAME -o go-template='{{.spec.data}}' | base64 -d | tar xz`.
    """

    incident: Annotated[Name, Field(description="The incident in this namespace.")]
    mitigation: Annotated[str | None, Field(max_length=63, description="The mitigation it was captured for.")] = None
    attempt: Annotated[str | None, Field(max_length=63, description="The attempt it was captured for.")] = None
    purpose: Annotated[Purpose, Field(description="Declared, Before, After, Relapse, Page or Closed.")]
    part: Annotated[Part, Field(description="Which part of the capture this is.")]
    captured_time: Annotated[Time, Field(description="When it was captured.")]
    deadline: Annotated[Duration | None, Field(description="How long capturing was allowed to take.")] = None
    items: Annotated[tuple[Item, ...], Field(max_length=512, description="What is in it.")] = ()
    missing: Annotated[tuple[MissingItem, ...] | None, Field(max_length=512, description="What is not, and why.")] = (
        None
    )
    redactions: Annotated[Counter | None, Field(description="Secrets masked in all items.")] = None
    families: Annotated[
        tuple[FamilyCount, ...] | None, Field(max_length=32, description="Of which sorts they were.")
    ] = None
    bytes: Annotated[Counter, Field(description="Stored bytes of the archive.")] = 0
    sha256: Annotated[str, Field(max_length=64, description="SHA-256 of the archive.")]
    encoding: Annotated[str, Field(max_length=32, description="tar+gzip")] = "tar+gzip"
    data: Annotated[str, Field(max_length=_DATA_MAX, description="The archive in base64.")]

    # Written with the object, never read back: a table column can't count a list.
    @computed_field(description="Things that are in it; for the table.")  # type: ignore[prop-decorator]  # mypy#1362
    @property
    def items_count(self) -> int:
        """How many items there are."""
        return len(self.items)

    @computed_field(description="Things that could not be had; for the table.")  # type: ignore[prop-decorator]
    @property
    def missing_count(self) -> int:
        """How many things are missing that could have been had."""
        return sum(each.reason not in NORMAL_REASONS for each in self.missing or ())
