"""Plan: what one look at the world leads to, as data."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from stanch.api.incident_status import IncidentStatus
from stanch.api.policy import DEFAULT, Policy
from stanch.core.commands import Command
from stanch.core.ports import Aim
from stanch.core.questions import Question
from stanch.core.records import MarkFolded, Store


@dataclass(frozen=True, slots=True)
class Told:
    """
    A Kubernetes Event to post once the status that says the same is written.

    With ``once`` it is posted before that: what is made of the record before it, so that whoever plans again after a crash
    posts it under the same name, and it is there once.
    """

    reason: str
    message: str
    warning: bool = False
    once: str = ""


@dataclass(frozen=True)
class Plan:
    """
    Ask ``questions`` and plan again while there are any; then write ``status`` and ``stores``, then perform
    ``commands``, then look again at ``wake_at``. ``capturing`` are the targets whose evidence is being asked for: what
    is known of them can be rendered while the last answers are on their way. ``policy`` is the one that was in force.
    ``spare`` are questions that no effect needs an answer to: they get half of the evidence deadline, so that one slow list
    does not take the time of all logs.
    ``later``: what is asked for is evidence of what came after, which nobody waits for.
    """

    status: IncidentStatus
    questions: tuple[Question, ...] = ()
    spare: frozenset[Question] = frozenset()
    capturing: tuple[Aim, ...] = ()
    stores: tuple[Store, ...] = ()
    commands: tuple[Command, ...] = ()
    folded: tuple[MarkFolded, ...] = ()
    events: tuple[Told, ...] = ()
    wake_at: datetime | None = None
    close: bool = False
    policy: Policy = DEFAULT
    later: bool = False

    @cached_property
    def wire(self) -> dict[str, Any]:
        """The status as it would be stored; made once, for the laws and the writer look at it in turn."""
        return self.status.wire()
