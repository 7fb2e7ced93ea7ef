"""The working copy of one plan: the status being written, what to ask, store and do. Lives only inside plan()."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from stanch.api.incident import Incident
from stanch.api.incident_status import Debt, IncidentStatus, MitigationRecord, TimelineLine
from stanch.api.meta import Severity, Target, TargetKind
from stanch.api.names import Milestone
from stanch.core.commands import Command
from stanch.core.observations import Answer, Observations, cut_short
from stanch.core.plan_type import Told
from stanch.core.ports import Aim, Catalog
from stanch.core.questions import AROUND, List, Question
from stanch.core.records import MarkFolded, Store

# What a person reads in `kubectl describe`; the full text stays in the entry (decisions 2.13).
LINE_CHARACTERS_MAX = 300
MESSAGE_CHARACTERS_MAX = 1000
MACHINE = "stanch"
# As many mitigations as the status holds.
RECORDS_MAX = 32
# Source of a hold that another mitigation needs, before that one's name.
HOLD_FOR = "For/"


@dataclass
class Draft:
    """Mutable, but it never leaves plan(): in goes what was seen, out comes a Plan."""

    incident: Incident
    seen: Observations
    catalog: Catalog
    now: datetime
    status: IncidentStatus
    questions: list[Question] = field(default_factory=list)
    capturing: list[Aim] = field(default_factory=list)
    stores: list[Store] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    folded: list[MarkFolded] = field(default_factory=list)
    events: list[Told] = field(default_factory=list)
    wakes: list[datetime] = field(default_factory=list)
    close: bool = False
    later: bool = False
    _must: set[Question] = field(default_factory=set)
    _asked: set[tuple[Aim, frozenset[str], Severity]] = field(default_factory=set)

    def set(self, **changes: Any) -> None:
        """Change fields of the status."""
        self.status = self.status.model_copy(update=changes)

    def ask(self, *questions: Question) -> bool:
        """Note what must be known first; true when something is still unanswered."""
        self._must.update(questions)
        return self._note(q for q in questions if self.seen.get(q) is None or self._was_cut_short(q))

    def ask_for_evidence(self, *questions: Question) -> bool:
        """The same for what no effect needs to know."""
        return self._note(q for q in questions if self.seen.get(q) is None)

    def _note(self, unanswered: Iterable[Question]) -> bool:
        found = tuple(unanswered)
        self.questions.extend(q for q in found if q not in self.questions)
        return bool(found)

    def _was_cut_short(self, question: Question) -> bool:
        return isinstance(question, List) and cut_short(self.seen.get(question))

    @property
    def spare(self) -> frozenset[Question]:
        """
        Lists of what is around a target that evidence alone asks for: an effect does not wait for them for long. None where nothing
        is done without whole evidence, or where no effect waits.
        """
        if self.later or self.catalog.policy.evidence_required:
            return frozenset()
        return frozenset(q for q in self.questions if isinstance(q, List) and q.ref in AROUND and q not in self._must)

    def answer(self, question: Question) -> Answer | None:
        """The answer; asks when there is none yet."""
        self.ask(question)
        return self.seen.get(question)

    def ask_evidence(self, aim: Aim, loses: frozenset[str] = frozenset()) -> None:
        """Ask what a capture of this target needs next, and of the pods that would be lost."""
        wanted = (aim, loses, self.severity)
        if wanted in self._asked:
            return  # What was seen is the same all through a plan, so the answer would be.
        self._asked.add(wanted)
        asked = self.catalog.collector.questions(aim, self.seen, self.severity, loses)
        if self.ask_for_evidence(*asked) and aim not in self.capturing:
            self.capturing.append(aim)

    def say(
        self,
        kind: str,
        text: str,
        *,
        by: str = MACHINE,
        time: datetime | None = None,
        entry: str | None = None,
        event: bool = False,
        warning: bool = False,
    ) -> int:
        """Add a line to the timeline; ``event`` tells the same as a Kubernetes Event. Returns its seq."""
        seq = self.status.last_seq + 1
        line = TimelineLine(
            seq=seq,
            time=time or self.now,
            kind=kind,
            by=by,
            text=shorten(text, LINE_CHARACTERS_MAX),
            entry=entry,
            milestone=True if kind in Milestone.KINDS else None,
        )
        self.set(timeline=(*self.status.timeline, line), last_seq=seq)
        if event or line.milestone:
            self.events.append(Told(kind, shorten(text, 900), warning))
        return seq

    def wake(self, at: datetime) -> None:
        """Look again at this time at the latest."""
        self.wakes.append(at)

    @property
    def severity(self) -> Severity:
        """The severity in force."""
        return self.status.severity.level if self.status.severity else self.catalog.policy.when_unknown

    @property
    def named_by_alerts(self) -> tuple[Target, ...]:
        """What the labels of its alerts name, once that is on the record (core/alert_targets.py)."""
        alerts = self.incident.status.alerts
        return tuple(Target(kind=t.kind, name=t.name) for t in (alerts.targets if alerts else None) or ())

    @property
    def looked_at(self) -> tuple[Target, ...]:
        """What is captured and thought about: the targets, or without any what its alerts name. Only targets are acted on."""
        return self.incident.spec.targets or self.named_by_alerts

    @property
    def records(self) -> tuple[MitigationRecord, ...]:
        """All mitigations asked for, in the order they are tried."""
        return self.status.mitigations or ()

    def record(self, name: str) -> MitigationRecord | None:
        """The mitigation of that name."""
        return next((r for r in self.records if r.name == name), None)

    def debt(self, name: str) -> Debt | None:
        """What is owed for the mitigation of that name."""
        return next((d for d in self.status.debt or () if d.name == name), None)

    def held_for(self, record: MitigationRecord) -> MitigationRecord | None:
        """The mitigation that a hold was made for; None when it is no such hold, or that one is gone."""
        return self.record(record.source.removeprefix(HOLD_FOR)) if record.source.startswith(HOLD_FOR) else None

    def put(self, record: MitigationRecord) -> None:
        """Replace the mitigation of that name."""
        if record.message and len(record.message) > MESSAGE_CHARACTERS_MAX:
            record = record.model_copy(update={"message": shorten(record.message, MESSAGE_CHARACTERS_MAX)})
        self.set(mitigations=tuple(record if r.name == record.name else r for r in self.records))

    def aim(self, record: MitigationRecord) -> Aim | None:
        """Where a mitigation is aimed; None when it has no target."""
        if record.target is None:
            return None
        return aim_at(self.incident, record.target.kind.value, record.target.name)


def aim_at(incident: Incident, kind: str, name: str) -> Aim:
    """A target as an address: nodes have no namespace, everything else lives where the incident does."""
    wanted = TargetKind(kind)
    return Aim(wanted, name, None if wanted is TargetKind.NODE else incident.metadata.namespace)


def shorten(text: str, limit: int) -> str:
    """At most ``limit`` characters of one line; what is cut is marked."""
    # Escapes, bells and direction marks would act on the terminal of whoever reads it.
    flat = " ".join(text.split())
    if not flat.isprintable():
        flat = "".join(c if c.isprintable() else "\ufffd" for c in flat)
    return flat if len(flat) <= limit else flat[: limit - 1] + "…"
