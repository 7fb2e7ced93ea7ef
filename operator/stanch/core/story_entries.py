"""What people see and say about it: notes, severity, impact, hypotheses, updates, a call for somebody else."""

from datetime import timedelta

from stanch.api import duration
from stanch.api.incident_status import SeverityRecord
from stanch.api.names import GROUP, EventKind
from stanch.api.said import Audience
from stanch.api.timeline_entry import TimelineEntry
from stanch.core.contacts import reach
from stanch.core.draft import Draft, shorten
from stanch.core.outbox import note_update
from stanch.core.promises import hear, heed
from stanch.core.spec_fold import worst_of
from stanch.core.statements import Refused, holder, is_closed, needs_right, say_entry, source_of
from stanch.core.story import began_wrong, in_words, merge_hypothesis, put_impact, said_fields
from stanch.core.update_findings import ask_back, findings, refused_as

# Who speaks with leadership (decisions 2.15).
SPEAKERS = ("commander", "communications", "executiveLiaison")


def note(draft: Draft, entry: TimelineEntry) -> Refused:
    """Words for the record."""
    kind = entry.spec.note.kind.value if entry.spec.note and entry.spec.note.kind else "Note"
    say_entry(draft, entry, EventKind.NOTE, kind)
    return None


def acknowledge(draft: Draft, entry: TimelineEntry) -> Refused:
    """Somebody is on it."""
    say_entry(draft, entry, EventKind.ACKNOWLEDGED, "Acknowledged", event=True)
    return None


def severity(draft: Draft, entry: TimelineEntry) -> Refused:
    """Up and down alike: a person's word stays until a person, or the spec, says another."""
    said, known = entry.spec.severity, draft.status.severity
    assert said is not None
    assert known is not None
    if refused := is_closed(draft):
        return refused
    record = SeverityRecord(
        level=said.level,
        source=source_of(entry),
        since_time=entry.said if said.level != known.level else known.since_time,
        spec_seen=known.spec_seen,
        reasons=(shorten(f"set by {entry.author}", 200),),
        worst=worst_of(known, said.level),
    )
    draft.set(severity=record)
    heed(draft, entry.said)
    if said.level == known.level:
        say_entry(draft, entry, EventKind.NOTE, f"Says {said.level.value}, which it is")
    else:
        text = f"{known.level.value} to {said.level.value}"
        say_entry(draft, entry, EventKind.SEVERITY_CHANGED, text, event=True)
    return None


def impact(draft: Draft, entry: TimelineEntry) -> Refused:
    """Field by field; what is left out stays as it was."""
    assert entry.spec.impact is not None
    fresh = said_fields(entry.spec.impact)
    if refused := began_wrong(draft, fresh, entry.said):
        return refused
    changed = put_impact(draft, fresh, source_of(entry), entry.said, entry.author)
    heed(draft, entry.said)
    say_entry(draft, entry, EventKind.IMPACT_CHANGED, changed or "As it was")
    return None


def hypothesis(draft: Draft, entry: TimelineEntry) -> Refused:
    """A new guess, or what became of one."""
    said = entry.spec.hypothesis
    assert said is not None
    if why := merge_hypothesis(draft, said, source_of(entry), entry.said):
        return why
    say_entry(draft, entry, EventKind.HYPOTHESIS_CHANGED, in_words(draft, said.name))
    return None


def update(draft: Draft, entry: TimelineEntry) -> Refused:
    """What people are told: it keeps the promise made to them and makes the next; the outbox tells the channels."""
    said = entry.spec.update
    assert said is not None
    if not entry.spec.text:
        return "it has no text: say what they are told"
    if said.next_update_in is not None and said.next_update_in <= timedelta(0):
        return f"update.nextUpdateIn must be more than 0s (got {duration.write(said.next_update_in)})"
    if refused := _may_speak(draft, entry, said.audience):
        return refused
    found = findings(draft, entry, said)
    if refused := refused_as(draft, said, found):
        return refused
    hear(draft, entry, said)
    promise = f", next in {duration.write(said.next_update_in)}" if said.next_update_in else ""
    text = f"{said.audience.value}, {said.state.value}{promise}"
    say_entry(draft, entry, EventKind.UPDATE_PUBLISHED, text, event=True)
    note_update(draft, entry)
    ask_back(draft, entry, said, found)
    return None


def _may_speak(draft: Draft, entry: TimelineEntry, audience: Audience) -> Refused:
    if audience is Audience.PUBLIC:
        # Asked at admission, too; but the policies may have been away then.
        why = f"{entry.author} may not tell the public: needs verb publish on updates.{GROUP} (ClusterRole stanch-publisher)"
        return needs_right(draft, entry, why, "publish", "updates")
    if audience is Audience.LEADERSHIP and entry.author not in {holder(draft, role) for role in SPEAKERS}:
        return (
            f"an update for leadership is for {', '.join(SPEAKERS)}; {entry.author} is none of them: write a take entry"
        )
    return None


def escalate(draft: Draft, entry: TimelineEntry) -> Refused:
    """On the record, as an Event, and to the internal channels, with how they are reached; nobody is paged by it."""
    assert entry.spec.escalate is not None
    if not entry.spec.text:
        return "it has no text: say what is needed"
    whom = shorten(reach(draft.catalog.policy, entry.spec.escalate.to), 160)
    say_entry(draft, entry, EventKind.ESCALATED, f"{whom} is needed", event=True)
    return None
