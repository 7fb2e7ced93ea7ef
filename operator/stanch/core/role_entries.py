"""
Hats: taken, handed over in two steps, accepted; two that several wear at once are only taken. A hat moves only by the word of
who wears it next, or by the spec.
"""

from pydantic.alias_generators import to_camel

from stanch.api.incident_status import RoleRecord
from stanch.api.names import EventKind
from stanch.api.people_status import HandoffRecord
from stanch.api.said import SHARED, SHARED_MAX, Summary
from stanch.api.timeline_entry import TimelineEntry
from stanch.core.approvals import is_machine
from stanch.core.draft import Draft, shorten
from stanch.core.spec_fold import put_role, void_offer
from stanch.core.statements import (
    Refused,
    commands,
    holder,
    is_closed,
    is_no_person,
    say_entry,
    source_of,
)


def take(draft: Draft, entry: TimelineEntry) -> Refused:
    """Any person may take a hat; who wore it is told. Experts and shadows join those who are there."""
    assert entry.spec.take is not None
    role = entry.spec.take.role.value
    if refused := is_closed(draft) or is_no_person(draft, entry):
        return refused
    if role in SHARED:
        return _joins(draft, entry, role)
    _wears(draft, entry, role)
    return None


def _joins(draft: Draft, entry: TimelineEntry, role: str) -> Refused:
    known = draft.status.roles or ()
    there = [r.user for r in known if r.role == role]
    if entry.author in there:
        return f"{entry.author} is {role} already"
    if len(there) >= SHARED_MAX:
        return f"{len(there)} people are {role} already, and the record holds no more"
    joined = RoleRecord(role=role, user=entry.author, since_time=entry.said, source=source_of(entry))
    draft.set(roles=(*known, joined))
    say_entry(draft, entry, EventKind.ROLE_JOINED, f"{entry.author} is {role}", event=True)
    return None


def hand_over(draft: Draft, entry: TimelineEntry) -> Refused:
    """Offered, with what must be known; the hat stays where it is until the named person accepts."""
    said = entry.spec.handoff
    assert said is not None
    role, now = said.role.value, holder(draft, said.role.value)
    if refused := is_closed(draft):
        return refused
    if now != entry.author and not commands(draft, entry):
        whose = f"{now} is {role}" if now else f"nobody is {role}"
        return (
            f"{whose}: to hand it over is for {'them' if now else 'its holder'} or the commander; or write a take entry"
        )
    if said.to == now:
        return f"{said.to} is {role} already"
    if is_machine(said.to, draft.catalog.policy):
        return f"{said.to} is a machine, and could not accept it"
    void = void_offer(draft, role)
    offer = HandoffRecord(role=role, to=said.to, by=entry.author, entry=entry.metadata.name, since_time=entry.said)
    draft.set(handoffs=(*(draft.status.handoffs or ()), offer))
    summary = said.summary
    more = f"; hypotheses: {shorten(summary.hypotheses, 60)}" if summary.hypotheses else ""
    told = f"impact: {shorten(summary.impact, 60)}; tried: {shorten(summary.tried, 60)}{more}; next: {shorten(summary.next, 60)}"
    told += _left_out(draft, summary)
    say_entry(draft, entry, EventKind.HANDOFF_OFFERED, f"{role} to {said.to}{void}. {told}", event=True)
    return None


def _left_out(draft: Draft, summary: Summary) -> str:
    """What is asked for, known to the record, and not said: told, never refused (decisions 2.5)."""
    promised = draft.status.communications.next_updates if draft.status.communications else None
    asked = {"hypotheses": draft.status.hypotheses, "next_update_time": promised}
    missing = [to_camel(name) for name, known in asked.items() if known and getattr(summary, name) is None]
    return f"; left out: {', '.join(missing)} (status.handoffDraft has them)" if missing else ""


def accept(draft: Draft, entry: TimelineEntry) -> Refused:
    """Only the named person, and only while it is offered."""
    said = entry.spec.accept
    assert said is not None
    if refused := is_closed(draft) or is_no_person(draft, entry):
        return refused
    offer = _offered(draft, said.handoff)
    if isinstance(offer, str):
        return offer
    if offer.to != entry.author:
        return f"{offer.role} is handed to {offer.to}: only they can accept it"
    void_offer(draft, offer.role)
    _wears(draft, entry, offer.role, " now")
    return None


def decline(draft: Draft, entry: TimelineEntry) -> Refused:
    """The named person can't: it is said at once, and who offered it looks for another. The hat never moved."""
    said = entry.spec.decline
    assert said is not None
    if refused := is_closed(draft):
        return refused
    offer = _offered(draft, said.handoff)
    if isinstance(offer, str):
        return offer
    if offer.to != entry.author:
        return f"{offer.role} is handed to {offer.to}: only they can decline it; who offered it offers it to another"
    void_offer(draft, offer.role)
    now = holder(draft, offer.role)
    still = f"; it stays {now}'s" if now else ""
    text = f"{offer.role}, offered by {offer.by}: {entry.author} can't take it{still}"
    say_entry(draft, entry, EventKind.HANDOFF_DECLINED, text, event=True)
    return None


def _offered(draft: Draft, name: str) -> HandoffRecord | str:
    """The offer that is meant, or why there is none."""
    offer = next((h for h in draft.status.handoffs or () if h.entry == name), None)
    if offer is not None:
        return offer
    waiting = ", ".join(f"{h.entry} ({h.role} to {h.to})" for h in draft.status.handoffs or ()) or "none"
    return f"no hand-off {name} is pending; pending: {waiting}"


def _wears(draft: Draft, entry: TimelineEntry, role: str, since: str = "") -> None:
    known = next((r for r in draft.status.roles or () if r.role == role), None)
    # What the spec said last is kept: saying the same again must not take the hat back.
    seen = known.spec_seen if known else None
    worn = RoleRecord(role=role, user=entry.author, since_time=entry.said, source=source_of(entry), spec_seen=seen)
    before = f", from {known.user}" if known and known.user != entry.author else ""
    void = put_role(draft, worn)
    say_entry(draft, entry, EventKind.ROLE_CHANGED, f"{entry.author} is {role}{since}{before}{void}", event=True)
