"""A small cluster in memory that answers questions, takes patches with their tests, and can lie, lose and crash."""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import jsonpatch

from build import BAD, GOOD, T0, deployment, pod, replicaset, stamp
from deployment_controller import settle
from json_patch import apply_patch, copied
from learning import as_kept, publish
from paper import PaperCollector, differences, nobody_outside
from stanch.api.incident import Incident
from stanch.api.names import OPERATOR_USER, Label
from stanch.api.policy import DEFAULT
from stanch.api.timeline_entry import TimelineEntry
from stanch.core.census import NOBODY, Census
from stanch.core.commands import Command, Removal, Remove, Unmark, outcome_key
from stanch.core.held import needed, to_hold
from stanch.core.invariants import broken
from stanch.core.lesson import Lesson
from stanch.core.observations import (
    Acted,
    Answer,
    Busy,
    Delivery,
    Failed,
    Found,
    Held,
    NotFound,
    Observations,
    Outcome,
    OutcomeKind,
    Policies,
)
from stanch.core.plan import plan
from stanch.core.plan_type import Plan
from stanch.core.ports import Catalog
from stanch.core.questions import (
    ACTION_ITEMS,
    EVIDENCES,
    POSTMORTEMS,
    DryRun,
    Get,
    List,
    Logs,
    MayGo,
    MayThey,
    Outside,
    Question,
    UndoSecret,
)
from stanch.core.swap import patch_text, unmark
from stanch.mitigations import ALL

Json = dict[str, Any]
ON_NODE = "spec.nodeName="


@dataclass(frozen=True)
class Stopped:
    """A replica that was stopped in the middle of a look: what it had decided on which version, and its next step."""

    decided: Plan
    seen: Observations
    version: str | None
    step: int


CATALOG = Catalog({m.name: m for m in ALL}, PaperCollector(), DEFAULT)


