"""Telling channels what stands in the outbox: against servers that drop, stall, refuse and lie; nothing lost, nothing twice."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from aiohttp import web

from build import T0, entry, incident
from http_server import serving
from smtp import relay
from stanch.api.policy import DEFAULT
from stanch.api.policy_sections import Channel
from stanch.core.questions import ENTRIES
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache
from stanch.shell.client import Reply
from stanch.shell.courier import AT_ONCE_EACH, Courier
from stanch.shell.metrics import REGISTRY
from stanch.shell.tenure import Tenure
from stanch.shell.way_out import send
from telling import channel, outbox, told
from world import bad_deploy

KEY = Key("incidents", "shop", "checkout-5xx")
HERE = "127.0.0.1"
HOOK = channel("hook", "Webhook", privateHost=HERE)
BOT = channel("bot", "Slack", privateHost=HERE)
USERS = channel("users", "Webhook", ["public"], privateHost=HERE)


class Server:
    """Keeps what it is told; ``answers`` are given in turn, then all is well."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[Any] = []
        self.stalls, self.arrived = asyncio.Event(), asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        answer = self.answers.pop(0) if self.answers else None
        body = json.loads(await request.read())
        self.arrived.set()
        if answer == "keep and drop":
            self.told.append((request.path, body))
        if answer in ("drop", "keep and drop"):
            assert request.transport
            request.transport.close()
            return web.Response()
        if answer == "stall":
            await self.stalls.wait()
        if answer is not None and answer != "stall":
            return answer() if callable(answer) else answer
        self.told.append((request.path, body))
        return web.json_response({"ok": True, "ts": f"17.{len(self.told)}", "channel": "C1"})


class Place:
    """An incident that is planned on paper, its outbox in a cache, and the courier between it and a server."""

    def __init__(self, url: str, server: Server, *channels: Channel) -> None:
        self.server, self.world = server, told(bad_deploy(incident(severity="SEV1")), *channels)
        self.cache, self.bells, self.gone = Cache(), Bells(), set[str]()
        self.secrets: dict[str, Mapping[str, str] | str] = {
            "hook": {"url": url, "key": "k" * 32},
            "users": {"url": f"{url}/users", "key": "k" * 32},
            "bot": {"token": "xoxb", "channel": "C1", "api": url},
        }
        self.seconds = 5.0
        self.courier = self.new_courier()

    def new_courier(self) -> Courier:
        """As after a restart: it remembers nothing."""

        async def secrets(name: str) -> Mapping[str, str] | str:
            return self.secrets[name]

        policy = lambda: self.world.catalog.policy  # noqa: E731
        quick = lambda sent, private, now: send(sent, private, now, self.seconds)  # noqa: E731
        kube: Any = SimpleNamespace(clock=SimpleNamespace(now=lambda: self.world.now), get=self._get)
        return Courier(kube, self.cache, self.bells, policy, secrets, quick)

    async def _get(self, path: str) -> Reply:
        found = next((e for e in self.world.entries if ENTRIES.path("shop", e.metadata.name) == path), None)
        gone = found is None or found.metadata.name in self.gone
        return Reply(404, {}) if gone else Reply(200, found.wire())

    def write(self) -> None:
        """The incident is looked at, and what is written is known."""
        self.world.deliveries = dict(self.courier.deliveries(KEY))
        self.world.look()
        meta, i = self.world.incident.metadata.wire(), self.world.incident
        self.cache.put(KEY, {"metadata": meta, "spec": i.spec.wire(), "status": i.status.wire()})

    async def tell(self) -> None:
        """One look at the outbox, and all that it began has ended."""
        self.courier.look()
        while tasks := [*self.courier._tasks.values()]:
            await asyncio.wait(tasks)

    async def until_quiet(self, tries: int = 80) -> None:
        """Write and tell until nothing waits; time passes to when it is tried again."""
        for _ in range(tries):
            self.write()
            waiting = outbox(self.world, "Pending")
            if not waiting:
                return
            later = [m.next_time for m in waiting if m.next_time is not None]
            self.world.now = max(self.world.now, min(later, default=self.world.now))
            await self.tell()

    def say(self, **said: Any) -> None:
        """A person says something now."""
        self.world.now += timedelta(seconds=2)
        self.world.say(entry("alice", after=self.world.now - T0, name=f"e{len(self.world.entries)}", **said))

    def ids(self) -> list[str]:
        """What the webhook took, by the ids of its events."""
        return [body["id"] for path, body in self.server.told if "id" in body]


