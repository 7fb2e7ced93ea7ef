"""What is asked of the API server for a storm of alerts, and that what is remembered is never taken for what is stored."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
from aiohttp import web
from kubernetes.aio.client.configuration import Configuration

from alert_api import AlertApi
from alerts import alert, print_of, states, told
from build import T0, stamp
from stanch.api.names import Label
from stanch.api.policy import DEFAULT
from stanch.core.alert_groups import OPEN_MAX, read_known
from stanch.core.alert_states import firing
from stanch.core.alertmanager import Told
from stanch.shell.alert_lookup import NotStored
from stanch.shell.alert_store import AlertStore, Stored
from stanch.shell.bells import Key
from stanch.shell.cache import Cache
from stanch.shell.client import Kube

HERE = "stanch-system"


class Place:
    """A store, the API server behind it, and what a watch has told."""

    def __init__(self, api: AlertApi, kube: Kube) -> None:
        self.api, self.cache, self._kube = api, Cache(), kube
        self.begin_anew()

    def begin_anew(self, after: timedelta = timedelta(minutes=2)) -> None:
        """As after a restart: nothing is remembered. So long after the incidents were made."""
        self.store = AlertStore(self._kube, lambda _: DEFAULT, lambda: T0 + after, self.cache)

    async def take(self, *tolds: Told) -> list[Stored]:
        """All at once."""
        return await asyncio.gather(*(self.store.take(HERE, each) for each in tolds))

    async def asked(self, *tolds: Told) -> dict[str, int]:
        """What that costs, one after the other."""
        self.api.asked.clear()
        for each in tolds:
            await self.store.take(HERE, each)
        return dict(self.api.asked)

    def groups(self) -> list[int]:
        """How many alerts fire in each incident that is not over."""
        known = [read_known(body) for body in self.api.incidents.values()]
        return sorted(firing(k.group) for k in known if k is not None and k.over is None)

    def only(self) -> dict:
        """The one incident."""
        (body,) = self.api.incidents.values()
        return body


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    """Everything together."""
    api = AlertApi()
    runner = web.AppRunner(api.app(), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with Kube(Configuration(host=f"http://127.0.0.1:{runner.addresses[0][1]}")) as kube:
        made = Place(api, kube)
        yield made
        api.gate.set()
        await made.store.close()
    await runner.cleanup()


async def until_asked(place: Place, what: str) -> None:
    """Wait until the API server was asked for it."""
    await place.api.held_one.wait()
    assert place.api.asked[what]


# --- what it costs ---------------------------------------------------------------------------------------------------


async def test_fifty_at_once_are_two_writes(place: Place) -> None:
    """What comes while the first is written waits for it, and goes with the next one, all of it."""
    place.api.held = "create"
    first = asyncio.create_task(place.take(told(alert(0))))
    await until_asked(place, "create")
    rest = asyncio.create_task(place.take(*(told(alert(n)) for n in range(1, 50))))
    await asyncio.sleep(0)
    place.api.gate.set()
    await asyncio.gather(first, rest)
    # Their status is written meanwhile where an operator works; here it is not, so nothing has to be read again.
    assert (1, 1) == (place.api.asked["create"], place.api.asked["patch"])
    assert [50] == place.groups()


async def test_an_alert_more_is_one_request(place: Place) -> None:
    """A patch of what is remembered: no list, no read."""
    await place.take(told(alert(0)))
    assert {"patch": 5} == await place.asked(*(told(alert(n)) for n in range(1, 6)))


async def test_what_is_told_again_is_one_read(place: Place) -> None:
    """It may have been deleted."""
    await place.take(told(alert()))
    assert {"get": 3} == await place.asked(*[told(alert())] * 3)


async def test_what_was_kept_of_one_time_is_one_write(place: Place) -> None:
    """A storm that is left by a kill is no storm of writes; what was told much later goes by itself."""
    kept = [replace(told(alert(n)), received=T0 + timedelta(seconds=n // 10)) for n in range(40)]
    await place.take(kept[0])
    assert {"patch": 2} == await asked_for(place, *kept[1:], replace(told(alert(40)), received=T0 + timedelta(hours=1)))
    assert [41] == place.groups()


async def asked_for(place: Place, *tolds: Told) -> dict[str, int]:
    """What that costs, all at once."""
    place.api.asked.clear()
    await place.take(*tolds)
    return dict(place.api.asked)


async def test_what_was_kept_goes_alone(place: Place) -> None:
    """It is told as of another time than what waits beside it: joined with that, an alert that is over would fire again."""
    place.begin_anew(timedelta(hours=1))
    await place.take(told(alert(1)))
    await place.take(told(alert(1, end=T0 + timedelta(minutes=1))))
    place.api.held = "patch"
    first = asyncio.create_task(place.take(told(alert(2))))
    await until_asked(place, "patch")
    rest = asyncio.create_task(place.take(told(alert(3)), replace(told(alert(1)), received=T0), told(alert(4))))
    await asyncio.sleep(0)
    place.api.gate.set()
    await asyncio.gather(first, rest)
    assert [3] == place.groups()


async def test_after_a_restart_a_list_finds_it(place: Place) -> None:
    """Once a group."""
    await place.take(told(alert(0)))
    place.begin_anew()
    assert {"list": 1, "patch": 3} == await place.asked(*(told(alert(n)) for n in range(1, 4)))


async def test_what_another_wrote_costs_a_read(place: Place) -> None:
    """The patch is refused, for it is about another generation."""
    await place.take(told(alert(0)))
    place.only()["metadata"]["generation"] += 1
    assert {"patch": 2, "get": 1} == await place.asked(told(alert(1)))


async def test_a_status_that_is_written_meanwhile_costs_nothing(place: Place) -> None:
    """The operator writes it all the time, and alerts have no part in it until it is over."""
    await place.take(told(alert(0)))
    place.only()["status"] = {"times": {"declared": stamp(T0)}}
    assert {"patch": 2, "get": 1} == await place.asked(told(alert(1))), "the first one is seen once"
    place.only()["status"]["times"]["acknowledged"] = stamp(T0)
    assert {"patch": 3} == await place.asked(*(told(alert(n)) for n in range(2, 5)))


async def test_runbooks_are_read_once_for_all_groups_of_a_storm(place: Place) -> None:
    """Each group that has no incident yet asks for them."""
    await place.take(*(told(alert(n), group=f"g{n}") for n in range(10)))
    assert (10, 1) == (place.api.asked["create"], place.api.asked["runbooks"])


# --- stored, and only then answered ----------------------------------------------------------------------------------


async def test_who_waits_is_answered_when_it_is_stored(place: Place) -> None:
    """Those that wait for another's write are, too; and when it fails, all are told to come again."""
    await place.take(told(alert(0)))
    place.api.held = "patch"
    waiting = [asyncio.create_task(place.store.take(HERE, told(alert(n)))) for n in range(1, 10)]
    await until_asked(place, "patch")
    done, _ = await asyncio.wait(waiting, timeout=0.05)
    assert set() == done
    place.api.instead = lambda what, _: web.json_response({"message": "busy"}, status=429) if what == "patch" else None
    place.api.gate.set()
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert {NotStored} == {type(each) for each in answers}
    assert [1] == place.groups()
    place.api.instead = lambda what, _: None
    await place.take(*(told(alert(n)) for n in range(1, 10)))
    assert [10] == place.groups()