@dataclass
class World:
    """Objects by (plural, name); rights; the incident as stored; what was done to targets, in order."""

    incident: Incident
    objects: dict[tuple[str, str], Json] = field(default_factory=dict)
    may: Callable[[MayThey], bool] = lambda _: True
    operator_may: Callable[[MayThey], bool] = bool
    policies: Policies = field(default_factory=lambda: Policies(proven=True))
    entries: list[TimelineEntry] = field(default_factory=list)
    stored: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, Json] = field(default_factory=dict)
    effects: list[Command] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    plans: list[Plan] = field(default_factory=list)
    # What was asked at once: each round is a wait for the cluster.
    rounds: list[tuple[Question, ...]] = field(default_factory=list)
    now: datetime = T0 + timedelta(seconds=1)
    lose_next_reply: bool = False
    lose_stores: set[str] = field(default_factory=set)
    refuse_stores: set[str] = field(default_factory=set)
    refuse_with: int = 403
    refuse_words: str = "exceeded quota: no-evidence"
    controller_works: bool = True
    acted: dict[str, Acted] = field(default_factory=dict)
    busy: dict[str, Busy] = field(default_factory=dict)
    guarded: set[str] = field(default_factory=set)
    frozen: tuple[str, ...] | None = ()
    census: Census = NOBODY
    lessons: tuple[Lesson, ...] = ()
    own_node: str = ""
    catalog: Catalog = CATALOG
    refuses: int = 0
    outside: Callable[[Outside], Answer] = nobody_outside
    log: str = "FATAL"
    held: dict[str, Held] = field(default_factory=dict)
    restored: datetime | None = None
    deliveries: dict[str, Delivery] = field(default_factory=dict)
    stopped: Stopped | None = None
    # Plan everything twice, to see that it comes out the same.
    repeat: bool = True

    def fork(self) -> "World":
        """The same once more, to go another way; what is never changed in place is shared."""
        twin = copy.copy(self)
        twin.objects = copied(self.objects)
        twin.entries, twin.effects, twin.broken, twin.plans = [*self.entries], [*self.effects], [*self.broken], []
        twin.rounds = []
        twin.stored, twin.secrets = {**self.stored}, {**self.secrets}
        twin.lose_stores, twin.guarded, twin.held = {*self.lose_stores}, {*self.guarded}, {**self.held}
        twin.deliveries = {**self.deliveries}
        return twin

    def cut(self, steps: int) -> "World":
        """A twin whose look was cut off after so many steps."""
        twin = self.fork()
        twin.look(die_after=steps)
        return twin

    def about_to_act(self) -> "World":
        """A twin that was cut off with everything written down and nothing done."""
        cut = (self.cut(n) for n in range(20))
        return next(w for w in cut if w.stopped and w.stopped.step == len(STEPS) - 1 and w.stopped.decided.commands)

    # --- answering -----------------------------------------------------------------------------------------------

    def answer(self, question: Question) -> Answer:
        """What the API server would say now."""
        match question:
            case Get(ref=ref, name=name) if ref.plural == "timelineentries":
                said = next((e for e in self.entries if e.metadata.name == name), None)
                return Found(said.wire()) if said else NotFound()
            case Get(ref=ref, name=name):
                return as_kept(self, ref.plural, name)
            case List(ref=ref, fields=fields) if ref.plural == "evidences":
                wanted = fields.removeprefix("metadata.name=")
                names = [n for n in self.stored if not fields or n == wanted]
                return Found({"items": [self._evidence(n) for n in names]})
            case List(ref=ref, fields=fields, limit=limit):
                on = fields.removeprefix(ON_NODE) if fields.startswith(ON_NODE) else None
                found = [o for (plural, _), o in self.objects.items() if plural == ref.plural]
                items = [o for o in found if on is None or o["spec"].get("nodeName") == on]
                more = {"metadata": {"continue": "more"}} if len(items) > limit else {}
                return Found({"items": [copied(o) for o in items[:limit]], **more})
            case Logs():
                return Found({"text": self.log, "dropped": 0})
            case MayThey(verb="freeze", resource=resource):
                return Failed(500, "no answer") if self.frozen is None else Found({"allowed": resource in self.frozen})
            case MayThey(username=name):
                may = self.operator_may if name == OPERATOR_USER else self.may
                return Found({"allowed": may(question), "reason": ""})
            case DryRun():
                return self._patched(question.ref.plural, question.name, question.patch, keep=False)
            case MayGo(name=name):
                return Failed(429, "violates the budget") if name in self.guarded else Found({})
            case UndoSecret(name=name):
                return Found(self.secrets[name]) if name in self.secrets else NotFound()
            case _:
                return self.outside(question)

    def publish(self, name: str = "checkout-5xx") -> "World":
        """As if people had written it, and somebody had signed it off: what that takes is tests/core/test_postmortem*.py's."""
        publish(self.objects[("postmortems", name)], self.now)
        return self

    def _evidence(self, name: str) -> Json:
        return {"metadata": {"name": name, "labels": {Label.INCIDENT_UID: self.stored[name].split("/")[0]}}}

    def _patched(self, plural: str, name: str, patch: str, keep: bool) -> Answer:
        target = self.objects.get((plural, name))
        if target is None:
            return NotFound()
        try:
            new = apply_patch(target, json.loads(patch))
        except jsonpatch.JsonPatchException:
            return Failed(422, "the server rejected our request due to an error in our request")
        if keep:
            self.objects[(plural, name)] = new
        return Found(new)

    # --- doing ---------------------------------------------------------------------------------------------------

    def perform(self, command: Command) -> Outcome:
        """Take the patch if its tests hold, or the pod; perhaps lose the answer."""
        if isinstance(command, Remove):
            return self._remove(command)
        if isinstance(command, Unmark):
            return self._unmark(command)
        if self.refuses:
            return Outcome(OutcomeKind.REFUSED, self.refuses, "the leash says no")
        answer = self._patched(command.ref.plural, command.name, command.patch, keep=not command.dry)
        if isinstance(answer, Found) and not command.dry:
            self.effects.append(command)
            self.settle()
        if self.lose_next_reply:
            self.lose_next_reply = False
            return Outcome(OutcomeKind.UNKNOWN, 0, "connection reset")
        if isinstance(answer, Found):
            return Outcome(OutcomeKind.ACCEPTED, 200, "", answer.value)
        status = answer.status if isinstance(answer, Failed) else 404
        return Outcome(OutcomeKind.REFUSED, status, getattr(answer, "message", "not found"))

    def _unmark(self, command: Unmark) -> Outcome:
        patch = patch_text(unmark(command.uid, command.attempt))
        answer = self._patched(command.ref.plural, command.name, patch, keep=not self.refuses)
        if self.refuses or not isinstance(answer, Found):
            return Outcome(OutcomeKind.REFUSED, self.refuses or 422, "no")
        return Outcome(OutcomeKind.ACCEPTED, 200, "", answer.value)

    def _remove(self, command: Remove) -> Outcome:
        found = self.objects.get(("pods", command.name))
        if found is None or found["metadata"]["uid"] != command.uid or found["metadata"].get("deletionTimestamp"):
            return Outcome(OutcomeKind.REFUSED, 404 if found is None else 409, "not this one")
        if command.how is Removal.EVICT and command.name in self.guarded:
            return Outcome(
                OutcomeKind.REFUSED, 429, "Cannot evict pod as it would violate the pod's disruption budget."
            )
        if not command.dry:
            self.effects.append(command)
            found["metadata"]["deletionTimestamp"] = stamp(self.now)
        if self.lose_next_reply:
            self.lose_next_reply = False
            return Outcome(OutcomeKind.UNKNOWN, 0, "connection reset")
        return Outcome(OutcomeKind.ACCEPTED, 200, "", {})

    def settle(self) -> None:
        """What the Deployment controller and the kubelet would do next, at once."""
        if self.controller_works:
            settle(self.objects, self.now)

    # --- one look ------------------------------------------------------------------------------------------------

    def unfolded(self) -> tuple[TimelineEntry, ...]:
        """Entries without our mark."""
        return tuple(e for e in self.entries if Label.FOLDED not in e.metadata.labels)

    def seen(self) -> Observations:
        """What a look begins with."""
        self._let_go()
        entries = self.unfolded() if self.incident.status.times else ()
        return Observations(
            entries=entries,
            policies=self.policies,
            evidence_started=self.now,
            restored=self.restored,
            acted=self.acted,
            busy=self.busy,
            census=self.census,
            own_node=self.own_node,
            held=needed(self.held, self.incident.status),
            deliveries={**self.deliveries},
            lessons=self.lessons,
        )

    def _let_go(self) -> None:
        """What the kubelet has stopped by now is gone."""
        for key, obj in list(self.objects.items()):
            since = obj["metadata"].get("deletionTimestamp")
            if key[0] == "pods" and since and since < stamp(self.now):
                del self.objects[key]

    def decide(self, seen: Observations) -> tuple[Plan, Observations]:
        """Plan, answer, plan again, as the shell does; every plan is checked against the laws."""
        for _ in range(10):
            decided = plan(self.incident, seen, self.catalog, self.now)
            if not decided.questions:
                break
            self.rounds.append(decided.questions)
            seen = seen.with_answers({q: self.answer(q) for q in decided.questions})
        if self.repeat and not decided.stores:
            assert decided == plan(self.incident, seen, self.catalog, self.now), "planning is repeatable"
        self.broken += broken(self.incident, decided)
        self.plans.append(decided)
        return decided, seen

    def look(self, die_after: int | None = None, between: Callable[[int], None] = lambda _: None) -> Plan:
        """
        One reconcile until nothing changes.

        ``die_after`` cuts it off after so many steps: a crash, or a stop that ``go_on`` ends. ``between`` is called
        before each step, for what happens meanwhile; when somebody else wrote the incident then, this look is over.
        """
        seen, steps = self.seen(), 0
        for _ in range(12):
            decided, seen = self.decide(seen)
            version = self.incident.metadata.resource_version
            if decided.status == self.incident.status and not decided.commands and not decided.stores:
                self._mark(decided)
                return decided
            for number in range(len(STEPS)):
                between(steps)
                if steps == die_after:
                    self.stopped, self.held = Stopped(decided, seen, version, number), {}
                    return decided
                went_on = self._step(Stopped(decided, seen, version, number))
                if went_on is None:
                    return decided
                seen = went_on
                steps += 1
            self._mark(decided)
        last = [
            sorted(differences(a.status.wire(), b.status.wire()))
            for a, b in zip(self.plans[-4:], self.plans[-3:], strict=False)
        ]
        raise AssertionError(
            f"never settles: {last} {self.plans[-1].commands} {[s.name for s in self.plans[-1].stores]}"
        )

    def _step(self, at: Stopped) -> Observations | None:
        """One step; None when the status was written by somebody else since, which ends the look."""
        if at.step == 0 and self.incident.metadata.resource_version != at.version:
            # The records are on their way at the same time as the status.
            self._write_stores(at.decided, at.seen)
            return None
        return STEPS[at.step](self, at.decided, at.seen)

    def go_on(self) -> None:
        """The replica that was stopped finishes what it had decided, however long ago."""
        at, self.stopped = self.stopped, None
        for number in range(at.step, len(STEPS)) if at else ():
            seen = self._step(replace(at, step=number))
            if seen is None:
                return
            at = replace(at, seen=seen)

    def _write_status(self, decided: Plan, seen: Observations) -> Observations:
        known = {a.id for r in self.incident.status.mitigations or () for a in r.attempts or ()}
        after = {a.id for r in decided.status.mitigations or () for a in r.attempts or ()}
        version = str(int(self.incident.metadata.resource_version) + 1)
        meta = self.incident.metadata.model_copy(update={"resource_version": version})
        self.incident = Incident.model_validate(
            {"metadata": meta.wire(), "spec": self.incident.spec.wire(), "status": decided.status.wire()}
        )
        return replace(seen, fresh_intent=seen.fresh_intent | frozenset(after - known))

    def _write_stores(self, decided: Plan, seen: Observations) -> Observations:
        receipts: dict[str, str] = {}
        answers: dict[Question, Answer] = {}
        failed: dict[str, Failed] = {}
        self.held |= to_hold(seen, decided.stores)
        for record in decided.stores:
            if any(part in record.name for part in self.lose_stores):
                failed[record.name] = Failed(0, "no answer")
                continue
            if any(part in record.name for part in self.refuse_stores):
                failed[record.name] = Failed(self.refuse_with, self.refuse_words)
                continue
            receipts[record.name] = record.digest
            if record.record is not None:
                self.secrets[record.name] = record.record
                answers[UndoSecret(record.name)] = Found(record.record)
            else:
                self.stored.setdefault(record.name, f"{self.incident.metadata.uid}/{record.ref.plural}")
                if record.ref in (POSTMORTEMS, ACTION_ITEMS, EVIDENCES):
                    self.objects.setdefault((record.ref.plural, record.name), record.body)
        seen = seen.with_answers(answers).with_stored(receipts)
        return replace(seen, not_stored={**seen.not_stored, **failed}, held=needed(self.held, self.incident.status))

    def _perform(self, decided: Plan, seen: Observations) -> Observations:
        if not decided.commands:
            return seen
        outcomes = {outcome_key(c): self.perform(c) for c in decided.commands}
        return replace(seen, answers={}, outcomes={**seen.outcomes, **outcomes}, fresh_intent=frozenset())

    def _mark(self, decided: Plan) -> None:
        for mark in decided.folded:
            self.entries = [
                e.model_copy(
                    update={"metadata": e.metadata.model_copy(update={"labels": {Label.FOLDED: str(mark.seq)}})}
                )
                if e.metadata.name == mark.name
                else e
                for e in self.entries
            ]

    # --- time ----------------------------------------------------------------------------------------------------

    def wait(self, until: datetime) -> None:
        """Look whenever the plan asks to be woken, until then."""
        decided = self.look()
        while decided.wake_at is not None and decided.wake_at <= until and len(self.plans) < 2000:
            self.now = max(decided.wake_at, self.now + timedelta(seconds=1))
            decided = self.look()
        self.now = max(self.now, until)
        self.look()

    def run(self, **duration: float) -> "World":
        """Let time pass."""
        self.wait(self.now + timedelta(**duration))
        return self

    def say(self, *entries: TimelineEntry) -> "World":
        """People say something."""
        self.entries += entries
        return self

    def respec(self, **changes: Any) -> "World":
        """Somebody writes the spec."""
        spec = {**self.incident.spec.wire(), **changes}
        meta = self.incident.metadata.model_copy(update={"generation": self.incident.metadata.generation + 1})
        self.incident = Incident.model_validate(
            {"metadata": meta.wire(), "spec": spec, "status": self.incident.status.wire()}
        )
        return self

    # --- reading -------------------------------------------------------------------------------------------------

    def condition(self, kind: str) -> str:
        """`True Held`: status and reason of a condition, `-` when it is not there."""
        found = next((c for c in self.incident.status.conditions if c.type == kind), None)
        return f"{found.status} {found.reason}" if found else "-"

    def record(self, name: str) -> Any:
        """The record of a mitigation."""
        return next(r for r in self.incident.status.mitigations or () if r.name == name)

    def kinds(self) -> list[str]:
        """The timeline in one word each."""
        return [line.kind for line in self.incident.status.timeline]

    @property
    def target(self) -> Json:
        """The Deployment as it is now."""
        return self.objects[("deployments", "checkout")]

    @property
    def image(self) -> str:
        """The image it runs."""
        return str(self.target["spec"]["template"]["spec"]["containers"][0]["image"])


