"""
Take in what the spec says (decisions 2.1): a value that is new is a statement now; the same value again changes nothing.

So a re-applied file, a Git push of the same content or a restore never takes back what people said since.
"""

from stanch.api.incident import Roles
from stanch.api.incident_status import RoleRecord, SeverityRecord, Times
from stanch.api.meta import Severity
from stanch.api.names import EventKind
from stanch.api.said import SHARED_MAX, Seat
from stanch.api.stamps import Stamped
from stanch.core.draft import Draft, shorten
from stanch.core.severity import Judged, facts_of
from stanch.core.stamps import stamp
from stanch.core.story import fold_hypotheses, fold_impact, not_then
from stanch.core.talk import name_channel

_SINGLE_ROLES = tuple(name for name in Roles.model_fields if name not in ("experts", "shadows"))


def fold_spec(draft: Draft) -> None:
    """Declaration first, then severity, roles, impact and hypotheses as far as the spec says something new."""
    if draft.status.times is None:
        _declare(draft)
    _severity(draft)
    _roles(draft)
    fold_impact(draft)
    fold_hypotheses(draft)
    name_channel(draft)


def declarer(draft: Draft) -> str:
    """Who created it, as admission stamped it."""
    stamped = draft.incident.spec.declared_by
    return stamped.username if stamped else "somebody"


def _declare(draft: Draft) -> None:
    spec, created = draft.incident.spec, draft.incident.declared
    started = spec.impact.started_time if spec.impact else None
    wrong = not_then(started, created) if started else ""
    by = declarer(draft)
    draft.set(times=Times())
    for what, time in (
        (Stamped.STARTED, None if wrong else started),
        (Stamped.DETECTED, created),
        (Stamped.DECLARED, created),
    ):
        stamp(draft, what, time, by, "Spec", created)
    level = spec.severity or _facts(draft).level or draft.catalog.policy.when_unknown
    draft.say(EventKind.DECLARED, f"{spec.title}, {level.value}", by=by, time=created, event=True)
    if wrong:
        draft.say(
            EventKind.IMPACT_CHANGED, f"Not taken from the spec: impact.startedTime {wrong}", by="spec", time=created
        )


def _severity(draft: Draft) -> None:
    said, known = draft.incident.spec.severity, draft.status.severity
    by = declarer(draft)
    if known is None:
        facts = _facts(draft)
        level = said or facts.level or draft.catalog.policy.when_unknown
        known_by = (f"set by {by}",) if said else facts.reasons or ("nothing known; a false SEV2 is cheap",)
        source = "Spec" if said else "Derived"
        record = SeverityRecord(
            level=level,
            source=source,
            since_time=draft.incident.declared,
            spec_seen=said,
            reasons=tuple(shorten(reason, 200) for reason in known_by),
        )
        draft.set(severity=record)
    elif said != known.spec_seen:
        changes: dict[str, object] = {"spec_seen": said}
        if said is not None and said != known.level:
            changes |= {"level": said, "source": "Spec", "since_time": draft.now, "reasons": ("changed in the spec",)}
            changes |= {"worst": worst_of(known, said)}
            draft.say(
                EventKind.SEVERITY_CHANGED, f"{known.level.value} to {said.value}, in the spec", by="spec", event=True
            )
        draft.set(severity=known.model_copy(update=changes))


def _facts(draft: Draft) -> Judged:
    return facts_of(draft.incident, draft.incident.spec.impact, draft.catalog.policy)


def worst_of(known: SeverityRecord, level: Severity) -> Severity | None:
    """The worst it ever was; None while that is what it is now. What it was once decides what is learned."""
    worst = min(known.worst or known.level, known.level, level)
    return worst if worst != level else None


def _roles(draft: Draft) -> None:
    said = draft.incident.spec.roles or Roles()
    for field in _SINGLE_ROLES:
        role = Roles.model_fields[field].alias or field
        _one_role(draft, role, getattr(said, field))
    _shared(draft, Seat.EXPERT.value, said.experts or ())
    _shared(draft, Seat.SHADOW.value, said.shadows or ())


def _shared(draft: Draft, role: str, named: tuple[str, ...]) -> None:
    """Several at once, of whom the spec names some: whom it names no more is none any more; who took it themselves, stays."""
    known = draft.status.roles or ()
    mine = [r for r in known if r.role == role]
    gone = [r for r in mine if r.source == "Spec" and r.user not in named]
    fresh = [user for user in dict.fromkeys(named) if all(r.user != user for r in mine)]
    fresh = fresh[: SHARED_MAX - len(mine) + len(gone)]
    if not gone and not fresh:
        return
    records = (RoleRecord(role=role, user=user, since_time=draft.now, source="Spec") for user in fresh)
    draft.set(roles=(*(r for r in known if r not in gone), *records) or None)
    for user in fresh:
        draft.say(EventKind.ROLE_JOINED, f"{user} is {role}", by=declarer(draft))
    for record in gone:
        draft.say(EventKind.ROLE_JOINED, f"{record.user} is {role} no more, by the spec", by="spec")


def _one_role(draft: Draft, role: str, user: str | None) -> None:
    known = next((r for r in draft.status.roles or () if r.role == role), None)
    if user is None or (known is not None and known.spec_seen == user):
        return
    record = RoleRecord(role=role, user=user, since_time=draft.now, source="Spec", spec_seen=user)
    void = put_role(draft, record)
    draft.say(EventKind.ROLE_CHANGED, f"{user} is {role}{void}", by=declarer(draft))


def put_role(draft: Draft, record: RoleRecord) -> str:
    """Set who wears a hat. An offer of it is void by that; returns the words that say so."""
    void = void_offer(draft, record.role)
    others = tuple(r for r in draft.status.roles or () if r.role != record.role)
    draft.set(roles=(*others, record))
    return void


def void_offer(draft: Draft, role: str) -> str:
    """Take an offer of this hat off the record; returns the words that say so."""
    offers = draft.status.handoffs or ()
    if all(h.role != role for h in offers):
        return ""
    draft.set(handoffs=tuple(h for h in offers if h.role != role) or None)
    return "".join(f" (the hand-off to {h.to} is void)" for h in offers if h.role == role)
