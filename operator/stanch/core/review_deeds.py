"""What was done in incidents: what helped, what was taken back, and what is done by hand again and again."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.incident import Incident
from stanch.api.incident_status import Attempt, AttemptState, Effect, MitigationRecord
from stanch.api.names import SERVICE_ACCOUNT_PREFIX

RUNBOOK: Final = "Runbook/"
# So often the same by hand within so long is toil (decisions, seed 0): a machine could do it.
TOIL: Final = 3
TOIL_WITHIN: Final = timedelta(days=30)
_DONE: Final = frozenset({AttemptState.APPLIED, AttemptState.VERIFIED})


@dataclass(frozen=True, slots=True)
class Help:
    """How often one mitigation, or one Runbook, was tried, and what it did for users."""

    name: str
    tried: int
    helped: int
    no_effect: int
    worse: int
    unknown: int
    undone: int
    undo_took: timedelta | None


@dataclass(frozen=True, slots=True)
class Toil:
    """The same mitigation by hand again and again; ``runbook`` is a Runbook to begin with, as an object."""

    action: str
    target: str
    times: int
    incidents: tuple[str, ...]
    runbook: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Deeds:
    """By mitigation, by Runbook, and by hand."""

    mitigations: tuple[Help, ...]
    runbooks: tuple[Help, ...]
    toil: tuple[Toil, ...]


def applied(record: MitigationRecord) -> Attempt | None:
    """The attempt whose effect was seen, which no undo is."""
    done = (a for a in record.attempts or () if a.undoes is None and a.applied_time is not None)
    return next(done, None)


def undo_took(record: MitigationRecord) -> timedelta | None:
    """From the moment an undo was written down until it was verified."""
    ended = (
        a for a in record.attempts or () if a.undoes is not None and a.state is AttemptState.VERIFIED and a.ended_time
    )
    return next((a.ended_time - a.intended_time for a in ended if a.ended_time), None)


def deeds(incidents: Sequence[Incident]) -> Deeds:
    """Of incidents that are no drills."""
    done = [(i, r) for i in incidents for r in i.status.mitigations or () if applied(r)]
    actions: dict[str, list[MitigationRecord]] = defaultdict(list)
    runbooks: dict[str, list[MitigationRecord]] = defaultdict(list)
    for incident, record in done:
        actions[record.action].append(record)
        if record.source.startswith(RUNBOOK):
            runbooks[f"{incident.metadata.namespace}/{record.source.removeprefix(RUNBOOK)}"].append(record)
    return Deeds(
        tuple(_help(name, records) for name, records in sorted(actions.items())),
        tuple(_help(name, records) for name, records in sorted(runbooks.items())),
        tuple(_toil(done)),
    )


def _help(name: str, records: Sequence[MitigationRecord]) -> Help:
    effects = Counter(r.effect for r in records)
    took = [t for r in records if (t := undo_took(r)) is not None]
    return Help(
        name=name,
        tried=len(records),
        helped=effects[Effect.HELPED],
        no_effect=effects[Effect.NO_EFFECT],
        worse=effects[Effect.WORSE],
        unknown=effects[Effect.UNKNOWN] + effects[None],
        undone=sum(any(a.undoes and a.state in _DONE for a in r.attempts or ()) for r in records),
        undo_took=sorted(took)[(len(took) - 1) // 2] if took else None,
    )


def is_by_hand(record: MitigationRecord) -> bool:
    """Did a person ask for it, and no Runbook? What stanch itself adds for another mitigation is nobody's work."""
    by = record.requested_by or ""
    return not record.source.startswith((RUNBOOK, "For/")) and bool(by) and not by.startswith(SERVICE_ACCOUNT_PREFIX)


def is_toil(moments: Iterable[datetime]) -> bool:
    """Were there TOIL of them within any time as long as TOIL_WITHIN?"""
    ordered = sorted(moments)
    return any(last - first <= TOIL_WITHIN for first, last in zip(ordered, ordered[TOIL - 1 :], strict=False))


def _toil(done: Iterable[tuple[Incident, MitigationRecord]]) -> Iterable[Toil]:
    groups: dict[tuple[str, str, str], list[tuple[Incident, MitigationRecord]]] = defaultdict(list)
    for incident, record in done:
        if is_by_hand(record) and record.target is not None:
            groups[(record.action, incident.metadata.namespace, str(record.target))].append((incident, record))
    for (action, namespace, target), group in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        if is_toil(incident.declared for incident, _ in group):
            names = tuple(dict.fromkeys(incident.key for incident, _ in group))
            yield Toil(action, f"{namespace}/{target}", len(group), names, _skeleton(namespace, group[-1][1]))


def _skeleton(namespace: str, record: MitigationRecord) -> dict[str, Any]:
    """Mode Observe: it shows its plan and does nothing until somebody has read it, matched it and drilled it."""
    assert record.target is not None
    target = {"kind": record.target.kind.value, "name": record.target.name}
    wish, title = record.asked.wire(), f"{record.action} of {record.target}, so far by hand"
    return {
        "apiVersion": "stanch.dev/v1alpha1",
        "kind": "Runbook",
        "metadata": {"name": f"{record.name[:30]}-{record.target.name[:30]}".strip("-"), "namespace": namespace},
        "spec": {"title": title, "mode": "Observe", "targets": [target], "mitigations": [{**wish, "target": target}]},
    }