@pytest.fixture
async def at() -> AsyncIterator[Callable[..., Place]]:
    """A place with channels."""
    server = Server()
    async with serving(server.handle) as url:
        yield lambda *channels: Place(url, server, *channels)
        server.stalls.set()


async def test_what_may_come_of_telling_is_counted_from_nought(at: Callable[..., Place]) -> None:
    """A number that is not there before its first event has no increase then, and no alert rule sees it."""
    place = at(channel("fresh", "Webhook", secret="hook"))
    place.courier.look()
    counted = ("delivered", "failed", "refused", "lost")
    found = [
        REGISTRY.get_sample_value("stanch_notifications_total", {"channel": "fresh", "outcome": o}) for o in counted
    ]
    assert [0.0] * 4 == found


async def test_nothing_is_sent_that_is_not_written_down(at: Callable[..., Place]) -> None:
    """Planned is not enough: first the record has it."""
    place = at(HOOK)
    await place.tell()
    assert [] == place.server.told
    place.write()
    await place.tell()
    assert [m.key for m in outbox(place.world)] == place.ids()


BAD_DAYS = {
    "drops": ["drop", "drop"],
    "broken": [web.Response(status=500)] * 3,
    "too many": [web.Response(status=429, headers={"Retry-After": "7"})],
    "a page of a proxy": [web.Response(status=503, text="<html>" * 50_000)],
    "stalls": ["stall"],
    "all of it": ["drop", web.Response(status=502), "stall", web.Response(status=429)],
}


@pytest.mark.parametrize("day", BAD_DAYS)
async def test_a_bad_day_loses_nothing_and_repeats_nothing(at: Callable[..., Place], day: str) -> None:
    """Each message is taken once, in order, however long it took."""
    place = at(HOOK)
    place.seconds, place.server.answers = 0.3, [*BAD_DAYS[day]]
    place.write()
    for level in ("SEV2", "SEV1"):
        place.say(severity={"level": level})
    await place.until_quiet()
    moments = [body["data"]["moment"] for _, body in place.server.told]
    assert ["Declared", "SeverityChanged", "SeverityChanged"] == moments
    assert 3 == len(set(place.ids()))
    assert {"Sent"} == {m.state.value for m in outbox(place.world)}
    assert [] == place.world.broken


async def test_what_was_kept_without_an_answer_comes_again_as_the_same(at: Callable[..., Place]) -> None:
    """The server has it and breaks off: who keeps the ids takes it once, and nothing after it is lost or told twice."""
    place = at(HOOK)
    place.server.answers = ["keep and drop", "keep and drop"]
    place.write()
    place.say(severity={"level": "SEV2"})
    await place.until_quiet()
    first, again, once_more, last = place.ids()
    assert first == again == once_more != last
    assert [first, last] == [m.key for m in outbox(place.world, "Sent")]


async def test_one_that_lies_is_believed_in_nothing(at: Callable[..., Place]) -> None:
    """200 and `ok: false`: tried again, until it is given up, and that is said."""
    place = at(BOT)
    place.server.answers = [lambda: web.json_response({"ok": False, "error": "internal_error"})] * 200
    await place.until_quiet(200)
    lost = [line.text for line in place.world.incident.status.timeline if line.kind == "NotDelivered"]
    assert "bot was not told Declared: chat.postMessage answers internal_error" == lost[0]
    assert "Sent" not in {m.state.value for m in outbox(place.world)}


