"""
What is to be told to which channel, written down before anybody sends it (decisions 2.10).

The timeline is the queue: each channel has a few messages in the outbox, and what has no room there waits in the timeline
until it has. What came of sending is taken in by a later plan: a channel that is dead, slow or hostile holds up no decision
and no other channel. What can't be delivered within an hour is given up, and so is what a channel that fails has no room
for; the timeline says so, and it is counted.
"""

import hashlib
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
from stanch.api.policy_sections import Channel
from stanch.api.said import Audience
from stanch.api.timeline_entry import TimelineEntry
from stanch.core.draft import Draft, shorten
from stanch.core.notices import ENDS
from stanch.core.observations import Delivered, Delivery
from stanch.core.who_hears import audience_of, paged

# Doubled each time, from the first to the longest, and an hour in all.
FIRST_AGAIN: Final = timedelta(seconds=5)
LONGEST: Final = timedelta(minutes=5)
GIVE_UP: Final = timedelta(hours=1)
# A channel may ask for more patience than we would have; not for more than this.
AFTER_MAX: Final = timedelta(minutes=10)
ENDED_KEPT: Final = 8
WHY_MAX: Final = 200
# Room in the outbox for one channel: they are told one after the other, and what ends makes room for what waits.
EACH_MAX: Final = 4
# What waits in the timeline stays in sight: of more for a channel that fails, or that is slower still, not all is told.
FAILING_MAX: Final = 16
SLOW_MAX: Final = 32
# What is given up last for such a channel: people act on these, or believe that others were told.
MATTERS: Final = frozenset(
    {
        EventKind.DECLARED,
        EventKind.SEVERITY_CHANGED,
        EventKind.APPROVAL_NEEDED,
        EventKind.MITIGATED,
        EventKind.RELAPSED,
        EventKind.REOPENED,
        EventKind.UPDATE_PUBLISHED,
        *ENDS,
    }
)
Heard = tuple[TimelineLine, Audience]
_Told = dict[str, ToldChannel]


def keep_outbox(draft: Draft) -> None:
    """Take in what came of sending, and write down what is new to be told; the last thing that a plan says."""
    known = draft.status.communications
    record = known or CommunicationsRecord()
    told = {t.name: t for t in record.channels or ()}
    messages = _taken_in(draft, record, told)
    seen_up_to = _seen_up_to(draft, record)
    channels = draft.catalog.policy.channels
    if channels is None:
        # Which channels there are is not read yet; what is said meanwhile is told then.
        record = record.model_copy(update={"told_up_to": seen_up_to})
    elif channels or record.told_up_to is not None:
        messages = (*messages, *_due(draft, channels, seen_up_to, messages, told))
        # What was given up just now is a line as well; nobody is told of it by a channel.
        record = record.model_copy(update={"told_up_to": draft.status.last_seq})
    messages = _without_old(draft, messages)
    record = record.model_copy(update={"outbox": messages or None, "channels": tuple(told.values()) or None})
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
    if record is None:
        return False
    pending = any(m.state is DeliveryState.PENDING for m in record.outbox or ())
    return pending or any(t.behind is not None for t in record.channels or ())


