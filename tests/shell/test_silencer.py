"""Silences against an Alertmanager on loopback: made, renewed, ended; and no way leads anywhere else."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from alert_api import AlertApi
from alerts import GROUP, alert, told
from build import T0, Json, stamp
from stanch.api.alerts import AlertGroup
from stanch.api.names import Label
from stanch.api.policy import DEFAULT
from stanch.core.alert_groups import read_known
from stanch.core.alert_states import firing, merged
from stanch.core.alertmanager import Told
from stanch.core.silences import mark_of
from stanch.shell.alert_lookup import NotStored
from stanch.shell.alert_store import Stored
from stanch.shell.bells import Key
from stanch.shell.cache import Cache
from stanch.shell.client import Kube
from stanch.shell.secret_refs import SecretRefs
from stanch.shell.silencer import SAID_MAX, Alertmanager, NoAnswer, Silencer, SilencesAt

UID = "11111111-2222"


class Manager:
    """Alertmanager's API, as far as it is used."""

    def __init__(self) -> None:
        self.silences: dict[str, Json] = {}
        self.alerts: list[Json] = []
        self.asked: list[str] = []
        self.said_by: list[str] = []
        self.up = "2026-01-01T00:00:00.000Z"
        self.instead: Callable[[], web.Response] | None = None
        self.refused = ""

    async def handle(self, request: web.Request) -> web.Response:
        """One request."""
        self.asked.append(f"{request.method} {request.path_qs}")
        self.said_by.append(request.headers.get("Authorization", ""))
        if self.instead is not None:
            return self.instead()
        path = request.path.removeprefix("/am/api/v2/")
        said = await request.text()
        if self.refused and self.refused in f"{request.method} {request.path} {said}":
            return web.Response(status=400, text="bad matcher")
        if path == "status":
            return web.json_response({"uptime": self.up})
        if path == "alerts":
            return web.json_response(self.alerts)
        if path == "silences" and request.method == "POST":
            body = await request.json()
            name = body.get("id") or f"0000000{len(self.silences)}"
            self.silences[name] = {**body, "id": name, "status": {"state": "active"}}
            return web.json_response({"silenceID": name})
        if path.startswith("silence/"):
            self.silences[path.removeprefix("silence/")]["status"]["state"] = "expired"
            return web.Response()
        return web.json_response(list(self.silences.values()))


class Place:
    """All of it together."""

    def __init__(self, api: AlertApi, manager: Manager, silencer: Silencer, cache: Cache, at: Alertmanager) -> None:
        self.api, self.manager, self.silencer, self.cache, self.at = api, manager, silencer, cache, at

    def know(self, name: str = "inc-1", uid: str = UID, **times: str) -> None:
        """An incident that somebody took on, stored and known; with more times. One group for each name."""
        seen = told(alert(), group=f"{GROUP}/{name}")
        new = AlertGroup(key=seen.key, labels={"alertname": "ShopErrors"}, received_time=T0)
        meta = {"name": name, "namespace": "stanch-system", "labels": {Label.ALERT_GROUP: seen.key}}
        spec = {"title": "x", "alertGroup": merged(new, seen, T0).wire()}
        status = {"times": {"declared": stamp(T0), "acknowledged": stamp(T0), **times}}
        body = self.api.put({"metadata": meta, "spec": spec, "status": status}, uid=uid)
        self.cache.put(Key("incidents", "stanch-system", name), body)

    async def look(self) -> list[str]:
        """Look once; states of silences afterwards."""
        await self.silencer.look(self.at)
        return [s["status"]["state"] for s in self.manager.silences.values()]

    def firing(self, name: str = "inc-1") -> int:
        """How many alerts fire on the record."""
        known = read_known(self.api.incidents[("stanch-system", name)])
        assert known is not None
        return firing(known.group)