async def test_the_headline_is_edited_and_the_thread_goes_on(at: Callable[..., Place]) -> None:
    """One message in the channel, whatever happens; all else below it."""
    place = at(BOT)
    await place.until_quiet()
    place.say(severity={"level": "SEV2"})
    place.say(take={"role": "commander"})
    await place.until_quiet()
    paths = [path for path, _ in place.server.told]
    assert ["/chat.postMessage", *["/chat.update", "/chat.postMessage"] * 2] == paths
    bodies = [body for _, body in place.server.told]
    assert {"17.1"} == {b.get("thread_ts") or b["ts"] for b in bodies[1:]}
    assert [None] == [b.get("thread_ts") for b in bodies[:1]]


async def test_a_headline_that_was_deleted_is_begun_anew(at: Callable[..., Place]) -> None:
    """And the message is not lost with it."""
    place = at(BOT)
    await place.until_quiet()
    place.say(severity={"level": "SEV2"})
    place.server.answers = [web.json_response({"ok": False, "error": "message_not_found"})]
    await place.until_quiet()
    assert ["/chat.postMessage"] * 2 == [path for path, _ in place.server.told]
    assert ["C1:17.2"] == [t.ref for t in place.world.incident.status.communications.channels]


# --- restarts and replicas -------------------------------------------------------------------------------------------


async def test_a_restart_sends_only_what_has_no_receipt(at: Callable[..., Place]) -> None:
    """Sent and not written down: once more, with the same key. Sent and written down: never."""
    place = at(HOOK)
    place.write()
    await place.tell()
    place.courier = place.new_courier()
    await place.until_quiet()
    assert (2, 1) == (len(place.ids()), len(set(place.ids())))
    place.courier = place.new_courier()
    for _ in range(3):
        await place.tell()
        place.write()
    assert 2 == len(place.ids())


async def test_what_is_known_here_is_not_sent_again_while_it_is_being_written(at: Callable[..., Place]) -> None:
    """The record is a moment behind."""
    place = at(HOOK)
    place.write()
    for _ in range(5):
        await place.tell()
    assert 1 == len(place.ids())


async def test_only_who_holds_the_lease_speaks(at: Callable[..., Place]) -> None:
    """Without a term nothing is sent; at its end what is on its way is cut off."""
    place, tenure = at(HOOK), Tenure()
    place.write()
    place.server.answers = ["stall"]

    async def work() -> None:
        await tenure.begun()
        async with tenure.term():
            await place.courier.run()

    working = asyncio.create_task(work())
    await asyncio.sleep(0)
    assert {} == place.courier._tasks
    tenure.extend(asyncio.get_running_loop().time() + 3600)
    await asyncio.wait_for(place.server.arrived.wait(), 5)
    tenure.end()
    await asyncio.wait_for(working, 5)
    assert ({}, []) == (place.courier._tasks, place.server.told)
    assert {} == place.courier.deliveries(KEY)


# --- a channel alone -------------------------------------------------------------------------------------------------