def waiting_lines(draft: Draft) -> set[int]:
    """Lines of the timeline that some channel is still to be told of."""
    record = draft.status.communications or CommunicationsRecord()
    pending = {m.seq for m in record.outbox or () if m.state is DeliveryState.PENDING}
    behind = {t.name: t for t in record.channels or () if t.behind is not None}
    channels = [c for c in draft.catalog.policy.channels or () if c.name in behind]
    return pending | {line.seq for c in channels for line, _ in heard_after(draft, c, behind[c.name], 0)}


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
    draft: Draft, channels: tuple[Channel, ...], seen_up_to: int, messages: tuple[Message, ...], told: _Told
) -> list[Message]:
    """
    What has room now, by line; what has none waits in the timeline, each channel's own apart from the others'.

    Each tells one thing after the other, so that a few have room is enough: whatever ended makes room in the same plan.
    """
    found: list[Message] = []
    each = max(1, min(EACH_MAX, WAITING_MAX // max(1, len(channels))))
    _forget_channels(draft, channels, told)
    for channel in channels:
        known = told.get(channel.name)
        mine = [m for m in messages if m.channel == channel.name and m.state is DeliveryState.PENDING]
        pending = sum(m.state is DeliveryState.PENDING for m in messages) + len(found)
        room = max(0, min(each - len(mine), CHANNELS_MAX - pending))
        heard = heard_after(draft, channel, known, seen_up_to)
        if not heard and known is None:
            continue
        now, later = heard[:room], heard[room:]
        waited = known is not None and known.behind is not None
        found += [_message(draft, channel, line, audience, waited) for line, audience in now]
        later = _worth_waiting(draft, channel, later, FAILING_MAX if any(m.tries for m in mine) else SLOW_MAX, told)
        known = told.get(channel.name) or ToldChannel(name=channel.name)
        known = known.model_copy(update={"behind": later[0][0].seq - 1 if later else None})
        told[channel.name] = paged(draft, channel, known, [line.kind for line, _ in now], bool(later))
    return sorted(found, key=lambda m: m.seq)


def heard_after(draft: Draft, channel: Channel, known: ToldChannel | None, seen_up_to: int) -> list[Heard]:
    """What a channel is told of the lines that are not in the outbox for it yet, and for whom it is worded."""
    behind = known.behind if known is not None else None
    after = seen_up_to if behind is None else behind
    given_up = (known.given_up if known is not None else None) or 0
    lines = (x for x in draft.status.timeline if x.seq > after and (x.seq > given_up or x.kind in MATTERS))
    heard = ((line, audience_of(draft, channel, line, known)) for line in lines)
    return [(line, audience) for line, audience in heard if audience is not None]


def _message(draft: Draft, channel: Channel, line: TimelineLine, audience: Audience, waited: bool) -> Message:
    # Its hour began when it happened; but of what could not be tried before there are several tries.
    since = min(draft.now, max(line.time, draft.now - GIVE_UP + LONGEST)) if waited else draft.now
    return Message(
        key=key_of(draft.incident.metadata.uid, channel.name, line),
        channel=channel.name,
        moment=line.kind,
        audience=audience,
        seq=line.seq,
        time=since,
        state=DeliveryState.PENDING,
        entry=line.entry if line.kind == EventKind.UPDATE_PUBLISHED else None,
    )


def _worth_waiting(draft: Draft, channel: Channel, later: list[Heard], most: int, told: _Told) -> list[Heard]:
    """Of more than may wait what matters, and the newest of that: the timeline would fill up for one channel."""
    if len(later) <= most:
        return later
    # Some room is left, so that this is not said again at the next line.
    kept = [each for each in later if each[0].kind in MATTERS][-(most * 3 // 4) :]
    seqs = {line.seq for line, _ in kept}
    known = told.get(channel.name) or ToldChannel(name=channel.name)
    told[channel.name] = known.model_copy(update={"given_up": later[-1][0].seq})
    lost = [line.kind for line, _ in later if line.seq not in seqs]
    _lose(draft, told, channel.name, f"{len(later)} others wait for it", lost)
    return kept


def _forget_channels(draft: Draft, channels: tuple[Channel, ...], told: _Told) -> None:
    """Of a channel that the policy has no more nothing waits; and only so many can be remembered."""
    there = {c.name for c in channels}
    gone = [name for name in told if name not in there]
    for name in gone:
        if told[name].behind is not None:
            told[name] = told[name].model_copy(update={"behind": None})
            _lose(
                draft, told, name, "the cluster's ResponsePolicy has no such channel any more", ["what waited for it"]
            )
    for name in gone[: max(0, len(there | set(told)) - CHANNELS_MAX)]:
        del told[name]


# --- what came of it -------------------------------------------------------------------------------------------------


def _taken_in(draft: Draft, record: CommunicationsRecord, told: _Told) -> tuple[Message, ...]:
    after: list[Message] = []
    failed: dict[tuple[str, str], list[str]] = {}
    for message in record.outbox or ():
        delivery = draft.seen.deliveries.get(message.key)
        if delivery is None or message.state is not DeliveryState.PENDING or delivery.tries != message.tries:
            after.append(message)
            continue
        now = _with(message, delivery)
        after.append(now)
        if now.state is DeliveryState.FAILED:
            failed.setdefault((now.channel, now.why or ""), []).append(now.moment)
        if message.channel in told and (delivery.ref is not None or delivery.forget):
            told[message.channel] = told[message.channel].model_copy(update={"ref": delivery.ref})
    for (channel, why), moments in failed.items():
        _lose(draft, told, channel, why, moments)
    return tuple(after)


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


def _lose(draft: Draft, told: _Told, channel: str, why: str, moments: list[str]) -> None:
    """One line for what was lost in the same way at the same channel; and each is counted."""
    if channel in told:
        told[channel] = told[channel].model_copy(update={"lost": told[channel].lost + len(moments)})
    words = ", ".join(dict.fromkeys(moments))
    many = f" ({len(moments)} messages)" if len(moments) > 1 else ""
    draft.say(EventKind.NOT_DELIVERED, f"{channel} was not told {words}{many}: {why}", event=True, warning=True)


def _without_old(draft: Draft, messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Of those that ended the last few; of one that was waiting when this plan began the record says what became of it."""
    ended = [m for m in messages if m.state is not DeliveryState.PENDING and not _pending_before(draft, m)]
    old = {m.key for m in ended[: max(0, len(ended) - ENDED_KEPT)]}
    return tuple(m for m in messages if m.key not in old)
