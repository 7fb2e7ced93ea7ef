"""
Who hears a line of the timeline: its audience, what the channel is for, and the incident's severity.

A pager is for people who sleep. It is not told of what is over, of a severity that fell, of a hat that the spec gives to
somebody, nor of what only a machine says: Git and a restore create again what was over long ago (decisions 1.1 F1 d).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from stanch.api.communications_status import CommunicationsRecord
from stanch.api.incident_status import TimelineLine
from stanch.api.names import OPERATOR_USER, EventKind
from stanch.api.outbox_status import RAISED_MAX, ToldChannel
from stanch.api.policy_sections import Channel, ChannelKind
from stanch.api.said import Audience
from stanch.core.approvals import is_machine
from stanch.core.draft import Draft
from stanch.core.notices import ALSO_HEARS, ENDS, HEARD

# What a kind of channel is for, when not for everything: a pager opens, is answered, and ends.
CARRIES: Final[Mapping[ChannelKind, frozenset[str]]] = {
    ChannelKind.PAGER_DUTY: frozenset(
        {
            EventKind.DECLARED,
            EventKind.SEVERITY_CHANGED,
            EventKind.REOPENED,
            EventKind.ACKNOWLEDGED,
            EventKind.ROLE_CHANGED,
            *ENDS,
        }
    ),
    # What changes how graphs look.
    ChannelKind.GRAFANA: frozenset(
        {
            EventKind.DECLARED,
            EventKind.SEVERITY_CHANGED,
            EventKind.MITIGATION_APPLIED,
            EventKind.MITIGATION_UNDONE,
            EventKind.MADE_IT_WORSE,
            EventKind.MITIGATED,
            EventKind.RELAPSED,
            EventKind.REOPENED,
            *ENDS,
        }
    ),
}
# What began longer before it was declared by a machine is no news (decisions 1.1 F1 d).
STILL_NEWS: Final = timedelta(hours=24)
# From the most precise words down, where a channel has several audiences.
_PRECISE: Final = (Audience.INTERNAL, Audience.LEADERSHIP, Audience.PUBLIC)


def audience_of(draft: Draft, channel: Channel, line: TimelineLine, known: ToldChannel | None) -> Audience | None:
    """For whom a channel is told of a line; None when it is not. ``known`` is what the channel has heard of, None of nothing."""
    if draft.incident.spec.drill:
        return None
    wanted = channel.severities is None or draft.severity in channel.severities or known is not None
    audience = next((a for a in _PRECISE if a in _hears(draft, line) and a in channel.audiences), None)
    return audience if wanted and _carries(draft, channel, line, known) else None


def paged(draft: Draft, channel: Channel, known: ToldChannel, kinds: list[str], behind: bool) -> ToldChannel:
    """A pager once it is to be told of lines of these kinds: the severity that it knows of, and how often that was raised."""
    if channel.kind is not ChannelKind.PAGER_DUTY:
        return known
    raised = EventKind.SEVERITY_CHANGED in kinds
    changes: dict[str, object] = {} if behind and not raised else {"severity": draft.severity}
    # Where it is the first thing that it hears it opens the incident's own page.
    if raised and known.severity is not None:
        changes["raised"] = min(RAISED_MAX, known.raised + 1)
    return known.model_copy(update=changes)


def _hears(draft: Draft, line: TimelineLine) -> frozenset[Audience]:
    if line.kind != EventKind.UPDATE_PUBLISHED:
        return HEARD.get(line.kind, frozenset())
    updates = (draft.status.communications or CommunicationsRecord()).updates or ()
    # Of very many at once the record knows the newest; those for the public stay, so what it forgot is the house's.
    return ALSO_HEARS[next((u.audience for u in updates if u.seq == line.seq), Audience.INTERNAL)]


def _carries(draft: Draft, channel: Channel, line: TimelineLine, known: ToldChannel | None) -> bool:
    wanted = CARRIES.get(channel.kind)
    if wanted is None:
        return True
    if channel.kind is not ChannelKind.PAGER_DUTY:
        return line.kind in wanted
    if _is_only_restored(draft):
        return False
    if line.kind == EventKind.SEVERITY_CHANGED:
        times = draft.status.times
        over = times is not None and (times.resolved or times.cancelled)
        before = known.severity if known is not None else None
        # For what is over, and for what is less than it was, nobody is woken up.
        return not over and (before is None or draft.severity < before)
    # Who is named in the spec has not said a word; who takes a hat has answered.
    return line.kind in wanted and (line.kind != EventKind.ROLE_CHANGED or line.entry is not None)


def _is_only_restored(draft: Draft) -> bool:
    """Made by a machine, with nothing that began within a day, and no person has said a word: recorded, and nobody is paged."""
    by, times = draft.incident.spec.declared_by, draft.status.times
    # Stanch itself makes them of alerts that fire now, however long they do.
    if by is None or by.username == OPERATOR_USER or not is_machine(by.username, draft.catalog.policy):
        return False
    if times is not None and times.acknowledged is not None:
        return False
    group = draft.incident.spec.alert_group
    began = [alert.starts_time for alert in (group.alerts if group else ())]
    began += [times.started] if times is not None and times.started is not None else []
    return not any(abs(draft.incident.declared - time) <= STILL_NEWS for time in began)
