"""One look at one incident: observe, plan, write, perform, and again with what came of it."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from stanch.api.incident import Incident
from stanch.api.meta import Severity, instant
from stanch.api.names import EventKind, Label, Reason
from stanch.api.timeline_entry import TimelineEntry
from stanch.core.attempts import begun
from stanch.core.invariants import broken
from stanch.core.observations import Answer, Delivery, Failed, Found, Observations, Policies
from stanch.core.plan_type import Plan, Told
from stanch.core.ports import Catalog
from stanch.core.questions import ENTRIES, INCIDENTS, List, Logs, MayThey, Outside, Question, UndoSecret
from stanch.core.reading import Unreadable, read_entry
from stanch.core.records import MarkFolded, Store
from stanch.core.stalled import stalled_by_law
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache
from stanch.shell.client import Kube, Unanswered
from stanch.shell.evidence_store import Total
from stanch.shell.failing import Failing
from stanch.shell.holding import Holding
from stanch.shell.known import must_stand, refresh
from stanch.shell.let_go import came_late, let_go
from stanch.shell.measures import count
from stanch.shell.metrics import LAWS_BROKEN, RECONCILE_SECONDS, RECONCILES
from stanch.shell.observe import Observer
from stanch.shell.perform import perform_all
from stanch.shell.policy_book import PolicyBook
from stanch.shell.postmortems import Postmortems
from stanch.shell.rewind import Rewind
from stanch.shell.rights_age import RightsAge
from stanch.shell.spec_invalid import say_invalid
from stanch.shell.status import StatusConflict, StatusRefused, write_status
from stanch.shell.store import mark_folded, store
from stanch.shell.tell import body_of, tell
from stanch.shell.thinking import Thinking
from stanch.shell.turns import Turn

LOG = logging.getLogger("stanch.reconcile")
# Questions lead to questions at most this often; a plan that still asks then is a bug of ours, not of the cluster.
ROUNDS_MAX: Final = 40
PASSES_MAX: Final = 12
# More than one look folds.
ENTRIES_AT_ONCE: Final = 200
BACKOFF_FIRST: Final = 0.1
# Long enough for the requests to be on the wire, short enough to be ready before the first answer.
PREPARE_AFTER: Final = 0.001
BACKOFF_MAX: Final = 60.0
# For logs of evidence that no effect waits for: somebody may want something meanwhile.
LATER_SECONDS: Final = 2.0


class Reconciler:
    """Looks at incidents; holds no state that a restart would miss."""

    def __init__(
        self,
        kube: Kube,
        catalog: Catalog,
        cache: Cache,
        bells: Bells,
        rewind: Rewind,
        restored: datetime | None = None,
        own_node: str = "",
    ) -> None:
        """
        ``restored``: when a restore was seen. ``policies`` is kept up to date by shell/policy_watch.py, and ``book``, in which
        there are no ResponsePolicies at first, by shell/policy_book.py.
        """
        self.restored, self.own_node, self.book = restored, own_node, PolicyBook(catalog.policy)
        self.kube, self.catalog, self.cache, self.bells, self.rewind = kube, catalog, cache, bells, rewind
        self.learning = Postmortems(kube, cache, bells)
        self.observer, self.now, self.thinking = Observer(kube), kube.clock.now, Thinking()
        self.policies = Policies(False, "The admission policies have not been looked at yet", unclear=True)
        # Between counting what others do and writing down what is begun here, there is only one look at a time.
        self._turns = asyncio.Lock()
        # What came of telling channels, by message (shell/courier.py).
        self.deliveries: Callable[[Key], Mapping[str, Delivery]] = lambda _: {}
        # Why nothing may be done although all policies are in force; empty when every incident is known.
        self.uncounted = ""
        # Set once all has been read that effects rest on, for good: what can't be read later is told at once.
        self.settled = asyncio.Event()
        self._failures: dict[Key, int] = {}
        self._failing = Failing(kube, cache)
        self._rehearsed: dict[Key, tuple[Question, ...]] = {}
        self.evidence = Total()
        self._holding = Holding()
        self._background: set[asyncio.Task[Any]] = set()
        # Marks made lately: one look hands the same entries in several times.
        self._marked: deque[tuple[str, str]] = deque(maxlen=256)
        self._told: deque[str] = deque(maxlen=256)

    async def look(self, key: Key) -> None:
        """Reconcile one key; whatever goes wrong stays with this key, and is tried again with patience."""
        began = time.perf_counter()
        try:
            wake = await self._incident(key)
        except (StatusConflict, Unanswered):
            await refresh(self.kube, self.cache, self.rewind, key)
            self._again(key, "conflict")
        except Exception as error:  # one poison object must not stop the rest
            await self._failing.note(key, error)
            self._again(key, "error")
        else:
            self._failing.well(key)
            self._failures.pop(key, None)
            RECONCILES.labels("ok").inc()
            if wake is not None:
                self.bells.ring_in(key, max(0.05, (wake - self.now()).total_seconds()))
        finally:
            RECONCILE_SECONDS.observe(time.perf_counter() - began)

    def _again(self, key: Key, result: str) -> None:
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        RECONCILES.labels(result).inc()
        self.bells.ring_in(key, min(BACKOFF_MAX, BACKOFF_FIRST * 2 ** (failures - 1)))

    async def _incident(self, key: Key) -> datetime | None:
        if self.cache.doubted(key):
            await refresh(self.kube, self.cache, self.rewind, key)
        body = self.cache.get(key)
        if body is None or Label.CLOSED in (body["metadata"].get("labels") or {}):
            self.bells.forget(key)
            self._rehearsed.pop(key, None)
            self._holding.forget(key)
            await self._nobody_listens(key)
            return None
        try:
            incident = Incident.model_validate(body)
        except ValidationError as error:
            await say_invalid(self.kube, body, error)
            return None
        began = self.now()
        entries, answers = await asyncio.gather(
            self._entries(incident), self.observer.answer(self._rehearsed.get(key, ()), None)
        )
        seen = Observations(
            answers=answers,
            entries=entries,
            policies=self._proven(),
            own_node=self.own_node,
            evidence_started=began,
            evidence_bytes=self.evidence.bytes,
            restored=self.restored,
            held=self._holding.of(key, incident),
            deliveries=self.deliveries(key),
            lessons=self.cache.lessons(key.namespace),
        )
        seen = self._with_others(key, seen)
        done: list[tuple[Incident, Plan]] = []
        written, rights = False, RightsAge()
        try:
            for _ in range(PASSES_MAX):
                with Turn(self._turns) as turn:
                    decided, seen, planned = await self._decide(key, incident, seen, turn, rights)
                    self._log(incident, decided)
                    changed = decided.status != incident.status
                    if not changed and not decided.commands and not decided.stores:
                        done.append((incident, decided))
                        await self._rehearse(key, incident, seen)
                        return decided.wake_at
                    incident, seen = await self._write(key, incident, decided, seen, turn)
                written = written or changed
                done.append((incident, decided))
                if decided.commands:
                    if not written:
                        await must_stand(self.kube, incident)
                    seen = await self._perform(decided, seen, planned)
            return self.now()
        finally:
            # Only now: marks and Events would share the way with the effect.
            for each in done:
                await self._after(*each)

    async def _rehearse(self, key: Key, incident: Incident, seen: Observations) -> None:
        """
        While an approval is all that is missing: note what the next look will ask, planned on paper from the answers
        we have. It then asks all of it in one hop, and the plan takes only answers to what it asks itself. Rights are not
        asked so: that hop lists the entries, too, and who lost a right before somebody agreed would still have it.
        """
        self._rehearsed.pop(key, None)
        if not any(record.reason == Reason.APPROVAL_MISSING for record in incident.status.mitigations or ()):
            return
        answers: dict[Question, Answer] = {}
        asked: dict[Question, None] = {}
        for _ in range(ROUNDS_MAX):
            # Nothing counts as stored: the next look has to ask for that, too.
            on_paper = replace(seen, answers=answers, entries=(), stored={})
            catalog = self.catalog_in(incident.metadata.namespace)
            asked |= dict.fromkeys((await self.thinking.plan(incident, on_paper, catalog, self.now())).questions)
            known = {q: seen.answers[q] for q in asked if q in seen.answers and q not in answers}
            if not known:
                break
            answers |= known
        self._rehearsed[key] = tuple(q for q in asked if not isinstance(q, Logs | MayThey | Outside))

    async def _nobody_listens(self, key: Key) -> None:
        """Tell whoever says something to an incident that is closed or not there; what it says stays as it is."""
        listed = await self.kube.get(
            ENTRIES.path(key.namespace),
            {"labelSelector": f"!{Label.FOLDED}", "fieldSelector": f"spec.incident={key.name}"},
        )
        entries = (
            [e for e in listed.body.get("items") or () if e["metadata"]["uid"] not in self._told] if listed.ok else []
        )
        if not entries:
            return
        reply = await self.kube.get(INCIDENTS.path(key.namespace, key.name))
        if reply.status == 404:
            told = Told(
                EventKind.NO_SUCH_INCIDENT, f"There is no incident {key.name} in namespace {key.namespace}", True
            )
        elif reply.ok and Label.CLOSED in (reply.body["metadata"].get("labels") or {}):
            told = Told(EventKind.INCIDENT_IS_CLOSED, f"Incident {key.name} is closed; declare a new one", warning=True)
        else:
            return
        for entry in entries:
            self._told.append(entry["metadata"]["uid"])
            self._later(tell(self.kube, {"kind": "TimelineEntry", **entry}, told, self.now()))
            if told.reason == EventKind.INCIDENT_IS_CLOSED:
                self._later(came_late(self.kube, entry["metadata"]))

    async def _entries(self, incident: Incident) -> tuple[TimelineEntry | Unreadable, ...]:
        """
        What people said that is not folded yet, the oldest first; a brand-new incident has none.

        The API server lists by name, and anybody names their own: so all of it is read, and the oldest are kept. What is older
        than the incident was said to another of its name.
        """
        if incident.status.times is None:
            return ()
        labels, fields = f"!{Label.FOLDED}", f"spec.incident={incident.metadata.name}"
        question, since = List(ENTRIES, incident.metadata.namespace, labels=labels, fields=fields), incident.declared
        kept: list[dict[str, Any]] = []
        while True:
            answer = (await self.observer.answer([question], None))[question]
            if not isinstance(answer, Found):
                raise StatusConflict(f"entries can't be listed: {answer}")
            items = answer.value.get("items") or ()
            kept += (e for e in items if e["metadata"]["creationTimestamp"] >= instant(since))
            kept = sorted(kept, key=lambda e: int(e["metadata"].get("resourceVersion") or 0))[:ENTRIES_AT_ONCE]
            more = (answer.value.get("metadata") or {}).get("continue")
            if not more:
                return tuple(read_entry(item) for item in kept)
            question = replace(question, after=more)

    def _proven(self) -> Policies:
        """Whether effects may rest on what is known."""
        policies = self.book.proven(self.policies)
        if not (policies.proven and self.uncounted):
            return policies
        return replace(policies, proven=False, problem=self.uncounted, stamped=True)

    def is_calm(self) -> bool:
        """Is nothing held for a part b, so that no effect is a moment ago?"""
        return self._holding.is_empty

    def settle(self) -> None:
        """Note when all has been read that effects rest on. What was read and is not in force is known, too."""
        policies = self._proven()
        if not (policies.unclear or policies.stamped):
            self.settled.set()

    def _with_others(self, key: Key, seen: Observations) -> Observations:
        """With what the other incidents do and did, as far as is known now."""
        return replace(seen, census=self.cache.census(key), busy=self.cache.busy(key), acted=self.cache.acted())

    async def _decide(
        self, key: Key, incident: Incident, seen: Observations, turn: Turn, rights: RightsAge
    ) -> tuple[Plan, Observations, float]:
        """
        Plan, answer what it asks, and plan again until it asks nothing; what begins something is planned in a turn, and
        rests on rights that were asked for a moment ago: once more at most, for an API server that is slow stays so.
        """
        again = False
        for _ in range(ROUNDS_MAX):
            planned = time.monotonic()
            catalog = self.catalog_in(incident.metadata.namespace)
            decided = await self.thinking.plan(incident, seen, catalog, self.now())
            if decided.questions:
                turn.end()
                rights.note(decided.questions)
                seen = seen.with_answers(await self._answers(incident, decided, seen))
            elif not again and rights.too_old(incident.status, decided):
                again, seen = True, rights.forget(seen)
            elif not begun(incident.status, decided.status):
                turn.end()
                break
            elif turn.taken:
                break
            else:
                await turn.take()
                now = self._with_others(key, seen)
                # Others may have held the turn for long; then the rights are asked for once more, too.
                as_known = (now.census, now.busy) == (seen.census, seen.busy)
                if as_known and (again or not rights.too_old(incident.status, decided)):
                    break
                seen = now
        else:
            raise RuntimeError(f"still asking after {ROUNDS_MAX} rounds: {decided.questions[:3]}")
        laws = broken(incident, decided)
        for law in laws:
            LAWS_BROKEN.labels(law).inc()
            LOG.error("a law is broken; the plan is refused", extra={"incident": incident.key, "law": law})
        return (stalled_by_law(incident, laws, self.now()) if laws else decided), seen, planned

    async def _answers(self, incident: Incident, decided: Plan, seen: Observations) -> Mapping[Question, Answer]:
        """Ask; and while logs are on their way, render what is known already, so that it is not done on the path."""
        asking = asyncio.create_task(
            self.observer.answer(decided.questions, self._within(incident, decided, seen), decided.spare)
        )
        if decided.capturing and any(isinstance(q, Logs) for q in decided.questions):
            await asyncio.sleep(PREPARE_AFTER)
            severity = self._severity(incident)
            catalog = self.catalog_in(incident.metadata.namespace)
            await self.thinking.prepare(incident, catalog, decided.capturing, seen, severity, self.now())
        return await asking

    def catalog_in(self, namespace: str) -> Catalog:
        """With the policy that is in force in a namespace."""
        policy = self.book.policy(namespace)
        return replace(self.catalog, policy=policy, collector=self.catalog.collector.within(policy))

    def _severity(self, incident: Incident) -> Severity:
        said = incident.status.severity.level if incident.status.severity else incident.spec.severity
        return said or self.catalog_in(incident.metadata.namespace).policy.when_unknown

    def _left(self, incident: Incident, seen: Observations) -> float:
        """Seconds until the evidence deadline of this severity."""
        deadline = self.catalog_in(incident.metadata.namespace).policy.evidence_deadline[self._severity(incident)]
        return (deadline - (self.now() - (seen.evidence_started or self.now()))).total_seconds()

    def _within(self, incident: Incident, decided: Plan, seen: Observations) -> float:
        """Seconds for logs: until the deadline of an effect; what no effect waits for holds nobody up for longer than a moment."""
        return LATER_SECONDS if decided.later else self._left(incident, seen)

    async def _write(
        self, key: Key, incident: Incident, decided: Plan, seen: Observations, turn: Turn
    ) -> tuple[Incident, Observations]:
        """The status and what an effect waits for in parallel, the rest after; receipts go into what was seen."""
        changed = decided.status != incident.status
        urgent = [s for s in decided.stores if s.urgent]
        rest = [s for s in decided.stores if not s.urgent]
        self._holding.keep(key, seen, urgent)
        waiting = [asyncio.create_task(store(self.kube, s)) for s in urgent]
        try:
            written = await self._status(key, incident, decided, changed)
        finally:
            turn.end()
            kept = [await task for task in waiting]
        kept += await asyncio.gather(*(store(self.kube, s) for s in rest))
        self.evidence.add(s for s, why in zip([*urgent, *rest], kept, strict=True) if why is None)
        seen = _receipts(seen, dict(zip([*urgent, *rest], kept, strict=True)), incident, written)
        return written, replace(seen, held=self._holding.of(key, written))

    async def _status(self, key: Key, incident: Incident, decided: Plan, changed: bool) -> Incident:
        if not changed:
            return incident
        try:
            body = await write_status(self.kube, incident, decided.wire, self.cache.get(key))
        except StatusRefused as error:
            LOG.error("the status was refused", extra={"incident": incident.key, "why": str(error)})
            raise
        self.cache.put(key, body)
        count(incident, decided.status)
        return Incident.model_validate(body)

    async def _perform(self, decided: Plan, seen: Observations, planned: float) -> Observations:
        """Do it, then forget everything that was seen before: the world has changed."""
        outcomes = await perform_all(self.kube, decided.commands, planned)
        # What pods answered before stays known for this look: those that may not go now hold up nobody else.
        return replace(seen, answers={}, outcomes={**seen.outcomes, **outcomes}, fresh_intent=frozenset())

    async def _after(self, incident: Incident, decided: Plan) -> None:
        """Off the path: marks, events, the closed label."""
        for mark in decided.folded:
            if (mark.namespace, mark.name) not in self._marked:
                self._marked.append((mark.namespace, mark.name))
                self._later(self._mark(mark))
        for told in decided.events:
            self._later(tell(self.kube, body_of(incident), told, self.now()))
        if decided.close:
            await self._close(incident)

    async def _mark(self, mark: MarkFolded) -> None:
        if not await mark_folded(self.kube, mark) and (mark.namespace, mark.name) in self._marked:
            self._marked.remove((mark.namespace, mark.name))

    async def _close(self, incident: Incident) -> None:
        meta = incident.metadata
        if Label.CLOSED not in meta.labels:
            await let_go(self.kube, meta.namespace, meta.name, meta.uid)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def drain(self) -> None:
        """Wait for what is off the path, at the end."""
        if self._background:
            await asyncio.wait(self._background, timeout=3)
        self.thinking.close()
        self.learning.close()

    def _log(self, incident: Incident, decided: Plan) -> None:
        idle = decided.status == incident.status and not decided.commands and not decided.stores
        LOG.log(
            logging.DEBUG if idle else logging.INFO,
            "planned",
            extra={
                "incident": incident.key,
                "generation": incident.metadata.generation,
                "commands": len(decided.commands),
                "stores": len(decided.stores),
                "changed": decided.status != incident.status,
                "phase": decided.status.phase,
            },
        )


def _receipts(
    seen: Observations, kept: Mapping[Store, Failed | None], before: Incident, after: Incident
) -> Observations:
    stored = {s.name: s.digest for s, why in kept.items() if why is None}
    failed = {s.name: why for s, why in kept.items() if why is not None}
    fresh = begun(before.status, after.status)
    undo: dict[Question, Answer] = {
        UndoSecret(s.name): Found(s.record) for s, why in kept.items() if why is None and s.record is not None
    }
    seen = seen.with_answers(undo).with_stored(stored)
    # Folded entries may be handed in again: they are named in the status until their mark is seen.
    return replace(seen, not_stored={**seen.not_stored, **failed}, fresh_intent=seen.fresh_intent | fresh)
