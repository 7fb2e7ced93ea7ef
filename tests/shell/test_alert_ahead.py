"""What takes longer than a moment is written ahead and answered; it reaches its incident whatever dies, and nothing comes back."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from alert_api import OTHER, AlertApi
from alert_place import Place, placed, served
from alerts import alert, payload, print_of, states, told
from build import T0, Json
from stanch.core.alert_batches import Kept, body_of, note_of, read_batch
from stanch.core.alert_groups import read_known
from stanch.shell import alert_ahead
from stanch.shell.alert_ahead import Ahead
from stanch.shell.alert_lookup import NotStored
from stanch.shell.client import Kube
from stanch.shell.metrics import REGISTRY

OVER = T0 + timedelta(minutes=2)


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look follows the other; nobody else's batches are waited for."""
    for name, value in {"GAP_SECONDS": 0.0, "BUSY_SECONDS": 0.0, "LOOK_SECONDS": 0.01, "FIRST_SECONDS": 0.01}.items():
        monkeypatch.setattr(alert_ahead, name, value)
    monkeypatch.setattr(alert_ahead, "GRACE", timedelta(0))


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """Everything is written ahead that is not in its incident at once."""
    async with placed(AlertApi(), soon=0.0) as made:
        yield made
        made.api.gate.set()


async def until(so: Any) -> None:
    """The fake API server is asked as fast as it answers."""
    async with asyncio.timeout(60):
        while not so():  # noqa: ASYNC110 (the fake API server is no event)
            await asyncio.sleep(0.005)


def fires(api: AlertApi) -> dict[str, bool]:
    """Which alerts fire, in all incidents."""
    known = [read_known(body) for body in api.incidents.values()]
    return {name: now for k in known if k is not None for name, (_, now) in states(k.group).items()}


def refusing(api: AlertApi, code: int, *whats: str) -> None:
    """To any of these, until it is told otherwise."""
    said = {"kind": "Status", "message": "exceeded quota", "code": code}
    api.instead = lambda what, request: web.json_response(said, status=code) if what in whats else None


def waiting(state: str) -> float:
    """Batches in that state, as /metrics says."""
    return REGISTRY.get_sample_value("stanch_alert_batches", {"state": state}) or 0.0


def left(api: AlertApi, *notifications: Any, places: tuple[str, ...] = ("stanch-system",), at: Any = T0) -> Json:
    """A batch that somebody wrote who is no more."""
    notes = [note_of(Kept(places, each)) for each in notifications]
    return api.put_batch(body_of([note for note in notes if note is not None], at))


# --- answered before it is in its incident ---------------------------------------------------------------------------


async def test_what_takes_long_is_answered_once_it_is_kept(place: Place) -> None:
    """The incident is made afterwards, and the batch goes."""
    place.api.held = "create"
    code, said = await place.post(payload(alert()))
    assert (202, None, "stanch-system") == (code, said["incident"], said["namespace"])
    assert {} == place.api.incidents
    (body,) = place.api.batches.values()
    assert told(alert()).key == read_batch(body).kept[0].told.key
    place.api.gate.set()
    await until(lambda: not place.api.batches)
    assert {print_of(1): True} == fires(place.api)


async def test_what_is_quick_is_in_its_incident_when_it_is_answered() -> None:
    """And nothing is written ahead."""
    async with placed(AlertApi()) as place:
        code, said = await place.post(payload(alert()))
        assert (202, "inc-") == (code, said["incident"][:4])
        assert 0 == place.api.asked["create batch"]


async def test_many_of_many_groups_are_a_few_small_writes(place: Place) -> None:
    """What comes while one is written goes with the next, whatever its group."""
    place.api.held = "create,create batch"
    posts = [asyncio.create_task(place.post(payload(alert(n), group=f"g{n}"))) for n in range(20)]
    await until(lambda: place.api.asked["create"] == 20)
    assert not any(post.done() for post in posts), "nothing is answered that is stored nowhere"
    place.api.held = "create"
    place.api.gate.set()
    assert {202} == {code for code, _ in await asyncio.gather(*posts)}
    assert place.api.asked["create batch"] <= 4
    await until(lambda: not place.api.batches)
    assert 20 == len(fires(place.api))


async def test_a_batch_stays_until_all_of_it_is_in_incidents() -> None:
    """One of two is there: a kill would lose the other."""
    api = AlertApi()
    async with served(api.app()) as host, Kube(Configuration(host=host)) as kube:
        ahead = Ahead(kube, lambda: T0, _never_left, soon=0.0)
        later = asyncio.create_task(asyncio.Event().wait())
        gates = [asyncio.Event(), asyncio.Event()]
        ways = [asyncio.create_task(gate.wait()) for gate in gates]
        keep = [Kept(("stanch-system",), told(alert(n))) for n in range(2)]
        assert [True, True] == await asyncio.gather(
            *(ahead.first(w, _soon(k)) for w, k in zip(ways, keep, strict=True))
        )
        assert 1 == len(api.batches)
        gates[0].set()
        await ways[0]
        await ahead.first(later, _soon(Kept(("shop",), told(alert(3)))))
        assert 2 == len(api.batches), "whatever was to be deleted would be by now"
        gates[1].set()
        await until(lambda: len(api.batches) == 1)
        await ahead.close()


