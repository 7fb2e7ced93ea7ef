"""
What is to be told to which channel, written down before anybody sends it (decisions 2.10).

Each line of the timeline is looked at once. What came of sending is taken in by a later plan: a channel that is dead,
slow or hostile holds up no decision. What can't be delivered within an hour is given up, and the timeline says so.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final

from stanch.api.communications_status import CommunicationsRecord
from stanch.api.incident_status import TimelineLine
from stanch.api.names import EventKind
from stanch.api.outbox_status import (
    CHANNELS_MAX,
    UPDATES_MAX,
    WAITING_MAX,
    DeliveryState,
    Message,
    ToldChannel,
    UpdateRecord,
)
from stanch.api.policy_sections import Channel, ChannelKind
from stanch.api.said import Audience
from stanch.api.timeline_entry import TimelineEntry
from stanch.core.draft import Draft, shorten
from stanch.core.notices import ALSO_HEARS, ENDS, HEARD
from stanch.core.observations import Delivered, Delivery

# Doubled each time, from the first to the longest, and an hour in all.
FIRST_AGAIN: Final = timedelta(seconds=5)
LONGEST: Final = timedelta(minutes=5)
GIVE_UP: Final = timedelta(hours=1)
# A channel may ask for more patience than we would have; not for more than this.
AFTER_MAX: Final = timedelta(minutes=10)
ENDED_KEPT: Final = 8
WHY_MAX: Final = 200

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
# From the most precise words down, where a channel has several audiences.
_PRECISE: Final = (Audience.INTERNAL, Audience.LEADERSHIP, Audience.PUBLIC)


def keep_outbox(draft: Draft) -> None:
    """Take in what came of sending, and write down what is new to be told; the last thing that a plan says."""
    known = draft.status.communications
    record = known or CommunicationsRecord()
    messages, told = _taken_in(draft, record)
    seen_up_to = _seen_up_to(draft, record)
    channels = draft.catalog.policy.channels
    if channels is None:
        # Which channels there are is not read yet; what is said meanwhile is told then.
        record = record.model_copy(update={"told_up_to": seen_up_to})
    elif channels or record.told_up_to is not None:
        lines = [line for line in draft.status.timeline if line.seq > seen_up_to]
        new, told = _due(draft, channels, lines, told)
        messages = (*messages, *new)
        record = record.model_copy(update={"told_up_to": draft.status.last_seq})
    messages = _within_bounds(draft, messages)
    # What was given up just now is a line as well; nobody is told of it by a channel.
    if record.told_up_to is not None and channels is not None:
        record = record.model_copy(update={"told_up_to": draft.status.last_seq})
    record = record.model_copy(update={"outbox": messages or None, "channels": told or None})
    _put(draft, known, _when_closed(draft, record))


def note_update(draft: Draft, entry: TimelineEntry) -> None:
    """An update was given; its line is the newest of the timeline. Those for the public are the last to go."""
    said = entry.spec.update
    assert said is not None
    record = draft.status.communications or CommunicationsRecord()
    new = UpdateRecord(
        seq=draft.status.last_seq, entry=entry.metadata.name, audience=said.audience, state=said.state, time=entry.said
    )
    kept = [*(record.updates or ()), new]
    while len(kept) > UPDATES_MAX:
        kept.remove(next((u for u in kept if u.audience is not Audience.PUBLIC), kept[0]))
    draft.set(communications=record.model_copy(update={"updates": tuple(kept)}))


def waits(record: CommunicationsRecord | None) -> bool:
    """Is there anything that is still to be told?"""
    return record is not None and any(m.state is DeliveryState.PENDING for m in record.outbox or ())


def _put(draft: Draft, known: CommunicationsRecord | None, record: CommunicationsRecord) -> None:
    if waits(record):
        # With the label nobody would look at it any more, and it would not be told.
        draft.close = False
    empty = record == CommunicationsRecord()
    if known != record and not (known is None and empty):
        draft.set(communications=None if empty else record)


def _when_closed(draft: Draft, record: CommunicationsRecord) -> CommunicationsRecord:
    """A closed record is small; what the public was told stays, for the status page."""
    times = draft.status.times
    if times is None or times.closed is None or waits(record) or waits(draft.incident.status.communications):
        return record
    return record.model_copy(update={"outbox": None, "channels": None})


def _seen_up_to(draft: Draft, record: CommunicationsRecord) -> int:
    if record.told_up_to is not None:
        return record.told_up_to
    # Of an incident that was there before its channels nothing old is told.
    return 0 if draft.incident.status.times is None else draft.incident.status.last_seq


# --- what is due -----------------------------------------------------------------------------------------------------


def key_of(uid: str, channel: str, line: TimelineLine) -> str:
    """The same line told to the same channel has the same key, whoever works it out."""
    return hashlib.sha256(f"{uid}/{channel}/{line.kind}/{line.seq}".encode()).hexdigest()[:16]


def _due(
    draft: Draft, channels: Iterable[Channel], lines: Iterable[TimelineLine], told: tuple[ToldChannel, ...]
) -> tuple[list[Message], tuple[ToldChannel, ...]]:
    if draft.incident.spec.drill:
        return [], told
    by_name = {t.name: t for t in told}
    updates = {u.seq: u.audience for u in (draft.status.communications or CommunicationsRecord()).updates or ()}
    found = []
    for line in lines:
        hears = ALSO_HEARS[updates[line.seq]] if line.seq in updates else HEARD.get(line.kind, frozenset())
        for channel in channels:
            wanted = channel.severities is None or draft.severity in channel.severities or channel.name in by_name
            audience = next((a for a in _PRECISE if a in hears and a in channel.audiences), None)
            if audience is None or not wanted or not _carries(draft, channel, line):
                continue
            if channel.name not in by_name and len(by_name) < CHANNELS_MAX:
                by_name[channel.name] = ToldChannel(name=channel.name)
            found.append(
                Message(
                    key=key_of(draft.incident.metadata.uid, channel.name, line),
                    channel=channel.name,
                    moment=line.kind,
                    audience=audience,
                    seq=line.seq,
                    time=draft.now,
                    state=DeliveryState.PENDING,
                    entry=line.entry if line.seq in updates else None,
                )
            )
    return found, tuple(by_name.values())


def _carries(draft: Draft, channel: Channel, line: TimelineLine) -> bool:
    wanted = CARRIES.get(channel.kind)
    if wanted is None:
        return True
    if channel.kind is not ChannelKind.PAGER_DUTY:
        return line.kind in wanted
    times = draft.status.times
    over = times is not None and (times.resolved or times.cancelled)
    if line.kind == EventKind.SEVERITY_CHANGED and over:
        return False  # It would page again for what is over.
    # Who is named in the spec has not said a word; who takes a hat has answered.
    return line.kind in wanted and (line.kind != EventKind.ROLE_CHANGED or line.entry is not None)


# --- what came of it -------------------------------------------------------------------------------------------------


def _taken_in(draft: Draft, record: CommunicationsRecord) -> tuple[tuple[Message, ...], tuple[ToldChannel, ...]]:
    after: list[Message] = []
    told = {t.name: t for t in record.channels or ()}
    for message in record.outbox or ():
        delivery = draft.seen.deliveries.get(message.key)
        if delivery is None or message.state is not DeliveryState.PENDING or delivery.tries != message.tries:
            after.append(message)
            continue
        after.append(_with(message, delivery))
        if message.channel in told and (delivery.ref is not None or delivery.forget):
            told[message.channel] = told[message.channel].model_copy(update={"ref": delivery.ref})
    _tell_failed(draft, [m for m in after if m.state is DeliveryState.FAILED and _pending_before(draft, m)])
    return tuple(after), tuple(told.values())


def _pending_before(draft: Draft, message: Message) -> bool:
    record = draft.incident.status.communications
    return any(
        m.key == message.key and m.state is DeliveryState.PENDING for m in (record.outbox if record else None) or ()
    )


def _with(message: Message, delivery: Delivery) -> Message:
    if delivery.kind is Delivered.YES:
        return message.model_copy(update={"state": DeliveryState.SENT, "next_time": None, "why": None})
    why = shorten(delivery.why, WHY_MAX)
    now = delivery.time.replace(microsecond=0)
    failed = message.model_copy(update={"tries": message.tries + 1, "why": why, "next_time": None})
    after = min(AFTER_MAX, max(delivery.after or timedelta(0), pause(message.key, message.tries)))
    if delivery.kind is Delivered.NEVER or now + after > message.time + GIVE_UP:
        return failed.model_copy(update={"state": DeliveryState.FAILED})
    return failed.model_copy(update={"next_time": now + after})


def pause(key: str, tries: int) -> timedelta:
    """How long to wait after the (tries + 1)th failure; a share of it by the key, so that not all come back at once."""
    whole = min(LONGEST, FIRST_AGAIN * 2 ** min(tries, 10))
    share = int(hashlib.sha256(f"{key}/{tries}".encode()).hexdigest()[:4], 16) / 0xFFFF
    return timedelta(seconds=round(whole.total_seconds() * (0.5 + share / 2)))


def _tell_failed(draft: Draft, failed: list[Message]) -> None:
    """One line for what failed in the same way at the same channel."""
    groups: dict[tuple[str, str], list[str]] = {}
    for message in failed:
        groups.setdefault((message.channel, message.why or ""), []).append(message.moment)
    for (channel, why), moments in groups.items():
        words = ", ".join(dict.fromkeys(moments))
        many = f" ({len(moments)} messages)" if len(moments) > 1 else ""
        draft.say(EventKind.NOT_DELIVERED, f"{channel} was not told {words}{many}: {why}", event=True, warning=True)


def _within_bounds(draft: Draft, messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """A channel that is dead for long pushes out its own oldest messages, not another's; and that is told, too."""
    waiting = [m for m in messages if m.state is DeliveryState.PENDING]
    lost: list[Message] = []
    while len(waiting) > WAITING_MAX:
        fullest = Counter(m.channel for m in waiting).most_common(1)[0][0]
        victim = next(m for m in waiting if m.channel == fullest)
        waiting.remove(victim)
        lost.append(victim.model_copy(update={"state": DeliveryState.FAILED, "why": _NO_ROOM, "next_time": None}))
    _tell_failed(draft, lost)
    # Of one that was waiting when this plan began the record says what became of it.
    stays = {m.key: m for m in lost if _pending_before(draft, m)}
    gone = {m.key for m in lost} - stays.keys()
    kept = [stays.get(m.key, m) for m in messages if m.key not in gone]
    ended = [m for m in kept if m.state is not DeliveryState.PENDING and not _pending_before(draft, m)]
    old = {m.key for m in ended[: max(0, len(ended) - ENDED_KEPT)]}
    return tuple(m for m in kept if m.key not in old)


_NO_ROOM: Final = f"{WAITING_MAX} messages wait already, most of them for this channel"