@pytest.fixture
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    """Alertmanager below a path, an API server, and a silencer between; with the Secret that the parameter names."""
    api, manager, runners, at = AlertApi(), Manager(), [], []
    below = web.Application()
    below.router.add_route("*", "/{path:.*}", manager.handle)
    for app in (api.app(), below):
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        runners.append(runner)
        at.append(f"http://127.0.0.1:{runner.addresses[0][1]}")
    async with Kube(Configuration(host=at[0])) as kube, aiohttp.ClientSession() as session:
        cache = Cache()
        where, secrets = SilencesAt(f"{at[1]}/am/", getattr(request, "param", "")), SecretRefs(kube)
        silencer = Silencer(where, kube, cache, lambda _: DEFAULT)
        yield Place(api, manager, silencer, cache, Alertmanager(where, session, secrets))
    for runner in runners:
        await runner.cleanup()


async def test_it_lives_as_long_as_the_incident_is_worked_on(place: Place) -> None:
    """Made once, not twice; ended when it is resolved."""
    place.manager.alerts = [{"fingerprint": alert()["fingerprint"]}]
    assert [] == await place.look()
    place.know()
    assert ["active"] == await place.look()
    assert ["active"] == await place.look()
    assert mark_of(UID) in next(iter(place.manager.silences.values()))["comment"]
    place.know(resolved=stamp(T0))
    assert ["expired"] == await place.look()


async def test_what_is_silenced_ends_on_the_record_too(place: Place) -> None:
    """Alertmanager has it no more, and tells nobody."""
    place.know()
    place.manager.alerts = [{"fingerprint": alert()["fingerprint"]}]
    await place.look()
    assert 1 == place.firing()
    place.manager.alerts = []
    await place.look()
    assert 0 == place.firing()


async def test_the_silences_of_others_stay(place: Place) -> None:
    """Also one that another cluster's stanch made."""
    for comment, by in (("maintenance", "ana"), (f"{mark_of('another')} x", "stanch")):
        silence = {"comment": comment, "createdBy": by, "id": by, "endsAt": stamp(T0), "status": {"state": "active"}}
        place.manager.silences[by] = silence
    place.know()
    assert ["active"] * 3 == await place.look()


async def test_no_answer_leads_elsewhere(place: Place) -> None:
    """A redirect is no answer, and an id is no path: only the one address is ever asked."""
    place.know()
    place.manager.instead = lambda: web.Response(status=302, headers={"Location": "http://169.254.169.254/"})
    with pytest.raises(NoAnswer, match="HTTP 302"):
        await place.look()
    for evil in ("../../status", "x?y", "http://169.254.169.254/", ""):
        with pytest.raises(NoAnswer, match="is no id"):
            await place.at.delete(evil)
    assert place.manager.asked
    assert all(" /am/api/v2/" in each for each in place.manager.asked)


STRANGE: dict[str, Callable[[], web.Response]] = {
    "500": lambda: web.Response(status=500),
    "html": lambda: web.Response(text="<html>"),
    "no list": lambda: web.json_response({"a": 1}),
    "no objects": lambda: web.json_response([1, None]),
    "huge": lambda: web.Response(body=b"[" + b" " * 5_000_000 + b"]"),
}


@pytest.mark.parametrize("answer", STRANGE.values(), ids=STRANGE)
async def test_a_strange_answer_does_no_harm(
    place: Place, answer: Callable[[], web.Response], caplog: pytest.LogCaptureFixture
) -> None:
    """Said once; nothing is raised, and nothing on the record changes."""
    place.know()
    place.manager.instead = answer
    before: Any = place.api.incidents[("stanch-system", "inc-1")]
    await place.silencer.look_and_say(place.at)
    assert before == place.api.incidents[("stanch-system", "inc-1")]
    assert [] == [r for r in caplog.records if r.exc_info]


# --- one that fails --------------------------------------------------------------------------------------------------

OTHER = "33333333-4444"
GONE = "55555555-6666"