async def _never_left(_: Kept) -> None:
    raise AssertionError("nothing is left")


def _soon(kept: Kept) -> Callable[[], Awaitable[Kept]]:
    async def keep() -> Kept:
        return kept

    return keep


async def test_who_may_not_send_has_nothing_kept(place: Place) -> None:
    """The right is asked for before anything is stored, however long that takes."""
    place.api.held = "may"
    asking = asyncio.create_task(place.post(payload(alert()), OTHER))
    await until(lambda: place.api.asked["may"])
    place.api.gate.set()
    assert 403 == (await asking)[0]
    assert (0, {}) == (place.api.asked["create batch"], place.api.batches)


async def test_a_busy_api_server_is_asked_again(place: Place) -> None:
    """429 for the batch, and nothing is in its incident: nothing is answered until one of them is stored."""
    place.api.held = "create"
    refusing(place.api, 429, "create batch")
    asking = asyncio.create_task(place.post(payload(alert())))
    await until(lambda: place.api.asked["create batch"] > 3)
    assert not asking.done()
    place.api.instead = lambda what, request: None
    assert 202 == (await asking)[0]
    assert 1 == len(place.api.batches)


@pytest.mark.parametrize("code", [403, 404], ids=["no right", "no such kind"])
async def test_without_the_kind_or_the_right_it_is_answered_as_before(code: int) -> None:
    """Once it is in its incident."""
    api = AlertApi()
    refusing(api, code, "create batch", "list batches")
    async with placed(api, soon=0.0) as place:
        for number in range(3):
            answered, said = await place.post(payload(alert(number)))
            assert (202, "inc-") == (answered, said["incident"][:4])
        assert api.asked["create batch"] <= 1, "it is not asked for each time"


async def test_what_is_too_large_waits_for_its_incident(place: Place) -> None:
    """No batch has room for it."""
    code, said = await place.post(payload(*(alert(n) for n in range(800))))
    assert (202, "inc-") == (code, said["incident"][:4])
    assert 0 == place.api.asked["create batch"]


# --- killed, and others ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("held", ["create", "patch", "create batch", "delete batch"])
async def test_killed_at_any_time_nothing_that_was_answered_is_lost(held: str) -> None:
    """Again and again, while the API server holds one sort of request: what was answered fires in an incident in the end."""
    api = AlertApi()
    for life in range(4):
        api.held, api.gate = held, asyncio.Event()
        async with placed(api, soon=0.0) as place:
            numbers = range(5 * life, 5 * life + 5)
            posts = [place.post(payload(alert(n), group=f"g{n % 3}")) for n in numbers]
            assert {202} == {code for code, _ in await asyncio.gather(*posts)}
        # What the API server held is done by then, or it is not.
        if life % 2:
            api.held = ""
        api.gate.set()
    api.held = ""
    async with placed(api, soon=0.0):
        await until(lambda: not api.batches)
    assert {print_of(n): True for n in range(20)} == fires(api)


async def test_what_is_left_is_taken_in_at_the_start_and_again_changes_nothing() -> None:
    """Killed before it was in its incident, and killed after that, before its batch was deleted."""
    api = AlertApi()
    left(api, told(alert(1)), told(alert(2), group="another"))
    async with placed(api):
        await until(lambda: not api.batches)
    before = json.dumps(sorted(api.incidents.items()))
    assert 2 == len(api.incidents)
    left(api, told(alert(1)), told(alert(2), group="another"))
    async with placed(api):
        await until(lambda: not api.batches)
    assert before == json.dumps(sorted(api.incidents.items()))


async def test_what_is_left_is_taken_in_few_at_once() -> None:
    """A start after a storm is no storm of its own for the API server."""
    api, inside, most, gate = AlertApi(), 0, 0, asyncio.Event()

    async def fold(_: Kept) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        if most == alert_ahead.TOGETHER:
            # All that begin at once have begun: one more turn of the loop would show another.
            asyncio.get_running_loop().call_later(0.05, gate.set)
        await gate.wait()
        inside -= 1

    left(api, *(told(alert(n), group=f"g{n}") for n in range(50)))
    async with served(api.app()) as host, Kube(Configuration(host=host)) as kube:
        await Ahead(kube, lambda: T0, fold).look()
    assert (alert_ahead.TOGETHER, {}) == (most, api.batches)


