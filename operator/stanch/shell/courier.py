"""
Tells channels what stands in outboxes, by the replica that works; a later look at the incident writes down what came of it.

Nothing here decides, and nothing waits for it: a message is sent when it is on the record, and what is remembered here is
only that it was, until the record says so too. Whatever is forgotten is sent again, with the same key.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError

from stanch.api.incident import Incident
from stanch.api.incident_status import TimelineLine
from stanch.api.names import OPERATOR_NAMESPACE
from stanch.api.outbox_status import DeliveryState, Message
from stanch.api.policy import Policy
from stanch.api.policy_sections import Channel
from stanch.api.said import Audience
from stanch.api.timeline_entry import TimelineEntry
from stanch.core.notices import Record, render
from stanch.core.observations import Delivered, Delivery
from stanch.core.questions import ENTRIES, INCIDENTS
from stanch.notifiers import ALL
from stanch.notifiers.ports import Judged, Letter, Notice, Post, Reply, Unusable
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache
from stanch.shell.client import Kube, Unanswered
from stanch.shell.metrics import NOTIFICATIONS
from stanch.shell.way_out import send

LOG = logging.getLogger("stanch.courier")
EVERY_SECONDS: Final = 0.5
# One that stalls keeps its own waiting, and not the others.
AT_ONCE_EACH: Final = 2
AT_ONCE: Final = 64
OUTCOMES: Final = ("delivered", "failed", "refused", "lost")

# The values of a Secret by key, or a sentence why they can't be had.
Secrets = Callable[[str], Awaitable[Mapping[str, str] | str]]
Send = Callable[[Post | Letter, str | None, datetime], Awaitable[Reply]]
Policies = Callable[[], Policy]


class Gone(Exception):
    """What was to be told is not there any more."""


class Courier:
    """What is under way, and what came of it and is not written down yet."""

    def __init__(
        self, kube: Kube, cache: Cache, bells: Bells, policy: Policies, secrets: Secrets, send: Send = send
    ) -> None:
        """``policy`` is the cluster's, ``secrets`` reads one of the operator's namespace."""
        self._kube, self._cache, self._bells = kube, cache, bells
        self._policy, self._secrets, self._send = policy, secrets, send
        self._came: dict[Key, dict[str, Delivery]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._turns: dict[str, int] = {}

    def _now(self) -> datetime:
        return self._kube.clock.now().replace(microsecond=0)

    def deliveries(self, key: Key) -> Mapping[str, Delivery]:
        """What came of telling about an incident, by message."""
        return dict(self._came.get(key, {}))

    async def run(self) -> None:
        """For ever, until cancelled; what is on its way then is cut off, and told by whoever works next."""
        try:
            while True:
                self.look()
                await asyncio.sleep(EVERY_SECONDS)
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def look(self) -> None:
        """Begin what is due. Nobody is told anything before it is read which channels there are."""
        channels = self._policy().channels
        if channels is None:
            return
        there = {c.name: c for c in channels}
        _begin_at_nought(there)
        known = [key for key in self._cache.all() if key.plural == INCIDENTS.plural]
        for key in self._came.keys() - set(known):
            del self._came[key]
        for key in known:
            body = self._cache.get(key) or {}
            waiting = list(_waiting(body))
            self._forget(key, waiting)
            for message in _first_of_each(waiting):
                self._begin(key, body, message, there.get(message.channel))

    def _forget(self, key: Key, waiting: list[Message]) -> None:
        """What the record says by now need not be remembered."""
        tries = {m.key: m.tries for m in waiting}
        left = {k: d for k, d in self._came.get(key, {}).items() if tries.get(k) == d.tries}
        if left:
            self._came[key] = left
        else:
            self._came.pop(key, None)

    def _begin(self, key: Key, body: Mapping[str, Any], message: Message, channel: Channel | None) -> None:
        name = message.channel
        due = message.next_time is None or message.next_time <= self._now()
        told = message.key in self._came.get(key, {})
        busy = message.key in self._tasks or self._turns.get(name, 0) >= AT_ONCE_EACH or len(self._tasks) >= AT_ONCE
        if told or not due or busy:
            return
        self._turns[name] = self._turns.get(name, 0) + 1
        task = asyncio.create_task(self._deliver(key, body, message, channel))
        self._tasks[message.key] = task
        task.add_done_callback(lambda _: self._ended(message))

    def _ended(self, message: Message) -> None:
        self._tasks.pop(message.key, None)
        self._turns[message.channel] -= 1

    async def _deliver(self, key: Key, body: Mapping[str, Any], message: Message, channel: Channel | None) -> None:
        try:
            judged = await self._tell(body, message, channel)
        except Exception:  # one poison message must not stop the rest
            LOG.exception("a message can't be put into words", extra={"channel": message.channel, "key": message.key})
            judged = Judged(Delivered.NEVER, "stanch could not put it into words; this is a bug, report it")
        outcome = {Delivered.YES: "delivered", Delivered.AGAIN: "failed", Delivered.NEVER: "refused"}[judged.kind]
        NOTIFICATIONS.labels(message.channel, outcome).inc()
        told = {"channel": message.channel, "moment": message.moment, "key": message.key, "outcome": outcome}
        LOG.info("told a channel", extra={"incident": f"{key.namespace}/{key.name}", **told, "why": judged.why})
        self._came.setdefault(key, {})[message.key] = Delivery(
            tries=message.tries,
            kind=judged.kind,
            time=self._now(),
            why=judged.why,
            after=judged.after,
            ref=judged.ref,
            forget=judged.forget,
        )
        self._bells.ring(key)

    async def _tell(self, body: Mapping[str, Any], message: Message, channel: Channel | None) -> Judged:
        if channel is None:
            return Judged(Delivered.NEVER, f"the cluster's ResponsePolicy has no channel {message.channel} any more")
        try:
            incident = Incident.model_validate(body)
            record = await self._record(incident, message)
            notice = notice_of(incident, message, record, self._now())
            secret = await self._secrets(channel.secret)
            if isinstance(secret, str):
                return Judged(Delivered.AGAIN, secret)
            letters = ALL[channel.kind].compose(notice, secret)
        except Unusable as error:
            return Judged(Delivered.AGAIN, f"Secret {OPERATOR_NAMESPACE}/{channel.secret}: {error}")
        except Gone as error:
            return Judged(Delivered.NEVER, str(error))
        except (Unanswered, ValidationError) as error:
            LOG.warning("a message waits", extra={"channel": message.channel, "why": str(error)[:300]})
            return Judged(Delivered.AGAIN, "the incident or the entry can't be read now")
        judged = Judged(Delivered.NEVER, "nothing to send")
        for letter in letters:
            reply = await self._send(letter, channel.private_host, self._now())
            judged = ALL[channel.kind].judge(letter, reply)
            if judged.kind is not Delivered.YES:
                break
        return judged

    async def _record(self, incident: Incident, message: Message) -> Record:
        """What there is to say: the line of the timeline; of an update its whole text, from the entry."""
        line = _line_of(incident, message)
        severity = incident.status.severity
        record = Record(
            namespace=incident.metadata.namespace,
            name=incident.metadata.name,
            title=incident.spec.title,
            severity=severity.level.value if severity else "",
            line=incident.status.record or "",
            words=line.text if line else message.moment,
            by=line.by if line else "stanch",
            time=line.time if line else message.time,
        )
        return replace(record, **await self._update(incident, message)) if message.entry else record

    async def _update(self, incident: Incident, message: Message) -> dict[str, Any]:
        reply = await self._kube.get(ENTRIES.path(incident.metadata.namespace, message.entry))
        if reply.status == 404:
            raise Gone(f"TimelineEntry {message.entry} with the words is gone")
        if not reply.ok:
            raise Unanswered(reply.message)
        entry = TimelineEntry.model_validate(reply.body)
        said = entry.spec.update
        audience = next((u.audience for u in _updates(incident) if u.seq == message.seq), None)
        if said is None or entry.spec.incident != incident.metadata.name or said.audience is not audience:
            raise Gone(f"TimelineEntry {message.entry} is not the update that was given")
        until = entry.said + said.next_update_in if said.next_update_in else None
        words = {"words": entry.spec.text or "", "by": entry.author, "time": entry.said}
        return {**words, "told": said.audience, "state": said.state, "next_update": until}


def _begin_at_nought(names: Iterable[str]) -> None:
    """The first that is lost is an increase then, which an alert rule sees; counting nothing is as good as once."""
    for name in names:
        for outcome in OUTCOMES:
            NOTIFICATIONS.labels(name, outcome)


def notice_of(incident: Incident, message: Message, record: Record, now: datetime) -> Notice:
    """A message with its words; for the public nothing of the record."""
    public = message.audience is Audience.PUBLIC
    text = render(message.moment, message.audience, record)
    known = incident.status.communications
    told = next((t for t in (known.channels if known else None) or () if t.name == message.channel), None)
    return Notice(
        key=message.key,
        channel=message.channel,
        moment=message.moment,
        audience=message.audience,
        text=text,
        headline=text.subject if public else record.line,
        namespace=record.namespace,
        name=record.name,
        uid=incident.metadata.uid,
        title=text.subject if public else record.title,
        severity=record.severity,
        service=incident.spec.service or "",
        time=record.time,
        sent=now,
        ref=told.ref if told else None,
        raised=told.raised if told else 0,
    )


def _line_of(incident: Incident, message: Message) -> TimelineLine | None:
    return next((line for line in incident.status.timeline if line.seq == message.seq), None)


def _updates(incident: Incident) -> Iterable[Any]:
    return (incident.status.communications.updates if incident.status.communications else None) or ()


def _waiting(body: Mapping[str, Any]) -> Iterable[Message]:
    known = (body.get("status") or {}).get("communications") or {}
    for each in known.get("outbox") or ():
        if each.get("state") == DeliveryState.PENDING.value:
            try:
                yield Message.model_validate(each)
            except ValidationError:
                continue


def _first_of_each(waiting: Iterable[Message]) -> Iterable[Message]:
    """One after the other to each channel: an end that overtakes its beginning pages for ever."""
    first: dict[str, Message] = {}
    for message in waiting:
        first.setdefault(message.channel, message)
    return first.values()