@pytest.mark.parametrize("refused", [mark_of(UID), "silence/aaaaaaaa"], ids=["post", "delete"])
async def test_what_one_can_not_have_keeps_nothing_from_the_others(
    place: Place, refused: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Each silence by itself: the next one is made, what is over is ended, and alerts are heard of."""
    place.know()
    place.know("inc-2", uid=OTHER)
    wanted = {mark_of(UID): "active", mark_of(OTHER): "active"}
    for letter in "ab":
        place.know(f"over-{letter}", uid=GONE + letter, resolved=stamp(T0))
        silence = {"comment": mark_of(GONE + letter), "createdBy": "stanch", "id": letter * 8, "endsAt": stamp(T0)}
        place.manager.silences[letter * 8] = {**silence, "status": {"state": "active"}}
        wanted[mark_of(GONE + letter)] = "expired"
    if refused == mark_of(UID):
        del wanted[refused]
    else:
        wanted[mark_of(GONE + "a")] = "active"
    place.manager.refused = refused
    for _ in range(2):
        await place.silencer.look_and_say(place.at)
    there = place.manager.silences.values()
    assert wanted == {each["comment"].partition(":")[0] + ":": each["status"]["state"] for each in there}
    assert (0, 0) == (place.firing(), place.firing("inc-2"))
    assert 1 == len([r for r in caplog.records if r.name == "stanch.silences"])


@pytest.mark.parametrize("how", ["refused", "poison"])
async def test_what_can_not_be_heard_of_one_is_heard_of_the_others(
    place: Place, how: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The API server does not take it, or nobody thought of it: said once, until it is something else."""
    place.know()
    place.know("inc-2", uid=OTHER)
    take = place.silencer._store.take

    async def fails(namespace: str, said: Told) -> Stored:
        if said.title == "inc-1":
            raise NotStored("busy") if how == "refused" else ValueError("nobody thought of it")
        return await take(namespace, said)

    place.silencer._store.take = fails  # type: ignore[method-assign]  # one of two fails
    for _ in range(2):
        await place.silencer.look_and_say(place.at)
    assert (1, 0) == (place.firing(), place.firing("inc-2"))
    assert ["stanch-system/inc-1"] == [r.what for r in caplog.records if r.name == "stanch.silences"]


# --- with credentials ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["alertmanager"], indirect=True)
async def test_it_asks_with_the_secret_that_is_named(place: Place) -> None:
    """And with a new one as soon as the old one is refused."""
    place.api.secrets["alertmanager"] = {"token": "hush-1"}
    place.know()
    await place.look()
    assert {"Bearer hush-1"} == set(place.manager.said_by)
    place.api.secrets["alertmanager"] = {"username": "stanch", "password": "hush-2"}
    place.manager.instead = lambda: web.Response(status=401, text="who are you, hush-1?")
    with pytest.raises(NoAnswer, match="HTTP 401") as refused:
        await place.look()
    assert "hush" not in str(refused.value)
    place.manager.instead = None
    await place.look()
    assert place.manager.said_by[-1].startswith("Basic ")


@pytest.mark.parametrize("place", ["alertmanager"], indirect=True)
async def test_half_of_what_was_sent_is_told_to_nobody(place: Place) -> None:
    """Masked first and cut then: an answer may repeat it just where it is cut."""
    place.api.secrets["alertmanager"] = {"token": "hush-" + "1" * 40}
    place.know()
    place.manager.instead = lambda: web.Response(status=500, text="." * (SAID_MAX - 10) + "hush-" + "1" * 40)
    with pytest.raises(NoAnswer, match="HTTP 500") as refused:
        await place.look()
    assert "hush" not in str(refused.value)


@pytest.mark.parametrize("place", ["alertmanager"], indirect=True)
async def test_without_the_secret_nothing_is_asked(place: Place) -> None:
    """The words name it."""
    with pytest.raises(NoAnswer, match="Secret stanch-system/alertmanager is not there"):
        await place.look()
    assert [] == place.manager.asked