async def test_two_replicas_take_in_the_same_at_once() -> None:
    """One incident a group, all alerts in it."""
    api = AlertApi()
    for number in range(6):
        left(api, told(alert(number), group=f"g{number % 2}"))
    async with placed(api), placed(api):
        await until(lambda: not api.batches)
    open_ones = [k for k in map(read_known, api.incidents.values()) if k is not None and k.over is None]
    assert 6 == len(fires(api))
    assert 2 == len({k.group.key for k in open_ones})


async def test_what_is_left_brings_nothing_back() -> None:
    """It ended long ago, and told that to another replica: told to fire before that, it is over still."""
    api = AlertApi()
    async with placed(api) as place:
        await place.post(payload(alert()))
        await place.post(payload(alert(end=OVER)))
        left(api, told(alert()))
        await until(lambda: not api.batches)
        assert {print_of(1): False} == fires(api)
        await place.post(payload(alert()))
        assert {print_of(1): True} == fires(api), "told now, it fires again"


# --- what can't be taken in ------------------------------------------------------------------------------------------


async def test_an_end_waits_for_what_it_ends() -> None:
    """That it fires was answered, and is in no incident yet: an end that nothing knows of would be forgotten."""
    api = AlertApi()
    left(api, told(alert()))
    refusing(api, 403, "create")
    async with placed(api) as place:
        await until(lambda: waiting("waiting"))
        code, said = await place.post(payload(alert(end=OVER)))
        assert (503, "something older of the group is on its way into its incident") == (code, said["message"])
        assert 202 == (await place.post(payload(alert(2, end=OVER), group="another")))[0], "of others nothing waits"
        api.instead = lambda what, request: None
        await until(lambda: not api.batches)
        assert 202 == (await place.post(payload(alert(end=OVER))))[0]
    assert {print_of(1): False} == fires(api)


async def looked(api: AlertApi, times: int = 3) -> None:
    """So many looks have been begun since, so all but one of them have ended."""
    before = api.asked["list batches"]
    await until(lambda: api.asked["list batches"] > before + times)


async def test_an_end_that_was_answered_waits_for_what_another_replica_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other one was killed with that it fires, and its batch is not due here when that of the end is."""
    api = AlertApi()
    async with placed(api, soon=0.0) as place:
        await looked(api)
        monkeypatch.setattr(alert_ahead, "GRACE", timedelta(days=9999))
        left(api, told(alert()))
        api.held = "get batch"
        assert 202 == (await place.post(payload(alert(end=OVER))))[0]
        assert 2 == len(api.batches)
        api.gate.set()
        await looked(api, 9)
        assert 2 == len(api.batches)
        monkeypatch.setattr(alert_ahead, "GRACE", timedelta(0))
        await until(lambda: not api.batches)
    assert {print_of(1): False} == fires(api)


@pytest.mark.parametrize("code", [403, 429, 500], ids=["no right", "busy", "broken"])
async def test_what_can_not_be_read_now_may_be_what_an_end_ends(code: int, caplog: pytest.LogCaptureFixture) -> None:
    """Neither an end that is told now is forgotten nor one that is left; it is told, once, and counted."""
    api = AlertApi()
    begins = left(api, told(alert()))["metadata"]["name"]
    left(api, told(alert(end=OVER)))
    said = {"kind": "Status", "message": "not now", "code": code}
    api.instead = lambda what, request: web.json_response(said, status=code) if request.path.endswith(begins) else None
    async with placed(api) as place:
        await looked(api)
        answered, words = await place.post(payload(alert(end=OVER)))
        assert (503, True) == (answered, "not now" in words["message"])
        await looked(api)
        assert (2, 2.0) == (len(api.batches), waiting("waiting"))
        assert 1 == sum("can't be read now" in record.message for record in caplog.records)
        api.instead = lambda what, request: None
        await until(lambda: not api.batches)
    assert {print_of(1): False} == fires(api)


async def test_an_end_reads_what_others_keep_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many ends there are of which nothing is known."""
    api = AlertApi()
    async with placed(api) as place:
        await looked(api)
        monkeypatch.setattr(alert_ahead, "GRACE", timedelta(days=9999))
        left(api, told(alert(1)))
        left(api, told(alert(2), group="another"))
        for number in range(3, 7):
            assert 202 == (await place.post(payload(alert(number, end=OVER), group=f"g{number}")))[0]
        assert 503 == (await place.post(payload(alert(2, end=OVER), group="another")))[0], (
            "as of the others it knows of it"
        )
        assert 2 == api.asked["get batch"]