async def test_what_nobody_thought_of_is_an_answer_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Come again: who waits is not cancelled by it, for whoever looks after all silences waits here, too."""

    def fails(*_: object) -> None:
        raise ValueError("nobody thought of it")

    monkeypatch.setattr("stanch.shell.alert_store.decide", fails)
    answers = await asyncio.gather(*(place.store.take(HERE, told(alert(n))) for n in (1, 2)), return_exceptions=True)
    assert {NotStored} == {type(each) for each in answers}
    monkeypatch.undo()
    await place.take(told(alert(1)))
    assert [1] == place.groups()


async def test_who_gives_up_takes_nothing_from_the_others(place: Place) -> None:
    """A client that goes away while all wait for one write."""
    await place.take(told(alert(0)))
    place.api.held = "patch"
    waiting = [asyncio.create_task(place.store.take(HERE, told(alert(n)))) for n in range(1, 4)]
    await until_asked(place, "patch")
    waiting[0].cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await waiting[0]
    place.api.gate.set()
    assert {"inc"} == {str(each.incident)[:3] for each in await asyncio.gather(*waiting[1:])}
    assert [4] == place.groups()


# --- remembered is not stored ----------------------------------------------------------------------------------------


async def test_one_that_was_deleted_is_made_anew(place: Place) -> None:
    """Though all that is told stands in what is remembered of it."""
    await place.take(told(alert()))
    place.api.incidents.clear()
    await place.take(told(alert()))
    assert [1] == place.groups()


async def test_one_that_was_resolved_is_reopened_by_what_fires_anew(place: Place) -> None:
    """An alert in a record that is over would be heard of by nobody."""
    await place.take(told(alert(1)))
    place.only()["status"] = {"times": {"declared": stamp(T0), "resolved": stamp(T0 + timedelta(minutes=1))}}
    await place.take(told(alert(2, start=T0)))
    assert stamp(T0 + timedelta(minutes=2)) == place.only()["spec"]["alertGroup"]["reopenTime"]


async def test_one_that_is_being_deleted_gets_a_new_one(place: Place) -> None:
    """No field that the patch tests says so."""
    await place.take(told(alert(1)))
    name = place.only()["metadata"]["name"]
    place.only()["metadata"]["deletionTimestamp"] = stamp(T0)
    await place.take(told(alert(2, start=T0 + timedelta(minutes=1))))
    assert [1] == place.groups()
    assert name in {body["spec"]["alertGroup"].get("recurrenceOf") for body in place.api.incidents.values()}


async def test_of_two_that_a_watch_tells_of_the_older_takes_it(place: Place) -> None:
    """Another replica made one at the same time: the younger will cancel itself, and with it what is written there."""
    await place.take(told(alert(1)))
    mine = place.only()
    meta = {"name": "inc-other", "namespace": HERE, "labels": dict(mine["metadata"]["labels"])}
    older = place.api.put({"metadata": meta, "spec": mine["spec"]}, creationTimestamp=stamp(T0 - timedelta(seconds=1)))
    place.cache.put(Key("incidents", HERE, "inc-other"), older)
    (stored,) = await place.take(told(alert(2)))
    assert "inc-other" == stored.incident


async def test_of_two_made_in_one_second_the_one_that_stays_knows_all(place: Place) -> None:
    """The other was made first, and its name says that it goes."""
    await place.take(told(*(alert(n) for n in range(1, 21))))
    (other,) = place.api.incidents.values()
    place.api.incidents.clear()
    place.begin_anew()

    def at_the_same_time(what: str) -> None:
        if what == "create":
            place.api.incidents[(HERE, "inc-z")] = {**other, "metadata": {**other["metadata"], "name": "inc-z"}}

    place.api.before = at_the_same_time
    (stored,) = await place.take(told(alert(30)))
    known = read_known(place.api.incidents[(HERE, str(stored.incident))])
    assert known is not None
    assert ("inc-z", 21) == (max(name for _, name in place.api.incidents), firing(known.group))
    assert stored.incident != "inc-z"


@pytest.mark.parametrize("again", [False, True], ids=["at once", "told again"])
async def test_what_is_written_into_the_one_that_goes_is_written_into_the_other(place: Place, again: bool) -> None:
    """
    Another replica made one in the same second, whose name stays, and took over what ours knew; no watch told us of it yet. Also
    where the answer was lost between the two writes, and Alertmanager tells it again.
    """
    place.begin_anew(after=timedelta(seconds=3))
    await place.take(told(alert(1)))
    mine = place.only()
    meta = {"name": "inc-0", "namespace": HERE, "labels": dict(mine["metadata"]["labels"])}
    stays = place.api.put({"metadata": meta, "spec": mine["spec"]})
    busy = web.json_response({"message": "busy"}, status=429) if again else None
    place.api.instead = lambda what, _: busy if what == "list" else None
    if again:
        with pytest.raises(NotStored):
            await place.take(told(alert(1, end=T0), alert(2)))
        place.api.instead = lambda what, _: None
    (stored,) = await place.take(told(alert(1, end=T0), alert(2)))
    known = read_known(place.api.incidents[(HERE, "inc-0")])
    assert known is not None
    assert stays["metadata"]["name"] == stored.incident
    assert {print_of(1): False, print_of(2): True} == {name: fires for name, (_, fires) in states(known.group).items()}


async def test_whether_another_was_made_at_once_is_asked_while_there_may_be(place: Place) -> None:
    """With each write of the first seconds, and once after them."""
    place.begin_anew(after=timedelta(seconds=2))
    await place.take(told(alert(0)))
    assert {"patch": 2, "list": 2} == await place.asked(told(alert(1)), told(alert(2)))
    place.begin_anew(after=timedelta(seconds=5))
    await place.take(told(alert(3)))
    assert {"patch": 2} == await place.asked(told(alert(4)), told(alert(5)))


# --- a list that is behind -------------------------------------------------------------------------------------------


async def test_an_end_is_not_lost_to_a_list_that_is_behind(place: Place) -> None:
    """Where nothing has to be written, that is not believed before it was read as it is now."""
    await place.take(told(alert(1)))
    place.begin_anew()
    place.api.behind = {}
    await place.take(told(alert(1, end=T0 + timedelta(minutes=1))))
    assert [0] == place.groups()


@pytest.mark.parametrize("start", [T0, T0 + timedelta(minutes=5)], ids=["same name", "another name"])
async def test_a_list_that_is_behind_makes_no_second_one(place: Place, start) -> None:
    """Its name is taken, or it is seen that an older one is there: what was told goes into that."""
    await place.take(told(alert(1)))
    place.begin_anew()
    place.api.behind = {}
    (stored,) = await place.take(told(alert(2, start=start)))
    first = min(place.api.incidents.values(), key=lambda body: body["metadata"]["name"])
    assert first["metadata"]["name"] == stored.incident
    known = read_known(first)
    assert known is not None
    assert 2 == firing(known.group)


# --- room ------------------------------------------------------------------------------------------------------------


async def test_many_groups_at_once_find_no_more_room_than_there_is(place: Place) -> None:
    """Those that are being made count as well; the rest joins the storm, and none is lost."""
    await place.take(*(told(alert(n), group=f"g{n}") for n in range(OPEN_MAX + 10)))
    assert [1] * OPEN_MAX + [10] == place.groups()


async def test_one_that_is_over_leaves_its_room(place: Place) -> None:
    """Resolved, and not closed before its postmortem is."""
    await place.take(*(told(alert(n), group=f"g{n}") for n in range(OPEN_MAX)))
    for body in list(place.api.incidents.values())[:2]:
        body["status"] = {"times": {"resolved": stamp(T0)}}
    await place.take(told(alert(90), group="new"))
    assert [1] * (OPEN_MAX - 1) == place.groups()
    assert Label.CLOSED not in place.api.incidents[min(place.api.incidents)]["metadata"]["labels"]


async def test_an_end_hears_of_what_came_into_its_incident_while_it_asked(place: Place) -> None:
    """It was on its way when the incident was looked for, and nothing of it was left when that was asked."""
    await place.take(told(alert()))
    came = dict(place.api.incidents)
    place.api.incidents.clear()
    place.begin_anew()

    async def awaited(_: str, __: str) -> bool:
        place.api.incidents.update(came)
        return False

    place.store.awaited = awaited
    (stored,) = await place.take(told(alert(end=T0 + timedelta(minutes=1))))
    assert ("open", [0]) == (stored.why, place.groups())
