"""
Earlier incidents that are similar, and why: the same alert, Runbook, target, service, failure or factor classes. No guess, no LLM.

What is compared stands in Postmortems, which outlive their incidents (decisions 2.16), and only within one namespace: what went
on in another is not everybody's to read. Everything that was resolved has one, if only a short review; drills and what was
cancelled have none.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from stanch.api.incident import Incident
from stanch.api.incident_status import Effect, IncidentStatus
from stanch.api.meta import Severity
from stanch.api.names import EventKind, Label
from stanch.api.similar_status import (
    ALERTS_MAX,
    BY_HAND_MAX,
    FAILING_MAX,
    HELPED_MAX,
    SIMILAR_MAX,
    TARGETS_MAX,
    About,
    FailureSignature,
    Relations,
    SimilarIncident,
)
from stanch.core.attempts import begun
from stanch.core.draft import Draft, shorten
from stanch.core.lesson import Lesson, Mark
from stanch.core.recovery import attempt_is_open
from stanch.core.toil import deeds_by_hand

# What both may have, in words, and how much it says. There are seven factor classes: one of them in common is chance.
WEIGHTS: Final = {
    "alert": 3,
    "Runbook": 3,
    "target": 2,
    "service": 2,
    "failure": 2,
    "way to fail": 1,
    "factor class": 1,
}
# Reasons that most crashes have, or that are only what follows from them.
COMMON: Final = frozenset({"", "Error:1", "Error:2", "ContainersNotReady", "Running", "Pending", "NotReady"})
ENOUGH: Final = 2
_NAMED: Final = 3


def about(incident: Incident, status: IncidentStatus) -> About:
    """What an incident is about, by its spec and by ``status``: targets, or without any what its alerts name."""
    spec = incident.spec
    asked = (*(spec.targets or ()), *((status.runbook.targets if status.runbook else None) or ()))
    named = (status.alerts.targets if status.alerts else None) or ()
    targets = [str(t) for t in asked] or [f"{t.kind.value} {t.name}" for t in named]
    alerts = [a.name for a in (spec.alert_group.alerts if spec.alert_group else ()) if a.name]
    alerts += [s.name for s in spec.signals or ()]
    helped = (f"{r.action} of {r.target}" for r in status.mitigations or () if r.effect is Effect.HELPED)
    return About(
        service=spec.service,
        targets=tuple(dict.fromkeys(targets))[:TARGETS_MAX] or None,
        alerts=tuple(dict.fromkeys(shorten(a, 300) for a in alerts))[:ALERTS_MAX] or None,
        runbook=status.runbook.name if status.runbook else None,
        helped=tuple(dict.fromkeys(shorten(h, 300) for h in helped))[:HELPED_MAX] or None,
        by_hand=tuple(shorten(deed, 300) for deed in deeds_by_hand(status))[:BY_HAND_MAX] or None,
        failing=_failing(status),
        recurrence_of=spec.alert_group.recurrence_of if spec.alert_group else None,
    )


def _failing(status: IncidentStatus) -> tuple[FailureSignature, ...] | None:
    """Each way once, the first that was seen first."""
    found = {f"{s.container} {s.cause} {s.said}": s for e in reversed(status.evidence or ()) if (s := e.failing)}
    return tuple(reversed(found.values()))[:FAILING_MAX] or None


def _marks_of_failing(failing: Iterable[FailureSignature]) -> Iterable[Mark]:
    """What it said tells most; without that, a reason that is not everybody's."""
    for each in failing:
        way = shorten(f"{each.container} {each.cause}".strip(), 100)
        if each.said:
            yield "failure", shorten(f"{way}: {each.said}", 300)
        if each.cause not in COMMON:
            yield "way to fail", way


def marks_of(known: About, classes: Iterable[str] = ()) -> frozenset[Mark]:
    """What can be the same in another one."""
    one = (("service", known.service), ("Runbook", known.runbook))
    many = (("target", known.targets), ("alert", known.alerts), ("factor class", tuple(classes)))
    found = {(kind, name) for kind, name in one if name}
    found |= set(_marks_of_failing(known.failing or ()))
    return frozenset(found | {(kind, name) for kind, names in many for name in names or ()})