async def test_an_end_waits_for_nothing_of_another_namespace() -> None:
    """The same group of another tenant, whose namespace is gone: neither an end that is told now waits nor one that is left."""
    api = AlertApi()
    stays = left(api, told(alert()), places=("gone",))
    left(api, told(alert(2, end=OVER)))
    async with placed(api) as place:
        await until(lambda: len(api.batches) == 1)
        assert 202 == (await place.post(payload(alert(end=OVER))))[0]
    assert [stays] == list(api.batches.values())


async def test_what_waits_for_one_namespace_leaves_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is gone: of what is for it no more is kept, of others as before."""
    monkeypatch.setattr(alert_ahead, "OF_ONE_MAX", 3)
    api, never = AlertApi(), asyncio.create_task(asyncio.Event().wait())
    for number in range(3):
        left(api, told(alert(number), group=f"g{number}"), places=("gone",))

    async def fold(_: Kept) -> None:
        raise NotStored("there is no namespace gone")

    async with served(api.app()) as host, Kube(Configuration(host=host)) as kube:
        ahead = Ahead(kube, lambda: T0, fold, soon=0.0)
        await ahead.look()
        assert not await ahead.first(never, _soon(Kept(("gone",), told(alert(4)))))
        assert await ahead.first(never, _soon(Kept(("shop",), told(alert(5)))))
        assert 4 == len(api.batches)
        await ahead.close()


async def test_ends_that_nothing_began_wait_for_nobody() -> None:
    """Two of one group are left, and nothing that they end."""
    api = AlertApi()
    left(api, told(alert(1, end=OVER)))
    left(api, told(alert(2, end=OVER)))
    async with placed(api):
        await until(lambda: not api.batches)
    assert {} == fires(api)


async def test_what_is_refused_is_told_and_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """A full quota: its batch stays and is tried again, in its order; what is for another namespace goes on."""
    api = AlertApi()
    left(api, told(alert(1)), told(alert(1, end=OVER)))
    left(api, told(alert(2), group="another"), places=("shop",))
    said = web.json_response
    full = {"kind": "Status", "message": "exceeded quota", "code": 403}
    api.instead = lambda what, request: (
        said(full, status=403) if what == "create" and "/stanch-system/" in request.path else None
    )
    async with placed(api):
        await until(lambda: waiting("waiting"))
        await until(lambda: len(api.batches) == 1)
        assert {print_of(2): True} == fires(api)
        assert "exceeded quota" in [getattr(r, "why", "") for r in caplog.records]
        api.instead = lambda what, request: None
        await until(lambda: not api.batches)
        await until(lambda: not waiting("waiting"))
    assert {print_of(1): False, print_of(2): True} == fires(api)


async def test_what_waits_is_told_once_for_each_reason(caplog: pytest.LogCaptureFixture) -> None:
    """It is tried every few seconds, each notification of it: that fills no log."""
    api = AlertApi()
    left(api, *(told(alert(n), group=f"g{n}") for n in range(3)))
    refusing(api, 403, "create")
    async with placed(api):
        await looked(api)
        said = [r for r in caplog.records if r.message == "alerts that were taken wait for their incident"]
        assert ["exceeded quota"] == [getattr(record, "why", "") for record in said]
        assert [[*api.batches]] == [[getattr(record, "batch", "")] for record in said]


async def test_what_can_not_be_read_is_told_once_and_kept(caplog: pytest.LogCaptureFixture) -> None:
    """A newer version wrote it: it stops nobody."""
    api = AlertApi()
    odd = left(api, told(alert(1)))
    odd["spec"]["notifications"][0]["told"] = '{"version": 9}'
    left(api, told(alert(2)))
    async with placed(api):
        await until(lambda: waiting("unreadable") and len(api.batches) == 1)
        looks = api.asked["list batches"]
        await until(lambda: api.asked["list batches"] > looks + 3)
    assert [odd] == list(api.batches.values())
    assert 1 == sum("can't be read" in r.message for r in caplog.records)
    assert {print_of(2): True} == fires(api)


async def test_a_namespace_that_is_gone_is_passed_over() -> None:
    """The next one where its sender may; where there is none it waits, and is told."""
    api = AlertApi()
    left(api, told(alert(1)), places=("gone", "shop"))
    stays = left(api, told(alert(2), group="another"), places=("gone",))
    async with placed(api):
        await until(lambda: waiting("waiting") and len(api.batches) == 1)
    assert [stays] == list(api.batches.values())
    assert ["shop"] == [namespace for namespace, _ in api.incidents]


async def test_what_failed_after_it_was_answered_is_tried_again(place: Place) -> None:
    """Its incident is refused once 202 has been said."""
    place.api.held = "create"
    assert 202 == (await place.post(payload(alert())))[0]
    refusing(place.api, 500, "create")
    place.api.gate.set()
    await until(lambda: waiting("waiting"))
    assert {} == place.api.incidents
    place.api.instead = lambda what, request: None
    await until(lambda: not place.api.batches)
    assert {print_of(1): True} == fires(place.api)
