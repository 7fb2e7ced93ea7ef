"""
The Runbook of an incident: read, filled in, and frozen into the status. From then on only the frozen plan counts.

A Git push in the middle changes nothing that runs; another `spec.runbook` withdraws what has not started (decisions F2, 5.5).
"""

import json
from dataclasses import dataclass
from typing import Final

from pydantic import ValidationError

from stanch.api.incident import Incident, Recovery, RunbookChoice
from stanch.api.incident_status import WishState
from stanch.api.meta import Target
from stanch.api.names import EventKind, Reason
from stanch.api.runbook import Runbook
from stanch.api.runbook_record import EscalationRecord, Mode, RunbookRecord
from stanch.core.alert_fold import alert_labels
from stanch.core.census import RUNBOOK
from stanch.core.draft import RECORDS_MAX, Draft, shorten
from stanch.core.observations import Failed, NotFound
from stanch.core.questions import RUNBOOKS, Get
from stanch.core.reading import first_problem
from stanch.core.reverts import unfit
from stanch.core.runbook_authority import account_of, acts_by_itself, who_chose
from stanch.core.runbook_preconditions import look_at
from stanch.core.runbook_render import Problem, Rendered, render, values_of
from stanch.core.swap import digest
from stanch.core.vouched import nobody_can_tell
from stanch.core.wish_fold import NOT_STARTED, take_in

_MESSAGE_MAX: Final = 1000


def fold_runbook(draft: Draft) -> None:
    """Freeze the plan of the Runbook that the spec names, once; from here on its targets and recovery count."""
    _take_in(draft)
    draft.incident = as_planned(draft.incident, draft.status.runbook)


def as_planned(incident: Incident, frozen: RunbookRecord | None) -> Incident:
    """The incident, with targets and recovery of its frozen plan where its own spec says nothing of them."""
    spec = incident.spec
    if frozen is None or frozen.digest is None or (spec.targets and spec.recovery):
        return incident
    targets = spec.targets or frozen.targets
    recovery = spec.recovery or (Recovery.model_validate(json.loads(frozen.recovery)) if frozen.recovery else None)
    return incident.model_copy(update={"spec": spec.model_copy(update={"targets": targets, "recovery": recovery})})


def _take_in(draft: Draft) -> None:
    times, choice, known = draft.status.times, draft.incident.spec.runbook, draft.status.runbook
    if times is None or times.resolved or times.cancelled or times.closed or nobody_can_tell(draft):
        return
    asked = digest(choice.wire()) if choice else None
    if known is not None and known.asked != asked:
        _leave(draft, known)
        known = None
    if choice is None or (known is not None and known.digest is not None):
        return
    found = _plan(draft, choice)
    if draft.questions:
        return
    by = who_chose(draft)
    fresh = RunbookRecord(name=choice.name, asked=digest(choice.wire()), requested_by=by.username if by else None)
    if isinstance(found, _Ready):
        _freeze(draft, fresh, found)
    elif found is not None:
        _wait(draft, fresh, found)


@dataclass(frozen=True, slots=True)
class _Ready:
    """Everything that a plan is frozen from."""

    runbook: Runbook
    rendered: Rendered
    record: RunbookRecord


@dataclass(frozen=True, slots=True)
class _Not:
    """Why there is no plan: the reason, the words, and how the preconditions stood when it is about them."""

    reason: str
    message: str
    record: RunbookRecord | None = None


def _plan(draft: Draft, choice: RunbookChoice) -> _Ready | _Not | None:
    """What to freeze, or why not; None while it is being asked."""
    runbook = _read(draft, choice.name)
    if not isinstance(runbook, Runbook):
        return runbook
    rendered = render(runbook, values_of(runbook, alert_labels(draft), choice.parameters))
    if isinstance(rendered, Problem):
        return _Not(Reason.NOT_RENDERED, rendered.message)
    targets = rendered.targets or draft.incident.spec.targets or ()
    if problem := _unfit(rendered, targets):
        return _Not(Reason.NOT_RENDERED, problem)
    looked = look_at(draft, rendered.preconditions, targets)
    record = RunbookRecord(name=choice.name, asked="", preconditions=looked or None)
    if unmet := [p for p in looked if not p.met]:
        words = "; ".join(f"{p.name}: {p.message}" for p in unmet)
        return _Not(Reason.PRECONDITION_UNMET, f"Not the situation it is for. {words}. Looked at again", record)
    return _Ready(runbook, rendered, record)


def _read(draft: Draft, name: str) -> Runbook | _Not | None:
    namespace = draft.incident.metadata.namespace
    answer = draft.answer(Get(RUNBOOKS, namespace, name))
    if answer is None:
        return None
    if isinstance(answer, NotFound):
        return _Not(Reason.RUNBOOK_NOT_FOUND, f"There is no Runbook {name} in namespace {namespace}")
    if isinstance(answer, Failed):
        return _Not(Reason.NO_DATA_NOW, f"Runbook {name} can't be read: {answer.message}; asked again")
    try:
        return Runbook.model_validate(answer.value)
    except ValidationError as error:
        return _Not(Reason.SPEC_INVALID, f"Runbook {name} can't be read: {first_problem(error)}")


