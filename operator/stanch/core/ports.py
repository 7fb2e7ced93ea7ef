"""What a mitigation is: pure functions from what was wished and seen to what would be written, and the rights it needs."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol, runtime_checkable

from stanch.api.actions import Action
from stanch.api.evidence import PART_BYTES_MAX, Purpose
from stanch.api.incident_status import UndoClass
from stanch.api.meta import Severity, TargetKind
from stanch.api.policy import Policy
from stanch.api.similar_status import FailureSignature
from stanch.api.suspect_status import ChangesRecord, Suspect
from stanch.core.commands import Removal
from stanch.core.graphs import Graph
from stanch.core.observations import Observations
from stanch.core.questions import Question


class ApprovalClass(StrEnum):
    """A narrow and exactly undoable, B moves code or traffic, C wide or irreversible (decisions 2.2)."""

    A = "A"
    B = "B"
    C = "C"


@dataclass(frozen=True, slots=True)
class Need:
    """
    One right: the person who asks must have it, and the operator's role holds it on ``done_on``.

    ``subresource`` is what the person could do with kubectl (``scale`` asks for ``deployments/scale``).
    """

    verb: str
    group: str
    resource: str
    subresource: str = ""

    @property
    def done_on(self) -> str:
        """What the operator itself uses: never /scale, but the object, so that the action id is in the same write."""
        return self.resource if self.subresource in ("", "scale") else f"{self.resource}/{self.subresource}"


@dataclass(frozen=True, slots=True)
class Aim:
    """What a mitigation is to act on: the target as asked for, and where it lives (no namespace for a Node)."""

    kind: TargetKind
    name: str
    namespace: str | None

    def __str__(self) -> str:
        where = f"{self.namespace}/" if self.namespace else ""
        return f"{self.kind.value} {where}{self.name}"


@dataclass(frozen=True, slots=True)
class Refusal:
    """No, because. ``final`` refusals end the wish; others are looked at again. ``message`` names what would free it."""

    reason: str
    message: str
    final: bool = False


@dataclass(frozen=True, slots=True)
class NothingToDo:
    """It is already so."""

    message: str


@dataclass(frozen=True, slots=True)
class Change:
    """
    What would be written: JSON pointers with the value before and after; ``ABSENT`` means the field is not there.

    From this the patch, its inverse and the digests are made (core/swap.py). ``labels`` are the target's now, None
    when it has none; ``do_by_hand`` and ``undo_by_hand`` are kubectl lines a person can paste. ``removes`` are pods to
    take away besides, once the fields are written (none of them: at once); ``within`` is how long all of it may take; and
    ``note`` is kept in the undo record for ``verify``. ``agreed`` is what
    else an approval agrees to: with any change of it, it is void.
    """

    uid: str
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    summary: str
    diff: tuple[str, ...] = ()
    blast: str = ""
    undo_takes: str = ""
    warnings: tuple[str, ...] = ()
    do_by_hand: str = ""
    undo_by_hand: str = ""
    approval_class: ApprovalClass = ApprovalClass.B
    labels: Mapping[str, str] | None = None
    removes: tuple["PodToRemove", ...] = ()
    within: timedelta | None = None
    note: Mapping[str, Any] = field(default_factory=dict)
    agreed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PodToRemove:
    """One pod that the effect takes away: written down with its uid before it is."""

    namespace: str
    name: str
    uid: str
    how: Removal


@dataclass(frozen=True, slots=True)
class Clock:
    """``now``, and when the mitigation was asked for: the same on every look, so that a plan with a time in it is, too."""

    now: datetime
    asked: datetime


Sized = Change | Refusal | NothingToDo | tuple[Question, ...]


class VerdictState(StrEnum):
    """How an applied effect is doing."""

    WAITING = "Waiting"
    VERIFIED = "Verified"
    FAILED = "Failed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """
    What is to be seen of the effect, in words that stand still while nothing changes.

    ``remove`` are uids, of those written down, that are to go next.
    """

    state: VerdictState
    message: str
    remove: tuple[str, ...] = ()


Written = Mapping[str, Any]


class Mitigation(Protocol):
    """One action, in one pure file."""

    @property
    def name(self) -> str:
        """Its member name in YAML."""
        ...

    @property
    def kinds(self) -> frozenset[TargetKind]:
        """Kinds it can act on."""
        ...

    @property
    def undo_class(self) -> UndoClass:
        """Who is able to undo it."""
        ...

    @property
    def needs(self) -> Mapping[TargetKind, tuple[Need, ...]]:
        """Rights the person who asks must have; roles and policies are generated from them."""
        ...

    @property
    def debt(self) -> timedelta | None:
        """When what it leaves is due to be taken back; None when it leaves nothing."""
        ...

    def size_up(self, action: Action, aim: Aim, seen: Observations, clock: Clock) -> Sized:
        """What would be written, or why not, or what must be known first."""
        ...

    def verify(self, action: Action, aim: Aim, seen: Observations, written: Written) -> Verdict | tuple[Question, ...]:
        """Did the effect arrive? ``written`` is the undo record: before, after, removes, note."""
        ...

    def owes(self, action: Action, aim: Aim) -> str:
        """What is off while the effect is in force; empty when nothing is owed."""
        ...


@runtime_checkable
class LooksBack(Protocol):
    """A mitigation whose undo, exact as it may be, could do harm by now."""

    def undo_refusal(self, undo: Written, aim: Aim, seen: Observations) -> Refusal | tuple[Question, ...] | None:
        """What harm taking it back would do now, or what must be known first; None: none that is known."""
        ...


@runtime_checkable
class LetsIn(Protocol):
    """A mitigation that keeps changes away while it is in force: taken back, it lets in all that came meanwhile."""

    def brings(self, aim: Aim, seen: Observations) -> str | tuple[Question, ...]:
        """What taking it back would bring now, in words that stand still while nothing changes; or what must be known first."""
        ...


@dataclass(frozen=True, slots=True)
class Captured:
    """
    A bundle ready to be stored: the complete Evidence object and what the record says of it; ``lacks`` names what is missing,
    ``rest`` is how much was left for part b. Of part b ``caught_up`` is how much it has that part a was not given, and ``still``
    names what neither has. ``failing`` is how most of the failing pods fail.
    """

    name: str
    body: dict[str, Any]
    sha256: str
    items: int
    missing: int
    really_missing: int
    stored_bytes: int
    excerpt: str = ""
    lacks: str = ""
    rest: int = 0
    caught_up: int = 0
    still: str = ""
    failing: FailureSignature | None = None


class Stage(StrEnum):
    """Which part of a capture: all in one, what an effect waits for, or what comes right after it (ADR 40)."""

    WHOLE = "Whole"
    FIRST = "First"
    REST = "Rest"


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    """
    What to capture for whom; ``name`` without the suffix that says its content, ``loses`` as in Collector.questions,
    ``room`` stored bytes at most; ``graphs`` are drawn with ``onset`` marked in them.

    ``left_for_rest`` names what else part a leaves for part b. For part b ``manifest`` is the spec of part a, whose files are not
    stored again, and ``lost`` is what it lacks because nobody remembers it, with the reason.
    """

    incident: str
    incident_uid: str
    namespace: str
    severity: Severity
    aims: tuple[Aim, ...]
    purpose: Purpose
    name: str
    mitigation: str | None
    attempt: str | None
    captured: datetime
    deadline: timedelta
    loses: frozenset[str] = frozenset()
    room: int = PART_BYTES_MAX
    graphs: tuple[Graph, ...] = ()
    onset: datetime | None = None
    stage: Stage = Stage.WHOLE
    left_for_rest: tuple[str, ...] = ()
    manifest: Mapping[str, Any] = field(default_factory=dict)
    lost: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WhatChanged:
    """What may have caused it, likeliest first, and what was looked at for that."""

    suspects: tuple[Suspect, ...]
    record: ChangesRecord


class Collector(Protocol):
    """What evidence is: which questions to ask for a target, and the bundle that the answers make."""

    def within(self, policy: Policy) -> "Collector":
        """The same, reading as much as this policy says."""
        ...

    def questions(
        self, aim: Aim, seen: Observations, severity: Severity, loses: frozenset[str] = frozenset()
    ) -> tuple[Question, ...]:
        """What to ask next; empty when everything was asked. ``loses`` are uids of pods whose logs go with the effect."""
        ...

    def prepare(
        self, incident_uid: str, aims: tuple[Aim, ...], seen: Observations, severity: Severity, now: datetime
    ) -> None:
        """Render what is known already, while logs are on their way; a capture for this incident comes out the same without it."""
        ...

    def capture(self, request: CaptureRequest, seen: Observations) -> Captured:
        """The bundle of what was answered; what was not is listed in it as missing."""
        ...

    def rest_questions(
        self,
        aims: tuple[Aim, ...],
        seen: Observations,
        severity: Severity,
        manifest: Mapping[str, Any],
        loses: frozenset[str] = frozenset(),
    ) -> tuple[Question, ...]:
        """What to ask next of what part a, whose spec this is, was not given in time; empty when everything was asked."""
        ...

    def changes_questions(self, aims: tuple[Aim, ...], seen: Observations) -> tuple[Question, ...]:
        """What to ask next to learn what changed; empty when everything was asked. An effect never waits for these."""
        ...

    def what_changed(
        self, incident_uid: str, aims: tuple[Aim, ...], seen: Observations, said: datetime | None, now: datetime
    ) -> WhatChanged | None:
        """
        What changed, from whatever was answered, for this incident's record; ``said`` is when people say it began. None: it can't
        say.
        """
        ...


@dataclass(frozen=True, slots=True)
class Catalog:
    """Everything plan() can draw on: all mitigations by name, how evidence is captured, and the policy in force."""

    mitigations: Mapping[str, Mitigation]
    collector: Collector
    policy: Policy