async def test_one_that_stalls_holds_up_no_other_and_no_decision(at: Callable[..., Place]) -> None:
    """The other channel is told, the incident goes on, and what stalls has two connections at most."""
    place = at(BOT, HOOK)
    place.write()
    place.courier.look()
    place.server.answers = ["stall"]
    await asyncio.wait_for(place.bells.take(), 5)
    place.write()
    place.say(severity={"level": "SEV2"})
    place.write()
    assert "SEV2" == place.world.incident.status.severity.level.value
    assert 1 == sum(m.state.value == "Sent" for m in outbox(place.world))
    assert all(turns <= AT_ONCE_EACH for turns in place.courier._turns.values())
    place.server.stalls.set()
    await place.until_quiet()
    assert [] == outbox(place.world, "Pending")


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        ("Secret stanch-system/hook is not there", "Secret stanch-system/hook is not there"),
        ({"url": "https://example.com"}, "Secret stanch-system/hook: the Secret has no key key"),
        ({"url": "http://10.0.0.1/hush", "key": "k" * 32}, "the webhook: it is not https"),
    ],
)
async def test_what_is_not_right_yet_is_tried_again_and_said(at: Callable[..., Place], secret: Any, why: str) -> None:
    """Somebody may put it right within the hour; the record says what is wrong and shows no address."""
    place = at(HOOK)
    good, place.secrets["hook"] = place.secrets["hook"], secret
    place.write()
    await place.tell()
    place.write()
    (message,) = outbox(place.world, "Pending")
    assert why in (message.why or "")
    assert "hush" not in (message.why or "")
    place.secrets["hook"] = good
    await place.until_quiet()
    assert 1 == len(place.ids())


async def test_before_the_channels_are_read_nobody_is_told(at: Callable[..., Place]) -> None:
    """And nothing is given up for want of a channel."""
    place = at(HOOK)
    place.write()
    told(place.world, None)
    await place.tell()
    place.write()
    assert (["Pending"], []) == ([m.state.value for m in outbox(place.world)], place.server.told)


async def test_a_channel_that_was_taken_away_is_given_up(at: Callable[..., Place]) -> None:
    """At once, with a line that says why."""
    place = at(HOOK)
    place.write()
    place.world.catalog = replace(place.world.catalog, policy=replace(DEFAULT, channels=(BOT,)))
    await place.tell()
    place.write()
    assert "has no channel hook any more" in place.world.incident.status.timeline[-1].text


# --- updates ---------------------------------------------------------------------------------------------------------


async def test_an_update_is_told_in_the_very_words_of_the_entry(at: Callable[..., Place]) -> None:
    """Longer than a line of the timeline; and the public hears nothing else."""
    place = at(USERS)
    place.write()
    words = "Some orders fail. " * 60
    place.say(update={"audience": "public", "state": "Identified", "nextUpdateIn": "20m"}, text=words)
    await place.until_quiet()
    ((path, body),) = place.server.told
    assert ("/users", "Service update: Identified") == (path, body["data"]["subject"])
    assert body["data"]["text"].startswith(words.strip())
    assert "Next update by 2026-11-21T" in body["data"]["text"]
    assert not [word for word in ("Checkout", "checkout-5xx", "alice", "SEV1") if word in json.dumps(body)]


@pytest.mark.parametrize("how", ["gone", "another"])
async def test_words_that_are_not_those_that_were_given_are_not_told(at: Callable[..., Place], how: str) -> None:
    """An entry that was deleted and made again with other words for others."""
    place = at(USERS)
    place.write()
    place.say(update={"audience": "public", "state": "Identified"}, text="Some orders fail")
    place.write()
    if how == "gone":
        place.gone.add("e0")
    else:
        said = {"audience": "internal", "state": "Identified"}
        place.world.entries = [entry("eve", name="e0", update=said, text="db-7 is on fire")]
    await place.tell()
    place.write()
    assert [] == place.server.told
    assert "users was not told UpdatePublished" in place.world.incident.status.timeline[-1].text


async def test_a_letter_goes_to_the_relay() -> None:
    """The whole way: from a declaration to a mailbox."""
    async with relay() as mail:
        place = Place("", Server(), channel("mail", "Email", privateHost=HERE))
        to = {"from": "stanch@example.com", "to": "a@example.com", "host": HERE, "tls": "None"}
        place.secrets["mail"] = {**to, "port": str(mail.port)}
        mail.instead = lambda word: "451 later" if word == "MAIL" and len(mail.commands) < 4 else None
        await place.until_quiet()
        assert 1 == len(mail.letters)
        assert b"Subject: [SEV1] Declared: Checkout returns 500s" in mail.letters[0]
