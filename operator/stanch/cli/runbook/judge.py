"""What a Runbook with its values filled in comes to, given what was seen: the operator's own preconditions and plans."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stanch.api.incident import Incident, IncidentSpec, Meta
from stanch.api.meta import Target, TargetKind
from stanch.api.policy import DEFAULT
from stanch.api.runbook import Runbook
from stanch.api.runbook_record import PreconditionRecord
from stanch.api.wish import Wish
from stanch.cli.runbook.outlook import BY_NAME
from stanch.core.draft import Draft
from stanch.core.observations import Answer, Observations
from stanch.core.ports import Aim, Catalog, Change, Clock, NothingToDo, Refusal
from stanch.core.questions import Question
from stanch.core.runbook_preconditions import look_at
from stanch.core.runbook_render import Rendered
from stanch.core.runners import run_elsewhere
from stanch.evidence.collector import EvidenceCollector

ROUNDS_MAX: Final = 12
CATALOG: Final = Catalog(BY_NAME, EvidenceCollector(b""), DEFAULT)
Come = Change | Refusal | NothingToDo


@dataclass(frozen=True, slots=True)
class Step:
    """One mitigation: what it would write, or why not."""

    wish: Wish
    action: str
    aim: Aim
    came: Come


@dataclass(frozen=True, slots=True)
class Judged:
    """How the preconditions stand, and each mitigation, were it planned at this moment."""

    preconditions: tuple[PreconditionRecord, ...]
    steps: tuple[Step, ...]

    @property
    def fits(self) -> bool:
        """Is it the situation it was written for?"""
        return all(each.met for each in self.preconditions)


class UnfitError(ValueError):
    """A mitigation can't be planned at all: no action, no target, or one of a kind that it can't act on."""


def judge(rendered: Rendered, namespace: str, seen: Observations, now: datetime) -> Judged | tuple[Question, ...]:
    """
    What it comes to, or what must be known first. Raises UnfitError.

    Each mitigation is planned as if it were the first: what an earlier one would have changed is not foreseen.
    """
    draft = _draft(rendered, namespace, seen, now)
    preconditions = look_at(draft, rendered.preconditions, rendered.targets)
    steps = [_step(draft, wish, rendered.targets) for wish in rendered.mitigations]
    if draft.questions:
        return tuple(draft.questions)
    return Judged(preconditions, tuple(each for each in steps if each is not None))


def settle(rendered: Rendered, namespace: str, now: datetime, answer: Callable[[Question], Answer]) -> Judged:
    """The same, asked until nothing is open. Raises UnfitError."""
    seen = Observations(now=now)
    for _ in range(ROUNDS_MAX):
        found = judge(rendered, namespace, seen, now)
        if isinstance(found, Judged):
            return found
        seen = seen.with_answers({question: answer(question) for question in found})
    raise UnfitError(f"it goes on asking after {ROUNDS_MAX} rounds")


def _draft(rendered: Rendered, namespace: str, seen: Observations, now: datetime) -> Draft:
    meta = Meta(name=rendered.name, namespace=namespace, uid="plan", creation_timestamp=now)
    incident = Incident(metadata=meta, spec=IncidentSpec(title=rendered.name, targets=rendered.targets or None))
    return Draft(incident, seen, CATALOG, now, incident.status)


def aim_of(wish: Wish, targets: tuple[Target, ...], namespace: str) -> Aim:
    """What a mitigation acts on. Raises UnfitError."""
    try:
        name, action = wish.action
    except ValueError as error:
        raise UnfitError(f"{wish.name}: {error}") from error
    target = wish.target or next(iter(targets), None)
    if target is None:
        raise UnfitError(f"{wish.name} names no target, and the Runbook has none; the incident's first would be meant")
    if target.kind not in action.KINDS:
        raise UnfitError(f"{wish.name}: {name} acts on {', '.join(sorted(action.KINDS))}, not on {target.kind.value}")
    return Aim(target.kind, target.name, None if target.kind is TargetKind.NODE else namespace)


def _step(draft: Draft, wish: Wish, targets: tuple[Target, ...]) -> Step | None:
    aim = aim_of(wish, targets, draft.incident.metadata.namespace)
    name, action = wish.action
    if elsewhere := run_elsewhere(draft, aim, wish):
        return Step(wish, name, aim, elsewhere)
    came = BY_NAME[name].size_up(action, aim, draft.seen, Clock(draft.now, draft.now))
    if isinstance(came, tuple):
        draft.ask(*came)
        return None
    return Step(wish, name, aim, came)


def sources(runbook: Runbook, labels: Mapping[str, str], given: Mapping[str, str]) -> dict[str, str]:
    """Where each value comes from, in words."""
    words = dict.fromkeys(given, "given")
    for each in runbook.spec.parameters or ():
        if each.name not in words and each.from_alert_label and labels.get(each.from_alert_label):
            words[each.name] = f"label {each.from_alert_label}"
    return words