def lesson_of(body: Mapping[str, Any]) -> Lesson | None:
    """
    What a Postmortem (as the API server has it) says of its incident; None while nobody has looked at it, or it can't be read.

    Factor classes are those of a published text: a draft asks for them, and what is only to be published is nobody's finding yet.
    """
    status, spec, meta = body.get("status") or {}, body.get("spec") or {}, body["metadata"]
    facts = status.get("facts") or {}
    try:
        known, severity = About.model_validate(facts["about"]), Severity(facts["severity"])
    except (KeyError, ValueError):
        return None
    declared = (facts.get("times") or {}).get("declared") or meta["creationTimestamp"]
    classes = [str(f.get("class")) for f in spec.get("factors") or ()] if status.get("published") else []
    return Lesson(
        incident=str(spec.get("incident")),
        uid=str(facts.get("incidentUid") or (meta.get("labels") or {}).get(Label.INCIDENT_UID) or ""),
        postmortem=str(meta["name"]),
        declared=datetime.fromisoformat(str(declared)),
        severity=severity,
        marks=marks_of(known, classes),
        helped=known.helped or (),
        subject=known.service or next(iter(known.targets or ()), ""),
        by_hand=known.by_hand or (),
        recurrence_of=known.recurrence_of,
    )


def similar(
    mine: frozenset[Mark], lessons: Iterable[Lesson], uid: str, declared: datetime
) -> tuple[SimilarIncident, ...]:
    """Earlier ones, the most alike first and of those the newest; never itself, also not a second Postmortem of it."""
    found: dict[str, tuple[int, Lesson]] = {}
    for each in lessons:
        score = _score(mine & each.marks)
        if score < ENOUGH or each.uid == uid or each.declared >= declared:
            continue
        if each.uid not in found or found[each.uid][0] < score:
            found[each.uid] = (score, each)
    ranked = sorted(found.values(), key=lambda pair: (-pair[0], -pair[1].declared.timestamp(), pair[1].incident))
    return tuple(
        SimilarIncident(
            incident=each.incident,
            postmortem=each.postmortem,
            declared_time=each.declared,
            severity=each.severity,
            why=_why(mine & each.marks),
            helped=each.helped or None,
        )
        for _, each in ranked[:SIMILAR_MAX]
    )


def in_words(one: SimilarIncident) -> str:
    """`checkout-5xx of 2026-11-01 (SEV1): the same alert CheckoutBurn; then rolloutUndo of Deployment checkout helped`."""
    severity = f" ({one.severity.value})" if one.severity else ""
    helped = f"; then {', '.join(one.helped)} helped" if one.helped else ""
    return f"{one.incident} of {one.declared_time:%Y-%m-%d}{severity}: {', '.join(one.why)}{helped}"


def name_similar(draft: Draft) -> None:
    """
    Put what is similar into the record of an open incident, and tell of the most alike when it is another one.

    Never in the way: only when nothing begins and nothing is under way.
    """
    times = draft.status.times
    if times is None or times.resolved or times.cancelled or times.closed or not draft.seen.lessons:
        return
    if begun(draft.incident.status, draft.status) or draft.commands or attempt_is_open(draft):
        return
    mine = marks_of(about(draft.incident, draft.status))
    found = similar(mine, draft.seen.lessons, draft.incident.metadata.uid, draft.incident.declared)
    before = draft.status.relations.similar if draft.status.relations else ()
    if found == before:
        return
    draft.set(relations=Relations(similar=found) if found else None)
    if found and found[0].incident not in {each.incident for each in before}:
        text = f"Like {in_words(found[0])}. What was learned: Postmortem {found[0].postmortem}"
        draft.say(EventKind.SIMILAR_FOUND, text, event=True)


def _score(shared: frozenset[Mark]) -> int:
    return sum(WEIGHTS[kind] for kind, _ in shared)


def _why(shared: frozenset[Mark]) -> tuple[str, ...]:
    """`the same alert CheckoutBurn`, by how much each kind says; of many names the first three."""
    words = []
    for kind in WEIGHTS:
        names = sorted(name for of, name in shared if of == kind)
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        if names:
            words.append(shorten(f"the same {kind} {', '.join(names[:_NAMED])}{more}", 300))
    return tuple(words)