STEPS = (World._write_status, World._write_stores, World._perform)


def bad_deploy(inc: Incident, **spec: Any) -> World:
    """Revision 2 crashes, two pods of revision 1 still serve."""
    world = World(inc)
    world.objects[("deployments", "checkout")] = deployment(**spec)
    for rs in (replicaset(GOOD, 1), replicaset(BAD, 2, created=T0 - timedelta(minutes=2))):
        world.objects[("replicasets", rs["metadata"]["name"])] = rs
    for body in (pod("h1", 1), pod("h1", 2), pod("h2", 1, crashing=True)):
        world.objects[("pods", body["metadata"]["name"])] = body
    return world


def healthy(inc: Incident) -> World:
    """One revision, all of it serving."""
    world = bad_deploy(inc)
    del world.objects[("replicasets", "checkout-h2")]
    world.target["spec"]["template"]["spec"]["containers"][0]["image"] = GOOD
    world.target["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "1"
    world.settle()
    return world


def bad_past(inc: Incident) -> World:
    """Revision 2 serves; revision 1, to which somebody may want to go back, crashes."""
    world = World(inc)
    world.objects[("deployments", "checkout")] = deployment(GOOD)
    for rs in (replicaset(BAD, 1), replicaset(GOOD, 2)):
        world.objects[("replicasets", rs["metadata"]["name"])] = rs
    for n in (1, 2, 3):
        world.objects[("pods", f"checkout-h2-{n}")] = pod("h2", n)
    world.target["status"] |= {"updatedReplicas": 3, "availableReplicas": 3, "readyReplicas": 3}
    world.target["status"].pop("unavailableReplicas")
    return world
