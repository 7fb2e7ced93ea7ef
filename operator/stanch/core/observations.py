"""What the shell saw: answers to questions, receipts of what was stored, outcomes of what was done."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from stanch.api.names import MissingReason
from stanch.core.census import NOBODY, Census
from stanch.core.lesson import Lesson
from stanch.core.questions import Question


@dataclass(frozen=True, slots=True)
class Found:
    """The answer: an object or a list as JSON; ``size`` is how many bytes it came in, 0 where nobody counted."""

    value: dict[str, Any]
    size: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class NotFound:
    """It is not there: asked and answered 404."""


@dataclass(frozen=True, slots=True)
class Failed:
    """No usable answer. ``status`` is the HTTP code, or 0 when none came; ``message`` is what was said."""

    status: int
    message: str
    reason: str = ""

    @property
    def passing(self) -> bool:
        """May it be answered in a moment: no reply came, or the server was too busy or broken to judge it?"""
        return self.status in (0, 429) or self.status >= 500


Answer = Found | NotFound | Failed


def cut_short(answer: "Answer | None") -> bool:
    """Was it left behind at the evidence deadline? Evidence can do without it; whoever must know it asks again, and waits."""
    return isinstance(answer, Failed) and answer.reason == MissingReason.DEADLINE_OVER


class OutcomeKind(StrEnum):
    """What became of a command."""

    ACCEPTED = "Accepted"
    REFUSED = "Refused"  # the API server said no; nothing changed, or a test did not hold
    UNKNOWN = "Unknown"  # no answer: it may or may not have happened


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the API server said to a command. For ACCEPTED ``value`` is the object it returned."""

    kind: OutcomeKind
    status: int = 0
    message: str = ""
    value: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Policies:
    """
    Are the admission policies that prove who asked in force? ``problem`` says what is not.

    ``since`` is when they began to be, without a gap since then; None: as long as anything is. ``unclear``: they could not be
    looked at. ``stamped``: they are in force, and it is something else that keeps effects from resting on what is known.
    """

    proven: bool
    problem: str = ""
    since: datetime | None = None
    unclear: bool = False
    stamped: bool = False


class Delivered(StrEnum):
    """What came of trying to tell a channel."""

    YES = "Yes"
    AGAIN = "Again"  # it may go another time
    NEVER = "Never"  # the same would be refused again


@dataclass(frozen=True, slots=True)
class Delivery:
    """
    What came of one try to tell a message of the outbox that had been tried ``tries`` times before.

    ``after`` is how long the channel asks to wait. ``ref`` is what it calls the headline that is edited in place;
    ``forget``: it knows the one we had no more.
    """

    tries: int
    kind: Delivered
    time: datetime
    why: str = ""
    after: timedelta | None = None
    ref: str | None = None
    forget: bool = False


@dataclass(frozen=True, slots=True)
class Busy:
    """
    Another incident is acting on a target. ``fields`` are JSON pointers to what it wrote and still looks at; None while
    its write, or a pod that it takes away, is on its way: then nobody else touches the object.
    """

    incident: str
    fields: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Acted:
    """Whose an action is, in words, and JSON pointers to what it wrote."""

    by: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Held:
    """
    What part a of a capture was made of. ``answers`` as they were then; empty when nobody remembers them. ``manifest`` is the
    spec of part a, without its data. ``given_up``: it was forgotten for want of room, and the operator did not end.
    """

    answers: Mapping[Question, Answer] = field(default_factory=dict)
    manifest: Mapping[str, Any] = field(default_factory=dict)
    given_up: bool = False


@dataclass(frozen=True, slots=True)
class Observations:
    """
    A snapshot. A question that is not a key was never asked; NotFound means asked and absent.

    ``stored`` holds names of Evidence objects and undo Secrets known to be there, with their digest: receipts.
    ``not_stored`` are those whose writing failed, with what was said. ``fresh_intent`` are attempts that this very pass wrote
    down, so that nobody need read back whether they were done. ``outcomes`` are keyed by action id, those of removed
    pods by uid. ``busy`` maps a target uid to the other incident that is acting on it; ``acted`` an action id, as our
    label on a target has it, to the mitigation whose it is. ``restored`` is when the cluster's data was seen to have come
    back from a backup; None when nobody saw that. ``census`` is what other incidents did; ``own_node`` the Node that stanch
    runs on, empty when that is not known. ``evidence_bytes`` are those of all the cluster's evidence, as far
    as is known. ``now`` is the instant of the plan that looks at it. ``held`` is what is left for a
    part b, by the name of part a; a restart forgets it. ``deliveries`` are keyed by the message that was tried to be told.
    ``lessons`` are what Postmortems of the incident's namespace say of theirs.
    """

    answers: Mapping[Question, Answer] = field(default_factory=dict)
    stored: Mapping[str, str] = field(default_factory=dict)
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    entries: tuple[Any, ...] = ()
    policies: Policies = Policies(proven=False, problem="not looked yet", unclear=True)
    busy: Mapping[str, Busy] = field(default_factory=dict)
    not_stored: Mapping[str, Failed] = field(default_factory=dict)
    fresh_intent: frozenset[str] = frozenset()
    evidence_started: datetime | None = None
    evidence_bytes: int = 0
    restored: datetime | None = None
    acted: Mapping[str, Acted] = field(default_factory=dict)
    census: Census = NOBODY
    own_node: str = ""
    now: datetime | None = None
    held: Mapping[str, Held] = field(default_factory=dict)
    deliveries: Mapping[str, Delivery] = field(default_factory=dict)
    lessons: tuple[Lesson, ...] = ()

    def get(self, question: Question) -> Answer | None:
        """The answer, or None when it was not asked."""
        return self.answers.get(question)

    def with_answers(self, more: Mapping[Question, Answer]) -> "Observations":
        """The same and more answers."""
        return replace(self, answers={**self.answers, **more})

    def with_stored(self, more: Mapping[str, str]) -> "Observations":
        """The same and more receipts."""
        return replace(self, stored={**self.stored, **more})


def is_cut(answer: Answer | None) -> bool:
    """Is this list only the first part of one?"""
    return isinstance(answer, Found) and bool((answer.value.get("metadata") or {}).get("continue"))


def is_empty(answer: Found) -> bool:
    """Is there nothing in this list?"""
    return not answer.value.get("items")


def items(answer: Answer | None) -> list[dict[str, Any]]:
    """Objects of a list answer; none when it failed or was not asked."""
    return list(answer.value.get("items") or ()) if isinstance(answer, Found) else []