def _unfit(rendered: Rendered, targets: tuple[Target, ...]) -> str | None:
    for wish in rendered.mitigations:
        try:
            action, value = wish.action
        except ValueError as error:
            return f"mitigations.{wish.name}: {error}"
        target = wish.target or next(iter(targets), None)
        if target is None:
            return f"mitigations.{wish.name} names no target, and neither the Runbook nor the incident has targets"
        if target.kind not in value.KINDS:
            kinds = ", ".join(sorted(value.KINDS))
            return f"mitigations.{wish.name}: {action} acts on {kinds}, not on {target.kind.value}"
        if why := unfit(action, wish.revert):
            return f"mitigations.{wish.name}: {why}"
    return None


def _wait(draft: Draft, fresh: RunbookRecord, why: _Not) -> None:
    """Say once what holds the plan; look again in a while, for a Runbook rings no bell of its incidents."""
    known = draft.status.runbook
    looked = why.record.preconditions if why.record else None
    said = {"reason": why.reason, "message": shorten(why.message, _MESSAGE_MAX), "preconditions": looked}
    draft.wake(draft.now + draft.catalog.policy.sample_every)
    record = fresh.model_copy(update=said)
    if known == record:
        return
    draft.set(runbook=record)
    if known is None or known.reason != why.reason:
        draft.say(EventKind.RUNBOOK_HELD, f"{fresh.name}: {why.message}", event=True, warning=True)


def _freeze(draft: Draft, fresh: RunbookRecord, found: _Ready) -> None:
    runbook, rendered, spec = found.runbook, found.rendered, found.runbook.spec
    account = account_of(draft, runbook)
    automatic, why_not = acts_by_itself(draft, runbook)
    mode = Mode.APPROVE if runbook.mode is Mode.AUTO and not automatic else runbook.mode
    guardrails = spec.guardrails
    record = fresh.model_copy(
        update={
            "preconditions": found.record.preconditions,
            "digest": rendered.digest,
            "generation": rendered.generation,
            "frozen_time": draft.now,
            "mode": mode,
            "account": account,
            "parameters": dict(rendered.values) or None,
            "targets": rendered.targets or None,
            "recovery": json.dumps(rendered.recovery.wire(), sort_keys=True) if rendered.recovery else None,
            "checklist": rendered.checklist or None,
            "escalate": tuple(EscalationRecord(to=e.to, due_time=draft.now + e.after) for e in rendered.escalate)
            or None,
            "cooldown": guardrails.cooldown if guardrails else None,
            "max_per_day": guardrails.max_per_day if guardrails else None,
            "max_pods_percent": guardrails.max_pods_percent if guardrails else None,
            "message": why_not,
        }
    )
    draft.set(runbook=record)
    draft.say(
        EventKind.RUNBOOK_FROZEN,
        f"{record.name}, generation {record.generation}, {_how(record)}: "
        f"{', '.join(w.name for w in rendered.mitigations) or 'no mitigations'}{f'. {why_not}' if why_not else ''}",
        by=record.requested_by or "nobody vouched for it",
        event=True,
    )
    for wish in rendered.mitigations:
        if draft.record(wish.name) is not None and not _withdrawn(draft, wish.name):
            taken = f"{Reason.NAME_TAKEN}: there is a mitigation {wish.name} already, so that of Runbook {record.name} is left out"
            draft.say(EventKind.MITIGATION_HELD, taken, event=True, warning=True)
        elif len(draft.records) < RECORDS_MAX:
            draft.set(mitigations=tuple(r for r in draft.records if r.name != wish.name))
            take_in(draft, wish, f"{RUNBOOK}{record.name}", record.requested_by, draft.now)
            if automatic and (mine := draft.record(wish.name)) is not None:
                draft.put(mine.model_copy(update={"automatic": True}))


def _withdrawn(draft: Draft, name: str) -> bool:
    """Did a former plan leave it behind before it started? Then its name is free."""
    known = draft.record(name)
    return known is not None and known.state is WishState.WITHDRAWN and not known.attempts


def _how(record: RunbookRecord) -> str:
    how = {
        Mode.OBSERVE: "shown only",
        Mode.APPROVE: "once a person approves",
        Mode.AUTO: "by itself",
    }[record.mode or Mode.APPROVE]
    return f"{how}, with the rights of {record.account}" if record.account else how


def _leave(draft: Draft, known: RunbookRecord) -> None:
    """The spec names another one, or none: what has not started is withdrawn; what has is kept, as any removed mitigation."""
    for record in draft.records:
        if record.source == f"{RUNBOOK}{known.name}" and record.state in NOT_STARTED:
            draft.put(record.model_copy(update={"state": WishState.WITHDRAWN, "message": "spec.runbook was changed"}))
            draft.say(EventKind.MITIGATION_WITHDRAWN, f"{record.name}: spec.runbook was changed before it started")
    draft.set(runbook=None)
    if known.digest:
        draft.say(EventKind.RUNBOOK_LEFT, f"{known.name}: spec.runbook was changed", event=True)
